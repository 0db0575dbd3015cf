//! Tells the operator what has changed about the pipelines: to a webhook, to a program, or to both.
//!
//! It is told how everything stands, and compares that with what it has told before (`notified.json` below the data
//! root), so that a change is told once, whoever asks, and after a restart, too. What could not be delivered is kept
//! there and tried again. A receiver that got an event may get it again if this process dies before that is noted; the
//! event's `id` says so.

mod command;
mod memory;
mod webhook;

pub use memory::{Condition, Revision, Standing, Subject};

use std::path::Path;
use std::time::{Duration, Instant};

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use crate::disk::{self, DiskError};
use crate::error::{Hint, Report};
use crate::spec::{EventKind, NotifySettings, SpecError};
use command::Program;
use memory::{Memory, Rules};
use webhook::Webhook;

/// What is told, as the receivers get it in JSON.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Event {
    /// The same for the same event, should it be delivered twice.
    pub id: String,
    /// What has happened.
    #[serde(rename = "event")]
    pub kind: EventKind,
    /// When that was seen.
    pub at: Timestamp,
    /// The pipeline; none if it is about the build.
    pub pipeline: Option<String>,
    /// The source's table, if it is about one.
    pub dataset: Option<String>,
    /// In words.
    pub message: String,
    /// What to do.
    pub hint: Option<String>,
    /// Whether it has been told before and still is so.
    pub reminder: bool,
    /// Of a revision: how many observations.
    pub revised_cells: Option<u64>,
    /// The build that is published.
    pub build: Option<String>,
}

/// An event that could not be told.
#[derive(Debug, thiserror::Error)]
pub enum NotifyError {
    /// What was told cannot be read or written.
    #[error(transparent)]
    Disk(#[from] DiskError),
    /// The settings are wrong.
    #[error(transparent)]
    Spec(#[from] SpecError),
    /// The HTTP client could not be set up.
    #[error("could not set up the HTTP client of the webhook")]
    Client(#[source] reqwest::Error),
    /// The webhook's host could not be asked. Its address may be a secret and is left out.
    #[error("the webhook at `{host}` could not be reached")]
    Unreachable {
        /// Its host.
        host: String,
        /// Why not.
        source: reqwest::Error,
    },
    /// The webhook refused.
    #[error("expected a status 2xx of the webhook at `{host}`, found {status}")]
    Refused {
        /// Its host.
        host: String,
        /// What it answered.
        status: u16,
    },
    /// The program could not be started.
    #[error("could not start the program `{program}` of `notify.command`")]
    Start {
        /// The program.
        program: String,
        /// Why not.
        source: std::io::Error,
    },
    /// The program failed.
    #[error("the program `{program}` of `notify.command` failed: {status}{said}")]
    Failed {
        /// The program.
        program: String,
        /// How it ended.
        status: std::process::ExitStatus,
        /// The last line that it said.
        said: String,
    },
    /// The program took too long and was killed.
    #[error("the program `{program}` of `notify.command` took longer than {seconds} s and was killed")]
    Slow {
        /// The program.
        program: String,
        /// How long it may take.
        seconds: u64,
    },
}

impl Hint for NotifyError {
    fn hint(&self) -> Option<String> {
        Some(match self {
            NotifyError::Disk(error) => return error.hint(),
            NotifyError::Spec(error) => return error.hint(),
            NotifyError::Client(_) => return None,
            NotifyError::Unreachable { .. } => {
                "check `notify.webhook.url` and that this machine reaches its host".into()
            }
            NotifyError::Refused { status: 401 | 403, .. } => {
                "check that the receiver has the same key as `notify.webhook.key`, and the right time".into()
            }
            NotifyError::Refused { .. } => "check `notify.webhook.url`, and what the receiver logs".into(),
            NotifyError::Start { .. } => "give the program's absolute path, and the right to execute it".into(),
            NotifyError::Failed { .. } => "the program gets the event in JSON on its standard input".into(),
            NotifyError::Slow { .. } => "let it answer sooner, or raise `notify.timeout_secs`".into(),
        })
    }
}

/// Where events go.
enum Receiver {
    Webhook(Webhook),
    Program(Program),
}

impl Receiver {
    fn all(settings: &NotifySettings) -> Result<Vec<Self>, NotifyError> {
        let webhook = Webhook::new(settings)?.map(Receiver::Webhook);
        Ok(webhook.into_iter().chain(Program::new(settings).map(Receiver::Program)).collect())
    }

    fn name(&self) -> &'static str {
        match self {
            Receiver::Webhook(_) => "webhook",
            Receiver::Program(_) => "command",
        }
    }

    async fn send(&self, event: &Event) -> Result<(), NotifyError> {
        // Texts, numbers and times always have a JSON form.
        let body = serde_json::to_vec(event).unwrap_or_default();
        match self {
            Receiver::Webhook(webhook) => webhook.send(event, body).await,
            Receiver::Program(program) => program.send(event, &body).await,
        }
    }
}

/// After so long no delivery is begun: what is left is for the next time.
const PATIENCE: Duration = Duration::from_secs(60);

/// Events that are kept for a receiver that cannot be reached.
const MOST_PENDING: usize = 200;

/// Tells what is new about how everything stands, and what could not be told before. That a receiver cannot be
/// reached is no error, and is logged once.
pub async fn tell(
    settings: &NotifySettings,
    data_root: &Path,
    standing: &Standing,
    now: Timestamp,
) -> Result<(), NotifyError> {
    let receivers = Receiver::all(settings)?;
    if receivers.is_empty() {
        return Ok(());
    }
    // Who holds it tells the same.
    let _lock = match disk::lock(&data_root.join(".notified.lock"), &format!("pid {}", std::process::id())) {
        Err(DiskError::Locked { .. }) => return Ok(()),
        lock => lock?,
    };
    let path = data_root.join("notified.json");
    let mut memory = Memory::read(&path)?;
    let before = memory.clone();
    let rules = Rules {
        on: settings.on.clone(),
        remind: SignedDuration::from_hours(i64::try_from(settings.remind_hours).unwrap_or(i64::MAX / 3600)),
        revised_cells: settings.revised_cells,
    };
    let names: Vec<&str> = receivers.iter().map(Receiver::name).collect();
    memory.note(standing, &rules, &names, now);
    let lost = memory.forget_all_but(MOST_PENDING);
    if lost > 0 {
        tracing::warn!("{lost} notifications that could not be delivered are given up");
    }
    if memory != before {
        memory.write(&path)?;
    }
    let noted = memory.clone();
    deliver(&receivers, &mut memory).await;
    if memory != noted {
        memory.write(&path)?;
    }
    Ok(())
}

/// Each receiver gets what is pending for it, in order, until one delivery fails.
async fn deliver(receivers: &[Receiver], memory: &mut Memory) {
    let begun = Instant::now();
    for receiver in receivers {
        let name = receiver.name();
        while let Some(event) = memory.next(name)
            && begun.elapsed() < PATIENCE
        {
            match receiver.send(&event).await {
                Ok(()) => {
                    memory.delivered(name, &event.id);
                    tracing::info!(receiver = name, event = event.kind.name(), "told");
                }
                Err(error) => {
                    let report = Report::new(&error);
                    if memory.failed(name) {
                        tracing::warn!(
                            "a notification could not be delivered and is tried again: {}",
                            report.one_line()
                        );
                    }
                    break;
                }
            }
        }
    }
}

/// Sends a test event to each receiver; its name, and what came of it.
pub async fn test(settings: &NotifySettings) -> Result<Vec<(&'static str, Result<(), NotifyError>)>, NotifyError> {
    let now = Timestamp::now();
    let event = Event {
        id: memory::id(EventKind::Test, "", now),
        kind: EventKind::Test,
        at: now,
        pipeline: None,
        dataset: None,
        message: "this is a test of the notifications of tejido".into(),
        hint: None,
        reminder: false,
        revised_cells: None,
        build: None,
    };
    let mut outcomes = Vec::new();
    for receiver in Receiver::all(settings)? {
        outcomes.push((receiver.name(), receiver.send(&event).await));
    }
    Ok(outcomes)
}
