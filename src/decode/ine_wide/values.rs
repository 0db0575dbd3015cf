//! Values of a wide file: what their marks mean, and where one ends in `csv_c`.

use super::super::DecodeError;
use super::super::decimal::value;
use super::super::records::Block;
use super::LONG;

/// Units of things that are counted, in small letters: their figures are integers.
const COUNTED: [&str; 21] = [
    "empresas",
    "companies",
    "enterprises",
    "sociedades",
    "locales",
    "establecimientos",
    "establishments",
    "personas",
    "persons",
    "people",
    "habitantes",
    "inhabitants",
    "hogares",
    "households",
    "viviendas",
    "dwellings",
    "asalariados",
    "número",
    "number",
    "unidades",
    "units",
];

/// How the values of a file are written.
pub(super) struct Values {
    /// The hint.
    decimal: Option<u8>,
    /// The units, where they are counted.
    counted: Option<String>,
    /// The mark between groups of counted things, once one has been met.
    groups: Option<u8>,
}

/// A field that is a value or stands for one, by its letters alone.
pub(super) fn is_value(text: &[u8]) -> bool {
    text.iter().all(|byte| byte.is_ascii_digit() || matches!(byte, b'.' | b'-' | b'+' | b','))
}

fn is_missing(text: &[u8]) -> bool {
    matches!(text, b"" | b"." | b"..")
}

impl Values {
    pub fn new(decimal: Option<u8>, units: Option<&str>) -> Self {
        let is_counted = |units: &&str| COUNTED.contains(&units.to_lowercase().as_str());
        Values { decimal, counted: units.filter(is_counted).map(str::to_owned), groups: None }
    }

    /// A value, or what was expected and what to do.
    pub fn read(&mut self, text: &[u8]) -> Result<Option<f64>, (String, String)> {
        if is_missing(text) {
            return Ok(None);
        }
        if self.counted.is_some() {
            return self.count(text).map(Some);
        }
        let found = value(text, self.decimal, b',').map_err(|(expected, hint)| (expected.to_owned(), hint))?;
        if self.decimal.is_none() && may_be_thousands(text) {
            let expected = "a number that has one reading";
            let hint = "a thousand or a fraction? say which mark is the decimal one in this table: \
                        `decimal = \",\"` or `decimal = \".\"`";
            return Err((expected.to_owned(), hint.to_owned()));
        }
        Ok(Some(found))
    }

    fn count(&mut self, text: &[u8]) -> Result<f64, (String, String)> {
        let units = self.counted.as_deref().unwrap_or_default();
        let mark = text.iter().copied().find(|byte| matches!(byte, b'.' | b','));
        let by = self.groups.or(match self.decimal {
            Some(b',') => Some(b'.'),
            Some(_) => Some(b','),
            None => None,
        });
        let refused = || {
            let expected = match by {
                Some(mark) => format!("an integer, its thousands grouped by `{}`", mark as char),
                None => "an integer, its thousands grouped by one mark".to_owned(),
            };
            (
                expected,
                format!("the units are `{units}`, which are counted: is the value cut, or has the table changed?"),
            )
        };
        if mark.is_some() && by.is_some() && mark != by {
            return Err(refused());
        }
        let digits = text.strip_prefix(b"-").unwrap_or(text);
        let mut plain = Vec::with_capacity(text.len());
        for (at, group) in digits.split(|byte| Some(*byte) == mark).enumerate() {
            let is_group = match at {
                0 if mark.is_some() => (1..=3).contains(&group.len()),
                0 => !group.is_empty(),
                _ => group.len() == 3,
            };
            if !is_group || !group.iter().all(u8::is_ascii_digit) {
                return Err(refused());
            }
            plain.extend_from_slice(group);
        }
        let found = super::super::columns::number(&plain).ok_or_else(refused)?;
        self.groups = self.groups.or(mark);
        Ok(if digits.len() < text.len() { -found } else { found })
    }
}

/// One comma with three digits behind it and one to three before, which are not 0.
fn may_be_thousands(text: &[u8]) -> bool {
    let digits = text.strip_prefix(b"-").unwrap_or(text);
    let Some(comma) = memchr::memchr(b',', digits) else {
        return false;
    };
    (1..=3).contains(&comma) && digits.len() == comma + 4 && digits.first() != Some(&b'0')
}

/// Gives `cell` each value of a row: its column, itself, and its offset.
pub(super) fn read_values(
    block: &Block,
    fields: &[(usize, usize)],
    width: usize,
    separator: u8,
    values: &mut Values,
    mut cell: impl FnMut(usize, Option<f64>, u64) -> Result<(), DecodeError>,
) -> Result<(), DecodeError> {
    let bytes = |start: usize, end: usize| block.bytes.get(start..end).unwrap_or_default();
    let missing = fields.iter().filter(|(start, end)| is_missing(bytes(*start, *end))).count();
    let has_fractions = separator == b',' && fields.len() != width;
    if has_fractions {
        let is_pairs = values.counted.is_none() && values.decimal != Some(b'.');
        if !is_pairs || fields.len() + missing != 2 * width {
            let at = fields.first().map_or(0, |field| field.0);
            let found = format!("{} parts between commas", fields.len());
            return Err(block.wrong_in_words(at, format!("{width} values"), found, Some(LONG.to_owned())));
        }
    }
    let mut rest = fields.iter().copied();
    for column in 0..width {
        let Some((start, mut end)) = rest.next() else {
            break;
        };
        if has_fractions && !is_missing(bytes(start, end)) {
            let whole_ends = end;
            let fraction = rest.next().filter(|(from, to)| {
                bytes(start, whole_ends).last().is_some_and(u8::is_ascii_digit)
                    && *from == whole_ends + 1
                    && from < to
                    && bytes(*from, *to).iter().all(u8::is_ascii_digit)
            });
            let Some((_, to)) = fraction else {
                let expected = "digits, a comma and digits";
                return Err(block.wrong(start, expected, bytes(start, end), Some(LONG.to_owned())));
            };
            end = to;
        }
        let raw = bytes(start, end);
        let start = start + raw.len() - raw.trim_ascii_start().len();
        let text = raw.trim_ascii();
        let found = values.read(text).map_err(|(expected, hint)| block.wrong(start, expected, text, Some(hint)))?;
        cell(column, found, block.offset + start as u64)?;
    }
    Ok(())
}
