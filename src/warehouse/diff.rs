//! What is different between the marts of two builds, by their grain.

use std::collections::BTreeMap;
use std::path::Path;

use serde::Serialize;

use super::build::ModelResult;
use super::engine::{Limits, path_literal};
use super::reader::{Reader, Row};
use super::{WarehouseError, quoted};

/// A build to compare.
#[derive(Debug, Clone, Copy)]
pub struct Side<'a> {
    /// Its folder.
    pub folder: &'a Path,
    /// Its models.
    pub models: &'a [ModelResult],
}

/// How a mart differs between two builds.
#[derive(Debug, Clone, Default, Serialize)]
pub struct MartDiff {
    /// The mart.
    pub mart: String,
    /// Whether it is in the new build only, in the old one only, or in both.
    pub presence: Presence,
    /// The columns that identify a row.
    pub grain: Vec<String>,
    /// Columns that are new, gone, or of another type, in words.
    pub structure: Vec<String>,
    /// Rows of both builds.
    pub rows: [u64; 2],
    /// Rows that are new.
    pub added: u64,
    /// Rows that are gone.
    pub removed: u64,
    /// Rows of which another column than the grain is different.
    pub changed: u64,
    /// In how many rows each column is different.
    pub columns: BTreeMap<String, u64>,
    /// Some of these rows.
    pub samples: Vec<RowDiff>,
}

/// In which builds a mart is.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Presence {
    /// In both.
    #[default]
    Both,
    /// In the new one.
    Added,
    /// In the old one.
    Removed,
}

/// A row that differs.
#[derive(Debug, Clone, Serialize)]
pub struct RowDiff {
    /// `added`, `removed` or `changed`.
    pub change: String,
    /// The columns that identify it.
    pub key: Row,
    /// Each column that is different: its old and its new value.
    pub columns: BTreeMap<String, [serde_json::Value; 2]>,
}

impl MartDiff {
    /// Whether anything is different.
    pub fn is_empty(&self) -> bool {
        self.presence == Presence::Both && self.structure.is_empty() && self.added + self.removed + self.changed == 0
    }
}

/// Compares the marts of two builds; so many rows of each mart are given as samples. Numbers of floating point are equal that
/// differ by no larger a share than `tolerance`.
pub fn diff(
    old: Side,
    new: Side,
    limits: &Limits,
    samples: usize,
    tolerance: f64,
) -> Result<Vec<MartDiff>, WarehouseError> {
    let reader = Reader::of_files(limits)?;
    let marts = |side: Side<'_>| -> BTreeMap<String, ModelResult> {
        side.models.iter().filter(|model| model.is_mart).map(|model| (model.name.clone(), model.clone())).collect()
    };
    let (before, after) = (marts(old), marts(new));
    let mut all: Vec<&String> = before.keys().chain(after.keys()).collect();
    all.sort();
    all.dedup();
    let mut diffs = Vec::new();
    for name in all {
        diffs.push(match (before.get(name), after.get(name)) {
            (Some(was), Some(is)) => {
                let files = [old, new].map(|side| side.folder.join("marts").join(format!("{name}.parquet")));
                of_mart(&reader, was, is, [&files[0], &files[1]], samples, tolerance)?
            }
            (Some(was), None) => alone(was, Presence::Removed),
            (None, Some(is)) => alone(is, Presence::Added),
            (None, None) => continue,
        });
    }
    Ok(diffs)
}

fn alone(model: &ModelResult, presence: Presence) -> MartDiff {
    let (added, removed) = if presence == Presence::Added { (model.rows, 0) } else { (0, model.rows) };
    MartDiff {
        mart: model.name.clone(),
        presence,
        grain: model.grain.clone(),
        rows: [removed, added],
        added,
        removed,
        ..MartDiff::default()
    }
}

fn of_mart(
    reader: &Reader,
    was: &ModelResult,
    is: &ModelResult,
    files: [&Path; 2],
    samples: usize,
    tolerance: f64,
) -> Result<MartDiff, WarehouseError> {
    let mut diff = MartDiff {
        mart: is.name.clone(),
        grain: is.grain.clone(),
        structure: structure(was, is),
        rows: [was.rows, is.rows],
        ..MartDiff::default()
    };
    let is_same = was.content_hash.is_some() && was.content_hash == is.content_hash && diff.structure.is_empty();
    let has = |model: &ModelResult, name: &str| model.columns.iter().any(|column| column.name == name);
    if is_same || !is.grain.iter().all(|name| has(was, name)) {
        if !is_same {
            diff.structure.push("the old rows cannot be told by the grain of the new ones".to_owned());
        }
        return Ok(diff);
    }
    let common: Vec<&str> = is
        .columns
        .iter()
        .map(|column| column.name.as_str())
        .filter(|name| !is.grain.iter().any(|key| key == name) && has(was, name))
        .collect();
    // A grain is never null: the audit of each build holds that.
    let key = |side: &str, name: &str| format!("{side}.{}", quoted(name));
    let first = is.grain.first().map(String::as_str).unwrap_or_default();
    let (no_old, no_new) = (format!("{} is null", key("old", first)), format!("{} is null", key("new", first)));
    let differs = |name: &str| {
        let (old, new) = (key("old", name), key("new", name));
        let is_near = match is.columns.iter().any(|column| column.name == name && column.kind == "DOUBLE") {
            true if tolerance > 0.0 => {
                format!("and abs({old} - {new}) <= {tolerance} * greatest(abs({old}), abs({new}))")
            }
            _ => "and false".to_owned(),
        };
        format!(
            "(not ({no_old}) and not ({no_new}) and {old} is distinct from {new} and ({old} is not null {is_near}) is not true)"
        )
    };
    let any = match common.as_slice() {
        [] => "false".to_owned(),
        names => names.iter().map(|name| differs(name)).collect::<Vec<_>>().join(" or "),
    };
    let on: Vec<String> = is.grain.iter().map(|name| format!("{} = {}", key("old", name), key("new", name))).collect();
    let joined = format!(
        "read_parquet({}) as old full join read_parquet({}) as new on {}",
        path_literal(files[0]),
        path_literal(files[1]),
        on.join(" and ")
    );
    let mut counts = vec![
        format!("count(*) filter ({no_old}) as \"a.added\""),
        format!("count(*) filter ({no_new}) as \"a.removed\""),
        format!("count(*) filter ({any}) as \"a.changed\""),
    ];
    counts.extend(
        common.iter().map(|name| format!("count(*) filter ({}) as {}", differs(name), quoted(&format!("c.{name}")))),
    );
    let counted = reader.rows(&format!("select {} from {joined}", counts.join(", ")), &[])?;
    for (name, count) in counted.into_iter().flatten() {
        let count = count.as_u64().unwrap_or_default();
        match name.as_str() {
            "a.added" => diff.added = count,
            "a.removed" => diff.removed = count,
            "a.changed" => diff.changed = count,
            _ if count > 0 => drop(diff.columns.insert(name["c.".len()..].to_owned(), count)),
            _ => {}
        }
    }
    if samples > 0 && diff.added + diff.removed + diff.changed > 0 {
        diff.samples = sampled(reader, is, &common, &joined, (&no_old, &no_new, &any), samples)?;
    }
    Ok(diff)
}

fn sampled(
    reader: &Reader,
    model: &ModelResult,
    common: &[&str],
    joined: &str,
    (no_old, no_new, any): (&str, &str, &str),
    samples: usize,
) -> Result<Vec<RowDiff>, WarehouseError> {
    let mut columns =
        vec![format!("case when {no_old} then 'added' when {no_new} then 'removed' else 'changed' end as \"change\"")];
    columns.extend(
        model
            .grain
            .iter()
            .map(|name| format!("coalesce(old.{0}, new.{0}) as {1}", quoted(name), quoted(&format!("k.{name}")))),
    );
    for name in common {
        columns.push(format!("old.{} as {}", quoted(name), quoted(&format!("o.{name}"))));
        columns.push(format!("new.{} as {}", quoted(name), quoted(&format!("n.{name}"))));
    }
    let order: Vec<String> = (1..=model.grain.len() + 1).map(|at| at.to_string()).collect();
    let rows = reader.rows(
        &format!(
            "select {} from {joined} where {no_old} or {no_new} or {any} order by {} limit {samples}",
            columns.join(", "),
            order.join(", ")
        ),
        &[],
    )?;
    let of_row = |row: Row| {
        let key = model.grain.iter().map(|name| (name.clone(), row[&format!("k.{name}")].clone())).collect();
        let change = row["change"].as_str().unwrap_or_default().to_owned();
        let values = |name: &&str| [row[&format!("o.{name}")].clone(), row[&format!("n.{name}")].clone()];
        let columns = common.iter().map(|name| ((*name).to_owned(), values(name)));
        RowDiff { change, key, columns: columns.filter(|(_, [old, new])| old != new).collect() }
    };
    Ok(rows.into_iter().map(of_row).collect())
}

/// Columns that are new, gone or of another type.
fn structure(was: &ModelResult, is: &ModelResult) -> Vec<String> {
    let mut changes = Vec::new();
    for column in &was.columns {
        match is.columns.iter().find(|other| other.name == column.name) {
            None => changes.push(format!("column `{}` is gone", column.name)),
            Some(other) if other.kind != column.kind => {
                changes.push(format!("column `{}` is {} and was {}", column.name, other.kind, column.kind));
            }
            Some(_) => {}
        }
    }
    let new = is.columns.iter().filter(|column| !was.columns.iter().any(|other| other.name == column.name));
    changes.extend(new.map(|column| format!("column `{}` is new", column.name)));
    if was.grain != is.grain {
        changes.push(format!("the grain is {} and was {}", is.grain.join(", "), was.grain.join(", ")));
    }
    changes
}
