//! Append-only raw snapshots: the bytes as they came, compressed with zstd, and a sidecar beside them.
//!
//! `archive/<pipeline>/<fetched-at>-<hash>.<ext>.zst` holds the bytes, `….json` what is known about
//! them. A snapshot exists once its sidecar does; the sidecar is written last. Bodies of error
//! responses are kept in the same way, with their status, and are never offered for decoding. Nothing
//! is ever overwritten: that a snapshot could not be decoded is a further file,
//! `<stem>.failed-<fingerprint>.json`, which counts only for the rules with that fingerprint. Only
//! `tejido archive gc` removes something, when a person says so.

mod bundle;
mod delivery;
mod draft;

pub use bundle::{Filed, is_bundle};
pub use delivery::{Delivery, Part};
pub use draft::Draft;

use std::io::{self, BufReader, Read};
use std::path::{Path, PathBuf};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::disk::{self, DiskError};
use crate::error::Hint;

/// What is known about a snapshot.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sidecar {
    /// The pipeline that asked.
    pub pipeline: String,
    /// The source's table id.
    pub dataset: String,
    /// The documented address, without a mirror.
    pub url: String,
    /// HTTP method.
    pub method: String,
    /// HTTP status.
    pub status: u16,
    /// The address that the source named for what it delivered later.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub delivered_from: Option<String>,
    /// What the source said in place of data, if the body is that.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub refused: Option<String>,
    /// Which part of a delivery it is, of a table that came in several.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub part: Option<Part>,
    /// What the source said of its last change before it was asked for data, where it can be asked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub checked: Option<String>,
    /// All response headers, names in lower case.
    pub headers: Vec<(String, String)>,
    /// When the response was complete, UTC, to the microsecond.
    pub fetched_at: Timestamp,
    /// Size of the bytes as they came.
    pub raw_bytes: u64,
    /// BLAKE3 of the bytes as they came, in hex.
    pub hash: String,
    /// File that holds them, zstd-compressed, in the same folder.
    pub file: String,
    /// Program and version that fetched.
    pub tool: String,
}

impl Sidecar {
    /// An error unless these bytes are those that it speaks of.
    fn check(&self, mut bytes: impl Read) -> io::Result<()> {
        let mut hasher = blake3::Hasher::new();
        let raw_bytes = io::copy(&mut bytes, &mut hasher)?;
        match raw_bytes == self.raw_bytes && hasher.finalize().to_hex().as_str() == self.hash {
            true => Ok(()),
            false => Err(io::Error::other("the bytes have another hash than the sidecar says")),
        }
    }

    /// The moment under which its rows stand in the lake: that of the delivery that it is a part of, or its own.
    pub fn vintage(&self) -> Timestamp {
        self.part.as_ref().map_or(self.fetched_at, |part| part.vintage)
    }

    /// The value of a response header.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }
}

/// A snapshot in the archive.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Snapshot {
    /// What is known about it.
    pub sidecar: Sidecar,
    folder: PathBuf,
    stem: String,
}

impl Snapshot {
    /// The file with the bytes.
    pub fn path(&self) -> PathBuf {
        self.folder.join(&self.sidecar.file)
    }

    /// The bytes as they came; a damaged file is a read error.
    pub fn open(&self) -> Result<Box<dyn Read + Send>, ArchiveError> {
        let file = disk::open(&self.path())?;
        let reader = zstd::Decoder::with_buffer(BufReader::with_capacity(1 << 17, file))
            .map_err(|source| self.damaged(source))?;
        Ok(Box::new(reader))
    }

    fn sidecar_path(&self) -> PathBuf {
        self.folder.join(format!("{}.json", self.stem))
    }

    /// Whether the source sent data, and not a message in their place.
    pub fn is_data(&self) -> bool {
        self.sidecar.status == 200 && self.sidecar.refused.is_none()
    }

    /// Size of the file with the bytes, compressed.
    pub fn stored_bytes(&self) -> Result<u64, ArchiveError> {
        Ok(disk::size_bytes(&self.path())?)
    }

    /// Removes it and what is noted of it. The sidecar goes first: without it there is no snapshot.
    pub fn remove(&self) -> Result<(), ArchiveError> {
        disk::remove_file(&self.sidecar_path())?;
        disk::remove_file(&self.path())?;
        let notes = format!("{}.failed-", self.stem);
        for name in disk::list(&self.folder)?.iter().filter(|name| name.starts_with(&notes)) {
            disk::remove_file(&self.folder.join(name))?;
        }
        Ok(disk::sync_dir(&self.folder)?)
    }

    /// An error unless the kept bytes are those that came.
    pub fn verify(&self) -> Result<(), ArchiveError> {
        self.sidecar.check(self.open()?).map_err(|source| self.damaged(source))
    }

    /// Why these rules could not decode it, if they were tried and could not.
    pub fn failure(&self, rules: &str) -> Result<Option<Failure>, ArchiveError> {
        match disk::read(&self.failure_path(rules)) {
            Ok(bytes) => serde_json::from_slice(&bytes)
                .map(Some)
                .map_err(|source| ArchiveError::Note { path: self.failure_path(rules), source }),
            Err(error) if error.is_not_found() => Ok(None),
            Err(error) => Err(error.into()),
        }
    }

    /// Remembers that these rules could not decode it.
    pub fn note_failure(&self, rules: &str, failure: &Failure) -> Result<(), ArchiveError> {
        let path = self.failure_path(rules);
        let text =
            serde_json::to_vec_pretty(failure).map_err(|source| ArchiveError::Note { path: path.clone(), source })?;
        Ok(disk::write_atomic(&path, &text)?)
    }

    fn failure_path(&self, rules: &str) -> PathBuf {
        let short = &rules[..rules.len().min(16)];
        self.folder.join(format!("{}.failed-{short}.json", self.stem))
    }

    fn damaged(&self, source: io::Error) -> ArchiveError {
        ArchiveError::Damaged { path: self.path(), source }
    }
}

/// That a snapshot could not be decoded.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Failure {
    /// What was wrong.
    pub message: String,
    /// What to do.
    pub hint: Option<String>,
}

/// An archive that could not be read or written.
#[derive(Debug, thiserror::Error)]
pub enum ArchiveError {
    /// The disk refused.
    #[error(transparent)]
    Disk(#[from] DiskError),
    /// A sidecar or note is no JSON of the expected shape.
    #[error("expected a sidecar in `{}`, found something else", path.display())]
    Note {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        source: serde_json::Error,
    },
    /// A bundle holds something else than snapshots, or other ones than are here.
    #[error("expected {expected}, found {found}")]
    Bundle {
        /// What should stand there.
        expected: String,
        /// What does.
        found: String,
        /// What to do.
        hint: Option<String>,
    },
    /// A bundle could not be read or written.
    #[error("could not {action} the bundle")]
    Transport {
        /// "read" or "write".
        action: &'static str,
        /// Why.
        source: io::Error,
    },
    /// The kept bytes cannot be decompressed.
    #[error("the archived file `{}` is damaged", path.display())]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        source: io::Error,
    },
}

impl Hint for ArchiveError {
    fn hint(&self) -> Option<String> {
        match self {
            ArchiveError::Disk(error) => error.hint(),
            ArchiveError::Note { .. } => {
                Some("restore the file from a copy, or move the snapshot out of the archive".into())
            }
            ArchiveError::Bundle { hint, .. } => hint.clone(),
            ArchiveError::Transport { action, .. } => (*action == "read")
                .then(|| "a bundle is what `tejido archive export` writes: take another copy of it".into()),
            ArchiveError::Damaged { .. } => Some(
                "restore the file from a copy, or move it and its .json out of the archive: the next run fetches anew"
                    .into(),
            ),
        }
    }
}

/// The archive below a data root.
#[derive(Debug, Clone)]
pub struct Archive {
    root: PathBuf,
}

/// The snapshot of a sidecar.
fn read(folder: &Path, stem: &str) -> Result<Snapshot, ArchiveError> {
    let path = folder.join(format!("{stem}.json"));
    let sidecar: Sidecar =
        serde_json::from_slice(&disk::read(&path)?).map_err(|source| ArchiveError::Note { path, source })?;
    Ok(Snapshot { sidecar, folder: folder.to_owned(), stem: stem.to_owned() })
}

impl Archive {
    /// The archive of this data root.
    pub fn new(data_root: &Path) -> Self {
        Archive { root: data_root.join("archive") }
    }

    /// The pipelines of which something is kept, by name.
    pub fn pipelines(&self) -> Result<Vec<String>, ArchiveError> {
        Ok(disk::list(&self.root)?)
    }

    /// All good snapshots of a pipeline (status 200 with data), oldest first.
    pub fn snapshots(&self, pipeline: &str) -> Result<Vec<Snapshot>, ArchiveError> {
        let mut snapshots = self.entries(pipeline)?;
        snapshots.retain(Snapshot::is_data);
        Ok(snapshots)
    }

    /// All good snapshots of a pipeline as they were delivered, oldest first; of a delivery in parts only whole ones.
    pub fn deliveries(&self, pipeline: &str) -> Result<Vec<Delivery>, ArchiveError> {
        Ok(Delivery::group(self.snapshots(pipeline)?))
    }

    /// All that is kept of a pipeline, messages and error bodies too, oldest first.
    pub fn entries(&self, pipeline: &str) -> Result<Vec<Snapshot>, ArchiveError> {
        let folder = self.root.join(pipeline);
        let mut entries = Vec::new();
        for name in disk::list(&folder)? {
            let Some(stem) = name.strip_suffix(".json").filter(|stem| !stem.contains(".failed-")) else {
                continue;
            };
            entries.push(read(&folder, stem)?);
        }
        entries.sort_by_key(|snapshot| snapshot.sidecar.fetched_at);
        Ok(entries)
    }

    /// The snapshot with this hash whose bytes stand in a file of this name, if it is still kept. No other sidecar is read.
    pub fn find(&self, pipeline: &str, file: &str, hash: &str) -> Result<Option<Snapshot>, ArchiveError> {
        let folder = self.root.join(pipeline);
        for name in disk::list(&folder)? {
            let stem = name.strip_suffix(".json").filter(|stem| !stem.contains(".failed-"));
            let Some(stem) = stem.filter(|stem| file.strip_prefix(*stem).is_some_and(|rest| rest.starts_with('.')))
            else {
                continue;
            };
            let snapshot = read(&folder, stem)?;
            if snapshot.is_data() && snapshot.sidecar.file == file && snapshot.sidecar.hash == hash {
                return Ok(Some(snapshot));
            }
        }
        Ok(None)
    }

    /// Keeps everybody out of what is kept of a pipeline but the owner: it is of persons.
    pub fn keep_private(&self, pipeline: &str) -> Result<(), ArchiveError> {
        Ok(disk::create_private_dir(&self.root.join(pipeline))?)
    }

    /// Removes what killed runs left half-written in a pipeline's folder.
    pub fn sweep(&self, pipeline: &str) -> Result<(), ArchiveError> {
        Ok(disk::sweep(&self.root.join(pipeline))?)
    }

    /// Starts a snapshot. There is no file of it until something has been received: most answers are that nothing has changed.
    pub fn draft(&self, pipeline: &str) -> Draft {
        Draft::new(self.root.join(pipeline))
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use std::io::Write;

    use super::*;

    pub(super) fn sidecar(status: u16) -> Sidecar {
        Sidecar {
            pipeline: "p".into(),
            dataset: "d".into(),
            url: "https://example.invalid/d".into(),
            method: "GET".into(),
            status,
            delivered_from: None,
            refused: None,
            part: None,
            checked: None,
            headers: vec![("etag".into(), "\"1\"".into())],
            fetched_at: "2026-11-24T08:00:00.123456Z".parse().unwrap(),
            raw_bytes: 0,
            hash: String::new(),
            file: String::new(),
            tool: "test".into(),
        }
    }

    #[test]
    fn what_was_kept_is_read_back() {
        let root = tempfile::tempdir().unwrap();
        let archive = Archive::new(root.path());
        let mut draft = archive.draft("p");
        draft.write_all(b"half of a first try").unwrap();
        draft.restart();
        draft.write_all(b"a;b\n1;2\n").unwrap();
        draft.commit("csv", sidecar(200)).unwrap();
        let mut error_page = archive.draft("p");
        error_page.write_all(b"<html>").unwrap();
        error_page.commit("csv", sidecar(500)).unwrap();

        let snapshots = archive.snapshots("p").unwrap();
        assert_eq!(snapshots.len(), 1, "an error body is kept but is no snapshot to decode");
        let mut text = String::new();
        snapshots[0].open().unwrap().read_to_string(&mut text).unwrap();
        assert_eq!(text, "a;b\n1;2\n");
        assert_eq!(snapshots[0].sidecar.hash, blake3::hash(text.as_bytes()).to_hex().to_string());
        assert!(snapshots[0].sidecar.file.starts_with("20261124T080000.123456Z-"));
    }

    #[test]
    fn a_failure_counts_for_its_rules_only() {
        let root = tempfile::tempdir().unwrap();
        let snapshot = Archive::new(root.path()).draft("p").commit("csv", sidecar(200)).unwrap();
        let failure = Failure { message: "no".into(), hint: None };
        snapshot.note_failure("0123456789abcdef99", &failure).unwrap();
        assert_eq!(snapshot.failure("0123456789abcdef99").unwrap(), Some(failure));
        assert_eq!(snapshot.failure("fedcba9876543210").unwrap(), None);
    }
}
