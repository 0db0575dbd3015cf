//! One folder a build, one atomic switch.
//!
//! `builds/<id>/` is written under a name that starts with `.tmp-`, synced, renamed, and only then does
//! the link `published` point at it. Who has the old build open goes on reading it. Killed at any
//! moment, `published` is the old build or the new one, whole. Older builds stay for a while (`builds.rs`).

mod builds;
mod files;
mod manifest;
pub mod metadata;

pub use builds::{Kept, Retention, adopt, kept, pin, pins, retire, roll_back, switches, withdrawn};
pub use files::{FileRecord, hash, records as files};
pub use manifest::{InputRecord, Manifest, PipelineRecord};
pub use metadata::About;

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use crate::disk::{self, DiskError};
use crate::error::{Hint, Report};

/// A build that could not be published or read.
#[derive(Debug, thiserror::Error)]
pub enum PublishError {
    /// The disk refused.
    #[error(transparent)]
    Disk(#[from] DiskError),
    /// A manifest is not what this program writes.
    #[error("expected a manifest in `{}`, found something else", path.display())]
    Manifest {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        source: serde_json::Error,
    },
}

impl Hint for PublishError {
    fn hint(&self) -> Option<String> {
        match self {
            PublishError::Disk(error) => error.hint(),
            PublishError::Manifest { path, .. } => {
                let folder = path.parent().unwrap_or(path).display();
                Some(format!(
                    "remove the folder `{folder}`: what it was made from is kept, and the next run builds again"
                ))
            }
        }
    }
}

/// A published build.
#[derive(Debug, Clone)]
pub struct Published {
    /// Its folder, below `builds/`.
    pub folder: PathBuf,
    /// What it was made from.
    pub manifest: Manifest,
}

/// The published build of a data root, if there is one.
pub fn current(data_root: &Path) -> Result<Option<Published>, PublishError> {
    let Some(folder) = folder(data_root)? else {
        return Ok(None);
    };
    match read(folder) {
        // The link hangs: the build was removed by hand.
        Err(PublishError::Disk(error)) if error.is_not_found() => Ok(None),
        published => published.map(Some),
    }
}

fn read(folder: PathBuf) -> Result<Published, PublishError> {
    Ok(Published { manifest: manifest(&folder)?, folder })
}

/// The manifest in the folder of a build.
pub fn manifest(folder: &Path) -> Result<Manifest, PublishError> {
    let path = folder.join("manifest.json");
    let bytes = disk::read(&path)?;
    serde_json::from_slice(&bytes).map_err(|source| PublishError::Manifest { path, source })
}

/// Whether the manifest in the folder of a build is as it was published.
pub fn is_as_written(folder: &Path) -> Result<bool, PublishError> {
    Ok(manifest::is_as_written(&disk::read(&folder.join("manifest.json"))?))
}

/// The folder at which the link `published` points now.
pub fn folder(data_root: &Path) -> Result<Option<PathBuf>, DiskError> {
    Ok(disk::read_link(&data_root.join("published"))?.map(|target| data_root.join(target)))
}

/// All builds of a data root that are whole, oldest first.
pub fn builds(data_root: &Path) -> Result<Vec<Published>, PublishError> {
    let builds = data_root.join("builds");
    disk::list(&builds)?.into_iter().map(|name| read(builds.join(name))).collect()
}

/// The folder of a build in which files of the lake have names of its own: they are no files of the build.
pub const LAKE: &str = "lake";

/// A build being written, where nobody looks.
pub struct Draft {
    data_root: PathBuf,
    id: String,
    folder: PathBuf,
    published: bool,
}

impl Draft {
    /// Starts a build, after removing what killed runs left.
    pub fn begin(data_root: &Path, id: &str) -> Result<Self, PublishError> {
        let builds = data_root.join("builds");
        disk::create_dir(&builds)?;
        disk::sweep(&builds)?;
        disk::sweep(data_root)?;
        let folder = builds.join(format!(".tmp-{id}"));
        disk::create_dir(&folder)?;
        Ok(Draft { data_root: data_root.to_path_buf(), id: id.to_owned(), folder, published: false })
    }

    /// The folder to write into.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// Gives the build up and keeps the rows that fail its audits, in place of those of the last one that was given up.
    /// Gives their folder, or none where no audit that failed is about rows.
    pub fn keep_audits(self) -> Result<Option<PathBuf>, PublishError> {
        let place = self.data_root.join("failed-audits");
        disk::remove_dir(&place)?;
        let rows = self.folder.join("audits");
        if !disk::is_dir(&rows) || disk::list(&rows)?.is_empty() {
            return Ok(None);
        }
        disk::rename(&rows, &place)?;
        Ok(Some(place))
    }

    /// Gives the build names of its own for these files of the data root's lake, which cost no room: who reads a folder of
    /// them is not disturbed when later runs put them together. A file system that has no such names goes without.
    pub fn keep_lake<'p>(&self, files: impl IntoIterator<Item = &'p Path>) -> Result<(), PublishError> {
        let mut folders = BTreeSet::new();
        for file in files {
            let Ok(place) = file.strip_prefix(&self.data_root) else { continue };
            let name = self.folder.join(place);
            if let Err(error) = disk::hard_link(file, &name) {
                tracing::debug!(
                    "the build has no names of its own for the files of the lake: {}",
                    Report::new(&error).one_line()
                );
                return Ok(disk::remove_dir(&self.folder.join(LAKE))?);
            }
            folders.extend(name.ancestors().skip(1).take_while(|folder| *folder != self.folder).map(Path::to_path_buf));
        }
        Ok(folders.iter().try_for_each(|folder| disk::sync_dir(folder))?)
    }

    /// A manifest with the files that are there by now, which are sealed: [`Draft::publish`] does not hash them again.
    pub fn described(&self, mut manifest: Manifest) -> Result<Manifest, PublishError> {
        manifest.files = files::records(&self.folder)?;
        Ok(manifest)
    }

    /// Writes the manifest and what others read in its place, gives the build its name and switches to it.
    pub fn publish(mut self, mut manifest: Manifest, about: &About) -> Result<PathBuf, PublishError> {
        metadata::write(&self.folder, &manifest, about)?;
        manifest.files = files::completed(&self.folder, std::mem::take(&mut manifest.files))?;
        let path = self.folder.join("manifest.json");
        let text = manifest.hashed().map_err(|source| PublishError::Manifest { path: path.clone(), source })?;
        disk::write_atomic(&path, text.as_bytes())?;
        disk::seal(&path)?;
        for folder in ["marts", "audits"].map(|name| self.folder.join(name)) {
            if disk::exists(&folder) {
                disk::sync_dir(&folder)?;
            }
        }
        let place = Path::new("builds").join(&self.id);
        disk::rename(&self.folder, &self.data_root.join(&place))?;
        self.published = true;
        builds::switch_to(&self.data_root, &self.id, manifest.built_at)?;
        Ok(self.data_root.join(place))
    }
}

impl Drop for Draft {
    fn drop(&mut self) {
        if !self.published {
            // A build that failed; if it cannot be removed now, the next one sweeps it.
            let _ = disk::remove_dir(&self.folder);
        }
    }
}
