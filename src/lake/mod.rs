//! Canonical batches → Parquet partitions with vintages, and back.
//!
//! ```text
//! lake/observations/dataset=<id>/fetched=<time>/<pipeline>-<snapshot>-<fingerprint>.parquet
//! lake/memberships/cluster=<name>/fetched=<time>/<pipeline>-<snapshot>-<fingerprint>.parquet
//! lake/quarantine/pipeline=<id>/<dataset>-<snapshot>.parquet
//! ```
//! A partition of observations holds what changed against the vintages before it (column `change`:
//! `new`, `revised`, `flagged`, `withdrawn`); the state at a moment is, per key, the last row up to
//! it. A partition of memberships holds the whole register. Each file says in its own metadata what
//! it was made from (`tejido.partition`), so that "is this up to date?" is a comparison of
//! fingerprints and there is nothing beside the file that could disagree with it. Where a table has had many vintages, one
//! file holds those of several, and describes each of them (`compaction.rs`).

mod changes;
mod compaction;
mod quarantine;
mod table;

pub use changes::{Changes, ContentHash, First};
pub use quarantine::{Example, KeptBack, kept_back};

use std::path::{Path, PathBuf};
use std::sync::Arc;

use arrow::array::RecordBatch;
use arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use jiff::Timestamp;
use parquet::arrow::arrow_reader::{ArrowReaderOptions, ParquetRecordBatchReaderBuilder};
use parquet::file::metadata::KeyValue;
use serde::{Deserialize, Serialize};

use self::table::TableWriter;
use crate::disk::{self, DiskError};
use crate::error::Hint;
use crate::normalise::{Counts, SourceCode, Structure, observation_schema, quarantine_schema};

/// Bumped whenever partitions are written differently.
pub const LAKE_VERSION: u32 = 5;

/// Key of the metadata entry that describes a partition.
const DESCRIPTION: &str = "tejido.partition";

/// Key of the entry of a file that holds several.
const DESCRIPTIONS: &str = "tejido.partitions";

/// The columns by which observations are sorted: what is asked for first stands first, and the years of a series stand
/// together. A partition of more than 524,288 rows, one row group, stays in the order of its source.
pub const OBSERVATION_ORDER: [&str; 7] =
    ["indicator", "unit", "region", "sector", "sector_scheme", "size_class", "time_period"];

/// Columns whose value stands in the name of the folder, too.
const FOLDER_COLUMNS: [&str; 3] = ["dataset", "cluster", "pipeline"];

/// What a partition was made from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Description {
    /// Of the rules, the snapshot and all partitions before it.
    pub fingerprint: String,
    /// Of the rules alone: partitions of one chain have the same.
    pub rules: String,
    /// The pipeline.
    pub pipeline: String,
    /// The source's table id.
    pub dataset: String,
    /// Content hash of the snapshot.
    pub snapshot: String,
    /// When the snapshot was fetched.
    pub vintage: Timestamp,
    /// Hash of the observations that the snapshot states: two with the same one say the same.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub content: Option<String>,
    /// Rows in the partition.
    pub rows: u64,
    /// Of these, observations that the snapshot no longer has.
    pub withdrawn: u64,
    /// Of these, observations with another value than before; 0 in partitions of earlier versions.
    #[serde(default)]
    pub revised: u64,
    /// What became of the snapshot's rows.
    pub counts: Counts,
    /// The source's dimensions and codes in the snapshot; empty for a register.
    #[serde(default)]
    pub structure: Structure,
    /// What these codes stand for.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub source_codes: Vec<SourceCode>,
}

/// A partition on disk.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Partition {
    /// The file, in which others may be, too.
    pub path: PathBuf,
    /// What it was made from.
    pub description: Description,
}

/// A lake that could not be read or written.
#[derive(Debug, thiserror::Error)]
pub enum LakeError {
    /// The disk refused.
    #[error(transparent)]
    Disk(#[from] DiskError),
    /// A partition could not be read or written.
    #[error("could not {action} the partition `{}`", path.display())]
    Parquet {
        /// "read" or "write".
        action: &'static str,
        /// The file.
        path: PathBuf,
        /// Why.
        source: parquet::errors::ParquetError,
    },
    /// The payload gives one observation twice.
    #[error("expected one value for {key}, found a second one at byte {cell} of the payload")]
    Duplicate {
        /// The canonical key.
        key: String,
        /// Where the second one stands.
        cell: u64,
    },
    /// More distinct codes in one column than a key has room for.
    #[error("expected at most {limit} codes in `{column}`, found more")]
    TooManyCodes {
        /// The column.
        column: &'static str,
        /// The limit.
        limit: usize,
    },
    /// Arrow refused the columns: a defect of this program.
    #[error("the partition's columns do not form a table")]
    Arrow(#[from] arrow::error::ArrowError),
}

impl Hint for LakeError {
    fn hint(&self) -> Option<String> {
        match self {
            LakeError::Disk(error) => error.hint(),
            LakeError::Parquet { action: "read", .. } => {
                Some("remove the file: the next run makes it again from the archive".into())
            }
            LakeError::Duplicate { .. } => Some(
                "two codes of the source become the same canonical codes, or the source repeats a row: correct the pipeline's rules".into(),
            ),
            _ => None,
        }
    }
}

/// Columns of a partition of observations: a canonical observation and what changed about it.
pub fn change_schema() -> SchemaRef {
    let mut fields: Vec<Arc<Field>> = observation_schema()
        .fields()
        .iter()
        // A withdrawn observation stands nowhere.
        .map(|field| match field.name().as_str() {
            "cell" => Arc::new(field.as_ref().clone().with_nullable(true)),
            _ => field.clone(),
        })
        .collect();
    let dictionary = DataType::Dictionary(Box::new(DataType::Int32), Box::new(DataType::Utf8));
    fields.push(Arc::new(Field::new("change", dictionary, false)));
    Arc::new(Schema::new(fields))
}

/// The lake below a data root.
#[derive(Debug, Clone)]
pub struct Lake {
    root: PathBuf,
}

impl Lake {
    /// The lake of this data root.
    pub fn new(data_root: &Path) -> Self {
        Lake { root: data_root.join("lake") }
    }

    /// The folder of a dataset's observations.
    pub fn dataset_folder(&self, dataset: &str) -> PathBuf {
        self.root.join("observations").join(format!("dataset={dataset}"))
    }

    /// The folder of a cluster's memberships.
    pub fn cluster_folder(&self, cluster: &str) -> PathBuf {
        self.root.join("memberships").join(format!("cluster={cluster}"))
    }

    /// The partitions of one pipeline below such a folder, oldest first. A file that is no partition
    /// any more (damaged) is left out: it will be made again.
    pub fn partitions(&self, folder: &Path, pipeline: &str) -> Result<Vec<Partition>, LakeError> {
        let mut partitions = Vec::new();
        for path in files(folder, pipeline)? {
            match describe(&path) {
                Ok(descriptions) if !descriptions.is_empty() => {
                    let of = |description| Partition { path: path.clone(), description };
                    partitions.extend(descriptions.into_iter().map(of));
                }
                Ok(_) => {
                    tracing::warn!(path = %path.display(), "no description in this partition: it will be made again");
                }
                Err(LakeError::Parquet { source, .. }) => {
                    tracing::warn!(path = %path.display(), %source, "damaged partition: it will be made again");
                }
                Err(error) => return Err(error),
            }
        }
        partitions.sort_by_key(|partition| partition.description.vintage);
        Ok(partitions)
    }

    /// Removes the partitions of a pipeline below such a folder that are not among `keep`.
    pub fn retain(&self, folder: &Path, pipeline: &str, keep: &[&Partition]) -> Result<(), LakeError> {
        for path in files(folder, pipeline)? {
            if !keep.iter().any(|partition| partition.path == path) {
                disk::remove_file(&path)?;
            }
        }
        Ok(())
    }

    /// Removes what killed runs left half-written. Only before any pipeline of this run writes.
    pub fn sweep(&self) -> Result<(), LakeError> {
        disk::sweep(&self.root)?;
        for kind in ["observations", "memberships"] {
            let kind = self.root.join(kind);
            for dataset in disk::list(&kind)? {
                let dataset = kind.join(dataset);
                for vintage in disk::list(&dataset)? {
                    disk::sweep(&dataset.join(vintage))?;
                }
            }
        }
        let quarantine = self.root.join("quarantine");
        for pipeline in disk::list(&quarantine)? {
            disk::sweep(&quarantine.join(pipeline))?;
        }
        Ok(())
    }

    /// Where the partition of a snapshot goes. The folder is named `fetched` and not `vintage`, since readers put what
    /// a folder's name says in place of the column of that name, as text. Other rules make another file, so that nothing that is in force
    /// is overwritten before all of its successors are there.
    pub fn partition_path(
        &self,
        folder: &Path,
        pipeline: &str,
        snapshot: &str,
        fingerprint: &str,
        vintage: Timestamp,
    ) -> PathBuf {
        let (snapshot, fingerprint) = (&snapshot[..16], &fingerprint[..8]);
        folder
            .join(format!("fetched={}", vintage.strftime("%Y%m%dT%H%M%S.%6fZ")))
            .join(format!("{pipeline}-{snapshot}-{fingerprint}.parquet"))
    }

    /// The snapshot whose rows a quarantine file holds.
    pub fn describe_quarantine(&self, path: &Path) -> Result<Option<Description>, LakeError> {
        Ok(describe(path)?.pop())
    }

    /// Where the quarantined rows of a snapshot go.
    pub fn quarantine_path(&self, pipeline: &str, dataset: &str, snapshot: &str) -> PathBuf {
        self.root
            .join("quarantine")
            .join(format!("pipeline={pipeline}"))
            .join(format!("{dataset}-{}.parquet", &snapshot[..16]))
    }
}

/// Files of a pipeline's partitions below the folder of a dataset or cluster.
fn files(folder: &Path, pipeline: &str) -> Result<Vec<PathBuf>, LakeError> {
    let mut files = Vec::new();
    for vintage in disk::list(folder)? {
        let folder = folder.join(vintage);
        for name in disk::list(&folder)? {
            // Pipelines are told apart exactly: the name of one may begin like that of another.
            let is_own = name
                .strip_prefix(pipeline)
                .and_then(|rest| rest.strip_prefix('-')?.strip_suffix(".parquet"))
                .is_some_and(|hashes| {
                    hashes.len() == 25 && hashes.bytes().all(|byte| byte == b'-' || byte.is_ascii_hexdigit())
                });
            if is_own {
                files.push(folder.join(name));
            }
        }
    }
    Ok(files)
}

/// A partition of observations, with the types of [`change_schema`].
fn open_observations(path: &Path) -> Result<ParquetRecordBatchReaderBuilder<disk::File>, LakeError> {
    let options = ArrowReaderOptions::new().with_schema(change_schema());
    ParquetRecordBatchReaderBuilder::try_new_with_options(disk::open(path)?, options)
        .map_err(|source| failed_read(path, source))
}

/// What the file says that it was made from: one partition, or several.
fn describe(path: &Path) -> Result<Vec<Description>, LakeError> {
    let builder =
        ParquetRecordBatchReaderBuilder::try_new(disk::open(path)?).map_err(|source| failed_read(path, source))?;
    let entries = builder.metadata().file_metadata().key_value_metadata();
    let text = |key: &str| {
        let entry = entries.into_iter().flatten().find(|entry| entry.key == key);
        entry.and_then(|entry| entry.value.as_deref())
    };
    let one = text(DESCRIPTION).and_then(|text| serde_json::from_str(text).ok());
    let several: Option<Vec<Description>> = text(DESCRIPTIONS).and_then(|text| serde_json::from_str(text).ok());
    Ok(one.into_iter().chain(several.into_iter().flatten()).collect())
}

/// A partition being written; it appears whole or not at all.
pub struct PartitionWriter {
    writer: TableWriter,
    pending: disk::Pending,
    path: PathBuf,
    rows: u64,
}

impl PartitionWriter {
    /// Starts a partition that will stand at `path`.
    pub fn create(path: &Path, schema: SchemaRef) -> Result<Self, LakeError> {
        Self::create_in_order(path, schema, &[])
    }

    /// Starts a partition of observations, in the order of [`OBSERVATION_ORDER`].
    pub fn create_observations(path: &Path) -> Result<Self, LakeError> {
        Self::create_in_order(path, change_schema(), &OBSERVATION_ORDER)
    }

    fn create_in_order(path: &Path, schema: SchemaRef, order: &'static [&'static str]) -> Result<Self, LakeError> {
        let folder = path.parent().unwrap_or(Path::new("."));
        let pending = disk::Pending::create_in(folder)?;
        let writer = TableWriter::new(pending.handle()?, schema, order).map_err(|source| failed_write(path, source))?;
        Ok(PartitionWriter { writer, pending, path: path.to_path_buf(), rows: 0 })
    }

    /// Adds rows.
    pub fn write(&mut self, batch: &RecordBatch) -> Result<(), LakeError> {
        self.rows += batch.num_rows() as u64;
        self.writer.write(batch).map_err(|source| failed_write(&self.path, source))
    }

    /// Rows written so far.
    pub fn rows(&self) -> u64 {
        self.rows
    }

    /// Ends the file and gives it its name, with an entry of its metadata but no description: it is no partition of
    /// the lake.
    pub fn finish_plain(self, name: &str, text: String) -> Result<(), LakeError> {
        let entry = KeyValue::new(name.into(), text);
        self.writer.close(vec![entry]).map_err(|source| failed_write(&self.path, source))?;
        Ok(self.pending.commit(&self.path)?)
    }

    /// Ends the file and gives it its name.
    pub fn finish(self, mut description: Description) -> Result<Partition, LakeError> {
        description.rows = self.rows;
        // A struct of strings and numbers always has a JSON form.
        let text = serde_json::to_string(&description).unwrap_or_default();
        let entry = KeyValue::new(DESCRIPTION.into(), text);
        self.writer.close(vec![entry]).map_err(|source| failed_write(&self.path, source))?;
        self.pending.commit(&self.path)?;
        Ok(Partition { path: self.path, description })
    }
}

/// The rows kept back of one snapshot: a file only if there are any.
pub struct QuarantineWriter {
    path: PathBuf,
    writer: Option<PartitionWriter>,
}

impl QuarantineWriter {
    /// Will write to `path`.
    pub fn new(path: PathBuf) -> Self {
        QuarantineWriter { path, writer: None }
    }

    /// Adds rows.
    pub fn write(&mut self, batch: &RecordBatch) -> Result<(), LakeError> {
        if batch.num_rows() == 0 {
            return Ok(());
        }
        let writer = match &mut self.writer {
            Some(writer) => writer,
            none => none.insert(PartitionWriter::create(&self.path, quarantine_schema())?),
        };
        writer.write(batch)
    }

    /// Ends the file, or removes the one that an earlier set of rules left there.
    pub fn finish(self, description: Description) -> Result<(), LakeError> {
        match self.writer {
            Some(writer) => writer.finish(description).map(|_| ()),
            None => Ok(disk::remove_file(&self.path)?),
        }
    }
}

fn failed_read(path: &Path, source: parquet::errors::ParquetError) -> LakeError {
    LakeError::Parquet { action: "read", path: path.to_path_buf(), source }
}

fn failed_write(path: &Path, source: parquet::errors::ParquetError) -> LakeError {
    LakeError::Parquet { action: "write", path: path.to_path_buf(), source }
}
