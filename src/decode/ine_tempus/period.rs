//! INE's ways to say a period, and SDMX's.
//!
//! `FK_Periodo` numbers are INE's own and no list of them is published with the service. Known from
//! its replies: 1 to 12 are months, 19 to 22 quarters, 23 and 24 half-years, 26 and 27 the first of
//! January and of July (estimates of the population), 28 the year. `T3_Periodo` writes `M01`, `T1`,
//! `S1` and `A` (or the year itself); `NombrePeriodo` writes `2022`, `2021M03`, `2024T3`, `2004TIV`,
//! with a remark in brackets where a figure is not final (`2024 (avance)`).

/// The part of a year that a figure is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::decode) enum Part {
    Year,
    Half(u8),
    Quarter(u8),
    Month(u8),
    /// Month and day.
    Day(u8, u8),
}

const ROMAN: [&str; 4] = ["I", "II", "III", "IV"];

const MONTHS: [&str; 12] = [
    "enero",
    "febrero",
    "marzo",
    "abril",
    "mayo",
    "junio",
    "julio",
    "agosto",
    "septiembre",
    "octubre",
    "noviembre",
    "diciembre",
];

impl Part {
    /// The meaning of an `FK_Periodo`.
    pub fn of_number(number: u64) -> Option<Part> {
        Some(match number {
            1..=12 => Part::Month(number as u8),
            19..=22 => Part::Quarter((number - 18) as u8),
            23 | 24 => Part::Half((number - 22) as u8),
            26 => Part::Day(1, 1),
            27 => Part::Day(7, 1),
            28 => Part::Year,
            _ => return None,
        })
    }

    /// The meaning of a `T3_Periodo`.
    pub fn of_code(code: &str) -> Option<Part> {
        let mut letters = code.chars();
        let kind = letters.next()?;
        let rest = letters.as_str();
        let number = match ROMAN.iter().position(|roman| *roman == rest) {
            Some(at) if kind != 'M' => at as u8 + 1,
            _ if (1..=2).contains(&rest.len()) && rest.bytes().all(|byte| byte.is_ascii_digit()) => {
                rest.parse().ok()?
            }
            _ if code == "A" => 0,
            _ => return None,
        };
        Some(match (kind, number) {
            ('A', 0) => Part::Year,
            ('M', 1..=12) => Part::Month(number),
            ('T' | 'Q', 1..=4) => Part::Quarter(number),
            ('S', 1..=2) => Part::Half(number),
            _ => return None,
        })
    }

    /// The period as SDMX writes it.
    pub fn of_year(self, year: u16) -> String {
        match self {
            Part::Year => format!("{year:04}"),
            Part::Half(half) => format!("{year:04}-S{half}"),
            Part::Quarter(quarter) => format!("{year:04}-Q{quarter}"),
            Part::Month(month) => format!("{year:04}-{month:02}"),
            Part::Day(month, day) => format!("{year:04}-{month:02}-{day:02}"),
        }
    }
}

/// A year of four digits.
pub(super) fn year(text: &str) -> Option<u16> {
    let is_year = text.len() == 4 && text.bytes().all(|byte| byte.is_ascii_digit());
    if is_year { text.parse().ok() } else { None }
}

/// The meaning of a `NombrePeriodo`: year, part, and the remark in brackets.
pub(in crate::decode) fn named(name: &str) -> Option<(u16, Part, &str)> {
    let name = name.trim();
    let (name, remark) = match name.strip_suffix(')').and_then(|open| open.rsplit_once('(')) {
        Some((name, remark)) => (name.trim_end(), remark.trim()),
        None => (name, ""),
    };
    if let Some((day, month_year)) = name.split_once(" de ") {
        let (month, of) = month_year.split_once(" de ")?;
        let month = MONTHS.iter().position(|known| known.eq_ignore_ascii_case(month.trim()))? as u8 + 1;
        let day = day.parse().ok().filter(|day| (1..=31).contains(day))?;
        return Some((year(of.trim())?, Part::Day(month, day), remark));
    }
    let (of, rest) = (name.get(..4)?, name.get(4..)?);
    let part = match rest.strip_prefix('-').unwrap_or(rest) {
        "" if rest.is_empty() => Part::Year,
        "A" => return None,
        code => Part::of_code(code)?,
    };
    Some((year(of)?, part, remark))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn known_periods_are_written_as_in_sdmx() {
        for (number, text) in [
            (1, "2021-01"),
            (12, "2021-12"),
            (19, "2021-Q1"),
            (22, "2021-Q4"),
            (23, "2021-S1"),
            (24, "2021-S2"),
            (26, "2021-01-01"),
            (27, "2021-07-01"),
            (28, "2021"),
        ] {
            assert_eq!(Part::of_number(number).unwrap().of_year(2021), text);
        }
        for (name, text, remark) in [
            ("2022", "2022", ""),
            ("2024 (avance)", "2024", "avance"),
            ("2021M03", "2021-03", ""),
            ("2021-M03", "2021-03", ""),
            ("2021-Q1", "2021-Q1", ""),
            ("2004TIV", "2004-Q4", ""),
            ("2024T3(p)", "2024-Q3", "p"),
            ("2024S2", "2024-S2", ""),
            ("1 de julio de 2022", "2022-07-01", ""),
        ] {
            let (year, part, found) = named(name).unwrap();
            assert_eq!((part.of_year(year).as_str(), found), (text, remark), "{name}");
        }
    }

    #[test]
    fn nothing_else_is_a_period() {
        for number in [0, 13, 18, 25, 29, 30, u64::MAX] {
            assert_eq!(Part::of_number(number), None, "{number}");
        }
        for name in [
            "",
            "22",
            "2018-2020",
            "2001-03",
            "2021M13",
            "2021M00",
            "2021T5",
            "2021MII",
            "2021T",
            "2021-",
            "2024A",
            "año",
            "32 de enero de 2022",
            "1 de jan de 2022",
            "20ñ1",
            "2022 2023",
            "2021M+1",
            "(2022)",
        ] {
            assert_eq!(named(name), None, "{name}");
        }
    }
}
