//! A snapshot while it is received.

use std::io::{self, Write};
use std::path::PathBuf;

use super::{ArchiveError, Sidecar, Snapshot};
use crate::disk::{self, DiskError};

/// A snapshot being received. There is no file of it before as much has come as makes it worth while that threads compress it
/// while more is received; most bodies are smaller.
pub struct Draft {
    folder: PathBuf,
    received: Received,
    hasher: blake3::Hasher,
    raw_bytes: u64,
}

/// Where what has come is.
enum Received {
    /// In memory, there is no file of it.
    Head(Vec<u8>),
    Encoded(Encoder),
    /// Not all of it anywhere: something could not be written.
    Lost,
}

type Encoder = zstd::Encoder<'static, disk::Pending>;

/// ZSTD's lowest level: tables of text come out as small as at level 3, in little more than half of the time.
const LEVEL: i32 = 1;

/// Bytes from which on threads compress.
const HEAD_BYTES: usize = 1 << 20;

/// More threads than this wait for what is received. How many there are changes nothing of the bytes.
const MAX_THREADS: usize = 4;

impl Draft {
    /// In this folder, which is made if needed.
    pub(super) fn new(folder: PathBuf) -> Self {
        Draft { folder, received: Received::Head(Vec::new()), hasher: blake3::Hasher::new(), raw_bytes: 0 }
    }

    /// Forgets all that was written.
    pub fn restart(&mut self) {
        if self.raw_bytes > 0 {
            *self = Draft::new(std::mem::take(&mut self.folder));
        }
    }

    /// BLAKE3 of what was written, in hex.
    pub fn hash(&self) -> String {
        self.hasher.finalize().to_hex().to_string()
    }

    /// Keeps it. `describe` says what is known: `raw_bytes`, `hash` and `file` are filled in here.
    pub fn commit(mut self, extension: &str, mut describe: Sidecar) -> Result<Snapshot, ArchiveError> {
        describe.raw_bytes = self.raw_bytes;
        describe.hash = self.hash();
        let at = describe.fetched_at.strftime("%Y%m%dT%H%M%S%.6fZ");
        let stem = format!("{at}-{}", &describe.hash[..16]);
        describe.file = format!("{stem}.{extension}.zst");
        let path = self.folder.join(&describe.file);
        let pending = self
            .finish()
            .map_err(|source| ArchiveError::Disk(DiskError::Io { action: "write", path: path.clone(), source }))?;
        pending.commit(&path)?;
        let sidecar = self.folder.join(format!("{stem}.json"));
        let text = serde_json::to_vec_pretty(&describe)
            .map_err(|source| ArchiveError::Note { path: sidecar.clone(), source })?;
        disk::write_atomic(&sidecar, &text)?;
        Ok(Snapshot { sidecar: describe, folder: std::mem::take(&mut self.folder), stem })
    }

    fn encoder(&self, threads: usize) -> io::Result<Encoder> {
        let pending = disk::Pending::create_in(&self.folder).map_err(|error| match error {
            DiskError::Io { source, .. } => source,
            other => io::Error::other(other),
        })?;
        let mut encoder = zstd::Encoder::new(pending, LEVEL)?;
        // The checksum is what finds a damaged file at reading.
        encoder.include_checksum(true)?;
        encoder.multithread(threads as u32)?;
        Ok(encoder)
    }

    /// The encoder, which has been given all; if it is only made now, with threads or without. Whoever goes on puts it back,
    /// so that after an error all counts as lost.
    fn take_encoder(&mut self, has_threads: bool) -> io::Result<Encoder> {
        match std::mem::replace(&mut self.received, Received::Lost) {
            Received::Encoded(encoder) => Ok(encoder),
            Received::Head(head) => {
                let cores = || std::thread::available_parallelism().map_or(1, usize::from).min(MAX_THREADS);
                let mut encoder = self.encoder(if has_threads { cores() } else { 0 })?;
                encoder.write_all(&head)?;
                Ok(encoder)
            }
            Received::Lost => Err(io::Error::other("a part of it is lost")),
        }
    }

    fn finish(&mut self) -> io::Result<disk::Pending> {
        self.take_encoder(false)?.finish()
    }

    fn add(&mut self, bytes: &[u8]) -> io::Result<()> {
        if let Received::Head(head) = &mut self.received
            && head.len() + bytes.len() < HEAD_BYTES
        {
            head.extend_from_slice(bytes);
            return Ok(());
        }
        let mut encoder = self.take_encoder(true)?;
        encoder.write_all(bytes)?;
        self.received = Received::Encoded(encoder);
        Ok(())
    }
}

impl Write for Draft {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.hasher.update(bytes);
        self.raw_bytes += bytes.len() as u64;
        self.add(bytes)?;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use std::io::Read;

    use super::super::Archive;
    use super::super::tests::sidecar;
    use super::*;

    #[test]
    fn nothing_received_leaves_nothing() {
        let root = tempfile::tempdir().unwrap();
        let archive = Archive::new(root.path());
        let mut draft = archive.draft("p");
        draft.restart();
        drop(draft);
        assert!(!root.path().join("archive").exists());
        let mut draft = archive.draft("p");
        draft.write_all(&vec![b'a'; 2 * HEAD_BYTES]).unwrap();
        let files = || std::fs::read_dir(root.path().join("archive/p")).unwrap().count();
        assert_eq!(files(), 1);
        drop(draft);
        assert_eq!(files(), 0);
    }

    /// Whoever goes on after an error does not get a snapshot of which a part is missing.
    #[test]
    fn what_was_lost_is_not_kept() {
        let root = tempfile::tempdir().unwrap();
        std::fs::write(root.path().join("archive"), "no folder").unwrap();
        let mut draft = Archive::new(root.path()).draft("p");
        assert!(draft.write_all(&vec![b'a'; 2 * HEAD_BYTES]).is_err());
        std::fs::remove_file(root.path().join("archive")).unwrap();
        assert!(draft.commit("csv", sidecar(200)).is_err());
    }

    #[test]
    fn a_body_of_any_size_comes_back() {
        let root = tempfile::tempdir().unwrap();
        let archive = Archive::new(root.path());
        for size in [HEAD_BYTES - 1, HEAD_BYTES, HEAD_BYTES + 1, 7 * HEAD_BYTES + 3] {
            let body: Vec<u8> = (0..size).map(|at| (at / 7 % 251) as u8).collect();
            let mut draft = archive.draft("p");
            draft.write_all(&body).unwrap();
            draft.restart();
            body.chunks(70_001).for_each(|some| draft.write_all(some).unwrap());
            let snapshot = draft.commit("csv", Sidecar { pipeline: size.to_string(), ..sidecar(200) }).unwrap();
            let mut found = Vec::new();
            snapshot.open().unwrap().read_to_end(&mut found).unwrap();
            assert!(found == body && snapshot.sidecar.raw_bytes == size as u64);
            snapshot.verify().unwrap();
        }
    }
}
