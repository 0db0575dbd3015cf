//! `tejido diff [OLD] [NEW]`

use clap::Args;

use super::summary::grouped;
use super::{Shared, failed_run, json, tell};
use crate::error::Exit;
use crate::run::builds::{BuildDiff, diff};
use crate::warehouse::{MartDiff, Presence, RowDiff, text_of};

/// Arguments of `tejido diff`.
#[derive(Debug, Args)]
pub(super) struct Arguments {
    /// The old build, or how its name begins; else the one before the new one
    #[arg(value_name = "OLD")]
    old: Option<String>,
    /// The new build; else the published one
    #[arg(value_name = "NEW")]
    new: Option<String>,
    /// Show so many rows of each mart
    #[arg(long, default_value_t = 5, value_name = "N")]
    rows: usize,
}

pub(super) fn run(shared: &Shared, arguments: &Arguments) -> Exit {
    let compared = shared
        .load()
        .and_then(|project| diff(&project, arguments.old.as_deref(), arguments.new.as_deref(), arguments.rows));
    let diff = match compared {
        Ok(diff) => diff,
        Err(error) => return failed_run(&error),
    };
    match shared.json {
        true => json(&diff),
        false => show(&diff),
    }
    Exit::Done
}

fn show(diff: &BuildDiff) {
    tell(&format!("from build {} to build {}", diff.old, diff.new));
    let same: Vec<&str> = diff.marts.iter().filter(|mart| mart.is_empty()).map(|mart| mart.mart.as_str()).collect();
    diff.marts.iter().filter(|mart| !mart.is_empty()).for_each(mart);
    if !same.is_empty() {
        tell(&format!("the same: {}", same.join(", ")));
    }
}

pub(super) fn mart(mart: &MartDiff) {
    let rows = |count: u64, what: &str| (count > 0).then(|| format!("{} {what}", grouped(count)));
    match mart.presence {
        Presence::Added => return tell(&format!("{}: a new mart with {} rows", mart.mart, grouped(mart.added))),
        Presence::Removed => return tell(&format!("{}: gone, with {} rows", mart.mart, grouped(mart.removed))),
        Presence::Both => {}
    }
    let counts: Vec<String> =
        [rows(mart.added, "rows added"), rows(mart.removed, "removed"), rows(mart.changed, "changed")]
            .into_iter()
            .flatten()
            .collect();
    let counts = if counts.is_empty() { "the same rows".to_owned() } else { counts.join(", ") };
    tell(&format!("{}: {counts} ({} rows, {} before)", mart.mart, grouped(mart.rows[1]), grouped(mart.rows[0])));
    mart.structure.iter().for_each(|change| tell(&format!("    {change}")));
    if !mart.columns.is_empty() {
        let columns = mart.columns.iter().map(|(name, rows)| format!("{name} ({})", grouped(*rows)));
        tell(&format!("    changed columns: {}", columns.collect::<Vec<_>>().join(", ")));
    }
    mart.samples.iter().for_each(row);
    let more = (mart.added + mart.removed + mart.changed).saturating_sub(mart.samples.len() as u64);
    if more > 0 && !mart.samples.is_empty() {
        tell(&format!("    … {} more (`--rows N`)", grouped(more)));
    }
}

fn row(row: &RowDiff) {
    let words = |value: &serde_json::Value| text_of(value).unwrap_or_else(|| "null".into());
    let key: Vec<String> = row.key.values().map(words).collect();
    // Where a value came from is told by `explain`.
    let told = row.columns.iter().filter(|(name, _)| !["snapshot", "cell", "vintage"].contains(&name.as_str()));
    let told: Vec<String> = match row.change.as_str() {
        "changed" => told.map(|(name, [old, new])| format!("{name} {} → {}", words(old), words(new))).collect(),
        _ => Vec::new(),
    };
    let told = if told.is_empty() { String::new() } else { format!(": {}", told.join(", ")) };
    tell(&format!("    {:<8} {}{told}", row.change, key.join(" ")));
}
