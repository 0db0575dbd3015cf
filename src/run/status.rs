//! How each pipeline stands: when it last worked, when its source last changed, when it runs next, what is wrong.
//!
//! Worked out from the project, the ledger and what the service remembers, so that it is the same whether asked of the
//! service or by a process of its own.

use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use serde::Serialize;

use super::ledger::{self, Problem, Record};
use super::{Project, RunError, schedule};
use crate::publish::{self, Published};

/// How everything stands.
#[derive(Debug, Clone, Serialize)]
pub struct Status {
    /// When this was worked out.
    pub at: Timestamp,
    /// The build that is published.
    pub build: Option<String>,
    /// The last run.
    pub last_run: Option<Timestamp>,
    /// Why the last run published nothing although it should have.
    pub error: Option<Problem>,
    /// Each enabled pipeline.
    pub pipelines: Vec<PipelineStatus>,
}

/// How a pipeline stands.
#[derive(Debug, Clone, Serialize)]
pub struct PipelineStatus {
    /// Its name.
    pub pipeline: String,
    /// In a word.
    pub state: State,
    /// When its source was last asked.
    pub last_run: Option<Timestamp>,
    /// When that last went well.
    pub last_success: Option<Timestamp>,
    /// When its source last had something new.
    pub last_change: Option<Timestamp>,
    /// When it runs next; none without a timetable.
    pub next_run: Option<Timestamp>,
    /// By when the source publishes, as declared.
    pub expected: Option<String>,
    /// What is wrong.
    pub error: Option<Problem>,
}

/// How a pipeline stands, in a word.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum State {
    /// Nothing is wrong.
    Fresh,
    /// It works, and the source has not published what its calendar promises.
    LateAtSource,
    /// It was due and has not run: nobody runs it.
    Stale,
    /// Its last run failed; the last good data stay.
    Failing,
    /// It has never been loaded.
    Never,
}

impl State {
    /// All of them.
    pub const ALL: [State; 5] = [State::Fresh, State::LateAtSource, State::Stale, State::Failing, State::Never];

    /// Its name for programs: the one that it has in JSON.
    pub fn key(self) -> &'static str {
        match self {
            State::Fresh => "fresh",
            State::LateAtSource => "late_at_source",
            State::Stale => "stale",
            State::Failing => "failing",
            State::Never => "never",
        }
    }

    /// Its name in reports.
    pub fn name(self) -> &'static str {
        match self {
            State::Fresh => "fresh",
            State::LateAtSource => "late at the source",
            State::Stale => "STALE",
            State::Failing => "FAILING",
            State::Never => "never loaded",
        }
    }

    /// Whether the operator has something to do about it.
    pub fn is_wrong(self) -> bool {
        matches!(self, State::Stale | State::Failing | State::Never)
    }
}

impl Status {
    /// Whether the operator has something to do.
    pub fn is_wrong(&self) -> bool {
        self.error.is_some() || self.pipelines.iter().any(|pipeline| pipeline.state.is_wrong())
    }
}

/// A run that has not begun so long after it was due will not begin by itself.
const PATIENCE: SignedDuration = SignedDuration::from_hours(1);

/// Works out how everything stands now.
pub fn status(project: &Project, now: Timestamp) -> Result<Status, RunError> {
    let root = &project.settings.storage.root;
    status_of(project, &ledger::read(root)?, publish::current(root)?.as_ref(), now)
}

/// The same, of a history and a build that have been read.
pub fn status_of(
    project: &Project,
    history: &[Record],
    published: Option<&Published>,
    now: Timestamp,
) -> Result<Status, RunError> {
    let next = schedule::next_runs(project, now)?;
    let zone = TimeZone::get(&project.settings.schedule.timezone).unwrap_or(TimeZone::UTC);
    let pipelines = project.enabled().map(|pipeline| {
        let runs = || {
            history.iter().rev().filter_map(|run| {
                let own = run.pipelines.iter().find(|own| own.pipeline == pipeline.id && own.asked)?;
                Some((run, own))
            })
        };
        let last = runs().next();
        let last_success = runs().find(|(_, own)| own.errors.is_empty()).map(|(run, _)| run.finished);
        // Without its history, what is published still knows.
        let inputs = published.into_iter().flat_map(|published| &published.manifest.inputs);
        let loaded = inputs.filter(|input| input.pipeline == pipeline.id).map(|input| input.fetched_at).max();
        let last_change = runs().find(|(_, own)| own.changed > 0).map(|(run, _)| run.finished).or(loaded);
        let next_run = next.iter().find(|(id, _)| *id == pipeline.id).and_then(|(_, next)| *next);
        let day = |moment: Timestamp| zone.to_datetime(moment).date();
        let release = pipeline.schedule.as_ref().and_then(|schedule| schedule.release());
        let is_late = release.is_some_and(|release| release.is_late(last_change.map(day), day(now)));
        let error = last.and_then(|(_, own)| own.errors.first().cloned());
        let state = match (&error, last_success.or(loaded), next_run) {
            (Some(_), _, _) => State::Failing,
            (None, None, _) => State::Never,
            (None, Some(_), Some(next)) if now.duration_since(next) > PATIENCE => State::Stale,
            _ if is_late => State::LateAtSource,
            _ => State::Fresh,
        };
        PipelineStatus {
            pipeline: pipeline.id.clone(),
            state,
            last_run: last.map(|(run, _)| run.finished),
            last_success,
            last_change,
            next_run,
            expected: pipeline
                .schedule
                .as_ref()
                .and_then(|schedule| schedule.expected.as_ref())
                .map(|text| text.get_ref().clone()),
            error: error.or_else(|| (state == State::Stale).then(stale)),
        }
    });
    Ok(Status {
        at: now,
        build: published.map(|published| published.manifest.build_id.clone()),
        last_run: history.last().map(|run| run.finished),
        error: history.last().and_then(|run| run.error.clone()),
        pipelines: pipelines.collect(),
    })
}

fn stale() -> Problem {
    Problem {
        dataset: None,
        message: "it was due and has not run".into(),
        hint: Some("look whether `tejido schedule` is running".into()),
    }
}
