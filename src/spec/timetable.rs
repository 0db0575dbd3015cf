//! When a pipeline is due: a cron expression in a time zone.
//!
//! The expression speaks of the clock on the wall. Where that leaps forward, what was due in the gap is due right
//! behind it; where it is set back, what is due in the hour that comes twice is due the first time. So every
//! occurrence is one moment, and none is lost or comes twice on the two days of a year that are not of 24 hours.

use std::str::FromStr;

use chrono::{DateTime, Utc};
use croner::Cron;
use jiff::civil;
use jiff::tz::TimeZone;
use jiff::{Timestamp, ToSpan};

/// A cron expression of five fields (minute, hour, day of the month, month, day of the week) in a time zone.
#[derive(Debug, Clone)]
pub struct Timetable {
    expression: String,
    cron: Cron,
    zone: TimeZone,
}

impl Timetable {
    /// Reads an expression and the name of a time zone, such as `Europe/Madrid`; the error is in words.
    pub fn new(expression: &str, zone: &str) -> Result<Self, String> {
        if expression.split_whitespace().count() != 5 && !expression.starts_with('@') {
            return Err(format!("expected five fields of a cron expression, found `{expression}`"));
        }
        let cron = Cron::from_str(expression)
            .map_err(|error| format!("expected a cron expression, found `{expression}`: {error}"))?;
        let zone = TimeZone::get(zone).map_err(|_| format!("the time zone `{zone}` is not known"))?;
        let timetable = Timetable { expression: expression.to_owned(), cron, zone };
        if timetable.after(Timestamp::UNIX_EPOCH).is_none() {
            return Err(format!("`{expression}` is never due"));
        }
        Ok(timetable)
    }

    /// The expression as written.
    pub fn expression(&self) -> &str {
        &self.expression
    }

    /// The name of the time zone.
    pub fn zone(&self) -> &str {
        self.zone.iana_name().unwrap_or("UTC")
    }

    /// The first occurrence after a moment; none if there is none for years.
    pub fn after(&self, moment: Timestamp) -> Option<Timestamp> {
        // Further back than any clock is ever set.
        let mut wall = self.zone.to_datetime(moment).checked_sub(4.hours()).ok()?;
        loop {
            wall = self.next_on_the_wall(wall)?;
            let found = self.moment(wall)?;
            if found > moment {
                return Some(found);
            }
        }
    }

    /// The last occurrence after a moment and not after another one.
    pub fn latest(&self, after: Timestamp, until: Timestamp) -> Option<Timestamp> {
        let mut wall = self.zone.to_datetime(until).checked_add(4.hours()).ok()?;
        loop {
            wall = self.previous_on_the_wall(wall)?;
            let found = self.moment(wall)?;
            if found <= after {
                return None;
            }
            if found <= until {
                return Some(found);
            }
        }
    }

    /// The one moment at which a clock on the wall is said to show this.
    fn moment(&self, wall: civil::DateTime) -> Option<Timestamp> {
        self.zone.to_ambiguous_timestamp(wall).compatible().ok()
    }

    // A clock on the wall is one without a zone: UTC stands in for it.

    fn next_on_the_wall(&self, wall: civil::DateTime) -> Option<civil::DateTime> {
        self.cron.find_next_occurrence(&as_utc(wall)?, false).ok().and_then(as_wall)
    }

    fn previous_on_the_wall(&self, wall: civil::DateTime) -> Option<civil::DateTime> {
        self.cron.find_previous_occurrence(&as_utc(wall)?, false).ok().and_then(as_wall)
    }
}

fn as_utc(wall: civil::DateTime) -> Option<DateTime<Utc>> {
    let seconds = TimeZone::UTC.to_timestamp(wall).ok()?.as_second();
    DateTime::from_timestamp(seconds, 0)
}

fn as_wall(utc: DateTime<Utc>) -> Option<civil::DateTime> {
    Some(TimeZone::UTC.to_datetime(Timestamp::from_second(utc.timestamp()).ok()?))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    fn madrid(expression: &str) -> Timetable {
        Timetable::new(expression, "Europe/Madrid").unwrap()
    }

    #[test]
    fn each_day_has_one_occurrence_also_when_the_clock_changes() {
        let daily = madrid("30 2 * * *");
        // Forward at 02:00 on 29 March 2026: 02:30 is not on the clock.
        let mut now = at("2026-03-27T12:00:00Z");
        let mut found = Vec::new();
        for _ in 0..4 {
            now = daily.after(now).unwrap();
            found.push(now.to_string());
        }
        assert_eq!(
            found,
            ["2026-03-28T01:30:00Z", "2026-03-29T01:30:00Z", "2026-03-30T00:30:00Z", "2026-03-31T00:30:00Z"]
        );
        // Back at 03:00 on 25 October 2026: 02:30 comes twice.
        let first = daily.after(at("2026-10-24T12:00:00Z")).unwrap();
        assert_eq!(first, at("2026-10-25T00:30:00Z"));
        assert_eq!(daily.after(first).unwrap(), at("2026-10-26T01:30:00Z"));
        assert_eq!(daily.latest(first, at("2026-10-25T12:00:00Z")), None);
        assert_eq!(daily.latest(at("2026-10-24T12:00:00Z"), at("2026-10-25T01:45:00Z")), Some(first));
    }

    #[test]
    fn the_latest_is_the_last_of_those_after() {
        let quarters = madrid("*/15 * * * *");
        let mut now = at("2026-01-01T00:00:00Z");
        let mut before = now;
        // Over both changes of the clock.
        while now < at("2026-12-01T00:00:00Z") {
            let next = quarters.after(now).unwrap();
            assert!(next > now);
            assert_eq!(quarters.latest(before, next), Some(next));
            assert_eq!(quarters.latest(now, next), Some(next));
            (before, now) = (now, next);
        }
    }

    #[test]
    fn what_is_no_timetable_is_refused() {
        for (expression, zone, expected) in [
            ("30 6 * *", "Europe/Madrid", "expected five fields"),
            ("0 30 6 * * *", "Europe/Madrid", "expected five fields"),
            ("61 6 * * *", "Europe/Madrid", "expected a cron expression"),
            ("30 6 * * *", "Europe/Santander", "is not known"),
            ("30 6 31 2 *", "Europe/Madrid", "is never due"),
        ] {
            let error = Timetable::new(expression, zone).unwrap_err();
            assert!(error.contains(expected), "{error}");
        }
    }
}
