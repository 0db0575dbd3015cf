//! The leading comment of a model is its contract.
//!
//! ```sql
//! -- What one row is, in a sentence or two.
//! -- grain: region, sector, time_period
//! -- column share: percentage of enterprises, 0 to 100
//! -- audit: share is null or share between 0 and 100
//! -- audit warn: exists a row where region = 'ES13'
//! -- inputs: ict_adoption on region, sector = sector_of_parts where unit = 'PC_ENT' weight share
//! -- private: one row a person
//! -- in es: Qué es una fila, en otra lengua.
//! -- column share in es: porcentaje de empresas, de 0 a 100
//! ```
//! An audit is a predicate that is true of every row, or one of these sentences, which `warn` makes a report:
//!
//! ```text
//! exists a row where <predicate>
//! <column> references <schema>.<table> (<column>)
//! rows at least <n>  ·  rows between <n> and <n>  ·  rows not below <n> % of last
//! no <column> moves by more than <n> points
//! newest <column> within <n> days
//! ```
//! The two that speak of the last published build hold where there is none.
//! `inputs` says which rows of another table a row was computed from, for `tejido explain`: those that are equal in these
//! columns (theirs, and this model's after `=` where it has another name), meet the condition, and count with that weight.
//! `rake` scales the rows of the SELECT to margins ([`raking`](super::raking)).
//! `private` keeps a model out of the published database; the reason is for readers.
//! `in` and two letters say the same in another language; a language that is begun has all of the header's words.
//! A line indented by more than one blank after the dashes goes on with the one above. From the
//! contract come the comments in the database, the check of the grain, and the audits.

mod keys;

use std::collections::BTreeMap;
use std::ops::Range;
use std::path::Path;

use serde::{Deserialize, Serialize};

use keys::{forgotten, form, is_entry, is_key, is_language};

use super::WarehouseError;
use super::raking::RakeRule;
use crate::error::{Snippet, nearest};

/// What a model promises.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Contract {
    /// What one row is.
    pub description: String,
    /// Columns that identify a row.
    pub grain: Vec<String>,
    /// Column and its meaning, in the order of the header.
    pub columns: Vec<(String, String)>,
    /// What must hold.
    pub audits: Vec<Audit>,
    /// The rows of other tables that a row was computed from.
    pub inputs: Vec<InputRule>,
    /// How the rows of the SELECT are raked.
    pub rake: Option<RakeRule>,
    /// Whether the model stays out of the published database.
    pub private: bool,
    /// Description and columns in other languages, by the language's two letters.
    pub translations: BTreeMap<String, Translation>,
    /// Where the header ends and the SELECT begins, in bytes.
    pub end: usize,
}

/// The words of a header in another language.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Translation {
    /// What one row is; empty where the header does not say it.
    pub description: String,
    /// The columns that it speaks of.
    pub columns: Vec<TranslatedColumn>,
}

impl Translation {
    /// What a column means, where it is said.
    pub fn column(&self, name: &str) -> Option<&str> {
        self.columns.iter().find(|column| column.name == name).map(|column| column.meaning.as_str())
    }
}

/// A column's meaning in another language.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TranslatedColumn {
    /// Its name.
    pub name: String,
    /// What it means.
    pub meaning: String,
    /// Where the entry stands in the file.
    pub span: Range<usize>,
}

/// Which rows of another table a row was computed from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct InputRule {
    /// The other model.
    pub table: String,
    /// Its columns that equal a column of the row.
    pub on: Vec<(String, String)>,
    /// What else must hold of them, as SQL.
    pub condition: Option<String>,
    /// Its column by which they are weighted.
    pub weight: Option<String>,
}

impl InputRule {
    /// Reads `<table> on <column>[ = <column>], … [where <condition>] [weight <column>]`.
    fn parse(text: &str) -> Option<InputRule> {
        let (table, rest) = text.split_once(" on ")?;
        let (rest, weight) = match rest.rsplit_once(" weight ") {
            Some((rest, weight)) => (rest, Some(weight.trim().to_owned())),
            None => (rest, None),
        };
        let (columns, condition) = match rest.split_once(" where ") {
            Some((columns, condition)) => (columns, Some(condition.trim().to_owned())),
            None => (rest, None),
        };
        let pair = |column: &str| match column.split_once('=') {
            Some((theirs, own)) => (theirs.trim().to_owned(), own.trim().to_owned()),
            None => (column.trim().to_owned(), column.trim().to_owned()),
        };
        Some(InputRule {
            table: table.trim().to_owned(),
            on: columns.split(',').map(pair).collect(),
            condition,
            weight,
        })
    }
}

/// Something that must hold for the rows of a model.
#[derive(Debug, Clone, PartialEq)]
pub struct Audit {
    /// Whether a failure stops the publication.
    pub severity: Severity,
    /// What is asked.
    pub kind: AuditKind,
    /// As written.
    pub text: String,
    /// Where it stands in the file.
    pub span: Range<usize>,
}

/// Whether a failed audit stops the publication.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Severity {
    /// It does.
    Block,
    /// It is only reported.
    Warn,
}

/// What an audit asks.
#[derive(Debug, Clone, PartialEq)]
pub enum AuditKind {
    /// The predicate is true of every row.
    Every(String),
    /// The predicate is true of at least one row.
    Exists(String),
    /// There are so many rows.
    Rows {
        /// At least.
        least: u64,
        /// At most.
        most: Option<u64>,
    },
    /// Codes of some columns, where they are given, stand in another table.
    References {
        /// The model's columns.
        columns: Vec<String>,
        /// The other table, with its schema.
        other: String,
        /// The columns of the other table.
        others: Vec<String>,
    },
    /// There are not much fewer rows than in the last published build.
    NotBelowLast {
        /// Percentage of its rows.
        percent: f64,
    },
    /// No value is far from what it was in the last published build.
    Moves {
        /// The column.
        column: String,
        /// The most that it may differ.
        most: f64,
    },
    /// The newest moment of a column is not older than so many days.
    Newest {
        /// The column.
        column: String,
        /// Days.
        days: u32,
    },
}

impl AuditKind {
    /// One of the sentences that audits can be, or else a predicate.
    fn parse(text: &str) -> AuditKind {
        Self::sentence(text).unwrap_or_else(|| AuditKind::Every(text.to_owned()))
    }

    /// What is wrong with an audit that is a sentence which nothing can meet, or that begins as one and is none.
    fn fault(&self, text: &str) -> Option<String> {
        match self {
            AuditKind::Rows { least, most: Some(most) } if least > most => {
                Some(format!("expected the lower number first, found `{text}`"))
            }
            AuditKind::References { columns, others, .. } if columns.len() != others.len() => Some(format!(
                "expected as many columns on both sides of `references`, found {} and {}",
                columns.len(),
                others.len()
            )),
            AuditKind::Exists(predicate) if predicate.trim().is_empty() => {
                Some(format!("expected a predicate, found `{text}`"))
            }
            AuditKind::Every(_) => {
                let words: Vec<&str> = text.split_whitespace().collect();
                // None of these is SQL.
                let is_begun = matches!(
                    words.as_slice(),
                    ["rows", "at", ..]
                        | ["rows", "not", "below", ..]
                        | ["no", _, "moves", ..]
                        | ["newest", _, "within", ..]
                        | ["exists", "a" | "row", ..]
                        | [_, "references", ..]
                );
                is_begun.then(|| format!("expected a predicate or one of the sentences of audits, found `{text}`"))
            }
            _ => None,
        }
    }

    fn sentence(text: &str) -> Option<AuditKind> {
        if let Some(predicate) = text.strip_prefix("exists a row where ") {
            return Some(AuditKind::Exists(predicate.to_owned()));
        }
        if let Some((columns, other)) = text.split_once(" references ") {
            let names = |text: &str| -> Vec<String> {
                text.trim().trim_matches(['(', ')']).split(',').map(|name| name.trim().to_owned()).collect()
            };
            let (other, others) = other.trim().split_once('(')?;
            return Some(AuditKind::References {
                columns: names(columns),
                other: other.trim().to_owned(),
                others: names(others),
            });
        }
        let words: Vec<&str> = text.split_whitespace().collect();
        match words.as_slice() {
            ["rows", "at", "least", least] => Some(AuditKind::Rows { least: least.parse().ok()?, most: None }),
            ["rows", "between", least, "and", most] => {
                Some(AuditKind::Rows { least: least.parse().ok()?, most: Some(most.parse().ok()?) })
            }
            ["rows", "not", "below", percent, "%", "of", "last"] => {
                Some(AuditKind::NotBelowLast { percent: percent.parse().ok()? })
            }
            ["no", column, "moves", "by", "more", "than", most]
            | ["no", column, "moves", "by", "more", "than", most, "points"] => {
                Some(AuditKind::Moves { column: (*column).to_owned(), most: most.parse().ok()? })
            }
            ["newest", column, "within", days, "days"] => {
                Some(AuditKind::Newest { column: (*column).to_owned(), days: days.parse().ok()? })
            }
            _ => None,
        }
    }
}

/// The sentences that audits can be.
const SENTENCES: &str = "an audit is a predicate that is true of every row, or `exists a row where <predicate>`, \
    `<column> references <schema>.<table> (<column>)`, `rows at least <n>`, `rows between <n> and <n>`, \
    `rows not below <n> % of last`, `no <column> moves by more than <n> points`, `newest <column> within <n> days`";

/// Reads the header of a model's file.
pub(super) fn parse(path: &Path, text: &str) -> Result<Contract, WarehouseError> {
    let wrong = |span: Range<usize>, message: String, hint: &str| WarehouseError::Model {
        message,
        snippet: Box::new(Snippet::new(path, text, span, "")),
        hint: Some(hint.to_owned()),
    };
    let mut contract = Contract::default();
    let mut at = 0;
    // Entries with the place of their first line, joined with the lines that go on with them.
    let mut entries: Vec<(String, Range<usize>)> = Vec::new();
    for line in text.split_inclusive('\n') {
        let Some(comment) = line.strip_prefix("--") else {
            break;
        };
        let span = at..at + line.trim_end().len();
        at += line.len();
        let goes_on = comment.starts_with("  ") && !entries.is_empty();
        match entries.last_mut() {
            Some((entry, whole)) if goes_on => {
                let key = comment.split_once(':').map(|(key, _)| key.trim()).filter(|key| is_entry(key));
                if let Some(key) = key {
                    return Err(wrong(
                        span,
                        format!(
                            "expected an entry of its own, found `{key}:` in a line that goes on with the one above"
                        ),
                        "leave one blank between the dashes and the entry",
                    ));
                }
                entry.push(' ');
                entry.push_str(comment.trim());
                whole.end = span.end;
            }
            _ => entries.push((comment.trim().to_owned(), span)),
        }
    }
    contract.end = at;
    // What stands behind the header is a comment of the SELECT and asks nothing: no audit may get there unseen.
    for line in text[at..].split_inclusive('\n') {
        let span = at..at + line.trim_end().len();
        at += line.len();
        let comment = match line.trim().strip_prefix("--") {
            Some(comment) => comment,
            None if line.trim().is_empty() => continue,
            None => break,
        };
        if let Some((key, _)) = comment.split_once(':')
            && is_entry(key)
        {
            return Err(wrong(
                span,
                format!("expected `{}:` in the header, found it behind its end", key.trim()),
                "the header ends with the first line that does not begin with `--`: leave no line between its lines",
            ));
        }
    }
    for (entry, span) in entries {
        let (key, value) = match entry.split_once(':') {
            Some((key, value)) if is_key(key) => (key.trim(), value.trim().to_owned()),
            _ => {
                if let Some((found, near)) = forgotten(&entry) {
                    let first = text[span.clone()].lines().next().unwrap_or_default().trim_end().len();
                    let hint = match found == near {
                        true => format!(
                            "write `-- {}`, or two blanks behind the dashes if the line goes on with the one above",
                            form(near)
                        ),
                        false => format!("did you mean `{near}`? `-- {}`", form(near)),
                    };
                    return Err(wrong(
                        span.start..span.start + first,
                        format!("expected an entry of a model's header, found a line that begins with `{found}`"),
                        &hint,
                    ));
                }
                if !contract.description.is_empty() {
                    contract.description.push(' ');
                }
                contract.description.push_str(&entry);
                continue;
            }
        };
        let words: Vec<&str> = key.split_whitespace().collect();
        if let [first, ..] = words.as_slice()
            && value.is_empty()
            && ["grain", "column", "audit", "inputs", "rake"].contains(first)
            && is_entry(key)
        {
            let hint = match *first {
                "audit" => SENTENCES.to_owned(),
                first => format!("write `-- {}`", form(first)),
            };
            return Err(wrong(span, format!("expected something behind `{key}:`, found nothing"), &hint));
        }
        match words.as_slice() {
            ["grain"] => contract.grain = value.split(',').map(|name| name.trim().to_owned()).collect(),
            ["column", name] => {
                if contract.columns.iter().any(|(other, _)| other == name) {
                    return Err(wrong(
                        span,
                        format!("the column `{name}` is described twice"),
                        "remove one of the lines",
                    ));
                }
                contract.columns.push(((*name).to_owned(), value));
            }
            ["in", language] | ["column", _, "in", language] if !is_language(language) => {
                let hint = "write `-- in es: …`, `-- column <name> in es: …`";
                return Err(wrong(span, format!("expected the two letters of a language, found `{language}`"), hint));
            }
            ["in", language] => {
                let translation = contract.translations.entry((*language).to_owned()).or_default();
                if !translation.description.is_empty() {
                    let hint = "begin the lines that go on with two blanks behind the dashes";
                    return Err(wrong(span, format!("what one row is is said twice in `{language}`"), hint));
                }
                translation.description = value;
            }
            ["column", name, "in", language] => {
                let translation = contract.translations.entry((*language).to_owned()).or_default();
                if translation.column(name).is_some() {
                    let message = format!("the column `{name}` is described twice in `{language}`");
                    return Err(wrong(span, message, "remove one of the lines"));
                }
                translation.columns.push(TranslatedColumn { name: (*name).to_owned(), meaning: value, span });
            }
            ["audit"] | ["audit", "warn"] => {
                let kind = AuditKind::parse(&value);
                if let Some(fault) = kind.fault(&value) {
                    return Err(wrong(span, fault, SENTENCES));
                }
                contract.audits.push(Audit {
                    severity: if words.len() == 2 { Severity::Warn } else { Severity::Block },
                    kind,
                    text: value,
                    span,
                });
            }
            ["inputs"] => contract.inputs.push(InputRule::parse(&value).ok_or_else(|| {
                let hint = "write `-- inputs: <table> on <column>, <column> [where <condition>] [weight <column>]`";
                wrong(span, format!("expected a table and its columns, found `{value}`"), hint)
            })?),
            ["rake"] => match RakeRule::parse(&value) {
                Some(rule) => contract.rake = Some(rule),
                None => {
                    let hint = "write `-- rake: <seed> to <total> by <column>; <total> by <column> within <column>`";
                    return Err(wrong(span, format!("expected a seed and its margins, found `{value}`"), hint));
                }
            },
            ["private"] => contract.private = true,
            _ => {
                let known = ["grain", "column", "audit", "audit warn", "inputs", "rake", "private", "in es"];
                let hint = match nearest(key, known) {
                    Some("column") if key == "column" => format!("write `-- {}`", form("column")),
                    Some(near) => format!("did you mean `{near}:`?"),
                    None => format!("there are {}", known.map(|key| format!("`{key}:`")).join(", ")),
                };
                return Err(wrong(span, format!("expected an entry of a model's header, found `{key}:`"), &hint));
            }
        }
    }
    if contract.description.is_empty() {
        return Err(wrong(
            0..text.lines().next().unwrap_or_default().len(),
            "expected a leading comment that says what one row is".into(),
            "begin the file with `-- …`, then `-- grain: …` and a `-- column …: …` for each column",
        ));
    }
    if contract.grain.is_empty() {
        return Err(wrong(
            0..text[..contract.end].trim_end().len(),
            "the header has no `grain:`".into(),
            "name the columns that identify a row: `-- grain: region, time_period`",
        ));
    }
    Ok(contract)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn read(text: &str) -> Result<Contract, String> {
        parse(Path::new("sql/marts/m.sql"), text).map_err(|error| error.to_string())
    }

    #[test]
    fn a_header_is_read() {
        let contract = read(
            "-- Shares by region.\n-- One row: a cell.\n-- inputs: cells on region, period = time_period where n > 0 weight n\n-- grain: region, time_period\n-- column region: NUTS code,\n--   2024 edition\n-- audit warn: exists a row where region = 'ES13'\n-- audit: share is null or share between 0 and 100\nselect 1\n",
        )
        .unwrap();
        assert_eq!(contract.description, "Shares by region. One row: a cell.");
        assert_eq!(contract.grain, ["region", "time_period"]);
        assert_eq!(contract.columns, [("region".to_owned(), "NUTS code, 2024 edition".to_owned())]);
        assert_eq!(contract.audits[0].kind, AuditKind::Exists("region = 'ES13'".into()));
        assert_eq!(contract.audits[1].severity, Severity::Block);
        let rule = &contract.inputs[0];
        assert_eq!(rule.on[1], ("period".to_owned(), "time_period".to_owned()));
        assert_eq!((rule.condition.as_deref(), rule.weight.as_deref()), (Some("n > 0"), Some("n")));
    }

    #[test]
    fn a_wrong_header_says_what_is_wrong() {
        assert_eq!(
            read("-- A table.\n-- grane: region\nselect 1").unwrap_err(),
            "expected an entry of a model's header, found `grane:`"
        );
        assert_eq!(read("-- A table.\nselect 1").unwrap_err(), "the header has no `grain:`");
        assert_eq!(read("select 1").unwrap_err(), "expected a leading comment that says what one row is");
    }

    #[test]
    fn an_entry_that_is_not_written_as_one_is_told() {
        let refused = |entries: &str| read(&format!("-- A table.\n-- grain: a\n{entries}\nselect 1")).unwrap_err();
        for (line, found) in [
            ("-- audit warn a is not null", "audit"),
            ("-- audit a = 'x:y'", "audit"),
            ("-- private", "private"),
            ("-- column a what it means", "column"),
            ("-- columm a: what it means", "columm"),
            ("-- Column a: what it means", "Column"),
            ("-- colum a in es: lo que es", "colum"),
            ("-- Audit: a is not null", "Audit"),
            ("-- audti warn: a is not null", "audti"),
            ("-- audti a is not null", "audti"),
        ] {
            let message = format!("expected an entry of a model's header, found a line that begins with `{found}`");
            assert_eq!(refused(line), message, "{line}");
        }
        for sentence in [
            "-- audited here. Sums are left out",
            "-- columns of both",
            "-- Private companies and their inputs: none",
            "-- volume sold: all of it",
            "-- One row: a cell",
            "-- inputs\u{2019} places",
            "-- rate and gain",
            "-- Note: nothing",
        ] {
            assert!(read(&format!("-- A table,\n{sentence}\n-- grain: a\nselect 1")).is_ok(), "{sentence}");
        }
        let message = "expected an entry of its own, found `audit:` in a line that goes on with the one above";
        assert_eq!(refused("-- column a: b\n--  audit: a > 1"), message);
        assert_eq!(refused("\n-- audit: a > 1"), "expected `audit:` in the header, found it behind its end");
    }

    #[test]
    fn audits_that_ask_nothing_are_told() {
        let refused = |audit: &str| read(&format!("-- A table.\n-- grain: a\n-- {audit}\nselect 1")).unwrap_err();
        assert_eq!(refused("audit:"), "expected something behind `audit:`, found nothing");
        assert_eq!(refused("audit warn:"), "expected something behind `audit warn:`, found nothing");
        assert_eq!(
            refused("audit: rows between 9 and 3"),
            "expected the lower number first, found `rows between 9 and 3`"
        );
        let message = "expected a predicate or one of the sentences of audits, found `rows at most 3`";
        assert_eq!(refused("audit: rows at most 3"), message);
        let message = "expected as many columns on both sides of `references`, found 2 and 1";
        assert_eq!(refused("audit: a, b references t (c)"), message);
    }

    #[test]
    fn a_header_says_its_words_in_other_languages() {
        let text = "-- Shares by region.\n-- grain: region\n-- column region: NUTS code\n-- in es: Porcentajes\n--   por región: uno por celda.\n-- column region in es: código NUTS: 2024\n-- in all: not a language.\nselect 1\n";
        let contract = read(text).unwrap();
        assert_eq!(contract.description, "Shares by region. in all: not a language.");
        assert_eq!(contract.columns, [("region".to_owned(), "NUTS code".to_owned())]);
        assert_eq!(contract.translations.keys().collect::<Vec<_>>(), ["es"]);
        let spanish = &contract.translations["es"];
        assert_eq!(spanish.description, "Porcentajes por región: uno por celda.");
        assert_eq!(spanish.column("region"), Some("código NUTS: 2024"));
        assert_eq!(spanish.column("share"), None);
        assert_eq!(&text[spanish.columns[0].span.clone()], "-- column region in es: código NUTS: 2024");
    }

    #[test]
    fn wrong_words_in_other_languages_are_told() {
        let refused = |entries: &str| read(&format!("-- A table.\n-- grain: a\n{entries}\nselect 1")).unwrap_err();
        assert_eq!(refused("-- in ES: Una tabla."), "expected the two letters of a language, found `ES`");
        assert_eq!(refused("-- column a in spanish: x"), "expected the two letters of a language, found `spanish`");
        assert_eq!(refused("-- in es: Una.\n-- in es: Dos."), "what one row is is said twice in `es`");
        assert_eq!(refused("-- column a in es: x\n-- column a in es: y"), "the column `a` is described twice in `es`");
    }
}
