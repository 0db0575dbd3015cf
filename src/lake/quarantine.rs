//! The rows kept back of one snapshot, read again and grouped by why.

use std::collections::HashMap;
use std::path::Path;

use arrow::array::{Array, ArrayRef, AsArray};
use arrow::datatypes::{Float64Type, Int32Type, UInt64Type};
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use serde::Serialize;

use super::{LakeError, failed_read};
use crate::disk;

/// Rows that are kept back for the same reason.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct KeptBack {
    /// Why.
    pub reason: String,
    /// The code that no rule knows.
    pub found: Option<String>,
    /// The nearest known one.
    pub suggestion: Option<String>,
    /// How many.
    pub rows: u64,
    /// The first of them.
    pub example: Example,
}

/// One row that is kept back.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Example {
    /// The snapshot that it stands in.
    pub snapshot: String,
    /// Where its value stands in the decompressed payload.
    pub cell: u64,
    /// Its dimensions, `name=code`.
    pub key: String,
    /// Its value.
    pub value: Option<f64>,
}

/// What a quarantine file holds, the commonest reason first; nothing where there is no file.
pub fn kept_back(path: &Path) -> Result<Vec<KeptBack>, LakeError> {
    if !disk::exists(path) {
        return Ok(Vec::new());
    }
    let reader = ParquetRecordBatchReaderBuilder::try_new(disk::open(path)?)
        .and_then(|builder| builder.with_batch_size(65_536).build())
        .map_err(|source| failed_read(path, source))?;
    let mut groups: HashMap<(String, Option<String>), KeptBack> = HashMap::new();
    for batch in reader {
        let batch = batch?;
        let column = |name: &str| batch.column_by_name(name).cloned().ok_or_else(|| not_one(name));
        let [snapshots, reasons, found, suggestions, keys] =
            [column("snapshot")?, column("reason")?, column("found")?, column("suggestion")?, column("key")?];
        let (cells, values) = (column("cell")?, column("value")?);
        let (cells, values) = (cells.as_primitive::<UInt64Type>(), values.as_primitive::<Float64Type>());
        for row in 0..batch.num_rows() {
            let why = (text(&reasons, row).unwrap_or_default(), text(&found, row));
            if let Some(group) = groups.get_mut(&why) {
                group.rows += 1;
                continue;
            }
            let (reason, code) = why.clone();
            let example = Example {
                snapshot: text(&snapshots, row).unwrap_or_default(),
                cell: cells.value(row),
                key: text(&keys, row).unwrap_or_default(),
                value: values.is_valid(row).then(|| values.value(row)),
            };
            let suggestion = text(&suggestions, row);
            groups.insert(why, KeptBack { reason, found: code, suggestion, rows: 1, example });
        }
    }
    let mut groups: Vec<KeptBack> = groups.into_values().collect();
    groups.sort_by(|one, other| other.rows.cmp(&one.rows).then_with(|| one.example.cell.cmp(&other.example.cell)));
    Ok(groups)
}

fn not_one(column: &str) -> LakeError {
    arrow::error::ArrowError::SchemaError(format!("no column `{column}` in a quarantine file")).into()
}

fn text(column: &ArrayRef, row: usize) -> Option<String> {
    if column.is_null(row) {
        return None;
    }
    Some(match column.as_any_dictionary_opt() {
        Some(_) => {
            let codes = column.as_dictionary::<Int32Type>();
            codes.values().as_string::<i32>().value(codes.keys().value(row) as usize).to_owned()
        }
        None => column.as_string::<i32>().value(row).to_owned(),
    })
}
