//! The character encoding of a PC-Axis file.
//!
//! In this order: the hint; a byte order mark; `CODEPAGE`; `CHARSET="ANSI"`, which is Windows-1252; UTF-8
//! where the bytes are that. A file without `CHARSET` is one of DOS by the specification, in the code page
//! of whoever wrote it: which one is not to be known from the bytes, so that needs the hint. Where a
//! declared encoding and the bytes disagree, what was done about it is a note in the metadata.

use std::borrow::Cow;

use encoding_rs::Encoding;
use oem_cp::code_table_type::TableType;

use super::super::records::Block;
use super::super::{DecodeError, Hints};

/// An encoding in which the marks of the grammar are single bytes, as in ASCII.
#[derive(Clone, Copy)]
pub(super) enum Charset {
    /// One of the WHATWG's.
    Web(&'static Encoding),
    /// A code page of DOS, by its number.
    Dos(u16, &'static TableType),
}

/// What a file says about its encoding: the label, and where it stands in the header.
pub(super) struct Declared {
    pub label: String,
    pub at: usize,
    /// From `CODEPAGE`; otherwise from `CHARSET`.
    pub is_codepage: bool,
}

impl Charset {
    /// The encoding of this name, such as `iso-8859-15`, `ibm850`, `cp1252` or `850`.
    fn for_label(label: &str) -> Option<Charset> {
        let label = label.trim().to_ascii_lowercase();
        let web = |label: &str| {
            Encoding::for_label(label.as_bytes()).filter(|encoding| encoding.is_ascii_compatible()).map(Charset::Web)
        };
        if let Some(known) = web(&label) {
            return Some(known);
        }
        let number = ["ibm", "cp", "oem", "windows", "dos"].iter().find_map(|prefix| label.strip_prefix(prefix));
        let number = number.unwrap_or(&label).trim_start_matches(['-', '_', ' ']).parse::<u16>().ok()?;
        let table = oem_cp::code_table::DECODING_TABLE_CP_MAP.get(&number);
        table.map(|table| Charset::Dos(number, table)).or_else(|| web(&format!("windows-{number}")))
    }

    /// The encoding of a header, and notes on what its file says wrongly.
    pub fn of(
        header: &Block,
        has_mark: bool,
        declared: Option<Declared>,
        hints: &Hints,
    ) -> Result<(Charset, Vec<String>), DecodeError> {
        let utf8 = Charset::Web(encoding_rs::UTF_8);
        let mut notes = Vec::new();
        let stated = match &declared {
            None => None,
            Some(Declared { label, is_codepage: false, .. }) if label.trim().eq_ignore_ascii_case("ansi") => {
                Some(Charset::Web(encoding_rs::WINDOWS_1252))
            }
            Some(Declared { label, is_codepage, .. }) => match Charset::for_label(label) {
                None if *is_codepage && hints.encoding.is_none() && !has_mark => {
                    let at = declared.as_ref().map_or(0, |declared| declared.at);
                    return Err(header.wrong(at, "an encoding that is known", label.as_bytes(), Some(ask())));
                }
                known => known,
            },
        };
        let invalid = std::str::from_utf8(&header.bytes).err();
        let is_multibyte = invalid.is_none() && !header.bytes.is_ascii();
        let name = declared.as_ref().map(|declared| match declared.is_codepage {
            true => format!("CODEPAGE=\"{}\"", declared.label),
            false => format!("CHARSET=\"{}\"", declared.label),
        });
        let differs = |notes: &mut Vec<String>, chosen: Charset, why: &str| {
            if let (Some(name), Some(stated)) = (&name, stated)
                && stated.name() != chosen.name()
            {
                notes.push(format!("the file says {name}, but was read as {}: {why}", chosen.name()));
            }
        };
        let chosen = if let Some(label) = &hints.encoding {
            let chosen = Charset::for_label(label)
                .ok_or_else(|| DecodeError::UnknownHint { what: "encoding", found: label.clone() })?;
            differs(&mut notes, chosen, "the hint `encoding` says so");
            chosen
        } else if has_mark {
            differs(&mut notes, utf8, "it begins with the byte order mark of UTF-8");
            utf8
        } else if let Some(stated) = stated {
            // Text in a single-byte encoding is by accident hardly ever well-formed UTF-8.
            if is_multibyte && stated.is_single_byte() {
                differs(&mut notes, utf8, "its bytes are UTF-8 (the hint `encoding` overrules this)");
                utf8
            } else {
                stated
            }
        } else if let Some(invalid) = invalid {
            let at = invalid.valid_up_to();
            let found = header.bytes.get(at).map_or_else(String::new, |byte| format!("the byte {byte:#04x}"));
            return Err(header.wrong_in_words(
                at,
                "text in UTF-8, since the file names no encoding",
                found,
                Some(ask()),
            ));
        } else {
            utf8
        };
        chosen.warn(header, &mut notes);
        Ok((chosen, notes))
    }

    /// Notes on text that was broken before, or that another encoding would suit better.
    fn warn(self, header: &Block, notes: &mut Vec<String>) {
        let Some(text) = self.decode(&header.bytes) else {
            return;
        };
        let lost = text.chars().filter(|c| *c == '\u{fffd}').count();
        if lost > 0 {
            notes.push(format!(
                "the file holds {lost} replacement characters (U+FFFD): its text was damaged before it was published"
            ));
        }
        let control = text.chars().filter(|c| ('\u{80}'..='\u{9f}').contains(c)).count();
        if control > 0 {
            notes.push(format!(
                "read as {}, the text holds {control} control characters (U+0080 to U+009F): it may be in another \
                 encoding (hint `encoding`)",
                self.name()
            ));
        }
    }

    fn is_single_byte(self) -> bool {
        match self {
            Charset::Web(encoding) => encoding.is_single_byte(),
            Charset::Dos(..) => true,
        }
    }

    /// The encoding's name.
    pub fn name(self) -> String {
        match self {
            Charset::Web(encoding) => encoding.name().to_owned(),
            Charset::Dos(number, _) => format!("IBM{number}"),
        }
    }

    /// The text of these bytes, if they are text in this encoding.
    pub fn decode(self, bytes: &[u8]) -> Option<Cow<'_, str>> {
        match self {
            Charset::Web(encoding) => encoding.decode_without_bom_handling_and_without_replacement(bytes),
            Charset::Dos(_, table) => match std::str::from_utf8(bytes) {
                Ok(text) if text.is_ascii() => Some(Cow::Borrowed(text)),
                _ => table.decode_string_checked(bytes).map(Cow::Owned),
            },
        }
    }

    /// The text of a part of the header.
    pub fn text<'b>(self, bytes: &'b [u8], header: &Block, at: usize) -> Result<Cow<'b, str>, DecodeError> {
        self.decode(bytes).ok_or_else(|| header.wrong(at, format!("text in {}", self.name()), bytes, Some(ask())))
    }
}

/// What to do where the encoding is not known.
pub(super) fn ask() -> String {
    "say which encoding it is: `encoding = \"windows-1252\"`, or for a file of DOS `encoding = \"ibm850\"`".into()
}
