//! A release calendar: by when a source should have published, so that "late at the source" and "we failed" differ.

use jiff::civil::{Date, date};
use jiff::{Span, ToSpan};

/// How often a source publishes, and by when.
#[derive(Debug, Clone, PartialEq)]
pub enum Release {
    /// `yearly by 31 October`
    Yearly {
        /// From 1.
        month: i8,
        /// From 1.
        day: i8,
    },
    /// `monthly by 15`: by that day, or the month's last.
    Monthly {
        /// From 1.
        day: i8,
    },
    /// `every 7 days`
    Every {
        /// The days.
        days: i32,
    },
}

const MONTHS: [&str; 12] = [
    "january",
    "february",
    "march",
    "april",
    "may",
    "june",
    "july",
    "august",
    "september",
    "october",
    "november",
    "december",
];

impl Release {
    /// Reads one; none of what is none.
    pub fn parse(text: &str) -> Option<Self> {
        let words: Vec<String> = text.split_whitespace().map(str::to_ascii_lowercase).collect();
        let words: Vec<&str> = words.iter().map(String::as_str).collect();
        match words.as_slice() {
            ["yearly", "by", day, month] => {
                let month = MONTHS.iter().position(|name| name == month)? as i8 + 1;
                let day = day.parse().ok()?;
                // A year without a 29 February would be one without a release.
                Date::new(2025, month, day).ok()?;
                Some(Release::Yearly { month, day })
            }
            ["monthly", "by", day] => {
                let day = day.parse().ok().filter(|day| (1..=31).contains(day))?;
                Some(Release::Monthly { day })
            }
            ["every", days, "days" | "day"] => {
                let days = days.parse().ok().filter(|days| (1..=3660).contains(days))?;
                Some(Release::Every { days })
            }
            _ => None,
        }
    }

    /// Whether on `today` something should be there that is newer than what last came on `changed`.
    pub fn is_late(&self, changed: Option<Date>, today: Date) -> bool {
        match (self.due_since(today), changed) {
            (_, None) => true,
            // What came since the deadline before this one is what this one asked for.
            (Some(since), Some(changed)) => changed <= since,
            (None, Some(_)) => false,
        }
    }

    /// What came up to this day is too old on `today`.
    fn due_since(&self, today: Date) -> Option<Date> {
        match *self {
            Release::Yearly { month, day } => {
                let passed = (0..2).find_map(|back| {
                    Date::new(today.year() - back, month, day).ok().filter(|deadline| *deadline < today)
                })?;
                passed.checked_sub(1.year()).ok()
            }
            Release::Monthly { day } => {
                let deadline = |of: Date| {
                    let last = of.days_in_month();
                    date(of.year(), of.month(), day.min(last))
                };
                let passed = (0..2).find_map(|back| {
                    let month = today.first_of_month().checked_sub(Span::new().months(back)).ok()?;
                    Some(deadline(month)).filter(|deadline| *deadline < today)
                })?;
                passed.first_of_month().checked_sub(1.month()).ok().map(deadline)
            }
            Release::Every { days } => today.checked_sub(days.days()).ok()?.yesterday().ok(),
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn a_source_is_late_once_its_deadline_has_passed() {
        let yearly = Release::parse("yearly by 31 October").unwrap();
        let changed = Some(date(2025, 10, 22));
        assert!(!yearly.is_late(changed, date(2026, 10, 31)));
        assert!(yearly.is_late(changed, date(2026, 11, 1)));
        assert!(!yearly.is_late(Some(date(2026, 10, 20)), date(2026, 11, 1)));
        assert!(!yearly.is_late(Some(date(2025, 11, 3)), date(2026, 11, 1)), "what came late for 2025");
        assert!(yearly.is_late(None, date(2026, 1, 1)), "there was never anything");

        let monthly = Release::parse("monthly by 31").unwrap();
        assert!(!monthly.is_late(Some(date(2026, 1, 31)), date(2026, 2, 28)));
        assert!(monthly.is_late(Some(date(2026, 1, 31)), date(2026, 3, 1)));
        assert!(!monthly.is_late(Some(date(2026, 2, 1)), date(2026, 3, 1)));

        let weekly = Release::parse("every 7 days").unwrap();
        assert!(!weekly.is_late(Some(date(2026, 1, 1)), date(2026, 1, 8)));
        assert!(weekly.is_late(Some(date(2026, 1, 1)), date(2026, 1, 9)));
    }

    #[test]
    fn what_is_no_calendar_is_none() {
        for text in
            ["", "yearly", "yearly by 32 October", "yearly by 29 February", "monthly by 0", "every x days", "weekly"]
        {
            assert_eq!(Release::parse(text), None, "{text}");
        }
    }
}
