//! Arguments, progress, tables, exit code; one file a verb.
//!
//! What a verb reports goes to standard output, everything else to standard error.

mod archive;
mod builds;
mod decode;
mod diff;
mod explain;
mod export;
mod models;
mod notify;
mod progress;
mod quarantine;
mod query;
mod replay;
mod report;
mod run;
mod schedule;
mod show;
mod status;
mod summary;
mod verify;

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Args, Parser, Subcommand};
use comfy_table::{Table, presets};
use serde::Serialize;
use tokio::runtime::Runtime;
use tracing_subscriber::EnvFilter;
use tracing_subscriber::layer::{Layer, SubscriberExt};
use tracing_subscriber::util::SubscriberInitExt;

use crate::error::{Exit, Hint, Report};
use crate::run::{Project, RunError};
use crate::spec::Settings;
use crate::telemetry::Telemetry;

/// Official statistics and membership exports → Parquet → DuckDB → one published build.
#[derive(Debug, Parser)]
#[command(name = "tejido", version, about, max_term_width = 110)]
struct Cli {
    #[command(flatten)]
    shared: Shared,
    #[command(subcommand)]
    verb: Verb,
}

/// Options of every verb.
#[derive(Debug, Args)]
struct Shared {
    /// The folder with config/, pipelines/ and sql/
    #[arg(long, global = true, value_name = "DIR", default_value = ".")]
    project: PathBuf,
    /// A further file of settings, over config/default.toml and config/local.toml
    #[arg(long, global = true, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Where the bytes come from, over the setting `profile`
    #[arg(long, global = true, value_parser = ["sample", "live"])]
    profile: Option<String>,
    /// Report in JSON
    #[arg(long, global = true)]
    json: bool,
    /// What to log: error, warn, info, debug, or a filter such as `tejido::fetch=debug`
    #[arg(long, global = true, env = "TEJIDO_LOG", value_name = "FILTER", default_value = "warn")]
    log: String,
}

#[derive(Debug, Subcommand)]
enum Verb {
    /// Fetch, load, build and publish, once
    Run(run::Arguments),
    /// Bring this machine's copy of an object store up to date, and put there what it lacks
    Sync,
    /// Run the pipelines whenever they are due, until stopped
    Schedule(schedule::Arguments),
    /// How each pipeline stands; exit code 1 when something is stale or failing
    Status(status::StatusArguments),
    /// The runs of the past
    Runs(status::RunsArguments),
    /// What a run would ask, decode, build and publish, and why, without doing it
    Plan(models::PlanArguments),
    /// Whether settings, pipelines, codelists and models are right; exit code 2 where they are not
    Check(models::CheckArguments),
    /// The models and what reads what
    Models(models::ModelsArguments),
    /// Run the models' tests (tests/models/): given rows, expected rows
    Test(models::TestArguments),
    /// The builds that are kept
    Builds(builds::BuildsArguments),
    /// Let readers see an earlier build again
    Rollback(builds::RollbackArguments),
    /// What is different between two builds, mart by mart
    Diff(diff::Arguments),
    /// Check a build's files and snapshots, build it again from the archive alone, read cells again
    Verify(verify::Arguments),
    /// Where a published number comes from: models, observations, file, address, bytes
    Explain(explain::Arguments),
    /// Rows of a mart as a table with small bars
    Show(show::Arguments),
    /// Ask the published build in SQL
    Query(query::QueryArguments),
    /// Ask the published build, question after question
    Shell(query::ShellArguments),
    /// Write the report of a build: pages that open from a file
    Report(report::Arguments),
    /// Write marts for spreadsheets: CSV or one workbook
    Export(export::Arguments),
    /// Try out who is told when something fails or works again
    Notify(notify::Arguments),
    /// What of the newest snapshots fits no rule, grouped by why
    Quarantine(quarantine::Arguments),
    /// The bytes as they came from the sources: look, take out, bring in, clear away
    Archive(archive::Arguments),
    /// Play the sources from the archive or a script, for `fetch.mirror`
    Replay(replay::Arguments),
    /// Turn a statistical file of any known format into a table, CSV, Parquet or Arrow
    Decode(Box<decode::Arguments>),
}

/// Runs the program with the process's arguments.
pub fn main() -> ExitCode {
    let cli = Cli::parse();
    let display = progress::Display::new(cli.shared.json);
    // A filter that cannot be read is no reason not to work, but it is one to speak.
    let filter = EnvFilter::try_new(&cli.shared.log).unwrap_or_else(|error| {
        say(&format!("warning: expected a log filter, found `{}`: {error}", cli.shared.log));
        EnvFilter::new("warn")
    });
    let (telemetry, wrong) = cli.telemetry();
    let log = tracing_subscriber::fmt::layer()
        .with_writer(display.log_writer())
        .with_ansi(anstream::AutoStream::choice(&std::io::stderr()) != anstream::ColorChoice::Never)
        .with_target(false)
        .with_filter(filter);
    tracing_subscriber::registry().with(telemetry.layer()).with(log).init();
    if let Some(wrong) = wrong {
        tracing::warn!("{wrong}");
    }
    let exit = match cli.verb {
        Verb::Run(arguments) => run::run(&cli.shared, &arguments, display),
        Verb::Sync => builds::sync(&cli.shared),
        Verb::Schedule(arguments) => schedule::run(&cli.shared, &arguments),
        Verb::Status(arguments) => status::status(&cli.shared, &arguments),
        Verb::Runs(arguments) => status::runs(&cli.shared, &arguments),
        Verb::Plan(arguments) => models::planned(&cli.shared, &arguments),
        Verb::Check(arguments) => models::check(&cli.shared, &arguments),
        Verb::Models(arguments) => models::list(&cli.shared, &arguments),
        Verb::Test(arguments) => models::tests(&cli.shared, &arguments),
        Verb::Builds(arguments) => builds::builds(&cli.shared, &arguments),
        Verb::Rollback(arguments) => builds::rollback(&cli.shared, &arguments),
        Verb::Diff(arguments) => diff::run(&cli.shared, &arguments),
        Verb::Verify(arguments) => verify::run(&cli.shared, &arguments, display),
        Verb::Explain(arguments) => explain::run(&cli.shared, &arguments),
        Verb::Show(arguments) => show::run(&cli.shared, &arguments),
        Verb::Query(arguments) => query::query(&cli.shared, &arguments),
        Verb::Shell(arguments) => query::shell(&cli.shared, &arguments),
        Verb::Report(arguments) => report::run(&cli.shared, &arguments),
        Verb::Export(arguments) => export::run(&cli.shared, &arguments),
        Verb::Notify(arguments) => notify::run(&cli.shared, &arguments),
        Verb::Quarantine(arguments) => quarantine::run(&cli.shared, &arguments),
        Verb::Archive(arguments) => archive::run(&cli.shared, &arguments),
        Verb::Replay(arguments) => replay::run(&cli.shared, &arguments),
        Verb::Decode(arguments) => decode::run(&cli.shared, &arguments),
    };
    telemetry.end();
    ExitCode::from(exit as u8)
}

impl Cli {
    /// Spans and metrics of the verbs that run pipelines. Settings that are wrong are the verb's to report.
    fn telemetry(&self) -> (Telemetry, Option<String>) {
        let Cli { shared, verb } = self;
        match verb {
            Verb::Run(_) | Verb::Schedule(_) => {
                let settings = Settings::load(&shared.project, shared.config.as_deref(), shared.profile.as_deref());
                Telemetry::start(&settings.map(|settings| settings.telemetry.endpoint).unwrap_or_default())
            }
            _ => (Telemetry::default(), None),
        }
    }
}

impl Shared {
    /// The project that the options name.
    fn load(&self) -> Result<Project, RunError> {
        Project::load(&self.project, self.config.as_deref(), self.profile.as_deref())
    }
}

/// The threads on which sources are asked and receivers told.
fn runtime() -> Result<Runtime, RunError> {
    tokio::runtime::Builder::new_multi_thread().enable_all().build().map_err(RunError::Threads)
}

/// What the verb reports, in JSON. It is made of texts, numbers and times, which always have a JSON form.
fn json<T: Serialize + ?Sized>(value: &T) {
    tell(&serde_json::to_string_pretty(value).unwrap_or_default());
}

/// A table without lines.
fn table(names: &[&str]) -> Table {
    let mut table = Table::new();
    table.load_style(presets::NOTHING);
    table.set_header(names);
    table
}

fn show(table: &Table) {
    table.lines().for_each(|line| tell(line.trim_end()));
}

/// A line on standard error. That nobody reads it is no reason to fail.
fn say(text: &str) {
    use std::io::Write;
    let _ = writeln!(anstream::stderr(), "{text}");
}

/// A line of what the verb reports.
fn tell(text: &str) {
    use std::io::Write;
    let _ = writeln!(anstream::stdout(), "{text}");
}

/// An error of a run that ends the program, with the exit code that tells whose fault it is.
fn failed_run(error: &RunError) -> Exit {
    failed(error, if error.is_usage() { Exit::Usage } else { Exit::Failed })
}

/// An error that ends the program, and the exit code that it means.
fn failed(error: &(impl Hint + ?Sized), exit: Exit) -> Exit {
    say(&Report::new(error).to_string());
    exit
}
