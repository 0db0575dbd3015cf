//! A progress bar on a terminal; nothing elsewhere. Log lines go above the bar.

use std::collections::BTreeMap;
use std::io::{self, IsTerminal, Write};
use std::sync::{Arc, Mutex, PoisonError};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use tracing_subscriber::fmt::MakeWriter;

use crate::run::payload::Meter;
use crate::run::{Observer, PipelineReport, RunReport};
use crate::telemetry;

/// What the user sees while a verb works.
#[derive(Clone)]
pub(super) struct Display {
    bar: ProgressBar,
    /// What each pipeline is doing that is not done yet.
    stages: Arc<Mutex<BTreeMap<String, String>>>,
}

impl Display {
    pub fn new(quiet: bool) -> Self {
        Display { bar: ProgressBar::with_draw_target(None, target(quiet)), stages: Arc::default() }
    }

    /// Starts the bar for so many pipelines.
    pub fn begin(&self, pipelines: usize) {
        // The template is a literal; one that could not be read would only look plainer.
        if let Ok(style) = ProgressStyle::with_template("{spinner} [{elapsed}] {bar:24} {pos}/{len} {wide_msg}") {
            self.bar.set_style(style);
        }
        // The build is one step more.
        self.bar.set_length(pipelines as u64 + 1);
        self.bar.enable_steady_tick(std::time::Duration::from_millis(100));
    }

    /// Takes the bar away.
    pub fn end(&self) {
        self.bar.finish_and_clear();
    }

    /// Writes log lines above the bar.
    pub fn log_writer(&self) -> LogWriter {
        LogWriter { bar: self.bar.clone() }
    }

    fn show(&self, change: impl FnOnce(&mut BTreeMap<String, String>)) {
        let mut stages = self.stages.lock().unwrap_or_else(PoisonError::into_inner);
        change(&mut stages);
        let line: Vec<String> = stages.iter().map(|(id, stage)| format!("{id}: {stage}")).collect();
        self.bar.set_message(line.join(" · "));
    }
}

impl Observer for Display {
    fn pipeline(&self, id: &str, stage: &str) {
        self.show(|stages| {
            stages.insert(id.to_owned(), stage.to_owned());
        });
    }

    fn pipeline_done(&self, report: &PipelineReport) {
        self.show(|stages| {
            stages.remove(&report.id);
        });
        self.bar.inc(1);
    }

    fn warehouse(&self, step: &str) {
        self.bar.set_message(format!("building: {step}"));
    }

    fn run_done(&self, report: &RunReport) {
        telemetry::count(report);
    }
}

fn target(quiet: bool) -> ProgressDrawTarget {
    match quiet || !io::stderr().is_terminal() {
        true => ProgressDrawTarget::hidden(),
        false => ProgressDrawTarget::stderr(),
    }
}

/// A bar of bytes read, on a terminal.
#[derive(Clone)]
pub(super) struct ByteBar {
    bar: ProgressBar,
}

impl ByteBar {
    pub fn new(quiet: bool) -> Self {
        ByteBar { bar: ProgressBar::with_draw_target(None, target(quiet)) }
    }

    /// Starts the bar.
    pub fn begin(&self, bytes: u64) {
        if let Ok(style) = ProgressStyle::with_template("{spinner} {bytes}/{total_bytes} {bar:24} {bytes_per_sec}") {
            self.bar.set_style(style);
        }
        self.bar.set_length(bytes);
    }

    /// Takes the bar away.
    pub fn end(&self) {
        self.bar.finish_and_clear();
    }
}

impl Meter for ByteBar {
    fn read(&self, bytes: u64) {
        self.bar.inc(bytes);
    }
}

/// Makes writers of log lines.
pub(super) struct LogWriter {
    bar: ProgressBar,
}

impl<'a> MakeWriter<'a> for LogWriter {
    type Writer = LogLine;

    fn make_writer(&'a self) -> LogLine {
        LogLine { bar: self.bar.clone() }
    }
}

/// One log line.
pub(super) struct LogLine {
    bar: ProgressBar,
}

impl Write for LogLine {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.bar.suspend(|| io::stderr().write_all(bytes))?;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        io::stderr().flush()
    }
}
