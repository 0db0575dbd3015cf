//! How often a host may be asked: so many requests at once, so many begun in a second.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::Instant;

/// What is asked of one host.
struct Host {
    slots: Arc<Semaphore>,
    /// When the next request may begin.
    next: tokio::sync::Mutex<Instant>,
}

/// The limits of all hosts.
pub(super) struct Pace {
    at_once: usize,
    /// Time between the beginnings of two requests.
    apart: Duration,
    hosts: Mutex<HashMap<String, Arc<Host>>>,
}

/// The right to ask a host, until it is dropped.
pub(super) struct Turn {
    host: Arc<Host>,
    apart: Duration,
    _slot: Option<OwnedSemaphorePermit>,
}

impl Pace {
    /// So many requests at once to a host, and so many a second; 0 is no limit.
    pub fn new(at_once: usize, per_second: f64) -> Self {
        let apart = match per_second > 0.0 {
            true => Duration::try_from_secs_f64(1.0 / per_second).unwrap_or(Duration::ZERO),
            false => Duration::ZERO,
        };
        Pace { at_once: at_once.clamp(1, 1024), apart, hosts: Mutex::default() }
    }

    /// Waits until one of the host's places is free.
    pub async fn turn(&self, host: &str) -> Turn {
        let host = {
            // A poisoned map of places is still a map of places.
            let mut hosts = self.hosts.lock().unwrap_or_else(PoisonError::into_inner);
            let new = || Host { slots: Arc::new(Semaphore::new(self.at_once)), next: Instant::now().into() };
            hosts.entry(host.to_owned()).or_insert_with(|| Arc::new(new())).clone()
        };
        // The semaphore is never closed.
        let slot = host.slots.clone().acquire_owned().await.ok();
        Turn { host, apart: self.apart, _slot: slot }
    }
}

impl Turn {
    /// Waits until a request may begin; each try is one.
    pub async fn begin(&self) {
        let at = {
            let mut next = self.host.next.lock().await;
            let at = (*next).max(Instant::now());
            *next = at + self.apart;
            at
        };
        tokio::time::sleep_until(at).await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A sleep may be longer than it should, and is never shorter.
    #[tokio::test]
    async fn requests_to_a_host_are_apart() {
        let pace = Pace::new(2, 50.0);
        let start = Instant::now();
        let turn = pace.turn("a").await;
        for _ in 0..5 {
            turn.begin().await;
        }
        assert!(start.elapsed() >= Duration::from_millis(80));
        // Another host has its own times, and without a limit there are none.
        let next = async |turn: &Turn| *turn.host.next.lock().await;
        let other = pace.turn("b").await;
        assert!(next(&other).await <= next(&turn).await);
        let unlimited = Pace::new(1, 0.0).turn("a").await;
        let before = next(&unlimited).await;
        unlimited.begin().await;
        assert!(next(&unlimited).await >= before && next(&unlimited).await <= Instant::now());
    }
}
