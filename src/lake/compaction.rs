//! The partitions of a table that has had many vintages become one file.
//!
//! A folder with the new file takes the place of the table's folder in one step, so that whoever lists it sees either
//! the many files or the one, and no row twice. Who has listed it before finds some of the files gone: an error, and no
//! wrong number.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use super::{
    DESCRIPTIONS, Description, Lake, LakeError, Partition, PartitionWriter, disk, failed_read, open_observations,
};

impl Lake {
    /// Puts the partitions of observations of one table, oldest first, into one file if they are in more than `most`.
    /// Gives them with their place now.
    pub fn compact(&self, folder: &Path, partitions: Vec<Partition>, most: usize) -> Result<Vec<Partition>, LakeError> {
        let files: BTreeSet<&Path> = partitions.iter().map(|partition| partition.path.as_path()).collect();
        let Some(last) = partitions.last().filter(|_| files.len() > most) else {
            return Ok(partitions);
        };
        let name = name(&partitions, &last.description);
        // Outside of the folder that readers look into.
        let draft = self.root.join(format!(".tmp-compact-{name}"));
        disk::remove_dir(&draft)?;
        let fetched = last.path.parent().and_then(Path::file_name).unwrap_or_default();
        let path = draft.join(fetched).join(&name);
        write(&path, &partitions)?;
        // Other pipelines may have partitions of the same table.
        for other in others(folder, &files)? {
            disk::hard_link(&folder.join(&other), &draft.join(&other))?;
        }
        let is_exchanged = disk::exchange(&draft, folder)?;
        disk::remove_dir(&draft)?;
        if !is_exchanged {
            tracing::debug!(folder = %folder.display(), "the file system cannot exchange two folders: nothing is compacted");
            return Ok(partitions);
        }
        let path = folder.join(fetched).join(&name);
        Ok(partitions.into_iter().map(|partition| Partition { path: path.clone(), ..partition }).collect())
    }
}

/// A name that no other partition of the table has: of all that is in the file.
fn name(partitions: &[Partition], last: &Description) -> String {
    let mut hasher = blake3::Hasher::new();
    for partition in partitions {
        hasher.update(partition.description.fingerprint.as_bytes());
    }
    let hash = hasher.finalize().to_hex();
    format!("{}-{}-{}.parquet", last.pipeline, &hash[..16], &last.fingerprint[..8])
}

fn write(path: &Path, partitions: &[Partition]) -> Result<(), LakeError> {
    let mut writer = PartitionWriter::create_observations(path)?;
    let mut read: Option<&Path> = None;
    for partition in partitions.iter().filter(|partition| partition.description.rows > 0) {
        // One that is in the same file as the one before has been read with it.
        if read.replace(&partition.path) == Some(&partition.path) {
            continue;
        }
        let reader = open_observations(&partition.path)?.with_batch_size(65_536).build();
        let reader = reader.map_err(|source| failed_read(&partition.path, source))?;
        for batch in reader {
            writer.write(&batch?)?;
        }
    }
    let descriptions: Vec<&Description> = partitions.iter().map(|partition| &partition.description).collect();
    // Structs of strings and numbers always have a JSON form.
    writer.finish_plain(DESCRIPTIONS, serde_json::to_string(&descriptions).unwrap_or_default())
}

/// The files below a table's folder that are not among these, relative to it.
fn others(folder: &Path, files: &BTreeSet<&Path>) -> Result<Vec<PathBuf>, LakeError> {
    let mut others = Vec::new();
    for fetched in disk::list(folder)? {
        for name in disk::list(&folder.join(&fetched))? {
            let relative = Path::new(&fetched).join(name);
            if !files.contains(folder.join(&relative).as_path()) {
                others.push(relative);
            }
        }
    }
    Ok(others)
}
