//! What `driver.py` is told: the files of the lake, the small tables with their rows, the models in Spark's dialect, and what is
//! asked of them. Version 2 of a format that the two share and nobody else reads.

use std::path::{Path, PathBuf};

use duckdb::Connection;
use jiff::Timestamp;
use serde::Serialize;

use super::Cluster;
use super::transpile::{Refusal, predicate, transpile};
use crate::warehouse::build::ModelResult;
use crate::warehouse::contract::{AuditKind, Severity};
use crate::warehouse::engine;
use crate::warehouse::model::{self, Model, Models};
use crate::warehouse::{Inputs, WarehouseError};

/// Bumped together with the driver's.
const VERSION: u32 = 2;

/// Observations of one task of a shuffle; fewer tasks than Spark's usual 200 where the lake is small.
const ROWS_PER_TASK: u64 = 250_000;
const FEWEST_TASKS: u64 = 4;
const MOST_TASKS: u64 = 400;

#[derive(Debug, Serialize)]
pub(super) struct Plan<'a> {
    version: u32,
    application: &'a str,
    work: String,
    output: String,
    result: PathBuf,
    now: String,
    shuffle_partitions: u64,
    parallel_models: u32,
    lake: LakePlan,
    models: Vec<ModelPlan<'a>>,
}

#[derive(Debug, Serialize)]
struct LakePlan {
    observations: Vec<Observations>,
    memberships: Vec<Register>,
    tables: Vec<Table>,
}

#[derive(Debug, Serialize)]
struct Observations {
    files: Vec<String>,
    is_of_one_vintage: bool,
}

#[derive(Debug, Serialize)]
struct Register {
    file: String,
    is_current: bool,
}

#[derive(Debug, Serialize)]
struct Table {
    name: String,
    columns: Vec<Column>,
    rows: Vec<Vec<Option<String>>>,
}

#[derive(Debug, Serialize)]
struct Column {
    name: String,
    #[serde(rename = "type")]
    kind: String,
}

#[derive(Debug, Serialize)]
struct ModelPlan<'a> {
    name: &'a str,
    schema: &'a str,
    kind: &'a str,
    sql: String,
    grain: &'a [String],
    /// Whether it needs no counting that no two rows have the same grain.
    is_unique: bool,
    columns: Vec<Column>,
    reads: &'a [String],
    private: bool,
    rake: Option<Rake<'a>>,
    audits: Vec<AuditPlan<'a>>,
}

#[derive(Debug, Serialize)]
struct Rake<'a> {
    seed: &'a str,
    margins: &'a [(String, Vec<String>)],
    within: &'a [String],
}

#[derive(Debug, Serialize)]
struct AuditPlan<'a> {
    text: &'a str,
    blocking: bool,
    #[serde(flatten)]
    asked: Asked<'a>,
}

#[derive(Debug, Serialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
enum Asked<'a> {
    Every { predicate: String, has_subquery: bool },
    Exists { predicate: String },
    Rows { least: u64, most: Option<u64> },
    References { columns: &'a [String], other: &'a str, others: &'a [String] },
    NotBelowLast { percent: f64, last_rows: Option<u64> },
    Moves { column: &'a str, most: f64, previous: Vec<String> },
    Newest { column: &'a str, days: u32 },
}

impl<'a> Plan<'a> {
    /// The plan of a build. The lake is loaded into the connection, and the models are bound there, which is where their types
    /// come from; `last` gives a model of the last build, which is attached as `previous`.
    pub fn new(
        connection: &Connection,
        models: &'a Models,
        inputs: &Inputs,
        cluster: &Cluster<'_>,
        result: &Path,
        last: impl Fn(&str) -> Option<&'a ModelResult>,
    ) -> Result<Self, WarehouseError> {
        let rows = engine::number(connection, "count observations", "select count(*) from lake.observations")?;
        let tables = inputs.codelists.iter().map(|list| (list.table.clone(), list.rows.clone()));
        let fixed = ["pipelines", "source_codes", "snapshots"].map(|table| (table.to_owned(), Vec::new()));
        let tables = tables.chain(fixed).map(|(name, rows)| table(connection, name, rows));
        Ok(Plan {
            version: VERSION,
            application: "tejido",
            work: cluster.seen(&cluster.folder.join("work")),
            output: cluster.seen(&cluster.output()),
            result: result.to_path_buf(),
            now: Timestamp::now().strftime("%Y-%m-%d %H:%M:%S%.6f").to_string(),
            shuffle_partitions: (rows.unsigned_abs() / ROWS_PER_TASK).clamp(FEWEST_TASKS, MOST_TASKS),
            parallel_models: cluster.models,
            lake: LakePlan {
                observations: inputs
                    .observations
                    .iter()
                    .map(|table| Observations {
                        files: table.files.iter().map(|file| cluster.seen(file)).collect(),
                        is_of_one_vintage: table.is_of_one_vintage,
                    })
                    .collect(),
                memberships: [(&inputs.memberships, true), (&inputs.earlier_memberships, false)]
                    .into_iter()
                    .flat_map(|(files, is_current)| files.iter().map(move |file| (file, is_current)))
                    .map(|(file, is_current)| Register { file: cluster.seen(file), is_current })
                    .collect(),
                tables: tables.collect::<Result<_, _>>()?,
            },
            models: models
                .all
                .iter()
                .map(|model| of_model(connection, model, cluster, last(&model.name)))
                .collect::<Result<_, _>>()?,
        })
    }
}

/// A small table: its rows as they are given, or else as DuckDB has them.
fn table(connection: &Connection, name: String, rows: Vec<Vec<String>>) -> Result<Table, WarehouseError> {
    let table = format!("lake.{}", crate::warehouse::quoted(&name));
    let columns = engine::columns(connection, &format!("describe `{table}`"), &table)?;
    let rows = match rows.is_empty() {
        false => rows
            .into_iter()
            .map(|row| row.into_iter().map(|field| (!field.is_empty()).then_some(field)).collect())
            .collect(),
        true => engine::texts(connection, &format!("read `{table}`"), &table, &columns)?,
    };
    Ok(Table { name, columns: columns.into_iter().map(|(name, kind)| Column { name, kind }).collect(), rows })
}

fn of_model<'a>(
    connection: &Connection,
    model: &'a Model,
    cluster: &Cluster<'_>,
    last: Option<&'a ModelResult>,
) -> Result<ModelPlan<'a>, WarehouseError> {
    let columns = model::columns(connection, model)?;
    let contract = &model.contract;
    let audits = contract.audits.iter().map(|audit| {
        let in_dialect = |condition: &str| predicate(condition).map_err(|refusal| refused(model, refusal));
        let asked = match &audit.kind {
            AuditKind::Every(condition) => {
                // Asked by itself, as one with a subquery must be; where the word only stands in a text, that is slower and no more.
                let has_subquery = condition.to_ascii_lowercase().contains("select");
                Asked::Every { predicate: in_dialect(condition)?, has_subquery }
            }
            AuditKind::Exists(condition) => Asked::Exists { predicate: in_dialect(condition)? },
            AuditKind::Rows { least, most } => Asked::Rows { least: *least, most: *most },
            AuditKind::References { columns, other, others } => Asked::References { columns, other, others },
            AuditKind::NotBelowLast { percent } => {
                Asked::NotBelowLast { percent: *percent, last_rows: last.map(|last| last.rows) }
            }
            AuditKind::Moves { column, most } => {
                let previous =
                    match last.filter(|last| crate::warehouse::audit::can_move(model, &columns, last, column)) {
                        Some(_) => vec![cluster.previous(connection, model)?],
                        None => Vec::new(),
                    };
                Asked::Moves { column, most: *most, previous }
            }
            AuditKind::Newest { column, days } => Asked::Newest { column, days: *days },
        };
        Ok(AuditPlan { text: &audit.text, blocking: audit.severity == Severity::Block, asked })
    });
    Ok(ModelPlan {
        name: &model.name,
        schema: model.layer.schema(),
        kind: if model.is_view() { "view" } else { "table" },
        sql: transpile(model.sql()).map_err(|refusal| refused(model, refusal))?,
        grain: &contract.grain,
        is_unique: crate::warehouse::audit::is_unique(connection, model)?,
        reads: &model.reads,
        private: contract.private,
        rake: contract.rake.as_ref().map(|rule| Rake {
            seed: &rule.seed,
            margins: &rule.margins,
            within: &rule.within,
        }),
        audits: audits.collect::<Result<_, WarehouseError>>()?,
        columns: columns.into_iter().map(|(name, kind)| Column { name, kind }).collect(),
    })
}

fn refused(model: &Model, Refusal { span, message, hint }: Refusal) -> WarehouseError {
    model.wrong(span.start + model.contract.end..span.end + model.contract.end, message, hint)
}
