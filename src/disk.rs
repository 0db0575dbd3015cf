//! The only user of `std::fs`: atomic writes, fsync, locks, and errors that carry their path.
//!
//! A file that others may read appears whole or not at all: it is written beside its place under a
//! name that starts with a dot, synced, and renamed. After a rename the folder is synced too,
//! since on many file systems the name is not durable before that.

use std::ffi::OsString;
pub use std::fs::File;
use std::fs::{self, OpenOptions};
use std::io::{self, Read, Seek, Write};
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

use crate::error::Hint;

/// A failed operation on a path.
#[derive(Debug, thiserror::Error)]
pub enum DiskError {
    /// The operating system refused.
    #[error("could not {action} `{}`", path.display())]
    Io {
        /// What was tried, such as "read".
        action: &'static str,
        /// On what.
        path: PathBuf,
        /// Why not.
        source: io::Error,
    },
    /// A text file is not UTF-8.
    #[error("expected UTF-8 text in `{}`, found another byte at offset {offset}", path.display())]
    NotUtf8 {
        /// The file.
        path: PathBuf,
        /// Bytes that are valid before it.
        offset: usize,
    },
    /// Another process holds the lock.
    #[error("`{}` is held by another run ({holder})", path.display())]
    Locked {
        /// The lock file.
        path: PathBuf,
        /// What the holder wrote of itself.
        holder: String,
    },
}

impl Hint for DiskError {
    fn hint(&self) -> Option<String> {
        match self {
            DiskError::Io { source, .. } => match source.kind() {
                io::ErrorKind::PermissionDenied => Some("give the user that runs this process access to it".into()),
                io::ErrorKind::StorageFull => Some("free some space; nothing that was published has changed".into()),
                _ => None,
            },
            DiskError::NotUtf8 { .. } => Some("save the file as UTF-8".into()),
            DiskError::Locked { .. } => Some("wait until it has ended, or use another `storage.root`".into()),
        }
    }
}

impl DiskError {
    /// A file that was opened and could not be read on.
    pub fn reading(path: &Path, source: io::Error) -> Self {
        DiskError::Io { action: "read", path: path.to_path_buf(), source }
    }

    /// Whether the path was simply not there.
    pub fn is_not_found(&self) -> bool {
        matches!(self, DiskError::Io { source, .. } if source.kind() == io::ErrorKind::NotFound)
    }
}

type Result<T> = std::result::Result<T, DiskError>;

fn at<T>(action: &'static str, path: &Path, result: io::Result<T>) -> Result<T> {
    result.map_err(|source| DiskError::Io { action, path: path.to_path_buf(), source })
}

/// Reads a whole file.
pub fn read(path: &Path) -> Result<Vec<u8>> {
    at("read", path, fs::read(path))
}

/// Reads a whole UTF-8 text file.
pub fn read_text(path: &Path) -> Result<String> {
    String::from_utf8(read(path)?)
        .map_err(|error| DiskError::NotUtf8 { path: path.to_path_buf(), offset: error.utf8_error().valid_up_to() })
}

/// Opens a file for reading.
pub fn open(path: &Path) -> Result<File> {
    at("open", path, File::open(path))
}

/// Whether there is anything at the path, following links.
pub fn exists(path: &Path) -> bool {
    path.exists()
}

/// Whether there is a folder at the path.
pub fn is_dir(path: &Path) -> bool {
    path.is_dir()
}

/// Copies a file; where the file system can, without copying its bytes.
pub fn copy(from: &Path, to: &Path) -> Result<()> {
    at("copy", from, fs::copy(from, to)).map(drop)
}

/// Copies a file that may be sealed to one that may be written.
pub fn copy_to_write(from: &Path, to: &Path) -> Result<()> {
    copy(from, to)?;
    let mode = at("look at", to, fs::metadata(to))?.permissions().mode();
    // The owner's right alone: what others may do is what they may do with the original.
    at("make writable", to, fs::set_permissions(to, fs::Permissions::from_mode(mode | 0o200)))
}

/// Puts each of two folders at the place of the other, in one step; `false` where the system or file system cannot.
pub fn exchange(one: &Path, other: &Path) -> Result<bool> {
    #[cfg(target_os = "linux")]
    {
        use nix::errno::Errno;
        use nix::fcntl::{AT_FDCWD, RenameFlags, renameat2};
        match renameat2(AT_FDCWD, one, AT_FDCWD, other, RenameFlags::RENAME_EXCHANGE) {
            Err(Errno::EINVAL | Errno::ENOSYS) => return Ok(false),
            outcome => at("exchange", other, outcome.map_err(io::Error::from))?,
        }
        sync_dir(parent(one))?;
        sync_dir(parent(other))?;
        Ok(true)
    }
    #[cfg(not(target_os = "linux"))]
    {
        let _ = (one, other);
        Ok(false)
    }
}

/// Gives a file another name, in a folder that is made if needed.
pub fn hard_link(file: &Path, name: &Path) -> Result<()> {
    create_dir(parent(name))?;
    at("link", name, fs::hard_link(file, name))
}

/// Whether anybody but its owner may read or write a file.
pub fn is_open_to_others(path: &Path) -> Result<bool> {
    let mode = at("look at", path, fs::metadata(path))?.permissions().mode();
    Ok(mode & 0o077 != 0)
}

/// A file's size in bytes.
pub fn size_bytes(path: &Path) -> Result<u64> {
    Ok(at("look at", path, fs::metadata(path))?.len())
}

/// The absolute form of a path that exists, with links resolved.
pub fn canonical(path: &Path) -> Result<PathBuf> {
    at("resolve", path, fs::canonicalize(path))
}

/// Makes a folder and those above it.
pub fn create_dir(path: &Path) -> Result<()> {
    at("create the folder", path, fs::create_dir_all(path))
}

/// Makes a folder, if it is not there, and keeps everybody out of it but its owner.
pub fn create_private_dir(path: &Path) -> Result<()> {
    create_dir(path)?;
    at("restrict", path, fs::set_permissions(path, fs::Permissions::from_mode(0o700)))
}

/// Names in a folder that do not start with a dot, sorted; empty when there is no such folder.
pub fn list(folder: &Path) -> Result<Vec<String>> {
    let entries = match fs::read_dir(folder) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        entries => at("list", folder, entries)?,
    };
    let mut names = Vec::new();
    for entry in entries {
        let name = at("list", folder, entry)?.file_name();
        if let Ok(name) = name.into_string()
            && !name.starts_with('.')
        {
            names.push(name);
        }
    }
    names.sort();
    Ok(names)
}

/// The files below a folder and its folders, by their path from it, sorted; no names that start with a dot.
pub fn files_below(folder: &Path) -> Result<Vec<String>> {
    let mut files = Vec::new();
    let mut folders = vec![String::new()];
    while let Some(below) = folders.pop() {
        for name in list(&folder.join(&below))? {
            let path = if below.is_empty() { name } else { format!("{below}/{name}") };
            match is_dir(&folder.join(&path)) {
                true => folders.push(path),
                false => files.push(path),
            }
        }
    }
    files.sort();
    Ok(files)
}

/// A file being written beside its place; it appears there only by [`Pending::commit`], and is removed
/// when dropped before that.
pub struct Pending {
    file: File,
    temporary: PathBuf,
    committed: bool,
}

/// Distinguishes the temporary files of one process.
static SERIAL: AtomicU64 = AtomicU64::new(0);

impl Pending {
    /// Starts a file in `folder`, which is made if needed.
    pub fn create_in(folder: &Path) -> Result<Self> {
        Self::create(folder, 0o666)
    }

    /// The same, readable by its owner only.
    pub fn create_private_in(folder: &Path) -> Result<Self> {
        Self::create(folder, 0o600)
    }

    fn create(folder: &Path, mode: u32) -> Result<Self> {
        create_dir(folder)?;
        let serial = SERIAL.fetch_add(1, Ordering::Relaxed);
        let temporary = folder.join(format!(".tmp-{}-{serial}", std::process::id()));
        let file = at(
            "create",
            &temporary,
            OpenOptions::new().read(true).write(true).create_new(true).mode(mode).open(&temporary),
        )?;
        Ok(Pending { file, temporary, committed: false })
    }

    /// Adds text.
    pub fn write_text(&mut self, text: &str) -> Result<()> {
        let path = self.temporary.clone();
        at("write", &path, self.write_all(text.as_bytes()))
    }

    /// Another handle on the file being written.
    pub fn handle(&self) -> Result<File> {
        at("open", &self.temporary, self.file.try_clone())
    }

    /// Forgets all that was written.
    pub fn clear(&mut self) -> io::Result<()> {
        self.file.set_len(0)?;
        self.file.rewind()
    }

    /// Where the file is until it is committed.
    pub fn path(&self) -> &Path {
        &self.temporary
    }

    /// Syncs the file and gives it its name, replacing what had it.
    pub fn commit(mut self, path: &Path) -> Result<()> {
        at("sync", &self.temporary, self.file.sync_all())?;
        at("write", path, fs::rename(&self.temporary, path))?;
        self.committed = true;
        sync_parent(path)
    }
}

impl Write for Pending {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.file.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}

impl Drop for Pending {
    fn drop(&mut self) {
        if !self.committed {
            // Nothing depends on the leftover: its name says that it is temporary.
            let _ = fs::remove_file(&self.temporary);
        }
    }
}

/// Writes a file so that it appears whole or not at all.
pub fn write_atomic(path: &Path, bytes: &[u8]) -> Result<()> {
    let mut pending = Pending::create_in(parent(path))?;
    at("write", path, pending.write_all(bytes))?;
    pending.commit(path)
}

/// Adds one line to a file that is only ever appended to, in one write.
pub fn append_line(path: &Path, line: &str) -> Result<()> {
    create_dir(parent(path))?;
    let mut file = at("open", path, OpenOptions::new().create(true).append(true).open(path))?;
    at("append to", path, file.write_all(format!("{line}\n").as_bytes()))?;
    at("sync", path, file.sync_data())
}

/// Makes a file's content durable and read-only for everyone.
pub fn seal(path: &Path) -> Result<()> {
    let file = open(path)?;
    at("sync", path, file.sync_all())?;
    let mut permissions = at("look at", path, file.metadata())?.permissions();
    permissions.set_readonly(true);
    at("make read-only", path, fs::set_permissions(path, permissions))
}

/// Renames a file or folder and makes the new name durable.
pub fn rename(from: &Path, to: &Path) -> Result<()> {
    at("rename", from, fs::rename(from, to))?;
    sync_parent(to)
}

/// Points the link at `target` (a path relative to the link's folder) in one atomic step.
pub fn switch_link(link: &Path, target: &Path) -> Result<()> {
    let mut name = OsString::from(".tmp-link-");
    name.push(std::process::id().to_string());
    let temporary = parent(link).join(name);
    remove_file(&temporary)?;
    at("link", &temporary, std::os::unix::fs::symlink(target, &temporary))?;
    rename(&temporary, link)
}

/// What a link points at; none when there is no link.
pub fn read_link(link: &Path) -> Result<Option<PathBuf>> {
    match fs::read_link(link) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        target => at("read the link", link, target).map(Some),
    }
}

/// Removes a file if it is there.
pub fn remove_file(path: &Path) -> Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        result => at("remove", path, result),
    }
}

/// Removes a folder with all that is in it, if it is there.
pub fn remove_dir(path: &Path) -> Result<()> {
    match fs::remove_dir_all(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        result => at("remove", path, result),
    }
}

/// Removes what processes that died left in a folder: names that start with `.tmp-`.
pub fn sweep(folder: &Path) -> Result<()> {
    let entries = match fs::read_dir(folder) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        entries => at("list", folder, entries)?,
    };
    for entry in entries {
        let path = at("list", folder, entry)?.path();
        let leftover = path.file_name().is_some_and(|name| name.as_encoded_bytes().starts_with(b".tmp-"));
        if leftover && path.is_dir() && !path.is_symlink() {
            remove_dir(&path)?;
        } else if leftover {
            remove_file(&path)?;
        }
    }
    Ok(())
}

/// An exclusive lock on a path for as long as this lives; the system releases it when the process dies.
pub struct Lock {
    _file: File,
}

/// Takes the lock, or says who holds it.
pub fn lock(path: &Path, holder: &str) -> Result<Lock> {
    create_dir(parent(path))?;
    let mut file = at("open", path, OpenOptions::new().read(true).write(true).create(true).truncate(false).open(path))?;
    match file.try_lock() {
        Ok(()) => {}
        Err(fs::TryLockError::WouldBlock) => {
            let mut holder = String::new();
            // The holder's words are only for the message.
            let _ = file.read_to_string(&mut holder);
            return Err(DiskError::Locked { path: path.to_path_buf(), holder: holder.trim().to_owned() });
        }
        Err(fs::TryLockError::Error(source)) => return at("lock", path, Err(source)),
    }
    at("write", path, file.set_len(0))?;
    at("write", path, file.write_all(holder.as_bytes()))?;
    Ok(Lock { _file: file })
}

/// Bytes of memory that this process holds; none where the system does not tell.
pub fn resident_bytes() -> Option<f64> {
    let text = fs::read_to_string("/proc/self/status").ok()?;
    let line = text.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    let kibibytes: f64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(kibibytes * 1024.0)
}

/// Files and sockets that this process has open; none where the system does not tell.
pub fn open_files() -> Option<f64> {
    // Looking opens one more.
    Some(fs::read_dir("/proc/self/fd").ok()?.count().saturating_sub(1) as f64)
}

fn parent(path: &Path) -> &Path {
    match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    }
}

/// Makes the names in a folder durable.
pub fn sync_dir(folder: &Path) -> Result<()> {
    at("sync", folder, File::open(folder).and_then(|folder| folder.sync_all()))
}

fn sync_parent(path: &Path) -> Result<()> {
    sync_dir(parent(path))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn a_pending_file_appears_only_by_commit() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.txt");
        let mut pending = Pending::create_in(folder.path()).unwrap();
        pending.write_all(b"half").unwrap();
        drop(pending);
        assert_eq!(list(folder.path()).unwrap(), Vec::<String>::new());
        write_atomic(&path, b"whole").unwrap();
        assert_eq!(read_text(&path).unwrap(), "whole");
    }

    #[test]
    fn a_link_is_switched_in_one_step() {
        let folder = tempfile::tempdir().unwrap();
        for name in ["one", "two"] {
            create_dir(&folder.path().join(name)).unwrap();
            switch_link(&folder.path().join("now"), Path::new(name)).unwrap();
            assert_eq!(read_link(&folder.path().join("now")).unwrap(), Some(PathBuf::from(name)));
        }
    }

    #[test]
    fn a_lock_names_its_holder() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("lock");
        let held = lock(&path, "pid 7").unwrap();
        let error = lock(&path, "pid 8").err().unwrap().to_string();
        assert!(error.contains("pid 7"), "{error}");
        drop(held);
        lock(&path, "pid 8").unwrap();
    }
}
