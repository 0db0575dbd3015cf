//! Snapshots in one file, to take them elsewhere: a tar archive of what lies in the archive.
//!
//! ```text
//! archive/<pipeline>/<fetched-at>-<hash>.<ext>.zst
//! archive/<pipeline>/<fetched-at>-<hash>.json
//! ```
//! The bytes come before their sidecar, as they are written here, so that one pass is enough to compare them with what
//! it says of them. Verdicts of rules (`….failed-….json`) stay behind: they are made again.

use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};

use super::{Archive, ArchiveError, Sidecar, Snapshot};
use crate::disk;

/// What became of a bundle's snapshots.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Filed {
    /// Were not here before.
    pub added: u64,
    /// Were here already.
    pub known: u64,
}

/// Longest sidecar that is read: a few hundred headers.
const MAX_SIDECAR_BYTES: u64 = 1 << 20;

/// Whether a file begins as a bundle does (POSIX 1003.1, "ustar interchange format": magic at byte 257).
pub fn is_bundle(head: &[u8]) -> bool {
    head.get(257..262) == Some(b"ustar".as_slice())
}

impl Archive {
    /// Writes snapshots into a bundle, each after its bytes were compared with their hash.
    pub fn export(&self, snapshots: &[Snapshot], into: impl Write) -> Result<(), ArchiveError> {
        let failed = |source| ArchiveError::Transport { action: "write", source };
        let mut bundle = tar::Builder::new(into);
        for snapshot in snapshots {
            snapshot.verify()?;
            let folder = Path::new("archive").join(&snapshot.sidecar.pipeline);
            let mut header = tar::Header::new_ustar();
            header.set_mode(0o644);
            header.set_mtime(u64::try_from(snapshot.sidecar.fetched_at.as_second()).unwrap_or_default());
            header.set_size(snapshot.stored_bytes()?);
            let bytes = disk::open(&snapshot.path())?;
            bundle.append_data(&mut header, folder.join(&snapshot.sidecar.file), bytes).map_err(failed)?;
            let sidecar = disk::read(&snapshot.sidecar_path())?;
            header.set_size(sidecar.len() as u64);
            let name = folder.join(format!("{}.json", snapshot.stem));
            bundle.append_data(&mut header, name, sidecar.as_slice()).map_err(failed)?;
        }
        bundle.into_inner().and_then(|mut into| into.flush()).map_err(failed)
    }

    /// Files the snapshots of a bundle that are not here yet. One whose bytes are not those that its sidecar speaks of
    /// ends it; what was filed before stays.
    pub fn import(&self, bundle: impl Read) -> Result<Filed, ArchiveError> {
        let failed = |source| ArchiveError::Transport { action: "read", source };
        let mut filed = Filed::default();
        let mut bundle = tar::Archive::new(bundle);
        let mut bytes: Option<(PathBuf, disk::Pending)> = None;
        for entry in bundle.entries().map_err(failed)? {
            let mut entry = entry.map_err(failed)?;
            let path = entry.path().map_err(failed)?.into_owned();
            let (pipeline, name) = place(&path)?;
            let folder = self.root.join(&pipeline);
            if !name.ends_with(".json") {
                let mut pending = disk::Pending::create_in(&folder)?;
                io::copy(&mut entry, &mut pending).map_err(failed)?;
                bytes = Some((PathBuf::from(name), pending));
                continue;
            }
            let mut text = Vec::new();
            entry.take(MAX_SIDECAR_BYTES).read_to_end(&mut text).map_err(failed)?;
            let sidecar: Sidecar =
                serde_json::from_slice(&text).map_err(|source| ArchiveError::Note { path: path.clone(), source })?;
            let (file, pending) = bytes
                .take()
                .filter(|(file, _)| file.as_os_str() == sidecar.file.as_str() && sidecar.pipeline == pipeline)
                .ok_or_else(|| other(&path, "the bytes of this sidecar before it", "none"))?;
            match disk::read(&folder.join(&name)) {
                Ok(known) if known == text => {
                    filed.known += 1;
                    continue;
                }
                Ok(_) => return Err(other(&path, "the snapshot that is here under this name", "another one")),
                Err(error) if error.is_not_found() => {}
                Err(error) => return Err(error.into()),
            }
            let damaged = |source| ArchiveError::Damaged { path: path.clone(), source };
            let bytes = zstd::Decoder::new(disk::open(pending.path())?).map_err(damaged)?;
            sidecar.check(bytes).map_err(damaged)?;
            pending.commit(&folder.join(file))?;
            disk::write_atomic(&folder.join(&name), &text)?;
            filed.added += 1;
        }
        Ok(filed)
    }
}

/// The pipeline and the file's name of a path in a bundle. Nothing is written outside of the archive, and nothing under
/// a name that the archive does not give.
fn place(path: &Path) -> Result<(String, String), ArchiveError> {
    let parts: Option<Vec<&str>> = path.components().map(|part| part.as_os_str().to_str()).collect();
    let is_name = |name: &str| {
        !name.is_empty()
            && !name.starts_with('.')
            && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'.'))
    };
    match parts.as_deref() {
        Some(["archive", pipeline, name])
            if is_name(pipeline) && is_name(name) && (name.ends_with(".zst") || name.ends_with(".json")) =>
        {
            Ok(((*pipeline).to_owned(), (*name).to_owned()))
        }
        _ => Err(other(path, "a file `archive/<pipeline>/<snapshot>`", "another path")),
    }
}

fn other(path: &Path, expected: &str, found: &str) -> ArchiveError {
    ArchiveError::Bundle {
        expected: format!("{expected} at `{}` of the bundle", path.display()),
        found: found.to_owned(),
        hint: Some("a bundle is what `tejido archive export` writes".into()),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn kept(archive: &Archive, text: &str, second: u32) -> Snapshot {
        let mut draft = archive.draft("p");
        draft.write_all(text.as_bytes()).unwrap();
        let mut sidecar = super::super::tests::sidecar(200);
        sidecar.fetched_at = format!("2026-11-24T08:00:{second:02}Z").parse().unwrap();
        draft.commit("csv", sidecar).unwrap()
    }

    #[test]
    fn what_is_exported_is_imported_once() {
        let (here, there) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let (here, there) = (Archive::new(here.path()), Archive::new(there.path()));
        let snapshots = [kept(&here, "a;b\n1;2\n", 1), kept(&here, "a;b\n1;3\n", 2)];
        let mut bundle = Vec::new();
        here.export(&snapshots, &mut bundle).unwrap();
        assert!(is_bundle(&bundle));
        assert_eq!(there.import(bundle.as_slice()).unwrap(), Filed { added: 2, known: 0 });
        assert_eq!(there.import(bundle.as_slice()).unwrap(), Filed { added: 0, known: 2 });
        let arrived = there.snapshots("p").unwrap();
        assert_eq!(
            arrived.iter().map(|snapshot| &snapshot.sidecar).collect::<Vec<_>>(),
            [&snapshots[0].sidecar, &snapshots[1].sidecar]
        );
        arrived[1].verify().unwrap();

        snapshots[0].remove().unwrap();
        assert_eq!(here.entries("p").unwrap(), [snapshots[1].clone()]);
    }

    /// A bundle with one snapshot, of which a part is replaced.
    fn tampered(name: &str, bytes: &[u8], sidecar: &Sidecar) -> Vec<u8> {
        let mut bundle = tar::Builder::new(Vec::new());
        let sidecar_name = format!("archive/p/{}.json", sidecar.file.split(".csv").next().unwrap());
        for (name, content) in [(name, bytes.to_vec()), (&sidecar_name, serde_json::to_vec(sidecar).unwrap())] {
            let mut header = tar::Header::new_ustar();
            header.set_size(content.len() as u64);
            header.as_mut_bytes()[..name.len()].copy_from_slice(name.as_bytes());
            header.set_cksum();
            bundle.append(&header, content.as_slice()).unwrap();
        }
        bundle.into_inner().unwrap()
    }

    #[test]
    fn other_bytes_or_places_are_refused() {
        let (here, there) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let root = there.path().to_owned();
        let (here, there) = (Archive::new(here.path()), Archive::new(there.path()));
        let snapshot = kept(&here, "a;b\n1;2\n", 1);
        let bytes = disk::read(&snapshot.path()).unwrap();
        let name = format!("archive/p/{}", snapshot.sidecar.file);
        let refused = |name: &str, bytes: &[u8], sidecar: &Sidecar| {
            let error = there.import(tampered(name, bytes, sidecar).as_slice()).unwrap_err();
            assert_eq!(there.entries("p").unwrap(), []);
            format!("{error} {}", std::error::Error::source(&error).map(ToString::to_string).unwrap_or_default())
        };
        for name in ["../../etc/x.zst", "archive/../x.zst", "archive/p/.x.zst", "/archive/p/x.zst", "archive/p/x.sh"] {
            let message = refused(name, &bytes, &snapshot.sidecar);
            assert!(message.contains("found another path"), "{name}: {message}");
        }
        let others = zstd::encode_all("a;b\n1;9\n".as_bytes(), 3).unwrap();
        assert!(refused(&name, &others, &snapshot.sidecar).contains("another hash than the sidecar says"));
        assert!(refused(&name, &bytes[..9], &snapshot.sidecar).contains("is damaged"));
        let elsewhere = Sidecar { file: "other.csv.zst".into(), ..snapshot.sidecar.clone() };
        assert!(refused(&name, &bytes, &elsewhere).contains("before it"));
        assert_eq!(there.import(tampered(&name, &bytes, &snapshot.sidecar).as_slice()).unwrap().added, 1);
        assert!(!root.join("etc").exists());
    }
}
