//! Numbers written as text, whose decimal mark differs from table to table and is never guessed.

use super::columns::number;
use super::{DecodeError, Hints};

/// The hinted decimal mark.
pub(super) fn hinted(hints: &Hints) -> Result<Option<u8>, DecodeError> {
    match hints.decimal {
        None => Ok(None),
        Some(mark @ (',' | '.')) => Ok(Some(mark as u8)),
        Some(other) => Err(DecodeError::UnknownHint { what: "decimal mark", found: other.to_string() }),
    }
}

/// The value of a field or cell of text that stands in the column of observed values. Empty text, `:`, `..` and `.`
/// are how sources write that there is none; `-` is nil with some and missing with others, so that it is refused.
pub(super) fn observed(text: &[u8], decimal: Option<u8>) -> Result<Option<f64>, Unlike> {
    match text {
        b"" | b":" | b".." | b"." => Ok(None),
        text => value(text, decimal, b'.').map(Some),
    }
}

/// What was expected of a text that is no number, and what to do.
pub(super) type Unlike = (&'static str, String);

/// A number with this decimal mark; the other one may stand between groups of three digits, but only
/// where the mark was said. Without being said it is the `usual` one of the format.
pub(super) fn value(text: &[u8], decimal: Option<u8>, usual: u8) -> Result<f64, Unlike> {
    let mark = decimal.unwrap_or(usual);
    let (expected, other) = match mark {
        b',' => ("a number with a decimal comma", b'.'),
        _ => ("a number with a decimal point", b','),
    };
    let refused = || {
        let is_numeric = text.iter().all(|byte| byte.is_ascii_digit() || b".,-".contains(byte));
        let hint = match (decimal, is_numeric && text.contains(&other)) {
            (None, true) => {
                "say which mark is the decimal one in this table: `decimal = \".\"` or `decimal = \",\"`".into()
            }
            (Some(_), true) => format!("if the table has changed its decimal mark: `decimal = \"{}\"`", other as char),
            (_, false) => "the table has a mark that is not known, or its columns have changed".into(),
        };
        (expected, hint)
    };
    let (whole, fraction) = match text.iter().position(|byte| *byte == mark) {
        Some(at) => (&text[..at], &text[at + 1..]),
        None => (text, &[][..]),
    };
    // Three digits behind the only mark: a fraction, or a group of thousands.
    let groups_alike = fraction.len() == 3 && (1..=3).contains(&whole.len()) && whole != b"0";
    if decimal.is_none() && groups_alike {
        let hint = "say which mark is the decimal one in this table: `decimal = \".\"` or `decimal = \",\"`";
        let expected = match mark {
            b',' => "a number with a decimal comma that can be nothing else",
            _ => "a number with a decimal point that can be nothing else",
        };
        return Err((expected, hint.into()));
    }
    let mut plain = Vec::with_capacity(text.len());
    if whole.contains(&other) {
        let mut groups = whole.split(|byte| *byte == other);
        let first = groups.next().unwrap_or_default();
        let first_digits = first.strip_prefix(b"-").unwrap_or(first).len();
        if decimal.is_none() || !(1..=3).contains(&first_digits) || !groups.clone().all(|group| group.len() == 3) {
            return Err(refused());
        }
        plain.extend_from_slice(first);
        groups.for_each(|group| plain.extend_from_slice(group));
    } else {
        plain.extend_from_slice(whole);
    }
    if !fraction.is_empty() {
        plain.push(b'.');
        plain.extend_from_slice(fraction);
    }
    let digits = plain.strip_prefix(b"-").unwrap_or(&plain);
    let is_plain = digits.iter().all(|byte| byte.is_ascii_digit() || *byte == b'.') && !digits.starts_with(b".");
    number(&plain).filter(|_| is_plain && !text.ends_with(&[mark])).ok_or_else(refused)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::{observed, value};

    #[test]
    fn a_decimal_mark_is_never_guessed() {
        for (text, decimal, expected) in [
            ("21,14", None, Some(21.14)),
            ("-3,5", None, Some(-3.5)),
            ("1,234", None, None),
            ("0,234", None, Some(0.234)),
            ("1,234", Some(b','), Some(1.234)),
            ("1,234", Some(b'.'), Some(1234.0)),
            ("42", None, Some(42.0)),
            ("5.75", None, None),
            ("1.234", None, None),
            ("5.75", Some(b'.'), Some(5.75)),
            ("5,75", Some(b'.'), None),
            ("3.207.580", Some(b','), Some(3_207_580.0)),
            ("1.234,5", Some(b','), Some(1234.5)),
            ("5.75", Some(b','), None),
            ("12,", None, None),
            (",5", None, None),
            ("1,2,3", None, None),
            ("1.23.456", Some(b','), None),
            ("1e5", None, None),
            ("n.d.", None, None),
        ] {
            assert_eq!(value(text.as_bytes(), decimal, b',').ok(), expected, "{text} with {decimal:?}");
        }
    }

    #[test]
    fn a_missing_mark_is_no_number_and_a_comma_asks_for_the_hint() {
        for missing in ["", ":", "..", "."] {
            assert_eq!(observed(missing.as_bytes(), None).ok(), Some(None), "{missing}");
        }
        for (text, decimal, expected) in [
            ("12.5", None, Some(12.5)),
            ("-0.5", None, Some(-0.5)),
            ("12,5", None, None),
            ("1.234", None, None),
            ("1,234.5", None, None),
            ("12,5", Some(b','), Some(12.5)),
            ("12.3 b", None, None),
            ("-", None, None),
        ] {
            assert_eq!(observed(text.as_bytes(), decimal).ok().flatten(), expected, "{text} with {decimal:?}");
        }
        assert!(observed(b"12,5", None).unwrap_err().1.contains("`decimal ="));
    }
}
