//! Text in records of separated fields (RFC 4180 with any separator), in blocks of whole records, with
//! the byte offset of every field.
//!
//! A general CSV reader does not tell where a field stood; the offset is what every published number
//! is traced by. Memory is bounded by a block; a record longer than [`MAX_RECORD_BYTES`] is an error.

use std::borrow::Cow;

use encoding_rs::Encoding;

use super::notice::{shortened, unexpected};
use super::payload::{BLOCK_BYTES, Payload};
use super::{DecodeError, Hints, Place};

/// No record of a statistical table or register comes near this; an unclosed quote does.
const MAX_RECORD_BYTES: usize = 1 << 24;

/// Whole records of a payload.
pub(super) struct Block {
    /// The records, with their line ends.
    pub bytes: Vec<u8>,
    /// Where they begin in the decompressed payload.
    pub offset: u64,
    /// Line of the first record, from 1.
    pub line: u64,
}

impl Block {
    /// Where the byte at this position of the block stands.
    pub fn place(&self, at: usize) -> Place {
        let before = &self.bytes[..at.min(self.bytes.len())];
        let line_start = memchr::memrchr(b'\n', before).map_or(0, |newline| newline + 1);
        Place {
            line: self.line + memchr::memchr_iter(b'\n', before).count() as u64,
            column: (before.len() - line_start) as u64 + 1,
            offset: self.offset + before.len() as u64,
        }
    }

    /// The text that stands there is not what the format allows.
    pub fn wrong(&self, at: usize, expected: impl Into<String>, found: &[u8], hint: Option<String>) -> DecodeError {
        let text = shortened(&String::from_utf8_lossy(&found[..found.len().min(400)]));
        let found = if text.is_empty() { "nothing".into() } else { format!("`{text}`") };
        self.wrong_in_words(at, expected, found, hint)
    }

    /// The same, where what was found is said in words.
    pub fn wrong_in_words(
        &self,
        at: usize,
        expected: impl Into<String>,
        found: impl Into<String>,
        hint: Option<String>,
    ) -> DecodeError {
        DecodeError::Syntax { place: self.place(at), expected: expected.into(), found: found.into(), hint }
    }
}

/// Cuts a payload into blocks of whole records.
pub(super) struct Blocks {
    payload: Payload,
    /// Read, but not yet given out.
    rest: Vec<u8>,
    offset: u64,
    line: u64,
    /// Whether a quote may enclose a line end.
    quotes: bool,
    ended: bool,
}

impl Blocks {
    /// Reads the beginning of a payload and takes a byte order mark off. `quotes` says whether the
    /// format knows quoted fields.
    pub fn new(payload: Payload, quotes: bool) -> Result<Self, DecodeError> {
        let mut blocks = Blocks { payload, rest: Vec::new(), offset: 0, line: 1, quotes, ended: false };
        blocks.fill(BLOCK_BYTES)?;
        if blocks.rest.starts_with(b"\xef\xbb\xbf") {
            blocks.rest.drain(..3);
            blocks.offset = 3;
        }
        Ok(blocks)
    }

    /// Leaves so many lines out: whatever stands above a header is no record, and its quotes need not close.
    pub fn skip_lines(&mut self, count: u32) -> Result<(), DecodeError> {
        let mut left = count as usize;
        while left > 0 {
            let lines = memchr::memchr_iter(b'\n', &self.rest).take(left);
            let (passed, end) = lines.fold((0, 0), |(passed, _), newline| (passed + 1, newline + 1));
            left -= passed;
            self.give(if self.ended && left > 0 { self.rest.len() } else { end });
            if left == 0 || self.ended {
                break;
            }
            self.grow()?;
        }
        Ok(())
    }

    fn line_end(&mut self) -> Result<usize, DecodeError> {
        loop {
            match memchr::memchr(b'\n', &self.rest) {
                Some(newline) => return Ok(newline + 1),
                None if self.ended => return Ok(self.rest.len()),
                None => self.grow()?,
            }
        }
    }

    /// What has been read and not yet given out.
    pub fn head(&self) -> &[u8] {
        &self.rest
    }

    /// Whether all has been given out.
    pub fn is_over(&self) -> bool {
        self.ended && self.rest.is_empty()
    }

    /// The next record alone, such as the header; none at the end.
    pub fn record(&mut self) -> Result<Option<Block>, DecodeError> {
        let end = self.record_end()?;
        Ok((end > 0).then(|| self.give(end)))
    }

    /// The next record, which stays the next one.
    pub fn peek(&mut self) -> Result<Option<Block>, DecodeError> {
        let end = self.record_end()?;
        Ok((end > 0).then(|| Block { bytes: self.rest[..end].to_vec(), offset: self.offset, line: self.line }))
    }

    fn record_end(&mut self) -> Result<usize, DecodeError> {
        if !self.quotes {
            return self.line_end();
        }
        loop {
            let end = quoted_ends(&self.rest).next();
            match end {
                Some(end) => return Ok(end),
                None if self.ended => return Ok(self.rest.len()),
                None => self.grow()?,
            }
        }
    }

    fn fill(&mut self, wanted: usize) -> Result<(), DecodeError> {
        let read = self.payload.read_into(&mut self.rest, wanted)?;
        self.ended = read < wanted;
        Ok(())
    }

    /// Reads on because no record ends in what has been read.
    fn grow(&mut self) -> Result<(), DecodeError> {
        if self.rest.len() > MAX_RECORD_BYTES {
            let place = Place { line: self.line, column: 1, offset: self.offset };
            return Err(DecodeError::Syntax {
                place,
                expected: format!("a record of at most {MAX_RECORD_BYTES} bytes"),
                found: "a longer one".into(),
                hint: Some("is a quote left open, or is the format or its compression another one?".into()),
            });
        }
        self.fill(BLOCK_BYTES)
    }

    fn give(&mut self, end: usize) -> Block {
        let rest = self.rest.split_off(end);
        let bytes = std::mem::replace(&mut self.rest, rest);
        let block = Block { offset: self.offset, line: self.line, bytes };
        self.offset += block.bytes.len() as u64;
        self.line += memchr::memchr_iter(b'\n', &block.bytes).count() as u64;
        block
    }

    fn block(&mut self) -> Result<Option<Block>, DecodeError> {
        if self.rest.len() < BLOCK_BYTES && !self.ended {
            self.fill(BLOCK_BYTES)?;
        }
        loop {
            if self.ended {
                return Ok((!self.rest.is_empty()).then(|| self.give(self.rest.len())));
            }
            let end = match self.quotes && memchr::memchr(b'"', &self.rest).is_some() {
                true => quoted_ends(&self.rest).last(),
                false => memchr::memrchr(b'\n', &self.rest).map(|newline| newline + 1),
            };
            match end {
                Some(end) => return Ok(Some(self.give(end))),
                None => self.grow()?,
            }
        }
    }
}

impl Iterator for Blocks {
    type Item = Result<Block, DecodeError>;

    fn next(&mut self) -> Option<Self::Item> {
        self.block().transpose()
    }
}

/// Ends of the records in `bytes`: line ends with an even number of quotes before them.
fn quoted_ends(bytes: &[u8]) -> impl Iterator<Item = usize> {
    let mut open = false;
    memchr::memchr2_iter(b'"', b'\n', bytes).filter_map(move |at| match bytes[at] {
        b'"' => {
            open = !open;
            None
        }
        _ => (!open).then_some(at + 1),
    })
}

/// One field: where its text stands in the block, without quotes around it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Field {
    /// First byte.
    pub start: usize,
    /// After the last byte.
    pub end: usize,
    /// Whether doubled quotes stand for single ones.
    pub escaped: bool,
}

impl Field {
    /// The text.
    pub fn bytes<'b>(&self, block: &'b Block) -> Cow<'b, [u8]> {
        let raw = &block.bytes[self.start..self.end];
        if !self.escaped {
            return Cow::Borrowed(raw);
        }
        let mut text = Vec::with_capacity(raw.len());
        let mut doubled = false;
        for byte in raw {
            doubled = *byte == b'"' && !doubled;
            if !doubled {
                text.push(*byte);
            }
        }
        Cow::Owned(text)
    }
}

/// Calls `row` with the fields of each record of a block, and where the record begins. Lines without
/// anything on them are no records. `width` is the number of fields that each must have.
pub(super) fn each_record(
    block: &Block,
    separator: u8,
    width: Option<usize>,
    mut row: impl FnMut(&[Field], usize) -> Result<(), DecodeError>,
) -> Result<(), DecodeError> {
    let bytes = &block.bytes;
    let mut fields: Vec<Field> = Vec::with_capacity(width.unwrap_or(16));
    // Without any quote, all ends of fields are found in one go.
    let has_quotes = memchr::memchr(b'"', bytes).is_some();
    let mut marks = Marks::new(bytes, separator);
    let mut at = 0;
    let mut record = 0;
    while at < bytes.len() {
        let (mut field, next) = match bytes[at] {
            b'"' => quoted(block, at, separator)?,
            _ => {
                let end = match has_quotes {
                    false => marks.next().unwrap_or(bytes.len()),
                    true => memchr::memchr2(separator, b'\n', &bytes[at..]).map_or(bytes.len(), |found| at + found),
                };
                (Field { start: at, end, escaped: false }, end)
            }
        };
        let is_last = bytes.get(next) != Some(&separator);
        // A quoted field ends before its closing quote, so this is never inside one.
        if is_last && field.end == next && bytes[field.start..field.end].ends_with(b"\r") {
            field.end -= 1;
        }
        fields.push(field);
        at = next + 1;
        if !is_last {
            if at == bytes.len() {
                // A separator is the last byte: one more field, empty.
                fields.push(Field { start: at, end: at, escaped: false });
            } else {
                continue;
            }
        }
        let is_blank = fields.len() == 1 && fields[0].start == fields[0].end;
        if !is_blank {
            if let Some(width) = width
                && fields.len() != width
            {
                return Err(block.wrong_in_words(
                    record,
                    format!("{width} fields"),
                    fields.len().to_string(),
                    Some("the line is cut, or a field holds the separator without quotes around it".into()),
                ));
            }
            row(&fields, record)?;
        }
        fields.clear();
        record = at;
    }
    Ok(())
}

/// Positions of separators and line ends, eight bytes at a time: fields are shorter than what a search that
/// starts anew for each of them pays off for.
struct Marks<'b> {
    bytes: &'b [u8],
    separators: u64,
    /// The word that is looked at, and the marks in it that are still to come: the high bits of their bytes.
    base: usize,
    marks: u64,
}

/// A byte in each place of a word.
const fn everywhere(byte: u8) -> u64 {
    u64::from_le_bytes([byte; 8])
}

impl<'b> Marks<'b> {
    fn new(bytes: &'b [u8], separator: u8) -> Self {
        let mut marks = Marks { bytes, separators: everywhere(separator), base: 0, marks: 0 };
        marks.marks = marks.of_word();
        marks
    }

    /// The marks of the word at `base`.
    #[inline]
    fn of_word(&self) -> u64 {
        let rest = &self.bytes[self.base..];
        let word = match rest.first_chunk::<8>() {
            Some(word) => u64::from_le_bytes(*word),
            None => {
                let mut word = [0; 8];
                word[..rest.len()].copy_from_slice(rest);
                u64::from_le_bytes(word)
            }
        };
        zero_bytes(word ^ self.separators) | zero_bytes(word ^ everywhere(b'\n'))
    }
}

/// The high bit of each byte that is zero.
#[inline]
fn zero_bytes(word: u64) -> u64 {
    let low = everywhere(0x7f);
    !(((word & low) + low) | word | low)
}

impl Iterator for Marks<'_> {
    type Item = usize;

    #[inline]
    fn next(&mut self) -> Option<usize> {
        while self.marks == 0 {
            self.base += 8;
            if self.base >= self.bytes.len() {
                self.base = self.bytes.len();
                return None;
            }
            self.marks = self.of_word();
        }
        let at = self.base + (self.marks.trailing_zeros() / 8) as usize;
        self.marks &= self.marks - 1;
        Some(at)
    }
}

/// The quoted field that begins at `at`, and the position of the separator or line end after it.
fn quoted(block: &Block, at: usize, separator: u8) -> Result<(Field, usize), DecodeError> {
    let bytes = &block.bytes;
    let mut escaped = false;
    let mut from = at + 1;
    let close = loop {
        let Some(quote) = memchr::memchr(b'"', &bytes[from..]).map(|found| from + found) else {
            return Err(block.wrong_in_words(at, "a closing quote", "the end of the payload", None));
        };
        if bytes.get(quote + 1) != Some(&b'"') {
            break quote;
        }
        escaped = true;
        from = quote + 2;
    };
    let next = match bytes.get(close + 1) {
        Some(b'\r') if matches!(bytes.get(close + 2), Some(b'\n') | None) => close + 2,
        _ => close + 1,
    };
    match bytes.get(next) {
        None | Some(b'\n') => {}
        Some(byte) if *byte == separator => {}
        Some(_) => {
            // One byte: a register's field is nothing for a message.
            return Err(block.wrong(next, "a separator after the closing quote", &bytes[next..=next], None));
        }
    }
    Ok((Field { start: at + 1, end: close, escaped }, next))
}

/// The character encoding of a payload.
#[derive(Clone, Copy)]
pub(super) struct Charset(&'static Encoding);

impl Charset {
    /// The hinted one; without a hint UTF-8.
    pub fn new(hints: &Hints) -> Result<Self, DecodeError> {
        let Some(label) = &hints.encoding else {
            return Ok(Charset(encoding_rs::UTF_8));
        };
        Encoding::for_label(label.as_bytes())
            // Separators and digits are looked for byte by byte.
            .filter(|encoding| encoding.is_ascii_compatible())
            .map(Charset)
            .ok_or_else(|| DecodeError::UnknownHint { what: "encoding", found: label.clone() })
    }

    /// The text of a field.
    pub fn text<'b>(&self, bytes: &'b [u8], block: &Block, at: usize) -> Result<Cow<'b, str>, DecodeError> {
        self.0.decode_without_bom_handling_and_without_replacement(bytes).ok_or_else(|| {
            let found = String::from_utf8_lossy(bytes).into_owned();
            block.wrong(at, format!("text in {}", self.0.name()), found.as_bytes(), Some(self.hint()))
        })
    }

    /// The text of a field that may be anybody's name: it is not repeated in the error.
    pub fn private_text<'b>(&self, bytes: &'b [u8], block: &Block, at: usize) -> Result<Cow<'b, str>, DecodeError> {
        self.0.decode_without_bom_handling_and_without_replacement(bytes).ok_or_else(|| {
            block.wrong_in_words(at, format!("text in {}", self.0.name()), "other bytes", Some(self.hint()))
        })
    }

    fn hint(self) -> String {
        "say which encoding it is, such as `encoding = \"windows-1252\"`".into()
    }
}

/// The first record, which names the columns; an error that says what the payload looks like when it
/// cannot be one.
pub(super) fn header(blocks: &mut Blocks, separator: u8, expected: &str) -> Result<(Block, Vec<Field>), DecodeError> {
    let is_markup = |head: &[u8]| head.trim_ascii_start().first().is_some_and(|byte| b"<{[".contains(byte));
    if blocks.head().trim_ascii().is_empty() || is_markup(blocks.head()) || blocks.head().contains(&0) {
        return Err(unexpected(blocks.head(), expected));
    }
    let Some(block) = blocks.record()? else {
        return Err(unexpected(b"", expected));
    };
    let mut names = Vec::new();
    each_record(&block, separator, None, |fields, _| {
        names.extend_from_slice(fields);
        Ok(())
    })?;
    Ok((block, names))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use proptest::prelude::*;

    use super::*;
    use crate::decode::Source;

    fn blocks(text: &[u8]) -> Blocks {
        let payload = Source::from_bytes(text).stream(&Hints::default()).unwrap();
        Blocks::new(payload, true).unwrap()
    }

    /// The fields of a record with their offsets.
    type Fields = Vec<(u64, Vec<u8>)>;

    fn records(text: &[u8], separator: u8) -> Result<Vec<Fields>, DecodeError> {
        let mut found = Vec::new();
        for block in blocks(text) {
            let block = block?;
            each_record(&block, separator, None, |fields, _| {
                let row =
                    fields.iter().map(|field| (block.offset + field.start as u64, field.bytes(&block).into_owned()));
                found.push(row.collect());
                Ok(())
            })?;
        }
        Ok(found)
    }

    fn texts(text: &str) -> Vec<Vec<String>> {
        let rows = records(text.as_bytes(), b';').unwrap();
        rows.into_iter()
            .map(|row| row.into_iter().map(|(_, field)| String::from_utf8(field).unwrap()).collect())
            .collect()
    }

    #[test]
    fn fields_are_split() {
        assert_eq!(
            texts("a;b\r\n\r\n1;\"x;\"\"y\"\"\nz\"\r\n;"),
            [vec!["a", "b"], vec!["1", "x;\"y\"\nz"], vec!["", ""]]
        );
        assert_eq!(texts("a"), [vec!["a"]]);
        assert_eq!(texts("\"a\"\r\n\"\";b"), [vec!["a"], vec!["", "b"]]);
        assert_eq!(texts("\u{feff}a\n"), [vec!["a"]]);
    }

    #[test]
    fn offsets_count_from_the_payloads_first_byte() {
        let rows = records("\u{feff}añ;b\n1;\"2\"".as_bytes(), b';').unwrap();
        assert_eq!(rows[0][1].0, 7);
        assert_eq!(rows[1], [(9, b"1".to_vec()), (12, b"2".to_vec())]);
    }

    #[test]
    fn an_open_quote_is_an_error_with_its_place() {
        let error = records(b"a;b\n1;\"x\n2;3\n", b';').unwrap_err().to_string();
        assert_eq!(error, "line 2, column 3 (byte 6): expected a closing quote, found the end of the payload");
        let error = records(b"a;\"b\"c\n", b';').unwrap_err().to_string();
        assert_eq!(error, "line 1, column 6 (byte 5): expected a separator after the closing quote, found `c`");
    }

    #[test]
    fn a_record_without_end_is_an_error() {
        let mut text = b"a;\"".to_vec();
        text.resize(MAX_RECORD_BYTES + 3 * BLOCK_BYTES, b'x');
        let error = blocks(&text).find_map(Result::err).unwrap().to_string();
        assert!(error.contains("a record of at most"), "{error}");
    }

    proptest! {
        /// What is written as records is read back, and each field stands where its offset says.
        #[test]
        fn records_are_read_back(rows in prop::collection::vec(prop::collection::vec("[a-z;\"\n ñ0-9]{0,6}", 2..5), 1..40)) {
            let mut text = String::new();
            for row in &rows {
                let fields: Vec<String> = row
                    .iter()
                    .map(|field| match field.contains([';', '"', '\n']) {
                        true => format!("\"{}\"", field.replace('"', "\"\"")),
                        false => field.clone(),
                    })
                    .collect();
                text.push_str(&fields.join(";"));
                text.push('\n');
            }
            let found = records(text.as_bytes(), b';').unwrap();
            prop_assert_eq!(found.len(), rows.len());
            for (row, expected) in found.iter().zip(&rows) {
                for ((offset, field), expected) in row.iter().zip(expected) {
                    prop_assert_eq!(field.as_slice(), expected.as_bytes());
                    let plain = !expected.contains('"');
                    prop_assert!(!plain || text.as_bytes()[*offset as usize..].starts_with(expected.as_bytes()));
                }
            }
        }

        /// Any bytes give records or an error, never a panic.
        #[test]
        fn any_bytes_are_survived(text in prop::collection::vec(prop::sample::select(b"a;\"\n\r,\t\xff ".to_vec()), 0..200)) {
            let _ = records(&text, b';');
        }
    }
}
