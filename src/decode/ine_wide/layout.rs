//! What a wide file says before and behind its rows, and which of its lines is what.

use std::borrow::Cow;

use super::super::fields::{Field, each_record};
use super::super::ine_tempus::period::named;
use super::super::notice::unexpected;
use super::super::records::{Block, Blocks, Charset};
use super::super::{DecodeError, TIME_PERIOD};
use super::values::is_value;

pub(super) const EXPECTED: &str = "INE's wide CSV: a preamble, header rows that begin with a separator, and rows";

/// What to do about a file that has more than one reading.
pub(super) const LONG: &str = "ask for the table as `csv_bdsc`, which has one value a line";

/// INE's preambles have about five.
pub(super) const MAX_PREAMBLE_LINES: usize = 100;

/// More than any preamble or all footnotes of a table have.
const MAX_WORDS_BYTES: usize = 1 << 20;

/// More columns, and more header rows, than any table has.
const MAX_COLUMNS: usize = 100_000;
const MAX_HEADS: usize = 12;

/// One line of the body.
pub(super) enum Line<'b> {
    /// A section's name or a footnote.
    Alone(Cow<'b, [u8]>),
    /// A label and the fields of its values (of `csv_c` perhaps more than there are values).
    Row(Cow<'b, [u8]>, Vec<(usize, usize)>),
}

/// The words of a file, and where they stand.
pub(super) struct Layout {
    pub separator: u8,
    /// Lines before the first row.
    pub head_lines: usize,
    /// Columns of values.
    pub width: usize,
    /// Whether a separator stands behind the last value.
    is_closed: bool,
    /// Header row → column → label.
    pub heads: Vec<Vec<String>>,
    pub has_sections: bool,
    /// Offset of the first footnote.
    pub notes_from: u64,
    pub notes: Vec<String>,
    pub title: Option<String>,
    pub units: Option<String>,
}

/// The units, if this is the line that states them.
pub(super) fn is_units(line: &[u8]) -> Option<&[u8]> {
    let line = line.trim_ascii();
    let colon = memchr::memchr(b':', line)?;
    let (name, units) = (line.get(..colon)?, line.get(colon + 1..)?);
    let is_name =
        ["unidades", "unidad", "units", "unit"].iter().any(|known| name.eq_ignore_ascii_case(known.as_bytes()));
    is_name.then(|| units.trim_ascii())
}

impl Layout {
    /// Reads the whole file for its words.
    pub fn new(mut blocks: Blocks, charset: Charset) -> Result<Self, DecodeError> {
        let mut layout = Layout {
            separator: b';',
            head_lines: 0,
            width: 0,
            is_closed: false,
            heads: Vec::new(),
            has_sections: false,
            notes_from: u64::MAX,
            notes: Vec::new(),
            title: None,
            units: None,
        };
        layout.preamble(&mut blocks, charset)?;
        layout.header(&mut blocks, charset)?;
        layout.body(blocks, charset)?;
        Ok(layout)
    }

    fn preamble(&mut self, blocks: &mut Blocks, charset: Charset) -> Result<(), DecodeError> {
        let mut words: Vec<String> = Vec::new();
        let mut bytes = 0;
        loop {
            let Some(line) = blocks.peek()? else {
                return Err(unexpected(words.join(" ").as_bytes(), EXPECTED));
            };
            if let Some(separator @ (b';' | b',' | b'\t')) = line.bytes.first() {
                self.separator = *separator;
                break;
            }
            blocks.record()?;
            self.head_lines += 1;
            bytes += line.bytes.len();
            if self.head_lines > MAX_PREAMBLE_LINES || bytes > MAX_WORDS_BYTES {
                return Err(unexpected(&line.bytes, EXPECTED));
            }
            let text = line.bytes.trim_ascii();
            if let Some(units) = is_units(text) {
                self.units = Some(charset.text(units, &line, 0)?.trim().to_owned()).filter(|units| !units.is_empty());
            } else if !text.is_empty() {
                words.push(charset.text(text, &line, 0)?.trim_matches([';', ',', ' ', '\t']).to_owned());
            }
        }
        self.title = (!words.is_empty()).then(|| words.join(". "));
        Ok(())
    }

    fn header(&mut self, blocks: &mut Blocks, charset: Charset) -> Result<(), DecodeError> {
        let mut fields_wanted = 0;
        while let Some(line) = blocks.peek()? {
            if line.bytes.first() != Some(&self.separator) {
                break;
            }
            let mut labels = Vec::new();
            each_record(&line, self.separator, None, |fields, _| {
                for field in fields.iter().skip(1).take(MAX_COLUMNS + 2) {
                    labels.push(charset.text(&field.bytes(&line), &line, field.start)?.trim().to_owned());
                }
                Ok(())
            })?;
            if !self.heads.is_empty()
                && labels.iter().all(|label| is_value(label.as_bytes()))
                && !labels.iter().all(|label| label.is_empty() || named(label).is_some())
            {
                return Err(line.wrong(
                    0,
                    "a label before the first separator of a row",
                    &line.bytes,
                    Some(LONG.into()),
                ));
            }
            if labels.len() > MAX_COLUMNS || self.heads.len() == MAX_HEADS {
                let expected = format!("at most {MAX_HEADS} header rows and {MAX_COLUMNS} columns");
                return Err(line.wrong_in_words(0, expected, "more", None));
            }
            if !self.heads.is_empty() && labels.len() != fields_wanted {
                let expected = format!("a header row of {fields_wanted} fields");
                return Err(line.wrong_in_words(0, expected, labels.len().to_string(), Some(LONG.into())));
            }
            fields_wanted = labels.len();
            if labels.first().is_none_or(String::is_empty) {
                return Err(line.wrong(0, "a header row with a label for the first column", &line.bytes, None));
            }
            self.heads.push(labels);
            blocks.record()?;
            self.head_lines += 1;
        }
        let Some(last) = self.heads.last() else {
            return Err(unexpected(blocks.head(), EXPECTED));
        };
        self.is_closed = last.last().is_some_and(String::is_empty);
        self.width = last.len() - usize::from(self.is_closed);
        if last.iter().take(self.width).any(String::is_empty) {
            let found = "a column without one".to_owned();
            let hint = Some("the header is cut, or it has rows that do not begin with a separator".to_owned());
            let expected = "a label for each column in the last header row".to_owned();
            return Err(DecodeError::Format { expected, found, hint });
        }
        for labels in &mut self.heads {
            labels.truncate(self.width);
            let mut left = String::new();
            for label in labels {
                match label.is_empty() {
                    true => label.clone_from(&left),
                    false => left.clone_from(label),
                }
            }
        }
        Ok(())
    }

    /// Looks for sections and footnotes.
    fn body(&mut self, blocks: Blocks, charset: Charset) -> Result<(), DecodeError> {
        // Lines of a label alone that no row has come after yet.
        let mut alone: Vec<String> = Vec::new();
        let mut alone_bytes = 0;
        let (mut notes_from, mut has_rows, mut has_sections) = (u64::MAX, false, false);
        for block in blocks {
            let block = block?;
            each_record(&block, self.separator, None, |fields, at| {
                match self.line(&block, fields, at)? {
                    Line::Alone(label) if label.trim_ascii().is_empty() => {}
                    Line::Alone(label) => {
                        if alone.is_empty() {
                            notes_from = block.offset + at as u64;
                        }
                        alone_bytes += label.len();
                        if alone_bytes > MAX_WORDS_BYTES {
                            let expected = format!("footnotes of at most {MAX_WORDS_BYTES} bytes");
                            return Err(block.wrong_in_words(at, expected, "more", None));
                        }
                        alone.push(charset.text(label.trim_ascii(), &block, at)?.trim().to_owned());
                    }
                    Line::Row(..) => {
                        if alone.len() > 1 {
                            let found = alone.join("`, `").into_bytes();
                            let expected = "one section line before a row";
                            return Err(block.wrong(at, expected, &found, Some(LONG.into())));
                        }
                        if !alone.is_empty() && has_rows && !has_sections {
                            let expected = "every row in a section, or none";
                            return Err(block.wrong_in_words(at, expected, "rows before the first section", None));
                        }
                        has_sections |= !alone.is_empty();
                        has_rows = true;
                        (alone_bytes, notes_from) = (0, u64::MAX);
                        alone.clear();
                    }
                }
                Ok(())
            })?;
        }
        (self.notes, self.notes_from, self.has_sections) = (alone, notes_from, has_sections);
        Ok(())
    }

    /// Names of the dimensions.
    pub fn dimensions(&self) -> Vec<String> {
        let is_time = |labels: &Vec<String>| labels.iter().all(|label| named(label).is_some());
        let time = self.heads.iter().rposition(is_time);
        let mut names = Vec::new();
        if self.has_sections {
            names.push("section".to_owned());
        }
        names.push("row".to_owned());
        let mut others = 0;
        for at in 0..self.heads.len() {
            if time == Some(at) {
                names.push(TIME_PERIOD.to_owned());
                continue;
            }
            others += 1;
            names.push(if others == 1 { "column".to_owned() } else { format!("column_{others}") });
        }
        names
    }

    /// What a line of the body is.
    pub fn line<'b>(&self, block: &'b Block, fields: &[Field], at: usize) -> Result<Line<'b>, DecodeError> {
        let is_empty = |field: &Field| field.start == field.end;
        let Some((first, rest)) = fields.split_first() else {
            return Ok(Line::Alone(Cow::Borrowed(&[])));
        };
        if fields.iter().all(is_empty) {
            return Ok(Line::Alone(Cow::Borrowed(&[])));
        }
        if is_empty(first) || block.bytes.get(first.start..first.end).is_some_and(|label| label.trim_ascii().is_empty())
        {
            return Err(block.wrong_in_words(at, "a label before the first separator of a row", "none", None));
        }
        let is_closed = self.is_closed && rest.last().is_some_and(is_empty);
        let open = if is_closed { rest.get(..rest.len() - 1).unwrap_or_default() } else { rest };
        if self.separator == b',' {
            return Ok(self.line_of_commas(block, first, open, is_closed));
        }
        let is_alone = open.is_empty() || (open.iter().all(is_empty) && open.len() == 1 && self.width > 1);
        if is_alone && !(self.width == 1 && !self.is_closed && rest.len() == 1) {
            return Ok(Line::Alone(first.bytes(block)));
        }
        if open.len() != self.width || is_closed != self.is_closed {
            let wanted = self.width + 1 + usize::from(self.is_closed);
            let hint = "the line is cut, or a label holds the separator";
            return Err(block.wrong_in_words(
                at,
                format!("{wanted} fields"),
                fields.len().to_string(),
                Some(hint.to_owned()),
            ));
        }
        Ok(Line::Row(first.bytes(block), open.iter().map(|field| (field.start, field.end)).collect()))
    }

    /// The same of `csv_c`, whose labels may hold the separator: the values are the fields without letters
    /// or blanks at the end of the line.
    fn line_of_commas<'b>(&self, block: &'b Block, first: &Field, open: &[Field], is_closed: bool) -> Line<'b> {
        let values = match is_closed == self.is_closed {
            true => open.iter().rev().take_while(|field| is_value(&field.bytes(block))).count(),
            false => 0,
        };
        let (label, values) = open.split_at_checked(open.len() - values).unwrap_or((open, &[]));
        let label = match label.last() {
            None => first.bytes(block),
            Some(last) => Cow::Borrowed(block.bytes.get(first.start..last.end).unwrap_or_default()),
        };
        match values.is_empty() {
            true => Line::Alone(label),
            false => Line::Row(label, values.iter().map(|field| (field.start, field.end)).collect()),
        }
    }
}
