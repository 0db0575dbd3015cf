//! A header seen in one language.
//!
//! A statement without a language is in the file's own (`LANGUAGE`); `KEYWORD[sv]` is in another one of
//! `LANGUAGES`. What a language leaves out holds as in the file's own; dimensions correspond by position.

use super::super::{DecodeError, Hints};
use super::statements::{Header, Statement};

/// Real files have up to five.
const MAX_LANGUAGES: usize = 100;

/// Texts are compared without the blanks around them: some writers pad them in one place only.
pub(super) fn same(one: &str, other: &str) -> bool {
    one == other || one.trim() == other.trim()
}

impl Statement {
    /// Whether its only key is this name.
    pub fn is_about(&self, name: &str) -> bool {
        matches!(self.keys.as_slice(), [key] if same(&key.text, name))
    }

    /// Its keys, as a note has them before its text.
    pub fn about(&self) -> String {
        self.keys.iter().map(|key| key.text.as_str()).collect::<Vec<_>>().join(", ")
    }
}

/// A header seen in one language.
pub(super) struct View<'h> {
    pub header: &'h Header,
    /// The chosen language, where the file has any.
    pub chosen: Option<String>,
    /// The language of the statements that name none.
    pub own: Option<String>,
}

impl<'h> View<'h> {
    pub fn new(header: &'h Header, hints: &Hints) -> Result<Self, DecodeError> {
        let stated = |keyword| header.all(keyword).first().map(|statement| &statement.values[..]).unwrap_or_default();
        let mut known: Vec<&str> = Vec::new();
        for item in stated("LANGUAGE").iter().chain(stated("LANGUAGES")) {
            if !known.iter().any(|other| other.eq_ignore_ascii_case(&item.text)) {
                known.push(&item.text);
            }
            if known.len() > MAX_LANGUAGES {
                let expected = format!("at most {MAX_LANGUAGES} languages");
                return Err(header.block.wrong_in_words(item.at, expected, "more", None));
            }
        }
        let own = known.first().map(|language| (*language).to_owned());
        // A file that names no language has one, whichever it is.
        let chosen = match &hints.language {
            Some(wanted) if !known.is_empty() => {
                let found = known.iter().find(|language| language.eq_ignore_ascii_case(wanted.trim()));
                let Some(found) = found else {
                    let at = header.all("LANGUAGES").first().or(header.all("LANGUAGE").first());
                    let names = known.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ");
                    return Err(header.block.wrong_in_words(
                        at.map_or(0, |statement| statement.at),
                        format!("the language `{wanted}` of the hint `language`"),
                        names,
                        Some("choose one of the file's languages, or leave the hint out".into()),
                    ));
                };
                Some((*found).to_owned())
            }
            _ => own.clone(),
        };
        Ok(View { header, chosen, own })
    }

    pub fn is(language: &Option<String>, other: &Option<String>) -> bool {
        matches!((language, other), (Some(one), Some(other)) if one.eq_ignore_ascii_case(other))
    }

    /// Statements in the file's own language, marked so or not.
    pub fn own(&self, keyword: &str) -> impl Iterator<Item = &'h Statement> {
        let own = self.own.clone();
        self.header
            .all(keyword)
            .iter()
            .filter(move |statement| statement.language.is_none() || Self::is(&statement.language, &own))
    }

    /// Statements in the chosen language.
    pub fn chosen(&self, keyword: &str) -> impl Iterator<Item = &'h Statement> {
        let is_own = self.chosen.is_none() || Self::is(&self.chosen, &self.own);
        let chosen = self.chosen.clone();
        self.header
            .all(keyword)
            .iter()
            .filter(move |statement| Self::is(&statement.language, &chosen) || (is_own && statement.language.is_none()))
    }

    /// Statements in the chosen language, or else in the file's own.
    pub fn all(&self, keyword: &str) -> Vec<&'h Statement> {
        let chosen: Vec<_> = self.chosen(keyword).collect();
        if chosen.is_empty() { self.own(keyword).collect() } else { chosen }
    }

    /// The text of a keyword without a key, with something in it.
    pub fn text(&self, keyword: &str) -> Option<String> {
        let found = self.all(keyword).into_iter().filter(|statement| statement.keys.is_empty());
        found.map(Statement::text).find(|text| !text.trim().is_empty())
    }

    /// The one statement about a dimension, which may be repeated but not be contradicted.
    pub fn about(&self, keyword: &str, names: &[String; 2]) -> Result<Option<&'h Statement>, DecodeError> {
        match self.once(keyword, self.chosen(keyword).filter(|statement| statement.is_about(&names[0])))? {
            Some(found) => Ok(Some(found)),
            None => self.about_own(keyword, &names[1]),
        }
    }

    /// The same in the file's own language.
    pub fn about_own(&self, keyword: &str, name: &str) -> Result<Option<&'h Statement>, DecodeError> {
        self.once(keyword, self.own(keyword).filter(|statement| statement.is_about(name)))
    }

    pub fn once(
        &self,
        keyword: &str,
        mut found: impl Iterator<Item = &'h Statement>,
    ) -> Result<Option<&'h Statement>, DecodeError> {
        let first = found.next();
        let texts = |statement: &'h Statement| statement.values.iter().map(|item| &item.text);
        let other = found.find(|other| first.is_some_and(|first| !texts(first).eq(texts(other))));
        match (first, other) {
            (_, Some(other)) => Err(self.header.block.wrong_in_words(
                other.at,
                format!("one `{keyword}`"),
                "another one that differs from the one before",
                None,
            )),
            (first, None) => Ok(first),
        }
    }

    /// Names of the dimensions, STUB before HEADING, with where each stands.
    pub fn names(&self, is_chosen: bool) -> Result<Vec<(String, usize)>, DecodeError> {
        let mut names = Vec::new();
        for keyword in ["STUB", "HEADING"] {
            let statement = match is_chosen {
                true => self.once(keyword, self.all(keyword).into_iter())?,
                false => self.once(keyword, self.own(keyword))?,
            };
            let items = statement.into_iter().flat_map(|statement| &statement.values);
            names.extend(items.map(|item| (item.text.clone(), item.at)));
        }
        Ok(names)
    }
}
