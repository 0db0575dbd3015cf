//! Test cases of a model, in Markdown: given rows, and the rows that the model must give of them.
//!
//! ```text
//! # Of two sources of one cell the preferred one is marked
//!
//! Any text.
//!
//! ## given codelists
//!
//! ## given lake.observations
//!
//! | pipeline | region | value |
//! |----------|--------|-------|
//! | a        | ES13   | 10.99 |
//! | b        | ES13   |       |
//!
//! ## expect
//!
//! | region | source | preferred |
//! |--------|--------|-----------|
//! | ES13   | a      | true      |
//! | ES13   | b      | false     |
//! ```
//! `# …` begins a case. A table that is given stands for that table of the lake or for that model; columns that it does not
//! have are null, and tables that are not given are empty. `given codelists` takes the project's own. A field that is empty
//! is null, `''` is a text without characters, `\|` a bar. What is expected are all rows in any order, in the columns that
//! are named; numbers may differ by a billionth.

use std::ops::Range;
use std::path::Path;

use super::WarehouseError;
use crate::error::Snippet;

/// A case.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Case {
    /// Its title.
    pub title: String,
    /// Whether the project's codelists are there.
    pub with_codelists: bool,
    /// The tables that are given.
    pub given: Vec<Rows>,
    /// What the model must give.
    pub expected: Rows,
}

/// A table of a case.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Rows {
    /// Its name with the schema; nothing of what is expected.
    pub table: String,
    /// Columns.
    pub columns: Vec<String>,
    /// Rows; a null is none.
    pub rows: Vec<Vec<Option<String>>>,
    /// Where the heading stands in the file.
    pub heading: Range<usize>,
    /// Where the table stands in the file; empty where there is none yet.
    pub place: Range<usize>,
}

/// Reads a file of cases.
pub(super) fn parse(path: &Path, text: &str) -> Result<Vec<Case>, WarehouseError> {
    let wrong = |span: Range<usize>, message: String, hint: &str| WarehouseError::Model {
        message,
        snippet: Box::new(Snippet::new(path, text, span, "")),
        hint: Some(hint.to_owned()),
    };
    let mut cases: Vec<Case> = Vec::new();
    let mut has_expected = Vec::new();
    // The table that lines with bars belong to: whether it is the expected one.
    let mut open: Option<bool> = None;
    // Whether the line below the header of the table has been passed.
    let mut has_rule = false;
    let mut at = 0;
    for line in text.split_inclusive('\n') {
        let span = at..at + line.trim_end().len();
        at += line.len();
        let trimmed = line.trim();
        if let Some(title) = trimmed.strip_prefix("# ") {
            cases.push(Case { title: title.trim().to_owned(), ..Case::default() });
            has_expected.push(false);
            open = None;
            continue;
        }
        let Some(case) = cases.last_mut() else {
            if trimmed.is_empty() {
                continue;
            }
            return Err(wrong(
                span,
                format!("expected the title of a case, found `{trimmed}`"),
                "begin with `# What is tested`",
            ));
        };
        if let Some(heading) = trimmed.strip_prefix("## ") {
            let rows = Rows { heading: span.clone(), place: at..at, ..Rows::default() };
            open = match heading.trim().split_once(' ').unwrap_or((heading.trim(), "")) {
                ("given", "codelists") => {
                    case.with_codelists = true;
                    None
                }
                ("given", table) if !table.is_empty() => {
                    case.given.push(Rows { table: table.trim().to_owned(), ..rows });
                    Some(false)
                }
                ("expect", "") => {
                    case.expected = rows;
                    if let Some(has) = has_expected.last_mut() {
                        *has = true;
                    }
                    Some(true)
                }
                _ => {
                    let hint = "there are `## given <schema>.<table>`, `## given codelists` and `## expect`";
                    return Err(wrong(span, format!("expected what is given or expected, found `{heading}`"), hint));
                }
            };
            continue;
        }
        if !trimmed.starts_with('|') {
            continue;
        }
        let rows = match open {
            Some(true) => &mut case.expected,
            Some(false) => match case.given.last_mut() {
                Some(rows) => rows,
                None => continue,
            },
            None => {
                let hint = "put `## given <schema>.<table>` or `## expect` before it";
                return Err(wrong(span, "expected a heading before a table".into(), hint));
            }
        };
        if rows.columns.is_empty() {
            rows.place.start = span.start;
        }
        rows.place.end = at;
        let fields = fields(trimmed);
        if rows.columns.is_empty() {
            rows.columns = fields.into_iter().map(Option::unwrap_or_default).collect();
            has_rule = false;
            continue;
        }
        // The line below the header, as Markdown has it.
        let is_rule = |field: &Option<String>| {
            field.as_ref().is_some_and(|text| text.contains("--") && text.chars().all(|c| "-:".contains(c)))
        };
        if !std::mem::replace(&mut has_rule, true) && fields.iter().all(is_rule) {
            continue;
        }
        if fields.len() != rows.columns.len() {
            let message = format!("expected {} fields, found {}", rows.columns.len(), fields.len());
            return Err(wrong(span, message, "give each column of the table its field; an empty one is null"));
        }
        rows.rows.push(fields);
    }
    if let Some(missing) = has_expected.iter().position(|has| !has) {
        let message = format!("the case `{}` expects nothing", cases[missing].title);
        return Err(wrong(0..0, message, "add `## expect`; `tejido test --update` fills the table in"));
    }
    Ok(cases)
}

/// The fields of a line between bars.
fn fields(line: &str) -> Vec<Option<String>> {
    let inner = line.trim().trim_start_matches('|');
    let inner = inner.strip_suffix('|').filter(|rest| !rest.ends_with('\\')).unwrap_or(inner);
    let mut fields = vec![String::new()];
    let mut chars = inner.chars().peekable();
    while let Some(c) = chars.next() {
        match (c, fields.last_mut()) {
            ('\\', Some(field)) if chars.peek() == Some(&'|') => field.extend(chars.next()),
            ('|', _) => fields.push(String::new()),
            (c, Some(field)) => field.push(c),
            (_, None) => {}
        }
    }
    let field = |text: &str| match text.trim() {
        "" => None,
        "''" => Some(String::new()),
        text => Some(text.to_owned()),
    };
    fields.iter().map(|text| field(text)).collect()
}

/// A table as Markdown, its columns aligned.
pub(super) fn markdown(columns: &[String], rows: &[Vec<Option<String>>]) -> String {
    let written = |field: &Option<String>| match field.as_deref() {
        None => String::new(),
        Some("") => "''".to_owned(),
        Some(text) => text.replace('|', "\\|"),
    };
    let rows: Vec<Vec<String>> = rows.iter().map(|row| row.iter().map(written).collect()).collect();
    let widths: Vec<usize> = columns
        .iter()
        .enumerate()
        .map(|(at, name)| {
            let fields = rows.iter().map(|row| row[at].chars().count());
            fields.chain([name.chars().count(), 3]).max().unwrap_or(3)
        })
        .collect();
    let line = |fields: &mut dyn Iterator<Item = &str>| {
        let padded = fields.zip(&widths).map(|(field, width)| {
            let blanks = width.saturating_sub(field.chars().count());
            format!(" {field}{} |", " ".repeat(blanks))
        });
        format!("|{}\n", padded.collect::<String>())
    };
    let mut text = line(&mut columns.iter().map(String::as_str));
    let rules: Vec<String> = widths.iter().map(|width| "-".repeat(*width)).collect();
    text.push_str(&line(&mut rules.iter().map(String::as_str)));
    rows.iter().for_each(|row| text.push_str(&line(&mut row.iter().map(String::as_str))));
    text
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    const TEXT: &str = "# One\n\nText.\n\n## given lake.t\n\n| a | b |\n|---|---|\n| x\\|y | '' |\n| | 2 |\n\n## expect\n\n| a |\n|---|\n| -- |\n";

    #[test]
    fn cases_are_read_and_written() {
        let cases = parse(Path::new("t.md"), TEXT).unwrap();
        let given = &cases[0].given[0];
        assert_eq!((given.table.as_str(), given.columns.as_slice()), ("lake.t", &["a".to_owned(), "b".to_owned()][..]));
        assert_eq!(given.rows, [vec![Some("x|y".to_owned()), Some(String::new())], vec![None, Some("2".to_owned())]]);
        assert_eq!(cases[0].expected.rows, [vec![Some("--".to_owned())]]);
        assert_eq!(&TEXT[given.place.clone()], "| a | b |\n|---|---|\n| x\\|y | '' |\n| | 2 |\n");
        assert_eq!(
            markdown(&given.columns, &given.rows),
            "| a    | b   |\n| ---- | --- |\n| x\\|y | ''  |\n|      | 2   |\n"
        );
    }

    #[test]
    fn what_is_no_case_is_told() {
        for (text, message) in [
            ("| a |\n", "expected the title of a case, found `| a |`"),
            ("# t\n| a |\n", "expected a heading before a table"),
            ("# t\n## gives x\n", "expected what is given or expected, found `gives x`"),
            ("# t\n## given lake.t\n| a | b |\n|---|---|\n| 1 |\n", "expected 2 fields, found 1"),
            ("# t\n## given lake.t\n", "the case `t` expects nothing"),
        ] {
            assert_eq!(parse(Path::new("t.md"), text).unwrap_err().to_string(), message);
        }
    }
}
