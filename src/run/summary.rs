//! What came of a run.

use std::path::PathBuf;

use jiff::Timestamp;
use serde::ser::{SerializeStruct, Serializer};
use serde::{Deserialize, Serialize};

use super::notable::Change;
use crate::error::{Exit, Report};
use crate::normalise::Counts;
use crate::spec::Profile;
use crate::warehouse::{AuditResult, ModelResult};

/// What came of a run.
#[derive(Debug, Clone, Serialize)]
pub struct RunReport {
    /// When it began.
    pub started: Timestamp,
    /// When it ended.
    pub finished: Timestamp,
    /// How long its stages took.
    pub stages: Stages,
    /// Where the bytes came from.
    pub profile: Profile,
    /// Where everything is.
    pub data_root: PathBuf,
    /// What came of each pipeline.
    pub pipelines: Vec<PipelineReport>,
    /// What came of the build.
    pub build: Result<BuildOutcome, Report>,
}

/// How long the stages of a run took, in seconds.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
pub struct Stages {
    /// Fetching, decoding and normalising, all pipelines side by side.
    pub pipelines: f64,
    /// Loading, models, audits and publishing.
    pub warehouse: f64,
}

/// What came of one pipeline.
#[derive(Debug, Clone, Serialize)]
pub struct PipelineReport {
    /// The pipeline.
    pub id: String,
    /// What came of each of its tables.
    pub editions: Vec<EditionReport>,
}

/// What came of one table of a pipeline.
#[derive(Debug, Clone, Serialize)]
pub struct EditionReport {
    /// The source's table id.
    pub dataset: String,
    /// What the source answered.
    pub fetched: FetchOutcome,
    /// Why the newest snapshot gives no rows.
    pub failure: Option<Report>,
    /// What became of the rows of the newest good snapshot.
    pub counts: Counts,
    /// Rows that it changed.
    pub changed_rows: u64,
    /// Of these, observations that it no longer has.
    pub withdrawn_rows: u64,
    /// Of these, observations with another value than before.
    pub revised_rows: u64,
    /// When the newest good snapshot was fetched.
    pub vintage: Option<Timestamp>,
}

/// What a source answered.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum FetchOutcome {
    /// It gave a new payload.
    Fetched {
        /// Bytes as they came.
        bytes: u64,
    },
    /// It has nothing new.
    NotModified,
    /// It was not asked: an interrupted run had already fetched.
    Resumed,
    /// It was not asked: the pipeline was not named.
    NotAsked,
    /// It could not be asked, or answered with an error.
    Failed(Report),
}

/// What came of the build.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum BuildOutcome {
    /// A new build was published.
    Published {
        /// Its name.
        build_id: String,
        /// Its models.
        models: Vec<ModelResult>,
        /// Its audits.
        audits: Vec<AuditResult>,
        /// The most notable changes since the build before.
        changes: Vec<Change>,
    },
    /// Nothing has changed since this build.
    Unchanged {
        /// Its name.
        build_id: String,
    },
    /// A build of just this was gone back from: it is not published again.
    Withheld {
        /// The build that stays in force.
        build_id: String,
        /// The one that was gone back from.
        withdrawn: String,
    },
    /// There are no data at all.
    Empty,
    /// Nothing was to be built.
    NotAsked,
}

impl BuildOutcome {
    /// The build that is in force.
    pub fn in_force(&self) -> Option<&str> {
        match self {
            BuildOutcome::Published { build_id, .. }
            | BuildOutcome::Unchanged { build_id }
            | BuildOutcome::Withheld { build_id, .. } => Some(build_id),
            BuildOutcome::Empty | BuildOutcome::NotAsked => None,
        }
    }
}

impl PipelineReport {
    /// What failed, if anything did.
    pub fn failures(&self) -> impl Iterator<Item = (&str, &Report)> {
        self.editions.iter().flat_map(|edition| {
            let fetch = match &edition.fetched {
                FetchOutcome::Failed(report) => Some(report),
                _ => None,
            };
            fetch.into_iter().chain(&edition.failure).map(|report| (edition.dataset.as_str(), report))
        })
    }

    /// The counts of all its tables.
    pub fn counts(&self) -> Counts {
        let mut counts = Counts::default();
        for edition in &self.editions {
            counts.add(&edition.counts);
        }
        counts
    }
}

impl RunReport {
    /// The process's exit code.
    pub fn exit(&self) -> Exit {
        let failed = self.pipelines.iter().any(|pipeline| pipeline.failures().next().is_some());
        match &self.build {
            Err(_) | Ok(BuildOutcome::Empty) => Exit::Failed,
            Ok(_) if failed => Exit::Partial,
            Ok(_) => Exit::Done,
        }
    }
}

/// A report in JSON: messages, place, hint.
impl Serialize for Report {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut fields = serializer.serialize_struct("Report", 3)?;
        fields.serialize_field("message", &self.one_line())?;
        let place = self.snippet.as_ref().map(|snippet| {
            let (line, column) = snippet.line_column();
            format!("{}:{line}:{column}", snippet.path.display())
        });
        fields.serialize_field("place", &place)?;
        fields.serialize_field("hint", &self.hint)?;
        fields.end()
    }
}
