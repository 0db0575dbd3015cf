//! Observation flags and confidentiality → canonical flags: sorted letters of `codelists/flags.csv`.

use std::collections::HashMap;

use crate::spec::Codelists;

/// Translates pairs of flag and confidentiality mark, each pair once.
#[derive(Default)]
pub(super) struct Flags {
    known: HashMap<(String, String), Result<Option<String>, String>>,
}

impl Flags {
    /// The canonical flags; none when there are no marks; the mark that is not in the codelist as an error.
    pub fn canonical(
        &mut self,
        flag: &str,
        confidentiality: &str,
        codelists: &Codelists,
    ) -> Result<Option<String>, String> {
        let pair = (flag.to_owned(), confidentiality.to_owned());
        self.known.entry(pair).or_insert_with(|| translate(flag, confidentiality, codelists)).clone()
    }
}

/// Each letter is a mark of its own (`bep`); confidentiality `C` is the flag `c`.
fn translate(flag: &str, confidentiality: &str, codelists: &Codelists) -> Result<Option<String>, String> {
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
            return Err(code.to_owned());
        }
    }
    Ok(Some(letters.into_iter().collect()))
}
