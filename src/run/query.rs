//! SQL over a build, for who has no DuckDB client.

use std::io;
use std::path::{Path, PathBuf};

use super::explain::open;
use super::{Project, RunError};
use crate::disk;
use crate::warehouse::{FileFormat, Reader, Shown};

/// A build that can be asked.
pub struct Session {
    reader: Reader,
    /// Its name.
    pub build_id: String,
    root: PathBuf,
}

impl Session {
    /// Opens a build, the published one if none is named.
    pub fn open(project: &Project, build: Option<&str>) -> Result<Self, RunError> {
        let published = super::builds::chosen(&project.settings.storage.root, build)?;
        let root = project.settings.storage.root.clone();
        Ok(Session { reader: open(project, &published)?, build_id: published.manifest.build_id, root })
    }

    /// What a statement gives, at most so many rows as text.
    pub fn show(&self, sql: &str, most: usize) -> Result<Shown, RunError> {
        self.reader.show(sql, most).map_err(RunError::Models)
    }

    /// Writes what a SELECT gives to a stream. By way of a file below the data root, since DuckDB writes to files, and what
    /// the system calls the standard output cannot always be opened as one.
    pub fn stream(&self, sql: &str, format: FileFormat, into: &mut dyn io::Write) -> Result<(), RunError> {
        let path = self.root.join(format!(".tmp-query-{}", std::process::id()));
        let written = self.write(sql, &path, format).and_then(|_| {
            let copied = disk::open(&path).map(|mut file| io::copy(&mut file, into));
            match copied? {
                // Whoever reads has read enough.
                Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
                copied => copied.map(drop).map_err(|error| RunError::Argument {
                    message: format!("the result cannot be written: {error}"),
                    hint: "`-o FILE` writes it into a file".into(),
                }),
            }
        });
        disk::remove_file(&path)?;
        written
    }

    /// Writes what a SELECT gives; how many rows there are.
    pub fn write(&self, sql: &str, path: &Path, format: FileFormat) -> Result<u64, RunError> {
        self.reader.write(sql, path, format).map_err(RunError::Models)
    }
}
