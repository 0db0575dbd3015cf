//! What stands behind `DATA=`, token by token, in bounded memory.
//!
//! Blanks, tabs, line ends, commas and semicolons separate alike, however many; rows mean nothing.
//! Each token knows the byte at which it begins.

use super::super::columns::number;
use super::super::notice::shortened;
use super::super::payload::{BLOCK_BYTES, Payload};
use super::super::{DecodeError, Place};
use super::CUT;

/// The longest code of a row.
const MAX_TOKEN_BYTES: usize = 1 << 16;

/// The cells of a file.
pub(super) struct Cells {
    payload: Payload,
    buffer: Vec<u8>,
    at: usize,
    /// Where the buffer's first byte stands.
    base: Place,
    ended: bool,
    /// Whether a `;` stood before the next token.
    closed: bool,
}

/// One token, valid until the next one is asked for.
#[derive(Debug, Clone, Copy)]
pub(super) struct Token {
    start: usize,
    end: usize,
    /// Offset in the payload of its first byte, behind a quote.
    pub cell: u64,
}

/// What a cell says.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Value<'t> {
    /// A number.
    Number(f64),
    /// `-`, which is nothing in the sense of zero.
    Nil(&'t str),
    /// One to seven dots, or `:`.
    Missing(&'t str),
}

impl Value<'_> {
    /// The value of a token; none where it is no cell.
    pub fn of(text: &[u8]) -> Option<Value<'_>> {
        if let Some(number) = number(text) {
            return Some(Value::Number(number));
        }
        let mark = std::str::from_utf8(text).ok()?;
        match mark {
            "-" => Some(Value::Nil(mark)),
            ":" => Some(Value::Missing(mark)),
            _ if (1..=7).contains(&mark.len()) && mark.bytes().all(|byte| byte == b'.') => Some(Value::Missing(mark)),
            _ => None,
        }
    }
}

/// Whether a byte separates cells; the last one is DOS's end of file.
fn separates(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t' | b'\r' | b'\n' | b',' | b';' | 0x1a)
}

impl Cells {
    /// What was read already begins at `base`.
    pub fn new(payload: Payload, buffer: Vec<u8>, base: Place, ended: bool) -> Self {
        Cells { payload, buffer, at: 0, base, ended, closed: false }
    }

    /// Whether a `;` stood before the end.
    pub fn is_closed(&self) -> bool {
        self.closed
    }

    /// Forgets what is before `at` and reads on; false at the end.
    fn fill(&mut self) -> Result<bool, DecodeError> {
        if self.ended {
            return Ok(false);
        }
        self.base = self.place(self.at);
        self.buffer.drain(..self.at);
        self.at = 0;
        let read = self.payload.read_into(&mut self.buffer, BLOCK_BYTES)?;
        self.ended = read < BLOCK_BYTES;
        Ok(read > 0)
    }

    fn place(&self, at: usize) -> Place {
        let before = &self.buffer[..at.min(self.buffer.len())];
        let column = match memchr::memrchr(b'\n', before) {
            Some(newline) => (before.len() - newline) as u64,
            None => self.base.column + before.len() as u64,
        };
        Place {
            line: self.base.line + memchr::memchr_iter(b'\n', before).count() as u64,
            column,
            offset: self.base.offset + before.len() as u64,
        }
    }

    /// The next token; none at the end.
    pub fn token(&mut self) -> Result<Option<Token>, DecodeError> {
        self.closed = false;
        loop {
            let rest = &self.buffer[self.at..];
            let blanks = rest.iter().position(|byte| !separates(*byte));
            let passed = &rest[..blanks.unwrap_or(rest.len())];
            self.closed |= passed.contains(&b';');
            self.at += passed.len();
            if blanks.is_some() {
                break;
            }
            if !self.fill()? {
                return Ok(None);
            }
        }
        let quotes = usize::from(self.buffer.get(self.at) == Some(&b'"'));
        let mut seen = quotes;
        loop {
            let rest = &self.buffer[self.at + seen..];
            let length = match quotes {
                0 => rest.iter().position(|byte| separates(*byte) || *byte == b'"'),
                _ => memchr::memchr(b'"', rest),
            };
            seen += length.unwrap_or(rest.len());
            if seen > MAX_TOKEN_BYTES {
                return Err(self.wrong_at(self.at, "a cell", "more text than one has", None));
            }
            if length.is_none() && self.fill()? {
                continue;
            }
            if length.is_none() && quotes > 0 {
                return Err(self.wrong_at(self.at, "a closing quote", "none", Some(CUT)));
            }
            let start = self.at + quotes;
            let end = self.at + seen;
            self.at = end + quotes;
            return Ok(Some(Token { start, end, cell: self.base.offset + start as u64 }));
        }
    }

    /// The bytes of the token that came last.
    pub fn bytes(&self, token: Token) -> &[u8] {
        &self.buffer[token.start..token.end]
    }

    /// The token that came last is not what is expected there.
    pub fn wrong(&self, token: Token, expected: impl Into<String>, hint: Option<&str>) -> DecodeError {
        let bytes = self.bytes(token);
        let text = shortened(&String::from_utf8_lossy(&bytes[..bytes.len().min(400)]));
        let found = if text.is_empty() { "nothing between quotes".into() } else { format!("`{text}`") };
        self.wrong_at(token.start, expected, found, hint)
    }

    /// The payload ended where something is expected.
    pub fn ended(&self, expected: impl Into<String>, found: impl Into<String>, hint: Option<&str>) -> DecodeError {
        self.wrong_at(self.buffer.len(), expected, found, hint)
    }

    fn wrong_at(
        &self,
        at: usize,
        expected: impl Into<String>,
        found: impl Into<String>,
        hint: Option<&str>,
    ) -> DecodeError {
        let (expected, found) = (expected.into(), found.into());
        DecodeError::Syntax { place: self.place(at), expected, found, hint: hint.map(str::to_owned) }
    }
}

#[cfg(test)]
mod tests {
    use super::Value;

    #[test]
    fn a_cell_is_a_number_or_a_mark() {
        for (text, expected) in [
            ("-0.6", Some(Value::Number(-0.6))),
            ("1E3", Some(Value::Number(1000.0))),
            ("163642.0", Some(Value::Number(163642.0))),
            ("-", Some(Value::Nil("-"))),
            (".", Some(Value::Missing("."))),
            ("......", Some(Value::Missing("......"))),
            (":", Some(Value::Missing(":"))),
            ("........", None),
            ("", None),
            ("--", None),
            ("n/a", None),
            ("1.234.567", None),
            ("1e999", None),
        ] {
            assert_eq!(Value::of(text.as_bytes()), expected, "{text}");
        }
    }
}
