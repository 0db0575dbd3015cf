//! Bytes of a payload → Arrow batches in the source's own codes. One file a format; no sockets, no
//! files, no codelists, no DuckDB.
//!
//! # The decoded table
//! Every decoder of statistics gives record batches of one schema (see [`observation_schema`]):
//! one dictionary-encoded column per dimension in the source's order, named and coded as in the
//! source; `time_period` where the source marks one; `obs_value`, null when missing; `obs_flag` and
//! `conf_status`, kept as written, null when none; `cell`, the byte offset of the value's first byte
//! in the decompressed payload. The source's missing marks are rows with a null value; a cell that
//! the source leaves out is no row.
//!
//! Registers of members and the like ([`delimited`] and [`workbook`] without the hint `value`) have no value column:
//! they give the declared columns as text, `row` (the line of the record's first byte, from 1) and `cell` (that byte's
//! offset).
//!
//! In a [`workbook`] there are no offsets: `cell` packs the sheet (16 bits), the row (32 bits) and the column (16 bits),
//! each from 0, of the value or of the record's first filled cell ([`workbook_cell`]); `row` is the row's number, from 1.
//!
//! # Adding a format
//! A file in this folder with `recognises` and `open`, a variant of [`Format`], and one line in `FORMATS`.

use std::collections::BTreeMap;
use std::sync::Arc;

use arrow::array::RecordBatch;
use arrow::datatypes::{DataType, Field, Schema, SchemaRef};

mod annotations;
mod columns;
mod decimal;
mod delimited;
mod error;
mod eurostat_tsv;
mod fields;
mod icane_json;
mod ine_csv;
mod ine_tempus;
mod ine_wide;
mod json;
mod jsonstat;
mod notice;
mod parallel;
mod payload;
mod pc_axis;
#[cfg(test)]
mod probe;
mod records;
mod reread;
mod sdmx_csv;
mod sdmx_json;
mod sdmx_ml;
mod selection;
mod workbook;
mod xml;
mod zip;

pub use annotations::annotations;
pub use error::{DecodeError, Place};
pub use notice::{Notice, notice};
pub use payload::Source;
pub use reread::{Reading, read_again};
pub use workbook::{pack_workbook_cell, workbook_cell};

/// Bumped whenever a decoder's output changes for the same bytes: lake partitions made by another
/// version are decoded again from the archive.
pub const DECODER_VERSION: u32 = 2;

/// A payload being decoded: what the source said about it, and its batches.
pub struct Table {
    /// What the payload states besides its cells.
    pub metadata: Metadata,
    /// The schema of every batch.
    pub schema: SchemaRef,
    /// The batches, in the payload's order; the first error ends them. Memory is bounded by a batch.
    pub batches: Box<dyn Iterator<Item = Result<RecordBatch, DecodeError>> + Send>,
}

/// What a payload states besides its cells.
#[derive(Debug, Clone, Default, PartialEq, Eq, serde::Serialize)]
pub struct Metadata {
    /// The dataset's id as the source writes it, such as `ISOC_R_EB_AIN2`.
    pub dataset: Option<String>,
    /// The source's title.
    pub title: Option<String>,
    /// When the source says that it last changed the data, as written.
    pub updated: Option<String>,
    /// What the figures are counted in, as written, where one unit holds for all of them.
    pub units: Option<String>,
    /// Dimension → its label, where the payload carries one.
    pub dimension_labels: BTreeMap<String, String>,
    /// Dimension → code → label, where the payload carries them.
    pub labels: BTreeMap<String, BTreeMap<String, String>>,
    /// Footnotes, as written.
    pub notes: Vec<String>,
}

/// What a decoder cannot know from the bytes alone. Everything may be left out; a decoder that needs a
/// hint says so in its error.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Hints {
    /// Character encoding by its WHATWG label, such as `windows-1252`; of PC-Axis also a DOS code page, such as
    /// `ibm850`. Default what the payload says, else UTF-8.
    pub encoding: Option<String>,
    /// `.` or `,`.
    pub decimal: Option<char>,
    /// Field separator of delimited text.
    pub separator: Option<char>,
    /// Delimited text and workbooks: the only columns that are decoded, by their header names; none names all of them.
    pub columns: Vec<String>,
    /// Delimited text and workbooks: the column that holds the observed value. With it the table is one of
    /// observations, without it a register.
    pub value: Option<String>,
    /// Of observations in delimited text and workbooks: the column that becomes `time_period`.
    pub time: Option<String>,
    /// Of observations in delimited text and workbooks: the column that becomes `obs_flag`.
    pub flag: Option<String>,
    /// Delimited text: the line of the header, from 1 (default 1). Workbooks: its row, from 1; default the first row that
    /// holds all the columns that the hints name or, where they name none, the first with two filled cells.
    pub header: Option<u32>,
    /// Which sheet of a workbook, by its name; default the only one that has cells.
    pub sheet: Option<String>,
    /// Structure-specific SDMX-ML: the names that are dimensions, in the table's order.
    pub dimensions: Vec<String>,
    /// Which dataset of a payload that holds several.
    pub dataset: Option<String>,
    /// Language of the labels, such as `es`, where the payload has several; default the payload's own.
    pub language: Option<String>,
    /// INE's Tempus JSON: the part of a series' name that is a dimension of its own.
    pub name_part: Option<NamePart>,
    /// The most bytes that decompression may give; the error names the setting.
    pub max_decoded_bytes: Option<u64>,
}

/// Which part of the names of series is a dimension, where the payload states it nowhere else. Names are never taken apart
/// without it, since labels may hold what stands between two parts.
#[derive(Debug, Clone, PartialEq, Eq, serde::Deserialize, serde::Serialize)]
#[serde(deny_unknown_fields)]
pub struct NamePart {
    /// What the dimension is called.
    pub dimension: String,
    /// What stands between two parts.
    pub separator: String,
    /// Of a name of so many parts, the number of the one that is taken, from 1. A name of any other number is an error.
    pub take: BTreeMap<String, usize>,
}

/// The formats that can be decoded, by the names that pipelines and `--format` use.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, serde::Deserialize, serde::Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Format {
    /// SDMX-CSV 1.0 and 2.0, of one structure or several.
    SdmxCsv,
    /// SDMX-JSON 1.0 and 2.0 data messages.
    SdmxJson,
    /// SDMX-ML 2.1 and 3.0 messages of data, generic and structure-specific.
    SdmxMl,
    /// JSON-stat 2.0 datasets and 1.x bundles.
    #[serde(rename = "json-stat")]
    JsonStat,
    /// Eurostat's bulk TSV: keys joined with commas, one column per period.
    EurostatTsv,
    /// INE's CSV, long (`csv_bdsc`, `csv_bd`) and wide (`csv_sc`, `csv_c`): labels without codes, decimal comma.
    IneCsv,
    /// INE's Tempus JSON: the replies of `DATOS_TABLA` and `DATOS_SERIE`.
    IneTempus,
    /// ICANE's own JSON: `headers`, and `data` nested one level a header.
    IcaneJson,
    /// Delimited text: registers, and observations with the hint `value`.
    Delimited,
    /// PC-Axis: `.px`, `.pc-axis`.
    PcAxis,
    /// A sheet of an XLSX workbook.
    Xlsx,
    /// A sheet of an OpenDocument workbook.
    Ods,
}

/// What the rooms need to know of a format.
struct Entry {
    format: Format,
    name: &'static str,
    /// How the names of its files end.
    extension: &'static str,
    /// Whether a payload that begins like this is of the format.
    recognises: fn(&[u8]) -> bool,
    open: fn(&Source, &Hints) -> Result<Table, DecodeError>,
}

impl Entry {
    const fn new(
        format: Format,
        name: &'static str,
        extension: &'static str,
        recognises: fn(&[u8]) -> bool,
        open: fn(&Source, &Hints) -> Result<Table, DecodeError>,
    ) -> Self {
        Entry { format, name, extension, recognises, open }
    }
}

/// A line a format, in the order in which they are tried on a payload: of two that would recognise the same bytes, the
/// one that asks for more comes first.
const FORMATS: [Entry; 12] = [
    Entry::new(Format::SdmxCsv, "sdmx-csv", "csv", sdmx_csv::recognises, sdmx_csv::open),
    Entry::new(Format::SdmxJson, "sdmx-json", "json", sdmx_json::recognises, sdmx_json::open),
    Entry::new(Format::SdmxMl, "sdmx-ml", "xml", sdmx_ml::recognises, sdmx_ml::open),
    Entry::new(Format::IcaneJson, "icane-json", "json", icane_json::recognises, icane_json::open),
    Entry::new(Format::IneTempus, "ine-tempus", "json", ine_tempus::recognises, ine_tempus::open),
    Entry::new(Format::JsonStat, "json-stat", "json", jsonstat::recognises, jsonstat::open),
    Entry::new(Format::EurostatTsv, "eurostat-tsv", "tsv", eurostat_tsv::recognises, eurostat_tsv::open),
    Entry::new(Format::PcAxis, "pc-axis", "px", pc_axis::recognises, pc_axis::open),
    Entry::new(Format::IneCsv, "ine-csv", "csv", ine_csv::recognises, ine_csv::open),
    Entry::new(Format::Xlsx, "xlsx", "xlsx", workbook::recognises_xlsx, workbook::open_xlsx),
    Entry::new(Format::Ods, "ods", "ods", workbook::recognises_ods, workbook::open_ods),
    // Nothing tells delimited text from any other text.
    Entry::new(Format::Delimited, "delimited", "csv", |_| false, delimited::open),
];

impl Format {
    /// All formats, in the order in which they are tried on a payload.
    pub fn all() -> impl Iterator<Item = Format> {
        FORMATS.iter().map(|entry| entry.format)
    }

    /// The names of all formats, with commas between them.
    pub fn names() -> String {
        FORMATS.map(|entry| entry.name).join(", ")
    }

    /// Its name in pipelines and on the command line.
    pub fn name(self) -> &'static str {
        self.entry().name
    }

    /// How the names of its files end.
    pub fn extension(self) -> &'static str {
        self.entry().extension
    }

    /// The format of this name.
    pub fn from_name(name: &str) -> Option<Self> {
        FORMATS.iter().find(|entry| entry.name == name).map(|entry| entry.format)
    }

    fn entry(self) -> &'static Entry {
        // A test holds that each format has its line; the first one stands in for none.
        FORMATS.iter().find(|entry| entry.format == self).unwrap_or(&FORMATS[0])
    }
}

/// Bytes that are looked at to recognise a format.
const HEAD_BYTES: usize = 1 << 16;

/// Recognises the format of a payload by how it begins.
pub fn detect(source: &Source, hints: &Hints) -> Result<Format, DecodeError> {
    let head = source.head(hints, HEAD_BYTES)?;
    let text = head.strip_prefix(b"\xef\xbb\xbf").unwrap_or(&head).trim_ascii_start();
    FORMATS.iter().find(|entry| (entry.recognises)(text)).map(|entry| entry.format).ok_or_else(|| DecodeError::Format {
        expected: "a format that can be told by how it begins".into(),
        found: notice::looks_like(&head),
        hint: Some(notice::what_to_do(&head, &format!("say which one it is: {} (any plain table)", Format::names()))),
    })
}

/// The first line of a payload, without its end.
fn first_line(head: &[u8]) -> &[u8] {
    head.split(|byte| *byte == b'\n').next().unwrap_or_default().trim_ascii_end()
}

/// Opens a payload: decompresses it (gzip, zstd and a ZIP of one entry are recognised by their magic bytes), looks at its
/// head, and gives its metadata and an iterator of batches.
///
/// ```
/// use tejido::decode::{Format, Hints, Source, open};
/// let text = "DATAFLOW,LAST UPDATE,geo,TIME_PERIOD,OBS_VALUE\nESTAT:X(1.0),01/01/26 11:00:00,ES13,2025,10.99\n";
/// let table = open(Format::SdmxCsv, &Source::from_bytes(text.as_bytes()), &Hints::default())?;
/// assert_eq!(table.metadata.dataset.as_deref(), Some("X"));
/// # Ok::<(), tejido::decode::DecodeError>(())
/// ```
pub fn open(format: Format, source: &Source, hints: &Hints) -> Result<Table, DecodeError> {
    let table = (format.entry().open)(source, hints).map_err(|error| error.located(source, hints))?;
    let Table { metadata, schema, mut batches } = table;
    let (source, hints) = (source.clone(), hints.clone());
    // Rows that a decoder held when it met an error are no part of the table, whoever asks on.
    let mut is_over = false;
    let batches = std::iter::from_fn(move || {
        if is_over {
            return None;
        }
        let batch = batches.next().map(|batch| batch.map_err(|error| error.located(&source, &hints)));
        is_over = !matches!(batch, Some(Ok(_)));
        batch
    });
    Ok(Table { metadata, schema, batches: Box::new(batches) })
}

/// Schema of a decoded table of observations with these dimensions and further attributes.
pub fn observation_schema(dimensions: &[String], attributes: &[String]) -> SchemaRef {
    let dictionary = || DataType::Dictionary(Box::new(DataType::Int32), Box::new(DataType::Utf8));
    let mut fields: Vec<Field> = dimensions.iter().map(|name| Field::new(name, dictionary(), false)).collect();
    fields.push(Field::new(OBS_VALUE, DataType::Float64, true));
    fields.push(Field::new(OBS_FLAG, dictionary(), true));
    fields.push(Field::new(CONF_STATUS, dictionary(), true));
    fields.extend(attributes.iter().map(|name| Field::new(name, dictionary(), true)));
    fields.push(Field::new(CELL, DataType::UInt64, false));
    Arc::new(Schema::new(fields))
}

/// Rows of a batch, where a format has no blocks that are batches by themselves. Few when fuzzing, see
/// [`payload::BLOCK_BYTES`].
pub(crate) const BATCH_ROWS: usize = if cfg!(fuzzing) { 256 } else { 65_536 };

/// Real tables have fewer than twenty dimensions. Each is a column of every row, so that a header of a damaged payload
/// must not state thousands.
const MAX_DIMENSIONS: usize = 64;

/// The same of attributes: no structure has nearly as many.
const MAX_ATTRIBUTES: usize = 256;

/// Whether a column of this name stands in every table, so that no dimension can have it.
fn is_reserved(name: &str) -> bool {
    [OBS_VALUE, OBS_FLAG, CONF_STATUS, CELL, ROW].contains(&name)
}

/// Column of the observed values.
pub const OBS_VALUE: &str = "obs_value";
/// Column of the observation flags, as written in the source.
pub const OBS_FLAG: &str = "obs_flag";
/// Column of the confidentiality marks, as written in the source.
pub const CONF_STATUS: &str = "conf_status";
/// Attribute of an SDMX-CSV message that has it: what is to be done with the row, `D` if it is to be deleted.
pub const ACTION: &str = "ACTION";
/// Column of the byte offset of a value (or, in a register, of a record) in the decompressed payload; of a workbook,
/// see [`workbook_cell`].
pub const CELL: &str = "cell";
/// Column of the line number of a record of a register, from 1.
pub const ROW: &str = "row";
/// The name that every decoder gives to the time dimension.
pub const TIME_PERIOD: &str = "time_period";

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::{FORMATS, Format, Hints, Source, open};

    #[test]
    fn every_format_has_one_line_under_the_name_that_pipelines_use() {
        for entry in &FORMATS {
            assert_eq!(FORMATS.iter().filter(|other| other.format == entry.format).count(), 1, "{}", entry.name);
            let parsed: Format = serde_json::from_value(entry.name.into()).unwrap();
            assert_eq!(parsed, entry.format);
            assert_eq!(serde_json::to_value(parsed).unwrap(), entry.name);
        }
        // serde lists all the variants that it knows.
        let message = serde_json::from_str::<Format>("\"none\"").unwrap_err().to_string();
        assert_eq!(message.matches('`').count() / 2 - 1, FORMATS.len(), "{message}");
    }

    #[test]
    fn nothing_comes_behind_an_error() {
        for (format, text) in [
            (
                Format::JsonStat,
                r#"{"id":["a"],"size":[2],"dimension":{"a":{"category":{"index":["x","y"]}}},"value":[1]}"#,
            ),
            (
                Format::SdmxJson,
                r#"{"structure":{"dimensions":{"observation":[{"id":"a","values":[{"id":"x"}]}]}},
                    "dataSets":[{"observations":{"0":[1],"7":[2]}}]}"#,
            ),
        ] {
            let mut batches = open(format, &Source::from_bytes(text.as_bytes()), &Hints::default()).unwrap().batches;
            assert!(batches.next().unwrap().is_err());
            assert!(batches.next().is_none(), "{}", format.name());
        }
    }

    #[test]
    fn a_workbook_is_told_from_text_and_from_other_archives() {
        for (format, bytes) in [
            (Format::Xlsx, &include_bytes!("../../tests/formats/xlsx/register.xlsx")[..]),
            (Format::Xlsx, &include_bytes!("../../tests/formats/xlsx/merged_labels.xlsx")[..]),
            (Format::Ods, &include_bytes!("../../tests/formats/ods/register.ods")[..]),
        ] {
            assert_eq!(super::detect(&Source::from_bytes(bytes), &Hints::default()).unwrap(), format);
        }
    }
}
