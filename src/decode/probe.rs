//! What the decoders' tests see of a decoded payload: its rows as text, and the sources' real files.
#![allow(clippy::unwrap_used, clippy::panic)]

use std::path::PathBuf;

use arrow::array::{Array, AsArray};
use arrow::datatypes::{DataType, Float64Type, Int32Type, UInt64Type};
use proptest::prelude::*;

use super::{BATCH_ROWS, CELL, DecodeError, Format, Hints, Metadata, OBS_VALUE, Source, open};

/// A payload's metadata, the names of its columns, and its rows; a null is empty text.
pub(super) struct Decoded {
    pub metadata: Metadata,
    pub names: Vec<String>,
    pub rows: Vec<Vec<String>>,
}

impl Decoded {
    /// Rows without their last column, the cell, joined by `|`.
    pub fn lines(&self) -> Vec<String> {
        self.rows.iter().map(|row| row[..row.len() - 1].join("|")).collect()
    }

    /// Value and cell of each row.
    pub fn cells(&self) -> Vec<(Option<f64>, usize)> {
        let value = self.names.iter().position(|name| name == OBS_VALUE).unwrap();
        self.rows.iter().map(|row| (row[value].parse().ok(), row.last().unwrap().parse().unwrap())).collect()
    }
}

/// Decodes a payload.
pub(super) fn decoded(format: Format, bytes: &[u8], hints: &Hints) -> Result<Decoded, DecodeError> {
    let table = open(format, &Source::from_bytes(bytes), hints)?;
    let names: Vec<String> = table.schema.fields().iter().map(|field| field.name().clone()).collect();
    assert_eq!(names.last().map(String::as_str), Some(CELL));
    let mut rows = Vec::new();
    for batch in table.batches {
        let batch = batch?;
        assert!(batch.num_rows() <= BATCH_ROWS);
        for row in 0..batch.num_rows() {
            let field = |array: &dyn Array| match array.data_type() {
                _ if array.is_null(row) => String::new(),
                DataType::Float64 => array.as_primitive::<Float64Type>().value(row).to_string(),
                DataType::Utf8 => array.as_string::<i32>().value(row).to_owned(),
                DataType::UInt64 => array.as_primitive::<UInt64Type>().value(row).to_string(),
                _ => {
                    let codes = array.as_dictionary::<Int32Type>();
                    codes.values().as_string::<i32>().value(codes.key(row).unwrap()).to_owned()
                }
            };
            rows.push(batch.columns().iter().map(|column| field(column.as_ref())).collect());
        }
    }
    Ok(Decoded { metadata: table.metadata, names, rows })
}

/// The message of a payload that must not decode.
#[track_caller]
pub(super) fn refused(format: Format, bytes: &[u8], hints: &Hints) -> String {
    match decoded(format, bytes, hints) {
        Err(error) => error.to_string(),
        Ok(found) => panic!("expected an error, found {} rows", found.rows.len()),
    }
}

/// A real file of a source; none, which is said, where the shared folder is not there.
#[allow(clippy::print_stdout)]
pub(super) fn payload(name: &str) -> Option<Vec<u8>> {
    let shared = std::env::var_os("TEJIDO_SHARED")
        .map_or_else(|| PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../shared"), PathBuf::from);
    if !shared.is_dir() {
        println!("skipped: {} is not there", shared.display());
        return None;
    }
    Some(std::fs::read(shared.join("payloads").join(name)).unwrap())
}

/// Bytes of JSON put in place of others, and where the document is cut.
pub(super) fn damage() -> impl Strategy<Value = (prop::sample::Index, Vec<(prop::sample::Index, u8)>)> {
    let byte = prop::sample::select(b"\"{}[],:0\n\x00\xff-.e".to_vec());
    let changes = prop::collection::vec((any::<prop::sample::Index>(), byte), 0..6);
    (any::<prop::sample::Index>(), changes)
}

/// A document after such damage.
pub(super) fn damaged(text: String, (cut, changes): (prop::sample::Index, Vec<(prop::sample::Index, u8)>)) -> Vec<u8> {
    let mut bytes = text.into_bytes();
    let whole = bytes.len();
    bytes.truncate(cut.index(whole) + 1);
    for (at, byte) in changes {
        let at = at.index(bytes.len());
        bytes[at] = byte;
    }
    bytes
}
