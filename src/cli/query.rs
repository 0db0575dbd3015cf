//! `tejido query SQL` and `tejido shell`

use std::io::IsTerminal;
use std::path::{Path, PathBuf};

use clap::{Args, ValueEnum};
use comfy_table::{CellAlignment, ContentArrangement};
use rustyline::error::ReadlineError;

use super::summary::grouped;
use super::{Shared, failed_run, say, show, table, tell};
use crate::error::Exit;
use crate::run::RunError;
use crate::run::query::Session;
use crate::warehouse::{FileFormat, Reader, Shown};

/// Arguments of `tejido query`.
#[derive(Debug, Args)]
pub(super) struct QueryArguments {
    /// What to ask, in DuckDB's SQL
    #[arg(value_name = "SQL")]
    sql: String,
    /// As what; by the file's name where there is one, else as a table
    #[arg(long, value_enum)]
    to: Option<Output>,
    /// Into this file
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,
    /// How many rows of a table to show
    #[arg(long, default_value_t = 100, value_name = "N")]
    rows: usize,
    /// Ask this build; else the published one
    #[arg(long, value_name = "BUILD")]
    build: Option<String>,
}

/// Arguments of `tejido shell`.
#[derive(Debug, Args)]
pub(super) struct ShellArguments {
    /// Ask this build; else the published one
    #[arg(long, value_name = "BUILD")]
    build: Option<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Output {
    Table,
    Csv,
    Json,
    Parquet,
}

pub(super) fn query(shared: &Shared, arguments: &QueryArguments) -> Exit {
    let output = match (arguments.to, &arguments.output) {
        (Some(output), _) => output,
        (None, Some(path)) => match by_name(path) {
            Some(output) => output,
            None => {
                say(&format!(
                    "error: expected a file that ends in .csv, .json, .parquet or .pq, found `{}`\nhint: or say what it is with `--to`",
                    path.display()
                ));
                return Exit::Usage;
            }
        },
        (None, None) if shared.json => Output::Json,
        (None, None) => Output::Table,
    };
    let format = match output {
        Output::Table if arguments.output.is_some() => {
            say("error: a table is for the terminal\nhint: leave `-o` out, or write `--to csv`");
            return Exit::Usage;
        }
        Output::Parquet if arguments.output.is_none() => {
            say("error: Parquet is for files\nhint: name one with `-o`");
            return Exit::Usage;
        }
        Output::Table => None,
        Output::Csv => Some(FileFormat::Csv),
        Output::Json => Some(FileFormat::Json),
        Output::Parquet => Some(FileFormat::Parquet),
    };
    let asked = shared.load().and_then(|project| Session::open(&project, arguments.build.as_deref()));
    let done = asked.and_then(|session| match format {
        None => session.show(&arguments.sql, arguments.rows).map(|shown| result(&shown)),
        Some(format) => match &arguments.output {
            None => session.stream(&arguments.sql, format, &mut std::io::stdout().lock()),
            Some(path) => {
                let rows = session.write(&arguments.sql, path, format)?;
                say(&format!("{} rows written to {}", grouped(rows), path.display()));
                Ok(())
            }
        },
    });
    match done {
        Ok(()) => Exit::Done,
        Err(error) => failed_run(&error),
    }
}

/// What a file is to hold, by its name.
fn by_name(path: &Path) -> Option<Output> {
    match path.extension()?.to_str()?.to_lowercase().as_str() {
        "csv" => Some(Output::Csv),
        "json" => Some(Output::Json),
        "parquet" | "pq" => Some(Output::Parquet),
        _ => None,
    }
}

fn result(shown: &Shown) {
    let names: Vec<&str> = shown.names.iter().map(String::as_str).collect();
    let mut rows = table(&names);
    rows.set_content_arrangement(ContentArrangement::Disabled);
    for (at, _) in shown.numeric.iter().enumerate().filter(|(_, is)| **is) {
        if let Some(column) = rows.column_mut(at) {
            column.set_cell_alignment(CellAlignment::Right);
        }
    }
    for row in &shown.rows {
        rows.add_row(row.iter().map(|field| field.as_deref().unwrap_or("null")));
    }
    show(&rows);
    let more = shown.total.saturating_sub(shown.rows.len() as u64);
    if more > 0 {
        say(&format!("… {} more rows (`--rows N`)", grouped(more)));
    }
}

/// Lines up to a semicolon are asked, and the last ones of a pipe without one, too. History is kept below the data root.
pub(super) fn shell(shared: &Shared, arguments: &ShellArguments) -> Exit {
    let opened = shared.load().and_then(|project| {
        let session = Session::open(&project, arguments.build.as_deref())?;
        Ok((session, project.settings.storage.root.join(".shell-history")))
    });
    match opened.and_then(|(session, history)| converse(&session, &history)) {
        Ok(exit) => exit,
        Err(error) => failed_run(&error),
    }
}

fn converse(session: &Session, history: &Path) -> Result<Exit, RunError> {
    let broken = |error: ReadlineError| RunError::Argument {
        message: format!("the terminal cannot be read: {error}"),
        hint: "`tejido query` asks one question without a terminal".into(),
    };
    let mut editor = rustyline::DefaultEditor::new().map_err(broken)?;
    // There is none before the first time.
    let _ = editor.load_history(history);
    say(&format!("build {}; end a statement with `;`, leave with `exit` or Ctrl-D", session.build_id));
    // A script goes no further than its first error; somebody who types tries again.
    let is_script = !std::io::stdin().is_terminal();
    let mut exit = Exit::Done;
    let mut statement = String::new();
    loop {
        let prompt = if statement.is_empty() { "tejido> " } else { "   ...> " };
        let line = match editor.readline(prompt) {
            Ok(line) => line,
            Err(ReadlineError::Interrupted) => {
                statement.clear();
                continue;
            }
            Err(ReadlineError::Eof) => break,
            Err(error) => return Err(broken(error)),
        };
        if statement.is_empty() && ["exit", "quit", ".exit", ".quit"].contains(&line.trim().trim_end_matches(';')) {
            break;
        }
        statement.push_str(&line);
        statement.push('\n');
        if !line.trim_end().ends_with(';') {
            continue;
        }
        let asked = std::mem::take(&mut statement);
        let _ = editor.add_history_entry(asked.trim_end());
        if !answered(session, &asked) && is_script {
            exit = Exit::Failed;
            statement.clear();
            break;
        }
    }
    if is_script {
        if !answered(session, &statement) {
            exit = Exit::Failed;
        }
    } else if !statement.trim().is_empty() {
        tell("");
    }
    // A history that cannot be kept is no reason to fail.
    if let Err(error) = editor.save_history(history) {
        tracing::warn!("the history is not kept: {error}");
    }
    Ok(exit)
}

/// Shows what each statement gives, up to the first that is wrong; whether none was.
fn answered(session: &Session, text: &str) -> bool {
    for statement in Reader::statements(text) {
        match session.show(statement, 200) {
            Ok(shown) => result(&shown),
            Err(error) => {
                failed_run(&error);
                return false;
            }
        }
    }
    true
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_says_by_its_name_what_it_holds() {
        assert_eq!(by_name(Path::new("a/b.CSV")), Some(Output::Csv));
        assert_eq!(by_name(Path::new("b.pq")), Some(Output::Parquet));
        assert_eq!(by_name(Path::new("b.txt")), None);
        assert_eq!(by_name(Path::new("b")), None);
    }
}
