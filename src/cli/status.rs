//! `tejido status` and `tejido runs`: how things stand, and what was.

use clap::Args;
use jiff::Timestamp;

use super::summary::grouped;
use super::{Shared, failed_run, json, say, show, table, tell};
use crate::error::Exit;
use crate::run::ledger::{self, Problem, Record};
use crate::run::status;

/// Arguments of `tejido status`.
#[derive(Debug, Args)]
pub(super) struct StatusArguments {}

/// Arguments of `tejido runs`.
#[derive(Debug, Args)]
pub(super) struct RunsArguments {
    /// The run to show, by its name or how it begins
    #[arg(value_name = "ID")]
    id: Option<String>,
    /// How many runs to list
    #[arg(long, default_value_t = 20, value_name = "N")]
    last: usize,
}

/// Exit code 1 when something is stale or failing, so that any monitor can use it.
pub(super) fn status(shared: &Shared, _: &StatusArguments) -> Exit {
    let found = shared.load().and_then(|project| status::status(&project, Timestamp::now()));
    let status = match found {
        Ok(status) => status,
        Err(error) => return failed_run(&error),
    };
    if shared.json {
        json(&status);
    } else {
        let mut table = table(&["pipeline", "state", "last success", "last change", "next run"]);
        for pipeline in &status.pipelines {
            table.add_row([
                pipeline.pipeline.clone(),
                pipeline.state.name().to_owned(),
                moment(pipeline.last_success),
                moment(pipeline.last_change),
                pipeline.next_run.map_or_else(|| "by hand".to_owned(), |next| moment(Some(next))),
            ]);
        }
        show(&table);
        tell(&format!("published {}", status.build.as_deref().unwrap_or("nothing")));
        for pipeline in &status.pipelines {
            let expected = pipeline.expected.as_deref().map(|expected| format!("expected {expected}"));
            if let (status::State::LateAtSource, Some(expected)) = (pipeline.state, expected) {
                say(&format!("{}: late at the source ({expected})", pipeline.pipeline));
            }
            pipeline.error.iter().for_each(|problem| explain(&pipeline.pipeline, problem));
        }
        status.error.iter().for_each(|problem| explain("the build", problem));
    }
    if status.is_wrong() { Exit::Failed } else { Exit::Done }
}

pub(super) fn runs(shared: &Shared, arguments: &RunsArguments) -> Exit {
    let found = shared.load().and_then(|project| ledger::read(&project.settings.storage.root));
    let runs = match found {
        Ok(runs) => runs,
        Err(error) => return failed_run(&error),
    };
    let Some(id) = &arguments.id else {
        let shown = &runs[runs.len().saturating_sub(arguments.last)..];
        match shared.json {
            true => json(shown),
            false => list(shown),
        }
        return Exit::Done;
    };
    let Some(run) = runs.iter().rev().find(|run| run.id().starts_with(id.as_str())) else {
        say(&format!("error: expected the name of a run, found `{id}`\nhint: `tejido runs` lists them"));
        return Exit::Usage;
    };
    match shared.json {
        true => json(run),
        false => detail(run),
    }
    Exit::Done
}

fn list(runs: &[Record]) {
    let mut table = table(&["run", "exit", "seconds", "asked", "failed", "changed rows", "build"]);
    for run in runs.iter().rev() {
        let build = match (&run.build, run.published) {
            (Some(build), true) => build.clone(),
            (Some(_), false) => "unchanged".to_owned(),
            (None, _) => "none".to_owned(),
        };
        table.add_row([
            run.id(),
            run.exit.to_string(),
            format!("{:.1}", run.seconds()),
            run.pipelines.iter().filter(|pipeline| pipeline.asked).count().to_string(),
            run.pipelines.iter().filter(|pipeline| !pipeline.errors.is_empty()).count().to_string(),
            grouped(run.pipelines.iter().map(|pipeline| pipeline.changed).sum()),
            build,
        ]);
    }
    show(&table);
}

fn detail(run: &Record) {
    tell(&format!("run        {}\nprofile    {}\nexit       {}", run.id(), run.profile, run.exit));
    tell(&format!(
        "seconds    {:.2}: pipelines {:.2}, warehouse {:.2}",
        run.seconds(),
        run.stages.pipelines,
        run.stages.warehouse
    ));
    let published = if run.published { "published" } else { "in force" };
    tell(&format!("build      {} ({published})\n", run.build.as_deref().unwrap_or("none")));
    let mut table = table(&["pipeline", "decoded", "loaded", "changed", "filtered", "quarantined"]);
    for own in &run.pipelines {
        let counts = [own.decoded, own.loaded, own.changed, own.filtered, own.quarantined].map(grouped);
        table.add_row([vec![own.pipeline.clone()], counts.to_vec()].concat());
    }
    show(&table);
    for own in &run.pipelines {
        own.errors.iter().for_each(|problem| explain(&own.pipeline, problem));
    }
    run.error.iter().for_each(|problem| explain("the build", problem));
}

fn explain(what: &str, problem: &Problem) {
    say(&format!("{what}: {}", problem.message));
    if let Some(hint) = &problem.hint {
        say(&format!("hint: {hint}"));
    }
}

fn moment(moment: Option<Timestamp>) -> String {
    moment.map_or_else(|| "never".to_owned(), |moment| moment.strftime("%F %H:%M").to_string())
}
