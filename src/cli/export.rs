//! `tejido export [MART…]`

use std::path::PathBuf;

use clap::{Args, ValueEnum};

use super::summary::grouped;
use super::{Shared, failed_run, json, tell};
use crate::error::Exit;
use crate::run::export::{ExportFormat, export};

/// Arguments of `tejido export`.
#[derive(Debug, Args)]
pub(super) struct Arguments {
    /// Only these marts
    #[arg(value_name = "MART")]
    marts: Vec<String>,
    /// As what; by the name of the output, else CSV
    #[arg(long, value_enum)]
    to: Option<To>,
    /// The folder of the CSV files, the CSV file of one mart, or the workbook
    #[arg(short, long, value_name = "PATH", default_value = "export")]
    output: PathBuf,
    /// Of this build; else of the published one
    #[arg(long, value_name = "BUILD")]
    build: Option<String>,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum To {
    /// Commas and a decimal point
    Csv,
    /// Semicolons and a decimal comma, for spreadsheets with Spanish settings
    CsvEs,
    /// One workbook with a sheet a mart
    Xlsx,
}

pub(super) fn run(shared: &Shared, arguments: &Arguments) -> Exit {
    let is_workbook = arguments.output.extension().is_some_and(|name| name.eq_ignore_ascii_case("xlsx"));
    let format = match arguments.to {
        Some(To::Csv) => ExportFormat::Csv,
        Some(To::CsvEs) => ExportFormat::CsvEs,
        Some(To::Xlsx) => ExportFormat::Xlsx,
        None if is_workbook => ExportFormat::Xlsx,
        None => ExportFormat::Csv,
    };
    let written = shared
        .load()
        .and_then(|project| export(&project, arguments.build.as_deref(), &arguments.marts, format, &arguments.output));
    match written {
        Ok(files) if shared.json => json(&files),
        Ok(files) => {
            files.iter().for_each(|file| tell(&format!("{} rows in {}", grouped(file.rows), file.path.display())))
        }
        Err(error) => return failed_run(&error),
    }
    Exit::Done
}
