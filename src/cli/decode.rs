//! `tejido decode FILE`

use std::io::{self, IsTerminal};
use std::path::PathBuf;
use std::sync::Arc;

use arrow::array::RecordBatch;
use clap::{Args, ValueEnum};
use comfy_table::{ContentArrangement, Table, presets};

use super::progress::ByteBar;
use super::summary::grouped;
use super::{Shared, failed, json, say, tell};
use crate::decode::{DecodeError, Format, Hints};
use crate::error::Exit;
use crate::run::payload::{self, Description, Payload, PayloadError};

/// Arguments of `tejido decode`.
#[derive(Debug, Args)]
pub(super) struct Arguments {
    /// A file, an http(s) address, or `-` for standard input; compressed or not
    #[arg(value_name = "FILE|URL|-")]
    input: String,
    /// The format, where it cannot be told by how the file begins
    #[arg(long, value_parser = format)]
    format: Option<Format>,
    /// Character encoding, such as windows-1252
    #[arg(long)]
    encoding: Option<String>,
    /// Decimal mark: `,` or `.`
    #[arg(long)]
    decimal: Option<char>,
    /// Field separator of delimited text
    #[arg(long)]
    separator: Option<char>,
    /// Columns of delimited text or a workbook, by their names; without it all
    #[arg(long, value_delimiter = ',')]
    columns: Vec<String>,
    /// Column that holds the observed value: of delimited text or a workbook, which is a register without it; of
    /// SDMX-CSV where it is not `OBS_VALUE`
    #[arg(long, value_name = "COLUMN")]
    value: Option<String>,
    /// Column that becomes `time_period`
    #[arg(long, value_name = "COLUMN", requires = "value")]
    time: Option<String>,
    /// Column that becomes `obs_flag`
    #[arg(long, value_name = "COLUMN", requires = "value")]
    flag: Option<String>,
    /// Line or row of the column names, from 1
    #[arg(long, value_name = "N")]
    header: Option<u32>,
    /// Sheet of a workbook, by its name
    #[arg(long)]
    sheet: Option<String>,
    /// Which dataset, of a file that holds several
    #[arg(long)]
    dataset: Option<String>,
    /// Language of labels, where the file has several
    #[arg(long)]
    lang: Option<String>,
    /// Dimensions, where the file does not tell them from attributes
    #[arg(long, value_delimiter = ',')]
    dimensions: Vec<String>,
    /// What to write; without it, what the name of the output says, or a table
    #[arg(long, value_enum)]
    to: Option<Output>,
    /// Where to write
    #[arg(short, long, value_name = "OUT")]
    output: Option<PathBuf>,
    /// Rows of a table on the terminal
    #[arg(long, default_value_t = 20)]
    rows: usize,
    /// Say what the file holds: dataset, title, dimensions, flags, periods
    #[arg(long, conflicts_with_all = ["to", "output"])]
    describe: bool,
}

/// What the decoded table is written as.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Output {
    /// The first rows, for people
    Table,
    /// Comma-separated text
    Csv,
    /// Parquet
    Parquet,
    /// Arrow IPC file
    Arrow,
}

fn format(name: &str) -> Result<Format, String> {
    Format::from_name(name).ok_or_else(|| format!("there are {}", Format::names()))
}

pub(super) fn run(shared: &Shared, arguments: &Arguments) -> Exit {
    match decode(shared, arguments) {
        Ok(exit) => exit,
        Err(error) => {
            let is_usage = match &error {
                PayloadError::Decode { source, .. } => matches!(source, DecodeError::UnknownHint { .. }),
                PayloadError::Run(error) => error.is_usage(),
                _ => false,
            };
            failed(&error, if is_usage { Exit::Usage } else { Exit::Failed })
        }
    }
}

fn decode(shared: &Shared, arguments: &Arguments) -> Result<Exit, PayloadError> {
    let settings = payload::settings(&shared.project, shared.config.as_deref())?;
    let hints = Hints {
        encoding: arguments.encoding.clone(),
        decimal: arguments.decimal,
        separator: arguments.separator,
        columns: arguments.columns.clone(),
        value: arguments.value.clone(),
        time: arguments.time.clone(),
        flag: arguments.flag.clone(),
        header: arguments.header,
        sheet: arguments.sheet.clone(),
        dataset: arguments.dataset.clone(),
        language: arguments.lang.clone(),
        name_part: None,
        dimensions: arguments.dimensions.clone(),
        max_decoded_bytes: Some(settings.fetch.max_decoded_bytes),
    };
    let output = arguments.to.unwrap_or_else(|| by_name(arguments.output.as_deref()));
    if output == Output::Parquet && arguments.output.is_none() || output == Output::Arrow && arguments.output.is_none()
    {
        say("error: Parquet and Arrow are for files\nhint: name one with `-o`");
        return Ok(Exit::Usage);
    }
    if output == Output::Table && arguments.output.is_some() {
        say("error: a table is for the terminal\nhint: leave `-o` out, or write `--to csv`");
        return Ok(Exit::Usage);
    }
    let bar = ByteBar::new(shared.json);
    let input = Payload::open(&arguments.input, &settings, Arc::new(bar.clone()))?;
    bar.begin(input.size_bytes);
    let (format, table) = input.table(arguments.format, &hints)?;
    if arguments.describe {
        let description = payload::describe(&input, format, table)?;
        bar.end();
        match shared.json {
            true => json(&description),
            false => tell(described(&description).trim_end()),
        }
        return Ok(Exit::Done);
    }
    let rows = match (output, &arguments.output) {
        (Output::Table, _) => {
            let text = shown(&input, table, arguments.rows)?;
            bar.end();
            tell(text.trim_end());
            return Ok(Exit::Done);
        }
        (Output::Parquet, Some(path)) => payload::write_parquet(&input, table, path)?,
        (Output::Csv, None) => {
            let outcome = payload::write_csv(&input, table, io::stdout().lock());
            bar.end();
            return match outcome {
                // Whoever reads has read enough.
                Err(PayloadError::Write(error)) if is_broken_pipe(&error) => Ok(Exit::Done),
                outcome => outcome.map(|_| Exit::Done),
            };
        }
        (_, path) => {
            let path = path.as_deref().unwrap_or(std::path::Path::new("-"));
            payload::write_file(path, |file| match output {
                Output::Csv => payload::write_csv(&input, table, file),
                _ => payload::write_arrow(&input, table, file),
            })?
        }
    };
    bar.end();
    if let Some(path) = &arguments.output {
        say(&format!("{} rows of {} written to {}", grouped(rows), format.name(), path.display()));
    }
    Ok(Exit::Done)
}

fn is_broken_pipe(error: &io::Error) -> bool {
    let inner = error.get_ref().and_then(|inner| inner.downcast_ref::<csv::Error>());
    let kind = inner.and_then(|error| match error.kind() {
        csv::ErrorKind::Io(error) => Some(error.kind()),
        _ => None,
    });
    kind.unwrap_or(error.kind()) == io::ErrorKind::BrokenPipe
}

fn by_name(output: Option<&std::path::Path>) -> Output {
    match output.and_then(|path| path.extension()).and_then(|extension| extension.to_str()) {
        Some("csv") => Output::Csv,
        Some("parquet" | "pq") => Output::Parquet,
        Some("arrow" | "feather") => Output::Arrow,
        // A file of another name can only be meant for text.
        _ if output.is_some() => Output::Csv,
        _ => Output::Table,
    }
}

/// The first rows as a table.
fn shown(input: &Payload, table: crate::decode::Table, limit: usize) -> Result<String, PayloadError> {
    let mut shown = Table::new();
    shown.load_style(presets::NOTHING);
    if !io::stdout().is_terminal() {
        shown.set_content_arrangement(ContentArrangement::Disabled);
    }
    shown.set_header(table.schema.fields().iter().map(|field| field.name().clone()));
    let mut rows = 0u64;
    for batch in table.batches {
        let batch: RecordBatch = batch.map_err(|error| input.wrong(error))?;
        for row in 0..batch.num_rows().min(limit.saturating_sub(rows as usize)) {
            shown.add_row(batch.columns().iter().map(|column| payload::text(column, row)));
        }
        rows += batch.num_rows() as u64;
    }
    let mut text: String = shown.lines().map(|line| line.trim_end().to_owned() + "\n").collect();
    let more = rows.saturating_sub(limit as u64);
    if more > 0 {
        text.push_str(&format!("… {} more rows: `--rows N` shows more, `-o FILE.parquet` writes all\n", grouped(more)));
    }
    Ok(text)
}

fn described(description: &Description) -> String {
    let mut text = format!("format     {}\n", description.format);
    let mut line = |name: &str, value: &Option<String>| {
        if let Some(value) = value {
            text.push_str(&format!("{name:<10} {value}\n"));
        }
    };
    line("dataset", &description.dataset);
    line("title", &description.title);
    line("updated", &description.updated);
    line("units", &description.units);
    for dimension in &description.dimensions {
        let sample = dimension.sample.iter().map(|(code, label)| match label {
            Some(label) if label != code => format!("{code} ({label})"),
            _ => code.clone(),
        });
        let sample: Vec<String> = sample.collect();
        let more = if dimension.size > sample.len() && !sample.is_empty() { ", …" } else { "" };
        text.push_str(&format!(
            "dimension  {:<12} {:>7}  {}{more}\n",
            dimension.name,
            grouped(dimension.size as u64),
            sample.join(", ")
        ));
    }
    text.push_str(&format!(
        "rows       {}, {} of them without a value\n",
        grouped(description.rows),
        grouped(description.missing)
    ));
    for (name, counts) in [("flags", &description.flags), ("confid.", &description.confidentiality)] {
        if !counts.is_empty() {
            let counts: Vec<String> = counts.iter().map(|(flag, rows)| format!("{flag} {}", grouped(*rows))).collect();
            text.push_str(&format!("{name:<10} {}\n", counts.join(", ")));
        }
    }
    if let Some((first, last)) = &description.periods {
        text.push_str(&format!("periods    {first} to {last}\n"));
    }
    for note in &description.notes {
        text.push_str(&format!("note       {note}\n"));
    }
    text
}
