//! `tejido report`

use std::path::PathBuf;

use clap::Args;

use super::summary::grouped;
use super::{Shared, failed_run, json, say, tell};
use crate::error::Exit;
use crate::run::report::report;

/// Arguments of `tejido report`.
#[derive(Debug, Args)]
pub(super) struct Arguments {
    /// The region that the page begins with, such as ES13; else `report.home_region`
    #[arg(long, value_name = "REGION")]
    region: Option<String>,
    /// The folder to write it into
    #[arg(short, long, value_name = "DIR", default_value = "report")]
    output: PathBuf,
    /// Open it in the browser
    #[arg(long)]
    open: bool,
    /// Of this build; else of the published one
    #[arg(long, value_name = "BUILD")]
    build: Option<String>,
}

pub(super) fn run(shared: &Shared, arguments: &Arguments) -> Exit {
    let written = shared.load().and_then(|project| {
        report(&project, arguments.build.as_deref(), arguments.region.as_deref(), &arguments.output)
    });
    let page = arguments.output.join("index.html");
    match written {
        Ok(files) if shared.json => json(&serde_json::json!({ "page": page, "files": files })),
        Ok(files) => tell(&format!("{} ({} files)", page.display(), grouped(files as u64))),
        Err(error) => return failed_run(&error),
    }
    if arguments.open {
        let opener = if cfg!(target_os = "macos") { "open" } else { "xdg-open" };
        if let Err(error) = std::process::Command::new(opener).arg(&page).spawn() {
            say(&format!("warning: `{opener}` could not open it: {error}"));
        }
    }
    Exit::Done
}
