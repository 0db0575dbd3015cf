//! `tejido verify [BUILD]`

use std::sync::Arc;

use clap::Args;

use super::progress::Display;
use super::summary::grouped;
use super::{Shared, failed_run, json, runtime, say, tell};
use crate::error::Exit;
use crate::run::verify::{Engines, Verification, engines, verify};

/// Arguments of `tejido verify`.
#[derive(Debug, Args)]
pub(super) struct Arguments {
    /// The build, or how its name begins; else the published one
    #[arg(value_name = "BUILD")]
    build: Option<String>,
    /// Read all published cells again in the archived bytes, and not a thousand of them
    #[arg(long)]
    full: bool,
    /// Build again with the engine that the build was not made with, and compare all marts cell by cell
    #[arg(long, conflicts_with = "full")]
    engines: bool,
}

pub(super) fn run(shared: &Shared, arguments: &Arguments, display: Display) -> Exit {
    if arguments.engines {
        return on_both(shared, arguments, display);
    }
    let verified = shared.load().and_then(|project| {
        display.begin(project.enabled().count());
        let observer = Arc::new(display.clone());
        runtime()?.block_on(verify(project, arguments.build.as_deref(), arguments.full, observer))
    });
    display.end();
    let verification = match verified {
        Ok(verification) => verification,
        Err(error) => return failed_run(&error),
    };
    if shared.json {
        json(&verification);
    } else {
        show(&verification);
    }
    if verification.is_good() {
        return Exit::Done;
    }
    say(
        "hint: `tejido rollback` goes back to an earlier build; what is damaged in the archive can be fetched or imported again",
    );
    Exit::Failed
}

/// Rows of a mart that are shown where the engines disagree.
const SHOWN: usize = 3;

fn on_both(shared: &Shared, arguments: &Arguments, display: Display) -> Exit {
    let compared = shared.load().and_then(|project| {
        display.begin(project.enabled().count());
        let observer = Arc::new(display.clone());
        runtime()?.block_on(engines(project, arguments.build.as_deref(), SHOWN, observer))
    });
    display.end();
    let compared = match compared {
        Ok(compared) => compared,
        Err(error) => return failed_run(&error),
    };
    if shared.json {
        json(&compared);
    } else {
        let Engines { build_id, engine, other, refused, marts } = &compared;
        let line = |name: &str, text: &str| tell(&format!("{name:<10} {text}"));
        line("build", build_id);
        line("engines", &format!("{engine}; {other}"));
        let (same, different): (Vec<_>, Vec<_>) = marts.iter().partition(|mart| mart.is_empty());
        let rows: u64 = same.iter().map(|mart| mart.rows[0]).sum();
        line("equal", &format!("{} marts with {} rows", same.len(), grouped(rows)));
        different.iter().for_each(|mart| super::diff::mart(mart));
        refused.iter().for_each(|refused| line("", &format!("WRONG: {refused}")));
    }
    if compared.is_good() { Exit::Done } else { Exit::Failed }
}

fn show(verification: &Verification) {
    let Verification { build_id, files, snapshots, rebuild, cells } = verification;
    let line = |name: &str, text: &str| tell(&format!("{name:<10} {text}"));
    let problems = |problems: &[String]| problems.iter().for_each(|problem| line("", &format!("WRONG: {problem}")));
    line("build", build_id);
    line(
        "files",
        &format!("{} as they were published", grouped(files.checked.saturating_sub(files.problems.len() as u64))),
    );
    problems(&files.problems);
    let whole = snapshots.checked.saturating_sub(snapshots.problems.len() as u64);
    line("snapshots", &format!("{} with the hash of their bytes", grouped(whole)));
    problems(&snapshots.problems);
    let same = rebuild.marts - rebuild.different.len() as u64;
    line("rebuild", &format!("{} marts came out the same from the archive alone", grouped(same)));
    let different = rebuild.different.iter().map(|mart| format!("`{mart}` came out different"));
    problems(&different.chain(rebuild.refused.clone()).collect::<Vec<_>>());
    line(
        "cells",
        &format!(
            "{} of {} published ones were read again in {} snapshots, {} say the same",
            grouped(cells.read),
            grouped(cells.published),
            grouped(cells.snapshots),
            grouped(cells.read.saturating_sub(cells.wrong))
        ),
    );
    problems(&cells.problems);
}
