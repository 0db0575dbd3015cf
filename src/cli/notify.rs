//! `tejido notify --test`: whether the receivers of notifications can be reached.

use clap::Args;
use serde_json::json;

use super::{Shared, failed, failed_run, runtime, say, tell};
use crate::error::{Exit, Report};
use crate::notify;

/// Arguments of `tejido notify`.
#[derive(Debug, Args)]
pub(super) struct Arguments {
    /// Send a test event to each receiver, and say what came of it
    #[arg(long, required = true)]
    test: bool,
}

/// Exit code 1 when a receiver could not be reached.
pub(super) fn run(shared: &Shared, _: &Arguments) -> Exit {
    let project = match shared.load() {
        Ok(project) => project,
        Err(error) => return failed_run(&error),
    };
    let runtime = match runtime() {
        Ok(runtime) => runtime,
        Err(error) => return failed_run(&error),
    };
    let outcomes = match runtime.block_on(notify::test(&project.settings.notify)) {
        Ok(outcomes) => outcomes,
        Err(error) => return failed(&error, Exit::Failed),
    };
    if outcomes.is_empty() {
        say(
            "error: no receiver is set\nhint: set `notify.webhook.url` or `notify.command`; config/default.toml shows them",
        );
        return Exit::Usage;
    }
    for (name, outcome) in &outcomes {
        match (shared.json, outcome) {
            (true, outcome) => {
                let error = outcome.as_ref().err().map(Report::new);
                tell(&json!({ "receiver": name, "error": error }).to_string());
            }
            (false, Ok(())) => tell(&format!("{name}: delivered")),
            (false, Err(error)) => {
                tell(&format!("{name}: FAILED"));
                say(&Report::new(error).to_string());
            }
        }
    }
    if outcomes.iter().any(|(_, outcome)| outcome.is_err()) { Exit::Failed } else { Exit::Done }
}
