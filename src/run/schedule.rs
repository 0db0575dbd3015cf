//! `tejido schedule`: runs pipelines when they are due, for years.
//!
//! What is due is worked out from the wall clock at every tick (see [`plan`]), never by counting time: so it does not
//! matter how long a run took, whether the machine slept, or when the clock was set. The ticks come from
//! `tokio_cron_scheduler`; its own jobs with a time zone keep the offset of the day on which they were made, and would
//! be an hour off from the next change of the clock on. `schedule.json` below the data root is what is remembered;
//! without it nothing is lost but what was missed.

mod plan;
mod pulse;

pub use pulse::Pulse;

use std::future::Future;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use jiff::{SignedDuration, Timestamp};
use tokio::sync::Notify;
use tokio_cron_scheduler::{Job, JobScheduler};

use super::summary::{BuildOutcome, RunReport};
use super::{Observer, Project, RunError, Sources};
use crate::archive::Archive;
use crate::disk::{self, DiskError};
use crate::error::Report;
use crate::spec::ScheduleSettings;
use plan::{Due, Entry, Memory, Rules, Why};

/// Seconds between two looks at the clock, as a cron expression; and in a rehearsal.
const TICKS: [&str; 2] = ["*/5 * * * * *", "* * * * * *"];

/// Time between two looks at what is to be told.
const NOTICES: Duration = Duration::from_secs(60);

/// How long the end of the service waits for what is being told.
const FAREWELL: Duration = Duration::from_secs(5);

/// What the outside asks of the service.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Signal {
    /// To end.
    Stop,
    /// To read the project again.
    Reload,
}

/// Where signals come from.
pub trait Signals: Send {
    /// The next one. Dropping the future loses none.
    fn next(&mut self) -> impl Future<Output = Signal> + Send;
}

/// What the service says: to the operator, and to whatever supervises it.
pub trait Voice: Send + Sync {
    /// A line of its history.
    fn tell(&self, line: &str);
    /// It has begun to work.
    fn ready(&self);
    /// It is alive.
    fn alive(&self);
    /// It is about to end.
    fn stopping(&self);
}

/// Runs what is due until it is told to stop. `load` reads the project again whenever that is asked.
///
/// With a `speed` above 1 this is a rehearsal: timetables see a clock that goes so many times faster, and what is due is
/// not remembered beyond the process, since its times are not those of the world.
pub async fn serve(
    pulse: Arc<Pulse>,
    load: impl Fn() -> Result<Project, RunError>,
    speed: u32,
    observer: Arc<dyn Observer>,
    voice: Arc<dyn Voice>,
    mut signals: impl Signals,
) -> Result<(), RunError> {
    let mut service = Service::new(pulse, Time::new(speed), observer, voice)?;
    let ticks = Arc::new(Notify::new());
    let mut clock = clock(ticks.clone(), &service.time).await?;
    service.voice.tell(&service.greeting());
    service.voice.ready();
    loop {
        let mut is_stopping = false;
        tokio::select! {
            () = ticks.notified() => {}
            signal = signals.next() => match signal {
                Signal::Stop => break,
                Signal::Reload => service.reload(load()),
            },
        }
        service.alive();
        let due = service.due()?;
        // Of what runs now is told when it has ended.
        if due.is_empty() || service.is_waiting {
            service.tell(NOTICES);
        }
        if due.is_empty() {
            continue;
        }
        let mut run = service.begin(&due)?;
        let outcome = loop {
            tokio::select! {
                outcome = &mut run => break Some(outcome),
                () = ticks.notified() => service.alive(),
                signal = signals.next() => match signal {
                    Signal::Reload => service.reload(load()),
                    Signal::Stop => {
                        is_stopping = true;
                        service.voice.stopping();
                        break tokio::time::timeout(service.patience(), &mut run).await.ok();
                    }
                },
            }
        };
        match outcome {
            Some(outcome) => {
                service.end(&due, outcome?)?;
                if !service.is_waiting {
                    service.tell(Duration::ZERO);
                }
            }
            // What it has fetched is kept; the rest is made at the next start.
            None => service.voice.tell("the run under way has not ended in time and is broken off"),
        }
        if is_stopping {
            break;
        }
    }
    service.voice.stopping();
    service.told().await;
    service.voice.tell("stopped");
    // Only ticks are lost.
    let _ = clock.shutdown().await;
    Ok(())
}

/// When each scheduled pipeline is due next, by what the service remembers; none without a timetable.
pub fn next_runs(project: &Project, now: Timestamp) -> Result<Vec<(String, Option<Timestamp>)>, RunError> {
    let memory = memory(project)?;
    let rules = rules(project);
    let entries = entries(project)?;
    Ok(entries.into_iter().map(|entry| (entry.pipeline.clone(), memory.next(&entry, &rules, now))).collect())
}

/// What time it is for the timetables.
#[derive(Debug, Clone)]
struct Time {
    began: Timestamp,
    passed: Instant,
    speed: u32,
}

impl Time {
    fn new(speed: u32) -> Self {
        Time { began: Timestamp::now(), passed: Instant::now(), speed: speed.max(1) }
    }

    fn is_rehearsal(&self) -> bool {
        self.speed > 1
    }

    fn now(&self) -> Timestamp {
        match self.is_rehearsal() {
            // The clock may be set while the service runs.
            false => Timestamp::now(),
            true => self.began.checked_add(self.passed.elapsed() * self.speed).unwrap_or(self.began),
        }
    }
}

/// Ticks that wake the service.
async fn clock(ticks: Arc<Notify>, time: &Time) -> Result<JobScheduler, RunError> {
    let clock = JobScheduler::new().await?;
    let tick = Job::new_async(TICKS[usize::from(time.is_rehearsal())], move |_, _| {
        let ticks = ticks.clone();
        Box::pin(async move { ticks.notify_one() })
    })?;
    clock.add(tick).await?;
    clock.start().await?;
    Ok(clock)
}

struct Service {
    /// Has the project that it works with.
    pulse: Arc<Pulse>,
    time: Time,
    entries: Vec<Entry>,
    memory: Memory,
    observer: Arc<dyn Observer>,
    voice: Arc<dyn Voice>,
    /// Another process is running pipelines, and that has been said.
    is_waiting: bool,
    /// When it was last looked what is to be told, and who looks.
    told: Option<(Instant, tokio::task::JoinHandle<()>)>,
}

type Running = tokio::task::JoinHandle<Result<RunReport, RunError>>;

impl Service {
    fn new(
        pulse: Arc<Pulse>,
        time: Time,
        observer: Arc<dyn Observer>,
        voice: Arc<dyn Voice>,
    ) -> Result<Self, RunError> {
        let project = pulse.project();
        let entries = entries(&project)?;
        let memory = if time.is_rehearsal() { Memory::default() } else { memory(&project)? };
        Ok(Service { pulse, time, entries, memory, observer, voice, is_waiting: false, told: None })
    }

    fn alive(&self) {
        self.pulse.beat();
        self.voice.alive();
    }

    /// Tells what is new, beside the loop, unless that was done less than `pause` ago. A rehearsal is nobody's news.
    fn tell(&mut self, pause: Duration) {
        if self.time.is_rehearsal() {
            return;
        }
        let project = self.pulse.project();
        self.told = Some(match self.told.take() {
            Some((at, task)) if at.elapsed() < pause || (!task.is_finished() && !pause.is_zero()) => (at, task),
            before => {
                let task = tokio::spawn(async move {
                    if let Some((_, before)) = before {
                        // It does not fail, and two would not tell more than one.
                        let _ = before.await;
                    }
                    super::notices::tell(project).await;
                });
                (Instant::now(), task)
            }
        });
    }

    /// Waits a little for what is being told.
    async fn told(&mut self) {
        if let Some((_, task)) = self.told.take() {
            // What is not told now is told by the next start.
            let _ = tokio::time::timeout(FAREWELL, task).await;
        }
    }

    fn greeting(&self) -> String {
        let next = self
            .entries
            .iter()
            .filter_map(|entry| self.memory.next(entry, &rules(&self.pulse.project()), self.time.now()));
        let by_hand = self.pulse.project().enabled().count() - self.entries.len();
        let next = next.min().map_or_else(|| "none".to_owned(), |next| next.strftime("%F %H:%M UTC").to_string());
        let rehearsal = match self.time.is_rehearsal() {
            true => format!(" (a rehearsal: time runs {} times faster)", self.time.speed),
            false => String::new(),
        };
        let count = self.entries.len();
        format!("{count} pipelines have a timetable, {by_hand} have none; the next run is due at {next}{rehearsal}")
    }

    /// Takes a project that was read anew, or keeps the old one.
    fn reload(&mut self, loaded: Result<Project, RunError>) {
        let replaced = loaded.and_then(|project| Ok((entries(&project)?, Arc::new(project))));
        match replaced {
            Ok((entries, project)) => {
                self.pulse.replace(project);
                self.entries = entries;
                self.voice.tell(&format!("read again: {}", self.greeting()));
            }
            Err(error) => {
                self.voice.tell(&format!("the project was not read again, the old one stays: {}", Report::new(&error)));
            }
        }
    }

    /// What is due now; what follows from that is remembered.
    fn due(&mut self) -> Result<Vec<Due>, RunError> {
        let now = self.time.now();
        let before = self.memory.clone();
        let due = self.memory.due(&self.entries, &rules(&self.pulse.project()), now);
        if self.memory != before {
            self.remember()?;
        }
        Ok(due)
    }

    fn begin(&mut self, due: &[Due]) -> Result<Running, RunError> {
        self.memory.begin(due);
        self.remember()?;
        let names: Vec<String> = due.iter().map(|due| due.pipeline.clone()).collect();
        if !self.is_waiting {
            let why = |due: &Due| match due.why {
                Why::Timetable => String::new(),
                Why::Missed => " (missed)".to_owned(),
                Why::Again => " (again)".to_owned(),
                Why::First => " (for the first time)".to_owned(),
            };
            let named: Vec<String> = due.iter().map(|due| format!("{}{}", due.pipeline, why(due))).collect();
            self.voice.tell(&format!("due: {}", named.join(", ")));
        }
        let (project, observer) = (self.pulse.project(), self.observer.clone());
        Ok(tokio::spawn(async move { super::run(project, &Sources::Of(names), observer).await }))
    }

    fn end(&mut self, due: &[Due], outcome: Result<RunReport, RunError>) -> Result<(), RunError> {
        let now = self.time.now();
        let is_locked = matches!(&outcome, Err(RunError::Disk(DiskError::Locked { .. })));
        let said = match &outcome {
            Ok(report) => told(report),
            Err(error) => Report::new(error).to_string(),
        };
        for due in due {
            match &outcome {
                _ if is_locked => self.memory.put_off(due),
                Ok(report) => {
                    let mut own = report.pipelines.iter().filter(|pipeline| pipeline.id == due.pipeline);
                    let is_good = report.build.is_ok() && own.all(|pipeline| pipeline.failures().next().is_none());
                    self.memory.end(due, is_good, &rules(&self.pulse.project()), now);
                }
                Err(_) => self.memory.end(due, false, &rules(&self.pulse.project()), now),
            }
        }
        self.remember()?;
        // Who hears it may look at once: what is remembered agrees with it by then.
        if !(is_locked && self.is_waiting) {
            self.voice.tell(&said);
        }
        self.is_waiting = is_locked;
        Ok(())
    }

    /// How long a run under way may take to end when the service is to stop.
    fn patience(&self) -> Duration {
        Duration::from_secs(self.pulse.project().settings.schedule.stop_secs)
    }

    fn remember(&self) -> Result<(), RunError> {
        if self.time.is_rehearsal() {
            return Ok(());
        }
        // Texts, numbers and times always have a JSON form.
        let text = serde_json::to_vec_pretty(&self.memory).unwrap_or_default();
        Ok(disk::write_atomic(&memory_path(&self.pulse.project()), &text)?)
    }
}

/// A run in a line.
fn told(report: &RunReport) -> String {
    let failed: Vec<String> = report
        .pipelines
        .iter()
        .flat_map(|pipeline| pipeline.failures().map(|(_, report)| format!("{}: {}", pipeline.id, report.one_line())))
        .collect();
    let build = match &report.build {
        Ok(BuildOutcome::Published { build_id, .. }) => format!("published {build_id}"),
        Ok(BuildOutcome::Unchanged { build_id }) => format!("nothing has changed since {build_id}"),
        Ok(BuildOutcome::Withheld { build_id, withdrawn }) => {
            format!("nothing has changed since {withdrawn}, which was gone back from: {build_id} stays")
        }
        Ok(BuildOutcome::Empty) => "there are no data".to_owned(),
        Ok(BuildOutcome::NotAsked) => "nothing was to be built".to_owned(),
        Err(error) => format!("nothing published: {}", error.one_line()),
    };
    let seconds = report.finished.duration_since(report.started).as_secs_f64();
    match failed.as_slice() {
        [] => format!("{build} ({seconds:.1} s)"),
        failed => format!("{build} ({seconds:.1} s); failed: {}", failed.join("; ")),
    }
}

fn memory_path(project: &Project) -> PathBuf {
    project.settings.storage.root.join("schedule.json")
}

fn memory(project: &Project) -> Result<Memory, RunError> {
    match disk::read(&memory_path(project)) {
        Ok(bytes) => Ok(serde_json::from_slice(&bytes).unwrap_or_else(|error| {
            tracing::warn!("schedule.json cannot be read ({error}): what was missed is not known");
            Memory::default()
        })),
        Err(error) if error.is_not_found() => Ok(Memory::default()),
        Err(error) => Err(error.into()),
    }
}

fn rules(project: &Project) -> Rules {
    let ScheduleSettings { jitter_secs, retry_secs, retries, .. } = &project.settings.schedule;
    let seconds = |seconds: u64| SignedDuration::from_secs(i64::try_from(seconds).unwrap_or(i64::MAX));
    let root = blake3::hash(project.settings.storage.root.as_os_str().as_encoded_bytes());
    let seed = root.as_bytes().first_chunk::<8>().map_or(0, |bytes| u64::from_le_bytes(*bytes));
    Rules { jitter: seconds(*jitter_secs), retry: seconds(*retry_secs), retries: *retries, seed }
}

/// The pipelines that have a timetable.
fn entries(project: &Project) -> Result<Vec<Entry>, RunError> {
    let archive = Archive::new(&project.settings.storage.root);
    let mut entries = Vec::new();
    for pipeline in project.enabled() {
        let Some(spec) = &pipeline.schedule else {
            continue;
        };
        // Both were checked when the pipeline was read.
        let (Ok(timetable), Some(missed)) = (spec.timetable(&project.settings.schedule.timezone), spec.missed()) else {
            continue;
        };
        let is_new = archive.snapshots(&pipeline.id)?.is_empty();
        entries.push(Entry { pipeline: pipeline.id.clone(), timetable, missed, is_new });
    }
    Ok(entries)
}
