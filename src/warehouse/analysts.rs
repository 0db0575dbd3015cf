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
use super::model::{Layer, Model, Models};
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

/// Statements that make `latest_<mart>` of each mart with periods: of what its grain tells apart, the newest period.
pub(super) fn latest_views(models: &Models) -> String {
    let mut sql = String::new();
    for model in models.all.iter().filter(|model| model.layer == Layer::Mart) {
        let others: Vec<String> = others(model).into_iter().map(quoted).collect();
        if others.len() == model.contract.grain.len() {
            continue;
        }
        let (view, name) = (quoted(&format!("latest_{}", model.name)), quoted(&model.name));
        let partition = if others.is_empty() { String::new() } else { format!("partition by {} ", others.join(", ")) };
        let comment =
            format!("Of each key of {}, the row of its newest time_period. {}", model.name, model.contract.description);
        sql.push_str(&format!(
            "create view {view} as select * from {name} qualify row_number() over ({partition}order by time_period desc) = 1;
             comment on view {view} is {};",
            literal(&comment)
        ));
    }
    sql
}

/// The columns of a model's grain besides the period.
fn others(model: &Model) -> Vec<&str> {
    model.contract.grain.iter().map(String::as_str).filter(|name| *name != "time_period").collect()
}

/// Makes `data_dictionary`: a row a column of each table that is published. Each language that a header has beside its own adds a
/// column for what the table is, and one for what the column means.
pub(super) fn make_dictionary(
    connection: &Connection,
    models: &Models,
    results: &[ModelResult],
) -> Result<(), WarehouseError> {
    let is_private = |name: &str| models.all.iter().any(|model| model.name == name && model.contract.private);
    let published: Vec<&ModelResult> = results.iter().filter(|result| !is_private(&result.name)).collect();
    let languages: BTreeSet<&String> = published.iter().flat_map(|result| result.translations.keys()).collect();
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
    for result in &published {
        for (at, column) in result.columns.iter().enumerate() {
            let mut row = vec![
                Some(result.schema.clone()),
                Some(result.name.clone()),
                Some(result.description.clone()),
                Some((at + 1).to_string()),
                Some(column.name.clone()),
                Some(column.kind.clone()),
                Some(result.grain.contains(&column.name).to_string()),
                Some(column.description.clone()),
            ];
            for &language in &languages {
                row.extend([&result.translations, &column.translations].map(|words| words.get(language).cloned()));
            }
            rows.push(row);
        }
    }
    engine::append(connection, "main", "data_dictionary", rows)
}
