//! Eurostat's bulk TSV: one line a series, one column a period.
//!
//! ```text
//! freq,nace_r2,geo\TIME_PERIOD<TAB>2024 <TAB>2025
//! A,C,ES13<TAB>7.36 <TAB>10.99 u
//! ```
//! Specification: Eurostat, "API - Detailed guidelines - Data formats" (TSV), and bulk files. Each
//! header and each cell may end in a blank. A cell is a number or `:` (not available), then flags;
//! lower-case letters are observation flags, `C` is confidentiality (`:C`, or `|C` behind a bar).

use super::columns::{Observations, number};
use super::fields::{Field, each_record};
use super::notice::unexpected;
use super::parallel::tables;
use super::records::{Block, Blocks, Charset, header};
use super::{DecodeError, Hints, MAX_DIMENSIONS, Metadata, Source, TIME_PERIOD, Table, observation_schema};

const EXPECTED: &str = "a TSV header such as `freq,unit,geo\\TIME_PERIOD` and periods behind it";

/// Whether a payload begins like this format.
pub(super) fn recognises(head: &[u8]) -> bool {
    let key = super::first_line(head).split(|byte| *byte == b'\t').next().unwrap_or_default();
    // What is compressed may have any byte in it; what is text has no NUL.
    key.contains(&b'\\') && !key.contains(&0)
}

pub(super) fn open(source: &Source, hints: &Hints) -> Result<Table, DecodeError> {
    let charset = Charset::new(hints)?;
    let mut blocks = Blocks::new(source.stream(hints)?, false)?;
    let (head, names) = header(&mut blocks, b'\t', EXPECTED)?;
    let (dimensions, periods) = layout(&head, &names, charset)?;
    let width = names.len();
    let series = dimensions.len();
    let schema = observation_schema(&[dimensions, vec![TIME_PERIOD.to_owned()]].concat(), &[]);
    let batch_schema = schema.clone();
    let parser = move || {
        let schema = batch_schema.clone();
        let mut columns = Observations::new(series + 1, 0);
        // The periods are the same in every line: number them once.
        let numbers: Vec<i32> = periods.iter().map(|period| columns.dimensions[series].number_of(period)).collect();
        move |block: Block| {
            each_record(&block, b'\t', Some(width), |fields, _| line(&block, fields, &numbers, charset, &mut columns))?;
            columns.take(&schema)
        }
    };
    Ok(Table { metadata: Metadata::default(), schema, batches: tables(blocks, parser) })
}

/// The dimensions of a series and the periods.
fn layout(head: &Block, names: &[Field], charset: Charset) -> Result<(Vec<String>, Vec<String>), DecodeError> {
    let [first, periods @ ..] = names else {
        return Err(unexpected(&head.bytes, EXPECTED));
    };
    let key = charset.text(&head.bytes[first.start..first.end], head, first.start)?;
    let Some((dimensions, time)) = key.rsplit_once('\\') else {
        return Err(unexpected(&head.bytes, EXPECTED));
    };
    if !matches!(time.trim(), "TIME_PERIOD" | "time" | "time_period") {
        return Err(head.wrong(first.start, "periods in columns (`\\TIME_PERIOD`)", time.as_bytes(), None));
    }
    let dimensions: Vec<String> = dimensions.split(',').map(|name| name.trim().to_owned()).collect();
    if dimensions.len() > MAX_DIMENSIONS {
        let found = dimensions.len().to_string();
        return Err(head.wrong(first.start, format!("at most {MAX_DIMENSIONS} dimensions"), found.as_bytes(), None));
    }
    for (at, name) in dimensions.iter().enumerate() {
        if name.is_empty() || name == TIME_PERIOD || super::is_reserved(name) || dimensions[..at].contains(name) {
            return Err(head.wrong(first.start, "each dimension once, under a name of its own", name.as_bytes(), None));
        }
    }
    let mut found: Vec<String> = Vec::with_capacity(periods.len());
    for period in periods {
        let text = head.bytes[period.start..period.end].trim_ascii();
        if text.is_empty() || found.iter().any(|other| other.as_bytes() == text) {
            return Err(head.wrong(period.start, "each period once", text, None));
        }
        found.push(charset.text(text, head, period.start)?.into_owned());
    }
    Ok((dimensions, found))
}

fn line(
    block: &Block,
    fields: &[Field],
    periods: &[i32],
    charset: Charset,
    columns: &mut Observations,
) -> Result<(), DecodeError> {
    let [key, cells @ ..] = fields else {
        return Ok(());
    };
    let series = columns.dimensions.len() - 1;
    let text = &block.bytes[key.start..key.end];
    let mut numbers = [0i32; MAX_DIMENSIONS];
    let mut found = 0;
    let mut at = key.start;
    for code in text.split(|byte| *byte == b',') {
        if found < series {
            numbers[found] = columns.dimensions[found].number(code.trim_ascii(), charset, block, at)?;
        }
        found += 1;
        at += code.len() + 1;
    }
    if found != series {
        return Err(block.wrong(key.start, format!("{series} codes with commas between them"), text, None));
    }
    for (cell, period) in cells.iter().zip(periods) {
        let raw = &block.bytes[cell.start..cell.end];
        let blanks = raw.len() - raw.trim_ascii_start().len();
        let start = cell.start + blanks;
        let text = raw.trim_ascii();
        let (value, marks) = match text {
            [b':', marks @ ..] => (None, marks),
            _ => {
                let end = text.iter().position(|byte| matches!(byte, b' ' | b'|')).unwrap_or(text.len());
                let value = number(&text[..end]).ok_or_else(|| {
                    block.wrong(start, "a number with a decimal point, or `:`", text, text_hint(text))
                })?;
                (Some(value), &text[end..])
            }
        };
        for (column, number) in columns.dimensions.iter_mut().zip(&numbers[..series]) {
            column.push_number(*number);
        }
        columns.dimensions[series].push_number(*period);
        columns.push(value, block.offset + start as u64);
        flags(block, start, marks, charset, columns)?;
    }
    Ok(())
}

/// What to do about a cell that is text: Eurostat's tables of production give the units of quantities as if they were
/// observations (`QNTUNIT`, `KG`).
fn text_hint(cell: &[u8]) -> Option<String> {
    cell.iter().all(u8::is_ascii_alphabetic).then(|| {
        "this series holds text, as some tables of Eurostat do for units: ask for the table without such series".into()
    })
}

/// Letters behind a value: flags in lower case, then, behind a bar or in upper case, confidentiality.
fn flags(
    block: &Block,
    at: usize,
    marks: &[u8],
    charset: Charset,
    columns: &mut Observations,
) -> Result<(), DecodeError> {
    let marks = marks.trim_ascii();
    if marks.is_empty() {
        columns.flags.push_null();
        columns.confidentiality.push_null();
        return Ok(());
    }
    let lower = marks.iter().take_while(|byte| byte.is_ascii_lowercase()).count();
    let (flags, rest) = marks.split_at(lower);
    let confidentiality = rest.strip_prefix(b"|").unwrap_or(rest);
    if !confidentiality.iter().all(u8::is_ascii_uppercase) {
        let expected = "flags (letters) behind the value";
        return Err(block.wrong(at, expected, marks, None));
    }
    columns.flags.push_nullable(flags, charset, block, at)?;
    columns.confidentiality.push_nullable(confidentiality, charset, block, at)
}
