//! `tejido run [PIPELINE…]`

use std::sync::Arc;

use clap::{Args, ValueEnum};

use super::progress::Display;
use super::{Shared, failed_run, json, runtime, say, summary, tell};
use crate::error::Exit;
use crate::run::{self, RunError, Sources};

/// Arguments of `tejido run`.
#[derive(Debug, Args)]
pub(super) struct Arguments {
    /// The pipelines whose sources are asked; all when none is named
    #[arg(value_name = "PIPELINE")]
    pipelines: Vec<String>,
    /// Ask no source: build from what the archive holds
    #[arg(long, conflicts_with = "pipelines")]
    offline: bool,
    /// Only a part of a run: `ingest` brings archive and lake up to date and builds nothing, `build` is `--offline`
    #[arg(long, value_name = "STAGE", value_enum, conflicts_with_all = ["offline", "as_of"])]
    stage: Option<Stage>,
    /// Build, into data/as-of/, what was known by the end of this day or at this moment, from the archive alone
    #[arg(long, value_name = "DATE", conflicts_with = "pipelines")]
    as_of: Option<String>,
}

/// A part of a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Stage {
    /// From the sources to the lake.
    Ingest,
    /// From the lake to the published build.
    Build,
}

pub(super) fn run(shared: &Shared, arguments: &Arguments, display: Display) -> Exit {
    let outcome = shared.load().and_then(|project| {
        let project = match &arguments.as_of {
            Some(text) => {
                let moment = project.moment(text)?;
                project.known_at(moment)?
            }
            None => project,
        };
        let offline = arguments.offline || arguments.as_of.is_some();
        let sources = match arguments.stage {
            Some(Stage::Ingest) => Sources::Ingest(arguments.pipelines.clone()),
            Some(Stage::Build) if !arguments.pipelines.is_empty() => {
                return Err(RunError::Argument {
                    message: "expected no pipeline with `--stage build`, which asks none".into(),
                    hint: "leave them out".into(),
                });
            }
            Some(Stage::Build) => Sources::Offline,
            None if offline => Sources::Offline,
            None => Sources::Of(arguments.pipelines.clone()),
        };
        display.begin(project.enabled().count());
        let runtime = runtime()?;
        let project = Arc::new(project);
        runtime.block_on(async {
            let report = run::run(project.clone(), &sources, Arc::new(display.clone())).await?;
            run::notices::tell(project).await;
            Ok(report)
        })
    });
    display.end();
    let report = match outcome {
        Ok(report) => report,
        Err(error) => return failed_run(&error),
    };
    if shared.json {
        json(&report);
    } else {
        tell(summary::text(&report).trim_end());
    }
    for failure in summary::failures(&report) {
        say(&failure.to_string());
    }
    report.exit()
}
