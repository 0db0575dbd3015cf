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

/// Writes these marts of a build, or all: into the folder `into`, or into the file of that name.
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
    let is_file = is_file(into, format, marts.len())?;
    if format == ExportFormat::Xlsx {
        let into = &if is_file { into.to_owned() } else { into.join("tejido.xlsx") };
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
    if let Some(folder) = if is_file { into.parent() } else { Some(into) } {
        disk::create_dir(folder)?;
    }
    let files = marts.iter().map(|mart| {
        let path = if is_file { into.to_owned() } else { into.join(format!("{}.csv", mart.name)) };
        let pending = pending(&path);
        finish(reader.write_csv(mart, dialect, &pending), &pending, &path)
    });
    files.collect()
}

/// Whether what is named is one file, and not a folder; an error where it looks like a file that cannot be written.
fn is_file(into: &Path, format: ExportFormat, marts: usize) -> Result<bool, RunError> {
    let extension = into.extension().and_then(|name| name.to_str()).unwrap_or_default().to_lowercase();
    // A folder that is there may be called anything.
    if disk::is_dir(into) {
        return Ok(false);
    }
    let refused = |message: String, hint: &str| Err(RunError::Argument { message, hint: hint.into() });
    let path = into.display();
    match (extension.as_str(), format) {
        ("xlsx", ExportFormat::Xlsx) => Ok(true),
        ("csv", ExportFormat::Csv | ExportFormat::CsvEs) if marts == 1 => Ok(true),
        ("csv", ExportFormat::Csv | ExportFormat::CsvEs) => refused(
            format!("expected one mart for the file `{path}`, found {marts}"),
            "name one mart, or a folder for a file each",
        ),
        ("csv" | "tsv" | "txt" | "xlsx" | "xls" | "ods" | "json" | "parquet" | "pq", _) => refused(
            format!("expected a folder, or a file of the format, found `{path}`"),
            "marts are exported as .csv or .xlsx; `tejido query … -o` writes .json and .parquet",
        ),
        _ => Ok(false),
    }
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
        names => {
            // One that is named twice is written once.
            let first = names.iter().enumerate().filter(|(at, name)| !names[..*at].contains(name));
            first.map(|(_, name)| super::builds::mart(models, name)).collect()
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn what_looks_like_a_file_becomes_one_or_is_refused() {
        let is_file = |into: &str, format, marts| is_file(Path::new(into), format, marts);
        assert!(is_file("a.csv", ExportFormat::CsvEs, 1).unwrap());
        assert!(is_file("a.CSV", ExportFormat::Csv, 1).unwrap());
        assert!(is_file("all.xlsx", ExportFormat::Xlsx, 3).unwrap());
        assert!(!is_file("folder", ExportFormat::Csv, 1).unwrap());
        assert!(!is_file("2026.11", ExportFormat::Csv, 3).unwrap());
        is_file("a.csv", ExportFormat::Csv, 2).unwrap_err();
        is_file("a.parquet", ExportFormat::Csv, 1).unwrap_err();
        is_file("a.xlsx", ExportFormat::Csv, 1).unwrap_err();
    }
}
