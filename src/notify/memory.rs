//! What has been told, and what follows from how everything stands now. Pure but for its file.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use super::Event;
use crate::disk::{self, DiskError};
use crate::spec::EventKind;

/// How everything stands.
#[derive(Debug, Clone, Default)]
pub struct Standing {
    /// The build that is published.
    pub build: Option<String>,
    /// Everything that can be well or not.
    pub subjects: Vec<Subject>,
    /// What runs have revised, oldest first, also what has been told.
    pub revisions: Vec<Revision>,
    /// When the last run began.
    pub last_run: Option<Timestamp>,
}

/// Something that can be well or not.
#[derive(Debug, Clone)]
pub struct Subject {
    /// The pipeline; none for the build.
    pub pipeline: Option<String>,
    /// How it stands; none if that cannot be said yet.
    pub condition: Option<Condition>,
    /// The table that is at fault.
    pub dataset: Option<String>,
    /// What is wrong.
    pub message: String,
    /// What to do.
    pub hint: Option<String>,
}

/// How something stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Condition {
    /// Nothing is wrong.
    Well,
    /// The source has not published what it promises.
    LateAtSource,
    /// It was due and has not run.
    Stale,
    /// Its last run failed.
    Failing,
}

/// Observations of a table that a run found changed.
#[derive(Debug, Clone)]
pub struct Revision {
    /// When the run began.
    pub run: Timestamp,
    /// The pipeline.
    pub pipeline: String,
    /// The source's table.
    pub dataset: String,
    /// How many.
    pub cells: u64,
}

/// What is told.
#[derive(Debug, Clone)]
pub(super) struct Rules {
    pub on: Vec<EventKind>,
    /// After so long, what still is wrong is told again; never if zero.
    pub remind: SignedDuration,
    /// More revised observations than this are worth telling.
    pub revised_cells: u64,
}

/// The content of `notified.json`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub(super) struct Memory {
    /// By pipeline; the build has no name.
    subjects: BTreeMap<String, Told>,
    /// The newest run whose revisions have been told.
    last_run: Option<Timestamp>,
    /// Oldest first.
    pending: Vec<Pending>,
    /// Receivers whose last delivery failed.
    failing: BTreeSet<String>,
}

/// What was last told of a subject.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Told {
    condition: Condition,
    at: Timestamp,
}

/// An event that has not been delivered to all.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Pending {
    event: Event,
    receivers: Vec<String>,
}

impl Memory {
    pub(super) fn read(path: &Path) -> Result<Self, DiskError> {
        match disk::read(path) {
            Ok(bytes) => Ok(serde_json::from_slice(&bytes).unwrap_or_else(|error| {
                tracing::warn!("notified.json cannot be read ({error}): what was told is not known");
                Memory::default()
            })),
            Err(error) if error.is_not_found() => Ok(Memory::default()),
            Err(error) => Err(error),
        }
    }

    pub(super) fn write(&self, path: &Path) -> Result<(), DiskError> {
        // Texts, numbers and times always have a JSON form.
        disk::write_atomic(path, &serde_json::to_vec_pretty(self).unwrap_or_default())
    }

    /// Takes note of how everything stands; what is to be told about it is pending for these receivers.
    pub(super) fn note(&mut self, standing: &Standing, rules: &Rules, receivers: &[&str], now: Timestamp) {
        let mut events = self.changes(standing, rules, now);
        events.extend(self.revisions(standing, rules, now));
        for mut event in events {
            if rules.on.contains(&event.kind) {
                event.build.clone_from(&standing.build);
                self.pending
                    .push(Pending { event, receivers: receivers.iter().map(|&name| name.to_owned()).collect() });
            }
        }
        // A receiver that is no longer set has nothing to wait for.
        for pending in &mut self.pending {
            pending.receivers.retain(|name| receivers.contains(&name.as_str()));
        }
        self.pending.retain(|pending| !pending.receivers.is_empty());
        self.failing.retain(|name| receivers.contains(&name.as_str()));
    }

    /// Of what differs from what was told, and of what has been wrong for long.
    fn changes(&mut self, standing: &Standing, rules: &Rules, now: Timestamp) -> Vec<Event> {
        let names: Vec<&str> =
            standing.subjects.iter().map(|subject| subject.pipeline.as_deref().unwrap_or_default()).collect();
        self.subjects.retain(|name, _| names.contains(&name.as_str()));
        let mut events = Vec::new();
        for (subject, name) in standing.subjects.iter().zip(names) {
            let Some(condition) = subject.condition else {
                continue;
            };
            let told = self.subjects.get(name);
            let before = told.map_or(Condition::Well, |told| told.condition);
            let is_reminder = told.is_some_and(|told| told.condition == condition)
                && matches!(condition, Condition::Failing | Condition::Stale)
                && !rules.remind.is_zero()
                && told.is_some_and(|told| now.duration_since(told.at) >= rules.remind);
            if before == condition && told.is_some() && !is_reminder {
                continue;
            }
            self.subjects.insert(name.to_owned(), Told { condition, at: now });
            let was_wrong = matches!(before, Condition::Failing | Condition::Stale);
            let kind = match condition {
                Condition::Failing => EventKind::Failure,
                Condition::Stale => EventKind::Stale,
                // What is late after a failure works again, and is late besides.
                Condition::Well | Condition::LateAtSource if was_wrong => EventKind::Recovery,
                Condition::LateAtSource => EventKind::LateAtSource,
                Condition::Well => continue,
            };
            let is_recovery = kind == EventKind::Recovery;
            let is_late = condition == Condition::LateAtSource;
            let event = |kind, message: String| Event {
                id: id(kind, name, now),
                kind,
                at: now,
                pipeline: subject.pipeline.clone(),
                dataset: subject.dataset.clone(),
                message,
                hint: subject.hint.clone(),
                reminder: is_reminder,
                revised_cells: None,
                build: None,
            };
            if is_recovery {
                events.push(event(kind, "it works again".to_owned()));
            }
            if !is_recovery || is_late {
                let kind = if is_late { EventKind::LateAtSource } else { kind };
                events.push(event(kind, subject.message.clone()));
            }
        }
        events
    }

    /// Of the runs since the newest that was told. Without memory, only the last one is news.
    fn revisions(&mut self, standing: &Standing, rules: &Rules, now: Timestamp) -> Vec<Event> {
        let is_new = |run: Timestamp| match self.last_run {
            Some(told) => run > told,
            None => Some(run) == standing.last_run,
        };
        let new = standing.revisions.iter().filter(|revision| is_new(revision.run));
        let worth = new.filter(|revision| revision.cells > rules.revised_cells);
        let events = worth.map(|revision| Event {
            id: id(EventKind::Revision, &format!("{}/{}", revision.pipeline, revision.dataset), revision.run),
            kind: EventKind::Revision,
            at: now,
            pipeline: Some(revision.pipeline.clone()),
            dataset: Some(revision.dataset.clone()),
            message: format!("{} observations of `{}` were revised", revision.cells, revision.dataset),
            hint: None,
            reminder: false,
            revised_cells: Some(revision.cells),
            build: None,
        });
        let events = events.collect();
        self.last_run = self.last_run.max(standing.last_run);
        events
    }

    /// The oldest event that a receiver has not got.
    pub(super) fn next(&self, receiver: &str) -> Option<Event> {
        let waits = |pending: &&Pending| pending.receivers.iter().any(|name| name == receiver);
        self.pending.iter().find(waits).map(|pending| pending.event.clone())
    }

    /// A receiver has got an event.
    pub(super) fn delivered(&mut self, receiver: &str, id: &str) {
        for pending in self.pending.iter_mut().filter(|pending| pending.event.id == id) {
            pending.receivers.retain(|name| name != receiver);
        }
        self.pending.retain(|pending| !pending.receivers.is_empty());
        self.failing.remove(receiver);
    }

    /// A receiver could not be reached; whether that is new.
    pub(super) fn failed(&mut self, receiver: &str) -> bool {
        self.failing.insert(receiver.to_owned())
    }

    /// Gives up the oldest events beyond so many; how many.
    pub(super) fn forget_all_but(&mut self, most: usize) -> usize {
        let lost = self.pending.len().saturating_sub(most);
        self.pending.drain(..lost);
        lost
    }
}

/// The name of an event.
pub(super) fn id(kind: EventKind, subject: &str, at: Timestamp) -> String {
    let hash = blake3::hash(format!("{}|{subject}|{at}", kind.name()).as_bytes());
    hash.to_hex()[..16].to_owned()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn at(hours: i64) -> Timestamp {
        Timestamp::UNIX_EPOCH + SignedDuration::from_hours(hours)
    }

    fn rules() -> Rules {
        let on = vec![
            EventKind::Failure,
            EventKind::Recovery,
            EventKind::Stale,
            EventKind::LateAtSource,
            EventKind::Revision,
        ];
        Rules { on, remind: SignedDuration::from_hours(24), revised_cells: 10 }
    }

    fn standing(condition: Option<Condition>) -> Standing {
        let subject = Subject {
            pipeline: Some("p".into()),
            condition,
            dataset: None,
            message: "what is wrong".into(),
            hint: None,
        };
        Standing { subjects: vec![subject], ..Standing::default() }
    }

    /// What is told when the pipeline stands so, `hours` after the epoch; all of it is delivered.
    fn told(memory: &mut Memory, hours: i64, condition: Option<Condition>) -> Vec<String> {
        memory.note(&standing(condition), &rules(), &["webhook"], at(hours));
        let mut told = Vec::new();
        while let Some(event) = memory.next("webhook") {
            told.push(format!("{}{}", event.kind.name(), if event.reminder { " again" } else { "" }));
            memory.delivered("webhook", &event.id);
        }
        told
    }

    #[test]
    fn a_change_is_told_once() {
        use Condition::{Failing, LateAtSource, Stale, Well};
        let mut memory = Memory::default();
        for (hours, condition, expected) in [
            (0, None, &[][..]),
            (1, Some(Well), &[]),
            (2, Some(Failing), &["failure"]),
            (3, Some(Failing), &[]),
            (25, Some(Failing), &[]),
            (26, Some(Failing), &["failure again"]),
            (27, Some(Failing), &[]),
            (50, Some(Failing), &["failure again"]),
            (51, Some(Well), &["recovery"]),
            (52, Some(Well), &[]),
            (53, Some(Stale), &["stale"]),
            (54, Some(Failing), &["failure"]),
            (55, Some(LateAtSource), &["recovery", "late_at_source"]),
            (99, Some(LateAtSource), &[]),
            (100, Some(Well), &[]),
            (101, Some(LateAtSource), &["late_at_source"]),
        ] {
            assert_eq!(told(&mut memory, hours, condition), expected, "after {hours} h");
            // A restart changes nothing.
            memory = serde_json::from_str(&serde_json::to_string(&memory).unwrap()).unwrap();
        }
    }

    #[test]
    fn what_fails_from_the_beginning_is_told() {
        assert_eq!(told(&mut Memory::default(), 0, Some(Condition::Failing)), ["failure"]);
    }

    #[test]
    fn what_is_not_wanted_is_noted_and_not_told() {
        let mut memory = Memory::default();
        let rules = Rules { on: vec![EventKind::Recovery], ..rules() };
        memory.note(&standing(Some(Condition::Failing)), &rules, &["webhook"], at(0));
        assert_eq!(memory.next("webhook"), None);
        memory.note(&standing(Some(Condition::Well)), &rules, &["webhook"], at(1));
        assert_eq!(memory.next("webhook").unwrap().kind, EventKind::Recovery);
    }

    #[test]
    fn revisions_are_told_by_run() {
        let revision = |hours, cells| Revision { run: at(hours), pipeline: "p".into(), dataset: "d".into(), cells };
        let mut memory = Memory::default();
        let mut seen = |revisions: &[Revision]| {
            let last_run = revisions.last().map(|revision| revision.run);
            let standing = Standing { revisions: revisions.to_vec(), last_run, ..Standing::default() };
            memory.note(&standing, &rules(), &["webhook"], at(100));
            let events: Vec<u64> = std::iter::from_fn(|| {
                let event = memory.next("webhook")?;
                memory.delivered("webhook", &event.id);
                event.revised_cells
            })
            .collect();
            events
        };
        assert_eq!(seen(&[revision(1, 50), revision(2, 11)]), [11], "history is no news");
        assert_eq!(seen(&[revision(1, 50), revision(2, 11)]), Vec::<u64>::new());
        assert_eq!(seen(&[revision(2, 11), revision(3, 10), revision(4, 12)]), [12], "10 are not more than 10");
    }

    #[test]
    fn a_receiver_gets_what_it_missed_and_no_other() {
        let mut memory = Memory::default();
        memory.note(&standing(Some(Condition::Failing)), &rules(), &["webhook", "command"], at(0));
        let event = memory.next("webhook").unwrap();
        memory.delivered("command", &event.id);
        assert!(memory.failed("webhook") && !memory.failed("webhook"));
        assert_eq!((memory.next("command"), memory.next("webhook")), (None, Some(event.clone())));
        memory.delivered("webhook", &event.id);
        assert!(memory.pending.is_empty() && memory.failing.is_empty());
        // One that is set no more is not waited for.
        memory.note(&standing(Some(Condition::Well)), &rules(), &["webhook", "command"], at(1));
        memory.note(&standing(Some(Condition::Well)), &rules(), &["command"], at(2));
        assert_eq!(memory.next("webhook"), None);
        assert_eq!(memory.forget_all_but(0), 1);
    }
}
