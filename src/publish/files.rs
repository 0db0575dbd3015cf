//! The files of a build, each with its hash.

use std::io::Read;
use std::path::Path;

use serde::{Deserialize, Serialize};

use super::{PublishError, Published};
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

/// All files below a folder.
pub(super) fn records(folder: &Path) -> Result<Vec<FileRecord>, PublishError> {
    let mut paths = Vec::new();
    for name in disk::list(folder)? {
        match disk::is_dir(&folder.join(&name)) {
            true => paths.extend(disk::list(&folder.join(&name))?.into_iter().map(|file| format!("{name}/{file}"))),
            false => paths.push(name),
        }
    }
    paths.into_iter().map(|path| record(folder, path)).collect()
}

/// What is wrong with the files of a build, one sentence each.
pub fn damaged(build: &Published) -> Result<Vec<String>, PublishError> {
    let mut wrong = Vec::new();
    for expected in &build.manifest.files {
        match record(&build.folder, expected.path.clone()) {
            Ok(found) if found == *expected => {}
            Ok(found) if found.bytes != expected.bytes => {
                wrong.push(format!("`{}` has {} bytes, expected {}", expected.path, found.bytes, expected.bytes));
            }
            Ok(_) => wrong.push(format!("`{}` is not what was published: its hash differs", expected.path)),
            Err(PublishError::Disk(error)) if error.is_not_found() => {
                wrong.push(format!("`{}` is missing", expected.path));
            }
            Err(error) => return Err(error),
        }
    }
    Ok(wrong)
}

fn record(folder: &Path, path: String) -> Result<FileRecord, PublishError> {
    let file = folder.join(&path);
    let mut open = disk::open(&file)?;
    let mut hasher = blake3::Hasher::new();
    let mut buffer = vec![0; 1 << 20];
    let mut bytes = 0;
    loop {
        let read = open.read(&mut buffer).map_err(|source| DiskError::reading(&file, source))?;
        if read == 0 {
            break;
        }
        hasher.update(&buffer[..read]);
        bytes += read as u64;
    }
    Ok(FileRecord { path, bytes, hash: hasher.finalize().to_hex().to_string() })
}
