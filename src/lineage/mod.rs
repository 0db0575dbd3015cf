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
use crate::warehouse::{InputRule, ModelResult, Reader, Row, WarehouseError, equals, quoted_list};

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
    let model = model_of(models, table)?;
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
    let (matching, rows) = tracer.rows(model, &wanted, most, true)?;
    if matching == 0 {
        return Err(tracer.nothing(model, conditions)?);
    }
    Ok(Explanation {
        build_id: published.manifest.build_id.clone(),
        table: model.name.clone(),
        description: model.description.clone(),
        grain: model.grain.clone(),
        path: path(models, model),
        matching,
        rows,
    })
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
            let there = self.reader.rows(
                &format!(
                    "select distinct cast(\"{column}\" as varchar) as there from {} where {before} and \"{column}\" is not null
                     order by 1 limit 1000",
                    model.table()
                ),
                &[],
            )?;
            let there: Vec<&str> = there.iter().filter_map(|row| row.get("there")?.as_str()).collect();
            return Ok(LineageError::Asked {
                message: format!("expected a row of `{}` with {column} = `{value}`, found none", model.name),
                hint: match (nearest(value, there.iter().copied()), there.len()) {
                    (Some(near), _) => format!("did you mean `{near}`?"),
                    (None, 0) => "there is no row with the conditions before it either".into(),
                    (None, 1..=12) => format!("there are {}", there.join(", ")),
                    (None, more) => format!("there are {more} values, such as {}", there[..6].join(", ")),
                },
            });
        }
        Ok(LineageError::Asked {
            message: format!("expected a row of `{}`, found none", model.name),
            hint: "the table is empty".into(),
        })
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
