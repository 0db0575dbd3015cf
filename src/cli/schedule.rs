//! `tejido schedule`

use std::sync::Arc;
use std::time::Duration;

use clap::Args;
use jiff::Timestamp;
use tokio::signal::unix::{self, SignalKind, signal};

use super::{Shared, failed, failed_run, runtime, say};
use crate::error::{Exit, Report};
use crate::listen;
use crate::run::schedule::{Pulse, Signal, Signals, Voice, serve};
use crate::run::{Observer, PipelineReport, RunError, RunReport};
use crate::telemetry;

/// Arguments of `tejido schedule`.
#[derive(Debug, Args)]
pub(super) struct Arguments {
    /// Rehearse: let time run so many times faster for the timetables, with sources that can bear it, such as replayed
    /// ones. Nothing of it is remembered
    #[arg(long, value_name = "SPEED", default_value_t = 1, hide_default_value = true, value_parser = clap::value_parser!(u32).range(1..=3600))]
    rehearse: u32,
}

pub(super) fn run(shared: &Shared, arguments: &Arguments) -> Exit {
    let runtime = match runtime() {
        Ok(runtime) => runtime,
        Err(error) => return failed_run(&error),
    };
    let served = runtime.block_on(service(shared, arguments.rehearse));
    // A run that was broken off must not keep the process: what it left is whole.
    runtime.shutdown_timeout(Duration::from_secs(1));
    served.err().unwrap_or(Exit::Done)
}

/// The service and its listener, until it is told to stop.
async fn service(shared: &Shared, speed: u32) -> Result<(), Exit> {
    let load = || shared.load();
    let wrong = |error: RunError| failed_run(&error);
    // Before anything else, so that none is lost.
    let signals = Unix::new().map_err(|source| wrong(RunError::Threads(source)))?;
    let project = load().map_err(wrong)?;
    let address = project.settings.listen.address().map_err(|error| wrong(error.into()))?;
    let pulse = Arc::new(Pulse::new(Arc::new(project)));
    let voice = Arc::new(Systemd);
    // Kept until the end: dropping it stops the listener.
    let _listener = match address {
        None => None,
        Some(address) => {
            let started = listen::Server::start(address, pulse.clone()).await;
            let server = started.map_err(|error| failed(&error, Exit::Failed))?;
            voice.tell(&format!("listening on http://{}", server.address));
            Some(server)
        }
    };
    serve(pulse, load, speed, Arc::new(Silent), voice, signals).await.map_err(wrong)
}

/// SIGTERM and SIGINT stop, SIGHUP reloads.
struct Unix {
    terminate: unix::Signal,
    interrupt: unix::Signal,
    hangup: unix::Signal,
}

impl Unix {
    fn new() -> std::io::Result<Self> {
        Ok(Unix {
            terminate: signal(SignalKind::terminate())?,
            interrupt: signal(SignalKind::interrupt())?,
            hangup: signal(SignalKind::hangup())?,
        })
    }
}

impl Signals for Unix {
    async fn next(&mut self) -> Signal {
        tokio::select! {
            _ = self.terminate.recv() => Signal::Stop,
            _ = self.interrupt.recv() => Signal::Stop,
            _ = self.hangup.recv() => Signal::Reload,
        }
    }
}

/// Lines on standard error, each with its time, and systemd's protocol (sd_notify(3)) where it supervises.
struct Systemd;

impl Systemd {
    fn notify(states: &[sd_notify::NotifyState<'_>]) {
        // Without a supervisor there is nobody to tell.
        let _ = sd_notify::notify(states);
    }
}

impl Voice for Systemd {
    fn tell(&self, line: &str) {
        say(&format!("{} {line}", Timestamp::now().strftime("%FT%TZ")));
        Self::notify(&[sd_notify::NotifyState::Status(line.lines().next().unwrap_or_default())]);
    }

    fn ready(&self) {
        Self::notify(&[sd_notify::NotifyState::Ready]);
    }

    fn alive(&self) {
        Self::notify(&[sd_notify::NotifyState::Watchdog]);
    }

    fn stopping(&self) {
        Self::notify(&[sd_notify::NotifyState::Stopping]);
    }
}

/// A service has no progress to show: what came of a run is told when it has ended.
struct Silent;

impl Observer for Silent {
    fn pipeline(&self, id: &str, stage: &str) {
        tracing::debug!(pipeline = id, stage);
    }

    fn pipeline_done(&self, report: &PipelineReport) {
        for (dataset, failure) in report.failures() {
            tracing::warn!(pipeline = report.id, dataset, "{}", Report::one_line(failure));
        }
    }

    fn warehouse(&self, step: &str) {
        tracing::debug!(step);
    }

    fn run_done(&self, report: &RunReport) {
        telemetry::count(report);
    }
}
