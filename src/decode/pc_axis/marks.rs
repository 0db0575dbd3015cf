//! Texts that a header puts on cells by value of each dimension, with `*` for all values.

use std::collections::HashMap;

/// Different sets of dimensions that selections leave open; a cell is looked up in each.
const MAX_KINDS: usize = 32;

/// Which cells have which text.
#[derive(Clone)]
pub(super) struct CellTexts {
    /// What a step in each dimension adds to a cell's number.
    strides: Vec<u64>,
    /// By set of fixed dimensions, those with most of them first: number of the cell within the fixed ones,
    /// to the text's number.
    kinds: Vec<(Vec<bool>, HashMap<u64, usize>)>,
    /// The texts, each once.
    pub texts: Vec<String>,
    numbers: HashMap<String, usize>,
}

impl CellTexts {
    /// No texts yet, in a cube of these sizes, whose number of cells fits in 64 bits.
    pub fn new(sizes: &[usize]) -> Self {
        let mut strides = vec![1u64; sizes.len()];
        for number in (1..sizes.len()).rev() {
            strides[number - 1] = strides[number].saturating_mul(sizes[number] as u64);
        }
        CellTexts { strides, kinds: Vec::new(), texts: Vec::new(), numbers: HashMap::new() }
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.kinds.is_empty()
    }

    /// Puts a text on cells; none in the pattern is all values. The error says how many kinds there may be.
    pub fn add(&mut self, pattern: &[Option<usize>], text: &str) -> Result<(), String> {
        let fixed: Vec<bool> = pattern.iter().map(Option::is_some).collect();
        let cell = pattern.iter().zip(&self.strides).map(|(value, stride)| value.unwrap_or(0) as u64 * stride).sum();
        let number = match self.numbers.get(text) {
            Some(number) => *number,
            None => {
                self.texts.push(text.to_owned());
                self.numbers.insert(text.to_owned(), self.texts.len() - 1);
                self.texts.len() - 1
            }
        };
        let at = match self.kinds.iter().position(|(other, _)| *other == fixed) {
            Some(at) => at,
            None if self.kinds.len() == MAX_KINDS => {
                return Err(format!("cells selected in at most {MAX_KINDS} ways"));
            }
            None => {
                let count = |fixed: &[bool]| fixed.iter().filter(|is_fixed| **is_fixed).count();
                let at = self.kinds.partition_point(|(other, _)| count(other) >= count(&fixed));
                self.kinds.insert(at, (fixed, HashMap::new()));
                at
            }
        };
        if let Some((_, cells)) = self.kinds.get_mut(at) {
            cells.insert(cell, number);
        }
        Ok(())
    }

    /// The number of the text of a cell: of the selection that fixes most dimensions.
    pub fn get(&self, index: &[usize]) -> Option<usize> {
        self.kinds.iter().find_map(|(fixed, cells)| {
            let parts = index.iter().zip(&self.strides).zip(fixed);
            let cell =
                parts.map(|((value, stride), is_fixed)| if *is_fixed { *value as u64 * stride } else { 0 }).sum();
            cells.get::<u64>(&cell).copied()
        })
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::CellTexts;

    #[test]
    fn the_selection_that_says_most_counts() {
        let mut texts = CellTexts::new(&[2, 3]);
        texts.add(&[None, None], "all").unwrap();
        texts.add(&[Some(1), Some(2)], "one").unwrap();
        texts.add(&[None, Some(2)], "column").unwrap();
        let text = |index: [usize; 2]| texts.get(&index).map(|number| texts.texts[number].as_str());
        assert_eq!(text([0, 0]), Some("all"));
        assert_eq!(text([0, 2]), Some("column"));
        assert_eq!(text([1, 2]), Some("one"));
        assert_eq!(CellTexts::new(&[2, 3]).get(&[0, 0]), None);
    }
}
