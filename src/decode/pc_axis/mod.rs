//! PC-Axis (`.px`, ICANE's `.pc-axis`): a header of keywords, then every cell of a cube in row order.
//!
//! ```text
//! STUB="region"; HEADING="year";
//! VALUES("region")="Cantabria","Asturias"; CODES("region")="06","03";
//! VALUES("year")="2024","2025"; TIMEVAL("year")=TLIST(A1),"2024","2025";
//! DATA=
//! 10.99 ".."
//! - 7;
//! ```
//! Specification: Statistics Sweden, "PX-file format specification, AXIS-VERSION 2013", with what INE and
//! ICANE write. Header grammar: [`statements`]; encodings: [`text`]; meaning: [`layout`]; cells: [`cells`].
//!
//! The dimensions are those of `STUB`, then of `HEADING`, named as written in the chosen language; the one
//! that `TIMEVAL` names becomes `time_period` (without `TIMEVAL` nothing in the file marks it). Codes are
//! `CODES`, else `VALUES`. The last dimension runs fastest, and the number of cells must be the product of the
//! sizes: a cell more or less is an error, since it would shift every one behind it. Only the `;` behind the
//! cells may be missing, because ICANE's files lack it.
//!
//! A cell of one to seven dots (or `:`, which some writers use) is a missing observation with the mark as its
//! flag. A dash is nil: zero by the specification, so the value is 0 and the flag `-`. With `KEYS` a row
//! states its values of those dimensions before its cells; a row that is left out is no observation here,
//! though the specification says that its cells are zero, and a note says so.
//!
//! A text on single cells (`DATANOTECELL`, `ATTRIBUTES`), and units by value of `CONTVARIABLE`, are attribute
//! columns. Where an encoding is declared wrongly, a note says what was done.
//!
//! Not supported on purpose: rounding (`DECIMALS`, `PRECISION` and `SHOWDECIMALS` say how to show a number; the
//! value is the written one); the list of periods in `TIMEVAL` (it repeats `VALUES`); hierarchies, groupings,
//! elimination, maps and other hints for programs; a decimal comma (a comma separates cells); a quotation
//! mark in a text (there is no escape for it).
//!
//! The header is held in memory (it has a limit), the cells are streamed.

use std::ops::ControlFlow;

use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;

use self::cells::{Cells, Value};
use self::layout::Layout;
use self::marks::CellTexts;
use self::statements::Header;
use self::text::{Charset, ask};
use super::columns::Observations;
use super::{BATCH_ROWS, DecodeError, Hints, Source, Table, observation_schema};

mod attributes;
mod cells;
mod layout;
mod marks;
mod statements;
mod text;
mod view;

const EXPECTED: &str = "a PC-Axis header such as `AXIS-VERSION=\"2013\";`";

/// What to do about a payload that ends too early.
const CUT: &str = "the download was cut short: fetch it again";

/// Rows of a file with `KEYS` that are checked for being there once: one bit for each possible row.
const MAX_CHECKED_ROWS: u64 = 1 << 26;

/// Whether a payload begins like this format: with a keyword, an equals sign and a quote.
pub(super) fn recognises(head: &[u8]) -> bool {
    let Some(equals) = head.iter().take(200).position(|byte| *byte == b'=') else {
        return false;
    };
    let keyword = head[..equals].split(|byte| matches!(byte, b'[' | b'(')).next().unwrap_or_default();
    let is_keyword =
        keyword.iter().all(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit() || b"-._".contains(byte));
    !keyword.is_empty()
        && is_keyword
        && head[equals + 1..].trim_ascii_start().first().is_some_and(|byte| b"\"Y0123456789".contains(byte))
}

pub(super) fn open(source: &Source, hints: &Hints) -> Result<Table, DecodeError> {
    let (header, cells) = Header::read(source.stream(hints)?, hints)?;
    let layout = Layout::of(&header, hints)?;
    let names: Vec<String> = layout.dimensions.iter().map(|dimension| dimension.name.clone()).collect();
    let attributes: Vec<String> = layout.attributes.iter().map(|(name, _)| name.clone()).collect();
    let schema = observation_schema(&names, &attributes);
    let metadata = layout.metadata.clone();
    let mut rows = Rows::new(layout, cells, header.charset, schema.clone());
    let batches = std::iter::from_fn(move || rows.batch().transpose());
    Ok(Table { metadata, schema, batches: Box::new(batches) })
}

/// The cells becoming rows.
struct Rows {
    cells: Cells,
    charset: Charset,
    schema: SchemaRef,
    columns: Observations,
    layout: Layout,
    sizes: Vec<usize>,
    /// Numbers of the codes, by dimension.
    codes: Vec<Vec<i32>>,
    /// Numbers of the texts, by attribute.
    texts: Vec<Vec<i32>>,
    /// The cell that comes next, by dimension.
    index: Vec<usize>,
    /// Dimensions that a row states, and those that its cells run through, the fastest first.
    keyed: Vec<usize>,
    run: Vec<usize>,
    /// Cells of a row: without `KEYS` of the whole cube, which is one row.
    row_cells: u64,
    /// Cells that are still to come in this row.
    left: u64,
    started: bool,
    ended: bool,
    /// One bit for each row that has been read.
    seen: Vec<u64>,
}

impl Rows {
    fn new(layout: Layout, cells: Cells, charset: Charset, schema: SchemaRef) -> Self {
        let sizes = layout.sizes();
        let mut columns = Observations::new(sizes.len(), layout.attributes.len());
        let number = |(column, texts): (&mut super::columns::Texts, &[String])| {
            texts.iter().map(|text| column.number_of(text)).collect::<Vec<i32>>()
        };
        let codes = layout.dimensions.iter().map(|dimension| dimension.codes.as_slice());
        let codes = columns.dimensions.iter_mut().zip(codes).map(number).collect();
        let texts = layout.attributes.iter().map(|(_, texts)| texts.texts.as_slice());
        let texts = columns.attributes.iter_mut().zip(texts).map(number).collect();
        let (keyed, mut run): (Vec<usize>, Vec<usize>) =
            (0..sizes.len()).partition(|number| layout.dimensions[*number].keys.is_some());
        run.reverse();
        // The layout has checked that the product of all sizes fits.
        let product = |numbers: &[usize]| numbers.iter().map(|number| sizes[*number] as u64).product::<u64>();
        let possible = product(&keyed);
        let checked = if !keyed.is_empty() && possible <= MAX_CHECKED_ROWS { possible } else { 0 };
        Rows {
            row_cells: product(&run),
            seen: vec![0; checked.div_ceil(64) as usize],
            index: vec![0; sizes.len()],
            left: 0,
            started: false,
            ended: false,
            cells,
            charset,
            schema,
            columns,
            layout,
            sizes,
            codes,
            texts,
            keyed,
            run,
        }
    }

    /// The next batch; none after the last cell.
    fn batch(&mut self) -> Result<Option<RecordBatch>, DecodeError> {
        while !self.ended && self.columns.rows() < BATCH_ROWS {
            if self.left == 0 && self.row()?.is_break() {
                self.ended = true;
                break;
            }
            self.cell()?;
        }
        match self.columns.rows() {
            0 => Ok(None),
            _ => self.columns.take(&self.schema).map(Some),
        }
    }

    /// Begins a row: reads what it states.
    fn row(&mut self) -> Result<ControlFlow<()>, DecodeError> {
        if self.keyed.is_empty() && self.started {
            return match self.cells.token()? {
                None => Ok(ControlFlow::Break(())),
                Some(token) => {
                    let expected = format!("nothing behind {}", self.shape());
                    let hint = "`VALUES` and `DATA` do not belong together, or numbers have a decimal comma, which \
                                separates cells in PC-Axis";
                    Err(self.cells.wrong(token, expected, Some(hint)))
                }
            };
        }
        self.index.fill(0);
        let mut row: u64 = 0;
        for (number, of) in self.keyed.iter().enumerate() {
            let dimension = &self.layout.dimensions[*of];
            let Some(token) = self.cells.token()? else {
                if number > 0 {
                    return Err(self.cells.ended(
                        format!("the row's value of `{}`", dimension.name),
                        "the end",
                        Some(CUT),
                    ));
                }
                // Rows may be left out, so that nothing else tells that the last one has been read.
                if !self.cells.is_closed() {
                    return Err(self.cells.ended("`;` behind the last row", "the end of the payload", Some(CUT)));
                }
                return Ok(ControlFlow::Break(()));
            };
            let Some(key) = self.charset.decode(self.cells.bytes(token)) else {
                let expected = format!("text in {}", self.charset.name());
                return Err(self.cells.wrong(token, expected, Some(&ask())));
            };
            let known = dimension.keys.as_ref().and_then(|keys| keys.get(key.as_ref()));
            let Some(Some(value)) = known else {
                let expected = match known {
                    Some(None) => format!("a value of `{}` that only one has", dimension.name),
                    _ => format!("a value of `{}` that the header lists (`KEYS`)", dimension.name),
                };
                return Err(self.cells.wrong(token, expected, None));
            };
            self.index[*of] = *value;
            row = row * self.sizes[*of] as u64 + *value as u64;
            if number + 1 == self.keyed.len()
                && let Some(bits) = self.seen.get_mut((row / 64) as usize)
            {
                let bit = 1u64 << (row % 64);
                if *bits & bit != 0 {
                    return Err(self.cells.wrong(token, "each row once", Some("the row was there before")));
                }
                *bits |= bit;
            }
        }
        self.started = true;
        self.left = self.row_cells;
        Ok(ControlFlow::Continue(()))
    }

    /// Adds the next cell.
    fn cell(&mut self) -> Result<(), DecodeError> {
        let Some(token) = self.cells.token()? else {
            let found = format!("the end after {} of them", self.row_cells - self.left);
            let hint = format!("{CUT}; or `VALUES` and `DATA` do not belong together");
            return Err(self.cells.ended(self.shape(), found, Some(&hint)));
        };
        let (value, flag) = match Value::of(self.cells.bytes(token)) {
            Some(Value::Number(number)) => (Some(number), ""),
            Some(Value::Nil(mark)) => (Some(0.0), mark),
            Some(Value::Missing(mark)) => (None, mark),
            None => {
                let expected = "a number with a decimal point, or a mark such as `..`";
                let hint = match self.keyed.is_empty() {
                    true => None,
                    false => Some("a row has another number of cells, or is another file's"),
                };
                return Err(self.cells.wrong(token, expected, hint));
            }
        };
        self.columns.push(value, token.cell);
        self.columns.flags.push_text(flag);
        self.columns.confidentiality.push_null();
        for ((column, numbers), value) in self.columns.dimensions.iter_mut().zip(&self.codes).zip(&self.index) {
            column.push_number(numbers[*value]);
        }
        let attributes = self.columns.attributes.iter_mut().zip(&self.texts).zip(&self.layout.attributes);
        for ((column, numbers), (_, texts)) in attributes {
            match CellTexts::get(texts, &self.index) {
                Some(number) => column.push_number(numbers[number]),
                None => column.push_null(),
            }
        }
        self.left -= 1;
        for number in &self.run {
            self.index[*number] += 1;
            if self.index[*number] < self.sizes[*number] {
                break;
            }
            self.index[*number] = 0;
        }
        Ok(())
    }

    /// The number of cells of a row in words, such as `6 cells (2 × 3)`.
    fn shape(&self) -> String {
        let sizes: Vec<String> = self.run.iter().rev().map(|number| self.sizes[*number].to_string()).collect();
        match self.keyed.is_empty() {
            true => format!("{} cells ({})", self.row_cells, sizes.join(" × ")),
            false => format!("{} cells of a row", self.row_cells),
        }
    }
}

#[cfg(test)]
mod properties;
#[cfg(test)]
mod tests;
