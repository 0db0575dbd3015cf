//! Model tests: a model run on given rows in an empty DuckDB, its rows compared with those that are expected.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use duckdb::Connection;
use serde::Serialize;

use super::case::{self, Case, Rows};
use super::engine::{self, execute};
use super::load::{insert_codelists, lake_tables};
use super::model::{self, Model, Models};
use super::{CodelistTable, WarehouseError, literal, quoted, quoted_list};
use crate::disk;
use crate::error::{Snippet, nearest};

/// What came of a case.
#[derive(Debug, Clone, Serialize)]
pub struct CaseResult {
    /// The model.
    pub model: String,
    /// The case's title.
    pub case: String,
    /// The file.
    pub file: PathBuf,
    /// Rows that were expected and did not come, as Markdown.
    pub missing: Vec<String>,
    /// Rows that came and were not expected.
    pub unexpected: Vec<String>,
    /// The header of these rows.
    pub header: String,
}

impl CaseResult {
    /// Whether what came is what was expected.
    pub fn passed(&self) -> bool {
        self.missing.is_empty() && self.unexpected.is_empty()
    }
}

/// What came of the tests of some models.
#[derive(Debug, Clone, Default, Serialize)]
pub struct TestReport {
    /// Each case.
    pub cases: Vec<CaseResult>,
    /// Marts without any case.
    pub untested: Vec<String>,
    /// Files whose expected rows were written anew.
    pub updated: Vec<PathBuf>,
}

/// Runs the cases of these models, `<folder>/<model>.md`. With `update`, what came is written as what is expected.
pub fn test(
    models: &Models,
    selected: &[&Model],
    codelists: &[CodelistTable],
    folder: &Path,
    update: bool,
) -> Result<TestReport, WarehouseError> {
    let mut report = TestReport::default();
    for file in disk::list(folder)? {
        let Some(name) = file.strip_suffix(".md") else {
            continue;
        };
        if !models.all.iter().any(|model| model.name == name) {
            let near = nearest(name, models.all.iter().map(|model| model.name.as_str()));
            let path = folder.join(&file);
            let text = disk::read_text(&path)?;
            let title = 0..text.lines().next().unwrap_or_default().len();
            return Err(WarehouseError::Model {
                message: format!("expected the tests of a model, found `{file}`"),
                snippet: Box::new(Snippet::new(&path, &text, title, "")),
                hint: Some(near.map_or("remove the file, or name it after a model".into(), |near| {
                    format!("did you mean `{near}.md`?")
                })),
            });
        }
    }
    for model in selected {
        let path = folder.join(format!("{}.md", model.name));
        if !disk::exists(&path) {
            if model.layer == model::Layer::Mart {
                report.untested.push(model.name.clone());
            }
            continue;
        }
        let mut text = disk::read_text(&path)?;
        let cases = case::parse(&path, &text)?;
        let mut is_changed = false;
        // From the last one on, so that places before it stay what they are.
        let mut results = Vec::new();
        for case in cases.iter().rev() {
            let (columns, found) = run(models, model, case, codelists, &path, &text)?;
            let result = compare(model, case, &columns, &found, &path);
            if update && (!result.passed() || case.expected.columns.is_empty()) {
                let table = case::markdown(&columns, &texts(&found));
                let place = case.expected.place.clone();
                let blank = if case.expected.columns.is_empty() { "\n" } else { "" };
                text.replace_range(place, &format!("{blank}{table}"));
                is_changed = true;
            }
            results.push(result);
        }
        results.reverse();
        if is_changed {
            disk::write_atomic(&path, text.as_bytes())?;
            report.updated.push(path.clone());
        }
        report.cases.extend(results);
    }
    Ok(report)
}

/// A field with its number, if its column is one of floating point.
type Field = (Option<String>, Option<f64>);

/// The columns that are asked for, and the rows that the model gives of a case, sorted.
fn run(
    models: &Models,
    model: &Model,
    case: &Case,
    codelists: &[CodelistTable],
    path: &Path,
    text: &str,
) -> Result<(Vec<String>, Vec<Vec<Field>>), WarehouseError> {
    let connection = Connection::open_in_memory().map_err(engine::refused("start".to_owned()))?;
    execute(
        &connection,
        "make empty tables",
        &format!(
            "set enable_external_access = false; create schema staging; create schema intermediate; {}",
            lake_tables(codelists)
        ),
    )?;
    let is_given = |rows: &Rows, name: &str| rows.table.rsplit('.').next() == Some(name);
    if case.with_codelists {
        insert_codelists(&connection, codelists)?;
    }
    let of_the_lake = engine::list(
        &connection,
        "list the tables",
        "select 'lake.' || table_name from information_schema.tables where table_schema = 'lake' order by all",
    )?;
    for rows in case.given.iter().filter(|rows| rows.table.starts_with("lake.")) {
        if !of_the_lake.iter().any(|table| table.eq_ignore_ascii_case(&rows.table)) {
            let message = format!("expected a table of the lake, found `{}`", rows.table);
            return Err(wrong(path, text, rows, message, &rows.table, of_the_lake.iter().map(String::as_str)));
        }
        insert(&connection, rows, path, text)?;
    }
    let needed = ancestors(models, model);
    for other in models.all.iter().filter(|other| needed.contains(other.name.as_str())) {
        let given = case.given.iter().find(|rows| !rows.table.starts_with("lake.") && is_given(rows, &other.name));
        let made = |sql: &str, prefix: usize| {
            connection
                .execute_batch(sql)
                .map_err(|error| engine::located(&error, &other.path, &other.text, other.contract.end, prefix))
        };
        match given {
            None => other.make(&connection)?,
            Some(rows) => {
                // Of the model's own columns and types, without its rows.
                let table = other.table();
                let before = format!("create table {table} as select * from (");
                made(&format!("{before}{}\n) limit 0", other.sql()), before.len())?;
                insert(&connection, &Rows { table: table.replace('"', ""), ..rows.clone() }, path, text)?;
            }
        }
    }
    let known = |rows: &Rows| rows.table.starts_with("lake.") || needed.iter().any(|name| is_given(rows, name));
    if let Some(strange) = case.given.iter().find(|rows| !known(rows)) {
        return Err(wrong(
            path,
            text,
            strange,
            format!("`{}` reads no `{}`", model.name, strange.table),
            strange.table.rsplit('.').next().unwrap_or_default(),
            needed.iter().copied(),
        ));
    }
    let columns = model::columns(&connection, model)?;
    let all: Vec<String> = columns.iter().map(|(name, _)| name.clone()).collect();
    let types: BTreeMap<String, String> = columns.into_iter().collect();
    let asked = if case.expected.columns.is_empty() { &all } else { &case.expected.columns };
    if let Some(column) = asked.iter().find(|name| !types.contains_key(*name)) {
        let message = format!("`{}` has no column `{column}`", model.name);
        return Err(wrong(path, text, &case.expected, message, column, types.keys().map(String::as_str)));
    }
    let is_float = |name: &String| types.get(name).is_some_and(|kind| kind == "DOUBLE" || kind == "FLOAT");
    let fields: Vec<String> = asked.iter().map(|name| format!("cast({} as varchar)", quoted(name))).collect();
    let order: Vec<String> = (1..=fields.len()).map(|at| at.to_string()).collect();
    let sql = format!("select {} from {} order by {}", fields.join(", "), model.table(), order.join(", "));
    let failed = engine::refused(format!("read `{}`", model.name));
    let mut statement = connection.prepare(&sql).map_err(&failed)?;
    let rows = statement
        .query_map([], |row| {
            let fields = asked.iter().enumerate().map(|(at, name)| {
                let text: Option<String> = row.get(at)?;
                let number = text.as_ref().filter(|_| is_float(name)).and_then(|text| text.parse().ok());
                Ok((text, number))
            });
            fields.collect::<Result<Vec<Field>, duckdb::Error>>()
        })
        .map_err(&failed)?;
    let rows = rows.collect::<Result<_, _>>().map_err(&failed)?;
    Ok((asked.clone(), rows))
}

/// The model and all that it reads, directly or not.
fn ancestors<'m>(models: &'m Models, model: &'m Model) -> BTreeSet<&'m str> {
    let mut needed = BTreeSet::from([model.name.as_str()]);
    for other in models.all.iter().rev() {
        if needed.contains(other.name.as_str()) {
            needed.extend(other.reads.iter().map(String::as_str));
        }
    }
    needed
}

fn insert(connection: &Connection, rows: &Rows, path: &Path, text: &str) -> Result<(), WarehouseError> {
    if rows.rows.is_empty() {
        return Ok(());
    }
    let (schema, table) = rows.table.split_once('.').unwrap_or(("main", &rows.table));
    let values: Vec<String> = rows
        .rows
        .iter()
        .map(|row| {
            let fields = row.iter().map(|field| field.as_deref().map_or("null".into(), literal));
            format!("({})", fields.collect::<Vec<_>>().join(", "))
        })
        .collect();
    let sql = format!(
        "insert into {}.{} ({}) values {}",
        quoted(schema),
        quoted(table),
        quoted_list(&rows.columns),
        values.join(", ")
    );
    connection.execute_batch(&sql).map_err(|error| {
        let told = error.to_string();
        let first = told.lines().next().unwrap_or_default().to_owned();
        wrong(path, text, rows, first, "", std::iter::empty())
    })
}

/// An error about a table of a case: `found` stands where one of `names` was expected.
fn wrong<'n>(
    path: &Path,
    text: &str,
    rows: &Rows,
    message: String,
    found: &str,
    names: impl Iterator<Item = &'n str>,
) -> WarehouseError {
    let names: Vec<&str> = names.collect();
    let near = nearest(found, names.iter().copied()).map(|near| format!("did you mean `{near}`?"));
    WarehouseError::Model {
        message,
        snippet: Box::new(Snippet::new(path, text, rows.heading.clone(), "")),
        hint: near.or_else(|| (!names.is_empty()).then(|| format!("there are {}", names.join(", ")))),
    }
}

/// What is missing and what is not expected, whatever the order of the rows.
fn compare(model: &Model, case: &Case, columns: &[String], found: &[Vec<Field>], path: &Path) -> CaseResult {
    let mut left: Vec<&Vec<Field>> = found.iter().collect();
    let mut missing = Vec::new();
    for expected in &case.expected.rows {
        match left.iter().position(|row| row.iter().zip(expected).all(|(field, expected)| is_same(field, expected))) {
            Some(at) => drop(left.remove(at)),
            None => missing.push(expected.clone()),
        }
    }
    let unexpected: Vec<Vec<Option<String>>> =
        left.into_iter().map(|row| row.iter().map(|(text, _)| text.clone()).collect()).collect();
    // Aligned as one table, so that what differs stands below each other.
    let both: Vec<Vec<Option<String>>> = missing.iter().chain(&unexpected).cloned().collect();
    let table = case::markdown(columns, &both);
    let lines: Vec<String> = table.lines().map(str::to_owned).collect();
    let (header, rows) = lines.split_at(lines.len().min(2));
    let (missing, unexpected) = rows.split_at(missing.len());
    CaseResult {
        model: model.name.clone(),
        case: case.title.clone(),
        file: path.to_owned(),
        missing: missing.to_vec(),
        unexpected: unexpected.to_vec(),
        header: header.first().cloned().unwrap_or_default(),
    }
}

fn is_same((text, number): &Field, expected: &Option<String>) -> bool {
    let wanted = expected.as_ref().and_then(|text| text.parse::<f64>().ok());
    match (number, wanted) {
        (Some(number), Some(wanted)) => (number - wanted).abs() <= 1e-9 * wanted.abs().max(1.0),
        _ => text == expected,
    }
}

fn texts(rows: &[Vec<Field>]) -> Vec<Vec<Option<String>>> {
    rows.iter().map(|row| row.iter().map(|(text, _)| text.clone()).collect()).collect()
}
