//! How the entries of a header begin, and what only looks like that.

/// Whether what stands before a colon looks like a key and not like the start of a sentence.
pub(super) fn is_key(text: &str) -> bool {
    let words: Vec<&str> = text.split_whitespace().collect();
    match words.as_slice() {
        [one] => one.chars().all(|c| c.is_ascii_lowercase()),
        ["column" | "audit", _] | ["column", _, "in", _] => true,
        // Of a sentence that begins so, the next word is longer.
        ["in", language] => language.chars().count() == 2,
        _ => false,
    }
}

/// The words that entries begin with, but for `in`, with which a sentence goes on as well.
const KEYS: [&str; 6] = ["grain", "column", "audit", "inputs", "rake", "private"];

/// How an entry is written.
pub(super) fn form(key: &str) -> &'static str {
    match key {
        "grain" => "grain: <column>, <column>",
        "column" => "column <name>: <what it means>",
        "audit" => "audit: <predicate>` or `-- audit warn: <predicate>",
        "inputs" => "inputs: <table> on <column>, <column>",
        "rake" => "rake: <seed> to <total> by <column>; <total> by <column>",
        _ => "private: <why>",
    }
}

/// Whether what stands before a colon is the key of an entry, beyond doubt.
pub(super) fn is_entry(key: &str) -> bool {
    let words: Vec<&str> = key.split_whitespace().collect();
    match words.as_slice() {
        [one] => KEYS.contains(one) && *one != "column",
        ["column", _] | ["audit", "warn"] => true,
        ["column", _, "in", language] => is_language(language),
        _ => false,
    }
}

/// The word that a line begins with as an entry would, though it is none, and the word that was meant: a colon is missing, or
/// the word is misspelt. A sentence that has such a word further on is none of these.
pub(super) fn forgotten(entry: &str) -> Option<(&str, &'static str)> {
    let first = entry.split(|c: char| c.is_whitespace() || c == ':').next()?;
    if let Some(key) = KEYS.into_iter().find(|key| *key == first) {
        return Some((first, key));
    }
    if !first.chars().all(|c| c.is_ascii_alphabetic()) {
        return None;
    }
    let lower = first.to_lowercase();
    let before_colon: Vec<&str> =
        entry.split_once(':').map(|(key, _)| key.split_whitespace().collect()).unwrap_or_default();
    let has_form = |key: &str| match before_colon.as_slice() {
        [_] => key != "column",
        [_, "warn"] => key == "audit",
        [_, _] | [_, _, "in", _] => key == "column",
        _ => false,
    };
    let is_near = |key: &str, most: usize| {
        lower.chars().next() == key.chars().next() && strsim::osa_distance(&lower, key) <= most
    };
    let meant = KEYS.into_iter().find(|key| match has_form(key) {
        true => lower == *key || lower.len() > 4 && is_near(key, 2),
        // Without a colon only what is no other word: `audits` and `input` are, and so may be what is as short as `rake`.
        false => {
            first == lower
                && key.len() > 4
                && lower.len() > 4
                && !lower.ends_with('s')
                && lower != "input"
                && is_near(key, 1)
        }
    })?;
    Some((first, meant))
}

/// Whether this is how ISO 639-1 writes a language.
pub(super) fn is_language(text: &str) -> bool {
    text.len() == 2 && text.chars().all(|c| c.is_ascii_lowercase())
}
