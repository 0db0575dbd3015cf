#![allow(clippy::unwrap_used)]

use jiff::ToSpan;
use jiff::tz::TimeZone;

use super::*;

const RULES: Rules =
    Rules { jitter: SignedDuration::from_mins(5), retry: SignedDuration::from_mins(60), retries: 2, seed: 7 };

fn entry(pipeline: &str, cron: &str, missed: Missed) -> Entry {
    let timetable = Timetable::new(cron, "Europe/Madrid").unwrap();
    Entry { pipeline: pipeline.into(), timetable, missed, is_new: false }
}

fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

/// A service that looks at its plan every half minute, and whose runs take two minutes.
struct Simulation {
    now: Timestamp,
    memory: Memory,
    /// Pipeline and moment of every run.
    runs: Vec<(String, Timestamp, Why)>,
    builds: usize,
}

impl Simulation {
    fn new(now: Timestamp) -> Self {
        Simulation { now, memory: Memory::default(), runs: Vec::new(), builds: 0 }
    }

    fn until(&mut self, end: Timestamp, entries: &[Entry], is_good: impl Fn(Timestamp) -> bool) {
        while self.now < end {
            let due = self.memory.due(entries, &RULES, self.now);
            if due.is_empty() {
                // Nothing can be due before the next moment that the plan itself names.
                let next = entries.iter().filter_map(|entry| self.memory.next(entry, &RULES, self.now)).min();
                let soon = self.now + 30.seconds();
                self.now = next.map_or(end, |next| next.max(soon)).min(end);
                continue;
            }
            self.builds += 1;
            self.memory.begin(&due);
            for due in &due {
                self.runs.push((due.pipeline.clone(), self.now, due.why));
                self.memory.end(due, is_good(self.now), &RULES, self.now + 2.minutes());
            }
            self.now += 2.minutes();
        }
    }

    fn of(&self, pipeline: &str) -> Vec<Timestamp> {
        self.runs.iter().filter(|(id, ..)| id == pipeline).map(|(_, at, _)| *at).collect()
    }
}

#[test]
fn over_two_years_every_due_run_is_made_once() {
    let entries = [
        entry("daily", "30 2 * * *", Missed::Latest),
        entry("hourly", "0 * * * *", Missed::Latest),
        entry("yearly", "30 2 1 11 *", Missed::Latest),
    ];
    let (start, end) = (at("2025-01-01T00:00:00+01:00"), at("2027-01-01T00:00:00+01:00"));
    let mut simulation = Simulation::new(start);
    simulation.until(end, &entries, |_| true);

    // Every day of the clock on the wall, each once, also on the four days on which it changes.
    let zone = TimeZone::get("Europe/Madrid").unwrap();
    let days: Vec<_> = simulation.of("daily").into_iter().map(|at| zone.to_datetime(at).date()).collect();
    let expected: Vec<_> = jiff::civil::date(2025, 1, 1).series(1.day()).take(730).collect();
    assert_eq!(days, expected);
    // Hours of the clock, but the first, which is no longer to come: none is made twice when the clock is set back.
    assert_eq!(simulation.of("hourly").len(), 730 * 24 - 3);
    assert_eq!(simulation.of("yearly").len(), 2);
    // Due together is built together: each daily run is at an hour that has an hourly one, half an hour before.
    let distinct: std::collections::BTreeSet<_> = simulation.runs.iter().map(|(_, at, _)| *at).collect();
    assert_eq!(distinct.len(), simulation.builds);
    assert!(simulation.runs.iter().all(|(.., why)| *why == Why::Timetable));
}

#[test]
fn pipelines_that_are_due_together_make_one_build() {
    let entries = [entry("a", "30 6 * * *", Missed::Latest), entry("b", "30 6 * * 1-7", Missed::Latest)];
    let mut simulation = Simulation::new(at("2026-01-01T00:00:00Z"));
    simulation.until(at("2026-02-01T00:00:00Z"), &entries, |_| true);
    assert_eq!((simulation.builds, simulation.runs.len()), (31, 62));
}

#[test]
fn a_fortnight_of_downtime_is_caught_up_by_policy() {
    let start = at("2026-03-20T00:00:00Z");
    let back = at("2026-04-03T12:00:00Z");
    let end = at("2026-04-04T00:00:00Z");
    for (missed, expected) in [
        (Missed::None, 0),
        (Missed::Latest, 1),
        (Missed::Within(SignedDuration::from_hours(24)), 1),
        (Missed::Within(SignedDuration::from_hours(2)), 0),
    ] {
        let entries = [entry("daily", "30 6 * * *", missed)];
        let mut simulation = Simulation::new(start);
        simulation.until(start + 12.hours(), &entries, |_| true);
        assert_eq!(simulation.runs.len(), 1);
        simulation.now = back;
        simulation.until(end, &entries, |_| true);
        let caught_up: Vec<_> = simulation.runs[1..].iter().map(|(_, at, why)| (*at, *why)).collect();
        assert_eq!(caught_up.len(), expected, "{missed:?}");
        assert!(caught_up.iter().all(|run| *run == (back, Why::Missed)));
    }
}

#[test]
fn an_edited_timetable_launches_nothing() {
    let mut simulation = Simulation::new(at("2026-01-01T00:00:00Z"));
    simulation.until(at("2026-01-10T12:00:00Z"), &[entry("a", "30 6 * * *", Missed::Latest)], |_| true);
    assert_eq!(simulation.runs.len(), 10);
    // At noon it becomes one that would have been due at eleven.
    simulation.until(at("2026-01-11T09:00:00Z"), &[entry("a", "0 11 * * *", Missed::Latest)], |_| true);
    assert_eq!(simulation.runs.len(), 10);
    simulation.until(at("2026-01-12T00:00:00Z"), &[entry("a", "0 11 * * *", Missed::Latest)], |_| true);
    assert_eq!(simulation.runs.len(), 11);
    // A pipeline that is new begins with a run if nothing of it has been loaded.
    let new = Entry { is_new: true, ..entry("b", "0 11 * * *", Missed::None) };
    simulation.until(at("2026-01-12T01:00:00Z"), &[new], |_| true);
    assert_eq!(simulation.runs.last().map(|(id, _, why)| (id.as_str(), *why)), Some(("b", Why::First)));
    assert_eq!(simulation.runs.len(), 12);
}

#[test]
fn a_failed_run_is_begun_again_and_then_left_until_it_is_due() {
    let entries = [entry("a", "30 6 * * *", Missed::Latest)];
    let mut simulation = Simulation::new(at("2026-01-01T00:00:00Z"));
    simulation.until(at("2026-01-02T00:00:00Z"), &entries, |_| false);
    assert_eq!(simulation.runs.len(), 3, "{:?}", simulation.runs);
    let apart: Vec<i64> =
        simulation.runs.windows(2).map(|runs| runs[1].1.duration_since(runs[0].1).as_mins()).collect();
    assert_eq!(apart, [62, 62]);
    simulation.until(at("2026-01-03T00:00:00Z"), &entries, |_| true);
    assert_eq!(simulation.runs.len(), 4);
}

#[test]
fn a_run_that_kills_the_process_is_not_begun_for_ever() {
    let entries = [entry("a", "30 6 * * *", Missed::Latest)];
    let mut memory = Memory::default();
    memory.due(&entries, &RULES, at("2026-01-01T00:00:00Z"));
    let now = at("2026-01-01T06:00:00Z");
    for _ in 0..3 {
        let due = memory.due(&entries, &RULES, now);
        assert_eq!(due.len(), 1);
        memory.begin(&due);
        // What a process that starts again reads.
        memory = serde_json::from_str(&serde_json::to_string(&memory).unwrap()).unwrap();
    }
    assert_eq!(memory.due(&entries, &RULES, now), []);
    assert_eq!(memory.due(&entries, &RULES, at("2026-01-02T06:00:00Z")).len(), 1);
}

#[test]
fn a_run_that_is_put_off_stays_due() {
    let now = at("2026-01-01T06:00:00Z");
    for is_new in [true, false] {
        let entries = [Entry { is_new, ..entry("a", "30 6 * * *", Missed::Latest) }];
        let mut memory = Memory::default();
        if !is_new {
            memory.due(&entries, &RULES, at("2026-01-01T00:00:00Z"));
        }
        for _ in 0..9 {
            let due = memory.due(&entries, &RULES, now);
            assert_eq!(due.len(), 1);
            memory.begin(&due);
            memory.put_off(&due[0]);
        }
        let due = memory.due(&entries, &RULES, now);
        memory.begin(&due);
        memory.end(&due[0], true, &RULES, now);
        assert_eq!(memory.due(&entries, &RULES, now), []);
    }
}
