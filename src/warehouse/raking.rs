//! The entry `rake:` of a model's header: what its SELECT gives is raked ([`rake`](super::rake)) before it becomes the table.
//!
//! ```sql
//! -- rake: seed to sector_total by sector; size_total by size_class within region, time_period
//! -- column raked: the cell after raking; null where it was refused
//! -- column raking_rounds: rounds over all margins that it took
//! -- column raking_error: largest distance of a sum from its margin, as a share of the margin
//! -- column raking_refusal: why the margins cannot be met; null where they are
//! ```
//! Each combination of the columns behind `within` is a table of its own; without them there is one. A margin is a column
//! with the total of its group in each of the group's rows, and the columns that make the group; null is a total that is
//! not known. The four columns are added to those of the SELECT.

use std::collections::HashMap;

use duckdb::{Connection, params};

use super::model::Model;
use super::rake::{Margin, Raked, rake};
use super::{WarehouseError, engine, quoted, quoted_list};
use crate::error::nearest;

/// What is raked to what.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RakeRule {
    /// The column of the seed.
    pub seed: String,
    /// Columns of totals, each with the columns that make its groups.
    pub margins: Vec<(String, Vec<String>)>,
    /// The columns that tell tables apart.
    pub within: Vec<String>,
}

impl RakeRule {
    /// Reads `<seed> to <total> by <column>, …[; <total> by <column>, …] [within <column>, …]`.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let (seed, rest) = text.split_once(" to ")?;
        let (rest, within) = rest.split_once(" within ").unwrap_or((rest, ""));
        let names = |text: &str| -> Vec<String> {
            text.split(',').map(str::trim).filter(|name| !name.is_empty()).map(str::to_owned).collect()
        };
        let margins: Option<Vec<(String, Vec<String>)>> = rest
            .split(';')
            .map(|margin| margin.split_once(" by ").map(|(total, by)| (total.trim().to_owned(), names(by))))
            .collect();
        let margins =
            margins.filter(|margins| margins.iter().all(|(total, by)| !total.is_empty() && !by.is_empty()))?;
        Some(RakeRule { seed: seed.trim().to_owned(), margins, within: names(within) })
    }

    /// Makes the table of a model from its SELECT, raked.
    pub(super) fn make(&self, connection: &Connection, model: &Model) -> Result<(), WarehouseError> {
        let failed = |error: duckdb::Error| engine::refused(format!("rake `{}`", model.name))(error);
        // In the order of the grain, so that sums of floating point are the same on any machine.
        let prefix = "create or replace temp table raking as select * from (";
        let create = format!("{prefix}{}\n) order by {}", model.sql(), quoted_list(&model.contract.grain));
        connection
            .execute_batch(&create)
            .map_err(|error| engine::located(&error, &model.path, &model.text, model.contract.end, prefix.len()))?;
        self.check(connection, model)?;
        let problem = match self.within.is_empty() {
            true => "1".to_owned(),
            false => format!("dense_rank() over (order by {})", quoted_list(&self.within)),
        };
        let mut fields = vec!["rowid".to_owned(), problem, format!("cast({} as double)", quoted(&self.seed))];
        for (total, by) in &self.margins {
            let group: Vec<String> = self.within.iter().chain(by).cloned().collect();
            fields.push(format!("dense_rank() over (order by {})", quoted_list(&group)));
            fields.push(format!("cast({} as double)", quoted(total)));
        }
        let mut statement =
            connection.prepare(&format!("select {} from raking order by 2, 1", fields.join(", "))).map_err(failed)?;
        let rows = statement
            .query_map([], |row| {
                let margins = (0..self.margins.len())
                    .map(|at| Ok((row.get::<_, i64>(3 + 2 * at)?, row.get::<_, Option<f64>>(4 + 2 * at)?)))
                    .collect::<Result<Vec<_>, duckdb::Error>>()?;
                Ok(Cell {
                    row: row.get(0)?,
                    problem: row.get(1)?,
                    seed: row.get::<_, Option<f64>>(2)?.unwrap_or(0.0),
                    margins,
                })
            })
            .map_err(failed)?;
        let cells: Vec<Cell> = rows.collect::<Result<_, _>>().map_err(failed)?;
        let raked = "create or replace temp table raking_result (number bigint, raked double, raking_rounds bigint,
            raking_error double, raking_refusal varchar)";
        connection.execute_batch(raked).map_err(failed)?;
        let mut appender = connection.appender("raking_result").map_err(failed)?;
        for problem in cells.chunk_by(|one, next| one.problem == next.problem) {
            let outcome = self.problem(problem);
            for (at, cell) in problem.iter().enumerate() {
                let row = match &outcome {
                    Ok(Raked { cells, rounds, largest_error }) => appender.append_row(params![
                        cell.row,
                        cells[at],
                        i64::from(*rounds),
                        largest_error,
                        Option::<String>::None
                    ]),
                    Err(refusal) => appender.append_row(params![
                        cell.row,
                        Option::<f64>::None,
                        Option::<i64>::None,
                        Option::<f64>::None,
                        refusal
                    ]),
                };
                row.map_err(failed)?;
            }
        }
        appender.flush().map_err(failed)?;
        drop(appender);
        let finish = format!(
            "create table {} as
                select raking.*, raked, raking_rounds, raking_error, raking_refusal
                from raking join raking_result on raking.rowid = raking_result.number;
             drop table raking; drop table raking_result",
            model.table()
        );
        connection.execute_batch(&finish).map_err(failed)
    }

    /// The columns that the rule names are those of the SELECT.
    fn check(&self, connection: &Connection, model: &Model) -> Result<(), WarehouseError> {
        let columns = engine::columns(connection, &format!("rake `{}`", model.name), "raking")?;
        let names: Vec<&str> = columns.iter().map(|(name, _)| name.as_str()).collect();
        let by = self.margins.iter().flat_map(|(total, by)| std::iter::once(total).chain(by));
        for wanted in std::iter::once(&self.seed).chain(by).chain(&self.within) {
            if !names.contains(&wanted.as_str()) {
                let header = &model.text[..model.contract.end];
                let line = header.find("-- rake:").unwrap_or(0);
                let at = line + header[line..].find(wanted.as_str()).unwrap_or(0);
                let near = nearest(wanted, names.iter().copied());
                return Err(model.wrong(
                    at..at + wanted.len(),
                    format!("the SELECT gives no column `{wanted}` to rake"),
                    near.map(|near| format!("did you mean `{near}`?")),
                ));
            }
        }
        Ok(())
    }

    /// Rakes the cells of one table.
    fn problem(&self, cells: &[Cell]) -> Result<Raked, String> {
        let seed: Vec<f64> = cells.iter().map(|cell| cell.seed).collect();
        let margins: Result<Vec<Margin>, String> = self
            .margins
            .iter()
            .enumerate()
            .map(|(at, (column, by))| {
                let mut numbers: HashMap<i64, usize> = HashMap::new();
                let mut margin = Margin { name: by.join(", "), group: Vec::new(), total: Vec::new() };
                for cell in cells {
                    let (group, total) = cell.margins[at];
                    let next = numbers.len();
                    let number = *numbers.entry(group).or_insert(next);
                    if number == next {
                        margin.total.push(total);
                    } else if margin.total[number] != total {
                        return Err(format!("`{column}` has several totals for one group of {}", margin.name));
                    }
                    margin.group.push(number);
                }
                Ok(margin)
            })
            .collect();
        rake(&seed, &margins?)
    }
}

/// A row of the SELECT.
struct Cell {
    row: i64,
    problem: i64,
    seed: f64,
    /// Of each margin the group and its total.
    margins: Vec<(i64, Option<f64>)>,
}
