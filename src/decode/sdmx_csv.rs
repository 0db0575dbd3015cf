//! SDMX-CSV 1.0 and 2.0 with ids (`labels=id`), with labels in the same field (`both`, `CODE: Label`) or
//! in a column of their own (`name`).
//!
//! Specification: sdmx-twg/sdmx-csv, `data-message/docs/sdmx-csv-field-guide.md`. In 1.0 the first
//! column is `DATAFLOW`, in 2.0 `STRUCTURE` (with `[;]` after it, a sub-field separator, where
//! several values may stand in one field) followed by `STRUCTURE_ID` and `ACTION`. What follows the first
//! name is the separator: a comma, or a semicolon where the message is written for people with a decimal comma.
//!
//! Neither version says which columns are dimensions and which attributes (see [`layout`]), nor that a message is of
//! one structure (see [`structures`]): without the hint `dataset` rows of a second one are an error, with it the rows
//! of all others are skipped, since that is what the hint asks for.
//!
//! What is kept as written: the fields of attributes with several values or languages (`ATTR[]`, `ATTR[en;fr]`), and
//! `ACTION`, as an attribute. A row to be deleted (`D`) is a row with that action; pipelines refuse it. Labels of
//! dimensions go to the metadata; labels of codes are not kept, for they come row by row, behind the schema.
//! Eurostat adds `LAST UPDATE` (`DD/MM/YY HH:MM:SS`).

use std::sync::Arc;

use super::columns::{Observations, number};
use super::decimal;
use super::fields::{Field, each_like_the_last};
use super::parallel::tables;
use super::records::{Block, Blocks, Charset, header};
use super::{DecodeError, Hints, Source, Table, observation_schema};
use layout::{EXPECTED, Layout, Role, separator};
use structures::{Chosen, Structure};

mod layout;
mod structures;
#[cfg(test)]
mod tests;

/// Whether a payload begins like this format.
pub(super) fn recognises(head: &[u8]) -> bool {
    separator(head).is_some()
}

pub(super) fn open(source: &Source, hints: &Hints) -> Result<Table, DecodeError> {
    let charset = Charset::new(hints)?;
    let decimal = decimal::hinted(hints)?;
    let mut blocks = Blocks::new(source.stream(hints)?, true)?;
    // Anything else is refused with the header.
    let separator = separator(blocks.head()).unwrap_or(b',');
    let (head, names) = header(&mut blocks, separator, EXPECTED)?;
    let mut layout = Layout::new(&head, &names, charset, hints)?;
    let Chosen { structure, metadata, empty } = structures::choose(source, hints, separator, &layout, &mut blocks)?;
    if hints.dataset.is_some() && hints.dimensions.is_empty() {
        layout.leave_out(&empty);
    }
    let schema = observation_schema(&layout.dimensions(), &layout.attributes());
    let batch_schema = schema.clone();
    let rows =
        Arc::new(Rows { layout, structure, charset, decimal, separator, source: source.clone(), hints: hints.clone() });
    let parser = move || {
        let (rows, schema) = (rows.clone(), batch_schema.clone());
        let mut columns = Observations::new(rows.layout.dimensions().len(), rows.layout.attributes().len());
        move |block: Block| {
            let (width, lead) = (Some(rows.layout.columns.len()), rows.layout.lead());
            each_like_the_last(&block, separator, width, lead, |fields, _, alike| {
                rows.row(&block, fields, alike, &mut columns)
            })?;
            columns.take(&schema)
        }
    };
    Ok(Table { metadata, schema, batches: tables(blocks, parser) })
}

/// What is needed to read a row.
struct Rows {
    layout: Layout,
    structure: Structure,
    charset: Charset,
    decimal: Option<u8>,
    separator: u8,
    /// Read once more for an error that lists the structures.
    source: Source,
    hints: Hints,
}

impl Rows {
    /// Adds a row, of which so many first fields are those of the row before.
    fn row(
        &self,
        block: &Block,
        fields: &[Field],
        alike: usize,
        columns: &mut Observations,
    ) -> Result<(), DecodeError> {
        if !self.is_own(block, fields)? {
            return Ok(());
        }
        let charset = self.charset;
        let (mut dimension, mut attribute) = (0, 0);
        let (mut has_flag, mut has_confidentiality) = (false, false);
        // A row of the same structure has been added, too, if it came before.
        let alike = if alike > self.layout.structure { alike } else { 0 };
        let (again, fresh) = self.layout.columns.split_at(alike);
        for column in again {
            match column.role {
                Role::Dimension => {
                    columns.dimensions[dimension].push_again();
                    dimension += 1;
                }
                Role::Action => {
                    columns.attributes[attribute].push_again();
                    attribute += 1;
                }
                _ => {}
            }
        }
        for (column, field) in fresh.iter().zip(&fields[alike..]) {
            // By far most fields are codes as they stand.
            if !column.labelled && !field.escaped && field.end > field.start {
                let texts = match column.role {
                    Role::Ignored => continue,
                    Role::Dimension => {
                        dimension += 1;
                        Some(&mut columns.dimensions[dimension - 1])
                    }
                    Role::Flag => {
                        has_flag = true;
                        Some(&mut columns.flags)
                    }
                    Role::Confidentiality => {
                        has_confidentiality = true;
                        Some(&mut columns.confidentiality)
                    }
                    Role::Value => {
                        self.add_value(&block.bytes[field.start..field.end], block, fields, *field, columns)?;
                        continue;
                    }
                    _ => None,
                };
                if let Some(texts) = texts {
                    texts.push_field(charset, block, field.start, field.end)?;
                    continue;
                }
            }
            let whole = field.bytes(block);
            let text = if column.labelled { code(&whole) } else { &whole };
            match column.role {
                Role::Ignored => {}
                Role::Absent => {
                    if !text.is_empty() {
                        let expected =
                            format!("nothing in `{}`, which the structure's first row leaves empty", column.name);
                        let hint = "say which columns are dimensions of it: `dimensions`";
                        return Err(block.wrong(field.start, expected, text, Some(hint.into())));
                    }
                }
                Role::Action => {
                    if !matches!(text, b"I" | b"A" | b"R" | b"M" | b"D" | b"") {
                        let expected = "an action (`I`, `A`, `R`, `M`, `D`)";
                        return Err(block.wrong(field.start, expected, text, None));
                    }
                    columns.attributes[attribute].push_nullable(text, charset, block, field.start)?;
                    attribute += 1;
                }
                Role::Dimension => {
                    if text.is_empty() {
                        return Err(self.no_code(block, fields, *field, &column.name));
                    }
                    columns.dimensions[dimension].push(text, charset, block, field.start)?;
                    dimension += 1;
                }
                Role::Value => self.add_value(text, block, fields, *field, columns)?,
                Role::Flag => {
                    has_flag = true;
                    columns.flags.push_nullable(text, charset, block, field.start)?;
                }
                Role::Confidentiality => {
                    has_confidentiality = true;
                    columns.confidentiality.push_nullable(text, charset, block, field.start)?;
                }
                Role::Attribute => {
                    columns.attributes[attribute].push_nullable(text, charset, block, field.start)?;
                    attribute += 1;
                }
            }
        }
        if !has_flag {
            columns.flags.push_null();
        }
        if !has_confidentiality {
            columns.confidentiality.push_null();
        }
        Ok(())
    }

    /// Whether a row is of the structure that is decoded.
    #[inline]
    fn is_own(&self, block: &Block, fields: &[Field]) -> Result<bool, DecodeError> {
        let field = fields[self.layout.structure];
        // Nearly all rows have it to the letter.
        if block.bytes[field.start..field.end] == *self.structure.written {
            return Ok(true);
        }
        let whole = field.bytes(block);
        let found = code(&whole);
        if found == self.structure.id {
            return Ok(true);
        }
        match &self.hints.dataset {
            // Another version of what an id alone asks for is not skipped: it would be a silent choice.
            Some(wanted) if !structures::is_meant(found, wanted) => Ok(false),
            _ => Err(self.another_structure(block, field, found)),
        }
    }

    #[cold]
    fn another_structure(&self, block: &Block, field: Field, found: &[u8]) -> DecodeError {
        let expected = format!("rows of `{}` only", String::from_utf8_lossy(&self.structure.id));
        let hint = self.which(&structures::all(&self.source, &self.hints, self.separator, &self.layout));
        block.wrong(field.start, expected, found, Some(hint))
    }

    fn which(&self, structures: &[String]) -> String {
        let example = String::from_utf8_lossy(&self.structure.id);
        let listed = structures::listed(structures);
        format!("say which structure is meant, such as `dataset = \"{example}\"`: the payload has {listed}")
    }

    /// Adds a value, which stands behind any blanks.
    #[inline]
    fn add_value(
        &self,
        text: &[u8],
        block: &Block,
        fields: &[Field],
        field: Field,
        columns: &mut Observations,
    ) -> Result<(), DecodeError> {
        let blanks = text.len() - text.trim_ascii_start().len();
        let value = self.value(text.trim_ascii(), block, fields, field)?;
        columns.push(value, block.offset + (field.start + blanks) as u64);
        Ok(())
    }

    /// A value; none for what marks a missing one.
    #[inline]
    fn value(&self, text: &[u8], block: &Block, fields: &[Field], field: Field) -> Result<Option<f64>, DecodeError> {
        if matches!(text, b"" | b":" | b"NaN" | b"#N/A") {
            return Ok(None);
        }
        let value = match self.decimal {
            Some(b',') if text.contains(&b'.') => None,
            Some(b',') => {
                number(&text.iter().map(|byte| if *byte == b',' { b'.' } else { *byte }).collect::<Vec<u8>>())
            }
            _ => number(text),
        };
        match value {
            Some(value) => Ok(Some(value)),
            // It marks that the value is to be deleted.
            None if text == b"-" && self.is_deletion(block, fields) => Ok(None),
            None => Err(self.no_number(text, block, field)),
        }
    }

    #[cold]
    fn no_number(&self, text: &[u8], block: &Block, field: Field) -> DecodeError {
        let (expected, other) = match self.decimal {
            Some(b',') => ("a number with a decimal comma", '.'),
            _ => ("a number with a decimal point", ','),
        };
        let is_numeric = text.iter().all(|byte| byte.is_ascii_digit() || b".,-+eE".contains(byte));
        let hint = (is_numeric && text.contains(&(other as u8)))
            .then(|| format!("if that is the decimal mark of the whole message, say `decimal = \"{other}\"`"));
        block.wrong(field.start, expected, text, hint)
    }

    #[cold]
    fn no_code(&self, block: &Block, fields: &[Field], field: Field, name: &str) -> DecodeError {
        let has_no_value = fields[self.layout.value].bytes(block).trim_ascii().is_empty();
        let hint = if self.is_deletion(block, fields) {
            Some("it deletes what has any code there: ask the source for the data, not for its changes".to_owned())
        } else {
            // Each structure fills the columns of its own dimensions only.
            match structures::all(&self.source, &self.hints, self.separator, &self.layout) {
                several if several.len() > 1 && self.hints.dataset.is_none() => Some(self.which(&several)),
                _ if has_no_value => Some(
                    "such a row may give attributes of several observations: ask the source for observations only"
                        .into(),
                ),
                _ => None,
            }
        };
        block.wrong(field.start, format!("a code of `{name}`"), b"", hint)
    }

    fn is_deletion(&self, block: &Block, fields: &[Field]) -> bool {
        self.layout.action.is_some_and(|at| code(&fields[at].bytes(block)) == b"D")
    }
}

/// `ES13: Cantabria` → `ES13`. A text whose part before the colon has a blank in it is no code.
fn code(field: &[u8]) -> &[u8] {
    let end = field.windows(2).position(|pair| pair == b": ");
    match end {
        Some(end) if !field[..end].contains(&b' ') => &field[..end],
        _ => field,
    }
}
