//! `tejido replay`

use std::net::SocketAddr;
use std::path::PathBuf;

use clap::Args;

use super::{Shared, failed_run, runtime, say};
use crate::error::Exit;
use crate::run::replay::{Play, serve};

/// Arguments of `tejido replay`.
#[derive(Debug, Args)]
pub(super) struct Arguments {
    /// Where to listen; port 0 takes a free one
    #[arg(long, value_name = "HOST:PORT", default_value = "127.0.0.1:8648")]
    address: SocketAddr,
    /// Give all that each address has answered, one answer a request, and not the last one only
    #[arg(long)]
    history: bool,
    /// Answers that are written down, over those of the archive
    #[arg(long, value_name = "FILE")]
    script: Option<PathBuf>,
}

pub(super) fn run(shared: &Shared, arguments: &Arguments) -> Exit {
    let play = if arguments.history { Play::History } else { Play::Last };
    let outcome = shared.load().and_then(|project| {
        let runtime = runtime()?;
        let stopped = async {
            // Without signals it is stopped by force.
            if tokio::signal::ctrl_c().await.is_err() {
                std::future::pending::<()>().await;
            }
        };
        let script = arguments.script.as_deref();
        runtime.block_on(serve(&project, play, script, arguments.address, say, stopped))
    });
    match outcome {
        Ok(()) => Exit::Done,
        Err(error) => failed_run(&error),
    }
}
