//! The files of a build, each with its hash.

use std::collections::BTreeMap;
use std::path::Path;

use serde::{Deserialize, Serialize};

use super::{LAKE, PublishError};
use crate::disk::{self, DiskError};

/// A file of a build.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FileRecord {
    /// Its place below the build's folder.
    pub path: String,
    /// Its size.
    pub bytes: u64,
    /// BLAKE3 of it.
    pub hash: String,
}

/// All files of a build's folder, hashed as they are now; but not those of [`LAKE`].
pub fn records(folder: &Path) -> Result<Vec<FileRecord>, PublishError> {
    completed(folder, Vec::new())
}

/// The same, where some have been hashed already and not been written to since.
pub(super) fn completed(folder: &Path, known: Vec<FileRecord>) -> Result<Vec<FileRecord>, PublishError> {
    let mut known: BTreeMap<String, FileRecord> =
        known.into_iter().map(|record| (record.path.clone(), record)).collect();
    let mut paths = disk::files_below(folder)?;
    paths.retain(|path| !Path::new(path).starts_with(LAKE));
    paths.into_iter().map(|path| known.remove(&path).map_or_else(|| record(folder, path), Ok)).collect()
}

fn record(folder: &Path, path: String) -> Result<FileRecord, PublishError> {
    let file = folder.join(&path);
    Ok(FileRecord { path, bytes: disk::size_bytes(&file)?, hash: hash(&file)? })
}

/// BLAKE3 of a file, in hexadecimal digits.
pub fn hash(file: &Path) -> Result<String, PublishError> {
    let mut hasher = blake3::Hasher::new();
    hasher.update_reader(disk::open(file)?).map_err(|source| DiskError::reading(file, source))?;
    Ok(hasher.finalize().to_hex().to_string())
}
