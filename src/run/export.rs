//! Marts for spreadsheets: CSV with a byte order mark, in the dialect of the reader's language, or one workbook.

use std::path::{Path, PathBuf};

use super::explain::open;
use super::warehouse::read_models;
use super::{Project, RunError};
use crate::disk;
use crate::warehouse::{CsvDialect, ModelResult, Origin};

/// What marts are written as.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ExportFormat {
    /// A file each, with commas and a decimal point.
    Csv,
    /// A file each, with semicolons and a decimal comma, as a spreadsheet with Spanish settings opens it.
    CsvEs,
    /// One workbook with a sheet each.
    Xlsx,
}

/// A file that was written.
#[derive(Debug, Clone, serde::Serialize)]
pub struct Exported {
    /// The file.
    pub path: PathBuf,
    /// Rows of marts in it.
    pub rows: u64,
}

/// Writes these marts of a build, or all: into the folder `into`, or of a workbook the file.
pub fn export(
    project: &Project,
    build: Option<&str>,
    names: &[String],
    format: ExportFormat,
    into: &Path,
) -> Result<Vec<Exported>, RunError> {
    let published = super::builds::chosen(&project.settings.storage.root, build)?;
    let reader = open(project, &published)?;
    let models = read_models(&published.manifest);
    let marts = chosen(&models, names)?;
    if format == ExportFormat::Xlsx {
        if let Some(folder) = into.parent() {
            disk::create_dir(folder)?;
        }
        let origins: Vec<Origin> = published
            .manifest
            .inputs
            .iter()
            .map(|input| Origin {
                source: input.attribution.clone(),
                licence: input.licence.clone(),
                url: input.url.clone(),
                fetched_at: input.fetched_at.to_string(),
            })
            .collect();
        let pending = pending(into);
        let written = reader.write_workbook(&marts, &published.manifest.build_id, &origins, &pending);
        return finish(written, &pending, into).map(|exported| vec![exported]);
    }
    let dialect = if format == ExportFormat::CsvEs { CsvDialect::Spanish } else { CsvDialect::Plain };
    disk::create_dir(into)?;
    let files = marts.iter().map(|mart| {
        let path = into.join(format!("{}.csv", mart.name));
        let pending = pending(&path);
        finish(reader.write_csv(mart, dialect, &pending), &pending, &path)
    });
    files.collect()
}

/// Nobody sees half a file.
fn pending(path: &Path) -> PathBuf {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    path.with_file_name(format!(".tmp-{name}"))
}

fn finish(
    written: Result<u64, crate::warehouse::WarehouseError>,
    pending: &Path,
    path: &Path,
) -> Result<Exported, RunError> {
    match written {
        Ok(rows) => {
            disk::rename(pending, path)?;
            Ok(Exported { path: path.to_owned(), rows })
        }
        Err(error) => {
            disk::remove_file(pending)?;
            Err(RunError::Build(error))
        }
    }
}

fn chosen<'m>(models: &'m [ModelResult], names: &[String]) -> Result<Vec<&'m ModelResult>, RunError> {
    match names {
        [] => Ok(models.iter().filter(|model| model.is_mart).collect()),
        names => names.iter().map(|name| super::builds::mart(models, name)).collect(),
    }
}
