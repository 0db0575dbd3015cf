//! XML (1.0, fifth edition) event by event in bounded memory, with the byte offset of every value.
//!
//! The tokens are `quick-xml`'s. It says where an event begins and ends; attributes are scanned here, because
//! their values' offsets are what every number is traced by, and because nothing may be allocated for them.
//! Only UTF-8 (SDMX-ML and workbooks know no other in practice); no document types and so no entities but the five of
//! XML.

use std::borrow::Cow;
use std::io::{self, BufRead, Read};

use quick_xml::Reader;
use quick_xml::errors::{Error as XmlError, IllFormedError};
use quick_xml::events::{BytesStart, Event as XmlEvent};

use crate::decode::notice::shortened;
use crate::decode::payload::{self, Payload};
use crate::decode::{DecodeError, Hints, Source};

/// Bytes that are read at a time: the block and what is made of it stay in the cache.
const BLOCK_BYTES: usize = payload::BLOCK_BYTES / 4;

/// No tag, text or comment of a statistical message is longer; one that is not closed is.
const MAX_EVENT_BYTES: usize = 1 << 22;

/// SDMX-ML nests about ten deep.
const MAX_DEPTH: usize = 64;

/// The result of whatever can fail at a place. The error is boxed: one travels up for each attribute otherwise.
pub(super) type Outcome<T> = Result<T, Box<Failure>>;

/// What failed, before the line of its offset is known.
pub(super) enum Failure {
    /// Something at a byte offset is wrong.
    At {
        /// Byte offset in the decompressed payload.
        offset: u64,
        /// What may stand there.
        expected: String,
        /// What stands there.
        found: String,
        /// What to do.
        hint: Option<String>,
    },
    /// Any other error.
    Whole(DecodeError),
}

impl From<DecodeError> for Box<Failure> {
    fn from(error: DecodeError) -> Self {
        Box::new(Failure::Whole(error))
    }
}

impl Failure {
    /// The error with line and column, for which the payload is read again up to the place: counting lines all
    /// the way would cost every good payload.
    pub fn locate(self, source: &Source, hints: &Hints) -> DecodeError {
        match self {
            Failure::Whole(error) => error,
            Failure::At { offset, expected, found, hint } => {
                DecodeError::Syntax { place: source.place(hints, offset), expected, found, hint }
            }
        }
    }
}

/// Something at this offset is wrong; what was found is said in words.
pub(super) fn wrong(offset: u64, expected: impl Into<String>, found: impl Into<String>) -> Box<Failure> {
    Box::new(Failure::At { offset, expected: expected.into(), found: found.into(), hint: None })
}

/// The same, with what to do.
pub(super) fn wrong_with(
    offset: u64,
    expected: impl Into<String>,
    found: impl Into<String>,
    hint: impl Into<String>,
) -> Box<Failure> {
    Box::new(Failure::At { offset, expected: expected.into(), found: found.into(), hint: Some(hint.into()) })
}

/// Text of the payload in a message.
pub(super) fn quoted(text: &str) -> String {
    match shortened(text).as_str() {
        "" => "nothing".into(),
        text => format!("`{text}`"),
    }
}

const CUT_SHORT: &str = "the download was cut short: fetch it again";

/// The payload as the tokenizer wants it, with a bound on what one event may take.
struct Bytes {
    payload: Payload,
    block: Vec<u8>,
    at: usize,
    /// Bytes that the current event has taken.
    event: usize,
    /// What stopped the reading: I/O errors could not carry it.
    failed: Option<DecodeError>,
    stopped: bool,
}

impl BufRead for Bytes {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        if self.stopped || self.event > MAX_EVENT_BYTES {
            return Err(io::Error::other("stopped"));
        }
        if self.at >= self.block.len() {
            self.block.clear();
            self.at = 0;
            if let Err(error) = self.payload.read_into(&mut self.block, BLOCK_BYTES) {
                self.failed = Some(error);
                self.stopped = true;
                return Err(io::Error::other("stopped"));
            }
        }
        Ok(self.block.get(self.at..).unwrap_or_default())
    }

    fn consume(&mut self, count: usize) {
        self.at += count;
        self.event += count;
    }
}

impl Read for Bytes {
    fn read(&mut self, to: &mut [u8]) -> io::Result<usize> {
        let count = self.fill_buf()?.read(to)?;
        self.consume(count);
        Ok(count)
    }
}

/// One event.
pub(super) enum Event<'x> {
    /// An opening tag.
    Open(Tag<'x>),
    Close,
    /// Text as written, and where it begins.
    Text(Cow<'x, str>, u64),
    /// A comment or a processing instruction.
    Nothing,
    End,
}

/// Reads events.
pub(super) struct Xml {
    reader: Reader<Bytes>,
    buffer: Vec<u8>,
    /// Bytes of the byte order mark, which the tokenizer does not count.
    skipped: u64,
    depth: usize,
    /// Whether the document element has been seen.
    rooted: bool,
    head: Vec<u8>,
}

impl Xml {
    /// Starts a document.
    pub fn new(payload: Payload) -> Result<Self, DecodeError> {
        let mut bytes = Bytes { payload, block: Vec::new(), at: 0, event: 0, failed: None, stopped: false };
        bytes.payload.read_into(&mut bytes.block, BLOCK_BYTES)?;
        let head = bytes.block.get(..bytes.block.len().min(2000)).unwrap_or_default().to_vec();
        if head.starts_with(b"\xef\xbb\xbf") {
            bytes.at = 3;
        }
        let skipped = bytes.at as u64;
        Ok(Xml { reader: Reader::from_reader(bytes), buffer: Vec::new(), skipped, depth: 0, rooted: false, head })
    }

    /// The beginning of the payload, without a byte order mark.
    pub fn head(&self) -> &[u8] {
        self.head.get(self.skipped as usize..).unwrap_or_default()
    }

    /// The next event.
    pub fn next(&mut self) -> Outcome<Event<'_>> {
        self.buffer.clear();
        self.reader.get_mut().event = 0;
        let offset = self.reader.buffer_position() + self.skipped;
        let event = match self.reader.read_event_into(&mut self.buffer) {
            Ok(event) => event,
            Err(error) => {
                let broken = self.reader.error_position() + self.skipped;
                return Err(refused(self.reader.get_mut(), error, offset, broken));
            }
        };
        match event {
            XmlEvent::Start(tag) => {
                if self.depth == MAX_DEPTH {
                    return Err(wrong(offset, format!("elements at most {MAX_DEPTH} deep"), "a deeper one"));
                }
                if self.depth == 0 && self.rooted {
                    return Err(wrong(offset, "the end of the document", "a second document element"));
                }
                self.rooted = true;
                self.depth += 1;
                Ok(Event::Open(Tag { tag, closed: false, offset }))
            }
            XmlEvent::Empty(tag) => {
                if self.depth == 0 && self.rooted {
                    return Err(wrong(offset, "the end of the document", "a second document element"));
                }
                self.rooted = true;
                Ok(Event::Open(Tag { tag, closed: true, offset }))
            }
            XmlEvent::End(_) => {
                self.depth = self.depth.saturating_sub(1);
                Ok(Event::Close)
            }
            XmlEvent::Text(text) => {
                if self.depth == 0 && !text.trim_ascii().is_empty() {
                    return Err(wrong(offset, "an element", quoted(&text)));
                }
                if let Some(at) = text.bytes().position(is_control) {
                    return Err(wrong(offset + at as u64, "text", "a control character"));
                }
                Ok(Event::Text(text.into_inner(), offset))
            }
            XmlEvent::CData(text) => Ok(Event::Text(text.into_inner(), offset + "<![CDATA[".len() as u64)),
            XmlEvent::GeneralRef(reference) => match character(&reference) {
                Some(character) if self.depth > 0 => Ok(Event::Text(Cow::Owned(character.into()), offset)),
                _ => Err(entity(&reference, offset)),
            },
            XmlEvent::DocType(_) => Err(wrong_with(
                offset,
                "a message without a document type",
                "`<!DOCTYPE`",
                "SDMX-ML has none, and what it declares could be anything: ask the source for the message itself",
            )),
            XmlEvent::Decl(declaration) => match declaration.encoding() {
                Some(Ok(stated)) if !["utf-8", "utf8", "us-ascii"].contains(&stated.to_ascii_lowercase().as_str()) => {
                    Err(wrong_with(
                        offset,
                        "a message in UTF-8",
                        format!("the encoding {}", quoted(&stated)),
                        "SDMX-ML is decoded in UTF-8 only: ask the source for it, or convert the file",
                    ))
                }
                _ => Ok(Event::Nothing),
            },
            XmlEvent::Comment(_) | XmlEvent::PI(_) => Ok(Event::Nothing),
            XmlEvent::Eof if self.depth > 0 || !self.rooted => {
                Err(wrong_with(offset, "the rest of the document", "its end", CUT_SHORT))
            }
            XmlEvent::Eof => Ok(Event::End),
        }
    }
}

/// What the tokenizer refused.
fn refused(bytes: &mut Bytes, error: XmlError, offset: u64, broken: u64) -> Box<Failure> {
    if let Some(error) = bytes.failed.take() {
        return error.into();
    }
    if bytes.event > MAX_EVENT_BYTES {
        return wrong_with(
            offset,
            format!("a tag or text of at most {MAX_EVENT_BYTES} bytes"),
            "a longer one",
            "is a quote or tag left open, or is the format or its compression another one?",
        );
    }
    bytes.stopped = true;
    match error {
        XmlError::IllFormed(IllFormedError::MismatchedEndTag { expected, found }) => {
            wrong(offset, format!("`</{}>`", shortened(&expected)), format!("`</{}>`", shortened(&found)))
        }
        XmlError::IllFormed(IllFormedError::UnmatchedEndTag(name)) => {
            wrong(offset, "no closing tag", format!("`</{}>`", shortened(&name)))
        }
        XmlError::Encoding(_) => wrong_with(
            offset,
            "text in UTF-8",
            "other bytes",
            "SDMX-ML is decoded in UTF-8 only: ask the source for it, or convert the file",
        ),
        XmlError::Syntax(error) => {
            let hint = "the download was cut short, or a tag, comment or reference is left open";
            wrong_with(broken, "well-formed XML", format!("a syntax error ({error})"), hint)
        }
        error => wrong(offset, "well-formed XML", format!("an error ({error})")),
    }
}

/// An opening tag.
pub(super) struct Tag<'x> {
    tag: BytesStart<'x>,
    /// Whether it closes itself.
    pub closed: bool,
    /// Offset of its `<`.
    pub offset: u64,
}

impl Tag<'_> {
    /// The name as written, with its prefix.
    pub fn name(&self) -> &str {
        self.tag.name().into_inner()
    }

    /// The name without its prefix: prefixes are the writer's choice.
    pub fn local(&self) -> &str {
        local(self.name())
    }

    /// Its attributes, from the first.
    pub fn attributes(&self) -> Attributes<'_> {
        Attributes { text: &self.tag, at: self.tag.name().into_inner().len(), offset: self.offset + 1 }
    }

    /// The text of an attribute by its local name.
    pub fn get(&self, name: &str) -> Outcome<Option<Cow<'_, str>>> {
        let mut attributes = self.attributes();
        while let Some(attribute) = attributes.next()? {
            if local(attribute.name) == name {
                return attribute.text().map(Some);
            }
        }
        Ok(None)
    }
}

/// A name without its prefix.
pub(super) fn local(name: &str) -> &str {
    name.rsplit_once(':').map_or(name, |(_, local)| local)
}

/// The attributes of a tag, one after the other.
pub(super) struct Attributes<'t> {
    text: &'t str,
    at: usize,
    offset: u64,
}

/// One attribute, or text that stands for one.
#[derive(Debug, Clone, Copy)]
pub(super) struct Attribute<'t> {
    /// With its prefix.
    pub name: &'t str,
    /// As written.
    pub raw: &'t str,
    /// Offset of the first byte inside the quotes.
    pub offset: u64,
    /// Whether it is what it says: no references, no line ends.
    pub plain: bool,
}

impl<'t> Attribute<'t> {
    /// What it says.
    pub fn text(&self) -> Outcome<Cow<'t, str>> {
        match self.plain {
            true => Ok(Cow::Borrowed(self.raw)),
            false => unescaped(self.raw, self.offset).map(Cow::Owned),
        }
    }
}

impl<'t> Attributes<'t> {
    /// The next one.
    #[inline]
    pub fn next(&mut self) -> Outcome<Option<Attribute<'t>>> {
        let bytes = self.text.as_bytes();
        let blank_end = skip_blanks(bytes, self.at);
        if blank_end == bytes.len() {
            return Ok(None);
        }
        let start = blank_end;
        let mut at = start;
        while at < bytes.len() && !matches!(bytes[at], b'=' | b' ' | b'\t' | b'\r' | b'\n' | b'"' | b'\'' | b'<') {
            at += 1;
        }
        let name_end = at;
        if name_end == start || blank_end == self.at {
            return Err(self.wrong(start, "a blank and the name of an attribute"));
        }
        at = skip_blanks(bytes, at);
        if bytes.get(at) != Some(&b'=') {
            return Err(self.wrong(at, "`=` after the name of an attribute"));
        }
        at = skip_blanks(bytes, at + 1);
        let Some(quote @ (b'"' | b'\'')) = bytes.get(at).copied() else {
            return Err(self.wrong(at, "a value in quotes"));
        };
        at += 1;
        let value_start = at;
        let mut plain = true;
        loop {
            match bytes.get(at) {
                Some(byte) if *byte == quote => break,
                Some(b'<') => return Err(self.wrong(at, "a value without `<`")),
                Some(b'&' | 0..=0x1f) => plain = false,
                Some(_) => {}
                None => return Err(self.wrong(value_start, "a closing quote")),
            }
            at += 1;
        }
        self.at = at + 1;
        Ok(Some(Attribute {
            name: &self.text[start..name_end],
            raw: &self.text[value_start..at],
            offset: self.offset + value_start as u64,
            plain,
        }))
    }

    #[cold]
    fn wrong(&self, at: usize, expected: &str) -> Box<Failure> {
        let found = self.text.get(at..).unwrap_or_default();
        wrong(self.offset + at as u64, expected, quoted(found))
    }
}

#[inline]
fn skip_blanks(bytes: &[u8], mut at: usize) -> usize {
    while let Some(b' ' | b'\t' | b'\r' | b'\n') = bytes.get(at) {
        at += 1;
    }
    at
}

fn is_control(byte: u8) -> bool {
    byte < 0x20 && !matches!(byte, b'\t' | b'\n' | b'\r')
}

/// The value with its references resolved; line ends and tabs are blanks (XML 1.0, 3.3.3).
fn unescaped(raw: &str, offset: u64) -> Outcome<String> {
    let mut text = String::with_capacity(raw.len());
    let mut rest = raw;
    while let Some(at) = rest.bytes().position(|byte| byte == b'&' || byte < 0x20) {
        let (before, special) = rest.split_at(at);
        text.push_str(before);
        let place = offset + (raw.len() - special.len()) as u64;
        match special.as_bytes() {
            [b'&', ..] => {
                let Some((reference, after)) = special[1..].split_once(';') else {
                    return Err(wrong(place, "`&amp;` or another reference that `;` ends", quoted(special)));
                };
                text.push(character(reference).ok_or_else(|| entity(reference, place))?);
                rest = after;
            }
            [control, ..] if is_control(*control) => return Err(wrong(place, "text", "a control character")),
            _ => {
                text.push(' ');
                rest = &special[1..];
            }
        }
    }
    text.push_str(rest);
    Ok(text)
}

/// The character that a reference stands for.
fn character(reference: &str) -> Option<char> {
    let number = match reference {
        "amp" => return Some('&'),
        "lt" => return Some('<'),
        "gt" => return Some('>'),
        "quot" => return Some('"'),
        "apos" => return Some('\''),
        _ => reference.strip_prefix('#')?,
    };
    let number = match number.strip_prefix('x') {
        Some(hex) => u32::from_str_radix(hex, 16).ok()?,
        None => number.parse().ok()?,
    };
    char::from_u32(number).filter(|character| !character.is_control() || matches!(character, '\t' | '\n' | '\r'))
}

fn entity(reference: &str, offset: u64) -> Box<Failure> {
    let found = quoted(&format!("&{reference};"));
    wrong(offset, "one of XML's five entities (`&amp;` …) or the number of a character", found)
}
