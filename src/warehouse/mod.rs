//! A DuckDB database from the lake: load, models, audits, export of marts.
//!
//! [`Drafts`] reads `sql/` and finds what depends on what; [`Models::check`] binds every model to
//! empty tables, so that a wrong one is found before anything is fetched; [`build`] loads the lake,
//! runs the models, audits them and exports the marts, all into one folder that nobody reads yet.
//!
//! DuckDB runs a model with external access off and its configuration locked: a model can read what
//! was loaded and nothing else.

mod amend;
mod analysts;
mod audit;
mod build;
mod case;
mod catalog;
mod check;
mod contract;
mod diff;
mod engine;
mod export;
mod folders;
mod graph;
mod load;
mod model;
mod plan;
mod rake;
mod raking;
mod reader;
mod select;
mod separable;
pub mod spark;
mod spreadsheet;
mod testing;

pub use analysts::{Macro, latest_description, latest_view};
pub use audit::AuditResult;
pub use build::{Build, ColumnResult, ModelResult, ON_SPARK, Previous, build};
pub use catalog::{CATALOG_VERSION, write_catalog};
pub use contract::{Audit, AuditKind, Contract, InputRule, Severity, TranslatedColumn, Translation};
pub use diff::{MartDiff, Presence, RowDiff, Side, diff};
pub use engine::{Limits, engine_version};
pub use load::lake_tables;
pub use model::{Drafts, Layer, Model, Models};
pub use plan::{Action, LakeState, ModelPlan, plan};
pub use raking::RakeRule;
pub use reader::{FileFormat, Reader, Row, Shown, equals, text_of};
pub use select::{NoSuchModels, Standing};
pub use separable::separated;
pub use spreadsheet::{CsvDialect, Origin};
pub use testing::{CaseResult, TestReport, test};

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use crate::disk::DiskError;
use crate::error::{Hint, Snippet};

/// What the lake gives to a build.
#[derive(Debug, Clone, Default)]
pub struct Inputs {
    /// The observations of each pipeline's table.
    pub observations: Vec<TableFiles>,
    /// The newest partition of each register.
    pub memberships: Vec<PathBuf>,
    /// The partitions before them.
    pub earlier_memberships: Vec<PathBuf>,
    /// Codelists and crosswalks.
    pub codelists: Vec<CodelistTable>,
    /// Where the data comes from, for the tables `lake.pipelines` and `lake.snapshots`.
    pub pipelines: Vec<PipelineRow>,
    /// What the codes of each table stand for.
    pub source_codes: Vec<SourceCodeRow>,
    /// The snapshots that the partitions were made from.
    pub snapshots: Vec<SnapshotRow>,
    /// Fingerprint of each lake table, by its name without the schema.
    pub fingerprints: std::collections::BTreeMap<String, String>,
}

/// The partitions of one table, oldest first.
#[derive(Debug, Clone, Default)]
pub struct TableFiles {
    /// The pipeline that delivers it.
    pub pipeline: String,
    /// The source's table id.
    pub dataset: String,
    /// Its partitions, oldest first.
    pub partitions: Vec<LoadedPartition>,
    /// Their files.
    pub files: Vec<PathBuf>,
    /// Whether they are of one vintage, so that no row of them is followed by another one.
    pub is_of_one_vintage: bool,
    /// How many rows there are in them.
    pub rows: u64,
}

/// A partition that a build loads.
#[derive(Debug, Clone)]
pub struct LoadedPartition {
    /// Its fingerprint.
    pub fingerprint: String,
    /// The vintage of its rows, UTC, as DuckDB reads a timestamp with its zone.
    pub vintage: String,
}

/// What a build has loaded of a source's table.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Loaded {
    /// How many partitions.
    pub partitions: usize,
    /// Fingerprint of them.
    pub fingerprint: String,
}

impl Loaded {
    /// Of these partitions.
    pub fn of(partitions: &[LoadedPartition]) -> Self {
        let fingerprint = hash_of(partitions.iter().map(|partition| partition.fingerprint.as_str()));
        Loaded { partitions: partitions.len(), fingerprint }
    }
}

/// A codelist or crosswalk as a table of the lake.
#[derive(Debug, Clone)]
pub struct CodelistTable {
    /// Its name, without the schema.
    pub table: String,
    /// Its columns, all of them text.
    pub columns: Vec<String>,
    /// Its rows; an empty field is null.
    pub rows: Vec<Vec<String>>,
}

/// A row of `lake.pipelines`.
#[derive(Debug, Clone)]
pub struct PipelineRow {
    /// The pipeline's id.
    pub pipeline: String,
    /// The source's title, in English.
    pub title: String,
    /// The same in Spanish; as `title` if there is none.
    pub title_es: String,
    /// Who publishes the data.
    pub publisher: String,
    /// Licence of the data, in English.
    pub licence: String,
    /// The same in Spanish; as `licence` if there is none.
    pub licence_es: String,
    /// How the publisher wants to be named.
    pub attribution: String,
    /// Where several sources give the same cell, the lower number comes first.
    pub preference: u32,
}

impl PipelineRow {
    /// Its fields in the order of the table's columns.
    pub fn texts(&self) -> [String; 8] {
        let PipelineRow { pipeline, title, title_es, publisher, licence, licence_es, attribution, preference } = self;
        let preference = preference.to_string();
        [pipeline, title, title_es, publisher, licence, licence_es, attribution, &preference].map(String::clone)
    }
}

/// A row of `lake.source_codes`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct SourceCodeRow {
    /// The pipeline.
    pub pipeline: String,
    /// The source's table id.
    pub dataset: String,
    /// The source's name of the dimension.
    pub dimension: String,
    /// The code as the source writes it.
    pub source_code: String,
    /// A canonical column that it gives.
    pub canonical_column: String,
    /// The canonical code.
    pub canonical_code: String,
}

impl SourceCodeRow {
    /// Its fields in the order of the table's columns.
    pub fn texts(&self) -> [&str; 6] {
        let SourceCodeRow { pipeline, dataset, dimension, source_code, canonical_column, canonical_code } = self;
        [pipeline, dataset, dimension, source_code, canonical_column, canonical_code]
    }
}

/// A row of `lake.snapshots`.
#[derive(Debug, Clone)]
pub struct SnapshotRow {
    /// Content hash.
    pub snapshot: String,
    /// The pipeline that fetched it.
    pub pipeline: String,
    /// The source's table id.
    pub dataset: String,
    /// The documented address.
    pub url: String,
    /// UTC, as DuckDB reads a timestamp.
    pub fetched_at: String,
    /// File in the archive, relative to the data root.
    pub file: String,
}

impl SnapshotRow {
    /// Its fields in the order of the table's columns.
    pub fn texts(&self) -> [&str; 6] {
        let SnapshotRow { snapshot, pipeline, dataset, url, fetched_at, file } = self;
        [snapshot, pipeline, dataset, url, fetched_at, file]
    }
}

/// A model that is wrong, or a build that could not be made.
#[derive(Debug, thiserror::Error)]
pub enum WarehouseError {
    /// The disk refused.
    #[error(transparent)]
    Disk(#[from] DiskError),
    /// A place in a model's file is wrong.
    #[error("{message}")]
    Model {
        /// What is wrong.
        message: String,
        /// Where.
        snippet: Box<Snippet>,
        /// What to do.
        hint: Option<String>,
    },
    /// A file of SQL is in none of the folders of models, and would be left out without a word.
    #[error("expected a model in `staging`, `intermediate` or `marts`, found `{}`", path.display())]
    Misplaced {
        /// The file.
        path: PathBuf,
        /// The folder that may be meant.
        near: Option<String>,
    },
    /// DuckDB refused something that is not a model's fault.
    #[error("DuckDB could not {action}: {message}")]
    Engine {
        /// What was tried.
        action: String,
        /// Why not, as DuckDB says it.
        message: String,
    },
    /// Spark could not do what it was asked.
    #[error("Spark could not {action}: {message}")]
    Spark {
        /// What was tried.
        action: String,
        /// Why not, as Spark says it.
        message: String,
        /// What it said before.
        log: Option<PathBuf>,
    },
    /// A model took longer than it may.
    #[error("expected `{}` to be done within {limit_secs} s, broke it off", path.display())]
    Overtime {
        /// The model's file.
        path: PathBuf,
        /// The limit.
        limit_secs: u64,
    },
    /// Blocking audits failed.
    #[error("{failing} of {total} audits failed: {}", failed.join("; "))]
    Audits {
        /// What failed, one sentence for each wording.
        failed: Vec<String>,
        /// How many audits that is.
        failing: usize,
        /// How many audits there are.
        total: usize,
        /// The folder with the rows that fail, where any are kept.
        kept: Option<PathBuf>,
    },
}

impl Hint for WarehouseError {
    fn hint(&self) -> Option<String> {
        match self {
            WarehouseError::Disk(error) => error.hint(),
            WarehouseError::Model { hint, .. } => hint.clone(),
            WarehouseError::Misplaced { near: Some(near), .. } => Some(format!("did you mean the folder `{near}`?")),
            WarehouseError::Misplaced { near: None, .. } => {
                Some("move it into the folder of its layer, or give it another ending".into())
            }
            WarehouseError::Engine { message, .. } => engine::hint(message),
            WarehouseError::Spark { message, log, .. } => Some(spark::hint(message, log.as_deref())),
            WarehouseError::Overtime { .. } => Some(
                "look for a join without a condition; if the model needs so long, raise `warehouse.model_timeout_secs`"
                    .into(),
            ),
            WarehouseError::Audits { kept, .. } => {
                let rows = kept.as_ref().map(|kept| format!("rows that fail are in `{}`; ", kept.display()));
                Some(format!(
                    "nothing was published; {}correct the model or, if the data are right, the audit in its header",
                    rows.unwrap_or_default()
                ))
            }
        }
    }

    fn snippet(&self) -> Option<&Snippet> {
        match self {
            WarehouseError::Model { snippet, .. } => Some(snippet),
            _ => None,
        }
    }
}

/// BLAKE3 over parts, each with its length, in hex.
fn hash_of<'p>(parts: impl IntoIterator<Item = &'p str>) -> String {
    let mut hasher = blake3::Hasher::new();
    for part in parts {
        hasher.update(&(part.len() as u64).to_le_bytes());
        hasher.update(part.as_bytes());
    }
    hasher.finalize().to_hex().to_string()
}

/// SQL that is true of a row with a gap in one of these columns.
fn has_gap<N: AsRef<str>>(columns: &[N]) -> String {
    columns.iter().map(|name| format!("{} is null", quoted(name.as_ref()))).collect::<Vec<_>>().join(" or ")
}

/// A name as SQL.
pub(crate) fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

/// Names as SQL, with commas between them.
pub(crate) fn quoted_list<N: AsRef<str>>(names: &[N]) -> String {
    names.iter().map(|name| quoted(name.as_ref())).collect::<Vec<_>>().join(", ")
}

/// Byte of a place in a text, which counts lines and characters from 1.
fn offset(text: &str, place: sqlparser::tokenizer::Location) -> usize {
    let lines = usize::try_from(place.line).unwrap_or(usize::MAX).saturating_sub(1);
    let start: usize = text.split_inclusive('\n').take(lines).map(str::len).sum();
    let characters = usize::try_from(place.column).unwrap_or(usize::MAX).saturating_sub(1);
    let line = &text[start..];
    start + line.char_indices().nth(characters).map_or(line.len(), |(at, _)| at)
}

/// A text as SQL.
pub(crate) fn literal(text: &str) -> String {
    format!("'{}'", text.replace('\'', "''"))
}
