//! The one room that sees the whole flow: what must be done, in which order, and what came of it.
//!
//! "What must be done?" is answered by comparing fingerprints, never by remembering: a run that was
//! killed leaves snapshots and partitions, and the next one goes on from them.

pub mod archive;
pub mod builds;
mod cluster;
pub mod explain;
pub mod export;
mod fingerprint;
mod ingest;
mod key;
mod last_good;
pub mod ledger;
pub mod models;
mod notable;
pub mod notices;
mod openlineage;
pub mod payload;
pub mod plan;
mod project;
pub mod quarantine;
pub mod query;
mod remote;
pub mod replay;
pub mod report;
pub mod schedule;
pub mod status;
mod summary;
pub mod verify;
mod warehouse;

use ingest::discover;
pub use ingest::{DecodePlan, EditionPlan};
pub use notable::Change;
pub use project::Project;
use remote::{Remote, Scope};
pub use summary::{BuildOutcome, EditionReport, FetchOutcome, PipelineReport, RunReport, Stages};

use std::collections::BTreeSet;
use std::net::Ipv4Addr;
use std::path::Path;
use std::sync::Arc;

use jiff::Timestamp;
use tracing::Instrument;
use tracing::field::Empty;

use crate::archive::{Archive, ArchiveError};
use crate::disk::{self, DiskError};
use crate::error::{Exit, Hint, Report, Snippet, nearest};
use crate::fetch::{Client, FetchError};
use crate::lake::{Lake, LakeError};
use crate::lineage::LineageError;
use crate::publish::{self, PublishError};
use crate::replay::{Answer, ReplayError, Script, Upstream};
use crate::report::ReportError;
use crate::spec::{FOUND, Pipeline, Profile, SpecError};
use crate::store::StoreError;
use crate::warehouse::WarehouseError;

/// Program and version, as sidecars and manifests name them.
const TOOL: &str = concat!("tejido ", env!("CARGO_PKG_VERSION"));

/// Told what is going on, for a progress display. Called from several threads.
pub trait Observer: Send + Sync {
    /// A pipeline has reached a stage.
    fn pipeline(&self, id: &str, stage: &str);
    /// A pipeline is done.
    fn pipeline_done(&self, report: &PipelineReport);
    /// The warehouse has reached a step.
    fn warehouse(&self, step: &str);
    /// The run has ended.
    fn run_done(&self, report: &RunReport);
}

/// A run that could not be started, or broke off.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    /// The configuration or a pipeline is wrong.
    #[error(transparent)]
    Spec(#[from] SpecError),
    /// What was asked for cannot be.
    #[error("{message}")]
    Argument {
        /// What was expected and what was found.
        message: String,
        /// What to do.
        hint: String,
    },
    /// A model is wrong; found before anything was fetched.
    #[error(transparent)]
    Models(WarehouseError),
    /// The data root could not be used.
    #[error(transparent)]
    Disk(#[from] DiskError),
    /// The samples could not be served.
    #[error(transparent)]
    Replay(#[from] ReplayError),
    /// The HTTP client could not be set up.
    #[error(transparent)]
    Fetch(#[from] FetchError),
    /// The archive could not be read or written.
    #[error(transparent)]
    Archive(#[from] ArchiveError),
    /// The lake could not be read or written.
    #[error(transparent)]
    Lake(#[from] LakeError),
    /// The published build could not be read.
    #[error(transparent)]
    Publish(#[from] PublishError),
    /// The build could not be made or read.
    #[error(transparent)]
    Build(WarehouseError),
    /// The report could not be written.
    #[error(transparent)]
    Report(#[from] ReportError),
    /// The object store could not be used.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// A number could not be traced.
    #[error(transparent)]
    Lineage(#[from] LineageError),
    /// The system gave no threads.
    #[error("could not start the threads of the run")]
    Threads(#[source] std::io::Error),
    /// The service's clock could not be started.
    #[error("could not start the clock of the service")]
    Clock(#[from] tokio_cron_scheduler::JobSchedulerError),
    /// A thread of the run ended early: a defect of this program.
    #[error("a part of the run broke off")]
    Broken(#[from] tokio::task::JoinError),
}

impl RunError {
    fn inner(&self) -> Option<&dyn Hint> {
        Some(match self {
            RunError::Spec(error) => error,
            RunError::Models(error) | RunError::Build(error) => error,
            RunError::Disk(error) => error,
            RunError::Replay(error) => error,
            RunError::Fetch(error) => error,
            RunError::Archive(error) => error,
            RunError::Lake(error) => error,
            RunError::Publish(error) => error,
            RunError::Lineage(error) => error,
            RunError::Store(error) => error,
            RunError::Report(error) => error,
            RunError::Threads(_) | RunError::Clock(_) | RunError::Broken(_) | RunError::Argument { .. } => return None,
        })
    }

    /// Something of this name is not among those that there are.
    fn unknown<'n>(what: &str, found: &str, names: impl Iterator<Item = &'n str> + Clone) -> Self {
        RunError::Argument {
            message: format!("expected {what}, found `{found}`"),
            hint: match nearest(found, names.clone()) {
                Some(near) => format!("did you mean `{near}`?"),
                None => format!("there are {}", names.collect::<Vec<_>>().join(", ")),
            },
        }
    }

    /// Whether the user's files or settings are at fault, rather than the world.
    pub fn is_usage(&self) -> bool {
        matches!(
            self,
            RunError::Spec(_)
                | RunError::Models(_)
                | RunError::Argument { .. }
                | RunError::Lineage(LineageError::Asked { .. })
                | RunError::Replay(ReplayError::Response { .. })
        )
    }
}

impl Hint for RunError {
    fn hint(&self) -> Option<String> {
        match self {
            RunError::Argument { hint, .. } => Some(hint.clone()),
            _ => self.inner().and_then(Hint::hint),
        }
    }

    fn snippet(&self) -> Option<&Snippet> {
        self.inner().and_then(Hint::snippet)
    }
}

/// What a run asks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Sources {
    /// The sources of these pipelines; of all if none is named.
    Of(Vec<String>),
    /// Nothing: what is in the archive is all.
    Offline,
    /// The sources of these pipelines, for the lake only: nothing is built.
    Ingest(Vec<String>),
}

impl Sources {
    /// The pipelines that are named.
    fn names(&self) -> &[String] {
        match self {
            Sources::Of(names) | Sources::Ingest(names) => names,
            Sources::Offline => &[],
        }
    }
}

/// Asks the sources and publishes a build if anything has changed.
pub async fn run(project: Arc<Project>, sources: &Sources, observer: Arc<dyn Observer>) -> Result<RunReport, RunError> {
    let span = tracing::info_span!(
        "run",
        profile = project.settings.profile.name(),
        outcome = Empty,
        build = Empty,
        otel.status_code = Empty
    );
    let told = project.clone();
    let outcome = stages(project, sources, observer.clone()).instrument(span.clone()).await;
    match &outcome {
        Ok(report) => {
            let exit = report.exit();
            span.record("outcome", exit.name());
            if let Ok(build) = &report.build {
                openlineage::tell(&told, build).await;
            }
            if let Some(build_id) = report.build.as_ref().ok().and_then(BuildOutcome::in_force) {
                span.record("build", build_id);
            }
            span.record("otel.status_code", if exit == Exit::Done { "ok" } else { "error" });
            observer.run_done(report);
        }
        Err(_) => {
            span.record("outcome", Exit::Failed.name()).record("otel.status_code", "error");
        }
    }
    outcome
}

async fn stages(project: Arc<Project>, sources: &Sources, observer: Arc<dyn Observer>) -> Result<RunReport, RunError> {
    let started = Timestamp::now();
    let names = sources.names();
    let selected: BTreeSet<String> = project.pipelines.select(names)?.into_iter().map(|pipeline| pipeline.id).collect();
    let root = project.settings.storage.root.clone();
    let _lock = lock(&root)?;
    let scope = match sources {
        Sources::Ingest(_) => Scope::Pipelines(selected.clone()),
        _ => Scope::Whole,
    };
    let remote = Remote::begin(&project, scope).await?;
    let outcome = on_disk(project.clone(), sources, selected, observer, started).await;
    // Also of a run that failed: what was fetched is kept.
    let stored = remote::finish(remote).await;
    let mut report = outcome?;
    if let Err(error) = stored {
        report.build = Err(Report::new(&error));
    }
    if let Err(error) = ledger::append(&root, &report) {
        // The ledger is history: what was done is done without it.
        tracing::warn!("the run is not in the ledger: {}", Report::new(&error).one_line());
    }
    Ok(report)
}

async fn on_disk(
    project: Arc<Project>,
    sources: &Sources,
    selected: BTreeSet<String>,
    observer: Arc<dyn Observer>,
    started: Timestamp,
) -> Result<RunReport, RunError> {
    let names = sources.names();
    let asks = *sources != Sources::Offline;
    let builds = !matches!(sources, Sources::Ingest(_));
    let root = project.settings.storage.root.clone();
    let published = publish::current(&root)?;
    refuse_mixing(&project, published.as_ref())?;
    project.ensure_hash_key()?;
    if let Some(disabled) = names.iter().find(|name| !project.enabled().any(|pipeline| pipeline.id == **name)) {
        return Err(RunError::Spec(SpecError::Settings {
            message: format!("the pipeline `{disabled}` was asked for and is not enabled"),
            hint: Some(format!("remove `enabled = false` under [sources.{disabled}]")),
        }));
    }

    // Kept until the end of the run: dropping it stops the server. The sample is never asked of a mirror, so
    // that what is not official cannot come without its mark.
    let server = match project.settings.profile {
        Profile::Sample if asks => {
            let address = (Ipv4Addr::LOCALHOST, 0).into();
            Some(Upstream::start(address, sample(&project)?, |_| ()).await?)
        }
        _ => None,
    };
    let mut fetch = project.settings.fetch.clone();
    if let Some(server) = &server {
        fetch.mirror = url::Url::parse(&server.mirror()).ok();
        // Nobody is disturbed by questions to oneself.
        fetch.requests_per_second = 0.0;
    }
    let job = Arc::new(ingest::Job {
        client: Client::new(fetch)?,
        archive: Archive::new(&root),
        lake: Lake::new(&root),
        published: published.as_ref().map(|published| published.manifest.clone()),
        cores: tokio::sync::Semaphore::new(project.decode_threads()),
        asks,
        project: project.clone(),
        now: started,
    });
    job.lake.sweep()?;

    let mut tasks = tokio::task::JoinSet::new();
    // A build needs all of them, whether they are asked or not.
    let is_needed = |pipeline: &&Pipeline| builds || selected.contains(&pipeline.id);
    let enabled: Vec<Pipeline> = project.enabled().filter(is_needed).cloned().collect();
    for (position, pipeline) in enabled.iter().cloned().enumerate() {
        let (job, observer) = (job.clone(), observer.clone());
        let ask = asks && selected.contains(&pipeline.id);
        let span = tracing::info_span!("pipeline", pipeline = pipeline.id, otel.status_code = Empty);
        let work = async move { (position, ingest::pipeline(&job, &pipeline, ask, observer.as_ref()).await) };
        tasks.spawn(
            async move {
                let (position, outcome) = work.await;
                let is_good = outcome.as_ref().is_ok_and(|done| done.report.failures().next().is_none());
                tracing::Span::current().record("otel.status_code", if is_good { "ok" } else { "error" });
                (position, outcome)
            }
            .instrument(span),
        );
    }
    // All of them end before this does: none may go on writing when the lock is gone.
    let mut ingested: Vec<Option<ingest::Ingested>> = enabled.iter().map(|_| None).collect();
    let mut broken = None;
    while let Some(done) = tasks.join_next().await {
        match done {
            Ok((position, outcome)) => {
                let done = match outcome {
                    Ok(done) => Ok(done),
                    Err(error) => last_good::last_good(&job, &enabled[position], &error),
                };
                match done {
                    Ok(done) => {
                        observer.pipeline_done(&done.report);
                        ingested[position] = Some(done);
                    }
                    Err(error) => broken = Some(error),
                }
            }
            Err(error) => broken = Some(error.into()),
        }
    }
    if let Some(error) = broken {
        return Err(error);
    }
    let ingested: Vec<ingest::Ingested> = ingested.into_iter().flatten().collect();
    let loaded = Timestamp::now();

    let build = if builds {
        let (project, observer) = (project.clone(), observer.clone());
        let partitions: Vec<_> = ingested.iter().map(|ingested| ingested.partitions.clone()).collect();
        let span = tracing::info_span!("warehouse");
        tokio::task::spawn_blocking(move || {
            span.in_scope(|| warehouse::refresh(&project, &partitions, published, observer.as_ref()))
        })
        .await?
    } else {
        Ok(BuildOutcome::NotAsked)
    };
    let finished = Timestamp::now();
    Ok(RunReport {
        started,
        finished,
        stages: Stages {
            pipelines: loaded.duration_since(started).as_secs_f64(),
            warehouse: finished.duration_since(loaded).as_secs_f64(),
        },
        profile: project.settings.profile,
        data_root: root.clone(),
        pipelines: ingested.into_iter().map(|ingested| ingested.report).collect(),
        build: build.map_err(|error| Report::new(&error)),
    })
}

/// Brings this machine's copy of an object store up to date, and puts there what the store lacks.
pub async fn sync(project: &Project) -> Result<(), RunError> {
    let _lock = lock(&project.settings.storage.root)?;
    match Remote::begin(project, Scope::Whole).await? {
        Some(remote) => remote.finish().await,
        None => Err(RunError::Argument {
            message: format!(
                "expected the address of a store as `storage.root`, found the folder `{}`",
                project.settings.storage.root.display()
            ),
            hint: "such as `s3://bucket/folder`; a folder needs no copy".into(),
        }),
    }
}

/// The one who may write below a data root, for as long as it lives.
fn lock(root: &Path) -> Result<disk::Lock, DiskError> {
    let command: Vec<String> = std::env::args().skip(1).collect();
    let holder = format!("pid {}, `tejido {}`, since {}", std::process::id(), command.join(" "), Timestamp::now());
    disk::lock(&root.join(".lock"), &holder)
}

/// Sample data in place of live data, or on top of it, is never what somebody wants.
fn refuse_mixing(project: &Project, published: Option<&publish::Published>) -> Result<(), RunError> {
    let is_live = published.is_some_and(|published| published.manifest.profile == Profile::Live.name());
    if project.settings.profile == Profile::Sample && is_live {
        return Err(RunError::Spec(SpecError::Settings {
            message: format!(
                "`{}` holds live data, and the profile is `sample`",
                project.settings.storage.root.display()
            ),
            hint: Some(
                "run with `--profile live` (or set `profile` in config/local.toml), or use another `storage.root`"
                    .into(),
            ),
        }));
    }
    Ok(())
}

/// The payload of a sample that stands for the source's list of tables.
const LIST: &str = "discover";

/// The sample payloads of all pipelines, at the addresses under which they are asked for.
fn sample(project: &Project) -> Result<Script, RunError> {
    let unknown = "the sample has no payload for this address: see pipelines/samples/README.md\n";
    let mut script = Script::new(unknown);
    for pipeline in project.enabled() {
        let folder = project.samples_folder(&pipeline.id);
        // A pipeline without a sample is answered 404, and fails alone.
        if !disk::exists(&folder) {
            continue;
        }
        for edition in editions(pipeline) {
            let mut edition = edition.clone();
            if let Some(discover) = &pipeline.request.discover {
                let list = Answer::sample(&folder, LIST)?;
                // A list that does not fit is served as it is, and the client tells of it.
                let body = disk::read(&folder.join(format!("{LIST}.json")))?;
                if let Ok(found) = discover::choose(&body, discover, &edition) {
                    edition.variables.insert(FOUND.to_owned(), found);
                }
                script.set(&discover::address(discover, &edition), [list]);
            }
            script.set(&project.url(pipeline, &edition), [Answer::sample(&folder, &edition.dataset)?]);
        }
    }
    Ok(script)
}

/// Where a pipeline's files are told apart by edition.
fn editions(pipeline: &Pipeline) -> impl Iterator<Item = &crate::spec::Edition> {
    pipeline.editions.iter().map(toml::Spanned::get_ref)
}
