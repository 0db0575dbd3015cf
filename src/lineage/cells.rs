//! Published cells read again at their places in the archived bytes.

use std::collections::BTreeMap;

use serde::Serialize;
use serde_json::Value;

use super::{LineageError, Payloads};
use crate::decode::read_again;
use crate::warehouse::{ModelResult, Reader};

/// What came of reading published cells again.
#[derive(Debug, Clone, Default, Serialize)]
pub struct CellCheck {
    /// Cells that the marts name.
    pub published: u64,
    /// Cells that were read again.
    pub read: u64,
    /// Snapshots that they stand in.
    pub snapshots: u64,
    /// What does not agree, or could not be read; at most [`MOST_PROBLEMS`] are told.
    pub problems: Vec<String>,
    /// How many do not agree.
    pub wrong: u64,
}

/// So many problems are told one by one.
const MOST_PROBLEMS: usize = 20;

/// Reads cells of all marts again, all or so many that their hashes choose, and compares them with the observations of
/// the build.
pub fn check_cells(
    reader: &Reader,
    models: &[ModelResult],
    payloads: &Payloads,
    sample: Option<usize>,
) -> Result<CellCheck, LineageError> {
    let Some(named) = named(models) else {
        return Ok(CellCheck::default());
    };
    let limit = sample.map_or_else(String::new, |most| format!("order by hash(\"snapshot\", cell), cell limit {most}"));
    let observations = "select \"snapshot\", cell, \"value\" from lake.observations
        union all select \"snapshot\", cell, \"value\" from lake.observation_history";
    // Registers have cells, too, which are records of persons and no observations.
    let published = format!(
        "select distinct \"snapshot\", cell, \"value\" from ({observations}) semi join ({named}) using (\"snapshot\", cell)"
    );
    let mut check = CellCheck {
        published: reader.number(&format!("select count(*) from ({published})"))?.unsigned_abs(),
        ..CellCheck::default()
    };
    let mut cells: BTreeMap<String, BTreeMap<u64, Option<f64>>> = BTreeMap::new();
    for row in reader.rows(&format!("{published} {limit}"), &[])? {
        let (Some(snapshot), Some(cell)) = (row["snapshot"].as_str(), row["cell"].as_i64()) else {
            continue;
        };
        cells.entry(snapshot.to_owned()).or_default().insert(cell as u64, row["value"].as_f64());
    }
    for (hash, expected) in cells {
        check.snapshots += 1;
        check.read += expected.len() as u64;
        if let Err(problem) = of_snapshot(payloads, &hash, &expected, &mut check)? {
            check.wrong += expected.len() as u64;
            check.problems.push(problem);
        }
    }
    Ok(check)
}

/// Compares the cells of one snapshot; in words, why none of them could be.
fn of_snapshot(
    payloads: &Payloads,
    hash: &str,
    expected: &BTreeMap<u64, Option<f64>>,
    check: &mut CellCheck,
) -> Result<Result<(), String>, LineageError> {
    let opened = match payloads.open(hash)? {
        Ok(opened) => opened,
        Err(problem) => return Ok(Err(problem)),
    };
    let file = &opened.record.file;
    let places: Vec<u64> = expected.keys().copied().collect();
    let mut seen = 0;
    let mut wrong = |problem: String| {
        check.wrong += 1;
        if check.problems.len() < MOST_PROBLEMS {
            check.problems.push(problem);
        }
    };
    let outcome = read_again(opened.format, &opened.source, &opened.hints, &places, |cell, reading| {
        seen += 1;
        let value = expected[&cell];
        if !reading.says(value) {
            let value = value.map_or("no value".into(), |value| Value::from(value).to_string());
            wrong(format!("`{file}`, {}: the build says {value}, there stands `{}`", reading.place, reading.text));
        }
    });
    if let Err(error) = outcome {
        return Ok(Err(opened.unreadable(&error)));
    }
    if seen < places.len() {
        wrong(format!("`{file}` ends before {} of its cells", places.len() - seen));
    }
    Ok(Ok(()))
}

/// A SELECT of all pairs of snapshot and cell that marts name.
fn named(models: &[ModelResult]) -> Option<String> {
    let mut selects = Vec::new();
    for model in models.iter().filter(|model| model.is_mart) {
        let has = |name: &str| model.columns.iter().any(|column| column.name == name);
        for column in &model.columns {
            let Some(prefix) = column.name.strip_suffix("snapshot") else {
                continue;
            };
            let cell = format!("{prefix}cell");
            if has(&cell) {
                let table = model.table();
                selects.push(format!("select \"{prefix}snapshot\" as \"snapshot\", \"{cell}\" as cell from {table}"));
            }
        }
    }
    (!selects.is_empty()).then(|| selects.join(" union all "))
}
