//! DuckDB connections with their limits, and DuckDB's messages turned into places in a file.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{RecvTimeoutError, Sender, channel};
use std::sync::{Arc, OnceLock};
use std::thread::JoinHandle;
use std::time::Duration;

use duckdb::{Config, Connection, ToSql, appender_params_from_iter};

use super::{WarehouseError, literal, quoted};
use crate::error::Snippet;

/// What DuckDB may use.
#[derive(Debug, Clone)]
pub struct Limits {
    /// Memory before it spills to disk.
    pub memory_limit_mb: u64,
    /// Threads; 0 is the number of cores.
    pub threads: usize,
    /// Where it spills to.
    pub temp_folder: PathBuf,
    /// What a model may take with its audits; none is no limit.
    pub model_time: Option<Duration>,
}

/// Breaks off what a connection does when its time is over.
pub(super) struct Watch {
    is_over: Arc<AtomicBool>,
    running: Option<(Sender<()>, JoinHandle<()>)>,
}

impl Watch {
    /// From now on.
    pub fn start(connection: &Connection, time: Option<Duration>) -> Self {
        let is_over = Arc::new(AtomicBool::new(false));
        let running = time.map(|time| {
            let (done, ended) = channel::<()>();
            let (handle, is_over) = (connection.interrupt_handle(), is_over.clone());
            let watch = std::thread::spawn(move || {
                let mut wait = time;
                // More than once: an interrupt between two statements is forgotten when the next one begins.
                while ended.recv_timeout(wait) == Err(RecvTimeoutError::Timeout) {
                    is_over.store(true, Ordering::Relaxed);
                    handle.interrupt();
                    wait = Duration::from_millis(50);
                }
            });
            (done, watch)
        });
        Watch { is_over, running }
    }

    /// Ends it; whether the time was over before.
    pub fn stop(mut self) -> bool {
        self.end();
        self.is_over.load(Ordering::Relaxed)
    }

    fn end(&mut self) {
        if let Some((done, watch)) = self.running.take() {
            drop(done);
            // It does nothing that could panic.
            let _ = watch.join();
        }
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        self.end();
    }
}

/// What DuckDB said about something that is not a model's fault.
pub(super) fn refused(action: String) -> impl Fn(duckdb::Error) -> WarehouseError {
    move |error| WarehouseError::Engine { action: action.clone(), message: message(&error) }
}

/// The words of an error, without the wrapping.
fn message(error: &duckdb::Error) -> String {
    match error {
        duckdb::Error::DuckDBFailure(_, Some(message)) => message.trim().to_owned(),
        other => other.to_string(),
    }
}

/// What to do about an error that is not a model's fault.
pub(super) fn hint(message: &str) -> Option<String> {
    let says = |words: &[&str]| words.iter().any(|word| message.contains(word));
    if says(&["No space left", "disk is full"]) {
        Some("free some space; nothing that was published has changed".into())
    } else if says(&["Out of Memory"]) {
        Some("raise `warehouse.memory_limit_mb`, or give `storage.root` more room to spill to".into())
    } else if says(&["ZSTD", "Snappy", "TProtocolException", "parquet"]) && says(&["lake"]) || says(&["ZSTD"]) {
        Some(
            "a partition of the lake is damaged: remove the folder lake/, the next run makes it again from the archive"
                .into(),
        )
    } else {
        None
    }
}

/// A database in memory, without network, extensions of its own, or progress bars.
pub(super) fn open(limits: &Limits) -> Result<Connection, WarehouseError> {
    let failed = refused("start".to_owned());
    let mut config = Config::default()
        .with("autoinstall_known_extensions", "false")
        .and_then(|config| config.with("autoload_known_extensions", "false"))
        .and_then(|config| config.with("memory_limit", format!("{}MB", limits.memory_limit_mb)))
        .and_then(|config| config.with("temp_directory", limits.temp_folder.to_string_lossy().as_ref()))
        .map_err(&failed)?;
    // Beyond this nothing is gained anywhere, and DuckDB has no larger number.
    let limits = Limits { threads: limits.threads.min(1024), ..limits.clone() };
    if limits.threads > 0 {
        config = config.threads(limits.threads as i64).map_err(&failed)?;
    }
    Connection::open_in_memory_with_flags(config).map_err(&failed)
}

/// The version of DuckDB, part of every model's fingerprint.
pub fn engine_version() -> Result<String, WarehouseError> {
    // Asked several times in a run, and each time a database would be opened.
    static VERSION: OnceLock<String> = OnceLock::new();
    if let Some(version) = VERSION.get() {
        return Ok(version.clone());
    }
    let failed = refused("start".to_owned());
    let connection = Connection::open_in_memory().map_err(&failed)?;
    let version: String = connection.query_row("select version()", [], |row| row.get(0)).map_err(&failed)?;
    Ok(VERSION.get_or_init(|| version).clone())
}

/// Runs statements that are the program's own.
pub(super) fn execute(connection: &Connection, action: &str, sql: &str) -> Result<(), WarehouseError> {
    connection.execute_batch(sql).map_err(refused(action.to_owned()))
}

/// Adds rows of texts to a table, whose columns have types of their own. To read them as SQL takes longer: DuckDB
/// needs seconds for a hundred thousand literals.
pub(super) fn append<T: ToSql>(
    connection: &Connection,
    schema: &str,
    table: &str,
    rows: impl IntoIterator<Item = impl IntoIterator<Item = T>>,
) -> Result<(), WarehouseError> {
    let failed = refused(format!("fill `{schema}.{table}`"));
    let mut appender = connection.appender_to_db(table, schema).map_err(&failed)?;
    rows.into_iter().try_for_each(|row| appender.append_row(appender_params_from_iter(row))).map_err(&failed)?;
    appender.flush().map_err(&failed)
}

/// Asks for one number.
pub(super) fn number(connection: &Connection, action: &str, sql: &str) -> Result<i64, WarehouseError> {
    connection.query_row(sql, [], |row| row.get(0)).map_err(refused(action.to_owned()))
}

/// Asks for one column of texts.
pub(super) fn list(connection: &Connection, action: &str, sql: &str) -> Result<Vec<String>, WarehouseError> {
    let failed = refused(action.to_owned());
    let mut statement = connection.prepare(sql).map_err(&failed)?;
    let found = statement.query_map([], |row| row.get(0)).map_err(&failed)?;
    found.collect::<Result<_, _>>().map_err(&failed)
}

/// Names and types of the columns of a table, or of what a SELECT gives, in order.
pub(super) fn columns(
    connection: &Connection,
    action: &str,
    of: &str,
) -> Result<Vec<(String, String)>, WarehouseError> {
    let failed = refused(action.to_owned());
    let mut statement =
        connection.prepare(&format!("select column_name, column_type from (describe {of})")).map_err(&failed)?;
    let columns = statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?))).map_err(&failed)?;
    columns.collect::<Result<_, _>>().map_err(&failed)
}

/// The rows of a small table as texts, in the order of its columns.
pub(super) fn texts(
    connection: &Connection,
    action: &str,
    table: &str,
    columns: &[(String, String)],
) -> Result<Vec<Vec<Option<String>>>, WarehouseError> {
    let failed = refused(action.to_owned());
    let fields: Vec<String> = columns.iter().map(|(name, _)| format!("cast({} as varchar)", quoted(name))).collect();
    let sql = format!("select {} from {table} order by all", fields.join(", "));
    let mut statement = connection.prepare(&sql).map_err(&failed)?;
    let rows = statement.query_map([], |row| (0..columns.len()).map(|at| row.get(at)).collect()).map_err(&failed)?;
    rows.collect::<Result<_, _>>().map_err(&failed)
}

/// `path` as a string literal.
pub(super) fn path_literal(path: &Path) -> String {
    literal(&path.to_string_lossy())
}

/// DuckDB's message about a piece of a model's file, with the place in the file underlined.
/// `prefix` is what was put before the piece on its first line.
pub(super) fn located(error: &duckdb::Error, path: &Path, text: &str, start: usize, prefix: usize) -> WarehouseError {
    let message = message(error);
    if ["IO Error", "Out of Memory", "INTERNAL", "FATAL"].iter().any(|kind| message.starts_with(kind)) {
        return WarehouseError::Engine { action: format!("run `{}`", path.display()), message };
    }
    let piece = &text[start..];
    let (span, told) = match message.find("\nLINE ") {
        Some(at) => {
            let told = message[..at].trim().to_owned();
            (place(&message[at + 1..], piece, prefix).map(|place| start + place), told)
        }
        None => (None, message.trim().to_owned()),
    };
    let span = match span {
        Some(at) => at..at + word_length(&text[at..]),
        None => start..start + piece.trim_end().len(),
    };
    let mut lines = told.lines();
    let first = lines.next().unwrap_or_default().to_owned();
    let rest: Vec<&str> = lines.map(str::trim).filter(|line| !line.is_empty()).collect();
    WarehouseError::Model {
        message: first,
        snippet: Box::new(Snippet::new(path, text, span, "")),
        hint: (!rest.is_empty()).then(|| rest.join("; ")),
    }
}

/// Reads `LINE 3: select x` and the caret below it: byte position in the piece.
fn place(told: &str, piece: &str, prefix: usize) -> Option<usize> {
    let mut lines = told.lines();
    let excerpt = lines.next()?;
    let caret = lines.next()?.find('^')?;
    let number: usize = excerpt.strip_prefix("LINE ")?.split(':').next()?.parse().ok()?;
    let shown = excerpt.find(": ")? + 2;
    let mut column = caret.checked_sub(shown)?;
    let line_start: usize = piece.split_inclusive('\n').take(number - 1).map(str::len).sum();
    let line = piece[line_start..].lines().next()?;
    if number == 1 {
        column = column.saturating_sub(prefix);
    }
    // DuckDB shortens long lines in the middle of its excerpt: look the shown text up instead.
    if let Some(cut) = excerpt[shown..].strip_prefix("...") {
        let rest = cut.trim_end_matches("...");
        column = line.find(rest)? + column.checked_sub(3)?;
    }
    Some(line_start + line.char_indices().nth(column).map_or(line.len(), |(at, _)| at))
}

fn word_length(text: &str) -> usize {
    let word = text.find(|c: char| !(c.is_alphanumeric() || c == '_' || c == '.' || c == '"')).unwrap_or(text.len());
    word.max(1).min(text.len())
}
