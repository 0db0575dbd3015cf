//! Which dimensions and codes a payload has, and what of that differs from an earlier one.

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::fmt;

use arrow::array::{Array, AsArray, RecordBatch};
use arrow::datatypes::Int32Type;
use serde::{Deserialize, Serialize};

/// Codes of one dimension that are kept for comparing; a dimension with more is compared by its name only.
const MOST_CODES: usize = 20_000;

/// Codes that are told by name.
const TOLD: usize = 5;

/// The dimensions of a payload in its order, each with its codes, sorted.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Structure {
    /// Name and codes; no codes where there are too many to compare.
    pub dimensions: Vec<(String, Vec<String>)>,
}

/// How the structure of a payload differs from that of an earlier one.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct StructureChange {
    /// Dimensions that the earlier one did not have.
    pub new_dimensions: Vec<String>,
    /// Dimensions that it had.
    pub gone_dimensions: Vec<String>,
    /// Whether those of both stand in another order.
    pub reordered: bool,
    /// By dimension, codes that are new and codes that are gone.
    pub codes: BTreeMap<String, CodeChange>,
}

/// How the codes of one dimension differ.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct CodeChange {
    /// Codes that the earlier payload did not have.
    pub new: Vec<String>,
    /// Codes that it had.
    pub gone: Vec<String>,
}

impl Structure {
    /// Takes in the structure of another part of the same payload.
    pub fn add(&mut self, other: Structure) {
        for (name, codes) in other.dimensions {
            match self.dimensions.iter_mut().find(|(known, _)| *known == name) {
                Some((_, known)) => {
                    let all: BTreeSet<String> = known.drain(..).chain(codes).collect();
                    known.extend(all);
                }
                None => self.dimensions.push((name, codes)),
            }
        }
    }

    /// What is different in a later payload; none if nothing is.
    pub fn changes_in(&self, later: &Structure) -> Option<StructureChange> {
        let mut change = StructureChange::default();
        let names = |structure: &Structure, other: &Structure| -> Vec<String> {
            let is_shared = |name: &String| other.dimensions.iter().any(|(known, _)| known == name);
            structure.dimensions.iter().map(|(name, _)| name.clone()).filter(is_shared).collect()
        };
        change.reordered = names(self, later) != names(later, self);
        let missing = |of: &Structure, from: &Structure| -> Vec<String> {
            let is_missing = |name: &String| !from.dimensions.iter().any(|(known, _)| known == name);
            of.dimensions.iter().map(|(name, _)| name.clone()).filter(is_missing).collect()
        };
        change.new_dimensions = missing(later, self);
        change.gone_dimensions = missing(self, later);
        for (name, codes) in &later.dimensions {
            let Some((_, known)) = self.dimensions.iter().find(|(known, _)| known == name) else {
                continue;
            };
            if codes.is_empty() || known.is_empty() {
                continue;
            }
            let (codes, known): (BTreeSet<&String>, BTreeSet<&String>) =
                (codes.iter().collect(), known.iter().collect());
            let differing = CodeChange {
                new: codes.difference(&known).map(|code| (*code).clone()).collect(),
                gone: known.difference(&codes).map(|code| (*code).clone()).collect(),
            };
            if differing != CodeChange::default() {
                change.codes.insert(name.clone(), differing);
            }
        }
        (change != StructureChange::default()).then_some(change)
    }
}

/// In a sentence for people: `` `nace_r2` has the new code `C26` and no longer `C26_X` ``.
impl fmt::Display for StructureChange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut parts = Vec::new();
        if !self.new_dimensions.is_empty() {
            parts.push(format!(
                "there is {} {}",
                number("a new dimension", &self.new_dimensions),
                told(&self.new_dimensions)
            ));
        }
        if !self.gone_dimensions.is_empty() {
            parts.push(format!(
                "there is no longer {} {}",
                number("a dimension", &self.gone_dimensions),
                told(&self.gone_dimensions)
            ));
        }
        if self.reordered {
            parts.push("the dimensions stand in another order".into());
        }
        for (name, CodeChange { new, gone }) in &self.codes {
            parts.push(match (new.is_empty(), gone.is_empty()) {
                (false, false) => format!("`{name}` has the new {} and no longer {}", told(new), told(gone)),
                (false, true) => format!("`{name}` has the new {}", told(new)),
                _ => format!("`{name}` no longer has {}", told(gone)),
            });
        }
        f.write_str(&parts.join("; "))
    }
}

fn number(words: &str, names: &[String]) -> String {
    match names.len() {
        1 => words.to_owned(),
        _ => format!("{}s", words.trim_start_matches("a ")),
    }
}

fn told(names: &[String]) -> String {
    let first: Vec<String> = names.iter().take(TOLD).map(|name| format!("`{name}`")).collect();
    match names.len().saturating_sub(TOLD) {
        0 => first.join(", "),
        more => format!("{} and {more} more", first.join(", ")),
    }
}

/// Collects the structure of one payload from its batches.
pub(super) struct Collector {
    dimensions: Vec<(String, HashSet<String, foldhash::fast::FixedState>)>,
}

impl Collector {
    /// For a table whose first columns are these dimensions.
    pub fn new(names: &[&str]) -> Self {
        Collector { dimensions: names.iter().map(|name| ((*name).to_owned(), HashSet::default())).collect() }
    }

    pub fn add(&mut self, batch: &RecordBatch) {
        for (at, (_, codes)) in self.dimensions.iter_mut().enumerate() {
            let labels = batch.column(at).as_dictionary::<Int32Type>().values().as_string::<i32>();
            // One more than is kept says that there are too many.
            for label in (0..labels.len()).map(|at| labels.value(at)) {
                if codes.len() <= MOST_CODES && !codes.contains(label) {
                    codes.insert(label.to_owned());
                }
            }
        }
    }

    pub fn structure(&self) -> Structure {
        let sorted = |codes: &HashSet<String, _>| -> Vec<String> {
            let mut codes: Vec<String> = codes.iter().cloned().collect();
            codes.sort();
            codes
        };
        let dimension = |(name, codes): &(String, HashSet<String, _>)| match codes.len() > MOST_CODES {
            true => (name.clone(), Vec::new()),
            false => (name.clone(), sorted(codes)),
        };
        Structure { dimensions: self.dimensions.iter().map(dimension).collect() }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn structure(dimensions: &[(&str, &[&str])]) -> Structure {
        let owned = |(name, codes): &(&str, &[&str])| {
            ((*name).to_owned(), codes.iter().map(|code| (*code).to_owned()).collect())
        };
        Structure { dimensions: dimensions.iter().map(owned).collect() }
    }

    #[test]
    fn what_differs_is_told_in_words() {
        let before = structure(&[("geo", &["ES", "FR"]), ("unit", &["PC"])]);
        assert_eq!(before.changes_in(&before), None);
        let told = |later: Structure| before.changes_in(&later).unwrap().to_string();
        assert_eq!(
            told(structure(&[("geo", &["ES", "FX"]), ("unit", &["PC"])])),
            "`geo` has the new `FX` and no longer `FR`"
        );
        assert_eq!(
            told(structure(&[("unit", &["PC"]), ("geo", &["ES", "FR"])])),
            "the dimensions stand in another order"
        );
        assert_eq!(
            told(structure(&[("geo", &["ES"]), ("units", &["PC"])])),
            "there is a new dimension `units`; there is no longer a dimension `unit`; `geo` no longer has `FR`"
        );
        let many = ["A", "B", "C", "D", "E", "ES", "F", "FR", "G"];
        assert_eq!(
            told(structure(&[("geo", &many), ("unit", &["PC"])])),
            "`geo` has the new `A`, `B`, `C`, `D`, `E` and 2 more"
        );
    }
}
