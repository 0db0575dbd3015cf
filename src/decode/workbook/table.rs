//! A sheet as a table: where its header is, and its rows as batches.

use arrow::array::RecordBatch;

use super::super::columns::Observations;
use super::super::decimal::{hinted, observed};
use super::super::notice::shortened;
use super::super::selection::{Observed, Register, Selection, missing, wanted};
use super::super::{BATCH_ROWS, DecodeError, Hints, Metadata, Table};
use super::pack_workbook_cell;
use super::package::refused;
use super::sheet::{MAX_ROWS, Merged, Row, Sheet, Shown, Value};

/// Cells that the rows may have in all after repeats: a million rows of 256 columns.
const MAX_CELLS: u64 = 1 << 28;
/// Cells of a batch.
const BATCH_CELLS: usize = 1 << 22;
/// Bytes of the text of a batch of a register.
const BATCH_BYTES: usize = 1 << 24;
/// Bytes of text that a register's records may have together, if nothing else is said.
const MAX_TEXT_BYTES: u64 = 1 << 33;
/// Filled rows in which the names of the columns are looked for.
const HEADER_ROWS: usize = 1000;
/// Notes that are kept.
const MAX_NOTES: usize = 100;

/// What `#N/A` says: there is no value.
const NOT_AVAILABLE: &str = "#N/A";

pub(super) fn open(sheet: Sheet, hints: &Hints) -> Result<Table, DecodeError> {
    let decimal = hinted(hints)?;
    let header = Header::find(&sheet, hints)?;
    let selection = Selection::of(&header.names, hints).map_err(|wrong| {
        let column = wrong.column.unwrap_or(0) as u32;
        sheet.wrong(header.row, column, &wrong.expected, &wrong.found, wrong.hint)
    })?;
    let columns = selection.texts.len() + 2;
    let rows: u64 = sheet.rows.iter().map(|row| u64::from(row.repeat)).sum();
    if rows * columns as u64 > MAX_CELLS {
        return Err(refused(
            &format!("at most {MAX_CELLS} cells, those that are repeated counted as often"),
            "more",
            "name the columns that are meant with `columns`",
        ));
    }
    let mut metadata = Metadata::default();
    let mut records = Records {
        observations: Observations::new(selection.texts.len(), 0),
        register: Register::new(selection.texts.len()),
        at: 0,
        number: 0,
        merged: Merged::default(),
        bytes: 0,
        bytes_left: hints.max_decoded_bytes.unwrap_or(MAX_TEXT_BYTES),
        limit: hints.max_decoded_bytes.unwrap_or(MAX_TEXT_BYTES),
        batch_rows: BATCH_ROWS.min(BATCH_CELLS / columns).max(1),
        text: String::new(),
        ended: false,
        sheet,
        selection,
        decimal,
    };
    records.begin_behind(header.row);
    if records.selection.observed.is_some() {
        metadata.notes = records.notes();
    }
    Ok(Table { metadata, schema: records.selection.schema.clone(), batches: Box::new(records) })
}

/// The row that names the columns.
struct Header {
    row: u32,
    /// From the first column on; empty text where a column has no name.
    names: Vec<String>,
}

impl Header {
    fn find(sheet: &Sheet, hints: &Hints) -> Result<Self, DecodeError> {
        let wanted = wanted(hints);
        let mut merged = Merged::default();
        // The row that holds most of the names, for the message.
        let mut best: Option<(usize, Header)> = None;
        let searched = if hints.header.is_some() { sheet.rows.len() } else { HEADER_ROWS };
        for row in sheet.rows.iter().take(searched) {
            for number in row.number..row.number + row.repeat {
                let is_hinted = hints.header.map(|header| number + 1 == header);
                if is_hinted == Some(false) || is_hinted.is_none() && wanted.is_empty() && sheet.filled(row) < 2 {
                    continue;
                }
                merged.advance(sheet, number)?;
                let names = names(sheet, &merged, row, number);
                let held = wanted.iter().filter(|wanted| names.iter().any(|name| name == *wanted)).count();
                let header = Header { row: number, names };
                if is_hinted == Some(true) || held == wanted.len() {
                    return Ok(header);
                }
                if best.as_ref().is_none_or(|(most, _)| held > *most) {
                    best = Some((held, header));
                }
                // Rows that are alike hold the same names.
                break;
            }
        }
        Err(match (hints.header, best) {
            (Some(header), _) => {
                let hint = "correct `header`, or look whether the source has changed what stands above the names";
                let row = header.saturating_sub(1).min(MAX_ROWS - 1);
                sheet.wrong(row, 0, "a row of column names", "no filled cells", Some(hint.into()))
            }
            (None, Some((_, nearest))) => {
                let lacking = wanted.iter().find(|wanted| !nearest.names.iter().any(|name| name == *wanted));
                let missing = missing(&nearest.names, lacking.copied().unwrap_or_default());
                let expected = format!("a row with all columns that are named, and so {}", missing.expected);
                sheet.wrong(nearest.row, 0, &expected, "none that has it", missing.hint)
            }
            (None, None) => {
                let hint = "say in which row the names stand: `header`";
                let (row, column) = sheet.rows.first().map_or((0, 0), |row| (row.number, sheet.first_column(row)));
                sheet.wrong(row, column, "a row of column names", "no row with two filled cells", Some(hint.into()))
            }
        })
    }
}

/// The names that a row holds. What a merged area shows beyond the row's last cell names a column, too.
fn names(sheet: &Sheet, merged: &Merged, row: &Row, number: u32) -> Vec<String> {
    let width = sheet.width(row).max(merged.width());
    let name = |column| {
        let mut name = String::new();
        if let Some(value) = merged.shown(sheet, row, number, column).value {
            write(sheet, value, &mut name);
        }
        name.split_whitespace().collect::<Vec<_>>().join(" ")
    };
    (0..width).map(name).collect()
}

/// Writes a value as text. What has no text gives its mark, such as `#N/A`, or nothing.
fn write(sheet: &Sheet, value: Value, into: &mut String) {
    match value {
        Value::Text(text) | Value::Date(text) | Value::Error(text) => into.push_str(sheet.said(text)),
        // Minus nought is no code of anything.
        Value::Number(number) => into.push_str(&(number + 0.0).to_string()),
        Value::Bool(truth) => into.push_str(if truth { "true" } else { "false" }),
        Value::Uncomputed => {}
    }
}

/// The rows below the header as batches.
struct Records {
    sheet: Sheet,
    selection: Selection,
    decimal: Option<u8>,
    observations: Observations,
    register: Register,
    /// The next row: which of the sheet's, and its own number among those that are alike.
    at: usize,
    number: u32,
    merged: Merged,
    /// Text of the batch, and what all may still have.
    bytes: usize,
    bytes_left: u64,
    limit: u64,
    batch_rows: usize,
    text: String,
    ended: bool,
}

impl Records {
    fn begin_behind(&mut self, header: u32) {
        self.at = self.sheet.rows.partition_point(|row| row.number + row.repeat - 1 <= header);
        self.number = self.sheet.rows.get(self.at).map_or(0, |row| row.number.max(header + 1));
    }

    /// Goes on to the next row.
    fn step(&mut self) {
        let Some(row) = self.sheet.rows.get(self.at) else {
            return;
        };
        self.number += 1;
        if self.number >= row.number + row.repeat {
            self.at += 1;
            self.number = self.sheet.rows.get(self.at).map_or(0, |row| row.number);
        }
    }

    /// What stands alone in a row, in a sheet of observations.
    fn notes(&self) -> Vec<String> {
        let rows = self.sheet.rows.get(self.at..).unwrap_or_default().iter();
        let single = rows.filter(|row| self.sheet.filled(row) == 1);
        let said = single.filter_map(|row| {
            let column = self.sheet.first_column(row);
            let shown = Merged::default().shown(&self.sheet, row, row.number, column);
            let is_value = self.selection.observed.is_some_and(|at| at.value as u32 == column);
            let has_dimension = self.selection.texts.len() == 1;
            match shown.value {
                Some(Value::Text(text)) if !is_value && !has_dimension => Some(self.sheet.said(text).to_owned()),
                _ => None,
            }
        });
        said.take(MAX_NOTES).collect()
    }

    fn batch(&mut self) -> Result<Option<RecordBatch>, DecodeError> {
        self.bytes = 0;
        while self.rows() < self.batch_rows && self.bytes < BATCH_BYTES {
            let Some(row) = self.sheet.rows.get(self.at) else {
                break;
            };
            self.merged.advance(&self.sheet, self.number)?;
            let columns = Columns { sheet: &self.sheet, merged: &self.merged, row, number: self.number };
            let bytes = match self.selection.observed {
                Some(at) => {
                    columns.observation(&self.selection, at, self.decimal, &mut self.observations, &mut self.text)?;
                    0
                }
                None => columns.record(&self.selection, &mut self.register, &mut self.text)?,
            };
            self.bytes += bytes;
            self.bytes_left =
                self.bytes_left.checked_sub(bytes as u64).ok_or(DecodeError::TooLarge { limit: self.limit })?;
            self.step();
        }
        Ok(match (self.rows(), self.selection.observed) {
            (0, _) => None,
            (_, Some(_)) => Some(self.observations.take(&self.selection.schema)?),
            (_, None) => Some(self.register.take(&self.selection.schema)?),
        })
    }

    fn rows(&self) -> usize {
        self.observations.rows() + self.register.rows()
    }
}

impl Iterator for Records {
    type Item = Result<RecordBatch, DecodeError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.ended {
            return None;
        }
        let batch = self.batch().transpose();
        self.ended = !matches!(batch, Some(Ok(_)));
        batch
    }
}

/// The columns of one row.
struct Columns<'r> {
    sheet: &'r Sheet,
    merged: &'r Merged,
    row: &'r Row,
    number: u32,
}

impl Columns<'_> {
    fn shown(&self, column: usize) -> Shown {
        self.merged.shown(self.sheet, self.row, self.number, column as u32)
    }

    /// Whether a cell is filled by itself.
    fn is_own(&self, column: usize) -> bool {
        let shown = self.shown(column);
        shown.value.is_some() && !shown.covered
    }

    fn cell(&self, column: u32) -> u64 {
        pack_workbook_cell(self.sheet.index, self.number, column as u16)
    }

    fn wrong(&self, column: usize, expected: &str, found: &str, hint: &str) -> DecodeError {
        self.sheet.wrong(self.number, column as u32, expected, found, Some(hint.into()))
    }

    /// Writes a cell as text; nothing where it is empty.
    fn text(&self, column: usize, what: &str, into: &mut String) -> Result<(), DecodeError> {
        into.clear();
        match self.shown(column).value {
            Some(Value::Error(error)) => {
                let found = format!("`{}`", shortened(self.sheet.said(error)));
                Err(self.wrong(column, what, &found, "correct the formula in the source, or ask who keeps it to"))
            }
            Some(Value::Uncomputed) => Err(self.uncomputed(column, what)),
            Some(value) => {
                write(self.sheet, value, into);
                Ok(())
            }
            None => Ok(()),
        }
    }

    fn uncomputed(&self, column: usize, what: &str) -> DecodeError {
        let hint = "open the workbook in a spreadsheet program and save it, so that the results are kept in it";
        self.wrong(column, what, "a formula without a result", hint)
    }

    /// Adds a record of a register, unless no cell of it is decoded; gives the bytes of its text.
    fn record(&self, selection: &Selection, into: &mut Register, text: &mut String) -> Result<usize, DecodeError> {
        if !selection.texts.iter().any(|column| self.is_own(*column)) {
            return Ok(0);
        }
        let mut bytes = 0;
        for (at, column) in selection.texts.iter().enumerate() {
            match self.shown(*column).value {
                Some(Value::Error(error)) if self.sheet.said(error) == NOT_AVAILABLE => text.clear(),
                _ => self.text(*column, "text or a number", text)?,
            }
            bytes += text.len();
            if bytes > BATCH_BYTES {
                let expected = format!("a record of at most {BATCH_BYTES} bytes");
                return Err(self.wrong(*column, &expected, "a longer one", "name the columns that are meant"));
            }
            into.push(at, text);
        }
        into.end(u64::from(self.number) + 1, self.cell(self.sheet.first_column(self.row)));
        Ok(bytes)
    }

    /// Adds an observation, unless the row is a note.
    fn observation(
        &self,
        selection: &Selection,
        at: Observed,
        decimal: Option<u8>,
        into: &mut Observations,
        text: &mut String,
    ) -> Result<(), DecodeError> {
        let shown = self.shown(at.value);
        let lacks_a_dimension = selection.texts.iter().any(|column| self.shown(*column).value.is_none());
        let has_own = self.is_own(at.value) || selection.texts.iter().any(|column| self.is_own(*column));
        if !has_own || lacks_a_dimension && (shown.value.is_none() || shown.covered) {
            return Ok(());
        }
        let mut flag = "";
        let value = self.value(at.value, shown, decimal, &mut flag)?;
        for ((column, field), codes) in selection.texts.iter().zip(selection.schema.fields()).zip(&mut into.dimensions)
        {
            let what = format!("a code of `{}`", field.name());
            self.text(*column, &what, text)?;
            if text.is_empty() {
                let hint =
                    "if the column is no dimension, name those that are with `columns`, and what is a flag with `flag`";
                return Err(self.wrong(*column, &what, "nothing", hint));
            }
            codes.push_text(text);
        }
        text.clear();
        if let Some(column) = at.flag {
            self.text(column, "a flag", text)?;
        }
        into.flags.push_text(if text.is_empty() { flag } else { text });
        into.confidentiality.push_null();
        into.push(value, self.cell(at.value as u32));
        Ok(())
    }

    /// The observed value of a row.
    fn value(
        &self,
        column: usize,
        shown: Shown,
        decimal: Option<u8>,
        flag: &mut &str,
    ) -> Result<Option<f64>, DecodeError> {
        const EXPECTED: &str = "a number";
        if shown.covered {
            let hint = "it would be counted as often: take the merged area apart in the source, or correct `header`";
            return Err(self.wrong(column, "a value of its own", "a part of a merged area", hint));
        }
        match shown.value {
            None => Ok(None),
            Some(Value::Number(number)) => Ok(Some(number)),
            Some(Value::Text(text)) => {
                let text = self.sheet.said(text);
                observed(text.as_bytes(), decimal)
                    .map_err(|(expected, hint)| self.wrong(column, expected, &format!("`{}`", shortened(text)), &hint))
            }
            Some(Value::Error(error)) if self.sheet.said(error) == NOT_AVAILABLE => {
                *flag = NOT_AVAILABLE;
                Ok(None)
            }
            Some(Value::Error(error)) => {
                let found = format!("`{}`", shortened(self.sheet.said(error)));
                Err(self.wrong(column, EXPECTED, &found, "correct the formula in the source, or ask who keeps it to"))
            }
            Some(Value::Uncomputed) => Err(self.uncomputed(column, EXPECTED)),
            Some(Value::Date(date)) => {
                let found = format!("the date or time `{}`", self.sheet.said(date));
                Err(self.wrong(column, EXPECTED, &found, "name another column with `value`, or correct its format"))
            }
            Some(Value::Bool(_)) => {
                Err(self.wrong(column, EXPECTED, "a truth value", "name another column with `value`"))
            }
        }
    }
}
