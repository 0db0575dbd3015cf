//! INE's long CSV: `csv_bdsc` (separated by `;`) and `csv_bd` (by tabs). The wide ones (`csv_sc`, `csv_c`)
//! are told by their preamble and go to [`ine_wide`].
//!
//! One line an observation, labels without codes, the value last, in a column `Total` (in both
//! languages). Decimal comma, but some tables have a point: that is a hint (`decimal`), since
//! `1.234` is a thousand in one and a fraction in the other. `..` is not available. Format: INE,
//! "Servicio API JSON / descarga de tablas", and files of the survey on ICT in enterprises.

use super::columns::{Observations, decimal_mark, number};
use super::notice::unexpected;
use super::parallel::tables;
use super::records::{Block, Blocks, Charset, Field, each_record, header};
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
    let decimal = decimal_mark(hints)?;
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
        text => Some(value(text, decimal).map_err(|(expected, hint)| block.wrong(start, expected, text, Some(hint)))?),
    };
    columns.push(value, block.offset + start as u64);
    columns.flags.push_null();
    columns.confidentiality.push_null();
    Ok(())
}

/// A number with this decimal mark; the other one may stand between groups of three digits, but only
/// where the mark was said. Without being said it is the comma.
pub(super) fn value(text: &[u8], decimal: Option<u8>) -> Result<f64, (&'static str, String)> {
    let mark = decimal.unwrap_or(b',');
    let (expected, other) = match mark {
        b',' => ("a number with a decimal comma", b'.'),
        _ => ("a number with a decimal point", b','),
    };
    let refused = || {
        let is_numeric = text.iter().all(|byte| byte.is_ascii_digit() || b".,-".contains(byte));
        let hint = match (decimal, is_numeric && text.contains(&other)) {
            (None, true) => {
                "say which mark is the decimal one in this table: `decimal = \".\"` or `decimal = \",\"`".into()
            }
            (Some(_), true) => format!("if the table has changed its decimal mark: `decimal = \"{}\"`", other as char),
            (_, false) => "the table has a mark that is not known, or its columns have changed".into(),
        };
        (expected, hint)
    };
    let (whole, fraction) = match text.iter().position(|byte| *byte == mark) {
        Some(at) => (&text[..at], &text[at + 1..]),
        None => (text, &[][..]),
    };
    // Three digits behind the only comma: a fraction, or a group of thousands.
    let groups_alike = fraction.len() == 3 && (1..=3).contains(&whole.len()) && whole != b"0";
    if decimal.is_none() && groups_alike {
        let hint = "say which mark is the decimal one in this table: `decimal = \".\"` or `decimal = \",\"`";
        return Err(("a number with a decimal comma that can be nothing else", hint.into()));
    }
    let mut plain = Vec::with_capacity(text.len());
    if whole.contains(&other) {
        let mut groups = whole.split(|byte| *byte == other);
        let first = groups.next().unwrap_or_default();
        let first_digits = first.strip_prefix(b"-").unwrap_or(first).len();
        if decimal.is_none() || !(1..=3).contains(&first_digits) || !groups.clone().all(|group| group.len() == 3) {
            return Err(refused());
        }
        plain.extend_from_slice(first);
        groups.for_each(|group| plain.extend_from_slice(group));
    } else {
        plain.extend_from_slice(whole);
    }
    if !fraction.is_empty() {
        plain.push(b'.');
        plain.extend_from_slice(fraction);
    }
    let digits = plain.strip_prefix(b"-").unwrap_or(&plain);
    let is_plain = digits.iter().all(|byte| byte.is_ascii_digit() || *byte == b'.') && !digits.starts_with(b".");
    number(&plain).filter(|_| is_plain && !text.ends_with(&[mark])).ok_or_else(refused)
}

#[cfg(test)]
mod tests {
    use super::value;

    #[test]
    fn a_decimal_mark_is_never_guessed() {
        for (text, decimal, expected) in [
            ("21,14", None, Some(21.14)),
            ("-3,5", None, Some(-3.5)),
            ("1,234", None, None),
            ("0,234", None, Some(0.234)),
            ("1,234", Some(b','), Some(1.234)),
            ("1,234", Some(b'.'), Some(1234.0)),
            ("42", None, Some(42.0)),
            ("5.75", None, None),
            ("1.234", None, None),
            ("5.75", Some(b'.'), Some(5.75)),
            ("5,75", Some(b'.'), None),
            ("3.207.580", Some(b','), Some(3_207_580.0)),
            ("1.234,5", Some(b','), Some(1234.5)),
            ("5.75", Some(b','), None),
            ("12,", None, None),
            (",5", None, None),
            ("1,2,3", None, None),
            ("1.23.456", Some(b','), None),
            ("1e5", None, None),
            ("n.d.", None, None),
        ] {
            assert_eq!(value(text.as_bytes(), decimal).ok(), expected, "{text} with {decimal:?}");
        }
    }
}
