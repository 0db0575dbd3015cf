//! From a snapshot and a cell to the observation, the file in the archive, and the bytes.

use std::io::Read;

use serde::Serialize;
use serde_json::Value;

use super::LineageError;
use crate::archive::Archive;
use crate::decode::{DecodeError, Format, Hints, Reading, Source, read_again};
use crate::error::Report;
use crate::publish::InputRecord;
use crate::warehouse::{Reader, Row};

/// The archived payloads of a build, and how they are read.
pub struct Payloads<'a> {
    /// The archive.
    pub archive: Archive,
    /// The snapshots of the build.
    pub inputs: &'a [InputRecord],
    /// How a pipeline's payloads are read; none of a register of members, whose bytes are not shown, or of a pipeline
    /// that the project no longer has.
    pub reading: &'a dyn Fn(&str) -> Option<(Format, Hints)>,
}

/// One value that a row was read from.
#[derive(Debug, Clone, Serialize)]
pub struct Origin {
    /// What stands before `snapshot` and `cell` in the row's columns, such as `other`; nothing in most.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub role: String,
    /// The place in the snapshot; none where a source withdrew the value, and of records of a register.
    pub cell: Option<u64>,
    /// Of a register: how many records.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub records: Option<usize>,
    /// The observation in canonical codes.
    pub observation: Option<Row>,
    /// What the observation was before, oldest first.
    pub earlier: Vec<Row>,
    /// The snapshot.
    pub snapshot: SnapshotOrigin,
    /// The value as it stands in the payload.
    pub reading: Option<ReadAgain>,
    /// Why it could not be read again.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub problem: Option<String>,
}

/// The file that a value was read from.
#[derive(Debug, Clone, Serialize)]
pub struct SnapshotOrigin {
    /// BLAKE3 of the bytes as they came.
    pub hash: String,
    /// What the build says of it; none if it does not know it.
    #[serde(flatten)]
    pub record: Option<InputRecord>,
}

/// A value as it stands in the payload.
#[derive(Debug, Clone, Serialize)]
pub struct ReadAgain {
    /// Where, in the text that is left when all compressions are taken off.
    pub place: String,
    /// The compressions of the archived file, the outermost first.
    pub encodings: Vec<&'static str>,
    /// What stands before it in its line.
    pub before: String,
    /// The value as written.
    pub text: String,
    /// What stands behind it in its line.
    pub behind: String,
    /// Whether it says what the build says.
    pub agrees: bool,
}

/// The origins that a row names.
pub(super) fn of_row(reader: &Reader, payloads: &Payloads, row: &Row) -> Result<Vec<Origin>, LineageError> {
    let mut origins = Vec::new();
    for (column, value) in row {
        let Some(prefix) = column.strip_suffix("snapshot").filter(|prefix| prefix.is_empty() || prefix.ends_with('_'))
        else {
            continue;
        };
        let Some(hash) = value.as_str() else {
            continue;
        };
        let cell = row.get(&format!("{prefix}cell"));
        let cells = row.get(&format!("{prefix}cells")).and_then(Value::as_str);
        let records = cells.map(|cells| cells.split_whitespace().count());
        origins.push(match (records, cell) {
            (Some(records), _) => Origin { records: Some(records), ..without_cell(payloads, hash) },
            (None, Some(cell)) => match cell.as_i64() {
                Some(cell) => of_cell(reader, payloads, hash, cell)?,
                None => without_cell(payloads, hash),
            },
            (None, None) => without_cell(payloads, hash),
        });
        if let Some(origin) = origins.last_mut() {
            origin.role = prefix.trim_end_matches('_').to_owned();
        }
    }
    Ok(origins)
}

fn without_cell(payloads: &Payloads, hash: &str) -> Origin {
    let record = payloads.inputs.iter().find(|input| input.snapshot == hash).cloned();
    Origin {
        role: String::new(),
        cell: None,
        records: None,
        observation: None,
        earlier: Vec::new(),
        snapshot: SnapshotOrigin { hash: hash.to_owned(), record },
        reading: None,
        problem: None,
    }
}

const KEY: &str = "pipeline, dataset, indicator, region, sector, sector_scheme, size_class, unit, time_period";

fn of_cell(reader: &Reader, payloads: &Payloads, hash: &str, cell: i64) -> Result<Origin, LineageError> {
    let columns = format!("{KEY}, \"value\", flags, vintage, provenance");
    let place = "where \"snapshot\" = ? and cell = cast(? as bigint)";
    let found = reader.rows(
        &format!(
            "select {columns} from lake.observations {place} union all select {columns} from lake.observation_history {place}"
        ),
        &[hash.to_owned(), cell.to_string(), hash.to_owned(), cell.to_string()],
    )?;
    let mut origin = without_cell(payloads, hash);
    // DuckDB has no unsigned integers in what it publishes.
    origin.cell = Some(cell as u64);
    let Some(observation) = found.into_iter().next() else {
        // A record of a register.
        return Ok(origin);
    };
    let earlier = format!(
        "select \"value\", flags, \"change\", vintage, valid_to, \"snapshot\", cell from lake.observation_history
         where {} and vintage < cast(? as timestamp) order by vintage",
        KEY.split(", ").map(|column| format!("{column} = ?")).collect::<Vec<_>>().join(" and ")
    );
    let texts = KEY.split(", ").chain(["vintage"]);
    let texts: Vec<String> = texts.map(|column| observation[column].as_str().unwrap_or_default().to_owned()).collect();
    origin.earlier = reader.rows(&earlier, &texts)?;
    match read(payloads, hash, cell as u64)? {
        Ok(Some((reading, encodings))) => {
            let value = observation["value"].as_f64();
            let reading = reading.resolved(value);
            origin.reading = Some(ReadAgain {
                agrees: reading.says(value),
                place: reading.place,
                encodings,
                before: reading.before,
                text: reading.text,
                behind: reading.behind,
            });
        }
        Ok(None) => origin.problem = Some("its payload ends before that place".into()),
        Err(problem) => origin.problem = Some(problem),
    }
    origin.observation = Some(observation);
    Ok(origin)
}

/// What stands at a cell, with the compressions around it.
type Found = Option<(Reading, Vec<&'static str>)>;

/// What stands at a cell; in words, why its payload cannot be read.
fn read(payloads: &Payloads, hash: &str, cell: u64) -> Result<Result<Found, String>, LineageError> {
    let opened = match payloads.open(hash)? {
        Ok(opened) => opened,
        Err(problem) => return Ok(Err(problem)),
    };
    let mut found = None;
    match read_again(opened.format, &opened.source, &opened.hints, &[cell], |_, reading| found = Some(reading)) {
        Ok(()) => Ok(Ok(found.map(|reading| (reading, opened.encodings)))),
        Err(error) => Ok(Err(opened.unreadable(&error))),
    }
}

/// An archived payload that can be read.
pub struct Opened<'a> {
    /// What the build says of it.
    pub record: &'a InputRecord,
    /// Its bytes.
    pub source: Source,
    /// Its format.
    pub format: Format,
    /// What its pipeline says of how it is read.
    pub hints: Hints,
    /// The compressions of its file, the outermost first: the archive's own, and what the source sent it in.
    pub encodings: Vec<&'static str>,
}

impl Opened<'_> {
    /// Says that it could not be read after all.
    pub(super) fn unreadable(&self, error: &DecodeError) -> String {
        format!("`{}` cannot be read: {}", self.record.file, Report::new(error).one_line())
    }
}

impl Payloads<'_> {
    /// The payload of a snapshot, named by its hash or the beginning of it; in words, why it cannot be had.
    pub fn open(&self, hash: &str) -> Result<Result<Opened<'_>, String>, LineageError> {
        let Some(record) = self.inputs.iter().find(|input| input.snapshot.starts_with(hash)) else {
            return Ok(Err(format!("the manifest does not name the snapshot {hash}")));
        };
        let Some(snapshot) = self.archive.find(&record.pipeline, record.file_name(), &record.snapshot)? else {
            return Ok(Err(format!("`{}` is not in the archive any more", record.file)));
        };
        let Some((format, hints)) = (self.reading)(&record.pipeline) else {
            let file = &record.file;
            return Ok(Err(format!(
                "the project has no pipeline `{}` that says how `{file}` is read",
                record.pipeline
            )));
        };
        let mut magic = Vec::new();
        // A file that is damaged this early is found when its cell is read.
        let _ = snapshot.open()?.take(4).read_to_end(&mut magic);
        let encodings = std::iter::once("zstd").chain(sent_in(&magic, format)).collect();
        let source = Source::new(move || snapshot.open().map_err(std::io::Error::other));
        Ok(Ok(Opened { record, source, format, hints, encodings }))
    }
}

/// What a payload that begins so was compressed with, as `decode` takes it off.
fn sent_in(magic: &[u8], format: Format) -> Option<&'static str> {
    match magic {
        [0x1f, 0x8b, ..] => Some("gzip"),
        [0x28, 0xb5, 0x2f, 0xfd] => Some("zstd"),
        // A workbook is a ZIP archive itself.
        b"PK\x03\x04" if !matches!(format, Format::Xlsx | Format::Ods) => Some("zip"),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_payload_was_sent_in_is_known_by_its_first_bytes() {
        assert_eq!(sent_in(&[0x1f, 0x8b, 8, 0], Format::SdmxCsv), Some("gzip"));
        assert_eq!(sent_in(b"PK\x03\x04", Format::IneCsv), Some("zip"));
        assert_eq!(sent_in(b"PK\x03\x04", Format::Xlsx), None);
        assert_eq!(sent_in(b"geo,", Format::SdmxCsv), None);
        assert_eq!(sent_in(b"", Format::SdmxCsv), None);
    }
}
