//! One pipeline from its source to the lake: ask, archive, decode, normalise.
//!
//! What an edition's partitions should be follows from its snapshots and rules; partitions that are
//! so already are kept, others are made (again) from the archive. A snapshot that cannot be decoded
//! is noted as such for these rules and left out, so that the last good one stays in force.

use std::io;

use jiff::Timestamp;
use tokio::sync::Semaphore;

use super::summary::{EditionReport, FetchOutcome, PipelineReport};
use super::{Observer, Project, RunError, editions, fingerprint};
use crate::archive::{Archive, Draft, Failure, Sidecar, Snapshot};
use crate::decode::{self, DecodeError, Format, Hints};
use crate::error::{Hint, Report};
use crate::fetch::{Client, Request, Sink};
use crate::lake::{Changes, Description, Lake, LakeError, Partition, PartitionWriter, QuarantineWriter, change_schema};
use crate::normalise::{
    Counts, MemberNormaliser, NormaliseError, Normalised, ObservationNormaliser, OfficialCells, Origin,
    membership_schema,
};
use crate::publish::Manifest;
use crate::replay::PROVENANCE_HEADER;
use crate::spec::{Edition, Pipeline, Profile};
use std::sync::Arc;

/// What all pipelines of a run share.
pub(super) struct Job {
    pub client: Client,
    pub archive: Archive,
    pub lake: Lake,
    pub published: Option<Manifest>,
    pub cores: Semaphore,
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
    /// Oldest first.
    pub partitions: Vec<Partition>,
    /// The snapshots that they were made from.
    pub snapshots: Vec<Snapshot>,
}

/// Brings a pipeline's part of the lake up to date; its source is asked only if `ask`.
pub(super) async fn pipeline(
    job: &Arc<Job>,
    pipeline: &Pipeline,
    ask: bool,
    observer: &dyn Observer,
) -> Result<Ingested, RunError> {
    job.archive.sweep(&pipeline.id)?;
    let mut ingested =
        Ingested { report: PipelineReport { id: pipeline.id.clone(), editions: Vec::new() }, partitions: Vec::new() };
    for edition in editions(pipeline) {
        let mut edition = EditionJob::new(job.clone(), pipeline, edition)?;
        observer.pipeline(&pipeline.id, &format!("asking for {}", edition.edition.dataset));
        let fetched = match ask {
            true => edition.fetch().await?,
            false => FetchOutcome::NotAsked,
        };
        observer.pipeline(&pipeline.id, &format!("decoding {}", edition.edition.dataset));
        // The semaphore is never closed.
        let _core = job.cores.acquire().await.ok();
        let (report, partitions) = tokio::task::spawn_blocking(move || edition.refresh(fetched)).await??;
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
    rules: String,
    official: OfficialCells,
    official_hash: String,
    /// Oldest first.
    snapshots: Vec<Snapshot>,
    /// What the lake has, oldest first.
    existing: Vec<Partition>,
    /// Whether the source has just said that the last good snapshot is still what it has, so that a bad one
    /// fetched since then no longer counts.
    confirmed: bool,
}

/// Why a snapshot gives no partition.
#[derive(Debug, thiserror::Error)]
enum SnapshotError {
    #[error("`{url}`: the payload could not be decoded")]
    Decode { url: String, source: DecodeError },
    #[error("`{url}`: the payload does not fit the pipeline")]
    Normalise { url: String, source: NormaliseError },
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
        let rules = fingerprint::rules(pipeline, edition, &project.codelists, &project.settings.privacy.hash_key);
        let (official, official_hash) = project.official_cells(&pipeline.id)?;
        let mut snapshots = job.archive.snapshots(&pipeline.id)?;
        // What the sample delivered is never mixed with what the real hosts deliver.
        let live = project.settings.profile == Profile::Live;
        snapshots.retain(|snapshot| snapshot.sidecar.dataset == edition.dataset && !(live && is_synthetic(snapshot)));
        let mut job = EditionJob {
            job,
            pipeline: pipeline.clone(),
            edition: edition.clone(),
            rules,
            official,
            official_hash,
            snapshots,
            existing: Vec::new(),
            confirmed: false,
        };
        job.existing = job.job.lake.partitions(&job.folder(), &pipeline.id)?;
        Ok(job)
    }

    /// The folder of this edition's partitions.
    fn folder(&self) -> std::path::PathBuf {
        match &self.pipeline.members {
            Some(members) => self.job.lake.cluster_folder(&members.cluster),
            None => self.job.lake.dataset_folder(&self.edition.dataset),
        }
    }

    /// Asks the source, unless an interrupted run has just done so.
    async fn fetch(&mut self) -> Result<FetchOutcome, RunError> {
        let url = self.job.project.url(&self.pipeline, &self.edition);
        if self.is_resumable()? {
            return Ok(FetchOutcome::Resumed);
        }
        let mut last_good = None;
        for snapshot in self.snapshots.iter().rev() {
            if snapshot.failure(&self.rules)?.is_none() && snapshot.sidecar.url == url {
                last_good = Some(&snapshot.sidecar);
                break;
            }
        }
        let header = |name| last_good.and_then(|sidecar| sidecar.header(name)).map(str::to_owned);
        let request = Request { url: url.clone(), etag: header("etag"), last_modified: header("last-modified") };
        let mut draft = self.job.archive.draft(&self.pipeline.id)?;
        let response = match self.job.client.get(&request, &mut draft).await {
            Ok(response) if response.not_modified() => {
                self.confirmed = true;
                return Ok(FetchOutcome::NotModified);
            }
            Ok(response) => response,
            Err(error) => return Ok(FetchOutcome::Failed(Report::new(&error))),
        };
        let failed = response.check(&url).err();
        let newest = self.snapshots.last().map(|snapshot| snapshot.sidecar.hash.as_str());
        if failed.is_none() && newest == Some(draft.hash().as_str()) {
            return Ok(FetchOutcome::NotModified);
        }
        let snapshot = draft.commit(
            extension(self.pipeline.decode.format),
            Sidecar {
                pipeline: self.pipeline.id.clone(),
                dataset: self.edition.dataset.clone(),
                url,
                method: "GET".into(),
                status: response.status,
                headers: response.headers,
                fetched_at: now_micros(),
                raw_bytes: 0,
                hash: String::new(),
                file: String::new(),
                tool: concat!("tejido ", env!("CARGO_PKG_VERSION")).into(),
            },
        )?;
        Ok(match failed {
            Some(error) => FetchOutcome::Failed(Report::new(&error)),
            None => {
                let bytes = snapshot.sidecar.raw_bytes;
                self.snapshots.push(snapshot);
                FetchOutcome::Fetched { bytes }
            }
        })
    }

    /// Whether the newest snapshot is good, new enough, and of no published build although it has rows for one.
    fn is_resumable(&self) -> Result<bool, RunError> {
        let Some(newest) = self.snapshots.last() else {
            return Ok(false);
        };
        let hash = newest.sidecar.hash.as_str();
        let is_published = self.job.published.as_ref().is_some_and(|manifest| {
            manifest.inputs.iter().any(|input| input.snapshot == hash && input.fetched_at == newest.sidecar.fetched_at)
        });
        let changes_nothing = self.existing.iter().any(|partition| {
            partition.description.vintage == newest.sidecar.fetched_at && partition.description.rows == 0
        });
        let age = self.job.now.duration_since(newest.sidecar.fetched_at);
        let fresh = age.as_secs() < i64::try_from(self.job.project.settings.fetch.resume_secs).unwrap_or(i64::MAX);
        Ok(!is_published && !changes_nothing && fresh && newest.failure(&self.rules)?.is_none())
    }

    /// Makes the edition's partitions what its snapshots and rules say.
    fn refresh(mut self, fetched: FetchOutcome) -> Result<(EditionReport, EditionPartitions), RunError> {
        let mut chain: Vec<Partition> = Vec::new();
        let mut snapshots: Vec<Snapshot> = Vec::new();
        let mut state: Option<Changes> = None;
        let mut previous = String::new();
        let mut failure = None;
        for snapshot in std::mem::take(&mut self.snapshots) {
            failure = snapshot.failure(&self.rules)?.map(failure_report);
            if failure.is_some() {
                continue;
            }
            let official = if is_synthetic(&snapshot) { self.official_hash.as_str() } else { "" };
            let fingerprint = fingerprint::partition(&self.rules, &snapshot, official, &previous);
            let made = self.existing.iter().find(|partition| partition.description.fingerprint == fingerprint);
            let partition = match made {
                Some(partition) => Ok(partition.clone()),
                None => self.partition(&snapshot, &fingerprint, &mut state, &chain),
            };
            match partition {
                Ok(partition) => {
                    chain.push(partition);
                    snapshots.push(snapshot);
                    previous = fingerprint;
                }
                Err(SnapshotError::Fatal(error)) => return Err(error),
                Err(error) => {
                    // The state has seen half of a snapshot.
                    state = None;
                    let report = Report::new(&error);
                    let note = Failure { message: report.one_line(), hint: report.hint.clone() };
                    snapshot.note_failure(&self.rules, &note)?;
                    failure = Some(report);
                }
            }
        }
        self.job.lake.retain(&self.folder(), &self.pipeline.id, &chain)?;
        if self.confirmed {
            failure = None;
        }
        let newest = chain.last().map(|partition| partition.description.clone());
        let is_news = failure.is_none() && matches!(fetched, FetchOutcome::Fetched { .. } | FetchOutcome::Resumed);
        let report = EditionReport {
            dataset: self.edition.dataset.clone(),
            fetched,
            // Only the newest snapshot's failure counts: an older one has been replaced by a good one.
            failure,
            counts: newest.as_ref().map(|description| description.counts.clone()).unwrap_or_default(),
            changed_rows: newest.as_ref().filter(|_| is_news).map_or(0, |description| description.rows),
            vintage: newest.map(|description| description.vintage),
        };
        let partitions = EditionPartitions { pipeline: self.pipeline, partitions: chain, snapshots };
        Ok((report, partitions))
    }

    /// Decodes and normalises one snapshot into its partition.
    fn partition(
        &self,
        snapshot: &Snapshot,
        fingerprint: &str,
        state: &mut Option<Changes>,
        chain: &[Partition],
    ) -> Result<Partition, SnapshotError> {
        let url = || snapshot.sidecar.url.clone();
        let decoding = |source| SnapshotError::Decode { url: url(), source };
        let normalising = |source| SnapshotError::Normalise { url: url(), source };
        let origin = Origin {
            pipeline: self.pipeline.id.clone(),
            dataset: self.edition.dataset.clone(),
            snapshot: snapshot.sidecar.hash.clone(),
            fetched_at: snapshot.sidecar.fetched_at,
        };
        let payload = snapshot.clone();
        let source = decode::Source::new(move || payload.open().map_err(io::Error::other));
        let table = decode::open(self.pipeline.decode.format, &source, &self.hints()).map_err(decoding)?;
        let lake = &self.job.lake;
        let path = lake.partition_path(&self.folder(), &origin.pipeline, &origin.snapshot, origin.fetched_at);
        let quarantine = lake.quarantine_path(&origin.pipeline, &origin.dataset, &origin.snapshot);
        let mut quarantine = QuarantineWriter::new(quarantine);
        let (writer, counts) = match &self.pipeline.members {
            None => {
                let state = match state {
                    Some(state) => state,
                    none => none.insert(Changes::after(chain).map_err(RunError::from)?),
                };
                state.begin();
                let official = is_synthetic(snapshot).then_some(&self.official);
                let codelists = &self.job.project.codelists;
                let mut normaliser = ObservationNormaliser::new(
                    &self.pipeline,
                    &self.edition,
                    codelists,
                    &table.schema,
                    origin.clone(),
                    official,
                )
                .map_err(normalising)?;
                let mut writer = PartitionWriter::create(&path, change_schema()).map_err(RunError::from)?;
                for batch in table.batches {
                    let Normalised { rows, quarantined } =
                        normaliser.batch(&batch.map_err(decoding)?).map_err(normalising)?;
                    let changed = state.compare(&rows).map_err(|source| match source {
                        LakeError::Duplicate { .. } | LakeError::TooManyCodes { .. } => {
                            SnapshotError::Contradiction { url: url(), source }
                        }
                        source => SnapshotError::Fatal(source.into()),
                    })?;
                    writer.write(&changed).map_err(RunError::from)?;
                    quarantine.write(&quarantined).map_err(RunError::from)?;
                }
                let withdrawn = state
                    .withdrawn(&origin.pipeline, &origin.dataset, &origin.snapshot, origin.fetched_at)
                    .map_err(RunError::from)?;
                writer.write(&withdrawn).map_err(RunError::from)?;
                (writer, normaliser.counts)
            }
            Some(members) => {
                let key = &self.job.project.settings.privacy.hash_key;
                let codelists = &self.job.project.codelists;
                let mut normaliser =
                    MemberNormaliser::new(members, codelists, origin.clone(), key, is_synthetic(snapshot));
                let mut writer = PartitionWriter::create(&path, membership_schema()).map_err(RunError::from)?;
                for batch in table.batches {
                    let Normalised { rows, quarantined } =
                        normaliser.batch(&batch.map_err(decoding)?).map_err(normalising)?;
                    writer.write(&rows).map_err(RunError::from)?;
                    quarantine.write(&quarantined).map_err(RunError::from)?;
                }
                (writer, normaliser.counts)
            }
        };
        let description = Description {
            fingerprint: fingerprint.to_owned(),
            pipeline: origin.pipeline,
            dataset: origin.dataset,
            snapshot: origin.snapshot,
            vintage: origin.fetched_at,
            rows: 0,
            counts: counts.clone(),
        };
        // What was kept back is written even when the rest is not loaded: it is what explains why.
        quarantine.finish(description.clone()).map_err(RunError::from)?;
        self.check(&counts).map_err(normalising)?;
        Ok(writer.finish(description).map_err(RunError::from)?)
    }

    fn check(&self, counts: &Counts) -> Result<(), NormaliseError> {
        let quality = &self.pipeline.quality;
        counts.check(quality.max_quarantined_share, quality.min_rows)
    }

    fn hints(&self) -> Hints {
        let decode = &self.pipeline.decode;
        Hints {
            encoding: decode.encoding.clone(),
            decimal: decode.decimal,
            separator: decode.separator,
            columns: self.pipeline.members.iter().flat_map(|members| members.columns()).collect(),
            max_decoded_bytes: Some(self.job.project.settings.fetch.max_decoded_bytes),
            ..Hints::default()
        }
    }
}

fn failure_report(failure: Failure) -> Report {
    Report { chain: vec![failure.message], snippet: None, hint: failure.hint }
}

/// Whether the sample server delivered it.
pub(super) fn is_synthetic(snapshot: &Snapshot) -> bool {
    snapshot.sidecar.header(PROVENANCE_HEADER).is_some()
}

fn extension(format: Format) -> &'static str {
    match format {
        Format::JsonStat => "json",
        Format::EurostatTsv => "tsv",
        Format::SdmxCsv | Format::IneCsv | Format::Delimited => "csv",
    }
}

/// Now, to the microsecond that file names and the lake keep.
fn now_micros() -> Timestamp {
    let now = Timestamp::now();
    Timestamp::from_microsecond(now.as_microsecond()).unwrap_or(now)
}

impl Sink for Draft {
    fn restart(&mut self) -> io::Result<()> {
        Draft::restart(self)
    }
}
