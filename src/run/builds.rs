//! The builds that are kept: which one readers see, going back to another one, keeping one for good.

use jiff::Timestamp;
use serde::Serialize;

use std::path::Path;

use super::remote::{Remote, Scope, finish};
use super::warehouse::{limits, read_models};
use super::{Project, RunError, lock};
use crate::publish::{self, Kept, Published};
use crate::warehouse::{self, MartDiff, ModelResult, Side};

/// A build that is kept.
#[derive(Debug, Clone, Serialize)]
pub struct KeptBuild {
    /// Its name.
    pub build_id: String,
    /// When it was made.
    pub built_at: Timestamp,
    /// When it was published for the last time.
    pub published_at: Timestamp,
    /// Since when another one has been.
    pub replaced_at: Option<Timestamp>,
    /// Whether it is what readers see.
    pub published: bool,
    /// Whether it was gone back from.
    pub withdrawn: bool,
    /// Whether it is never removed.
    pub pinned: bool,
    /// `sample` or `live`.
    pub profile: String,
    /// Size of its files.
    pub bytes: u64,
    /// Rows of all marts.
    pub mart_rows: u64,
}

/// All builds, oldest first.
pub fn kept(project: &Project) -> Result<Vec<KeptBuild>, RunError> {
    let kept = publish::kept(&project.settings.storage.root)?;
    Ok(kept.into_iter().map(KeptBuild::from).collect())
}

impl From<Kept> for KeptBuild {
    fn from(kept: Kept) -> Self {
        let manifest = kept.build.manifest;
        let marts = read_models(&manifest).into_iter().filter(|model| model.is_mart);
        KeptBuild {
            mart_rows: marts.map(|model| model.rows).sum(),
            bytes: manifest.files.iter().map(|file| file.bytes).sum(),
            build_id: manifest.build_id,
            built_at: manifest.built_at,
            published_at: kept.published_at,
            replaced_at: kept.replaced_at,
            published: kept.is_published,
            withdrawn: kept.is_withdrawn,
            pinned: kept.is_pinned,
            profile: manifest.profile,
        }
    }
}

/// Lets `published` point at a build: at the one before the present one if none is named. Gives its name.
pub async fn roll_back(project: &Project, name: Option<&str>) -> Result<String, RunError> {
    let root = &project.settings.storage.root;
    // Not while a run is about to switch.
    let _lock = lock(root)?;
    let remote = Remote::begin(project, Scope::Whole).await?;
    if let (Some(remote), Some(name)) = (&remote, name) {
        remote.fetch_named(name).await?;
    }
    let kept = publish::kept(root)?;
    let id = match name {
        Some(name) => named(&kept, name)?,
        None => {
            let current = kept.iter().position(|build| build.is_published);
            let before = current.and_then(|at| kept[..at].iter().rfind(|build| !build.is_withdrawn));
            let before = before.ok_or_else(|| RunError::Argument {
                message: "there is no build before the published one".into(),
                hint: "`tejido builds` lists them".into(),
            })?;
            before.build.manifest.build_id.clone()
        }
    };
    publish::roll_back(root, &id, Timestamp::now())?;
    finish(remote).await?;
    Ok(id)
}

/// Keeps a build whatever its age, or no longer. Gives its name.
pub async fn pin(project: &Project, name: &str, is_pinned: bool) -> Result<String, RunError> {
    let root = &project.settings.storage.root;
    let _lock = lock(root)?;
    let remote = Remote::begin(project, Scope::Whole).await?;
    let id = named(&publish::kept(root)?, name)?;
    publish::pin(root, &id, is_pinned)?;
    finish(remote).await?;
    Ok(id)
}

/// The build of this name, or the published one.
pub(super) fn chosen(root: &Path, name: Option<&str>) -> Result<Published, RunError> {
    match name {
        Some(name) => {
            let kept = publish::kept(root)?;
            let id = named(&kept, name)?;
            let found = kept.into_iter().map(|kept| kept.build).find(|build| build.manifest.build_id == id);
            found.ok_or_else(nothing_published)
        }
        None => publish::current(root)?.ok_or_else(nothing_published),
    }
}

/// The mart of this name.
pub(super) fn mart<'m>(models: &'m [ModelResult], name: &str) -> Result<&'m ModelResult, RunError> {
    let marts = models.iter().filter(|model| model.is_mart);
    let found = marts.clone().find(|model| model.name == name);
    found.ok_or_else(|| RunError::unknown("a mart", name, marts.map(|model| model.name.as_str())))
}

fn nothing_published() -> RunError {
    RunError::Argument { message: "there is no published build".into(), hint: "`tejido run` makes one".into() }
}

/// Compares the marts of two builds, by default the published one with the one before it. Gives their names, too.
pub fn diff(project: &Project, old: Option<&str>, new: Option<&str>, samples: usize) -> Result<BuildDiff, RunError> {
    let root = &project.settings.storage.root;
    let new = chosen(root, new)?;
    let old = match old {
        Some(old) => chosen(root, Some(old))?,
        None => {
            let kept = publish::kept(root)?;
            let before = kept.into_iter().rfind(|kept| kept.build.manifest.build_id < new.manifest.build_id);
            let before = before.ok_or_else(|| RunError::Argument {
                message: format!("there is no build before {}", new.manifest.build_id),
                hint: "`tejido builds` lists them".into(),
            })?;
            before.build
        }
    };
    let models = [&old, &new].map(|build| read_models(&build.manifest));
    let marts = warehouse::diff(
        Side { folder: &old.folder, models: &models[0] },
        Side { folder: &new.folder, models: &models[1] },
        &limits(project),
        samples,
        0.0,
    );
    Ok(BuildDiff { old: old.manifest.build_id, new: new.manifest.build_id, marts: marts.map_err(RunError::Build)? })
}

/// How two builds differ.
#[derive(Debug, Clone, Serialize)]
pub struct BuildDiff {
    /// The old build.
    pub old: String,
    /// The new build.
    pub new: String,
    /// Each mart, whether it differs or not.
    pub marts: Vec<MartDiff>,
}

/// The only build whose name begins like this.
fn named(kept: &[Kept], name: &str) -> Result<String, RunError> {
    let ids = kept.iter().map(|build| build.build.manifest.build_id.as_str());
    let found: Vec<&str> = ids.filter(|id| id.starts_with(name)).collect();
    match found.as_slice() {
        [one] => Ok((*one).to_owned()),
        [] => Err(RunError::Argument {
            message: format!("expected a build, found `{name}`"),
            hint: "`tejido builds` lists them".into(),
        }),
        several => Err(RunError::Argument {
            message: format!("expected one build, found {} that begin with `{name}`", several.len()),
            hint: "give more of its name".into(),
        }),
    }
}
