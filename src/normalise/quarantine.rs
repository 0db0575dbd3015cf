//! Rows that fit nowhere, kept with the reason and the place in the source, so that a person can decide.

use std::sync::Arc;

use arrow::array::{ArrayRef, Float64Array, RecordBatch, StringArray, UInt64Array};
use arrow::datatypes::{DataType, Field, Schema, SchemaRef};

use super::{Counts, Origin, constant, dictionary};

/// Reasons that are counted apart, with the code that was found.
const MAX_DISTINCT: usize = 200;

/// Columns of a quarantine file.
pub fn quarantine_schema() -> SchemaRef {
    Arc::new(Schema::new(vec![
        Field::new("pipeline", dictionary(), false),
        Field::new("dataset", dictionary(), false),
        Field::new("snapshot", dictionary(), false),
        Field::new("cell", DataType::UInt64, false),
        Field::new("reason", DataType::Utf8, false),
        Field::new("found", DataType::Utf8, true),
        Field::new("suggestion", DataType::Utf8, true),
        Field::new("key", DataType::Utf8, false),
        Field::new("value", DataType::Float64, true),
    ]))
}

/// Collects the rows of one batch that are kept back.
#[derive(Default)]
pub struct Quarantine {
    cells: Vec<u64>,
    reasons: Vec<String>,
    found: Vec<Option<String>>,
    suggestions: Vec<Option<String>>,
    keys: Vec<String>,
    values: Vec<Option<f64>>,
}

/// One row that is kept back.
pub struct Kept {
    /// Where it stands in the decompressed payload.
    pub cell: u64,
    /// Why, without what differs from row to row.
    pub reason: String,
    /// The code that no rule knows.
    pub found: Option<String>,
    /// The nearest known one.
    pub suggestion: Option<String>,
    /// Its dimensions, `name=code`.
    pub key: String,
    /// Its value.
    pub value: Option<f64>,
}

impl Quarantine {
    /// Keeps a row back and counts its reason.
    pub fn keep(&mut self, row: Kept, counts: &mut Counts) {
        let counted = match (&row.found, &row.suggestion) {
            (Some(found), Some(near)) => format!("{}: `{found}` (nearest known: `{near}`)", row.reason),
            (Some(found), None) => format!("{}: `{found}`", row.reason),
            (None, _) => row.reason.clone(),
        };
        // A payload of nothing but unknown codes must not fill the memory with distinct reasons.
        let counted = match counts.quarantined.len() < MAX_DISTINCT || counts.quarantined.contains_key(&counted) {
            true => counted,
            false => row.reason.clone(),
        };
        *counts.quarantined.entry(counted).or_default() += 1;
        self.cells.push(row.cell);
        self.reasons.push(row.reason);
        self.found.push(row.found);
        self.suggestions.push(row.suggestion);
        self.keys.push(row.key);
        self.values.push(row.value);
    }

    /// The rows kept back so far, as a batch.
    pub fn finish(self, origin: &Origin) -> Result<RecordBatch, arrow::error::ArrowError> {
        let rows = self.cells.len();
        let columns: Vec<ArrayRef> = vec![
            constant(&origin.pipeline, rows)?,
            constant(&origin.dataset, rows)?,
            constant(&origin.snapshot, rows)?,
            Arc::new(UInt64Array::from(self.cells)),
            Arc::new(StringArray::from(self.reasons)),
            Arc::new(StringArray::from(self.found)),
            Arc::new(StringArray::from(self.suggestions)),
            Arc::new(StringArray::from(self.keys)),
            Arc::new(Float64Array::from(self.values)),
        ];
        RecordBatch::try_new(quarantine_schema(), columns)
    }
}
