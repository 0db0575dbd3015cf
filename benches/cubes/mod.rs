//! One synthetic cube, shaped like a table of ICT use in enterprises, written in each format.
//!
//! Every cell is stated: seven of eight have a value with up to two decimals, the others a mark for a missing one;
//! where a format knows flags, half of the values and all of the missing ones have one. The same bytes at each call.

use std::fmt::Write;

mod json;
mod text;
mod workbook;
mod xml;

pub use json::{icane_json, ine_tempus, json_stat, sdmx_json};
pub use text::{delimited, eurostat_tsv, ine_csv, ine_csv_wide, pc_axis, sdmx_csv};
pub use workbook::{ods, xlsx};
pub use xml::{sdmx_ml, sdmx_ml_generic};

/// The last dimension, which runs fastest.
pub const PERIODS: [&str; 5] = ["2021", "2022", "2023", "2024", "2025"];

/// The dimensions of a series, the last one running fastest.
pub const DIMENSIONS: [(&str, &str, usize); 4] =
    [("size_emp", "GE", 4), ("nace_r2", "C10-S", 20), ("indic_is", "E_AI_", 10), ("geo", "ES", 50)];

/// Its cells, and so the rows of each decoded table of observations.
pub const CELLS: usize = 4 * 20 * 10 * 50 * PERIODS.len();

/// A line of the cube: the code of each of [`DIMENSIONS`], and a cell a period.
pub struct Series {
    /// From 0.
    pub number: usize,
    /// One a dimension.
    pub codes: [String; 4],
}

/// All series, in order.
pub fn series() -> impl Iterator<Item = Series> {
    (0..CELLS / PERIODS.len()).map(|number| {
        let mut rest = number;
        let mut codes = DIMENSIONS.map(|_| String::new());
        for (code, (_, prefix, size)) in codes.iter_mut().zip(DIMENSIONS).rev() {
            *code = format!("{prefix}{}", rest % size);
            rest /= size;
        }
        Series { number, codes }
    })
}

/// What a cell says.
pub struct Cell {
    /// Its period.
    pub period: &'static str,
    /// Its value in hundredths, if it has one.
    pub value: Option<u32>,
    /// Its flag; empty where it has none.
    pub flag: &'static str,
}

impl Series {
    /// The cells, one a period.
    pub fn cells(&self) -> impl Iterator<Item = Cell> {
        let first = self.number * PERIODS.len();
        PERIODS.into_iter().enumerate().map(move |(at, period)| {
            // The high bits of a multiplication are as good as random.
            let drawn = ((first + at) as u32).wrapping_mul(2_654_435_769) >> 8;
            let value = (!drawn.is_multiple_of(8)).then_some((drawn >> 4) % 10_000);
            let flag =
                if drawn & 8 == 0 || value.is_none() { ["b", "e", "p", "u"][drawn as usize >> 4 & 3] } else { "" };
            Cell { period, value, flag }
        })
    }

    /// The codes with something between them.
    pub fn joined(&self, between: &str) -> String {
        self.codes.join(between)
    }
}

/// The number of values and their sum in hundredths.
pub fn totals() -> (usize, u64) {
    let values = || series().flat_map(|series| series.cells().collect::<Vec<_>>()).filter_map(|cell| cell.value);
    (values().count(), values().map(u64::from).sum())
}

impl Cell {
    /// Writes the value, or the mark for a missing one; `decimal` is the decimal mark.
    fn write(&self, text: &mut String, decimal: char, missing: &str) {
        match self.value {
            None => text.push_str(missing),
            Some(value) => {
                let (whole, hundredths) = (value / 100, value % 100);
                // Writing to a string cannot fail.
                let _ = match (hundredths % 10, hundredths) {
                    (_, 0) => write!(text, "{whole}"),
                    (0, _) => write!(text, "{whole}{decimal}{}", hundredths / 10),
                    _ => write!(text, "{whole}{decimal}{hundredths:02}"),
                };
            }
        }
    }
}
