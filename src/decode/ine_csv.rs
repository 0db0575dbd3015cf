//! INE's long CSV: `csv_bdsc` (separated by `;`) and `csv_bd` (by tabs). The wide ones (`csv_sc`, `csv_c`)
//! are told by their preamble and go to [`ine_wide`].
//!
//! One line an observation, labels without codes, the value last, in a column `Total` (in both
//! languages). Decimal comma, but some tables have a point: that is a hint (`decimal`), since
//! `1.234` is a thousand in one and a fraction in the other. `..` is not available. Format: INE,
//! "Servicio API JSON / descarga de tablas", and files of the survey on ICT in enterprises.

use super::columns::Observations;
use super::decimal::{hinted, value};
use super::fields::{Field, each_record};
use super::notice::unexpected;
use super::parallel::tables;
use super::records::{Block, Blocks, Charset, header};
use super::{DecodeError, Hints, Metadata, Source, Table, ine_wide, observation_schema};

const EXPECTED: &str = "a header of labels separated by `;` or tabs, the last of them `Total`";

/// Whether a payload begins like this format.
pub(super) fn recognises(head: &[u8]) -> bool {
    let line = super::first_line(head);
    let last = line.rsplit(|byte| matches!(byte, b';' | b'\t')).next().unwrap_or_default();
    last.len() < line.len() && last.trim_ascii().eq_ignore_ascii_case(b"total") || ine_wide::is_wide(head)
}

pub(super) fn open(source: &Source, hints: &Hints) -> Result<Table, DecodeError> {
    let charset = Charset::new(hints)?;
    let decimal = hinted(hints)?;
    let mut blocks = Blocks::new(source.stream(hints)?, true)?;
    if ine_wide::is_wide(blocks.head()) {
        return ine_wide::open(source, hints, decimal);
    }
    let first_line = blocks.head().split(|byte| *byte == b'\n').next().unwrap_or_default();
    let separator = if first_line.contains(&b';') { b';' } else { b'\t' };
    let (head, names) = header(&mut blocks, separator, EXPECTED)?;
    let dimensions = dimensions(&head, &names, charset)?;
    let width = Some(names.len());
    let schema = observation_schema(&dimensions, &[]);
    let batch_schema = schema.clone();
    let count = dimensions.len();
    let parser = move || {
        let schema = batch_schema.clone();
        let mut columns = Observations::new(count, 0);
        move |block: Block| {
            each_record(&block, separator, width, |fields, _| line(&block, fields, decimal, charset, &mut columns))?;
            columns.take(&schema)
        }
    };
    Ok(Table { metadata: Metadata::default(), schema, batches: tables(blocks, parser) })
}

fn dimensions(head: &Block, names: &[Field], charset: Charset) -> Result<Vec<String>, DecodeError> {
    let [dimensions @ .., value] = names else {
        return Err(unexpected(&head.bytes, EXPECTED));
    };
    if dimensions.is_empty() {
        return Err(unexpected(&head.bytes, EXPECTED));
    }
    let label = value.bytes(head);
    if !label.trim_ascii().eq_ignore_ascii_case(b"total") {
        return Err(head.wrong(value.start, "the column `Total` at the end", &label, None));
    }
    let mut found: Vec<String> = Vec::with_capacity(dimensions.len());
    for field in dimensions {
        let name = charset.text(&head.bytes[field.start..field.end], head, field.start)?.trim().to_owned();
        if name.is_empty() || super::is_reserved(&name) || found.contains(&name) {
            return Err(head.wrong(field.start, "each column once, with a name", name.as_bytes(), None));
        }
        found.push(name);
    }
    Ok(found)
}

fn line(
    block: &Block,
    fields: &[Field],
    decimal: Option<u8>,
    charset: Charset,
    columns: &mut Observations,
) -> Result<(), DecodeError> {
    let [labels @ .., total] = fields else {
        return Ok(());
    };
    for (column, field) in columns.dimensions.iter_mut().zip(labels) {
        let label = field.bytes(block);
        column.push(label.trim_ascii(), charset, block, field.start)?;
    }
    let raw = &block.bytes[total.start..total.end];
    let start = total.start + raw.len() - raw.trim_ascii_start().len();
    let value = match raw.trim_ascii() {
        b"" | b".." | b"." => None,
        text => Some(
            value(text, decimal, b',').map_err(|(expected, hint)| block.wrong(start, expected, text, Some(hint)))?,
        ),
    };
    columns.push(value, block.offset + start as u64);
    columns.flags.push_null();
    columns.confidentiality.push_null();
    Ok(())
}
