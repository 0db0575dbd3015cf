//! INE's wide CSV: `csv_sc` (separated by `;`), its sibling with tabs, and `csv_c` (by commas).
//!
//! A preamble (operation, section, title, in any order, and `Unidades: …` or `Units: …`), header rows that
//! begin with a separator (a label that holds for several columns is followed by empty fields; often the
//! last row is the periods, repeated), then rows: a label, one value a column, mostly a separator at the
//! end. A label alone on a line begins a section. Lines behind the last row are footnotes. The dimensions
//! have no names in the file, so they are called `section` (where there are sections), `row`, and `column`,
//! `column_2` and so on, one a header row; a header row of periods is `time_period`. Format: files of the
//! business register (30157, 49254, 62431), the ICT survey (59910) and the labour force survey.
//!
//! The decimal mark is never guessed. Tables of one wave group thousands by dots, others by commas, under
//! the same format name. Where the units are things that are counted, a value is an integer grouped in
//! threes by one mark. Elsewhere the hint `decimal` counts, else INE's comma; `1,234` without a hint may
//! be a thousand and is an error.
//!
//! `csv_c` does not quote, so `25,1,25,4` may be two to four values. A row is decoded where its number of
//! fields leaves one reading: every value an integer, or every value with decimals. Labels with commas are
//! told from values by their letters; a header label with a comma is an error. Not supported: sections
//! within sections (their lines do not say how deep they are). In each case `csv_bdsc` has the same data.
//!
//! The file is read twice, since the footnotes and whether there are sections must be known before the
//! first row. In memory are a block, and the preamble, header and footnotes, which are limited.

use std::collections::VecDeque;

use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;

use super::columns::Observations;
use super::fields::each_record;
use super::notice::unexpected;
use super::records::{Block, Blocks, Charset};
use super::{BATCH_ROWS, DecodeError, Hints, Metadata, Source, Table, observation_schema};
use layout::{EXPECTED, LONG, Layout, Line, is_units};
use values::{Values, read_values};

mod layout;
mod values;

/// Whether this is the head of a wide file: a line that begins with a separator, behind the units or at
/// least behind lines without any separator.
pub(super) fn is_wide(head: &[u8]) -> bool {
    let (mut after_units, mut is_plain) = (false, true);
    for line in head.split(|byte| *byte == b'\n').take(layout::MAX_PREAMBLE_LINES) {
        if let Some(b';' | b',' | b'\t') = line.first() {
            return after_units || is_plain;
        }
        if line.trim_ascii().is_empty() {
            continue;
        }
        after_units = is_units(line).is_some();
        is_plain &= !line.iter().any(|byte| matches!(byte, b';' | b'\t'));
    }
    false
}

pub(super) fn open(source: &Source, hints: &Hints, decimal: Option<u8>) -> Result<Table, DecodeError> {
    let charset = Charset::new(hints)?;
    let layout = Layout::new(Blocks::new(source.stream(hints)?, false)?, charset)?;
    let mut blocks = Blocks::new(source.stream(hints)?, false)?;
    for _ in 0..layout.head_lines {
        if blocks.record()?.is_none() {
            return Err(unexpected(blocks.head(), EXPECTED));
        }
    }
    let (dimensions, is_section) = (layout.dimensions(), usize::from(layout.has_sections));
    let schema = observation_schema(&dimensions, &[]);
    let mut columns = Observations::new(dimensions.len(), 0);
    let numbers = layout
        .heads
        .iter()
        .zip(columns.dimensions.iter_mut().skip(is_section + 1))
        .map(|(labels, column)| labels.iter().map(|label| column.number_of(label)).collect())
        .collect();
    let metadata = Metadata {
        title: layout.title.clone(),
        units: layout.units.clone(),
        notes: layout.notes.clone(),
        ..Metadata::default()
    };
    let values = Values::new(decimal, layout.units.as_deref());
    let mut cells =
        Cells { layout, columns, numbers, charset, values, section: 0, schema: schema.clone(), ready: VecDeque::new() };
    let (mut is_over, mut failed) = (false, None);
    let batches = std::iter::from_fn(move || {
        loop {
            // What is ready stands before the error.
            if let Some(batch) = cells.ready.pop_front() {
                return Some(Ok(batch));
            }
            if is_over {
                return failed.take().map(Err);
            }
            let read = match blocks.next() {
                Some(block) => block.and_then(|block| cells.block(&block)),
                None => {
                    is_over = true;
                    cells.finish()
                }
            };
            if let Err(error) = read {
                (is_over, failed) = (true, Some(error));
            }
        }
    });
    Ok(Table { metadata, schema, batches: Box::new(batches) })
}

/// The second reading.
struct Cells {
    layout: Layout,
    columns: Observations,
    /// Header row → column → number of its label.
    numbers: Vec<Vec<i32>>,
    charset: Charset,
    values: Values,
    /// Number of the section being read.
    section: i32,
    schema: SchemaRef,
    ready: VecDeque<RecordBatch>,
}

impl Cells {
    fn block(&mut self, block: &Block) -> Result<(), DecodeError> {
        each_record(block, self.layout.separator, None, |fields, at| {
            let offset = block.offset + at as u64;
            if offset >= self.layout.notes_from {
                return Ok(());
            }
            match self.layout.line(block, fields, at)? {
                Line::Alone(label) if label.trim_ascii().is_empty() => Ok(()),
                Line::Alone(label) => {
                    let label = self.charset.text(label.trim_ascii(), block, at)?;
                    if let Some(column) = self.columns.dimensions.first_mut() {
                        self.section = column.number_of(&label);
                    }
                    Ok(())
                }
                Line::Row(label, values) => {
                    let row_at = usize::from(self.layout.has_sections);
                    let row = match self.columns.dimensions.get_mut(row_at) {
                        Some(column) => column.number(label.trim_ascii(), self.charset, block, at)?,
                        None => 0,
                    };
                    self.row(block, row, &values)
                }
            }
        })
    }

    fn row(&mut self, block: &Block, row: i32, values: &[(usize, usize)]) -> Result<(), DecodeError> {
        let Cells { layout, columns, numbers, values: marks, section, schema, ready, .. } = self;
        let width = layout.width;
        read_values(block, values, width, layout.separator, marks, |column, value, cell| {
            let sections = layout.has_sections.then_some(*section);
            let heads = numbers.iter().map(|head| head.get(column).copied().unwrap_or_default());
            for (texts, number) in columns.dimensions.iter_mut().zip(sections.into_iter().chain([row]).chain(heads)) {
                texts.push_number(number);
            }
            columns.push(value, cell);
            columns.flags.push_null();
            columns.confidentiality.push_null();
            if columns.rows() >= BATCH_ROWS {
                ready.push_back(columns.take(schema)?);
            }
            Ok(())
        })
    }

    fn finish(&mut self) -> Result<(), DecodeError> {
        if self.columns.rows() > 0 {
            self.ready.push_back(self.columns.take(&self.schema)?);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
