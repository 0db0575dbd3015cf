//! `ledger.jsonl`: one line a run, for people and for `status`. Deleting it loses history, never correctness.

use std::collections::BTreeMap;
use std::path::Path;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::RunError;
use super::summary::{BuildOutcome, EditionReport, FetchOutcome, RunReport, Stages};
use crate::disk;
use crate::error::Report;

/// One run.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Record {
    /// When it began: its name.
    pub started: Timestamp,
    /// When it ended.
    pub finished: Timestamp,
    /// Where the bytes came from.
    pub profile: String,
    /// The process's exit code.
    pub exit: u8,
    /// Whether a new build was published.
    pub published: bool,
    /// The build that is in force.
    pub build: Option<String>,
    /// Why there is no build.
    pub error: Option<Problem>,
    /// Seconds of each stage.
    #[serde(default)]
    pub stages: Stages,
    /// What came of each pipeline.
    pub pipelines: Vec<PipelineRecord>,
}

/// What came of a pipeline in a run.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct PipelineRecord {
    /// Its name.
    pub pipeline: String,
    /// Whether its source was asked.
    #[serde(default)]
    pub asked: bool,
    /// Rows decoded of the newest snapshots in force.
    pub decoded: u64,
    /// Of these, rows in the lake.
    pub loaded: u64,
    /// Rows left out by a rule.
    pub filtered: u64,
    /// Rows kept back.
    pub quarantined: u64,
    /// Rows that the run has changed.
    #[serde(default)]
    pub changed: u64,
    /// Of these, observations with another value than before, by the source's table; without tables that have none.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub revised: BTreeMap<String, u64>,
    /// What failed.
    pub errors: Vec<Problem>,
}

/// Something that failed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Problem {
    /// The source's table.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub dataset: Option<String>,
    /// What was wrong.
    pub message: String,
    /// What to do.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hint: Option<String>,
}

impl Problem {
    fn new(dataset: Option<&str>, report: &Report) -> Self {
        Problem { dataset: dataset.map(str::to_owned), message: report.one_line(), hint: report.hint.clone() }
    }
}

impl Record {
    /// The name by which `tejido runs` asks for it: `20261124T083000Z`.
    pub fn id(&self) -> String {
        self.started.strftime("%Y%m%dT%H%M%SZ").to_string()
    }

    /// Seconds from beginning to end.
    pub fn seconds(&self) -> f64 {
        self.finished.duration_since(self.started).as_secs_f64()
    }

    fn new(report: &RunReport) -> Self {
        let pipelines = report.pipelines.iter().map(|pipeline| {
            let counts = pipeline.counts();
            PipelineRecord {
                pipeline: pipeline.id.clone(),
                asked: pipeline.editions.iter().any(|edition| !matches!(edition.fetched, FetchOutcome::NotAsked)),
                decoded: counts.decoded,
                loaded: counts.loaded,
                filtered: counts.filtered,
                quarantined: counts.quarantined_rows(),
                changed: pipeline.editions.iter().map(|edition| edition.changed_rows).sum(),
                revised: revised(&pipeline.editions),
                errors: pipeline.failures().map(|(dataset, report)| Problem::new(Some(dataset), report)).collect(),
            }
        });
        let (build, error) = match &report.build {
            Ok(outcome) => (outcome.in_force().map(str::to_owned), None),
            Err(error) => (None, Some(Problem::new(None, error))),
        };
        Record {
            started: report.started,
            finished: report.finished,
            profile: report.profile.name().to_owned(),
            exit: report.exit() as u8,
            published: matches!(report.build, Ok(BuildOutcome::Published { .. })),
            build,
            error,
            stages: report.stages,
            pipelines: pipelines.collect(),
        }
    }
}

fn revised(editions: &[EditionReport]) -> BTreeMap<String, u64> {
    let revised = editions.iter().filter(|edition| edition.revised_rows > 0);
    revised.map(|edition| (edition.dataset.clone(), edition.revised_rows)).collect()
}

/// Adds a run.
pub(super) fn append(data_root: &Path, report: &RunReport) -> Result<(), RunError> {
    // Texts, numbers and times always have a JSON form.
    let line = serde_json::to_string(&Record::new(report)).unwrap_or_default();
    Ok(disk::append_line(&data_root.join("ledger.jsonl"), &line)?)
}

/// All runs, oldest first. A line that cannot be read, such as one that a full disk has cut, is left out.
pub fn read(data_root: &Path) -> Result<Vec<Record>, RunError> {
    let text = match disk::read_text(&data_root.join("ledger.jsonl")) {
        Err(error) if error.is_not_found() => return Ok(Vec::new()),
        text => text?,
    };
    let records = text.lines().enumerate().filter_map(|(at, line)| match serde_json::from_str(line) {
        Ok(record) => Some(record),
        Err(error) => {
            tracing::warn!("line {} of ledger.jsonl cannot be read: {error}", at + 1);
            None
        }
    });
    Ok(records.collect())
}
