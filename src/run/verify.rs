//! Whether a build is what it says: its files, the snapshots that it was made from, a rebuild from these alone, and the
//! published cells, read again in the archived bytes.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use serde::Serialize;

use super::explain::{open, reading};
use super::warehouse::read_models;
use super::{BuildOutcome, Observer, Project, RunError, Sources};
use crate::archive::Archive;
use crate::lineage::{self, CellCheck, Payloads};
use crate::publish::{self, Published};
use crate::warehouse::{self, Limits, MartDiff, Side};
use crate::{disk, error::Report};

/// So many cells are read again where not all are asked for.
const SAMPLE: usize = 1000;

/// What came of verifying a build.
#[derive(Debug, Clone, Serialize)]
pub struct Verification {
    /// The build.
    pub build_id: String,
    /// Its files.
    pub files: Check,
    /// The snapshots that it was made from.
    pub snapshots: Check,
    /// The marts that were built again.
    pub rebuild: Rebuild,
    /// The cells that were read again.
    pub cells: CellCheck,
}

/// How many things were looked at, and what is wrong with some.
#[derive(Debug, Clone, Default, Serialize)]
pub struct Check {
    /// How many.
    pub checked: u64,
    /// What is wrong.
    pub problems: Vec<String>,
}

/// What came of building the marts again.
#[derive(Debug, Clone, Default, Serialize)]
pub struct Rebuild {
    /// Why it could not be done; then nothing was compared.
    pub refused: Option<String>,
    /// The marts that were compared.
    pub marts: u64,
    /// Those that came out different.
    pub different: Vec<String>,
}

impl Verification {
    /// Whether everything is as it should be.
    pub fn is_good(&self) -> bool {
        self.files.problems.is_empty()
            && self.snapshots.problems.is_empty()
            && self.rebuild.refused.is_none()
            && self.rebuild.different.is_empty()
            && self.cells.wrong == 0
    }
}

/// Verifies a build, the published one if none is named. The rebuild goes into a folder of its own, which is removed.
pub async fn verify(
    project: Project,
    build: Option<&str>,
    is_full: bool,
    observer: Arc<dyn Observer>,
) -> Result<Verification, RunError> {
    let root = project.settings.storage.root.clone();
    let published = super::builds::chosen(&root, build)?;
    observer.warehouse("hashing the build's files");
    let files = files(&published)?;
    observer.warehouse("hashing the snapshots");
    let snapshots = snapshots(&Archive::new(&root), &published)?;
    observer.warehouse("reading cells again");
    let cells = {
        let reader = open(&project, &published)?;
        let reading = |pipeline: &str| reading(&project, pipeline);
        let payloads = Payloads { archive: Archive::new(&root), inputs: &published.manifest.inputs, reading: &reading };
        let models = read_models(&published.manifest);
        lineage::check_cells(&reader, &models, &payloads, (!is_full).then_some(SAMPLE))?
    };
    let rebuild = rebuild(project, &published, observer).await?;
    Ok(Verification { build_id: published.manifest.build_id, files, snapshots, rebuild, cells })
}

/// What came of building with the other engine.
#[derive(Debug, Clone, Serialize)]
pub struct Engines {
    /// The build.
    pub build_id: String,
    /// What it was made with.
    pub engine: String,
    /// What it was made with again.
    pub other: String,
    /// Why that could not be done, and what to do; then nothing was compared.
    pub refused: Option<String>,
    /// Each mart, whether it differs or not; `old` is the build, `new` is the other engine's.
    pub marts: Vec<MartDiff>,
}

/// Doubles of two engines are equal that differ by no larger a share: they add in another order.
const TOLERANCE: f64 = 1e-12;

impl Engines {
    /// Whether both gave the same.
    pub fn is_good(&self) -> bool {
        self.refused.is_none() && self.marts.iter().all(MartDiff::is_empty)
    }
}

/// Builds again what was known when the build was made, with the engine that it was not made with, and compares all marts
/// cell by cell. Everything happens in a folder of its own, which is removed.
pub async fn engines(
    project: Project,
    build: Option<&str>,
    samples: usize,
    observer: Arc<dyn Observer>,
) -> Result<Engines, RunError> {
    let root = project.settings.storage.root.clone();
    let published = super::builds::chosen(&root, build)?;
    let manifest = &published.manifest;
    if project.models_checked != manifest.models_checked {
        return Err(RunError::Argument {
            message: format!(
                "expected the models and the engine that `{}` was made with, found others",
                manifest.build_id
            ),
            hint: "`tejido run` makes a build with those that are here".into(),
        });
    }
    let limits = super::warehouse::limits(&project);
    let mut apart =
        project.on_other_engine()?.known_in(&format!("engines-{}", manifest.build_id), manifest.built_at)?;
    apart.settings.report.enabled = false;
    let (other, folder) = (apart.engine.clone(), apart.settings.storage.root.clone());
    let outcome = super::run(Arc::new(apart), &Sources::Offline, observer).await;
    let compared = with_other(outcome, &published, &folder, &limits, samples);
    disk::remove_dir(&folder)?;
    let (marts, refused) = compared?;
    Ok(Engines { build_id: manifest.build_id.clone(), engine: manifest.engine.clone(), other, refused, marts })
}

fn with_other(
    outcome: Result<super::RunReport, RunError>,
    published: &Published,
    folder: &Path,
    limits: &Limits,
    samples: usize,
) -> Result<(Vec<MartDiff>, Option<String>), RunError> {
    if let Err(report) = outcome?.build {
        let hint = report.hint.iter().map(|hint| format!(" (hint: {hint})"));
        return Ok((Vec::new(), Some(report.one_line() + &hint.collect::<String>())));
    }
    let Some(again) = publish::current(folder)? else {
        return Ok((Vec::new(), Some("the archive has nothing to build from".into())));
    };
    let models = [&published.manifest, &again.manifest].map(read_models);
    let sides =
        (Side { folder: &published.folder, models: &models[0] }, Side { folder: &again.folder, models: &models[1] });
    let marts = warehouse::diff(sides.0, sides.1, limits, samples, TOLERANCE).map_err(RunError::Build)?;
    Ok((marts, None))
}

fn files(published: &Published) -> Result<Check, RunError> {
    let mut check = Check::default();
    let records = &published.manifest.files;
    if records.is_empty() {
        check.problems.push("the manifest has no hashes: it was made by an earlier version".into());
    }
    check.checked += 1;
    if !publish::is_as_written(&published.folder)? {
        check.problems.push("`manifest.json` is not what was published: its hash is of other bytes".into());
    }
    let now: BTreeMap<String, publish::FileRecord> =
        publish::files(&published.folder)?.into_iter().map(|record| (record.path.clone(), record)).collect();
    for record in records {
        check.checked += 1;
        match now.get(&record.path) {
            None => check.problems.push(format!("`{}` is missing", record.path)),
            Some(found) if found.hash != record.hash => {
                check.problems.push(format!("`{}` is not what was published: its hash is another", record.path));
            }
            Some(_) => {}
        }
    }
    let known = |path: &str| path == "manifest.json" || records.iter().any(|record| record.path == path);
    let strange = now.keys().filter(|path| !known(path));
    check.problems.extend(strange.map(|path| format!("`{path}` is no part of the build")));
    Ok(check)
}

fn snapshots(archive: &Archive, published: &Published) -> Result<Check, RunError> {
    let mut check = Check::default();
    for input in &published.manifest.inputs {
        check.checked += 1;
        match archive.find(&input.pipeline, input.file_name(), &input.snapshot)? {
            None => check.problems.push(format!("`{}` is not in the archive any more", input.file)),
            Some(snapshot) => {
                if let Err(error) = snapshot.verify() {
                    check.problems.push(Report::new(&error).one_line());
                }
            }
        }
    }
    Ok(check)
}

/// Builds again what was known when the build was made, from the archive alone, and compares the content of the marts.
async fn rebuild(project: Project, published: &Published, observer: Arc<dyn Observer>) -> Result<Rebuild, RunError> {
    let manifest = &published.manifest;
    let models = read_models(manifest);
    let name = |model: &&crate::warehouse::ModelResult| model.is_mart;
    let expected: BTreeMap<&str, Option<&str>> =
        models.iter().filter(name).map(|model| (model.name.as_str(), model.content_hash.as_deref())).collect();
    if project.models_checked != manifest.models_checked {
        let refused = "the models, the program or DuckDB are not those that the build was made with".to_owned();
        return Ok(Rebuild { refused: Some(refused), ..Rebuild::default() });
    }
    let apart = project.known_in(&format!("verify-{}", manifest.build_id), manifest.built_at)?;
    let folder = apart.settings.storage.root.clone();
    let outcome = super::run(Arc::new(apart), &Sources::Offline, observer).await;
    let compared = compare(outcome, &folder, &manifest.world, &expected);
    disk::remove_dir(&folder)?;
    compared
}

fn compare(
    outcome: Result<super::RunReport, RunError>,
    folder: &Path,
    world: &str,
    expected: &BTreeMap<&str, Option<&str>>,
) -> Result<Rebuild, RunError> {
    let mut rebuild = Rebuild::default();
    match outcome?.build {
        Ok(BuildOutcome::Published { .. }) => {}
        Ok(_) => rebuild.refused = Some("the archive has nothing to build from".into()),
        Err(report) => rebuild.refused = Some(report.one_line()),
    }
    let Some(again) = publish::current(folder)? else {
        return Ok(rebuild);
    };
    let models = read_models(&again.manifest);
    for model in models.iter().filter(|model| model.is_mart) {
        rebuild.marts += 1;
        if expected.get(model.name.as_str()) != Some(&model.content_hash.as_deref()) {
            rebuild.different.push(model.name.clone());
        }
    }
    if !rebuild.different.is_empty() && again.manifest.world != world {
        rebuild.refused =
            Some("pipelines, codelists or settings are not those that the build was made with".to_owned());
    }
    Ok(rebuild)
}
