//! Codes numbered as they come, so that rows can be compared and written by number.

use std::cell::OnceCell;
use std::collections::HashMap;
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, DictionaryArray, Int32Array, StringArray};
use arrow::datatypes::Int32Type;
use arrow::error::ArrowError;

/// Distinct codes with their numbers, which are the keys of a dictionary column.
#[derive(Default)]
pub(crate) struct Codes {
    numbers: HashMap<String, i32, foldhash::fast::FixedState>,
    codes: Vec<String>,
    /// The codes as an array, made once for all batches until another code comes.
    array: OnceCell<Arc<StringArray>>,
    /// The dictionary of the last batch, which the next one often has, too, and the numbers of its values.
    last: Option<(ArrayRef, Vec<i32>)>,
}

impl Codes {
    /// The number of a code.
    pub fn number(&mut self, code: &str) -> i32 {
        if let Some(&number) = self.numbers.get(code) {
            return number;
        }
        let number = self.codes.len() as i32;
        self.numbers.insert(code.to_owned(), number);
        self.codes.push(code.to_owned());
        self.array.take();
        number
    }

    /// The numbers of a dictionary column's values.
    pub fn numbers_of(&mut self, column: &ArrayRef) -> Vec<i32> {
        let values = column.as_dictionary::<Int32Type>().values();
        if let Some((last, numbers)) = &self.last
            && Arc::ptr_eq(last, values)
        {
            return numbers.clone();
        }
        let labels = values.as_string::<i32>();
        let numbers: Vec<i32> = (0..labels.len()).map(|at| self.number(labels.value(at))).collect();
        self.last = Some((values.clone(), numbers.clone()));
        numbers
    }

    /// The code of a number that was given out here.
    pub fn code(&self, number: i32) -> &str {
        &self.codes[number as usize]
    }

    /// How many distinct codes there are.
    pub fn len(&self) -> usize {
        self.codes.len()
    }

    /// All codes by their number.
    pub fn values(&self) -> Arc<StringArray> {
        self.array.get_or_init(|| Arc::new(StringArray::from_iter_values(&self.codes))).clone()
    }

    /// A dictionary column of these numbers.
    pub fn array(&self, keys: Vec<i32>) -> Result<ArrayRef, ArrowError> {
        Ok(Arc::new(DictionaryArray::try_new(Int32Array::from(keys), self.values())?))
    }
}
