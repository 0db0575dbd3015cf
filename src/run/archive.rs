//! The archive as a person handles it: what is in it and who needs it, bytes brought in and taken out, what may go.

use std::collections::{HashMap, HashSet};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};

use jiff::{SignedDuration, Timestamp};
use serde::Serialize;

use super::ingest::hints;
use super::last_good::folder;
use super::payload::PayloadError;
use super::{Project, RunError, TOOL, editions, fingerprint, lock};
use crate::archive::{Archive, Filed, Sidecar, Snapshot, is_bundle};
use crate::decode::{self, DecodeError, Source};
use crate::lake::Lake;
use crate::replay::PROVENANCE_HEADER;
use crate::spec::{Edition, Kind, Pipeline, Profile};
use crate::{disk, publish};

/// A snapshot, and who needs it.
#[derive(Debug, Clone, Serialize)]
pub struct Held {
    /// What is known about it.
    #[serde(flatten)]
    pub sidecar: Sidecar,
    /// Size of its file, compressed.
    pub stored_bytes: u64,
    /// Who needs it.
    pub standing: Standing,
    /// Rows that it changed, where it is in the lake.
    pub changed_rows: Option<u64>,
    /// Hash of what it says, where it is in the lake; of a delivery in parts, of all of them.
    pub content: Option<String>,
    /// The builds that have rows of it.
    pub builds: Vec<String>,
    /// What was wrong with it, where something was.
    pub problem: Option<String>,
    #[serde(skip)]
    snapshot: Snapshot,
}

/// Who needs a snapshot.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Standing {
    /// The published build has rows of it.
    Published,
    /// It is a vintage of its own: it said something new when it came.
    Vintage,
    /// It said nothing that was not known.
    Seen,
    /// The pipeline's rules cannot read it.
    Unreadable,
    /// It is a message of the source, in place of data.
    Message,
    /// Nobody has looked at it: no run since, or no pipeline asks for its table.
    Unused,
}

impl Standing {
    /// Its name in reports.
    pub fn name(self) -> &'static str {
        match self {
            Standing::Published => "published",
            Standing::Vintage => "vintage",
            Standing::Seen => "seen",
            Standing::Unreadable => "UNREADABLE",
            Standing::Message => "message",
            Standing::Unused => "unused",
        }
    }
}

/// All that is kept of these pipelines, or of all, oldest first by pipeline.
pub fn held(project: &Project, names: &[String]) -> Result<Vec<Held>, RunError> {
    let root = &project.settings.storage.root;
    let archive = Archive::new(root);
    let mut pipelines = archive.pipelines()?;
    if !names.is_empty() {
        for name in names.iter().filter(|name| !pipelines.contains(name)) {
            // It has nothing yet, or is a slip of the pen.
            project.pipelines.select(std::slice::from_ref(name))?;
        }
        pipelines.retain(|name| names.contains(name));
    }
    let published = publish::current(root)?.map(|published| published.manifest.build_id);
    let needed = needed(root)?;
    let lake = Lake::new(root);
    let mut all = Vec::new();
    for name in pipelines {
        let pipeline = project.pipelines.all.iter().find(|pipeline| pipeline.id == name);
        // By table and vintage, which name a delivery, be it in one part or in several.
        let mut changed: HashMap<(String, Timestamp), (u64, Option<String>)> = HashMap::new();
        for (pipeline, edition) in pipeline.iter().flat_map(|pipeline| editions(pipeline).map(move |of| (pipeline, of)))
        {
            for partition in lake.partitions(&folder(&lake, pipeline, edition), &name)? {
                let description = partition.description;
                // With two sets of rules, what one of them needs is needed.
                let known = changed.entry((description.dataset, description.vintage)).or_default();
                *known = (description.rows.max(known.0), description.content);
            }
        }
        for snapshot in archive.entries(&name)? {
            let sidecar = snapshot.sidecar.clone();
            let key = (sidecar.dataset.clone(), sidecar.vintage());
            let edition = pipeline.and_then(|pipeline| editions(pipeline).find(|of| of.dataset == sidecar.dataset));
            let failure = match (pipeline, edition) {
                (Some(pipeline), Some(edition)) => snapshot.failure(&rules(project, pipeline, edition)?)?,
                _ => None,
            };
            let builds = needed.get(&sidecar.hash).cloned().unwrap_or_default();
            let changed = changed.get(&key);
            let (changed_rows, content) =
                (changed.map(|(rows, _)| *rows), changed.and_then(|(_, content)| content.clone()));
            let standing = match (changed_rows, &failure) {
                _ if !snapshot.is_data() => Standing::Message,
                _ if published.as_ref().is_some_and(|published| builds.contains(published)) => Standing::Published,
                _ if !builds.is_empty() => Standing::Vintage,
                (Some(0), _) => Standing::Seen,
                (Some(_), _) => Standing::Vintage,
                (None, Some(_)) => Standing::Unreadable,
                (None, None) => Standing::Unused,
            };
            let problem = match standing {
                Standing::Message => sidecar.refused.clone().or_else(|| Some(format!("status {}", sidecar.status))),
                _ => failure.map(|failure| failure.message),
            };
            let stored_bytes = snapshot.stored_bytes()?;
            all.push(Held { sidecar, stored_bytes, standing, changed_rows, content, builds, problem, snapshot });
        }
    }
    Ok(all)
}

/// The one snapshot of this name: the file's, or how the hash or the file's begins.
pub fn find(project: &Project, name: &str) -> Result<Held, RunError> {
    let name = name.rsplit('/').next().unwrap_or(name);
    let mut found: Vec<Held> = held(project, &[])?
        .into_iter()
        .filter(|held| !name.is_empty() && (held.sidecar.hash.starts_with(name) || held.sidecar.file.starts_with(name)))
        .collect();
    match (found.len(), found.pop()) {
        (1, Some(held)) => Ok(held),
        (0, _) => Err(not_so(
            format!("expected a snapshot's file or hash, or how it begins, found `{name}`"),
            "`tejido archive list` shows them",
        )),
        (count, _) => Err(not_so(
            format!("expected the name of one snapshot, found {count} that begin with `{name}`"),
            "write more of it",
        )),
    }
}

/// Writes what a snapshot holds: the bytes as they came, or, decompressed, the payload of which `cell` counts the bytes.
pub fn write(held: &Held, decompressed: bool, mut into: impl Write) -> Result<(), PayloadError> {
    let snapshot = held.snapshot.clone();
    if decompressed {
        let source = Source::new(move || snapshot.open().map_err(io::Error::other));
        let name = held.sidecar.url.clone();
        source
            .decompress(&decode::Hints::default(), &mut into)
            .map_err(|source| PayloadError::Decode { name, source })?;
    } else {
        io::copy(&mut snapshot.open().map_err(RunError::from)?, &mut into).map_err(PayloadError::Write)?;
    }
    into.flush().map_err(PayloadError::Write)
}

/// Writes these snapshots into one file, which `import` reads.
pub fn export(project: &Project, chosen: &[Held], into: impl Write) -> Result<(), RunError> {
    let snapshots: Vec<Snapshot> = chosen.iter().map(|held| held.snapshot.clone()).collect();
    Ok(Archive::new(&project.settings.storage.root).export(&snapshots, into)?)
}

/// What a person says about bytes that were obtained elsewhere.
#[derive(Debug, Clone)]
pub struct Origin {
    /// The pipeline that they are for.
    pub pipeline: String,
    /// The source's table id; may be left out where the pipeline has one table.
    pub dataset: Option<String>,
    /// When they were fetched from the source.
    pub fetched_at: Timestamp,
    /// From where; without it the documented address.
    pub url: Option<String>,
    /// Whether they are made up.
    pub is_synthetic: bool,
}

/// What came of an import.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Imported {
    /// The snapshots of a bundle.
    Bundle(Filed),
    /// One payload, and its rows.
    Payload {
        /// The file in the archive.
        file: PathBuf,
        /// Rows that it decodes to.
        rows: u64,
    },
    /// These bytes of this moment are here already.
    Known,
}

/// Whether a file is a bundle.
pub fn is_bundle_file(path: &Path) -> Result<bool, RunError> {
    let mut head = Vec::new();
    let read = disk::open(path)?.take(512).read_to_end(&mut head);
    Ok(read.is_ok() && is_bundle(&head))
}

/// Files the snapshots of a bundle that are not here yet.
pub fn import_bundle(project: &Project, path: &Path) -> Result<Imported, RunError> {
    let root = &project.settings.storage.root;
    let _lock = lock(root)?;
    let archive = Archive::new(root);
    // Before anything is in them.
    for pipeline in project.pipelines.all.iter().filter(|pipeline| pipeline.kind == Kind::Memberships) {
        archive.keep_private(&pipeline.id)?;
    }
    Ok(Imported::Bundle(archive.import(disk::open(path)?)?))
}

/// Files a payload as if it had been fetched then, once the pipeline's format can read all of it. The next run takes it
/// up at its place in history.
pub fn import(project: &Project, path: &Path, origin: &Origin) -> Result<Imported, PayloadError> {
    let root = &project.settings.storage.root;
    let (pipeline, edition) = table(project, origin)?;
    if origin.fetched_at > Timestamp::now() {
        let message = format!("expected a moment of the past, found {}", origin.fetched_at);
        Err(not_so(message, "`--fetched-at` is when the bytes were fetched from the source"))?;
    }
    if project.settings.profile == Profile::Sample && !origin.is_synthetic {
        let message = "the profile is `sample`, whose figures are never mixed with real ones".to_owned();
        Err(not_so(message, "use `--profile live`, or say `--synthetic` of bytes that are made up"))?;
    }
    let _lock = lock(root).map_err(RunError::from)?;
    let rows = count_rows(project, pipeline, path)?;
    let archive = Archive::new(root);
    if pipeline.kind == Kind::Memberships {
        archive.keep_private(&pipeline.id).map_err(RunError::from)?;
    }
    let mut draft = archive.draft(&pipeline.id);
    let mut file = disk::open(path).map_err(RunError::from)?;
    io::copy(&mut file, &mut draft).map_err(PayloadError::Write)?;
    // To the microsecond, as file names and the lake keep it.
    let fetched_at = Timestamp::from_microsecond(origin.fetched_at.as_microsecond()).unwrap_or(origin.fetched_at);
    let mut entries = archive.entries(&pipeline.id).map_err(RunError::from)?.into_iter();
    let twin = entries.find(|entry| {
        entry.sidecar.dataset == edition.dataset && entry.is_data() && entry.sidecar.fetched_at == fetched_at
    });
    match twin {
        Some(twin) if twin.sidecar.hash == draft.hash() => return Ok(Imported::Known),
        Some(twin) => {
            let message =
                format!("expected one snapshot of {fetched_at}, found `{}` in the archive", twin.sidecar.file);
            Err(not_so(message, "two different payloads cannot have come at one moment: correct `--fetched-at`"))?;
        }
        None => {}
    }
    let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    let mut headers = vec![("x-tejido-imported-from".to_owned(), name)];
    if origin.is_synthetic {
        headers.push((PROVENANCE_HEADER.to_owned(), "synthetic".to_owned()));
    }
    let sidecar = Sidecar {
        pipeline: pipeline.id.clone(),
        dataset: edition.dataset.clone(),
        url: origin.url.clone().unwrap_or_else(|| project.url(pipeline, edition)),
        method: "IMPORT".into(),
        status: 200,
        delivered_from: None,
        refused: None,
        part: None,
        checked: None,
        headers,
        fetched_at,
        raw_bytes: 0,
        hash: String::new(),
        file: String::new(),
        tool: TOOL.into(),
    };
    let snapshot = draft.commit(pipeline.decode.format.extension(), sidecar).map_err(RunError::from)?;
    Ok(Imported::Payload { file: snapshot.path(), rows })
}

/// What `gc` may remove: messages, and snapshots that said nothing new, both older than `keep`. Never the newest
/// snapshot of a table, with which the next request is compared, and never what a build or a vintage needs.
pub fn removable(project: &Project, keep: SignedDuration, now: Timestamp) -> Result<Vec<Held>, RunError> {
    let mut all = held(project, &[])?;
    let mut newest: HashMap<(String, String), Timestamp> = HashMap::new();
    for held in all.iter().filter(|held| held.snapshot.is_data()) {
        let table = (held.sidecar.pipeline.clone(), held.sidecar.dataset.clone());
        let at = newest.entry(table).or_insert(held.sidecar.vintage());
        *at = held.sidecar.vintage().max(*at);
    }
    let newest: HashSet<(String, String, Timestamp)> =
        newest.into_iter().map(|((pipeline, dataset), at)| (pipeline, dataset, at)).collect();
    all.retain(|held| {
        let Sidecar { pipeline, dataset, fetched_at, .. } = &held.sidecar;
        let vintage = held.sidecar.vintage();
        let is_idle = match held.standing {
            Standing::Message => true,
            Standing::Seen => !newest.contains(&(pipeline.clone(), dataset.clone(), vintage)),
            Standing::Published | Standing::Vintage | Standing::Unreadable | Standing::Unused => false,
        };
        is_idle && held.builds.is_empty() && now.duration_since(*fetched_at) > keep
    });
    Ok(all)
}

/// Removes what [`removable`] finds, which is worked out anew once nobody else writes.
pub fn collect(project: &Project, keep: SignedDuration, now: Timestamp) -> Result<Vec<Held>, RunError> {
    let _lock = lock(&project.settings.storage.root)?;
    let gone = removable(project, keep, now)?;
    for held in &gone {
        held.snapshot.remove()?;
    }
    Ok(gone)
}

/// The builds that each snapshot is needed by, by its hash, also those of earlier moments (`--as-of`).
fn needed(root: &Path) -> Result<HashMap<String, Vec<String>>, RunError> {
    let as_of = root.join("as-of");
    let mut roots = vec![root.to_owned()];
    roots.extend(disk::list(&as_of)?.into_iter().map(|moment| as_of.join(moment)));
    let mut needed: HashMap<String, Vec<String>> = HashMap::new();
    for root in roots {
        for build in publish::builds(&root)? {
            for input in build.manifest.inputs {
                let builds = needed.entry(input.snapshot).or_default();
                builds.push(build.manifest.build_id.clone());
            }
        }
    }
    Ok(needed)
}

fn rules(project: &Project, pipeline: &Pipeline, edition: &Edition) -> Result<String, RunError> {
    Ok(fingerprint::rules(pipeline, edition, &project.codelists, &project.hash_key()?))
}

/// The table that imported bytes are of.
fn table<'p>(project: &'p Project, origin: &Origin) -> Result<(&'p Pipeline, &'p Edition), RunError> {
    project.pipelines.select(std::slice::from_ref(&origin.pipeline))?;
    let pipeline = project.pipelines.all.iter().find(|pipeline| pipeline.id == origin.pipeline);
    let of: Vec<(&Pipeline, &Edition)> =
        pipeline.into_iter().flat_map(|pipeline| editions(pipeline).map(move |edition| (pipeline, edition))).collect();
    let fits = |edition: &Edition| origin.dataset.as_ref().is_none_or(|dataset| edition.dataset == *dataset);
    let fitting: Vec<_> = of.iter().filter(|(_, edition)| fits(edition)).collect();
    match fitting.as_slice() {
        [found] => Ok(**found),
        _ => {
            let datasets: Vec<&str> = of.iter().map(|(_, edition)| edition.dataset.as_str()).collect();
            Err(not_so(
                match &origin.dataset {
                    Some(dataset) => format!("expected a table of `{}`, found `{dataset}`", origin.pipeline),
                    None => format!("expected `--dataset`, since `{}` has several tables", origin.pipeline),
                },
                &format!("there are {}", datasets.join(", ")),
            ))
        }
    }
}

/// Decodes a file to its end, so that only what can be read is filed.
fn count_rows(project: &Project, pipeline: &Pipeline, path: &Path) -> Result<u64, PayloadError> {
    let wrong = |source: DecodeError| PayloadError::Decode { name: path.display().to_string(), source };
    let file = path.to_owned();
    let source = Source::new(move || Ok(Box::new(disk::open(&file).map_err(io::Error::other)?)));
    let table = decode::open(pipeline.decode.format, &source, &hints(pipeline, &project.settings)).map_err(wrong)?;
    let mut rows = 0;
    for batch in table.batches {
        rows += batch.map_err(wrong)?.num_rows() as u64;
    }
    Ok(rows)
}

/// That something was asked for that cannot be.
fn not_so(message: String, hint: &str) -> RunError {
    RunError::Argument { message, hint: hint.to_owned() }
}
