//! What of a run or of the passing of time is to be told: how everything stands, in the words of `notify`.
//!
//! It follows from `status` and the ledger alone, so that the command and the service tell the same, and tell it once.

use std::sync::Arc;

use jiff::Timestamp;

use super::status::{self, PipelineStatus, State};
use super::{Project, RunError, ledger};
use crate::error::Report;
use crate::notify::{self, Condition, Revision, Standing, Subject};
use crate::publish;

/// Tells what is new. A failure to do so is logged, and is nobody's failure.
pub async fn tell(project: Arc<Project>) {
    let settings = project.settings.notify.clone();
    let root = project.settings.storage.root.clone();
    let has_receivers = !settings.command.is_empty() || !settings.webhook.url.is_empty();
    // What was known on an earlier day is no news.
    if !has_receivers || project.as_of.is_some() {
        return;
    }
    let now = Timestamp::now();
    let standing = match tokio::task::spawn_blocking(move || standing(&project, now)).await {
        Ok(Ok(standing)) => standing,
        Ok(Err(error)) => return tracing::warn!("nothing can be told: {}", Report::new(&error).one_line()),
        Err(error) => return tracing::warn!("nothing can be told: {error}"),
    };
    if let Err(error) = notify::tell(&settings, &root, &standing, now).await {
        tracing::warn!("nothing can be told: {}", Report::new(&error).one_line());
    }
}

fn standing(project: &Project, now: Timestamp) -> Result<Standing, RunError> {
    let root = &project.settings.storage.root;
    let history = ledger::read(root)?;
    let status = status::status_of(project, &history, publish::current(root)?.as_ref(), now)?;
    let mut subjects: Vec<Subject> = status.pipelines.iter().map(subject).collect();
    subjects.push(Subject {
        pipeline: None,
        condition: match &status.error {
            Some(_) => Some(Condition::Failing),
            None => status.last_run.map(|_| Condition::Well),
        },
        dataset: None,
        message: status.error.as_ref().map(|error| error.message.clone()).unwrap_or_default(),
        hint: status.error.as_ref().and_then(|error| error.hint.clone()),
    });
    let revisions = history.iter().flat_map(|run| {
        run.pipelines.iter().flat_map(|own| {
            own.revised.iter().map(|(dataset, cells)| Revision {
                run: run.started,
                pipeline: own.pipeline.clone(),
                dataset: dataset.clone(),
                cells: *cells,
            })
        })
    });
    Ok(Standing {
        build: status.build,
        subjects,
        revisions: revisions.collect(),
        last_run: history.last().map(|run| run.started),
    })
}

fn subject(pipeline: &PipelineStatus) -> Subject {
    let condition = match pipeline.state {
        State::Fresh => Some(Condition::Well),
        State::LateAtSource => Some(Condition::LateAtSource),
        State::Stale => Some(Condition::Stale),
        State::Failing => Some(Condition::Failing),
        State::Never => None,
    };
    let message = match (&pipeline.error, &pipeline.expected) {
        (Some(problem), _) => problem.message.clone(),
        (None, Some(expected)) => format!("the source has not published what it announces: {expected}"),
        (None, None) => String::new(),
    };
    Subject {
        pipeline: Some(pipeline.pipeline.clone()),
        condition,
        dataset: pipeline.error.as_ref().and_then(|problem| problem.dataset.clone()),
        message,
        hint: pipeline.error.as_ref().and_then(|problem| problem.hint.clone()),
    }
}
