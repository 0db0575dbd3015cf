//! `tejido explain TABLE COLUMN=VALUE…`

use clap::Args;
use serde_json::Value;

use super::summary::grouped;
use super::{Shared, failed_run, json, say, tell};
use crate::error::Exit;
use crate::lineage::{Explained, Explanation, Origin, ReadAgain};
use crate::run::explain::explain;
use crate::warehouse::{Row, text_of};

/// Arguments of `tejido explain`.
#[derive(Debug, Args)]
pub(super) struct Arguments {
    /// A table of the build, such as `ict_adoption`
    #[arg(value_name = "TABLE")]
    table: String,
    /// Which rows of it: `region=ES13 time_period=2025`
    #[arg(value_name = "COLUMN=VALUE", value_parser = condition)]
    conditions: Vec<(String, String)>,
    /// Follow so many rows
    #[arg(long, default_value_t = 3, value_name = "N")]
    rows: usize,
    /// Leave out the SQL of the models
    #[arg(long)]
    no_sql: bool,
    /// Of this build, or how its name begins; else of the published one
    #[arg(long, value_name = "BUILD")]
    build: Option<String>,
}

pub(super) fn condition(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((column, value)) if !column.is_empty() => Ok((column.trim().to_owned(), value.trim().to_owned())),
        _ => Err("expected a column and its value, `column=value`".into()),
    }
}

pub(super) fn run(shared: &Shared, arguments: &Arguments) -> Exit {
    let explained = shared.load().and_then(|project| {
        explain(&project, arguments.build.as_deref(), &arguments.table, &arguments.conditions, arguments.rows)
    });
    let explanation = match explained {
        Ok(explanation) => explanation,
        Err(error) => return failed_run(&error),
    };
    if shared.json {
        json(&explanation);
        return Exit::Done;
    }
    show(&explanation, &arguments.conditions, !arguments.no_sql);
    let more = explanation.matching.saturating_sub(explanation.rows.len() as u64);
    if more > 0 {
        say(&format!("hint: {} more rows are like this: `--rows N` follows more", grouped(more)));
    }
    Exit::Done
}

fn show(explanation: &Explanation, conditions: &[(String, String)], with_sql: bool) {
    tell(&format!("{} of build {}", explanation.table, explanation.build_id));
    tell(&format!("  {}", explanation.description));
    if let Some(line) = narrowing(explanation.matching, &explanation.grain, conditions) {
        tell(&format!("  {line}"));
    }
    for explained in &explanation.rows {
        tell("");
        row(explained, &explanation.grain, "");
    }
    tell("");
    tell("models");
    for step in &explanation.path {
        tell(&format!("  {} reads {}", step.table, step.reads.join(", ")));
        tell(&format!("      {}", step.description));
        if with_sql {
            step.sql.trim().lines().for_each(|line| tell(format!("    | {line}").trim_end()));
        }
    }
}

/// That several rows match, and by what columns of their key one of them can be asked for.
fn narrowing(matching: u64, grain: &[String], conditions: &[(String, String)]) -> Option<String> {
    let is_open = |key: &&String| !conditions.iter().any(|(column, _)| column == *key);
    let keys: Vec<&str> = grain.iter().filter(is_open).map(String::as_str).collect();
    (matching > 1).then(|| format!("{} rows match; narrow them with {}", grouped(matching), keys.join(", ")))
}

fn row(explained: &Explained, grain: &[String], indent: &str) {
    // What `origins` tell in full.
    let is_lineage =
        |name: &str| ["snapshot", "cell", "cells"].iter().any(|end| name == *end || name.ends_with(&format!("_{end}")));
    let width = explained.row.keys().map(String::len).max().unwrap_or_default();
    let shown = explained.row.iter().filter(|(name, value)| !value.is_null() && !is_lineage(name));
    for (name, value) in shown {
        let mark = if grain.contains(name) { "*" } else { " " };
        tell(&format!("{indent}{mark} {name:<width$}  {}", words(value)));
    }
    for origin in &explained.origins {
        self::origin(origin, indent);
    }
    // A rule need not say something of every row.
    for input in explained.inputs.iter().filter(|input| input.matching > 0) {
        let rows = grouped(input.matching);
        tell(&format!("{indent}  computed from {rows} rows of {}", input.table));
        let weights: f64 = input.rows.iter().filter_map(|row| weight(&row.row, input.weight.as_deref())).sum();
        for explained in &input.rows {
            let share = weight(&explained.row, input.weight.as_deref())
                .filter(|_| weights > 0.0)
                .map(|weight| format!("weight {weight}, {:.1} % of all; ", weight / weights * 100.0));
            let of: Vec<String> =
                explained.origins.iter().filter_map(|origin| origin.observation.as_ref()).map(observation).collect();
            tell(&format!("{indent}    {}{}", share.unwrap_or_default(), brief(explained, &of)));
        }
    }
}

fn weight(row: &Row, column: Option<&str>) -> Option<f64> {
    row.get(column?)?.as_f64()
}

/// A row of inputs on one line: the observations that it was read from or else what identifies it.
fn brief(explained: &Explained, observations: &[String]) -> String {
    if !observations.is_empty() {
        return observations.join("; ");
    }
    let fields = explained.row.iter().filter(|(_, value)| !value.is_null());
    fields.take(8).map(|(name, value)| format!("{name} {}", words(value))).collect::<Vec<_>>().join(", ")
}

fn origin(origin: &Origin, indent: &str) {
    let line = |name: &str, text: &str| tell(format!("{indent}    {name:<10} {text}").trim_end());
    let role = if origin.role.is_empty() { String::new() } else { format!(" ({})", origin.role) };
    tell(&format!("{indent}  read from{role}"));
    if let Some(observation) = &origin.observation {
        line("value", &self::observation(observation));
        let flags = observation["flags"].as_str().map(|flags| format!("flags {flags}, ")).unwrap_or_default();
        line(
            "",
            &format!(
                "{flags}{}, known since {} UTC",
                words(&observation["provenance"]),
                words(&observation["vintage"])
            ),
        );
    }
    match &origin.snapshot.record {
        Some(record) => {
            line("source", &format!("{}, table {}", record.pipeline, record.dataset));
            line("address", &record.url);
            line("fetched", &record.fetched_at.to_string());
            let encodings = origin.reading.as_ref().and_then(|reading| compressions(&reading.encodings));
            line("file", &format!("{}{}", record.file, encodings.map(|them| format!(" ({them})")).unwrap_or_default()));
            line("licence", &format!("{} ({})", record.licence, record.attribution));
        }
        None => line("source", "no snapshot that the build's manifest names"),
    }
    line("hash", &format!("BLAKE3 {}", origin.snapshot.hash));
    if let Some(records) = origin.records {
        line("records", &format!("{} of a register; they speak of persons and are not shown", grouped(records as u64)));
    }
    if let Some(reading) = &origin.reading {
        bytes(reading, indent);
    } else if let Some(cell) = origin.cell.filter(|_| origin.observation.is_none()) {
        line("at", &format!("byte {cell}, a record of a register, which is not shown"));
    }
    if let Some(problem) = &origin.problem {
        line("PROBLEM", problem);
    }
    for earlier in &origin.earlier {
        let value = if earlier["change"] == "withdrawn" { "withdrawn".into() } else { words(&earlier["value"]) };
        let flags = earlier["flags"].as_str().map(|flags| format!(" {flags}")).unwrap_or_default();
        line(
            "before",
            &format!("{value}{flags} from {} to {} UTC", words(&earlier["vintage"]), words(&earlier["valid_to"])),
        );
    }
}

/// The value in its line, with marks below it: a terminal's colours do not reach a file.
fn bytes(reading: &ReadAgain, indent: &str) {
    let agrees = if reading.agrees { "says the same" } else { "SAYS SOMETHING ELSE" };
    // Whoever looks for a byte must take off what it is counted without.
    let without = compressions(&reading.encodings).map(|them| format!(" of what is left without {them}"));
    tell(&format!("{indent}    {:<10} {}{}, which {agrees}", "at", reading.place, without.unwrap_or_default()));
    // Enough to know the line by, whatever its length.
    let before: Vec<char> = reading.before.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
    let cut = before.len().saturating_sub(100);
    let before: String = before[cut..].iter().collect();
    let dots = if cut > 0 { "…" } else { "" };
    let behind: String = reading.behind.chars().take(40).map(|c| if c.is_control() { ' ' } else { c }).collect();
    let more = if reading.behind.chars().count() > 40 { "…" } else { "" };
    tell(&format!("{indent}      {dots}{before}{}{behind}{more}", reading.text));
    let blanks = " ".repeat(dots.chars().count() + before.chars().count());
    tell(&format!("{indent}      {blanks}{}", "^".repeat(reading.text.chars().count().max(1))));
}

/// The compressions of a file in words; none where there is only the archive's own, which its name tells.
fn compressions(encodings: &[&str]) -> Option<String> {
    (encodings.len() > 1).then(|| encodings.join(", then "))
}

/// An observation's value and key.
fn observation(observation: &Row) -> String {
    let key = ["indicator", "region", "sector", "size_class", "unit", "time_period"];
    let key: Vec<String> = key.iter().filter_map(|name| text_of(observation.get(*name)?)).collect();
    let value = match &observation["value"] {
        Value::Null => "no value".into(),
        value => words(value),
    };
    format!("{value} = {} {}", words(&observation["dataset"]), key.join(" "))
}

fn words(value: &Value) -> String {
    text_of(value).unwrap_or_else(|| "null".into())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn a_second_compression_is_told() {
        assert_eq!(compressions(&["zstd", "gzip"]).unwrap(), "zstd, then gzip");
        assert_eq!(compressions(&["zstd"]), None);
    }

    #[test]
    fn several_rows_can_be_narrowed() {
        let grain = ["region".to_owned(), "sector".to_owned()];
        let conditions = [("region".to_owned(), "ES13".to_owned())];
        assert_eq!(narrowing(1200, &grain, &conditions).unwrap(), "1,200 rows match; narrow them with sector");
        assert_eq!(narrowing(1, &grain, &conditions), None);
    }
}
