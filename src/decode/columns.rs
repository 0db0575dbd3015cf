//! Columns of a decoded table being filled, and the values that go into them.

use std::collections::HashMap;
use std::sync::Arc;

use arrow::array::{ArrayRef, DictionaryArray, Float64Array, Int32Array, RecordBatch, StringArray, UInt64Array};
use arrow::buffer::{BooleanBuffer, NullBuffer};
use arrow::datatypes::{Int32Type, SchemaRef};

use super::DecodeError;
use super::records::{Block, Charset};

/// A dictionary-encoded text column. Its dictionary grows over the batches of a payload, so that a code
/// is looked up, decoded and allocated once.
#[derive(Default)]
pub(super) struct Texts {
    keys: Vec<i32>,
    numbers: HashMap<Vec<u8>, i32>,
    labels: Vec<String>,
    values: Option<Arc<StringArray>>,
    recent: Recent,
}

/// The key of a null.
const NULL: i32 = -1;

/// Numbers of codes seen lately, found without hashing: neighbouring rows differ in few dimensions, and few
/// codes are longer than sixteen bytes.
struct Recent {
    /// Codes as numbers with their length, and their number in the dictionary, by a few bits of them.
    slots: [(u128, u8, i32); 64],
}

impl Default for Recent {
    fn default() -> Self {
        Recent { slots: [(0, 0, NULL); 64] }
    }
}

impl Recent {
    /// The slot of a code.
    #[inline]
    fn slot(packed: u128) -> usize {
        let folded = (packed as u64) ^ ((packed >> 64) as u64).rotate_left(23);
        (folded.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 58) as usize
    }

    #[inline]
    fn find(&self, packed: u128, length: usize) -> Option<i32> {
        let (other, other_length, number) = self.slots[Self::slot(packed)];
        (other == packed && usize::from(other_length) == length && number != NULL).then_some(number)
    }

    fn keep(&mut self, packed: u128, length: usize, number: i32) {
        self.slots[Self::slot(packed)] = (packed, length as u8, number);
    }
}

/// A code of up to sixteen bytes as a number; it stands at the beginning of `bytes`, which may go on behind it.
#[inline]
fn packed(bytes: &[u8], length: usize) -> Option<u128> {
    if length > 16 {
        return None;
    }
    let word = match bytes.first_chunk::<16>() {
        Some(word) => u128::from_le_bytes(*word),
        None => {
            let mut word = [0; 16];
            word[..bytes.len()].copy_from_slice(bytes);
            u128::from_le_bytes(word)
        }
    };
    let unused = 128 - 8 * length as u32;
    Some(word.checked_shl(unused).map_or(0, |word| word >> unused))
}

impl Texts {
    /// The number of a code, without adding a row.
    #[inline]
    pub fn number(&mut self, code: &[u8], charset: Charset, block: &Block, at: usize) -> Result<i32, DecodeError> {
        match packed(code, code.len()) {
            Some(packed) => self.short_number(packed, code, charset, block, at),
            None => self.any_number(code, charset, block, at),
        }
    }

    /// Adds a row whose code is these bytes of the block.
    #[inline]
    pub fn push_field(&mut self, charset: Charset, block: &Block, start: usize, end: usize) -> Result<(), DecodeError> {
        let code = &block.bytes[start..end];
        let number = match packed(&block.bytes[start..], code.len()) {
            Some(packed) => self.short_number(packed, code, charset, block, start)?,
            None => self.any_number(code, charset, block, start)?,
        };
        self.keys.push(number);
        Ok(())
    }

    #[inline]
    fn short_number(
        &mut self,
        packed: u128,
        code: &[u8],
        charset: Charset,
        block: &Block,
        at: usize,
    ) -> Result<i32, DecodeError> {
        if let Some(number) = self.recent.find(packed, code.len()) {
            return Ok(number);
        }
        let number = self.any_number(code, charset, block, at)?;
        self.recent.keep(packed, code.len(), number);
        Ok(number)
    }

    fn any_number(&mut self, code: &[u8], charset: Charset, block: &Block, at: usize) -> Result<i32, DecodeError> {
        if let Some(number) = self.numbers.get(code) {
            return Ok(*number);
        }
        let label = charset.text(code, block, at)?.into_owned();
        Ok(self.add(code, label))
    }

    /// Gives a new code its number.
    fn add(&mut self, code: &[u8], label: String) -> i32 {
        let number = self.labels.len() as i32;
        self.labels.push(label);
        self.numbers.insert(code.to_vec(), number);
        self.values = None;
        number
    }

    /// The number of a code that is known to be text, without adding a row.
    pub fn number_of(&mut self, code: &str) -> i32 {
        match self.numbers.get(code.as_bytes()) {
            Some(number) => *number,
            None => self.add(code.as_bytes(), code.to_owned()),
        }
    }

    /// Adds a row of text; text without anything in it is null.
    pub fn push_text(&mut self, code: &str) {
        match code {
            "" => self.push_null(),
            code => {
                let number = self.number_of(code);
                self.push_number(number);
            }
        }
    }

    /// Adds a row.
    pub fn push(&mut self, code: &[u8], charset: Charset, block: &Block, at: usize) -> Result<(), DecodeError> {
        let number = self.number(code, charset, block, at)?;
        self.keys.push(number);
        Ok(())
    }

    /// Adds a row; text without anything in it is null.
    pub fn push_nullable(
        &mut self,
        code: &[u8],
        charset: Charset,
        block: &Block,
        at: usize,
    ) -> Result<(), DecodeError> {
        if code.is_empty() {
            self.push_null();
            return Ok(());
        }
        self.push(code, charset, block, at)
    }

    /// Adds a row whose number is known.
    pub fn push_number(&mut self, number: i32) {
        self.keys.push(number);
    }

    /// Adds a row with the code of the row before, which must have been added since the last [`Texts::take`].
    #[inline]
    pub fn push_again(&mut self) {
        let last = self.keys[self.keys.len() - 1];
        self.keys.push(last);
    }

    /// Adds a row without text.
    pub fn push_null(&mut self) {
        self.keys.push(NULL);
    }

    /// The rows since the last call.
    pub fn take(&mut self) -> Result<ArrayRef, DecodeError> {
        let keys = std::mem::take(&mut self.keys);
        self.keys.reserve(keys.len());
        let values = match &self.values {
            Some(values) => values.clone(),
            None => self.values.insert(Arc::new(StringArray::from_iter_values(&self.labels))).clone(),
        };
        let keys = match keys.contains(&NULL) {
            true => {
                let valid = NullBuffer::new(BooleanBuffer::collect_bool(keys.len(), |row| keys[row] != NULL));
                // The key below a null is never read, but it must be one of the dictionary.
                Int32Array::try_new(keys.into_iter().map(|key| key.max(0)).collect::<Vec<i32>>().into(), Some(valid))?
            }
            false => Int32Array::from(keys),
        };
        Ok(Arc::new(DictionaryArray::<Int32Type>::try_new(keys, values)?))
    }
}

/// The columns that every table of observations has besides its dimensions and attributes.
#[derive(Default)]
pub(super) struct Observations {
    /// One column a dimension, in the schema's order.
    pub dimensions: Vec<Texts>,
    /// Flags as written.
    pub flags: Texts,
    /// Confidentiality as written.
    pub confidentiality: Texts,
    /// One column a further attribute, in the schema's order.
    pub attributes: Vec<Texts>,
    values: Vec<Option<f64>>,
    cells: Vec<u64>,
}

impl Observations {
    /// Columns for so many dimensions and attributes.
    pub fn new(dimensions: usize, attributes: usize) -> Self {
        Observations {
            dimensions: (0..dimensions).map(|_| Texts::default()).collect(),
            attributes: (0..attributes).map(|_| Texts::default()).collect(),
            ..Observations::default()
        }
    }

    /// Adds a value and where it stands.
    pub fn push(&mut self, value: Option<f64>, cell: u64) {
        self.values.push(value);
        self.cells.push(cell);
    }

    /// Rows since the last call of [`Observations::take`].
    pub fn rows(&self) -> usize {
        self.values.len()
    }

    /// The rows since the last call.
    pub fn take(&mut self, schema: &SchemaRef) -> Result<RecordBatch, DecodeError> {
        let mut columns = Vec::with_capacity(schema.fields().len());
        for dimension in &mut self.dimensions {
            columns.push(dimension.take()?);
        }
        columns.extend(self.take_rest()?);
        Ok(RecordBatch::try_new(schema.clone(), columns)?)
    }

    /// The columns behind the dimensions, for formats that know the dimensions' keys by themselves.
    pub fn take_rest(&mut self) -> Result<Vec<ArrayRef>, DecodeError> {
        // The next block has about as many.
        let rows = self.rows();
        let values = std::mem::replace(&mut self.values, Vec::with_capacity(rows));
        let cells = std::mem::replace(&mut self.cells, Vec::with_capacity(rows));
        let mut columns = vec![Arc::new(Float64Array::from(values)) as ArrayRef];
        columns.push(self.flags.take()?);
        columns.push(self.confidentiality.take()?);
        for attribute in &mut self.attributes {
            columns.push(attribute.take()?);
        }
        columns.push(Arc::new(UInt64Array::from(cells)));
        Ok(columns)
    }
}

/// A number with a decimal point, exactly (the nearest Float64); none for anything else, such as `inf`.
pub(super) fn number(text: &[u8]) -> Option<f64> {
    let is_number = text.iter().all(|byte| matches!(byte, b'0'..=b'9' | b'.' | b'-' | b'+' | b'e' | b'E'));
    if !is_number {
        return None;
    }
    fast_float2::parse(text).ok().filter(|value: &f64| value.is_finite())
}

#[cfg(test)]
mod tests {
    use super::number;

    #[test]
    fn numbers_are_exact_and_nothing_else_is_one() {
        assert_eq!(number(b"10.99"), Some(10.99));
        assert_eq!(number(b"-0.1e3"), Some(-100.0));
        assert_eq!(number(b"9007199254740993"), Some(9007199254740992.0));
        for bad in ["", "12,5", "inf", "nan", "1.2.3", "1 2", "1e999", "-", "KG"] {
            assert_eq!(number(bad.as_bytes()), None, "{bad}");
        }
    }
}
