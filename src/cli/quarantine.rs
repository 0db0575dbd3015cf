//! `tejido quarantine [PIPELINE…]`

use clap::Args;

use super::summary::grouped;
use super::{Shared, failed_run, json, say, tell};
use crate::error::Exit;
use crate::run::quarantine::{TableQuarantine, quarantine};

/// Arguments of `tejido quarantine`.
#[derive(Debug, Args)]
pub(super) struct Arguments {
    /// Only of these pipelines
    #[arg(value_name = "PIPELINE")]
    pipelines: Vec<String>,
    /// How many reasons of a table to show
    #[arg(long, default_value_t = 20, value_name = "N")]
    reasons: usize,
}

pub(super) fn run(shared: &Shared, arguments: &Arguments) -> Exit {
    let found = shared.load().and_then(|project| quarantine(&project, &arguments.pipelines));
    let tables = match found {
        Ok(tables) => tables,
        Err(error) => return failed_run(&error),
    };
    if shared.json {
        json(&tables);
        return Exit::Done;
    }
    if tables.is_empty() {
        tell("nothing is kept back");
        return Exit::Done;
    }
    tables.iter().for_each(|table| show(table, arguments.reasons));
    say(
        "hint: give a code its place in `dimensions.<name>` of the pipeline (`codes`, `drop`) or in pipelines/codelists/; the next run decodes the snapshot again",
    );
    Exit::Done
}

fn show(table: &TableQuarantine, most: usize) {
    let rows: u64 = table.groups.iter().map(|group| group.rows).sum();
    let at = table.vintage.strftime("%F %H:%M UTC");
    tell(&format!("{}, {}, fetched {at}: {} rows are kept back", table.pipeline, table.dataset, grouped(rows)));
    if let Some(drift) = &table.drift {
        tell(&format!("{:>10}  since the snapshot of {}, {}", "", drift.since.strftime("%F %H:%M UTC"), drift.change));
    }
    for group in table.groups.iter().take(most) {
        let found = group.found.as_ref().map(|found| format!(": `{found}`")).unwrap_or_default();
        let near = group.suggestion.as_ref().map(|near| format!(" (nearest known: `{near}`)")).unwrap_or_default();
        tell(&format!("{:>10}  {}{found}{near}", grouped(group.rows), group.reason));
        let example = &group.example;
        let value = example.value.map(|value| format!(" = {value}")).unwrap_or_default();
        let snapshot = &example.snapshot[..example.snapshot.len().min(16)];
        tell(&format!("{:>10}  such as {}{value}, cell {} of {snapshot}", "", example.key, example.cell));
    }
    if let Some(more) = table.groups.len().checked_sub(most).filter(|more| *more > 0) {
        tell(&format!("{:>10}  and {more} more reasons (`--reasons`)", ""));
    }
}
