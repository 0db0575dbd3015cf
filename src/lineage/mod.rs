//! A published number traced back to the bytes that it was read from.
//!
//! # What a mart's row says of its origin
//! - `snapshot` with `cell`, or both with one prefix, such as `other_snapshot` and `other_cell`: one value of one
//!   snapshot, by BLAKE3 of its bytes and the place in them.
//! - `snapshot` with `cells`: records of a register, which are counted and not shown, since they speak of persons.
//! - an entry `inputs:` in the model's header: the rows of another table that it was computed from, each with its weight.
//!
//! [`explain`] follows these to the observations in `lake.observations` (and its history), to the snapshot in the
//! archive, and to the bytes, which it reads again without the decoder that found the value.

mod cells;
mod origin;

pub use cells::{CellCheck, check_cells};
pub use origin::{Opened, Origin, Payloads, ReadAgain, SnapshotOrigin};

use serde::Serialize;

use crate::archive::ArchiveError;
use crate::decode::DecodeError;
use crate::error::{Hint, nearest};
use crate::publish::Published;
use crate::warehouse::{
    InputRule, ModelResult, Reader, Row, WarehouseError, equals, latest_description, latest_view, quoted, quoted_list,
};

/// A number that could not be traced.
#[derive(Debug, thiserror::Error)]
pub enum LineageError {
    /// What was asked for is not there.
    #[error("{message}")]
    Asked {
        /// What was expected and what was found.
        message: String,
        /// What to do.
        hint: String,
    },
    /// The build could not be read.
    #[error(transparent)]
    Warehouse(#[from] WarehouseError),
    /// The archive could not be read.
    #[error(transparent)]
    Archive(#[from] ArchiveError),
    /// A payload could not be read.
    #[error("could not read `{file}` again")]
    Decode {
        /// The file in the archive, below the data root.
        file: String,
        /// What is wrong with it.
        source: DecodeError,
    },
}

impl Hint for LineageError {
    fn hint(&self) -> Option<String> {
        match self {
            LineageError::Asked { hint, .. } => Some(hint.clone()),
            LineageError::Warehouse(error) => error.hint(),
            LineageError::Archive(error) => error.hint(),
            LineageError::Decode { source, .. } => source.hint(),
        }
    }
}

/// Where rows of a table come from.
#[derive(Debug, Clone, Serialize)]
pub struct Explanation {
    /// The build that was asked.
    pub build_id: String,
    /// The table.
    pub table: String,
    /// What one row of it is.
    pub description: String,
    /// The columns that identify a row.
    pub grain: Vec<String>,
    /// The models between the lake and the table, those that are read first.
    pub path: Vec<Step>,
    /// How many rows there are of what was asked for.
    pub matching: u64,
    /// The first of them.
    pub rows: Vec<Explained>,
}

/// A model on the way.
#[derive(Debug, Clone, Serialize)]
pub struct Step {
    /// Its table, with the schema.
    pub table: String,
    /// What one row is.
    pub description: String,
    /// The tables that it reads.
    pub reads: Vec<String>,
    /// Its SELECT, as it was when the build was made.
    pub sql: String,
}

/// A row and its origins.
#[derive(Debug, Clone, Serialize)]
pub struct Explained {
    /// The row.
    pub row: Row,
    /// The values that it was read from.
    pub origins: Vec<Origin>,
    /// Rows of other tables that it was computed from.
    pub inputs: Vec<Input>,
}

/// The rows of another table that a row was computed from.
#[derive(Debug, Clone, Serialize)]
pub struct Input {
    /// The table.
    pub table: String,
    /// The column of their weight, if they are weighted.
    pub weight: Option<String>,
    /// How many there are.
    pub matching: u64,
    /// The first of them.
    pub rows: Vec<Explained>,
}

/// So many rows of inputs are shown.
const MOST_INPUTS: usize = 100;

/// Explains the rows of a mart for which all of these are so: a column and the text of its value.
pub fn explain(
    reader: &Reader,
    published: &Published,
    models: &[ModelResult],
    payloads: &Payloads,
    table: &str,
    conditions: &[(String, String)],
    most: usize,
) -> Result<Explanation, LineageError> {
    let (model, asked) = asked(reader, models, table)?;
    if let Some(twice) = named_twice(conditions) {
        return Err(twice);
    }
    let mut wanted = Vec::new();
    for (column, value) in conditions {
        if !model.columns.iter().any(|known| known.name == *column) {
            let names = model.columns.iter().map(|known| known.name.as_str());
            return Err(LineageError::Asked {
                message: format!("expected a column of `{table}`, found `{column}`"),
                hint: match nearest(column, names) {
                    Some(near) => format!("did you mean `{near}`?"),
                    None => format!("its rows are identified by {}", model.grain.join(", ")),
                },
            });
        }
        wanted.push(equals(column, &value.as_str().into()));
    }
    let tracer = Tracer { reader, models, payloads };
    let (matching, rows) = tracer.rows(&asked, &wanted, most, true)?;
    if matching == 0 {
        return Err(tracer.nothing(&asked, conditions)?);
    }
    Ok(Explanation {
        build_id: published.manifest.build_id.clone(),
        table: asked.name,
        description: asked.description,
        grain: model.grain.clone(),
        path: path(models, model),
        matching,
        rows,
    })
}

/// An error where conditions name a column twice: a row has one value in it, so no row could meet both.
pub fn named_twice(conditions: &[(String, String)]) -> Option<LineageError> {
    let is_later = |at: usize, column: &str| conditions[at + 1..].iter().any(|(other, _)| other == column);
    let (_, (column, _)) = conditions.iter().enumerate().find(|(at, (column, _))| is_later(*at, column))?;
    let values = conditions.iter().filter(|(other, _)| other == column);
    let values: Vec<String> = values.map(|(_, value)| format!("`{value}`")).collect();
    Some(LineageError::Asked {
        message: format!("expected one value of `{column}`, found {}", values.join(", ")),
        hint: "ask for them one by one; `tejido query` takes conditions of any kind".into(),
    })
}

/// The model that a table is of, and the table with the model's columns: the model's own, or the view of its newest rows.
fn asked<'m>(
    reader: &Reader,
    models: &'m [ModelResult],
    table: &str,
) -> Result<(&'m ModelResult, ModelResult), LineageError> {
    let bare = table.strip_prefix("main.").unwrap_or(table);
    let marts = models.iter().filter(|model| model.is_mart);
    let is_model = models.iter().any(|model| model.name == table);
    let mart = marts.clone().find(|mart| !is_model && latest_view(&mart.name) == bare);
    if let Some(mart) = mart {
        let view = ModelResult {
            name: latest_view(&mart.name),
            description: latest_description(&mart.name, None, &mart.description),
            ..mart.clone()
        };
        if is_there(reader, &view)? {
            return Ok((mart, view));
        }
        return Err(LineageError::Asked {
            message: format!("expected a table of the build, found `{table}`"),
            hint: format!("`{}` has no view of its newest rows: explain it itself", mart.name),
        });
    }
    let model = model_of(models, table)?;
    if is_there(reader, model)? {
        return Ok((model, model.clone()));
    }
    let readers = marts.filter(|mart| mart.reads.contains(&model.name)).map(|mart| format!("`{}`", mart.name));
    let readers: Vec<String> = readers.collect();
    Err(LineageError::Asked {
        message: format!("expected a table whose rows are in the build, found `{}`, which is private", model.name),
        hint: match readers[..] {
            [] => "its rows are not kept; explain a mart that is made from it".into(),
            _ => format!("its rows are not kept; what is made from it is in {}", readers.join(", ")),
        },
    })
}

/// Whether the build's file has a table: private ones are taken out of it.
fn is_there(reader: &Reader, model: &ModelResult) -> Result<bool, LineageError> {
    let found = reader.rows(
        "select table_name from information_schema.tables
         where table_catalog = current_database() and table_schema = ? and table_name = ?",
        &[model.schema.clone(), model.name.clone()],
    )?;
    Ok(!found.is_empty())
}

fn model_of<'m>(models: &'m [ModelResult], table: &str) -> Result<&'m ModelResult, LineageError> {
    let full = |model: &ModelResult| format!("{}.{}", model.schema, model.name);
    let found = models.iter().find(|model| model.name == table || full(model) == table);
    found.ok_or_else(|| LineageError::Asked {
        message: format!("expected a table of the build, found `{table}`"),
        hint: match nearest(table, models.iter().filter(|model| model.is_mart).map(|model| model.name.as_str())) {
            Some(near) => format!("did you mean `{near}`?"),
            None => {
                let marts = models.iter().filter(|model| model.is_mart).map(|model| model.name.as_str());
                format!("the marts are {}", marts.collect::<Vec<_>>().join(", "))
            }
        },
    })
}

struct Tracer<'a> {
    reader: &'a Reader,
    models: &'a [ModelResult],
    payloads: &'a Payloads<'a>,
}

impl Tracer<'_> {
    /// How many rows of a table are wanted, and the first of them with their origins. Inputs are followed once.
    fn rows(
        &self,
        model: &ModelResult,
        wanted: &[String],
        most: usize,
        with_inputs: bool,
    ) -> Result<(u64, Vec<Explained>), LineageError> {
        let table = model.table();
        let condition = if wanted.is_empty() { "true".to_owned() } else { wanted.join(" and ") };
        let total = self.reader.number(&format!("select count(*) from {table} where {condition}"))?;
        let found = self.reader.rows(
            &format!("select * from {table} where {condition} order by {} limit {most}", quoted_list(&model.grain)),
            &[],
        )?;
        let mut rows = Vec::new();
        for row in found {
            let origins = origin::of_row(self.reader, self.payloads, &row)?;
            let mut inputs = Vec::new();
            for rule in model.inputs.iter().filter(|_| with_inputs) {
                inputs.extend(self.inputs(rule, &row)?);
            }
            rows.push(Explained { row, origins, inputs });
        }
        Ok((total.unsigned_abs(), rows))
    }

    /// The rows that a rule names; none where the table is private and not published.
    fn inputs(&self, rule: &InputRule, row: &Row) -> Result<Option<Input>, LineageError> {
        let Some(model) = self.models.iter().find(|model| model.name == rule.table) else {
            return Ok(None);
        };
        let mut wanted: Vec<String> = Vec::new();
        for (theirs, own) in &rule.on {
            wanted.push(equals(theirs, row.get(own).unwrap_or(&serde_json::Value::Null)));
        }
        wanted.extend(rule.condition.as_ref().map(|condition| format!("({condition})")));
        let (matching, rows) = self.rows(model, &wanted, MOST_INPUTS, false)?;
        Ok(Some(Input { table: rule.table.clone(), weight: rule.weight.clone(), matching, rows }))
    }

    /// Why nothing was found: the first condition that no row meets beside those before it, and what there is.
    fn nothing(&self, model: &ModelResult, conditions: &[(String, String)]) -> Result<LineageError, LineageError> {
        let mut met = vec!["true".to_owned()];
        for (column, value) in conditions {
            let before = met.join(" and ");
            met.push(equals(column, &value.as_str().into()));
            let count = format!("select count(*) from {} where {}", model.table(), met.join(" and "));
            if self.reader.number(&count)? > 0 {
                continue;
            }
            let column_there = quoted(column);
            let there = format!(
                "(select distinct cast({column_there} as varchar) as there from {} where {before} and {column_there} is not null)",
                model.table()
            );
            let values = self.reader.number(&format!("select count(*) from {there}"))?;
            // There may be very many, so DuckDB looks for the nearest.
            let like = self.reader.rows(
                &format!(
                    "select there from {there}
                     order by jaro_winkler_similarity(lower(there), lower(?)) desc, there limit 1"
                ),
                std::slice::from_ref(value),
            )?;
            let like = like.first().and_then(|row| row.get("there")?.as_str());
            let like = like.filter(|like| nearest(&value.to_lowercase(), [like.to_lowercase().as_str()]).is_some());
            let there =
                self.reader.rows(&format!("select there from {there} order by there limit {MOST_VALUES}"), &[])?;
            let there: Vec<&str> = there.iter().filter_map(|row| row.get("there")?.as_str()).collect();
            return Ok(LineageError::Asked {
                message: format!("expected a row of `{}` with {column} = `{value}`, found none", model.name),
                hint: values_hint(like, values.unsigned_abs(), &there),
            });
        }
        Ok(LineageError::Asked {
            message: format!("expected a row of `{}`, found none", model.name),
            hint: "the table is empty".into(),
        })
    }
}

/// So many values of a column are named.
const MOST_VALUES: usize = 12;

/// What there is in place of a value: the one that is like it, of so many that there are, of which these are the first.
fn values_hint(like: Option<&str>, values: u64, first: &[&str]) -> String {
    match (like, values) {
        (Some(like), _) => format!("did you mean `{like}`?"),
        (None, 0) => "there is no row with the conditions before it either".into(),
        (None, values) if values <= MOST_VALUES as u64 => format!("there are {}", first.join(", ")),
        (None, values) => {
            let some: Vec<&str> = first.iter().take(6).copied().collect();
            format!("there are {values} values, such as {}", some.join(", "))
        }
    }
}

/// The models between the lake and a table, in the order in which they were made; those that name codes only are left
/// out: what carries values comes from observations or registers.
fn path(models: &[ModelResult], target: &ModelResult) -> Vec<Step> {
    const CARRIERS: [&str; 3] = ["observations", "observation_history", "memberships"];
    let mut wanted = vec![target.name.as_str()];
    let mut steps = Vec::new();
    // Models stand after those that they read.
    let carries = |name: &str| {
        let mut behind = vec![name];
        while let Some(name) = behind.pop() {
            let Some(model) = models.iter().find(|model| model.name == name) else {
                continue;
            };
            if model.reads_lake.iter().any(|table| CARRIERS.contains(&table.as_str())) {
                return true;
            }
            behind.extend(model.reads.iter().map(String::as_str));
        }
        false
    };
    for model in models.iter().rev() {
        let is_wanted = wanted.contains(&model.name.as_str()) && (model.name == target.name || carries(&model.name));
        if !is_wanted {
            continue;
        }
        wanted.extend(model.reads.iter().map(String::as_str));
        let lake = model.reads_lake.iter().map(|table| format!("lake.{table}"));
        steps.push(Step {
            table: format!("{}.{}", model.schema, model.name),
            description: model.description.clone(),
            reads: model.reads.iter().cloned().chain(lake).collect(),
            sql: model.sql.clone(),
        });
    }
    steps.reverse();
    steps
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn values_are_counted_and_not_their_limit() {
        let first: Vec<&str> = "a b c d e f g h i j k l".split(' ').collect();
        assert_eq!(values_hint(Some("ES13"), 9402, &first), "did you mean `ES13`?");
        assert_eq!(values_hint(None, 9402, &first), "there are 9402 values, such as a, b, c, d, e, f");
        assert_eq!(values_hint(None, 2, &["a", "b"]), "there are a, b");
    }

    #[test]
    fn a_column_is_named_once() {
        let conditions = |text: &str| -> Vec<(String, String)> {
            text.split(' ').filter_map(|one| one.split_once('=')).map(|(a, b)| (a.to_owned(), b.to_owned())).collect()
        };
        assert!(named_twice(&conditions("region=ES13 sector=F")).is_none());
        let twice = named_twice(&conditions("region=ES13 sector=F region=ES12")).unwrap();
        assert_eq!(twice.to_string(), "expected one value of `region`, found `ES13`, `ES12`");
    }
}
