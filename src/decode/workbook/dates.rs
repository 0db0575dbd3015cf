//! Dates, times and durations as text of ISO 8601: numbers that their format writes as such.

use jiff::ToSpan;
use jiff::civil::Date;

/// How a number is written.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) enum Form {
    /// As a number.
    #[default]
    Number,
    /// As a day, a time of the day, or both.
    Date,
    /// As hours, minutes and seconds that may be more than a day has.
    Duration,
}

impl Form {
    /// That of a number format that needs no code (ECMA-376, 18.8.30, with those of East Asia).
    pub fn of_number(id: &str) -> Form {
        match id.parse::<u32>() {
            Ok(14..=22 | 27..=36 | 45 | 47 | 50..=58) => Form::Date,
            Ok(46) => Form::Duration,
            _ => Form::Number,
        }
    }

    /// That of a code such as `dd/mm/yyyy` or `[h]:mm`; what stands in quotes or brackets is no part of the date.
    pub fn of_code(code: &str) -> Form {
        let mut found = Form::Number;
        let mut characters = code.chars();
        while let Some(character) = characters.next() {
            match character {
                ';' => break,
                '\\' | '_' | '*' => {
                    characters.next();
                }
                '"' => {
                    characters.by_ref().find(|other| *other == '"');
                }
                '[' => {
                    let inside: String = characters.by_ref().take_while(|other| *other != ']').collect();
                    let mut inside = inside.chars();
                    let first = inside.next().map(|first| first.to_ascii_lowercase());
                    let is_alike = inside.all(|other| Some(other.to_ascii_lowercase()) == first);
                    if is_alike && matches!(first, Some('h' | 'm' | 's')) {
                        return Form::Duration;
                    }
                }
                'd' | 'D' | 'm' | 'M' | 'y' | 'Y' | 'h' | 'H' | 's' | 'S' => found = Form::Date,
                _ => {}
            }
        }
        found
    }
}

const DAY: i64 = 86_400_000;

/// The text of a number of this form; none where it is written as a number, and none inside where no calendar has such
/// a day.
pub(super) fn written(number: f64, form: Form, is_1904: bool) -> Option<Option<String>> {
    match form {
        Form::Number => None,
        // No span of a statistic is longer than this one, of a thousand years.
        Form::Duration => Some((number.abs() <= 366_000.0).then(|| duration(milliseconds(number)))),
        Form::Date => Some((0.0..2_958_466.0).contains(&number).then(|| date(milliseconds(number), is_1904)).flatten()),
    }
}

fn milliseconds(days: f64) -> i64 {
    (days * DAY as f64).round() as i64
}

fn date(milliseconds: i64, is_1904: bool) -> Option<String> {
    let (day, time) = (milliseconds / DAY, milliseconds % DAY);
    let clock = clock(time);
    let day = match day {
        0 if !is_1904 => return Some(clock),
        // 1900 was no leap year, but is one to spreadsheets.
        60 if !is_1904 => "1900-02-29".to_owned(),
        day => {
            let first = match (is_1904, day) {
                (true, _) => Date::constant(1904, 1, 1),
                (false, ..60) => Date::constant(1899, 12, 31),
                (false, _) => Date::constant(1899, 12, 30),
            };
            first.checked_add(day.days()).ok()?.to_string()
        }
    };
    Some(if time == 0 { day } else { format!("{day}T{clock}") })
}

/// `10:00:00`, and what is less than a second only where there is any.
fn clock(milliseconds: i64) -> String {
    let (seconds, rest) = (milliseconds / 1000, milliseconds % 1000);
    let clock = format!("{:02}:{:02}:{:02}", seconds / 3600, seconds / 60 % 60, seconds % 60);
    if rest == 0 { clock } else { format!("{clock}.{rest:03}") }
}

/// `PT26H30M0S`.
fn duration(milliseconds: i64) -> String {
    let sign = if milliseconds < 0 { "-" } else { "" };
    let (seconds, rest) = (milliseconds.abs() / 1000, milliseconds.abs() % 1000);
    let fraction = if rest == 0 { String::new() } else { format!(".{rest:03}") };
    format!("{sign}PT{}H{}M{}{fraction}S", seconds / 3600, seconds / 60 % 60, seconds % 60)
}

/// A date of ISO 8601 without a time that only says midnight.
pub(super) fn without_midnight(text: &str) -> &str {
    match text.split_once('T') {
        Some((day, time)) if time.trim_end_matches('Z').bytes().all(|byte| b"0:.".contains(&byte)) => day,
        _ => text,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn serial_numbers_are_days_of_the_calendar() {
        for (number, is_1904, expected) in [
            (45_688.0, false, "2025-01-31"),
            (45_688.416_666_666_664, false, "2025-01-31T10:00:00"),
            (45_688.999_999_999_99, false, "2025-02-01"),
            (0.5, false, "12:00:00"),
            (1.0, false, "1900-01-01"),
            (59.0, false, "1900-02-28"),
            (60.0, false, "1900-02-29"),
            (61.0, false, "1900-03-01"),
            (0.0, true, "1904-01-01"),
            (44_226.0, true, "2025-01-31"),
            (2_958_465.0, false, "9999-12-31"),
        ] {
            assert_eq!(written(number, Form::Date, is_1904), Some(Some(expected.to_owned())), "{number}");
        }
        for none in [-1.0, 1e9, f64::MAX] {
            assert_eq!(written(none, Form::Date, false), Some(None), "{none}");
        }
        assert_eq!(written(2_958_465.999_999_999_9, Form::Date, false), Some(None));
        assert_eq!(written(1.104_166_666_666_666_7, Form::Duration, false), Some(Some("PT26H30M0S".into())));
        assert_eq!(written(-0.5, Form::Duration, false), Some(Some("-PT12H0M0S".into())));
        assert_eq!(written(2.0, Form::Number, false), None);
    }

    #[test]
    fn a_format_writes_dates_or_not() {
        for (code, form) in [
            ("General", Form::Number),
            ("0.00%", Form::Number),
            ("#,##0.00\\ \"días\"", Form::Number),
            ("[Red]0.0;[Blue]-0.0", Form::Number),
            ("_-* #,##0\\ _d_-", Form::Number),
            ("0.00E+00", Form::Number),
            ("[$-C0A]d\\-mmm\\-yy;@", Form::Date),
            ("dd/mm/yyyy", Form::Date),
            ("h:mm AM/PM", Form::Date),
            ("[h]:mm:ss", Form::Duration),
            ("[mm]:ss", Form::Duration),
        ] {
            assert_eq!(Form::of_code(code), form, "{code}");
        }
        assert_eq!(Form::of_number("14"), Form::Date);
        assert_eq!(Form::of_number("2"), Form::Number);
    }

    #[test]
    fn midnight_is_left_out() {
        assert_eq!(without_midnight("2025-01-31T00:00:00"), "2025-01-31");
        assert_eq!(without_midnight("2025-01-31T00:00:00.000Z"), "2025-01-31");
        assert_eq!(without_midnight("2025-01-31T10:00:00"), "2025-01-31T10:00:00");
    }
}
