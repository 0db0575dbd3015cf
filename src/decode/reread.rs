//! A value read again at its `cell`, without the decoder that found it there: the bytes of the payload at that offset, cut
//! where the format ends a value. What a published number is traced to and compared with.
//!
//! A workbook has no offsets; there the sheet is decoded again and the cell looked up by sheet, row and column.

use std::collections::BTreeMap;

use arrow::array::{Array, AsArray};
use arrow::datatypes::{Float64Type, Int32Type, UInt64Type};

use super::columns::number;
use super::payload::BLOCK_BYTES;
use super::{CELL, DecodeError, Format, Hints, OBS_VALUE, Place, Source, decimal, workbook_cell};

/// Bytes around a value that are looked at: more than any value has, and enough of its line to know it by.
const BEFORE_BYTES: usize = 240;
const BEHIND_BYTES: usize = 240;

/// What stands at a cell.
#[derive(Debug, Clone, PartialEq)]
pub struct Reading {
    /// The value as the payload writes it, without quotes; a missing one may be empty.
    pub text: String,
    /// What stands before it in its line, cut to what can be read; of a workbook the codes of its row.
    pub before: String,
    /// What stands behind it in its line.
    pub behind: String,
    /// Where it stands, such as `line 3623, column 92 (byte 320272)`, or of a workbook `sheet 1, C5`.
    pub place: String,
    /// Line and column of it; none in a workbook, whose cells say sheet, row and column.
    pub at: Option<Place>,
    /// The decimal mark that the hints state.
    decimal: Option<u8>,
    /// Whether the format writes nil as a dash.
    is_dash_nil: bool,
    /// Bytes of `behind` that may belong to the value: `,53` of `85,53` in INE's `csv_c`, where commas separate, too.
    rest: usize,
}

impl Reading {
    /// Whether this is how that value is written; a missing one is anything but a number. The decimal mark is the one
    /// that the hints state; without one, either is taken.
    pub fn says(&self, value: Option<f64>) -> bool {
        self.reads(&self.text, value) || self.rest > 0 && self.reads(&self.longer(), value)
    }

    /// The reading with as much of the text as says that value.
    pub fn resolved(mut self, value: Option<f64>) -> Self {
        let longer = self.longer();
        if self.rest > 0 && !self.reads(&self.text, value) && self.reads(&longer, value) {
            (self.text, self.behind) = (longer, self.behind[self.rest..].to_owned());
            self.rest = 0;
        }
        self
    }

    fn longer(&self) -> String {
        self.text.clone() + &self.behind[..self.rest]
    }

    fn reads(&self, text: &str, value: Option<f64>) -> bool {
        let text = text.trim().as_bytes();
        if text == b"-" {
            return self.is_dash_nil && value == Some(0.0) || !self.is_dash_nil && value.is_none();
        }
        let marks: &[u8] = match self.decimal {
            Some(b',') => b",",
            Some(_) => b".",
            None => b".,",
        };
        let with_mark = marks.iter().filter_map(|mark| decimal::value(text, Some(*mark), *mark).ok());
        // Exponents are written with a point.
        let mut readings = with_mark.chain(number(text).filter(|_| self.decimal != Some(b',')));
        match value {
            Some(value) => readings.any(|found| found == value),
            None => readings.next().is_none(),
        }
    }
}

/// Reads a payload once and gives what stands at each of these cells, which are in ascending order. Those that lie
/// behind its end are not given.
pub fn read_again(
    format: Format,
    source: &Source,
    hints: &Hints,
    cells: &[u64],
    mut found: impl FnMut(u64, Reading),
) -> Result<(), DecodeError> {
    let decimal = decimal::hinted(hints)?;
    if matches!(format, Format::Xlsx | Format::Ods) {
        return of_workbook(format, source, hints, cells, decimal, found);
    }
    let charset = hints.encoding.as_ref().and_then(|label| encoding_rs::Encoding::for_label(label.as_bytes()));
    let text = |bytes: &[u8]| charset.unwrap_or(encoding_rs::UTF_8).decode_without_bom_handling(bytes).0.into_owned();
    let mut payload = source.stream(hints)?;
    // What is held begins at `start` of the payload and at the line `line`.
    let (mut held, mut start, mut line, mut line_start) = (Vec::new(), 0u64, 1u64, 0u64);
    let mut is_over = false;
    let mut cells = cells.iter().copied().peekable();
    while let Some(cell) = cells.peek().copied() {
        let end = start + held.len() as u64;
        if !is_over && cell + BEHIND_BYTES as u64 > end {
            // What no later cell looks back at.
            let kept = cell.saturating_sub(BEFORE_BYTES as u64).clamp(start, end);
            let gone = (kept - start) as usize;
            line += memchr::memchr_iter(b'\n', &held[..gone]).count() as u64;
            if let Some(newline) = memchr::memrchr(b'\n', &held[..gone]) {
                line_start = start + newline as u64 + 1;
            }
            held.drain(..gone);
            start = kept;
            is_over = payload.read_into(&mut held, BLOCK_BYTES)? < BLOCK_BYTES;
            continue;
        }
        cells.next();
        if cell > end {
            continue;
        }
        let at = (cell - start) as usize;
        let (before, rest) = (&held[..at], &held[at..held.len().min(at + BEHIND_BYTES)]);
        let newline = memchr::memrchr(b'\n', before);
        let place = Place {
            line: line + memchr::memchr_iter(b'\n', before).count() as u64,
            column: cell - newline.map_or(line_start, |newline| start + newline as u64 + 1) + 1,
            offset: cell,
        };
        let shown = before.len().saturating_sub(BEFORE_BYTES);
        let before = &before[shown.max(newline.map_or(0, |newline| newline + 1))..];
        let (skipped, length) = value_at(format, hints, before.last().copied(), rest);
        let behind = &rest[skipped + length..];
        let behind = &behind[..behind.iter().position(|byte| matches!(byte, b'\n' | b'\r')).unwrap_or(behind.len())];
        let fraction = behind.strip_prefix(b",").unwrap_or_default();
        let digits = fraction.iter().position(|byte| !byte.is_ascii_digit()).unwrap_or(fraction.len());
        let is_open = format == Format::IneCsv && skipped == 0 && before.ends_with(b",") && digits > 0;
        found(
            cell,
            Reading {
                text: text(&rest[skipped..skipped + length]),
                before: text(before) + &text(&rest[..skipped]),
                behind: text(behind),
                rest: if is_open { digits + 1 } else { 0 },
                place: place.to_string(),
                at: Some(place),
                decimal,
                is_dash_nil: format == Format::PcAxis,
            },
        );
    }
    Ok(())
}

/// Bytes to leave out and length of the value at the beginning of `rest`; `previous` is the byte before it in its line.
fn value_at(format: Format, hints: &Hints, previous: Option<u8>, rest: &[u8]) -> (usize, usize) {
    let until = |from: usize, ends: &[u8]| {
        let end = rest[from..].iter().position(|byte| ends.contains(byte) || matches!(byte, b'\n' | b'\r'));
        (from, end.unwrap_or(rest.len() - from))
    };
    match (rest.first(), previous) {
        (Some(b'"'), _) => return until(1, b"\""),
        (_, Some(quote @ (b'"' | b'\''))) => return until(0, &[quote]),
        _ => {}
    }
    match format {
        Format::SdmxJson | Format::JsonStat | Format::IneTempus | Format::IcaneJson => until(0, b",]} \t"),
        Format::SdmxMl => until(0, b"<"),
        Format::EurostatTsv => until(0, b"\t "),
        Format::PcAxis => until(0, b" \t,;"),
        _ => match (hints.separator, previous) {
            (Some(separator), _) if separator.is_ascii() => until(0, &[separator as u8]),
            // A value that is not its line's first has the separator before it.
            (_, Some(separator)) => until(0, &[separator]),
            _ => until(0, b";\t|,"),
        },
    }
}

/// The cells of a workbook, each with the codes of its row.
fn of_workbook(
    format: Format,
    source: &Source,
    hints: &Hints,
    cells: &[u64],
    decimal: Option<u8>,
    mut found: impl FnMut(u64, Reading),
) -> Result<(), DecodeError> {
    let table = super::open(format, source, hints)?;
    let mut readings = BTreeMap::new();
    for batch in table.batches {
        let batch = batch?;
        let Some(places) = batch.column_by_name(CELL).and_then(|column| column.as_primitive_opt::<UInt64Type>()) else {
            continue;
        };
        for (row, cell) in places.values().iter().enumerate() {
            if cells.binary_search(cell).is_err() {
                continue;
            }
            let value = batch.column_by_name(OBS_VALUE).and_then(|column| column.as_primitive_opt::<Float64Type>());
            let text = value.filter(|value| value.is_valid(row)).map(|value| value.value(row).to_string());
            let fields = batch.schema();
            let codes = fields.fields().iter().zip(batch.columns()).filter_map(|(field, column)| {
                let codes = column.as_dictionary_opt::<Int32Type>()?;
                let values = codes.values().as_string_opt::<i32>()?;
                Some(format!("{} = {}", field.name(), values.value(codes.key(row)?)))
            });
            let (sheet, row, column) = workbook_cell(*cell);
            let place = format!("sheet {}, {}", sheet + 1, super::workbook::a1(row, column.into()));
            let before = codes.collect::<Vec<_>>().join(", ") + ": ";
            let reading = Reading {
                text: text.unwrap_or_default(),
                before,
                behind: String::new(),
                place,
                at: None,
                // The number of a cell is written with a point.
                decimal: decimal.map(|_| b'.'),
                is_dash_nil: false,
                rest: 0,
            };
            readings.insert(*cell, reading);
        }
    }
    readings.into_iter().for_each(|(cell, reading)| found(cell, reading));
    Ok(())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn a_value_is_not_taken_for_another_one() {
        let text = "geo;share\nES13;10,99\nES12;10,995\nES11;\n";
        let hints = Hints { decimal: Some(','), value: Some("share".into()), ..Hints::default() };
        let mut readings = Vec::new();
        let source = Source::from_bytes(text.as_bytes());
        read_again(Format::Delimited, &source, &hints, &[15, 26, 38, 400], |_, reading| readings.push(reading))
            .unwrap();
        assert_eq!(readings.iter().map(|reading| reading.text.as_str()).collect::<Vec<_>>(), ["10,99", "10,995", ""]);
        assert!(readings[0].says(Some(10.99)) && !readings[0].says(None) && !readings[0].says(Some(1099.0)));
        assert!(!readings[1].says(Some(10.99)));
        assert!(readings[2].says(None) && !readings[2].says(Some(0.0)));
        assert_eq!((readings[1].before.as_str(), readings[1].place.as_str()), ("ES12;", "line 3, column 6 (byte 26)"));
    }
}
