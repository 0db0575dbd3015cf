//! Names of companies and places as they are compared.

use unicode_normalization::{UnicodeNormalization, char::is_combining_mark};

/// Legal forms of Spain as they end a name, without dots and blanks, so that `S.L.`, `SL` and `S. L.` are one.
const LEGAL_FORMS: [&str; 22] = [
    "sl",
    "slu",
    "slne",
    "sll",
    "sal",
    "sa",
    "sau",
    "sad",
    "slp",
    "slpu",
    "sc",
    "scp",
    "cb",
    "scoop",
    "scl",
    "coop",
    "aie",
    "ute",
    "sociedad limitada",
    "sociedad limitada unipersonal",
    "sociedad anonima",
    "sociedad cooperativa",
];

/// Text as it is compared: lower case, without accents, single blanks.
pub(super) fn folded(text: &str) -> String {
    let plain: String = text.nfd().filter(|c| !is_combining_mark(*c)).flat_map(char::to_lowercase).collect();
    plain.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// A company's name without accents, punctuation and legal form, so that two spellings of one name are equal. It says
/// nothing of names that are only similar.
pub(super) fn matching(name: &str) -> String {
    let plain: String = folded(name).chars().map(|c| if c.is_alphanumeric() { c } else { ' ' }).collect();
    let mut words: Vec<&str> = plain.split_whitespace().collect();
    // `S.L.` has become two words of one letter.
    let letters = words.iter().rev().take_while(|word| word.chars().count() == 1).count();
    let spelt: String = words[words.len() - letters..].concat();
    for form in LEGAL_FORMS {
        let form_words = form.split(' ').count();
        if spelt == form {
            words.truncate(words.len() - letters);
            break;
        }
        if words.len() > form_words && words[words.len() - form_words..].join(" ") == form {
            words.truncate(words.len() - form_words);
            break;
        }
    }
    match words.is_empty() {
        // Somebody is called like a legal form.
        true => plain.split_whitespace().collect::<Vec<_>>().join(" "),
        false => words.join(" "),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_compared_without_accents() {
        assert_eq!(folded("  Astillero,  EL"), "astillero, el");
        assert_eq!(folded("Íñigo"), "inigo");
    }

    #[test]
    fn two_spellings_of_one_company_are_equal() {
        for name in [
            "Fundiciones Peña Cabarga, S.L.",
            "FUNDICIONES PEÑA CABARGA SL",
            "Fundiciones Peña-Cabarga S. L.",
            "Fundiciones Pena Cabarga, Sociedad Limitada",
        ] {
            assert_eq!(matching(name), "fundiciones pena cabarga", "{name}");
        }
        assert_eq!(matching("S.A."), "s a");
        assert_eq!(matching("Coop. Lácteos del Pas"), "coop lacteos del pas");
        assert_ne!(matching("Fundiciones Peña, S.L."), matching("Fundiciones Peña Cabarga, S.L."));
    }
}
