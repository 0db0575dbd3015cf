//! Delimited text: registers such as a cluster's membership export and, with the hint `value`, observations.
//!
//! Only the declared columns are decoded (see [`selection`](super::selection)), and no error of a register repeats what
//! a field says. A register's batches have the columns as text, `row` and `cell`, the record's line and the offset of
//! its first byte. The hint `header` is for files with a title above the names: the lines before it are not read.

use std::sync::Arc;

use super::columns::Observations;
use super::decimal::{hinted, observed};
use super::fields::{Field, each_record};
use super::parallel::tables;
use super::records::{Block, Blocks, Charset, header};
use super::selection::{Observed, Register, Selection};
use super::{DecodeError, Hints, Metadata, Source, Table};

const EXPECTED: &str = "a header of column names";

pub(super) fn open(source: &Source, hints: &Hints) -> Result<Table, DecodeError> {
    let charset = Charset::new(hints)?;
    let separator = match hints.separator {
        None => b';',
        Some(mark) if mark.is_ascii() && !mark.is_ascii_alphanumeric() && !"\"\r\n".contains(mark) => mark as u8,
        Some(other) => return Err(DecodeError::UnknownHint { what: "separator", found: other.to_string() }),
    };
    let decimal = hinted(hints)?;
    let mut blocks = Blocks::new(source.stream(hints)?, true)?;
    let line = header_line(hints)?;
    blocks.skip_lines(line - 1)?;
    if line > 1 && blocks.is_over() {
        return Err(DecodeError::Format {
            expected: format!("{EXPECTED} in line {line}"),
            found: "fewer lines".into(),
            hint: Some("correct `header`, or look whether the source has changed what stands above the names".into()),
        });
    }
    let (head, fields) = header(&mut blocks, separator, EXPECTED)?;
    let mut names = Vec::with_capacity(fields.len());
    for field in &fields {
        names.push(charset.private_text(&field.bytes(&head), &head, field.start)?.trim().to_owned());
    }
    let selection = Selection::of(&names, hints).map_err(|refused| {
        let at = refused.column.and_then(|column| fields.get(column)).map_or(0, |field| field.start);
        head.wrong_in_words(at, refused.expected, refused.found, refused.hint)
    })?;
    let schema = selection.schema.clone();
    let layout = Arc::new(Layout { selection, charset, separator, decimal, width: names.len() });
    let batches = match layout.selection.observed {
        None => tables(blocks, move || {
            let layout = layout.clone();
            move |block: Block| register(&layout, &block)
        }),
        Some(at) => tables(blocks, move || {
            let layout = layout.clone();
            let mut columns = Observations::new(layout.selection.texts.len(), 0);
            move |block: Block| {
                each_record(&block, layout.separator, Some(layout.width), |fields, _| {
                    observation(&layout, at, &block, fields, &mut columns)
                })?;
                columns.take(&layout.selection.schema)
            }
        }),
    };
    Ok(Table { metadata: Metadata::default(), schema, batches })
}

fn header_line(hints: &Hints) -> Result<u32, DecodeError> {
    match hints.header {
        Some(0) => Err(DecodeError::UnknownHint { what: "header line", found: "0".into() }),
        line => Ok(line.unwrap_or(1)),
    }
}

/// How records are read.
struct Layout {
    selection: Selection,
    charset: Charset,
    separator: u8,
    decimal: Option<u8>,
    /// Fields of each record.
    width: usize,
}

fn register(layout: &Layout, block: &Block) -> Result<arrow::array::RecordBatch, DecodeError> {
    let mut columns = Register::new(layout.selection.texts.len());
    let (mut line, mut counted) = (block.line, 0);
    each_record(block, layout.separator, Some(layout.width), |fields, record| {
        for (column, at) in layout.selection.texts.iter().enumerate() {
            let bytes = fields[*at].bytes(block);
            columns.push(column, &layout.charset.private_text(&bytes, block, fields[*at].start)?);
        }
        line += memchr::memchr_iter(b'\n', &block.bytes[counted..record]).count() as u64;
        counted = record;
        columns.end(line, block.offset + record as u64);
        Ok(())
    })?;
    columns.take(&layout.selection.schema)
}

fn observation(
    layout: &Layout,
    at: Observed,
    block: &Block,
    fields: &[Field],
    columns: &mut Observations,
) -> Result<(), DecodeError> {
    let texts = layout.selection.texts.iter().zip(layout.selection.schema.fields());
    for ((position, field), column) in texts.zip(&mut columns.dimensions) {
        let start = fields[*position].start;
        let bytes = fields[*position].bytes(block);
        let code = bytes.trim_ascii();
        if code.is_empty() {
            return Err(block.wrong(start, format!("a code of `{}`", field.name()), b"", None));
        }
        column.push(code, layout.charset, block, start)?;
    }
    let bytes = fields[at.value].bytes(block);
    let blanks = bytes.len() - bytes.trim_ascii_start().len();
    let start = fields[at.value].start + blanks;
    let text = bytes.trim_ascii();
    let value =
        observed(text, layout.decimal).map_err(|(expected, hint)| block.wrong(start, expected, text, Some(hint)))?;
    columns.push(value, block.offset + start as u64);
    match at.flag {
        Some(flag) => {
            let bytes = fields[flag].bytes(block);
            columns.flags.push_nullable(bytes.trim_ascii(), layout.charset, block, fields[flag].start)?;
        }
        None => columns.flags.push_null(),
    }
    columns.confidentiality.push_null();
    Ok(())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::super::probe::{decoded, refused};
    use super::*;
    use crate::decode::Format;

    fn observations() -> Hints {
        Hints { value: Some("Valor".into()), time: Some("Año".into()), ..Hints::default() }
    }

    #[test]
    fn a_value_column_makes_observations() {
        let text = "Título\n\"sin cerrar\n\nCCAA; Año;Valor;Nota\nCantabria;2025; 10.5;\n\"La; Rioja\";2024;..;b\n";
        let hints = Hints { header: Some(4), flag: Some("Nota".into()), ..observations() };
        let found = decoded(Format::Delimited, text.as_bytes(), &hints).unwrap();
        assert_eq!(found.names, ["CCAA", "time_period", "obs_value", "obs_flag", "conf_status", "cell"]);
        assert_eq!(found.lines(), ["Cantabria|2025|10.5||", "La; Rioja|2024||b|"]);
        assert_eq!(found.cells()[0], (Some(10.5), text.find("10.5").unwrap()));
        assert_eq!(found.cells()[1], (None, text.find("..").unwrap()));
        let hints = Hints { columns: vec!["CCAA".into()], decimal: Some(','), ..hints };
        let found = decoded(Format::Delimited, text.replace("10.5", "1.210,5").as_bytes(), &hints).unwrap();
        assert_eq!(found.lines()[0], "Cantabria|2025|1210.5||");
    }

    #[test]
    fn what_is_not_clear_is_refused() {
        for (text, hints, expected) in [
            (
                "Año;Valor\n2025;10,5\n",
                observations(),
                "line 2, column 6 (byte 16): expected a number with a decimal point",
            ),
            ("Año;Valor\n2025;1.500\n", observations(), "that can be nothing else, found `1.500`"),
            ("Año;Valor\n2025;12.3 b\n", observations(), "found `12.3 b`"),
            ("Año;CCAA;Valor\n2025;;1\n", observations(), "expected a code of `CCAA`, found nothing"),
            (
                "Año;time_period;Valor\n2025;2025;1\n",
                observations(),
                "`time_period`, which the decoded table has already",
            ),
            ("Año;Value\n2025;1\n", observations(), "expected a column `Valor`, found 2 other columns"),
            (
                "Año;Valor\n2025;1\n",
                Hints { header: Some(9), ..observations() },
                "expected a header of column names in line 9, found fewer lines",
            ),
            ("Año;Valor\n2025;1\n", Hints { header: Some(0), ..observations() }, "header line `0` is not known"),
        ] {
            let found = refused(Format::Delimited, text.as_bytes(), &hints);
            assert!(found.contains(expected), "{found}");
        }
    }

    #[test]
    fn a_register_without_declared_columns_has_all_that_have_a_name() {
        let table =
            super::super::open(Format::Delimited, &Source::from_bytes(&b"A;;B\n1;2;3\n"[..]), &Hints::default());
        let names: Vec<String> = table.unwrap().schema.fields().iter().map(|field| field.name().clone()).collect();
        assert_eq!(names, ["A", "B", "row", "cell"]);
    }
}
