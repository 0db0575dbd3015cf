//! SQL over a build, for who has no DuckDB client.

use std::path::Path;

use super::explain::open;
use super::{Project, RunError};
use crate::warehouse::{FileFormat, Reader, Shown};

/// A build that can be asked.
pub struct Session {
    reader: Reader,
    /// Its name.
    pub build_id: String,
}

impl Session {
    /// Opens a build, the published one if none is named.
    pub fn open(project: &Project, build: Option<&str>) -> Result<Self, RunError> {
        let published = super::builds::chosen(&project.settings.storage.root, build)?;
        Ok(Session { reader: open(project, &published)?, build_id: published.manifest.build_id })
    }

    /// What a statement gives, at most so many rows as text.
    pub fn show(&self, sql: &str, most: usize) -> Result<Shown, RunError> {
        self.reader.show(sql, most).map_err(RunError::Models)
    }

    /// Writes what a SELECT gives; how many rows there are.
    pub fn write(&self, sql: &str, path: &Path, format: FileFormat) -> Result<u64, RunError> {
        self.reader.write(sql, path, format).map_err(RunError::Models)
    }
}
