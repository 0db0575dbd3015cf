//! What can be wrong with a payload, and where.

use std::borrow::Cow;

use super::{Hints, Source};
use crate::error::Hint;

/// Where in the decompressed payload something is wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Place {
    /// Line, from 1.
    pub line: u64,
    /// Column in bytes, from 1.
    pub column: u64,
    /// Byte offset, from 0.
    pub offset: u64,
}

impl Place {
    /// A byte whose line has not been counted yet: [`DecodeError::located`] does.
    pub(super) fn of_byte(offset: u64) -> Self {
        Place { line: 0, column: 0, offset }
    }
}

impl std::fmt::Display for Place {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "line {}, column {} (byte {})", self.line, self.column, self.offset)
    }
}

/// A payload that could not be decoded. The caller knows the file or URL and says it.
#[derive(Debug, thiserror::Error)]
pub enum DecodeError {
    /// The bytes are of another kind altogether, such as an HTML page where CSV was declared.
    #[error("expected {}, found {}", cut(expected), cut(found))]
    Format {
        /// The declared format, such as "an SDMX-CSV header".
        expected: String,
        /// What the bytes look like.
        found: String,
        /// What to do.
        hint: Option<String>,
    },
    /// Something at a known place is not what the format allows.
    #[error("{place}: expected {}, found {}", cut(expected), cut(found))]
    Syntax {
        /// Where.
        place: Place,
        /// What the format allows there.
        expected: String,
        /// What stands there: words, or its shortened text in backticks.
        found: String,
        /// What to do.
        hint: Option<String>,
    },
    /// A cell of a workbook is not what the format or the hints allow.
    #[error("{place}: expected {}, found {}", cut(expected), cut(found))]
    Cell {
        /// Sheet and cell, such as `Hoja1!C5`.
        place: Box<str>,
        /// What may stand there.
        expected: String,
        /// What stands there: words, or its shortened text in backticks.
        found: String,
        /// What to do.
        hint: Option<String>,
    },
    /// The payload ended, or its compression broke, before its end.
    #[error("the payload breaks off after {offset} decompressed bytes")]
    Truncated {
        /// Decompressed bytes that could be read.
        offset: u64,
        /// What the decompressor said.
        source: std::io::Error,
    },
    /// A limit from the settings was reached.
    #[error("expected at most {limit} bytes after decompression, found more")]
    TooLarge {
        /// The limit in bytes.
        limit: u64,
    },
    /// A hint is wrong in itself.
    #[error("{what} `{found}` is not known")]
    UnknownHint {
        /// Which hint.
        what: &'static str,
        /// Its value.
        found: String,
    },
    /// The bytes could not be read.
    #[error("the payload could not be read after {offset} bytes")]
    Read {
        /// Bytes that could be read.
        offset: u64,
        /// Why.
        source: std::io::Error,
    },
    /// A thread of the decoder ended early: a defect of this program.
    #[error("a part of the decoder broke off")]
    Broken,
    /// Arrow refused the columns: a defect of the decoder.
    #[error("the decoded columns do not form a table")]
    Arrow(#[from] arrow::error::ArrowError),
}

/// Names and texts of a payload stand in messages, and a damaged payload may have one of megabytes.
fn cut(text: &str) -> Cow<'_, str> {
    match text.char_indices().nth(MAX_CHARACTERS) {
        Some((end, _)) => Cow::Owned(format!("{}…", &text[..end])),
        None => Cow::Borrowed(text),
    }
}

/// Characters of each part of a message, far more than anybody reads.
const MAX_CHARACTERS: usize = 1000;

impl DecodeError {
    /// The error with line and column, where its decoder knew the byte alone.
    pub(super) fn located(mut self, source: &Source, hints: &Hints) -> Self {
        if let DecodeError::Syntax { place, .. } = &mut self
            && place.line == 0
        {
            *place = source.place(hints, place.offset);
        }
        self
    }
}

impl Hint for DecodeError {
    fn hint(&self) -> Option<String> {
        match self {
            DecodeError::Format { hint, .. } => hint.as_deref().map(|hint| cut(hint).into_owned()),
            DecodeError::Syntax { hint, .. } => Some(match hint {
                Some(hint) => cut(hint).into_owned(),
                None => "look at that place of the payload: it is damaged, or the source has changed its format".into(),
            }),
            DecodeError::Cell { hint, .. } => Some(match hint {
                Some(hint) => cut(hint).into_owned(),
                None => "look at that cell of the workbook: it is wrong, or the source has changed the sheet".into(),
            }),
            DecodeError::Truncated { .. } => {
                Some("the download was cut short or the file is damaged: fetch it again".into())
            }
            DecodeError::TooLarge { .. } => {
                Some("if the source really is that large, raise `fetch.max_decoded_bytes`".into())
            }
            DecodeError::UnknownHint { .. } => Some("see the hints of `[decode]` in pipelines/README.md".into()),
            DecodeError::Read { .. } | DecodeError::Broken | DecodeError::Arrow(_) => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{DecodeError, MAX_CHARACTERS};
    use crate::error::Hint;

    #[test]
    fn a_name_of_megabytes_makes_no_message_of_megabytes() {
        let name = "ñ".repeat(1 << 20);
        let error = DecodeError::Format { expected: name.clone(), found: name.clone(), hint: Some(name) };
        let shown = error.to_string();
        assert_eq!(shown.chars().count(), "expected , found ".len() + 2 * (MAX_CHARACTERS + 1));
        assert_eq!(error.hint().map(|hint| hint.chars().count()), Some(MAX_CHARACTERS + 1));
    }
}
