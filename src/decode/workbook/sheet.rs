//! The filled cells of a sheet, as its file states them: repeats and merged areas are kept as such, so that a few
//! bytes that stand for a million cells take a few bytes.

use std::collections::{BTreeMap, BTreeSet};

use super::super::DecodeError;
use super::a1;

/// Rows that a sheet has at most, in both formats.
pub(super) const MAX_ROWS: u32 = 1 << 20;
/// Columns that a sheet has at most, in both formats.
pub(super) const MAX_COLUMNS: u32 = 1 << 14;

/// What a cell holds. Text is a number in [`Sheet::texts`].
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Value {
    Text(u32),
    Number(f64),
    Bool(bool),
    /// A date, a time or a duration, as text of ISO 8601.
    Date(u32),
    /// Such as `#N/A`.
    Error(u32),
    /// A formula whose result is not in the file.
    Uncomputed,
}

/// Neighbouring cells of one value.
struct Run {
    column: u32,
    repeat: u32,
    value: Value,
}

/// A row that has filled cells, and how often it stands.
pub(super) struct Row {
    /// From 0.
    pub number: u32,
    /// From this row on, so many are alike.
    pub repeat: u32,
    first: usize,
    end: usize,
}

/// Cells shown as one, which holds the value of the upper left one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Area {
    pub top: u32,
    pub left: u32,
    pub bottom: u32,
    pub right: u32,
}

/// A sheet.
pub(super) struct Sheet {
    pub name: String,
    /// Its place among the sheets of the workbook, from 0.
    pub index: u16,
    /// The texts of its cells.
    pub texts: Vec<Box<str>>,
    /// The rows that have filled cells, in order.
    pub rows: Vec<Row>,
    runs: Vec<Run>,
    areas: Vec<Area>,
}

impl Sheet {
    pub fn new(name: &str, index: u16) -> Self {
        let name = name.to_owned();
        Sheet { name, index, texts: Vec::new(), rows: Vec::new(), runs: Vec::new(), areas: Vec::new() }
    }

    /// Adds cells to the last row, or to a new one behind it.
    pub fn add(&mut self, row: u32, column: u32, repeat: u32, value: Value) -> Result<(), DecodeError> {
        let last = self.rows.last();
        let is_new = last.is_none_or(|last| row >= last.number + last.repeat);
        let goes_on = last.is_some_and(|last| last.number == row && last.repeat == 1);
        let end = self.runs.last().map_or(0, |run| run.column + run.repeat);
        if !(is_new || goes_on && column >= end) {
            return Err(self.wrong(row, column, "rows and cells in their order, each once", "an earlier one", None));
        }
        if row >= MAX_ROWS || column.saturating_add(repeat) > MAX_COLUMNS {
            let expected = format!("cells in at most {MAX_ROWS} rows and {MAX_COLUMNS} columns");
            return Err(self.wrong(row, column, &expected, "a cell beyond", None));
        }
        if is_new {
            self.rows.push(Row { number: row, repeat: 1, first: self.runs.len(), end: self.runs.len() });
        }
        self.runs.push(Run { column, repeat, value });
        if let Some(last) = self.rows.last_mut() {
            last.end = self.runs.len();
        }
        Ok(())
    }

    /// Says how often the row stands that was added last, if it is this one.
    pub fn repeat(&mut self, row: u32, repeat: u32) -> Result<(), DecodeError> {
        match self.rows.last_mut().filter(|last| last.number == row) {
            Some(_) if row.saturating_add(repeat) > MAX_ROWS => {
                let expected = format!("cells in at most {MAX_ROWS} rows");
                Err(self.wrong(row, 0, &expected, "a row that is repeated beyond", None))
            }
            Some(last) => {
                last.repeat = repeat;
                Ok(())
            }
            None => Ok(()),
        }
    }

    /// Adds text, and gives its number.
    pub fn text(&mut self, text: &str) -> u32 {
        self.texts.push(text.into());
        (self.texts.len() - 1) as u32
    }

    /// Adds a merged area.
    pub fn merge(&mut self, area: Area) {
        self.areas.push(area);
    }

    /// To be called when all has been added.
    pub fn finish(&mut self) {
        self.areas.sort_unstable();
    }

    /// Whether no cell is filled.
    pub fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// The text of this number.
    pub fn said(&self, text: u32) -> &str {
        self.texts.get(text as usize).map_or("", |text| text)
    }

    /// What a cell of a row holds by itself.
    fn own(&self, row: &Row, column: u32) -> Option<Value> {
        let runs = self.runs.get(row.first..row.end)?;
        let at = runs.partition_point(|run| run.column <= column);
        let run = runs.get(at.checked_sub(1)?)?;
        (column - run.column < run.repeat).then_some(run.value)
    }

    /// The first filled cell of a row.
    pub fn first_column(&self, row: &Row) -> u32 {
        self.runs.get(row.first).map_or(0, |run| run.column)
    }

    /// One more than the last column that has a filled cell of a row.
    pub fn width(&self, row: &Row) -> u32 {
        let last = row.end.checked_sub(1).and_then(|last| self.runs.get(last));
        last.map_or(0, |run| run.column + run.repeat)
    }

    /// Filled cells of a row.
    pub fn filled(&self, row: &Row) -> u32 {
        self.runs.get(row.first..row.end).unwrap_or_default().iter().map(|run| run.repeat).sum()
    }

    /// The row of this number, if it has filled cells.
    fn row(&self, number: u32) -> Option<&Row> {
        let at = self.rows.partition_point(|row| row.number <= number);
        self.rows.get(at.checked_sub(1)?).filter(|row| number - row.number < row.repeat)
    }

    /// The error of a cell.
    pub fn wrong(&self, row: u32, column: u32, expected: &str, found: &str, hint: Option<String>) -> DecodeError {
        DecodeError::Cell {
            place: format!("{}!{}", self.name, a1(row, column)).into(),
            expected: expected.to_owned(),
            found: found.to_owned(),
            hint,
        }
    }
}

/// What a cell shows.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Shown {
    /// Its own value, or that of the merged area that it belongs to.
    pub value: Option<Value>,
    /// Whether it belongs to a merged area whose value stands in another cell.
    pub covered: bool,
}

/// The merged areas that reach into the row that is looked at; rows are gone through in order.
#[derive(Default)]
pub(super) struct Merged {
    /// Areas of the sheet that have been met.
    met: usize,
    /// By their left column: right column, first and last row, value.
    open: BTreeMap<u32, (Area, Option<Value>)>,
    /// Last row and left column.
    ending: BTreeSet<(u32, u32)>,
}

impl Merged {
    /// Goes on to a row.
    pub fn advance(&mut self, sheet: &Sheet, row: u32) -> Result<(), DecodeError> {
        while let Some((bottom, left)) = self.ending.first().copied().filter(|(bottom, _)| *bottom < row) {
            self.ending.remove(&(bottom, left));
            self.open.remove(&left);
        }
        while let Some(area) = sheet.areas.get(self.met).copied().filter(|area| area.top <= row) {
            self.met += 1;
            if area.bottom < row {
                continue;
            }
            let neighbour = self.open.range(..=area.right).next_back();
            if neighbour.is_some_and(|(_, (other, _))| other.right >= area.left) {
                let hint = "the workbook is damaged: open it and save it anew";
                let expected = "merged areas that do not overlap";
                return Err(sheet.wrong(area.top, area.left, expected, "one that does", Some(hint.into())));
            }
            let value = sheet.row(area.top).and_then(|row| sheet.own(row, area.left));
            self.open.insert(area.left, (area, value));
            self.ending.insert((area.bottom, area.left));
        }
        Ok(())
    }

    /// One more than the last column that an area reaches in the row that was gone on to.
    pub fn width(&self) -> u32 {
        self.open.last_key_value().map_or(0, |(_, (area, _))| area.right + 1)
    }

    /// What a cell shows of the row that was gone on to; `number` is its own among rows that are alike.
    pub fn shown(&self, sheet: &Sheet, row: &Row, number: u32, column: u32) -> Shown {
        let area = self.open.range(..=column).next_back().filter(|(_, (area, _))| area.right >= column);
        match area {
            Some((_, (area, value))) if (area.top, area.left) != (number, column) => {
                Shown { value: *value, covered: true }
            }
            _ => Shown { value: sheet.own(row, column), covered: false },
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn a_merged_value_stands_for_every_cell() {
        let mut sheet = Sheet::new("S", 0);
        for row in 0..4 {
            sheet.add(row, 3, 2, Value::Number(f64::from(row))).unwrap();
        }
        sheet.add(4, 0, 1, Value::Bool(true)).unwrap();
        sheet.repeat(4, 3).unwrap();
        sheet.merge(Area { top: 1, left: 3, bottom: 2, right: 3 });
        sheet.merge(Area { top: 4, left: 0, bottom: 5, right: 1 });
        sheet.finish();
        let mut merged = Merged::default();
        let mut shown = Vec::new();
        for row in &sheet.rows {
            for number in row.number..row.number + row.repeat {
                merged.advance(&sheet, number).unwrap();
                let cell = |column| merged.shown(&sheet, row, number, column);
                shown.push((cell(0).value, cell(3).value, cell(3).covered));
            }
        }
        let number = |value: u8| Some(Value::Number(f64::from(value)));
        assert_eq!(
            shown[..4],
            [(None, number(0), false), (None, number(1), false), (None, number(1), true), (None, number(3), false)]
        );
        assert_eq!(shown[4..], [(Some(Value::Bool(true)), None, false); 3]);
        assert!(sheet.add(5, 0, 1, Value::Bool(true)).is_err());
    }

    #[test]
    fn overlapping_areas_are_refused() {
        let mut sheet = Sheet::new("S", 0);
        sheet.add(5, 0, 1, Value::Bool(true)).unwrap();
        sheet.merge(Area { top: 1, left: 1, bottom: 9, right: 4 });
        sheet.merge(Area { top: 2, left: 3, bottom: 9, right: 7 });
        sheet.finish();
        let error = Merged::default().advance(&sheet, 5).unwrap_err().to_string();
        assert_eq!(error, "S!D3: expected merged areas that do not overlap, found one that does");
    }
}
