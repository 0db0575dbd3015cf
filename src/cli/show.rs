//! `tejido show MART COLUMN=VALUE…`

use clap::Args;
use comfy_table::{CellAlignment, ContentArrangement};

use super::explain::condition;
use super::summary::grouped;
use super::{Shared, failed_run, say, show, table};
use crate::error::Exit;
use crate::run::query::mart;
use crate::warehouse::Shown;

/// Arguments of `tejido show`.
#[derive(Debug, Args)]
pub(super) struct Arguments {
    /// A mart, such as `driving_forces`
    #[arg(value_name = "MART")]
    mart: String,
    /// Which rows of it: `region=ES13 role=lead`
    #[arg(value_name = "COLUMN=VALUE", value_parser = condition)]
    conditions: Vec<(String, String)>,
    /// Show so many rows
    #[arg(long, default_value_t = 40, value_name = "N")]
    rows: usize,
    /// Of this build; else of the published one
    #[arg(long, value_name = "BUILD")]
    build: Option<String>,
}

pub(super) fn run(shared: &Shared, arguments: &Arguments) -> Exit {
    let found = shared.load().and_then(|project| {
        mart(&project, arguments.build.as_deref(), &arguments.mart, &arguments.conditions, arguments.rows)
    });
    match found {
        Ok(shown) => tell(&shown),
        Err(error) => return failed_run(&error),
    }
    Exit::Done
}

/// Characters of the longest bar.
const BAR: f64 = 12.0;

fn tell(shown: &Shown) {
    // The first number of a row is what the mart is about.
    let measure = shown.numeric.iter().position(|is| *is);
    let value = |row: &Vec<Option<String>>| measure.and_then(|at| row[at].as_ref()?.parse::<f64>().ok());
    let largest = shown.rows.iter().filter_map(value).fold(0.0, f64::max);
    // Percentages fill their bar at a hundred, other numbers at the largest.
    let is_share = measure.is_some_and(|at| ["share", "percent"].iter().any(|word| shown.names[at].contains(word)));
    let full = if is_share && largest <= 100.0 { 100.0 } else { largest.max(f64::MIN_POSITIVE) };
    let mut names: Vec<&str> = shown.names.iter().map(String::as_str).collect();
    let bar_at = measure.map_or(names.len(), |at| at + 1);
    names.insert(bar_at, "");
    let mut rows = table(&names);
    rows.set_content_arrangement(ContentArrangement::Disabled);
    for (at, _) in shown.numeric.iter().enumerate().filter(|(_, is)| **is) {
        if let Some(column) = rows.column_mut(if at < bar_at { at } else { at + 1 }) {
            column.set_cell_alignment(CellAlignment::Right);
        }
    }
    for row in &shown.rows {
        let mut fields: Vec<String> = row.iter().map(|field| field.clone().unwrap_or_else(|| "–".into())).collect();
        fields.insert(bar_at, value(row).map_or_else(String::new, |value| bar(value / full)));
        rows.add_row(fields);
    }
    show(&rows);
    let more = shown.total.saturating_sub(shown.rows.len() as u64);
    if more > 0 {
        say(&format!("… {} more rows (`--rows N`)", grouped(more)));
    }
}

/// A bar in eighths of a character.
fn bar(part: f64) -> String {
    const EIGHTHS: [&str; 8] = ["", "▏", "▎", "▍", "▌", "▋", "▊", "▉"];
    let eighths = (part.clamp(0.0, 1.0) * BAR * 8.0).round() as usize;
    "█".repeat(eighths / 8) + EIGHTHS[eighths % 8]
}

#[cfg(test)]
mod tests {
    use super::bar;

    #[test]
    fn a_bar_is_as_long_as_its_part() {
        assert_eq!(bar(0.0), "");
        assert_eq!(bar(0.5), "██████");
        assert_eq!(bar(2.0).chars().count(), 12);
        assert_eq!(bar(-1.0), "");
        assert_eq!(bar(1.5 / 96.0), "▎");
    }
}
