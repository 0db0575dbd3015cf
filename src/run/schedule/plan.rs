//! Which pipelines are due at a moment. Pure: it is told the time, and what it must remember is a file's content.
//!
//! What is remembered of a pipeline is the last occurrence of its timetable that has been dealt with. So a process
//! that was down knows what it missed, one that ran twice through the same hour runs nothing twice, and a timetable that
//! has been edited begins at the moment of the edit.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use crate::spec::{Missed, Timetable};

/// A pipeline that has a timetable.
#[derive(Debug, Clone)]
pub(super) struct Entry {
    pub pipeline: String,
    pub timetable: Timetable,
    pub missed: Missed,
    /// Nothing of its source has ever been loaded.
    pub is_new: bool,
}

/// What is remembered of a pipeline.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Remembered {
    cron: String,
    timezone: String,
    /// The last occurrence that has been dealt with, or when the timetable was first seen.
    handled: Timestamp,
    /// How often the run that is due has been begun in vain.
    #[serde(default)]
    tries: u32,
    /// When it is begun again.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    retry_at: Option<Timestamp>,
}

/// What is remembered of all pipelines: the content of `schedule.json`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Memory {
    pipelines: BTreeMap<String, Remembered>,
}

/// A pipeline that is due, and what it will have dealt with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Due {
    pub pipeline: String,
    pub why: Why,
    occurrence: Timestamp,
}

/// Why a pipeline is due.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Why {
    /// Its timetable says so.
    Timetable,
    /// It was due while nobody was there.
    Missed,
    /// The last run failed, or could not begin.
    Again,
    /// Nothing has ever been loaded.
    First,
}

/// The rules of all pipelines.
#[derive(Debug, Clone, Copy)]
pub(super) struct Rules {
    /// Longest wait after the moment of a timetable, so that not everybody asks a source at six sharp.
    pub jitter: SignedDuration,
    /// Wait before a failed run is begun again.
    pub retry: SignedDuration,
    /// How often a failed run is begun again; the next occurrence is a new one.
    pub retries: u32,
    /// Makes the jitter of this installation differ from that of others.
    pub seed: u64,
}

/// A run that begins later than this was missed.
const GRACE: SignedDuration = SignedDuration::from_mins(10);

impl Rules {
    /// The wait after an occurrence: the same for all that are due together, so that they make one build.
    fn jitter(&self, occurrence: Timestamp) -> SignedDuration {
        let limit = u64::try_from(self.jitter.as_secs()).unwrap_or(0).saturating_add(1);
        let mixed = blake3::hash(&[self.seed.to_le_bytes(), occurrence.as_second().to_le_bytes()].concat());
        let drawn = mixed.as_bytes().first_chunk::<8>().map_or(0, |bytes| u64::from_le_bytes(*bytes));
        SignedDuration::from_secs(i64::try_from(drawn % limit).unwrap_or(0))
    }

    fn begins(&self, occurrence: Timestamp) -> Timestamp {
        occurrence.checked_add(self.jitter(occurrence)).unwrap_or(occurrence)
    }
}

impl Memory {
    /// The pipelines that are due now. Timetables that are new or have been edited begin now.
    pub fn due(&mut self, entries: &[Entry], rules: &Rules, now: Timestamp) -> Vec<Due> {
        self.pipelines.retain(|id, _| entries.iter().any(|entry| entry.pipeline == *id));
        let mut due = Vec::new();
        for entry in entries {
            let (cron, timezone) = (entry.timetable.expression(), entry.timetable.zone());
            let begun = || Remembered {
                cron: cron.to_owned(),
                timezone: timezone.to_owned(),
                handled: now,
                tries: 0,
                retry_at: None,
            };
            let known = self.pipelines.contains_key(&entry.pipeline);
            let remembered = self.pipelines.entry(entry.pipeline.clone()).or_insert_with(begun);
            if remembered.cron != cron || remembered.timezone != timezone {
                *remembered = begun();
            }
            // A clock that was ahead must not keep a pipeline waiting until it is right again.
            remembered.handled = remembered.handled.min(now);
            let mut add = |why, occurrence| due.push(Due { pipeline: entry.pipeline.clone(), why, occurrence });
            if !known && entry.is_new {
                // Until it has been made, it stays due.
                remembered.retry_at = Some(now);
                add(Why::First, now);
                continue;
            }
            let mut until = now;
            let occurrence = loop {
                match entry.timetable.latest(remembered.handled, until) {
                    // Its jitter is not over: the one before may still be due.
                    Some(found) if rules.begins(found) > now => {
                        until = found.checked_sub(SignedDuration::from_secs(1)).unwrap_or(found);
                    }
                    found => break found,
                }
            };
            match (occurrence, remembered.retry_at) {
                (Some(occurrence), _) => {
                    let late = now.duration_since(rules.begins(occurrence));
                    let is_wanted = match entry.missed {
                        _ if late <= GRACE => true,
                        Missed::None => false,
                        Missed::Latest => true,
                        Missed::Within(window) => late <= window,
                    };
                    // A run that kills the process each time is not begun for ever.
                    match is_wanted && remembered.tries <= rules.retries {
                        true => add(if late <= GRACE { Why::Timetable } else { Why::Missed }, occurrence),
                        false => (remembered.handled, remembered.tries, remembered.retry_at) = (occurrence, 0, None),
                    }
                }
                (None, Some(at)) if at <= now => match remembered.tries <= rules.retries {
                    true => add(Why::Again, remembered.handled),
                    false => (remembered.tries, remembered.retry_at) = (0, None),
                },
                _ => {}
            }
        }
        due
    }

    /// A run of these begins.
    pub fn begin(&mut self, due: &[Due]) {
        for due in due {
            if let Some(remembered) = self.pipelines.get_mut(&due.pipeline) {
                remembered.tries += 1;
            }
        }
    }

    /// The run of one has ended.
    pub fn end(&mut self, due: &Due, is_good: bool, rules: &Rules, now: Timestamp) {
        if let Some(remembered) = self.pipelines.get_mut(&due.pipeline) {
            remembered.handled = remembered.handled.max(due.occurrence);
            let is_over = is_good || remembered.tries > rules.retries;
            match is_over {
                true => (remembered.tries, remembered.retry_at) = (0, None),
                false => remembered.retry_at = now.checked_add(rules.retry).ok(),
            }
        }
    }

    /// The run of one could not begin, since another one is under way: it stays due.
    pub fn put_off(&mut self, due: &Due) {
        if let Some(remembered) = self.pipelines.get_mut(&due.pipeline) {
            remembered.tries = remembered.tries.saturating_sub(1);
        }
    }

    /// When a pipeline is due next.
    pub fn next(&self, entry: &Entry, rules: &Rules, now: Timestamp) -> Option<Timestamp> {
        let remembered = self.pipelines.get(&entry.pipeline);
        let is_same = remembered.is_some_and(|known| known.cron == entry.timetable.expression());
        let from = remembered.filter(|_| is_same).map_or(now, |known| known.handled.min(now));
        let next = entry.timetable.after(from).map(|occurrence| rules.begins(occurrence));
        let retry = remembered.and_then(|known| known.retry_at);
        next.into_iter().chain(retry).min()
    }
}

#[cfg(test)]
mod tests;
