//! One pipeline from its source to the lake: ask, archive, decode, normalise.
//!
//! What an edition's partitions should be follows from its snapshots and rules; partitions that are
//! so already are kept, others are made (again) from the archive. A snapshot that cannot be decoded
//! is noted as such for these rules and left out, so that the last good one stays in force.

use std::collections::HashSet;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use jiff::Timestamp;
use tokio::sync::Semaphore;
use tracing::Instrument;

use super::last_good::{folder, in_force};
use super::summary::{EditionReport, FetchOutcome, PipelineReport};
use super::{Observer, Project, RunError, editions, fingerprint};
use crate::archive::{Archive, Delivery, Failure, Snapshot};
use crate::decode::{DecodeError, Hints};
use crate::error::{Hint, Report};
use crate::fetch::Client;
use crate::lake::{Changes, Lake, LakeError, Partition};
use crate::normalise::{NormaliseError, OfficialCells};
use crate::publish::{InputRecord, Manifest};
use crate::replay::PROVENANCE_HEADER;
use crate::spec::{Edition, Kind, Pipeline, Profile, Settings};

mod delivery;
mod partition;
mod planned;
mod retention;

pub(super) use delivery::discover;
pub(super) use planned::planned;
pub use planned::{DecodePlan, EditionPlan};

/// What all pipelines of a run share.
pub(super) struct Job {
    pub client: Client,
    pub archive: Archive,
    pub lake: Lake,
    pub published: Option<Manifest>,
    pub cores: Semaphore,
    /// Whether sources are asked at all.
    pub asks: bool,
    pub project: Arc<Project>,
    pub now: Timestamp,
}

/// A pipeline's part of the lake.
pub(super) struct Ingested {
    pub report: PipelineReport,
    pub partitions: Vec<EditionPartitions>,
}

/// What one edition has in the lake.
#[derive(Clone)]
pub(super) struct EditionPartitions {
    pub pipeline: Pipeline,
    /// Oldest first, each with the snapshots that it was made from.
    pub partitions: Vec<(Partition, Vec<InputRecord>)>,
}

/// Brings a pipeline's part of the lake up to date; its source is asked only if `ask`.
pub(super) async fn pipeline(
    job: &Arc<Job>,
    pipeline: &Pipeline,
    ask: bool,
    observer: &dyn Observer,
) -> Result<Ingested, RunError> {
    // Without asking, another run may be receiving what is half-written there.
    if job.asks {
        job.archive.sweep(&pipeline.id)?;
        if pipeline.kind == Kind::Memberships {
            job.archive.keep_private(&pipeline.id)?;
            retention::forget(job, pipeline)?;
        }
    }
    let mut ingested =
        Ingested { report: PipelineReport { id: pipeline.id.clone(), editions: Vec::new() }, partitions: Vec::new() };
    let deadline = Instant::now() + Duration::from_secs(job.project.settings.fetch.budget_secs);
    for edition in editions(pipeline) {
        let mut edition = EditionJob::new(job.clone(), pipeline, edition)?;
        let dataset = edition.edition.dataset.clone();
        observer.pipeline(&pipeline.id, &format!("asking for {}", edition.edition.dataset));
        let fetched = match ask {
            true => {
                let budget = deadline.saturating_duration_since(Instant::now());
                edition.fetch(budget).instrument(tracing::info_span!("fetch", dataset)).await?
            }
            false => FetchOutcome::NotAsked,
        };
        observer.pipeline(&pipeline.id, &format!("decoding {}", edition.edition.dataset));
        let span = tracing::info_span!("decode", dataset);
        // The semaphore is never closed.
        let _core = job.cores.acquire().await.ok();
        let (report, partitions) =
            tokio::task::spawn_blocking(move || span.in_scope(|| edition.refresh(fetched))).await??;
        ingested.report.editions.push(report);
        ingested.partitions.push(partitions);
    }
    Ok(ingested)
}

/// One edition of one pipeline.
struct EditionJob {
    job: Arc<Job>,
    pipeline: Pipeline,
    edition: Edition,
    hash_key: String,
    rules: String,
    official: OfficialCells,
    official_hash: String,
    /// What has been delivered, oldest first.
    deliveries: Vec<Delivery>,
    /// What the lake has, oldest first.
    existing: Vec<Partition>,
    /// Files of the lake with several partitions of which not all are still right.
    stale_files: HashSet<PathBuf>,
    /// When the snapshot was fetched of which the source has just said that it is still what it has, so that a
    /// bad one fetched since then no longer counts.
    confirmed: Option<Timestamp>,
}

/// Why a snapshot gives no partition.
#[derive(Debug, thiserror::Error)]
enum SnapshotError {
    #[error("`{url}`: the payload could not be decoded")]
    Decode { url: String, source: DecodeError },
    #[error("`{url}`: the payload does not fit the pipeline")]
    Normalise { url: String, source: NormaliseError, drift: Option<String> },
    #[error("`{url}`: the payload contradicts itself")]
    Contradiction { url: String, source: LakeError },
    #[error(transparent)]
    Fatal(#[from] RunError),
}

impl Hint for SnapshotError {
    fn hint(&self) -> Option<String> {
        match self {
            SnapshotError::Decode { source, .. } => source.hint(),
            SnapshotError::Normalise { source, .. } => source.hint(),
            SnapshotError::Contradiction { source, .. } => source.hint(),
            SnapshotError::Fatal(error) => error.hint(),
        }
    }
}

impl EditionJob {
    fn new(job: Arc<Job>, pipeline: &Pipeline, edition: &Edition) -> Result<Self, RunError> {
        let project = &job.project;
        let hash_key = match pipeline.kind {
            Kind::Memberships => project.hash_key()?,
            Kind::Observations => String::new(),
        };
        let rules = fingerprint::rules(pipeline, edition, &project.codelists, &hash_key);
        let (official, official_hash) = project.official_cells(&pipeline.id)?;
        let mut deliveries = job.archive.deliveries(&pipeline.id)?;
        // What the sample delivered is never mixed with what the real hosts deliver.
        let live = project.settings.profile == Profile::Live;
        deliveries.retain(|delivery| {
            let is_known = project.as_of.is_none_or(|moment| delivery.vintage() <= moment);
            let first = delivery.first();
            first.sidecar.dataset == edition.dataset && is_known && !(live && is_synthetic(first))
        });
        let mut job = EditionJob {
            job,
            pipeline: pipeline.clone(),
            edition: edition.clone(),
            hash_key,
            rules,
            official,
            official_hash,
            deliveries,
            existing: Vec::new(),
            stale_files: HashSet::new(),
            confirmed: None,
        };
        job.existing = job.job.lake.partitions(&job.folder(), &pipeline.id)?;
        job.stale_files = job.stale_files()?;
        Ok(job)
    }

    /// A file with several partitions is taken over as a whole or not at all: one of them is stale if that vintage is
    /// not to be, or follows another one than it did.
    fn stale_files(&self) -> Result<HashSet<PathBuf>, RunError> {
        let files: HashSet<&PathBuf> = self.existing.iter().map(|partition| &partition.path).collect();
        if files.len() == self.existing.len() {
            return Ok(HashSet::new());
        }
        let mut right = HashSet::new();
        let mut previous = String::new();
        for delivery in &self.deliveries {
            if delivery.failure(&self.rules)?.is_some() {
                continue;
            }
            let fingerprint = self.fingerprint(delivery, &previous);
            match self.existing.iter().find(|partition| partition.description.fingerprint == fingerprint) {
                Some(partition) if partition.description.rows > 0 => previous.clone_from(&fingerprint),
                Some(_) => {}
                None => break,
            }
            right.insert(fingerprint);
        }
        let is_alone = |path: &PathBuf| self.existing.iter().filter(|partition| partition.path == *path).count() == 1;
        let wrong = self.existing.iter().filter(|partition| !right.contains(&partition.description.fingerprint));
        Ok(wrong.map(|partition| partition.path.clone()).filter(|path| !is_alone(path)).collect())
    }

    /// Of the partition of a delivery that follows the one with the fingerprint `previous`.
    fn fingerprint(&self, delivery: &Delivery, previous: &str) -> String {
        let official = if is_synthetic(delivery.first()) { self.official_hash.as_str() } else { "" };
        fingerprint::partition(&self.rules, delivery, official, previous)
    }

    /// The folder of this edition's partitions.
    fn folder(&self) -> std::path::PathBuf {
        folder(&self.job.lake, &self.pipeline, &self.edition)
    }

    /// Makes the edition's partitions what its snapshots and rules say. When these rules refuse a snapshot that
    /// is in force by earlier ones, all stays as it was and the refusal is reported.
    fn refresh(mut self, fetched: FetchOutcome) -> Result<(EditionReport, EditionPartitions), RunError> {
        let mut chain: Vec<(Partition, Vec<InputRecord>)> = Vec::new();
        let mut state: Option<Changes> = None;
        let mut previous = String::new();
        let mut newest_failure: Option<(Timestamp, Report)> = None;
        let mut lost: Option<Report> = None;
        let rules_set = fingerprint::of([self.rules.as_str(), self.official_hash.as_str()]);
        for delivery in std::mem::take(&mut self.deliveries) {
            let at = delivery.vintage();
            let outcome = match delivery.failure(&self.rules)? {
                Some(failure) => Err(failure_report(failure)),
                None => self.made(&delivery, &rules_set, &mut state, &chain, &previous)?,
            };
            match outcome {
                Ok(partition) => {
                    // One that changes nothing is of no matter to those after it: it may be removed one day.
                    if partition.description.rows > 0 {
                        previous.clone_from(&partition.description.fingerprint);
                    }
                    chain.push((partition, delivery.parts().map(|part| input_record(&self.pipeline, part)).collect()));
                }
                Err(report) => {
                    let in_force = self.existing.iter().any(|partition| partition.description.vintage == at);
                    if in_force {
                        lost = Some(report.clone());
                    }
                    newest_failure = Some((at, report));
                }
            }
        }
        // Only what is newer than the newest good snapshot counts: an older failure has been replaced by a good one.
        let newest_good = chain.last().map(|(partition, _)| partition.description.vintage);
        let confirmed = self.confirmed.is_some() && self.confirmed == newest_good;
        let mut failure =
            newest_failure.filter(|(at, _)| Some(*at) > newest_good && !confirmed).map(|(_, report)| report);
        if let Some(report) = lost {
            let existing = std::mem::take(&mut self.existing);
            chain = in_force(&self.job, &self.pipeline, &self.edition, existing, &rules_set);
            failure = Some(report);
        }
        let keep: Vec<&Partition> = chain.iter().map(|(partition, _)| partition).collect();
        let kept: HashSet<&Path> = keep.iter().map(|partition| partition.path.as_path()).collect();
        let found: HashSet<&Path> = self.existing.iter().map(|partition| partition.path.as_path()).collect();
        // Where all that was found is in force, to look again would find no other.
        if kept != found {
            self.job.lake.retain(&self.folder(), &self.pipeline.id, &keep)?;
        }
        if self.pipeline.kind == Kind::Observations {
            let (partitions, records): (Vec<Partition>, Vec<_>) = chain.into_iter().unzip();
            let most = self.job.project.settings.storage.max_files_per_table;
            chain = self.job.lake.compact(&self.folder(), partitions, most)?.into_iter().zip(records).collect();
        }
        let newest = chain.last().map(|(partition, _)| partition.description.clone());
        let is_news = failure.is_none() && matches!(fetched, FetchOutcome::Fetched { .. } | FetchOutcome::Resumed);
        let news = newest.as_ref().filter(|_| is_news);
        let report = EditionReport {
            dataset: self.edition.dataset.clone(),
            changed_rows: news.map_or(0, |description| description.rows),
            withdrawn_rows: news.map_or(0, |description| description.withdrawn),
            revised_rows: news.map_or(0, |description| description.revised),
            fetched,
            failure,
            counts: newest.as_ref().map(|description| description.counts.clone()).unwrap_or_default(),
            vintage: newest.map(|description| description.vintage),
        };
        Ok((report, EditionPartitions { pipeline: self.pipeline, partitions: chain }))
    }

    /// The partition of one delivery, taken over or made; why there is none as the inner error.
    fn made(
        &self,
        delivery: &Delivery,
        rules_set: &str,
        state: &mut Option<Changes>,
        chain: &[(Partition, Vec<InputRecord>)],
        previous: &str,
    ) -> Result<Result<Partition, Report>, RunError> {
        let fingerprint = self.fingerprint(delivery, previous);
        let is_it = |partition: &&Partition| {
            partition.description.fingerprint == fingerprint && !self.stale_files.contains(&partition.path)
        };
        if let Some(partition) = self.existing.iter().find(is_it) {
            // The state has not seen its rows: whoever needs it next reads the chain anew.
            *state = None;
            return Ok(Ok(partition.clone()));
        }
        let error = match self.partition(delivery, &fingerprint, rules_set, state, chain) {
            Ok(partition) => return Ok(Ok(partition)),
            Err(SnapshotError::Fatal(error)) => return Err(error),
            Err(error) => error,
        };
        // The state has seen half of a snapshot.
        *state = None;
        // Bytes that are not those that were fetched say nothing of the source.
        delivery.verify()?;
        let mut report = Report::new(&error);
        if let SnapshotError::Normalise { drift: Some(drift), .. } = &error {
            report.chain.push(drift.clone());
        }
        // A limit or a disk that could not be read says nothing of these bytes under these rules.
        let is_verdict = !matches!(
            &error,
            SnapshotError::Decode { source: DecodeError::TooLarge { .. } | DecodeError::Read { .. }, .. }
        );
        if is_verdict {
            let note = Failure { message: report.one_line(), hint: report.hint.clone() };
            delivery.note_failure(&self.rules, &note)?;
        }
        Ok(Err(report))
    }
}

/// What a pipeline says of how its payloads are read.
pub(super) fn hints(pipeline: &Pipeline, settings: &Settings) -> Hints {
    let decode = &pipeline.decode;
    Hints {
        encoding: decode.encoding.clone(),
        decimal: decode.decimal,
        separator: decode.separator,
        columns: match &pipeline.members {
            Some(members) => members.columns(),
            None => decode.columns.clone(),
        },
        value: decode.value.clone(),
        time: decode.time.clone(),
        flag: decode.flag.clone(),
        header: decode.header,
        sheet: decode.sheet.clone(),
        dataset: decode.dataset.clone(),
        language: decode.language.clone(),
        name_part: decode.name_part.clone(),
        dimensions: decode.dimensions.clone(),
        max_decoded_bytes: Some(settings.fetch.max_decoded_bytes),
    }
}

fn failure_report(failure: Failure) -> Report {
    Report { chain: vec![failure.message], snippet: None, hint: failure.hint }
}

/// What a build says of a snapshot.
fn input_record(pipeline: &Pipeline, snapshot: &Snapshot) -> InputRecord {
    let sidecar = &snapshot.sidecar;
    InputRecord {
        pipeline: sidecar.pipeline.clone(),
        dataset: sidecar.dataset.clone(),
        url: sidecar.url.clone(),
        fetched_at: sidecar.vintage(),
        snapshot: sidecar.hash.clone(),
        file: format!("archive/{}/{}", sidecar.pipeline, sidecar.file),
        licence: pipeline.licence.clone(),
        attribution: pipeline.attribution.clone(),
    }
}

/// Whether the sample server delivered it.
pub(super) fn is_synthetic(snapshot: &Snapshot) -> bool {
    snapshot.sidecar.header(PROVENANCE_HEADER).is_some()
}
