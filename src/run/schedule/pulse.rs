//! What others may know of the service while it runs: that its loop is alive, and the project that it works with.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use jiff::Timestamp;

use crate::run::Project;

/// What others may know of a running service.
pub struct Pulse {
    /// When the service was started.
    pub started: Timestamp,
    seen: Mutex<Seen>,
}

struct Seen {
    project: Arc<Project>,
    beat: Instant,
}

impl Pulse {
    /// Of a service that begins now with this project.
    pub fn new(project: Arc<Project>) -> Self {
        Pulse { started: Timestamp::now(), seen: Mutex::new(Seen { project, beat: Instant::now() }) }
    }

    /// The project that it works with; another one after it was read again.
    pub fn project(&self) -> Arc<Project> {
        self.with(|seen| seen.project.clone())
    }

    /// How long ago its loop last looked at the clock.
    pub fn silence(&self) -> Duration {
        self.with(|seen| seen.beat.elapsed())
    }

    pub(super) fn beat(&self) {
        self.with(|seen| seen.beat = Instant::now());
    }

    pub(super) fn replace(&self, project: Arc<Project>) {
        self.with(|seen| seen.project = project);
    }

    fn with<T>(&self, look: impl FnOnce(&mut Seen) -> T) -> T {
        // Nothing in here can break off half way.
        look(&mut self.seen.lock().unwrap_or_else(PoisonError::into_inner))
    }
}
