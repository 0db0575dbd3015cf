//! Runs `driver.py` by `spark-submit`, and takes what the models gave there into the build's database.

use std::collections::{BTreeMap, VecDeque};
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStderr, Command, Stdio};
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use duckdb::Connection;
use serde::Deserialize;

use super::plan::Plan;
use crate::disk;
use crate::warehouse::audit::{self, AuditResult};
use crate::warehouse::build::ModelResult;
use crate::warehouse::engine::{execute, path_literal};
use crate::warehouse::load;
use crate::warehouse::model::{Model, Models};
use crate::warehouse::{Inputs, WarehouseError, quoted_list};

/// Needs PySpark and nothing else, so that it goes wherever Spark is.
const DRIVER: &str = include_str!("driver.py");

/// What Spark said of itself, kept after a failure.
const LOG: &str = "spark.log";

/// Brings what stands below an address of the data root into the folder here, from a store that both machines reach.
pub type Fetch<'a> = dyn Fn() -> Result<(), WarehouseError> + 'a;

/// Where Spark runs, and what it shares with this machine.
pub struct Cluster<'a> {
    /// As `spark-submit` takes it; "" leaves it to Spark's own settings.
    pub master: String,
    /// The program with its options.
    pub submit: Vec<String>,
    /// The data root on this machine.
    pub root: PathBuf,
    /// Where Spark's machines see it; "" is the same path.
    pub seen_at: String,
    /// A folder below the data root for this build alone.
    pub folder: PathBuf,
    /// Models at once.
    pub models: u32,
    /// Spark may be silent for so long.
    pub silence: Option<Duration>,
    /// How its output comes here, where the two share no disk.
    pub fetch: Option<Box<Fetch<'a>>>,
    /// What it says of itself.
    pub log: Log,
}

/// What Spark gave.
#[derive(Debug, Deserialize)]
pub(in crate::warehouse) struct Answers {
    status: String,
    #[serde(default)]
    models: Vec<ModelAnswer>,
    #[serde(default)]
    audits: Vec<AuditResult>,
    error: Option<Told>,
}

#[derive(Debug, Deserialize)]
struct ModelAnswer {
    name: String,
    rows: Option<u64>,
    #[serde(default)]
    files: Vec<Written>,
}

#[derive(Debug, Deserialize)]
struct Written {
    path: String,
    bytes: u64,
}

/// Why the driver gave up.
#[derive(Debug, Deserialize)]
struct Told {
    model: Option<String>,
    step: String,
    message: String,
}

/// What Spark gave of one model.
pub(in crate::warehouse) struct Answer {
    /// Rows; of a view none.
    pub rows: Option<u64>,
    /// All audits of it.
    pub audits: Vec<AuditResult>,
    files: Vec<PathBuf>,
}

impl Cluster<'_> {
    /// Removes what the two have exchanged, but for the log of a failure.
    pub fn clear(&self) -> Result<(), WarehouseError> {
        for name in disk::list(&self.folder)? {
            let path = self.folder.join(&name);
            match name.as_str() {
                LOG => {}
                _ if path.is_dir() => disk::remove_dir(&path)?,
                _ => disk::remove_file(&path)?,
            }
        }
        match disk::list(&self.folder)?.is_empty() {
            true => Ok(disk::remove_dir(&self.folder)?),
            false => Ok(()),
        }
    }

    /// What the driver writes for this machine.
    pub(in crate::warehouse) fn output(&self) -> PathBuf {
        self.folder.join("output")
    }

    /// A path below the data root as Spark's machines name it.
    pub(super) fn seen(&self, path: &Path) -> String {
        match (self.seen_at.trim_end_matches('/'), path.strip_prefix(&self.root)) {
            ("", _) | (_, Err(_)) => path.to_string_lossy().into_owned(),
            (root, Ok(place)) => format!("{root}/{}", place.to_string_lossy()),
        }
    }

    /// The same path here.
    fn here(&self, seen: &str) -> PathBuf {
        match seen.strip_prefix(self.seen_at.trim_end_matches('/')) {
            Some(place) if !self.seen_at.is_empty() => self.root.join(place.trim_start_matches('/')),
            _ => PathBuf::from(seen),
        }
    }

    /// The rows of a model in the last build as a file that Spark can read.
    pub(super) fn previous(&self, connection: &Connection, model: &Model) -> Result<String, WarehouseError> {
        let path = self.folder.join("previous").join(format!("{}.parquet", model.name));
        disk::create_dir(&self.folder.join("previous"))?;
        let copy = format!("copy previous.{} to {} (format parquet)", model.table(), path_literal(&path));
        execute(connection, &format!("give Spark the last rows of `{}`", model.name), &copy)?;
        Ok(self.seen(&path))
    }

    /// Runs the models. Their tables stand empty in the connection, the lake is loaded there.
    pub(in crate::warehouse) fn run<'m>(
        &self,
        connection: &Connection,
        models: &'m Models,
        inputs: &Inputs,
        last: impl Fn(&str) -> Option<&'m ModelResult>,
        mut progress: impl FnMut(&str),
    ) -> Result<BTreeMap<String, Answer>, WarehouseError> {
        let (driver, asked, result) =
            (self.folder.join("driver.py"), self.folder.join("plan.json"), self.folder.join("result.json"));
        disk::write_atomic(&driver, DRIVER.as_bytes())?;
        let plan = Plan::new(connection, models, inputs, self, &result, last)?;
        // Structs of strings and numbers always have a JSON form.
        disk::write_atomic(&asked, &serde_json::to_vec(&plan).unwrap_or_default())?;
        progress("starting Spark");
        let code = self.submit(&[&driver, &asked], &mut progress)?;
        let answers: Option<Answers> =
            if disk::exists(&result) { serde_json::from_slice(&disk::read(&result)?).ok() } else { None };
        let Some(answers) = answers else {
            return Err(
                self.failed("run the models", format!("it ended {code} and said nothing of them{}", self.last_words()))
            );
        };
        if let Some(Told { model, step, message }) = answers.error {
            let model = model.and_then(|name| models.all.iter().find(|model| model.name == name));
            return Err(match (model, step.as_str()) {
                (Some(model), "check") => model.wrong(
                    model.contract.end..model.contract.end + model.sql().len(),
                    message,
                    Some(
                        "Spark would do without a word what DuckDB does not: `docs/MODELS.md` has what both mean alike"
                            .into(),
                    ),
                ),
                (Some(model), _) => self.failed(&format!("run `{}`", model.path.display()), message),
                (None, step) => self.failed(step, message),
            });
        }
        if !["done", "audits"].contains(&answers.status.as_str()) {
            return Err(self.failed("run the models", format!("it ended {code} with the status `{}`", answers.status)));
        }
        if let Some(fetch) = &self.fetch {
            progress("fetching what Spark wrote");
            fetch()?;
        }
        self.sort_out(answers, models)
    }

    /// What was given of each model. Files are here with the size that Spark says.
    fn sort_out(&self, answers: Answers, models: &Models) -> Result<BTreeMap<String, Answer>, WarehouseError> {
        let Answers { status, models: given, audits, .. } = answers;
        let mut sorted = BTreeMap::new();
        for model in &models.all {
            let Some(answer) = given.iter().find(|answer| answer.name == model.name) else {
                return Err(self.failed("run the models", format!("it gave nothing of `{}`", model.name)));
            };
            let mut files = Vec::new();
            for Written { path, bytes } in &answer.files {
                let file = self.here(path);
                let found = if disk::exists(&file) { disk::size_bytes(&file)? } else { 0 };
                if found != *bytes {
                    let told = format!("expected {bytes} bytes in `{}`, found {found}", file.display());
                    return Err(self.failed("bring the models here", told));
                }
                files.push(file);
            }
            let is_lacking = !model.is_view() && !model.contract.private && files.is_empty() && status == "done";
            if is_lacking {
                return Err(self.failed("bring the models here", format!("it wrote no file of `{}`", model.name)));
            }
            let audits = audits.iter().filter(|audit| audit.model == model.name).cloned().collect();
            sorted.insert(model.name.clone(), Answer { rows: answer.rows, audits, files });
        }
        Ok(sorted)
    }

    /// How the program ended, in words.
    fn submit(&self, arguments: &[&Path], progress: &mut impl FnMut(&str)) -> Result<String, WarehouseError> {
        let (program, options) =
            self.submit.split_first().map_or(("", [].as_slice()), |(one, rest)| (one.as_str(), rest));
        let mut command = Command::new(program);
        command.args(options);
        if !self.master.is_empty() {
            command.args(["--master", &self.master]);
        }
        command.args(arguments).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let child = command.spawn().map_err(|error| self.failed(&format!("start `{program}`"), error.to_string()))?;
        let mut running = Running(child);
        self.log.follow(running.0.stderr.take());
        let (told, lines) = channel();
        let output = running.0.stdout.take();
        std::thread::spawn(move || {
            for line in output.into_iter().flat_map(|output| BufReader::new(output).lines()).map_while(Result::ok) {
                if told.send(line).is_err() {
                    break;
                }
            }
        });
        loop {
            let line = match self.silence {
                Some(silence) => lines.recv_timeout(silence),
                None => lines.recv().map_err(|_| RecvTimeoutError::Disconnected),
            };
            match line {
                Ok(line) => match line.strip_prefix("model ") {
                    Some(model) => progress(model.split(':').next().unwrap_or_default()),
                    None => tracing::debug!("spark: {line}"),
                },
                Err(RecvTimeoutError::Timeout) => {
                    let secs = self.silence.unwrap_or_default().as_secs();
                    return Err(self.failed("go on", format!("no model was done within {secs} s{}", self.last_words())));
                }
                Err(RecvTimeoutError::Disconnected) => break,
            }
        }
        let status = running.0.wait().map_err(|error| self.failed(&format!("run `{program}`"), error.to_string()))?;
        Ok(match status.code() {
            Some(code) => format!("with exit code {code}"),
            None => "by a signal".to_owned(),
        })
    }

    fn failed(&self, action: &str, message: String) -> WarehouseError {
        WarehouseError::Spark { action: action.to_owned(), message, log: self.log.keep(&self.folder) }
    }

    /// What it said last, as far as that is no stack.
    fn last_words(&self) -> String {
        let lines = self.log.lines();
        let line = lines.iter().rev().find(|line| !line.trim().is_empty() && !line.trim_start().starts_with("at "));
        line.map(|line| format!(": {}", line.trim())).unwrap_or_default()
    }
}

/// The last lines of what Spark says of itself.
#[derive(Debug, Clone, Default)]
pub struct Log(Arc<Mutex<VecDeque<String>>>);

impl Log {
    const MOST_LINES: usize = 2_000;

    fn follow(&self, from: Option<ChildStderr>) {
        let log = self.clone();
        std::thread::spawn(move || {
            for line in from.into_iter().flat_map(|from| BufReader::new(from).lines()).map_while(Result::ok) {
                let mut lines = log.locked();
                if lines.len() == Self::MOST_LINES {
                    lines.pop_front();
                }
                lines.push_back(line);
            }
        });
    }

    fn locked(&self) -> MutexGuard<'_, VecDeque<String>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn lines(&self) -> Vec<String> {
        self.locked().iter().cloned().collect()
    }

    /// Writes them to a file; none where there are none, or no room.
    fn keep(&self, folder: &Path) -> Option<PathBuf> {
        let lines = self.lines();
        let path = folder.join(LOG);
        let is_kept = !lines.is_empty() && disk::write_atomic(&path, (lines.join("\n") + "\n").as_bytes()).is_ok();
        is_kept.then_some(path)
    }
}

/// Ends with the one who asked for it.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        // It has ended, or is to.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

impl Answer {
    /// Fills the empty table of a model, and keeps the rows that fail its audits below the build's folder.
    pub fn take(
        &self,
        connection: &Connection,
        cluster: &Cluster<'_>,
        folder: &Path,
        model: &Model,
        columns: &[(String, String)],
    ) -> Result<(), WarehouseError> {
        for kept in self.audits.iter().filter_map(|audit| audit.kept.as_deref()) {
            let name = Path::new(kept).file_name().unwrap_or_default();
            disk::copy(&cluster.output().join(kept), &folder.join(audit::FOLDER).join(name))?;
        }
        if self.files.is_empty() {
            return Ok(());
        }
        let names: Vec<&str> = columns.iter().map(|(name, _)| name.as_str()).collect();
        let read = load::read(self.files.iter());
        let insert = format!("insert into {} select {} from {read}", model.table(), quoted_list(&names));
        execute(connection, &format!("take over `{}` from Spark", model.name), &insert)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cluster(seen_at: &str) -> Cluster<'static> {
        Cluster {
            master: String::new(),
            submit: Vec::new(),
            root: "/srv/tejido".into(),
            seen_at: seen_at.into(),
            folder: "/srv/tejido/.tmp-spark".into(),
            models: 1,
            silence: None,
            fetch: None,
            log: Log::default(),
        }
    }

    #[test]
    fn a_path_has_two_names() {
        for (root, seen) in [
            ("", "/srv/tejido/lake/a.parquet"),
            ("/mnt/t", "/mnt/t/lake/a.parquet"),
            ("s3a://bucket/tejido/", "s3a://bucket/tejido/lake/a.parquet"),
        ] {
            let cluster = cluster(root);
            let here = Path::new("/srv/tejido/lake/a.parquet");
            assert_eq!(cluster.seen(here), seen);
            assert_eq!(cluster.here(seen), here);
        }
    }
}
