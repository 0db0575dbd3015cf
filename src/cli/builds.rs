//! `tejido builds [--pin ID] [--unpin ID]`, `tejido rollback [ID]`, `tejido sync`

use clap::Args;
use jiff::Timestamp;
use serde_json::json;

use super::summary::{grouped, size};
use super::{Shared, failed_run, json, runtime, show, table, tell};
use crate::error::Exit;
use crate::run;
use crate::run::builds::{self, KeptBuild};

/// Arguments of `tejido builds`.
#[derive(Debug, Args)]
pub(super) struct BuildsArguments {
    /// Never remove this build; the beginning of its name is enough
    #[arg(long, value_name = "BUILD", conflicts_with = "unpin")]
    pin: Option<String>,
    /// Treat this build like any other again
    #[arg(long, value_name = "BUILD")]
    unpin: Option<String>,
}

/// Arguments of `tejido rollback`.
#[derive(Debug, Args)]
pub(super) struct RollbackArguments {
    /// The build, or how its name begins; the one before the published one if none is named
    #[arg(value_name = "BUILD")]
    build: Option<String>,
}

pub(super) fn builds(shared: &Shared, arguments: &BuildsArguments) -> Exit {
    let change = arguments.pin.as_ref().map(|name| (name, true));
    let change = change.or(arguments.unpin.as_ref().map(|name| (name, false)));
    let kept = shared.load().and_then(|project| {
        if let Some((name, is_pinned)) = change {
            runtime()?.block_on(builds::pin(&project, name, is_pinned))?;
        }
        builds::kept(&project)
    });
    match kept {
        Ok(kept) => list(shared, &kept),
        Err(error) => failed_run(&error),
    }
}

pub(super) fn rollback(shared: &Shared, arguments: &RollbackArguments) -> Exit {
    let rolled_back = |project| runtime()?.block_on(builds::roll_back(&project, arguments.build.as_deref()));
    match shared.load().and_then(rolled_back) {
        Ok(id) if shared.json => json(&json!({ "published": id })),
        Ok(id) => {
            tell(&format!("published -> builds/{id}"));
            tell("newer builds are not made again from the same data and models; `tejido rollback BUILD` goes forward");
        }
        Err(error) => return failed_run(&error),
    }
    Exit::Done
}

pub(super) fn sync(shared: &Shared) -> Exit {
    match shared.load().and_then(|project| runtime()?.block_on(run::sync(&project))) {
        Ok(()) => Exit::Done,
        Err(error) => failed_run(&error),
    }
}

fn list(shared: &Shared, kept: &[KeptBuild]) -> Exit {
    if shared.json {
        json(kept);
        return Exit::Done;
    }
    if kept.is_empty() {
        tell("there are no builds yet");
        return Exit::Done;
    }
    let mut rows = table(&["build", "published at", "until", "marts' rows", "size", ""]);
    for build in kept {
        let moment = |at: Timestamp| at.strftime("%F %H:%M UTC").to_string();
        let notes = [(build.published, "PUBLISHED"), (build.withdrawn, "gone back from"), (build.pinned, "pinned")];
        let notes: Vec<&str> = notes.into_iter().filter(|(is, _)| *is).map(|(_, note)| note).collect();
        rows.add_row([
            build.build_id.clone(),
            moment(build.published_at),
            build.replaced_at.map(moment).unwrap_or_default(),
            grouped(build.mart_rows),
            size(build.bytes),
            notes.join(", "),
        ]);
    }
    show(&rows);
    Exit::Done
}
