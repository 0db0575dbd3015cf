//! Observation flags and confidentiality → canonical flags: sorted letters of `codelists/flags.csv`.

use std::collections::HashMap;

use arrow::array::{Array, ArrayRef, AsArray, DictionaryArray, StringArray};
use arrow::datatypes::Int32Type;

use super::codes::Codes;
use crate::spec::{Codelists, Pipeline};

/// So many pairs of flag and confidentiality are looked up by position.
const FEW_PAIRS: usize = 1 << 12;

/// The number of no flags.
pub(super) const NO_FLAGS: i32 = -1;

/// Translates pairs of flag and confidentiality mark, each pair once.
pub(super) struct Flags {
    /// Marks of the source that are no letters of the codelist themselves.
    marks: HashMap<String, String>,
    known: HashMap<(String, String), Result<i32, String>>,
    codes: Codes,
}

/// The canonical flags of a batch's rows.
pub(super) struct Translated {
    /// The number of each row's flags, [`NO_FLAGS`] for none.
    pub numbers: Vec<i32>,
    /// Rows with a mark that is not known, and the mark.
    pub unknown: HashMap<usize, String>,
}

impl Flags {
    pub fn new(pipeline: &Pipeline) -> Self {
        let marks = pipeline.flags.iter().map(|(mark, flags)| (mark.get_ref().clone(), flags.get_ref().clone()));
        Flags { marks: marks.collect(), known: HashMap::new(), codes: Codes::default() }
    }

    /// All canonical flags met so far, by their number.
    pub fn values(&self) -> std::sync::Arc<StringArray> {
        self.codes.values()
    }

    /// The number of each row's canonical flags; pairs of flag and confidentiality are few.
    pub fn translated(&mut self, flag: &ArrayRef, confidentiality: &ArrayRef, codelists: &Codelists) -> Translated {
        let (flags, confidentiality) = (Marks::new(flag), Marks::new(confidentiality));
        let rows = flags.array.len();
        let mut translated = Translated { numbers: Vec::with_capacity(rows), unknown: HashMap::new() };
        // Null is a value of both, before the others.
        let width = confidentiality.labels.len() + 1;
        let pairs = (flags.labels.len() + 1).saturating_mul(width);
        let mut few: Vec<Option<Result<i32, String>>> = vec![None; if pairs <= FEW_PAIRS { pairs } else { 0 }];
        let mut many: HashMap<usize, Option<Result<i32, String>>> = HashMap::new();
        for row in 0..rows {
            let pair = flags.position(row) * width + confidentiality.position(row);
            let known = if few.is_empty() { many.entry(pair).or_default() } else { &mut few[pair] };
            let number = known.get_or_insert_with(|| self.number(flags.at(row), confidentiality.at(row), codelists));
            translated.numbers.push(number.as_ref().map_or(NO_FLAGS, |number| *number));
            if let Err(mark) = number {
                translated.unknown.insert(row, mark.clone());
            }
        }
        translated
    }

    /// The number of canonical flags; the mark that is not known as an error.
    fn number(&mut self, flag: &str, confidentiality: &str, codelists: &Codelists) -> Result<i32, String> {
        let pair = (flag.to_owned(), confidentiality.to_owned());
        if let Some(known) = self.known.get(&pair) {
            return known.clone();
        }
        let letters = self.marks.get(flag.trim()).map_or(flag, String::as_str);
        let number = canonical(letters, confidentiality, codelists)
            .map(|flags| flags.map_or(NO_FLAGS, |flags| self.codes.number(&flags)));
        self.known.insert(pair, number.clone());
        number
    }
}

/// Each letter is a mark of its own (`bep`); confidentiality `C` is the flag `c`.
fn canonical(flag: &str, confidentiality: &str, codelists: &Codelists) -> Result<Option<String>, String> {
    let mut letters: Vec<char> = flag
        .chars()
        .chain(confidentiality.chars().flat_map(char::to_lowercase))
        .filter(|letter| !letter.is_whitespace())
        .collect();
    letters.sort_unstable();
    letters.dedup();
    if letters.is_empty() {
        return Ok(None);
    }
    for letter in &letters {
        let mut buffer = [0; 4];
        let code: &str = letter.encode_utf8(&mut buffer);
        if !codelists.get("flags").is_some_and(|list| list.contains(code)) {
            // The whole mark is what a rule can name.
            return Err(if flag.contains(*letter) { flag.trim().to_owned() } else { code.to_owned() });
        }
    }
    Ok(Some(letters.into_iter().collect()))
}

/// A nullable dictionary column read as text, empty where null.
pub(super) struct Marks<'b> {
    pub array: &'b DictionaryArray<Int32Type>,
    pub labels: &'b StringArray,
}

impl<'b> Marks<'b> {
    pub fn new(column: &'b ArrayRef) -> Self {
        let array = column.as_dictionary::<Int32Type>();
        Marks { array, labels: array.values().as_string::<i32>() }
    }

    /// The position of a row's label, from 1; 0 for null.
    fn position(&self, row: usize) -> usize {
        if self.array.is_null(row) { 0 } else { self.array.keys().value(row) as usize + 1 }
    }

    pub fn at(&self, row: usize) -> &'b str {
        if self.array.is_null(row) {
            return "";
        }
        self.labels.value(self.array.keys().value(row) as usize)
    }
}
