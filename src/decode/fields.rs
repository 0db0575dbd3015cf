//! Records taken apart into fields (RFC 4180 with any separator), with the byte offset of every one.

use std::borrow::Cow;

use super::DecodeError;
use super::records::Block;

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
    each_like_the_last(block, separator, width, 0, |fields, record, _| row(fields, record))
}

/// The same, and how many of the first fields are to the letter those of the record before in this block, of which
/// `lead` are compared: records of a cube differ in their last dimensions, so most fields need not be looked for, and
/// what they mean is known.
pub(super) fn each_like_the_last(
    block: &Block,
    separator: u8,
    width: Option<usize>,
    lead: usize,
    mut row: impl FnMut(&[Field], usize, usize) -> Result<(), DecodeError>,
) -> Result<(), DecodeError> {
    let bytes = &block.bytes;
    // Those of the record before until a new one begins.
    let mut fields: Vec<Field> = Vec::with_capacity(width.unwrap_or(16));
    // Without any quote, all ends of fields are found in one go.
    let has_quotes = memchr::memchr(b'"', bytes).is_some();
    let lead = if has_quotes { 0 } else { lead };
    let mut marks = Marks::new(bytes, separator);
    let (mut at, mut record) = (0, 0);
    while at < bytes.len() {
        let before = std::mem::replace(&mut record, at);
        let alike = take_over(bytes, &mut fields, lead, before, record);
        if let Some(last) = fields.last() {
            at = last.end + 1;
            marks.skip_to(at);
        }
        loop {
            let (mut field, next) = match bytes.get(at) {
                // A separator was the last byte: one more field, empty.
                None => (Field { start: at, end: at, escaped: false }, at),
                Some(b'"') => quoted(block, at, separator)?,
                Some(_) => {
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
            if is_last {
                break;
            }
        }
        let is_blank = fields.len() == 1 && fields[0].start == fields[0].end;
        if is_blank {
            continue;
        }
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
        row(&fields, record, alike)?;
    }
    Ok(())
}

/// Leaves of the fields of the record at `before` those of the first `lead` that the one at `record` has, too, moved there.
#[inline]
fn take_over(bytes: &[u8], fields: &mut Vec<Field>, lead: usize, before: usize, record: usize) -> usize {
    // The separator behind each of them is compared with it, and the last field of a record has none.
    let lead = lead.min(fields.len().saturating_sub(1));
    let equal = match lead {
        0 => 0,
        _ => common(&bytes[before..=fields[lead - 1].end], &bytes[record..]),
    };
    let alike = fields[..lead].iter().rposition(|field| field.end - before < equal).map_or(0, |last| last + 1);
    fields.truncate(alike);
    for field in fields {
        field.start += record - before;
        field.end += record - before;
    }
    alike
}

/// How many bytes both begin with.
#[inline]
fn common(one: &[u8], other: &[u8]) -> usize {
    let (words, others) = (one.as_chunks::<8>().0, other.as_chunks::<8>().0);
    for (at, (word, other)) in words.iter().zip(others).enumerate() {
        let differs = u64::from_le_bytes(*word) ^ u64::from_le_bytes(*other);
        if differs != 0 {
            return at * 8 + differs.trailing_zeros() as usize / 8;
        }
    }
    let compared = words.len().min(others.len()) * 8;
    compared + one[compared..].iter().zip(&other[compared..]).take_while(|(one, other)| one == other).count()
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

    /// Goes on with the marks from there on.
    #[inline]
    fn skip_to(&mut self, at: usize) {
        self.base = at & !7;
        // At the end nothing is left.
        self.marks = if at < self.bytes.len() { self.of_word() & (u64::MAX << (8 * (at & 7))) } else { 0 };
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

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use proptest::prelude::*;

    use super::*;
    use crate::decode::records::Blocks;
    use crate::decode::{Hints, Source};

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

        /// What is taken over from the record before is what stands there, and it is told how much of it is.
        #[test]
        fn fields_that_are_taken_over_are_those_that_stand_there(
            rows in prop::collection::vec((0..4usize, "[a;\r]{0,12}", prop::sample::select(vec!["\n", "\n\n", "\r\n", ""])), 1..40),
            lead in 0..6usize,
            quote in prop::bool::weighted(0.1),
        ) {
            const HEADS: [&str; 4] = ["", "A;ES13;C10-S951;", "A;ES13;C10;", "A;ES1;a code longer than two words;x;"];
            let mut text: String = rows.iter().map(|(head, rest, end)| format!("{}{rest}{end}", HEADS[*head])).collect();
            if quote {
                text.push_str("\n\"a\"\n");
            }
            let (mut found, mut before) = (Vec::new(), Vec::<Vec<u8>>::new());
            for block in blocks(text.as_bytes()) {
                let block = block.unwrap();
                before.clear();
                each_like_the_last(&block, b';', None, lead, |fields, record, alike| {
                    let texts: Vec<Vec<u8>> = fields.iter().map(|field| field.bytes(&block).into_owned()).collect();
                    assert!(alike <= lead && texts[..alike] == before[..alike], "{texts:?} {before:?}");
                    assert!(quote || record == fields[0].start);
                    found.push(fields.iter().map(|field| block.offset + field.start as u64).zip(texts.clone()).collect::<Vec<_>>());
                    before = texts;
                    Ok(())
                }).unwrap();
            }
            prop_assert_eq!(found, records(text.as_bytes(), b';').unwrap());
        }

        /// Any bytes give records or an error, never a panic.
        #[test]
        fn any_bytes_are_survived(text in prop::collection::vec(prop::sample::select(b"a;\"\n\r,\t\xff ".to_vec()), 0..200)) {
            let _ = records(&text, b';');
        }
    }
}
