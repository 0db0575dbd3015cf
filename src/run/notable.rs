//! The most notable changes that a build brings: values that were revised, and values of a period that was not there before.

use std::path::Path;

use serde::{Deserialize, Serialize};

use super::Project;
use super::warehouse::limits;
use crate::disk;
use crate::error::Report;
use crate::warehouse::{Reader, WarehouseError, literal};

/// How many are told.
const MOST: usize = 3;

/// The mart that is compared: a project without it has no such changes.
const MART: &str = "marts/ict_adoption.parquet";

/// A value that is another one than before.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Change {
    /// What is measured.
    pub indicator: String,
    /// Of whom.
    pub region: String,
    /// In which activity.
    pub sector: String,
    /// Of which size.
    pub size_class: String,
    /// Code of the unit.
    pub unit: String,
    /// When.
    pub time_period: String,
    /// The value before: of the same period if it was revised, else of the period before.
    pub before: f64,
    /// Which period that is.
    pub before_period: String,
    /// The value now.
    pub now: f64,
}

/// Those between two builds, the most notable first: of the home region, then of its size, whatever the direction. What
/// cannot be compared is told in the log and is no reason to have no build.
pub(super) fn between(project: &Project, old: &Path, new: &Path) -> Vec<Change> {
    let files = [old, new].map(|folder| folder.join(MART));
    if !files.iter().all(|file| disk::exists(file)) {
        return Vec::new();
    }
    let [old, new] = files.map(|file| literal(&file.to_string_lossy()));
    let outcome: Result<_, WarehouseError> = Reader::of_files(&limits(project))
        .and_then(|reader| reader.rows(&sql(&old, &new), std::slice::from_ref(&project.settings.report.home_region)));
    match outcome {
        Ok(rows) => {
            rows.into_iter().filter_map(|row| serde_json::from_value(serde_json::Value::Object(row)).ok()).collect()
        }
        Err(error) => {
            tracing::debug!("the changes are not told: {}", Report::new(&error).one_line());
            Vec::new()
        }
    }
}

fn sql(old: &str, new: &str) -> String {
    const KEY: [&str; 7] = ["source", "indicator", "unit", "size_class", "sector_scheme", "sector", "region"];
    let on = |one: &str, other: &str| -> String {
        KEY.map(|column| format!("{one}.{column} = {other}.{column}")).join(" and ")
    };
    format!(
        "with was as (select * from read_parquet({old}) where share is not null),
            now as (select * from read_parquet({new}) where share is not null and preferred),
            revised as (
                select now.*, was.share as before, was.time_period as before_period
                from now join was on {revised} and was.time_period = now.time_period
                where was.share <> now.share),
            added as (
                select now.*, last.share as before, last.time_period as before_period
                from now join now as last on {added} and try_cast(last.time_period as integer) = try_cast(now.time_period as integer) - 1
                anti join was on {revised} and was.time_period = now.time_period
                where last.share <> now.share and coalesce(now.flags, '') not like '%b%'
                    and now.period_start >= (select max(period_start) from was where was.indicator = now.indicator))
         select coalesce(indicator_name_en, indicator) as indicator, coalesce(region_name_en, region) as region,
            coalesce(sector_name_en, sector) as sector, coalesce(size_class_name_en, size_class) as size_class, unit, time_period,
            before, before_period, share as now
         from (select * from revised union all select * from added)
         order by (region = ?) desc, abs(share - before) desc, indicator, region, sector, size_class, unit, time_period
         limit {MOST}",
        revised = on("was", "now"),
        added = on("last", "now"),
    )
}
