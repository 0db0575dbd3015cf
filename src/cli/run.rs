//! `tejido run [PIPELINE…]`

use std::sync::Arc;

use clap::Args;

use super::progress::Display;
use super::{Shared, failed_run, json, runtime, say, summary, tell};
use crate::error::Exit;
use crate::run::{self, Sources};

/// Arguments of `tejido run`.
#[derive(Debug, Args)]
pub(super) struct Arguments {
    /// The pipelines whose sources are asked; all when none is named
    #[arg(value_name = "PIPELINE")]
    pipelines: Vec<String>,
    /// Ask no source: build from what the archive holds
    #[arg(long, conflicts_with = "pipelines")]
    offline: bool,
    /// Build, into data/as-of/, what was known by the end of this day or at this moment, from the archive alone
    #[arg(long, value_name = "DATE", conflicts_with = "pipelines")]
    as_of: Option<String>,
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
        let sources = match arguments.offline || arguments.as_of.is_some() {
            true => Sources::Offline,
            false => Sources::Of(arguments.pipelines.clone()),
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
