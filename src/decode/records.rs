//! Text in records of separated fields (RFC 4180 with any separator), in blocks of whole records, with
//! the byte offset of every field.
//!
//! A general CSV reader does not tell where a field stood; the offset is what every published number
//! is traced by. Memory is bounded by a block; a record longer than [`MAX_RECORD_BYTES`] is an error.

use std::borrow::Cow;

use encoding_rs::Encoding;

use super::fields::{Field, each_record};
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
    use super::*;
    use crate::decode::Source;

    #[test]
    fn a_record_without_end_is_an_error() {
        let mut text = b"a;\"".to_vec();
        text.resize(MAX_RECORD_BYTES + 3 * BLOCK_BYTES, b'x');
        let payload = Source::from_bytes(&*text).stream(&Hints::default()).unwrap();
        let error = Blocks::new(payload, true).unwrap().find_map(Result::err).unwrap().to_string();
        assert!(error.contains("a record of at most"), "{error}");
    }
}
