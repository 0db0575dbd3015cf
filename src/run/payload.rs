//! One payload by itself, outside any pipeline: opened, described, written in another format.

use std::collections::BTreeMap;
use std::io::{self, Read, Write};
use std::path::Path;

use arrow::array::{Array, ArrayRef, AsArray, RecordBatch};
use arrow::datatypes::{DataType, Float64Type, Int32Type, UInt64Type};
use arrow::ipc::writer::FileWriter;
use serde::Serialize;

use super::RunError;
use crate::decode::{self, CONF_STATUS, DecodeError, Format, Hints, OBS_FLAG, OBS_VALUE, Source, TIME_PERIOD, Table};
use crate::disk;
use crate::error::Hint;
use crate::fetch::{Client, FetchError, Request, Sink};
use crate::lake::PartitionWriter;
use crate::spec::Settings;

/// A payload that could not be decoded or written.
#[derive(Debug, thiserror::Error)]
pub enum PayloadError {
    /// It could not be decoded.
    #[error("`{name}` could not be decoded")]
    Decode {
        /// File or address.
        name: String,
        /// Why.
        source: DecodeError,
    },
    /// It could not be fetched.
    #[error(transparent)]
    Fetch(#[from] FetchError),
    /// A part of the program that it needs failed.
    #[error(transparent)]
    Run(#[from] RunError),
    /// The output could not be written.
    #[error("could not write the output")]
    Write(#[source] io::Error),
    /// Arrow refused the output.
    #[error("could not write the output")]
    Arrow(#[from] arrow::error::ArrowError),
}

impl Hint for PayloadError {
    fn hint(&self) -> Option<String> {
        match self {
            PayloadError::Decode { source, .. } => source.hint(),
            PayloadError::Fetch(error) => error.hint(),
            PayloadError::Run(error) => error.hint(),
            PayloadError::Write(_) | PayloadError::Arrow(_) => None,
        }
    }
}

/// A payload that is at hand: a file, or what came from elsewhere, kept in a file until this is dropped.
pub struct Payload {
    /// File or address, for messages.
    pub name: String,
    /// Its bytes.
    pub source: Source,
    /// Size in bytes, as it came.
    pub size_bytes: u64,
    _kept: Option<disk::Pending>,
}

/// Told of bytes that are read.
pub trait Meter: Send + Sync + 'static {
    /// So many more bytes have been read.
    fn read(&self, bytes: u64);
}

impl Payload {
    /// A file, `-` for standard input, or an http(s) address.
    pub fn open(name: &str, settings: &Settings, meter: std::sync::Arc<dyn Meter>) -> Result<Self, PayloadError> {
        let is_address = name.starts_with("https://") || name.starts_with("http://");
        let (path, kept) = if name == "-" || is_address {
            let mut pending = disk::Pending::create_private_in(&std::env::temp_dir()).map_err(RunError::from)?;
            match is_address {
                true => download(name, settings, &mut pending)?,
                false => io::copy(&mut io::stdin().lock(), &mut pending).map(drop).map_err(PayloadError::Write)?,
            }
            (pending.path().to_path_buf(), Some(pending))
        } else {
            (name.into(), None)
        };
        // Opened first: that it is not there is the likeliest thing to be wrong.
        disk::open(&path).map_err(RunError::from)?;
        let size_bytes = disk::size_bytes(&path).map_err(RunError::from)?;
        let source = Source::new(move || {
            let file = disk::open(&path).map_err(io::Error::other)?;
            Ok(Box::new(Metered { file, meter: meter.clone() }))
        });
        Ok(Payload { name: name.to_owned(), source, size_bytes, _kept: kept })
    }

    /// Decodes it; without a format it is recognised.
    pub fn table(&self, format: Option<Format>, hints: &Hints) -> Result<(Format, Table), PayloadError> {
        let wrong = |source| PayloadError::Decode { name: self.name.clone(), source };
        let format = match format {
            Some(format) => format,
            None => decode::detect(&self.source, hints).map_err(wrong)?,
        };
        let table = decode::open(format, &self.source, hints).map_err(wrong)?;
        Ok((format, table))
    }

    /// An error of a batch, with the payload's name.
    pub fn wrong(&self, source: DecodeError) -> PayloadError {
        PayloadError::Decode { name: self.name.clone(), source }
    }
}

struct Metered {
    file: disk::File,
    meter: std::sync::Arc<dyn Meter>,
}

impl Read for Metered {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.file.read(buffer)?;
        self.meter.read(read as u64);
        Ok(read)
    }
}

impl Sink for disk::Pending {
    fn restart(&mut self) -> io::Result<()> {
        self.clear()
    }
}

fn download(url: &str, settings: &Settings, into: &mut disk::Pending) -> Result<(), PayloadError> {
    let client = Client::new(settings.fetch.clone())?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(RunError::Threads)?;
    let request = Request { url: url.to_owned(), ..Request::default() };
    let budget = std::time::Duration::from_secs(settings.fetch.budget_secs);
    let response = runtime.block_on(client.get(&request, into, budget))?;
    Ok(response.check(url)?)
}

/// What a payload holds.
#[derive(Debug, Clone, Serialize)]
pub struct Description {
    /// Name of the format.
    pub format: String,
    /// The dataset's id.
    pub dataset: Option<String>,
    /// The title.
    pub title: Option<String>,
    /// When the source last changed it, as written.
    pub updated: Option<String>,
    /// What the figures are counted in.
    pub units: Option<String>,
    /// The dimensions, or the columns of a register, in their order.
    pub dimensions: Vec<DimensionDescription>,
    /// Rows, including those without a value.
    pub rows: u64,
    /// Rows without a value.
    pub missing: u64,
    /// Flags and how many rows have them.
    pub flags: BTreeMap<String, u64>,
    /// Confidentiality marks and how many rows have them.
    pub confidentiality: BTreeMap<String, u64>,
    /// First and last period.
    pub periods: Option<(String, String)>,
    /// Footnotes.
    pub notes: Vec<String>,
}

/// A dimension of a payload.
#[derive(Debug, Clone, Serialize)]
pub struct DimensionDescription {
    /// Its name.
    pub name: String,
    /// Its label.
    pub label: Option<String>,
    /// Distinct codes that rows have.
    pub size: usize,
    /// The first codes, with their labels.
    pub sample: Vec<(String, Option<String>)>,
}

/// Reads a table to its end and says what is in it. Columns of registers are counted, not shown.
pub fn describe(payload: &Payload, format: Format, table: Table) -> Result<Description, PayloadError> {
    let dimensions = match table.schema.index_of(OBS_VALUE) {
        Ok(value) => value,
        // The last two columns of a register are row and cell.
        Err(_) => table.schema.fields().len().saturating_sub(2),
    };
    let mut codes: Vec<indexed::Codes> = (0..dimensions).map(|_| indexed::Codes::default()).collect();
    let mut description = Description {
        format: format.name().to_owned(),
        dataset: table.metadata.dataset,
        title: table.metadata.title,
        updated: table.metadata.updated,
        units: table.metadata.units,
        dimensions: Vec::new(),
        rows: 0,
        missing: 0,
        flags: BTreeMap::new(),
        confidentiality: BTreeMap::new(),
        periods: None,
        notes: table.metadata.notes,
    };
    for batch in table.batches {
        let batch = batch.map_err(|error| payload.wrong(error))?;
        description.rows += batch.num_rows() as u64;
        for (codes, column) in codes.iter_mut().zip(batch.columns()) {
            codes.add(column);
        }
        if let Some(values) = batch.column_by_name(OBS_VALUE) {
            description.missing += values.null_count() as u64;
        }
        for (name, counts) in [(OBS_FLAG, &mut description.flags), (CONF_STATUS, &mut description.confidentiality)] {
            if let Some(column) = batch.column_by_name(name) {
                for row in (0..column.len()).filter(|row| column.is_valid(*row)) {
                    *counts.entry(text(column, row)).or_default() += 1;
                }
            }
        }
    }
    let is_register = table.schema.index_of(OBS_VALUE).is_err();
    for (codes, field) in codes.into_iter().zip(table.schema.fields()) {
        let name = field.name().clone();
        if name == TIME_PERIOD {
            let mut periods = codes.codes.clone();
            periods.sort();
            description.periods = periods.first().cloned().zip(periods.last().cloned());
        }
        let labels = table.metadata.labels.get(&name);
        let sample = codes.codes.iter().take(if is_register { 0 } else { 5 });
        description.dimensions.push(DimensionDescription {
            label: table.metadata.dimension_labels.get(&name).cloned(),
            size: codes.codes.len(),
            sample: sample.map(|code| (code.clone(), labels.and_then(|labels| labels.get(code)).cloned())).collect(),
            name,
        });
    }
    Ok(description)
}

mod indexed {
    //! Distinct codes in the order of their first row.

    use std::collections::HashSet;

    use super::{Array, ArrayRef, AsArray, DataType, Int32Type, text};

    #[derive(Default)]
    pub(super) struct Codes {
        pub codes: Vec<String>,
        seen: HashSet<String>,
    }

    impl Codes {
        pub fn add(&mut self, column: &ArrayRef) {
            if let DataType::Dictionary(..) = column.data_type() {
                // Each key of the batch is looked at once.
                let array = column.as_dictionary::<Int32Type>();
                let labels = array.values().as_string::<i32>();
                let mut used = vec![false; labels.len()];
                for key in array.keys().iter().flatten() {
                    let used = &mut used[key as usize];
                    if !*used {
                        *used = true;
                        self.keep(labels.value(key as usize));
                    }
                }
            } else {
                (0..column.len()).filter(|row| column.is_valid(*row)).for_each(|row| self.keep(&text(column, row)));
            }
        }

        fn keep(&mut self, code: &str) {
            if !self.seen.contains(code) {
                self.seen.insert(code.to_owned());
                self.codes.push(code.to_owned());
            }
        }
    }
}

/// One field as text: numbers in their shortest form, nothing where null.
pub fn text(column: &ArrayRef, row: usize) -> String {
    if column.is_null(row) {
        return String::new();
    }
    match column.data_type() {
        DataType::Float64 => column.as_primitive::<Float64Type>().value(row).to_string(),
        DataType::UInt64 => column.as_primitive::<UInt64Type>().value(row).to_string(),
        DataType::Utf8 => column.as_string::<i32>().value(row).to_owned(),
        _ => {
            let array = column.as_dictionary::<Int32Type>();
            array.values().as_string::<i32>().value(array.keys().value(row) as usize).to_owned()
        }
    }
}

/// Writes a table as Parquet (ZSTD, dictionary columns), with what the payload states besides its cells as the entry
/// `tejido.metadata`: the file appears whole or not at all.
pub fn write_parquet(payload: &Payload, table: Table, path: &Path) -> Result<u64, PayloadError> {
    let mut writer = PartitionWriter::create(path, table.schema.clone()).map_err(RunError::from)?;
    let stated = stated(&table);
    for batch in table.batches {
        writer.write(&batch.map_err(|error| payload.wrong(error))?).map_err(RunError::from)?;
    }
    let rows = writer.rows();
    writer.finish_plain(STATED, stated).map_err(RunError::from)?;
    Ok(rows)
}

/// The entry of a file's metadata that holds what the payload states besides its cells.
const STATED: &str = "tejido.metadata";

/// What the payload states besides its cells, as JSON.
fn stated(table: &Table) -> String {
    // Texts always have a JSON form.
    serde_json::to_string(&table.metadata).unwrap_or_default()
}

/// Gives `write` a file that appears under its name only when all of it is written.
pub fn write_file<T>(
    path: &Path,
    write: impl FnOnce(io::BufWriter<disk::File>) -> Result<T, PayloadError>,
) -> Result<T, PayloadError> {
    written(disk::Pending::create_in(folder_of(path)), path, write)
}

/// The same, readable by its owner only: what comes out of the archive may be of persons.
pub fn write_private_file<T>(
    path: &Path,
    write: impl FnOnce(io::BufWriter<disk::File>) -> Result<T, PayloadError>,
) -> Result<T, PayloadError> {
    written(disk::Pending::create_private_in(folder_of(path)), path, write)
}

fn folder_of(path: &Path) -> &Path {
    path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

fn written<T>(
    pending: Result<disk::Pending, disk::DiskError>,
    path: &Path,
    write: impl FnOnce(io::BufWriter<disk::File>) -> Result<T, PayloadError>,
) -> Result<T, PayloadError> {
    let pending = pending.map_err(RunError::from)?;
    let written = write(io::BufWriter::new(pending.handle().map_err(RunError::from)?))?;
    pending.commit(path).map_err(RunError::from)?;
    Ok(written)
}

/// The settings of the project, or those that the program was built with where there is no project.
pub fn settings(project: &Path, config: Option<&Path>) -> Result<Settings, RunError> {
    match disk::exists(&project.join("config/default.toml")) {
        true => Ok(Settings::load(project, config, None)?),
        false => Ok(Settings::embedded()?),
    }
}

/// Writes a table as comma-separated text with a header.
pub fn write_csv(payload: &Payload, table: Table, into: impl Write) -> Result<u64, PayloadError> {
    let failed = |error: csv::Error| PayloadError::Write(io::Error::other(error));
    let mut writer = csv::Writer::from_writer(into);
    writer.write_record(table.schema.fields().iter().map(|field| field.name())).map_err(failed)?;
    let mut rows = 0;
    for batch in table.batches {
        let batch = batch.map_err(|error| payload.wrong(error))?;
        for row in 0..batch.num_rows() {
            writer.write_record(batch.columns().iter().map(|column| text(column, row))).map_err(failed)?;
        }
        rows += batch.num_rows() as u64;
    }
    writer.flush().map_err(PayloadError::Write)?;
    Ok(rows)
}

/// Writes a table as an Arrow IPC file. Its dictionaries grow from batch to batch, which the file format
/// does not allow, so that columns are written as plain text.
pub fn write_arrow(payload: &Payload, table: Table, into: impl Write) -> Result<u64, PayloadError> {
    let plain = |schema: &arrow::datatypes::Schema| {
        let fields: Vec<_> = schema
            .fields()
            .iter()
            .map(|field| match field.data_type() {
                DataType::Dictionary(..) => field.as_ref().clone().with_data_type(DataType::Utf8),
                _ => field.as_ref().clone(),
            })
            .collect();
        let stated = std::collections::HashMap::from([(STATED.to_owned(), stated(&table))]);
        std::sync::Arc::new(arrow::datatypes::Schema::new_with_metadata(fields, stated))
    };
    let schema = plain(&table.schema);
    let mut writer = FileWriter::try_new(into, &schema)?;
    let mut rows = 0;
    for batch in table.batches {
        let batch = batch.map_err(|error| payload.wrong(error))?;
        let columns = batch.columns().iter().zip(schema.fields());
        let columns: Vec<ArrayRef> =
            columns.map(|(column, field)| arrow::compute::cast(column, field.data_type())).collect::<Result<_, _>>()?;
        rows += batch.num_rows() as u64;
        writer.write(&RecordBatch::try_new(schema.clone(), columns)?)?;
    }
    writer.finish()?;
    Ok(rows)
}
