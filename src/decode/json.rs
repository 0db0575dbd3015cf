//! JSON (RFC 8259) token by token, with the byte offset of each, in bounded memory.
//!
//! Statistical JSON holds millions of numbers in one array or object, and each must be found again in the
//! source: a document tree has neither the offsets nor the bound.

use std::borrow::Cow;

use super::notice::shortened;
use super::payload::{BLOCK_BYTES, Payload};
use super::{DecodeError, Place};

/// No text of a statistical payload is longer (footnotes have a few kilobytes).
const MAX_TEXT_BYTES: usize = 1 << 24;

/// No statistical format nests deeper than about ten.
const MAX_DEPTH: usize = 64;

/// Parts of a document that are read as trees (dimensions, labels) hold fewer values than this.
const MAX_TREE_VALUES: usize = 2_000_000;

/// What stands at a place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    BeginObject,
    EndObject,
    BeginArray,
    EndArray,
    /// The name of an object's member.
    Key,
    Text,
    Number,
    True,
    False,
    Null,
    /// The document is over.
    End,
}

/// One token; its text is asked of the reader before the token after the next.
#[derive(Debug, Clone, Copy)]
pub(super) struct Token {
    pub kind: Kind,
    /// Offset of its first byte in the payload; of a text, the quote.
    pub offset: u64,
    /// Where its text begins and ends in the payload.
    start: u64,
    end: u64,
    escaped: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Scope {
    Object,
    Array,
}

/// What the grammar wants next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Want {
    Value,
    /// A value or the end of an array that has just begun.
    ValueOrEnd,
    Key,
    /// A key or the end of an object that has just begun.
    KeyOrEnd,
    CommaOrEnd,
    Nothing,
}

/// Reads tokens.
pub(super) struct Reader {
    payload: Payload,
    buffer: Vec<u8>,
    at: usize,
    /// Where the last token begins in the buffer.
    last: usize,
    /// Offset of the buffer's first byte.
    base: u64,
    ended: bool,
    scopes: Vec<Scope>,
    want: Want,
    tree_values: usize,
}

impl Reader {
    /// Starts a document; a byte order mark is passed over.
    pub fn new(payload: Payload) -> Result<Self, DecodeError> {
        let mut reader = Reader {
            payload,
            buffer: Vec::new(),
            at: 0,
            last: 0,
            base: 0,
            ended: false,
            scopes: Vec::new(),
            want: Want::Value,
            tree_values: 0,
        };
        reader.fill()?;
        if reader.buffer.starts_with(b"\xef\xbb\xbf") {
            reader.at = 3;
        }
        Ok(reader)
    }

    /// The beginning of the document, as far as it has been read.
    pub fn head(&self) -> &[u8] {
        &self.buffer[self.at.min(self.buffer.len())..]
    }

    fn fill(&mut self) -> Result<(), DecodeError> {
        let read = self.payload.read_into(&mut self.buffer, BLOCK_BYTES)?;
        self.ended = read < BLOCK_BYTES;
        Ok(())
    }

    /// Forgets what stands before the last token, once it is worth it: with a value its key may be wrong.
    fn forget(&mut self) {
        if self.last < BLOCK_BYTES {
            return;
        }
        self.buffer.drain(..self.last);
        self.base += self.last as u64;
        self.at -= self.last;
        self.last = 0;
    }

    /// Makes sure that a byte is there, if the document has one more.
    #[inline]
    fn peek(&mut self) -> Result<Option<u8>, DecodeError> {
        loop {
            if let Some(byte) = self.buffer.get(self.at) {
                return Ok(Some(*byte));
            }
            if self.ended {
                return Ok(None);
            }
            if self.at - self.last > 2 * MAX_TEXT_BYTES {
                return Err(self.wrong_at(self.here(), "the rest of the document", "nothing but blanks", None));
            }
            self.fill()?;
        }
    }

    #[inline]
    fn skip_blanks(&mut self) -> Result<Option<u8>, DecodeError> {
        loop {
            match self.peek()? {
                Some(b' ' | b'\n' | b'\r' | b'\t') => self.at += 1,
                byte => return Ok(byte),
            }
        }
    }

    /// The next token.
    pub fn next(&mut self) -> Result<Token, DecodeError> {
        self.forget();
        let mut byte = self.skip_blanks()?;
        if self.want == Want::CommaOrEnd && byte == Some(b',') {
            self.at += 1;
            byte = self.skip_blanks()?;
            self.want = match self.scopes.last() {
                Some(Scope::Object) => Want::Key,
                _ => Want::Value,
            };
        }
        self.last = self.at;
        let offset = self.here();
        let simple = |kind| Token { kind, offset, start: offset, end: offset + 1, escaped: false };
        let Some(byte) = byte else {
            if self.want == Want::Nothing {
                return Ok(Token { end: offset, ..simple(Kind::End) });
            }
            return Err(self.wrong_at(
                offset,
                "the rest of the document",
                "its end",
                Some("the download was cut short: fetch it again"),
            ));
        };
        match (self.want, byte) {
            (Want::Key | Want::KeyOrEnd, b'"') => {
                let (end, escaped) = self.text()?;
                if self.skip_blanks()? != Some(b':') {
                    return Err(self.unexpected("`:` after a name"));
                }
                self.at += 1;
                self.want = Want::Value;
                Ok(Token { kind: Kind::Key, offset, start: offset + 1, end, escaped })
            }
            (Want::KeyOrEnd | Want::CommaOrEnd, b'}') if self.scopes.last() == Some(&Scope::Object) => {
                Ok(self.close(simple(Kind::EndObject)))
            }
            (Want::ValueOrEnd | Want::CommaOrEnd, b']') if self.scopes.last() == Some(&Scope::Array) => {
                Ok(self.close(simple(Kind::EndArray)))
            }
            (Want::Value | Want::ValueOrEnd, _) => self.value(byte, offset),
            (Want::Key | Want::KeyOrEnd, _) => Err(self.unexpected("a name in quotes")),
            (Want::CommaOrEnd, _) => Err(self.unexpected("`,` or the end of the list")),
            (Want::Nothing, _) => Err(self.unexpected("nothing after the document")),
        }
    }

    /// Offset of the next byte.
    fn here(&self) -> u64 {
        self.base + self.at as u64
    }

    fn value(&mut self, byte: u8, offset: u64) -> Result<Token, DecodeError> {
        let token = |kind, end| Token { kind, offset, start: offset, end, escaped: false };
        match byte {
            b'{' => self.open(Scope::Object, Want::KeyOrEnd).map(|()| token(Kind::BeginObject, offset + 1)),
            b'[' => self.open(Scope::Array, Want::ValueOrEnd).map(|()| token(Kind::BeginArray, offset + 1)),
            b'"' => {
                let (end, escaped) = self.text()?;
                self.after_value();
                Ok(Token { start: offset + 1, escaped, ..token(Kind::Text, end) })
            }
            b'-' | b'0'..=b'9' => {
                self.at += 1;
                while let Some(b'0'..=b'9' | b'.' | b'-' | b'+' | b'e' | b'E') = self.peek()? {
                    self.at += 1;
                    if self.at - self.last > 400 {
                        return Err(self.wrong_at(offset, "a number", "more than 400 digits", None));
                    }
                }
                self.after_value();
                Ok(token(Kind::Number, self.here()))
            }
            b't' => self.word("true").map(|()| token(Kind::True, self.here())),
            b'f' => self.word("false").map(|()| token(Kind::False, self.here())),
            b'n' => self.word("null").map(|()| token(Kind::Null, self.here())),
            _ => Err(self.unexpected("a value")),
        }
    }

    fn open(&mut self, scope: Scope, want: Want) -> Result<(), DecodeError> {
        if self.scopes.len() == MAX_DEPTH {
            return Err(self.unexpected(&format!("lists and objects at most {MAX_DEPTH} deep")));
        }
        self.scopes.push(scope);
        self.want = want;
        self.at += 1;
        Ok(())
    }

    fn close(&mut self, token: Token) -> Token {
        self.scopes.pop();
        self.at += 1;
        self.after_value();
        token
    }

    fn after_value(&mut self) {
        self.want = if self.scopes.is_empty() { Want::Nothing } else { Want::CommaOrEnd };
    }

    fn word(&mut self, word: &str) -> Result<(), DecodeError> {
        let start = self.at;
        for expected in word.bytes() {
            if self.peek()? != Some(expected) {
                self.at = start;
                return Err(self.unexpected("a value"));
            }
            self.at += 1;
        }
        self.after_value();
        Ok(())
    }

    /// Passes over a text whose quote is next: where it ends, and whether it has escapes.
    fn text(&mut self) -> Result<(u64, bool), DecodeError> {
        let start = self.at;
        let mut escaped = false;
        let mut from = start + 1;
        loop {
            match memchr::memchr2(b'"', b'\\', &self.buffer[from.min(self.buffer.len())..]) {
                Some(found) if self.buffer[from + found] == b'"' => {
                    self.at = from + found + 1;
                    return Ok((self.here() - 1, escaped));
                }
                Some(found) => {
                    escaped = true;
                    from += found + 2;
                }
                None if self.ended || self.buffer.len() - start > MAX_TEXT_BYTES => {
                    let offset = self.base + start as u64;
                    return Err(self.wrong_at(
                        offset,
                        "a closing quote",
                        "none",
                        Some("the download was cut short: fetch it again"),
                    ));
                }
                None => {
                    // An escape may straddle the end of what has been read.
                    from = from.max(self.buffer.len());
                    self.fill()?;
                }
            }
        }
    }

    /// The text of a token, without escapes.
    pub fn str(&self, token: &Token) -> Result<Cow<'_, str>, DecodeError> {
        let bytes = self.bytes(token);
        let wrong = |expected| self.wrong_at(token.offset, expected, &quoted(&String::from_utf8_lossy(bytes)), None);
        let raw = std::str::from_utf8(bytes).map_err(|_| wrong("text in UTF-8"))?;
        if !token.escaped {
            return Ok(Cow::Borrowed(raw));
        }
        // Escapes are rare and short: the library knows them all.
        serde_json::from_str::<String>(&format!("\"{raw}\""))
            .map(Cow::Owned)
            .map_err(|_| wrong("text with escapes that JSON has"))
    }

    /// The bytes of a token as they stand there; none of one that is forgotten.
    #[inline]
    pub fn bytes(&self, token: &Token) -> &[u8] {
        let at = |offset: u64| offset.checked_sub(self.base).map(|at| at as usize);
        let range = at(token.start).zip(at(token.end)).map(|(start, end)| start..end);
        range.and_then(|range| self.buffer.get(range)).unwrap_or_default()
    }

    /// Passes over the value whose first token was `first`.
    pub fn skip(&mut self, first: Token) -> Result<(), DecodeError> {
        let mut depth = usize::from(matches!(first.kind, Kind::BeginObject | Kind::BeginArray));
        while depth > 0 {
            match self.next()?.kind {
                Kind::BeginObject | Kind::BeginArray => depth += 1,
                Kind::EndObject | Kind::EndArray => depth -= 1,
                _ => {}
            }
        }
        Ok(())
    }

    /// The value whose first token was `first`, as a tree: for small parts only.
    pub fn tree(&mut self, first: Token) -> Result<serde_json::Value, DecodeError> {
        use serde_json::Value;
        self.tree_values += 1;
        if self.tree_values > MAX_TREE_VALUES {
            let expected = format!("at most {MAX_TREE_VALUES} values besides the observations");
            return Err(self.wrong_at(first.offset, &expected, "more", None));
        }
        Ok(match first.kind {
            Kind::BeginObject => {
                let mut members = serde_json::Map::new();
                loop {
                    let token = self.next()?;
                    if token.kind == Kind::EndObject {
                        break Value::Object(members);
                    }
                    let key = self.str(&token)?.into_owned();
                    let value = self.next()?;
                    let value = self.tree(value)?;
                    members.insert(key, value);
                }
            }
            Kind::BeginArray => {
                let mut items = Vec::new();
                loop {
                    let token = self.next()?;
                    if token.kind == Kind::EndArray {
                        break Value::Array(items);
                    }
                    items.push(self.tree(token)?);
                }
            }
            Kind::Text => Value::String(self.str(&first)?.into_owned()),
            Kind::Number => serde_json::from_slice(self.bytes(&first)).map_err(|_| self.wrong(&first, "a number"))?,
            Kind::True => Value::Bool(true),
            Kind::False => Value::Bool(false),
            _ => Value::Null,
        })
    }

    /// A token is wrong.
    pub fn wrong(&self, token: &Token, expected: &str) -> DecodeError {
        let text = String::from_utf8_lossy(self.bytes(token));
        self.wrong_at(token.offset, expected, &quoted(&text), None)
    }

    fn unexpected(&self, expected: &str) -> DecodeError {
        let rest = &self.buffer[self.at..self.buffer.len().min(self.at + 40)];
        let found = match rest.is_empty() {
            true => "the end of the payload".to_owned(),
            false => quoted(&String::from_utf8_lossy(rest)),
        };
        self.wrong_at(self.here(), expected, &found, None)
    }

    /// Something at this offset is wrong; what was found is said in words or in backticks.
    pub fn wrong_at(&self, offset: u64, expected: &str, found: &str, hint: Option<&str>) -> DecodeError {
        DecodeError::Syntax {
            place: Place::of_byte(offset),
            expected: expected.to_owned(),
            found: found.to_owned(),
            hint: hint.map(str::to_owned),
        }
    }
}

/// Text of a payload as messages show it.
fn quoted(text: &str) -> String {
    match shortened(text).as_str() {
        "" => "nothing".into(),
        text => format!("`{text}`"),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::{BLOCK_BYTES, MAX_TEXT_BYTES};
    use crate::decode::probe::{decoded, refused};
    use crate::decode::{Format, Hints};

    /// A dataset of one cell, with this much text before its values.
    fn dataset(before: &str, values: &str) -> String {
        let shape = r#""id":["a"],"size":[1],"dimension":{"a":{"category":{"index":["x"]}}}"#;
        format!("{{{shape},{before}\"value\":{values}}}")
    }

    #[test]
    fn a_key_is_known_with_its_value_wherever_a_block_ends() {
        // The second key `0` is wrong, but only seen to be so when its value has been read.
        for blanks in BLOCK_BYTES - 120..BLOCK_BYTES + 20 {
            let text = dataset(&"\n".repeat(blanks), "{\"0\":1,\"0\":2}");
            let message = refused(Format::JsonStat, text.as_bytes(), &Hints::default());
            let offset = text.rfind("\"0\"").unwrap();
            let place = format!("line {}, column 16 (byte {offset})", blanks + 1);
            assert_eq!(message, format!("{place}: expected each index once, found `0`"));
        }
    }

    #[test]
    fn blanks_without_end_are_no_document() {
        let text = dataset(&" ".repeat(BLOCK_BYTES + 1), "[1]");
        assert_eq!(decoded(Format::JsonStat, text.as_bytes(), &Hints::default()).unwrap().rows.len(), 1);
        let text = dataset(&" ".repeat(2 * MAX_TEXT_BYTES + 2 * BLOCK_BYTES), "[1]");
        let message = refused(Format::JsonStat, text.as_bytes(), &Hints::default());
        assert!(message.ends_with("expected the rest of the document, found nothing but blanks"), "{message}");
    }
}
