//! `tejido builds [--pin ID] [--unpin ID]`, `tejido rollback [ID]`

use clap::Args;
use serde_json::json;

use super::summary::{grouped, size};
use super::{Shared, failed_run, json, show, table, tell};
use crate::error::Exit;
use crate::publish::Kept;
use crate::run::{RunError, builds};

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
            builds::pin(&project, name, is_pinned)?;
        }
        builds::kept(&project)
    });
    match kept {
        Ok(kept) => list(shared, &kept),
        Err(error) => failed_run(&error),
    }
}

pub(super) fn rollback(shared: &Shared, arguments: &RollbackArguments) -> Exit {
    let done: Result<String, RunError> =
        shared.load().and_then(|project| builds::roll_back(&project, arguments.build.as_deref()));
    match done {
        Ok(id) if shared.json => json(&json!({ "published": id })),
        Ok(id) => {
            tell(&format!("published -> builds/{id}"));
            tell("newer builds are not made again from the same data and models; `tejido rollback BUILD` goes forward");
        }
        Err(error) => return failed_run(&error),
    }
    Exit::Done
}

fn list(shared: &Shared, kept: &[Kept]) -> Exit {
    let of = |build: &Kept| {
        let bytes: u64 = build.build.manifest.files.iter().map(|file| file.bytes).sum();
        let marts = build.build.manifest.models.iter().filter(|model| model["is_mart"] == true);
        let rows: u64 = marts.filter_map(|model| model["rows"].as_u64()).sum();
        (bytes, rows)
    };
    if shared.json {
        let entry = |build: &Kept| {
            let (bytes, rows) = of(build);
            json!({
                "build_id": build.build.manifest.build_id,
                "built_at": build.build.manifest.built_at,
                "published_at": build.published_at,
                "replaced_at": build.replaced_at,
                "published": build.is_published,
                "withdrawn": build.is_withdrawn,
                "pinned": build.is_pinned,
                "profile": build.build.manifest.profile,
                "bytes": bytes,
                "mart_rows": rows,
            })
        };
        json(&kept.iter().map(entry).collect::<Vec<_>>());
        return Exit::Done;
    }
    if kept.is_empty() {
        tell("there are no builds yet");
        return Exit::Done;
    }
    let mut rows = table(&["build", "published at", "until", "marts' rows", "size", ""]);
    for build in kept {
        let (bytes, mart_rows) = of(build);
        let until = build.replaced_at.map(|at| at.strftime("%F %H:%M UTC").to_string()).unwrap_or_default();
        let notes =
            [(build.is_published, "PUBLISHED"), (build.is_withdrawn, "gone back from"), (build.is_pinned, "pinned")];
        let notes: Vec<&str> = notes.into_iter().filter(|(is, _)| *is).map(|(_, note)| note).collect();
        rows.add_row([
            build.build.manifest.build_id.clone(),
            build.published_at.strftime("%F %H:%M UTC").to_string(),
            until,
            grouped(mart_rows),
            size(bytes),
            notes.join(", "),
        ]);
    }
    show(&rows);
    Exit::Done
}
