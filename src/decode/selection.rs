//! Which columns of a table with a header are decoded, and as what: the hints that delimited text and workbooks share.
//!
//! With `value` the table is one of observations: `columns`, or all columns that have a name, are its dimensions in
//! that order, and `time` names the one that becomes `time_period`. Without it the table is a register: the declared
//! columns as text, or all that have a name where none is declared. What is declared is an allow-list: whatever else a
//! record holds, such as a contact person's telephone, is never decoded.

use std::sync::Arc;

use arrow::array::{ArrayRef, RecordBatch, StringBuilder, UInt64Array};
use arrow::datatypes::{DataType, Field, Schema, SchemaRef};

use super::{CELL, DecodeError, Hints, ROW, TIME_PERIOD, is_reserved, observation_schema};
use crate::error::nearest;

/// The columns that are decoded.
pub(super) struct Selection {
    /// The schema of the batches.
    pub schema: SchemaRef,
    /// Where the columns stand that are decoded as text: dimensions, or those of a register.
    pub texts: Vec<usize>,
    /// Where the observed value stands; none in a register.
    pub observed: Option<Observed>,
}

/// Where a record of observations has its value.
#[derive(Debug, Clone, Copy)]
pub(super) struct Observed {
    /// Column of the value.
    pub value: usize,
    /// Column of the flag.
    pub flag: Option<usize>,
}

/// Why a header does not have the columns that the hints name.
pub(super) struct Refused {
    /// The column that is wrong; none where the whole header is.
    pub column: Option<usize>,
    /// What was expected.
    pub expected: String,
    /// What was found.
    pub found: String,
    /// What to do.
    pub hint: Option<String>,
}

/// The names that a header must hold for these hints.
pub(super) fn wanted(hints: &Hints) -> Vec<&str> {
    let mut names: Vec<&str> = hints.columns.iter().map(String::as_str).collect();
    for name in [&hints.value, &hints.time, &hints.flag].into_iter().filter(|_| hints.value.is_some()).flatten() {
        if !names.contains(&name.as_str()) {
            names.push(name);
        }
    }
    names
}

impl Selection {
    /// Finds the columns in a header; a column without a name has empty text.
    pub fn of(names: &[String], hints: &Hints) -> Result<Self, Box<Refused>> {
        let Some(value) = &hints.value else {
            return Selection::register(names, hints);
        };
        let value = find(names, value)?;
        let time = hints.time.as_ref().map(|name| find(names, name)).transpose()?;
        let flag = hints.flag.as_ref().map(|name| find(names, name)).transpose()?;
        let mut texts = declared(names, hints)?;
        texts.retain(|at| *at != value && Some(*at) != flag);
        if let Some(time) = time.filter(|time| !texts.contains(time)) {
            texts.push(time);
        }
        let mut dimensions: Vec<String> = Vec::with_capacity(texts.len());
        for at in &texts {
            let name = if Some(*at) == time { TIME_PERIOD } else { &names[*at] };
            check_name(*at, name, dimensions.iter().any(|other| other == name) || is_reserved(name))?;
            dimensions.push(name.to_owned());
        }
        let schema = observation_schema(&dimensions, &[]);
        Ok(Selection { schema, texts, observed: Some(Observed { value, flag }) })
    }

    fn register(names: &[String], hints: &Hints) -> Result<Self, Box<Refused>> {
        let texts = declared(names, hints)?;
        let mut schema = Vec::with_capacity(texts.len() + 2);
        for at in &texts {
            check_name(*at, &names[*at], is_reserved(&names[*at]))?;
            schema.push(Field::new(&names[*at], DataType::Utf8, true));
        }
        schema.push(Field::new(ROW, DataType::UInt64, false));
        schema.push(Field::new(CELL, DataType::UInt64, false));
        Ok(Selection { schema: Arc::new(Schema::new(schema)), texts, observed: None })
    }
}

/// The declared columns, or all that have a name.
fn declared(names: &[String], hints: &Hints) -> Result<Vec<usize>, Box<Refused>> {
    if !hints.columns.is_empty() {
        return hints.columns.iter().map(|name| find(names, name)).collect();
    }
    let named = names.iter().filter(|name| !name.is_empty());
    named.map(|name| find(names, name)).collect()
}

/// The one column of this name.
fn find(names: &[String], wanted: &str) -> Result<usize, Box<Refused>> {
    let mut places = names.iter().enumerate().filter(|(_, name)| *name == wanted).map(|(at, _)| at);
    match (places.next(), places.next()) {
        (Some(at), None) => Ok(at),
        (Some(_), Some(second)) => Err(Box::new(Refused {
            column: Some(second),
            expected: format!("one column `{wanted}`"),
            found: "a second one".into(),
            hint: None,
        })),
        (None, _) => Err(Box::new(missing(names, wanted))),
    }
}

/// A header has no column of this name.
pub(super) fn missing(names: &[String], wanted: &str) -> Refused {
    let hint = match nearest(wanted, names.iter().map(String::as_str)) {
        Some(near) => format!("the nearest is `{near}`: if that is meant, correct the pipeline"),
        None => "correct the separator, the encoding or the names of the columns in the pipeline".into(),
    };
    // Not the names: without its header, the first line of an export is somebody's record.
    let found = format!("{} other columns", names.len());
    Refused { column: None, expected: format!("a column `{wanted}`"), found, hint: Some(hint) }
}

fn check_name(at: usize, name: &str, taken: bool) -> Result<(), Box<Refused>> {
    if !taken {
        return Ok(());
    }
    Err(Box::new(Refused {
        column: Some(at),
        expected: "a column of another name".into(),
        found: format!("`{name}`, which the decoded table has already"),
        hint: Some("rename the column in the source, or leave it out of `columns`".into()),
    }))
}

/// The columns of a register being filled.
pub(super) struct Register {
    texts: Vec<StringBuilder>,
    rows: Vec<u64>,
    cells: Vec<u64>,
}

impl Register {
    /// So many columns of text.
    pub fn new(texts: usize) -> Self {
        Register { texts: (0..texts).map(|_| StringBuilder::new()).collect(), rows: Vec::new(), cells: Vec::new() }
    }

    /// Adds what the record that is begun says in a column; text of blanks is null.
    pub fn push(&mut self, column: usize, text: &str) {
        if let Some(column) = self.texts.get_mut(column) {
            match text.trim() {
                "" => column.append_null(),
                text => column.append_value(text),
            }
        }
    }

    /// Ends a record: its line or row, and where it begins.
    pub fn end(&mut self, row: u64, cell: u64) {
        self.rows.push(row);
        self.cells.push(cell);
    }

    /// Records since the last call of [`Register::take`].
    pub fn rows(&self) -> usize {
        self.rows.len()
    }

    /// The records since the last call.
    pub fn take(&mut self, schema: &SchemaRef) -> Result<RecordBatch, DecodeError> {
        let texts = self.texts.iter_mut();
        let mut columns: Vec<ArrayRef> = texts.map(|column| -> ArrayRef { Arc::new(column.finish()) }).collect();
        columns.push(Arc::new(UInt64Array::from(std::mem::take(&mut self.rows))));
        columns.push(Arc::new(UInt64Array::from(std::mem::take(&mut self.cells))));
        Ok(RecordBatch::try_new(schema.clone(), columns)?)
    }
}
