//! What makes a build easy to ask: macros (`sql/macros/`), the newest rows of each mart, and a dictionary of its columns.
//!
//! A macro is a SELECT with parameters that stand for values. Its leading comment says what it gives, and each parameter:
//!
//! ```sql
//! -- Every share beside that of another region, as in: from gap_to('ES').
//! -- parameter other: the region to compare with
//! select …
//! ```

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use duckdb::Connection;

use super::build::ModelResult;
use super::engine::{self, execute};
use super::model::{self, Layer, Model, Models};
use super::{WarehouseError, literal, quoted};
use crate::disk;
use crate::error::Snippet;

/// A macro: rows of marts for given values.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Macro {
    /// Its name.
    pub name: String,
    /// The file.
    pub path: PathBuf,
    /// The whole text of the file.
    pub text: String,
    /// What it gives.
    pub description: String,
    /// Its parameters with their meanings.
    pub parameters: Vec<(String, String)>,
    /// Where the SELECT begins, in bytes.
    start: usize,
}

/// Reads `sql/macros/`.
pub(super) fn load(folder: &Path) -> Result<Vec<Macro>, WarehouseError> {
    let mut macros = Vec::new();
    for file in disk::list(folder)? {
        let Some(name) = file.strip_suffix(".sql") else {
            continue;
        };
        let path = folder.join(&file);
        let text = disk::read_text(&path)?;
        let mut found =
            Macro { name: name.to_owned(), path, text, description: String::new(), parameters: Vec::new(), start: 0 };
        for line in found.text.split_inclusive('\n') {
            let Some(comment) = line.strip_prefix("--") else {
                break;
            };
            found.start += line.len();
            let comment = comment.trim();
            match comment.strip_prefix("parameter ").and_then(|rest| rest.split_once(':')) {
                Some((name, meaning)) => found.parameters.push((name.trim().to_owned(), meaning.trim().to_owned())),
                None => found.description = format!("{} {comment}", found.description).trim().to_owned(),
            }
        }
        if found.description.is_empty() {
            return Err(WarehouseError::Model {
                message: "expected a leading comment that says what the macro gives".into(),
                snippet: Box::new(Snippet::new(&found.path, &found.text, 0..0, "")),
                hint: Some("begin the file with `-- …`, then `-- parameter …: …` for each parameter".into()),
            });
        }
        macros.push(found);
    }
    Ok(macros)
}

impl Macro {
    fn create(&self) -> (String, usize) {
        let parameters: Vec<String> = self.parameters.iter().map(|(name, _)| quoted(name)).collect();
        let prefix = format!("create macro main.{}({}) as table ", quoted(&self.name), parameters.join(", "));
        let length = prefix.len();
        (prefix + self.text[self.start..].trim_end().trim_end_matches(';'), length)
    }

    /// Makes it, and comments on it.
    pub(super) fn make(&self, connection: &Connection) -> Result<(), WarehouseError> {
        let (create, prefix) = self.create();
        let located = |error| engine::located(&error, &self.path, &self.text, self.start, prefix);
        connection.execute_batch(&create).map_err(located)?;
        let meanings = self.parameters.iter().map(|(name, meaning)| format!(" {name}: {meaning}."));
        let comment = self.description.clone() + &meanings.collect::<String>();
        let sql = format!("comment on macro table main.{} is {}", quoted(&self.name), literal(&comment));
        execute(connection, &format!("comment on `{}`", self.name), &sql)
    }

    /// Makes it and asks it once, since DuckDB looks at its SELECT only then. The marts are there, empty.
    pub(super) fn check(&self, connection: &Connection) -> Result<(), WarehouseError> {
        self.make(connection)?;
        let nothing = vec!["null"; self.parameters.len()].join(", ");
        let ask = format!("select * from main.{}({nothing})", quoted(&self.name));
        connection.execute_batch(&ask).map_err(|error| {
            let message = error.to_string();
            WarehouseError::Model {
                message: message.lines().next().unwrap_or_default().to_owned(),
                snippet: Box::new(Snippet::new(&self.path, &self.text, self.start..self.text.trim_end().len(), "")),
                hint: Some("a macro reads marts and tables of the lake, and its own parameters".into()),
            }
        })
    }
}

/// The marts.
fn marts(models: &Models) -> impl Iterator<Item = &Model> {
    models.all.iter().filter(|model| model.layer == Layer::Mart)
}

/// Statements that make `latest_<mart>` of each mart with periods: of what its grain tells apart, the newest period.
pub(super) fn latest_views(models: &Models) -> String {
    let mut sql = String::new();
    for model in marts(models).filter(|model| has_periods(model)) {
        let others: Vec<String> = others(model).into_iter().map(quoted).collect();
        let (view, name) = (quoted(&latest_view(&model.name)), quoted(&model.name));
        let partition = if others.is_empty() { String::new() } else { format!("partition by {} ", others.join(", ")) };
        let comment = latest_description(&model.name, None, &model.contract.description);
        sql.push_str(&format!(
            "create view {view} as select * from {name} qualify row_number() over ({partition}order by time_period desc) = 1;
             comment on view {view} is {};",
            literal(&comment)
        ));
        for (column, meaning) in &model.contract.columns {
            sql.push_str(&format!("comment on column {view}.{} is {};", quoted(column), literal(meaning)));
        }
    }
    // At once: each statement by itself would be a transaction.
    format!("begin; {sql} commit;")
}

/// The name of the view of a mart's newest rows.
pub fn latest_view(mart: &str) -> String {
    format!("latest_{mart}")
}

/// What that view is, from what the mart is, in one of the headers' other languages or in their own.
pub fn latest_description(mart: &str, language: Option<&str>, description: &str) -> String {
    match language {
        None => format!("Of each key of {mart}, the row of its newest time_period. {description}"),
        Some("es") => format!("De cada clave de {mart}, la fila de su time_period más reciente. {description}"),
        // What the mart is says what its rows are, too.
        Some(_) => description.to_owned(),
    }
}

/// Whether there is a view of its newest rows, if it is a mart.
fn has_periods(model: &Model) -> bool {
    model.contract.grain.iter().any(|name| name == "time_period")
}

/// The columns of a model's grain besides the period.
fn others(model: &Model) -> Vec<&str> {
    model.contract.grain.iter().map(String::as_str).filter(|name| *name != "time_period").collect()
}

/// A model with the names and types of its columns.
type Described<'m> = (&'m Model, Vec<(String, String)>);

/// Makes `data_dictionary`: a row a column of each table that is published, and of each view of newest rows.
pub(super) fn make_dictionary(
    connection: &Connection,
    models: &Models,
    results: &[ModelResult],
) -> Result<(), WarehouseError> {
    let published = |result: &ModelResult| -> Option<Described<'_>> {
        let model = models.all.iter().find(|model| model.name == result.name && !model.contract.private)?;
        Some((model, result.columns.iter().map(|column| (column.name.clone(), column.kind.clone())).collect()))
    };
    write_dictionary(connection, &results.iter().filter_map(published).collect::<Vec<_>>())
}

/// The same where there are only the marts, or views of them.
pub(super) fn make_dictionary_of_marts(connection: &Connection, models: &Models) -> Result<(), WarehouseError> {
    let described = |model| Ok((model, model::columns(connection, model)?));
    write_dictionary(connection, &marts(models).map(described).collect::<Result<Vec<Described<'_>>, WarehouseError>>()?)
}

/// Each language that a header has beside its own adds a column for what the table is, and one for what the column means.
fn write_dictionary(connection: &Connection, tables: &[Described<'_>]) -> Result<(), WarehouseError> {
    let languages: BTreeSet<&String> =
        tables.iter().flat_map(|(model, _)| model.contract.translations.keys()).collect();
    let translations: String = languages
        .iter()
        .map(|language| format!(", table_description_{language} varchar, description_{language} varchar"))
        .collect();
    let make = format!(
        "create table main.data_dictionary (schema_name varchar, table_name varchar, table_description varchar, position integer,
            column_name varchar, data_type varchar, is_key boolean, description varchar{translations});
         comment on table main.data_dictionary is 'What each column of each table means; the key columns of a table identify a row'"
    );
    execute(connection, "make the dictionary", &make)?;
    let mut rows = Vec::new();
    for (model, columns) in tables {
        rows.extend(entries(model, columns, &languages, false));
    }
    for (model, columns) in tables.iter().filter(|(model, _)| model.layer == Layer::Mart && has_periods(model)) {
        rows.extend(entries(model, columns, &languages, true));
    }
    engine::append(connection, "main", "data_dictionary", rows)
}

/// The dictionary's rows of a model's columns, or of those of the view of its newest rows, of which the period is no key.
fn entries(
    model: &Model,
    columns: &[(String, String)],
    languages: &BTreeSet<&String>,
    of_latest: bool,
) -> Vec<Vec<Option<String>>> {
    let contract = &model.contract;
    let table_description = |language: Option<&str>, description: &str| match of_latest {
        true => latest_description(&model.name, language, description),
        false => description.to_owned(),
    };
    let entry = |(at, (name, kind)): (usize, &(String, String))| {
        let meaning = contract.columns.iter().find(|(column, _)| column == name).map(|(_, meaning)| meaning.clone());
        let mut row = vec![
            Some(model.layer.schema().to_owned()),
            Some(if of_latest { latest_view(&model.name) } else { model.name.clone() }),
            Some(table_description(None, &contract.description)),
            Some((at + 1).to_string()),
            Some(name.clone()),
            Some(kind.clone()),
            Some((contract.grain.contains(name) && !(of_latest && name == "time_period")).to_string()),
            Some(meaning.unwrap_or_default()),
        ];
        for &language in languages {
            let words = contract.translations.get(language);
            row.push(words.map(|words| table_description(Some(language), &words.description)));
            row.push(words.and_then(|words| words.column(name)).map(str::to_owned));
        }
        row
    };
    columns.iter().enumerate().map(entry).collect()
}
