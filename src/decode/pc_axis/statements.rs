//! The header of a PC-Axis file as statements.
//!
//! ```text
//! file      = { statement } "DATA" "=" cells [ ";" ]
//! statement = keyword [ "[" language "]" ] [ "(" items ")" ] "=" items ";"
//! items     = item { "," item }
//! item      = string { string } | bare
//! string    = '"' anything but '"' '"'
//! ```
//! Strings that follow one another without a comma are one text. A `bare` item is a word such as `YES` or
//! a call such as `TLIST(A1,"1994"-"2001")`, which is kept as written. Only the statements that the decoder
//! reads are held to the grammar of items; of any other one, only its end is looked for.

use std::collections::HashMap;

use super::super::notice::{shortened, unexpected};
use super::super::payload::{BLOCK_BYTES, Payload};
use super::super::records::Block;
use super::super::{DecodeError, Hints};
use super::EXPECTED;
use super::cells::Cells;
use super::text::{Charset, Declared};

/// Headers of real tables have a few megabytes at most: every label stands in it once.
const MAX_HEADER_BYTES: usize = 1 << 25;

/// Texts and statements of a header together; the largest real codelists have some hundred thousand.
const MAX_ITEMS: usize = 1_000_000;

/// The keywords whose statements are read.
const READ: &[&str] = &[
    "ATTRIBUTE-ID",
    "ATTRIBUTES",
    "CELLNOTE",
    "CELLNOTEX",
    "CODES",
    "CONTENTS",
    "CONTVARIABLE",
    "DATANOTE",
    "DATANOTECELL",
    "DATANOTESUM",
    "DATASYMBOL1",
    "DATASYMBOL2",
    "DATASYMBOL3",
    "DATASYMBOL4",
    "DATASYMBOL5",
    "DATASYMBOL6",
    "DATASYMBOLNIL",
    "DATASYMBOLSUM",
    "DESCRIPTION",
    "HEADING",
    "KEYS",
    "LANGUAGE",
    "LANGUAGES",
    "LAST-UPDATED",
    "MATRIX",
    "NOTE",
    "NOTEX",
    "STUB",
    "TIMEVAL",
    "TITLE",
    "UNITS",
    "VALUENOTE",
    "VALUENOTEX",
    "VALUES",
];

/// One text of a list, and where it begins in the header.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Item {
    pub text: String,
    pub at: usize,
}

/// One statement.
pub(super) struct Statement {
    pub language: Option<String>,
    pub keys: Vec<Item>,
    pub values: Vec<Item>,
    /// Where it begins in the header.
    pub at: usize,
}

impl Statement {
    /// All its texts as one.
    pub fn text(&self) -> String {
        self.values.iter().map(|item| item.text.as_str()).collect::<Vec<_>>().join(", ")
    }
}

/// Everything before the cells.
pub(super) struct Header {
    pub block: Block,
    pub charset: Charset,
    /// What had to be decided about the encoding.
    pub notes: Vec<String>,
    statements: HashMap<&'static str, Vec<Statement>>,
}

impl Header {
    /// The statements of a keyword, in the file's order.
    pub fn all(&self, keyword: &str) -> &[Statement] {
        self.statements.get(keyword).map_or(&[], Vec::as_slice)
    }

    /// Reads up to the cells.
    pub fn read(payload: Payload, hints: &Hints) -> Result<(Header, Cells), DecodeError> {
        let mut scan = Scan { payload, bytes: Vec::new(), ended: false };
        scan.fill()?;
        let has_mark = scan.bytes.starts_with(b"\xef\xbb\xbf");
        if has_mark {
            scan.bytes.drain(..3);
        }
        let offset = if has_mark { 3 } else { 0 };
        let mut raw: Vec<(&'static str, Raw)> = Vec::new();
        let mut declared = None;
        let mut at = 0;
        let data = loop {
            let found = match scan.statement(at) {
                Ok(found) => found,
                // No statement at all: another kind of file.
                Err(Failed::Unfinished(_) | Failed::Syntax(_)) if at == 0 => {
                    return Err(unexpected(&scan.bytes, EXPECTED));
                }
                Err(Failed::Unfinished(wrong) | Failed::Syntax(wrong)) => {
                    let block = Block { bytes: scan.bytes, offset, line: 1 };
                    return Err(block.wrong_in_words(wrong.at, wrong.expected, wrong.found, wrong.hint));
                }
                Err(Failed::Other(error)) => return Err(error),
            };
            let keyword = keyword(&scan.bytes, &found);
            if keyword == "DATA" {
                break found.equals + 1;
            }
            at = found.end + 1;
            if keyword == "CODEPAGE" || (keyword == "CHARSET" && declared.is_none()) {
                let value = scan.bytes[found.equals + 1..found.end].trim_ascii();
                let label = String::from_utf8_lossy(value).replace('"', "");
                declared = Some(Declared { label, at: found.start, is_codepage: keyword == "CODEPAGE" });
            }
            if raw.len() > MAX_ITEMS {
                let block = Block { bytes: scan.bytes, offset, line: 1 };
                let expected = format!("at most {MAX_ITEMS} statements in the header");
                return Err(block.wrong_in_words(found.start, expected, "more", None));
            }
            if let Some(known) = READ.iter().find(|known| **known == keyword) {
                raw.push((known, found));
            }
        };
        let rest = scan.bytes.split_off(data);
        let block = Block { bytes: scan.bytes, offset, line: 1 };
        let cells = Cells::new(scan.payload, rest, block.place(data), scan.ended);
        let (charset, notes) = Charset::of(&block, has_mark, declared, hints)?;
        let mut parser = Parser { block: &block, charset, items: 0 };
        let mut statements: HashMap<&'static str, Vec<Statement>> = HashMap::new();
        for (keyword, raw) in raw {
            statements.entry(keyword).or_default().push(parser.statement(&raw)?);
        }
        Ok((Header { block, charset, notes, statements }, cells))
    }
}

/// Where the parts of a statement stand.
struct Raw {
    start: usize,
    /// The `=` between keyword and value.
    equals: usize,
    /// The `;`; of `DATA`, the `=`.
    end: usize,
}

/// The keyword in capitals; in the wild `.` and `_` stand for `-`.
fn keyword(bytes: &[u8], raw: &Raw) -> String {
    let key = &bytes[raw.start..raw.equals];
    let end = key.iter().position(|byte| matches!(byte, b'[' | b'(') || byte.is_ascii_whitespace());
    let name = String::from_utf8_lossy(&key[..end.unwrap_or(key.len())]).to_ascii_uppercase();
    name.replace(['.', '_'], "-")
}

/// Why there is no statement.
enum Failed {
    /// What has been read ends before the statement does.
    Unfinished(Wrong),
    Syntax(Wrong),
    Other(DecodeError),
}

/// What is wrong, and where in the header.
struct Wrong {
    at: usize,
    expected: String,
    found: String,
    hint: Option<String>,
}

impl From<DecodeError> for Failed {
    fn from(error: DecodeError) -> Self {
        Failed::Other(error)
    }
}

fn wrong(at: usize, expected: &str, found: impl Into<String>, hint: Option<&str>) -> Wrong {
    Wrong { at, expected: expected.into(), found: found.into(), hint: hint.map(str::to_owned) }
}

fn unfinished(at: usize, expected: &str) -> Failed {
    let hint = "the download was cut short, or a statement lacks its `;`";
    Failed::Unfinished(wrong(at, expected, "the end of the payload", Some(hint)))
}

struct Scan {
    payload: Payload,
    bytes: Vec<u8>,
    ended: bool,
}

impl Scan {
    /// Reads on, as much as there is already, so that looking at a long statement again stays cheap.
    fn fill(&mut self) -> Result<(), DecodeError> {
        let length = self.bytes.len();
        let wanted = length.max(BLOCK_BYTES).min((MAX_HEADER_BYTES + BLOCK_BYTES).saturating_sub(length));
        let read = self.payload.read_into(&mut self.bytes, wanted)?;
        self.ended = read < wanted;
        Ok(())
    }

    /// The statement that begins at or behind `from`.
    fn statement(&mut self, from: usize) -> Result<Raw, Failed> {
        loop {
            match self.look(from) {
                Err(Failed::Unfinished(_)) if !self.ended => {
                    if self.bytes.len() > MAX_HEADER_BYTES {
                        let expected = format!("`DATA=` within {MAX_HEADER_BYTES} bytes");
                        let hint = "is a quote left open, or is the format another one?";
                        return Err(Failed::Syntax(wrong(from, &expected, "more without it", Some(hint))));
                    }
                    self.fill()?;
                }
                outcome => return outcome,
            }
        }
    }

    fn look(&self, from: usize) -> Result<Raw, Failed> {
        let bytes = &self.bytes;
        let rest = bytes.get(from..).unwrap_or_default();
        // Some writers end a list with one `;` more.
        let blanks = rest.iter().take_while(|byte| byte.is_ascii_whitespace() || **byte == b';').count();
        let start = from + blanks;
        if start == bytes.len() {
            return Err(unfinished(start, "`DATA=` and the cells"));
        }
        let word = bytes[start..].iter().take_while(|byte| byte.is_ascii_alphanumeric() || b"-._".contains(byte));
        let mut at = start + word.count();
        let is_data = bytes[start..at].eq_ignore_ascii_case(b"data");
        let first = bytes.get(at).copied();
        let is_keyword = at > start && first.is_none_or(|byte| b"[(= \t\r\n".contains(&byte));
        if !is_keyword {
            let found = String::from_utf8_lossy(&bytes[start..bytes.len().min(start + 60)]);
            let found = format!("`{}`", shortened(&found));
            return Err(Failed::Syntax(wrong(start, "a keyword such as `VALUES`", found, None)));
        }
        let equals = loop {
            match bytes.get(at) {
                Some(b'=') => break at,
                Some(b'"') => at = self.quote(at)? + 1,
                Some(b';') => return Err(Failed::Syntax(wrong(at, "`=` after the keyword", "`;`", None))),
                None => return Err(unfinished(at, "`=` after the keyword")),
                Some(_) => at += 1,
            }
        };
        if is_data {
            return Ok(Raw { start, equals, end: equals });
        }
        at = equals + 1;
        loop {
            match memchr::memchr2(b'"', b';', &bytes[at..]).map(|found| at + found) {
                Some(found) if bytes[found] == b';' => return Ok(Raw { start, equals, end: found }),
                Some(quote) => at = self.quote(quote)? + 1,
                None => return Err(unfinished(bytes.len(), "`;` after the statement")),
            }
        }
    }

    /// The quote that closes the one at `open`.
    fn quote(&self, open: usize) -> Result<usize, Failed> {
        let hint = "the download was cut short, or a text holds a quotation mark";
        memchr::memchr(b'"', &self.bytes[open + 1..])
            .map(|found| open + 1 + found)
            .ok_or_else(|| Failed::Unfinished(wrong(open, "a closing quote", "none", Some(hint))))
    }
}

struct Parser<'h> {
    block: &'h Block,
    charset: Charset,
    /// Items so far.
    items: usize,
}

impl Parser<'_> {
    /// Counts one more text or statement.
    fn count(&mut self, at: usize) -> Result<(), DecodeError> {
        self.items += 1;
        if self.items > MAX_ITEMS {
            let expected = format!("at most {MAX_ITEMS} texts in the header");
            return Err(self.block.wrong_in_words(at, expected, "more", None));
        }
        Ok(())
    }

    fn statement(&mut self, raw: &Raw) -> Result<Statement, DecodeError> {
        self.count(raw.start)?;
        let bytes = &self.block.bytes;
        let mut at = raw.start;
        at += bytes[at..raw.equals].iter().take_while(|byte| !b"[(".contains(byte)).count();
        let mut language = None;
        if bytes[at..raw.equals].first() == Some(&b'[') {
            let Some(length) = memchr::memchr(b']', &bytes[at..raw.equals]) else {
                return Err(self.block.wrong_in_words(at, "`]` after the language", "none", None));
            };
            language = Some(String::from_utf8_lossy(&bytes[at + 1..at + length]).trim_matches(['"', ' ']).to_owned());
            at += length + 1;
        }
        let blanks = |from: usize| bytes[from..raw.equals].iter().take_while(|byte| byte.is_ascii_whitespace()).count();
        at += blanks(at);
        let mut keys = Vec::new();
        if bytes[at..raw.equals].first() == Some(&b'(') {
            let inner = bytes[at..raw.equals].trim_ascii_end();
            if !inner.ends_with(b")") {
                return Err(self.block.wrong_in_words(at, "`)` before the `=`", "none", None));
            }
            keys = self.items(at + 1, at + inner.len() - 1)?;
        } else if at < raw.equals {
            return Err(self.block.wrong(at, "`=` after the keyword", &bytes[at..raw.equals], None));
        }
        Ok(Statement { language, keys, values: self.items(raw.equals + 1, raw.end)?, at: raw.start })
    }

    /// The items between these positions.
    fn items(&mut self, from: usize, to: usize) -> Result<Vec<Item>, DecodeError> {
        let mut items = Vec::new();
        if self.block.bytes[from..to].trim_ascii().is_empty() {
            return Ok(items);
        }
        let mut at = from;
        loop {
            let (item, end) = self.item(at, to)?;
            self.count(item.at)?;
            items.push(item);
            if end >= to {
                return Ok(items);
            }
            at = end + 1;
        }
    }

    /// The item that begins at `from`, and where its comma or the end of the list is.
    fn item(&self, from: usize, to: usize) -> Result<(Item, usize), DecodeError> {
        let bytes = &self.block.bytes[..to];
        let start = from + bytes[from..].iter().take_while(|byte| byte.is_ascii_whitespace()).count();
        let mut at = start;
        if bytes.get(at) != Some(&b'"') {
            let mut depth = 0usize;
            while let Some(byte) = bytes.get(at) {
                match byte {
                    b',' if depth == 0 => break,
                    b'(' => depth += 1,
                    b')' => depth = depth.saturating_sub(1),
                    b'"' if depth == 0 => {
                        return Err(self.block.wrong(at, "`,` or `;` before the quote", &bytes[start..at], None));
                    }
                    _ => {}
                }
                at += 1;
            }
            let raw = bytes[start..at].trim_ascii();
            if raw.is_empty() {
                return Err(self.block.wrong_in_words(start, "a text in quotes, or a word", "nothing", None));
            }
            return Ok((Item { text: self.charset.text(raw, self.block, start)?.into_owned(), at: start }, at));
        }
        // Strings are put together before they are decoded: a line may be cut within a character.
        let mut text: Vec<u8> = Vec::new();
        loop {
            match bytes.get(at) {
                Some(b'"') => {
                    // The scan has seen the closing quote, unless the list ends within the string.
                    let Some(length) = memchr::memchr(b'"', &bytes[at + 1..]) else {
                        return Err(self.block.wrong_in_words(at, "a closing quote", "none", None));
                    };
                    text.extend_from_slice(&bytes[at + 1..at + 1 + length]);
                    at += length + 2;
                }
                Some(byte) if byte.is_ascii_whitespace() => at += 1,
                None | Some(b',') => break,
                Some(_) => {
                    let found = &bytes[at..bytes.len().min(at + 40)];
                    return Err(self.block.wrong(at, "`,` or `;` after the text", found, None));
                }
            }
        }
        Ok((Item { text: self.charset.text(&text, self.block, start)?.into_owned(), at: start }, at))
    }
}
