//! What a run came to, as text.

use comfy_table::{CellAlignment, ContentArrangement, Table, presets};

use crate::error::{Exit, Report};
use crate::normalise::Counts;
use crate::run::{BuildOutcome, Change, FetchOutcome, PipelineReport, RunReport};
use crate::warehouse::{AuditResult, ModelResult};

/// The whole report. An unchanged world is one line.
pub(super) fn text(report: &RunReport) -> String {
    if let Ok(BuildOutcome::Unchanged { build_id }) = &report.build
        && report.exit() == Exit::Done
    {
        return format!(
            "nothing has changed since build {build_id}: {}, no model run, nothing published ({})",
            answers(report),
            seconds(report)
        );
    }
    let mut text: String = pipelines(report).lines().map(|line| line.trim_end().to_owned() + "\n").collect();
    text.push_str(&quarantined(report));
    if let Some(line) = provenance(report) {
        text.push_str(&line);
    }
    match &report.build {
        Ok(BuildOutcome::Published { build_id, models, audits, changes: notable }) => {
            text.push_str(&published(report, build_id, models, audits));
            text.push_str(&changes(notable));
        }
        Ok(BuildOutcome::Unchanged { build_id }) => {
            text.push_str(&format!("published  build {build_id} as before: the data that did arrive change nothing\n"));
        }
        Ok(BuildOutcome::Withheld { build_id, withdrawn }) => {
            text.push_str(&format!(
                "published  build {build_id} as before: what there is now is what build {withdrawn} was made from, which was gone back from\n"
            ));
        }
        Ok(BuildOutcome::Empty) => text.push_str("published  nothing: there are no data yet\n"),
        Ok(BuildOutcome::NotAsked) => text.push_str("published  nothing: only the lake was brought up to date\n"),
        Err(_) => text.push_str("published  nothing new: the build failed, the last one stays\n"),
    }
    text.push_str(&format!("time       {}\n", seconds(report)));
    text
}

/// The most notable changes, a line each.
fn changes(changes: &[Change]) -> String {
    let mut text = String::new();
    for (at, change) in changes.iter().enumerate() {
        let Change { indicator, region, sector, size_class, unit, time_period, before, before_period, now } = change;
        let head = if at == 0 { "changes    " } else { "           " };
        let before = match before_period == time_period {
            true => format!("revised from {before}"),
            false => format!("{before} in {before_period}"),
        };
        text.push_str(&format!(
            "{head}{region}, {time_period}: {now} ({before}, {:+.2}) {unit}: {indicator}; {sector}, {size_class}\n",
            now - change.before
        ));
    }
    text
}

/// Every failure, with the pipeline and table that it belongs to.
pub(super) fn failures(report: &RunReport) -> Vec<Report> {
    let mut failures: Vec<Report> = Vec::new();
    for pipeline in &report.pipelines {
        for (dataset, failure) in pipeline.failures() {
            let mut failure = failure.clone();
            failure.chain.insert(0, format!("pipeline `{}`, table `{dataset}`", pipeline.id));
            failures.push(failure);
        }
    }
    failures.extend(report.build.as_ref().err().cloned());
    failures
}

fn pipelines(report: &RunReport) -> Table {
    let mut table = Table::new();
    table.load_style(presets::NOTHING).set_content_arrangement(ContentArrangement::Disabled).set_header([
        "pipeline",
        "source",
        "decoded",
        "loaded",
        "changed",
        "withdrawn",
        "filtered",
        "quarantined",
    ]);
    for pipeline in &report.pipelines {
        let counts = pipeline.counts();
        let changed = pipeline.editions.iter().map(|edition| edition.changed_rows - edition.withdrawn_rows).sum();
        let withdrawn = pipeline.editions.iter().map(|edition| edition.withdrawn_rows).sum();
        table.add_row([
            pipeline.id.clone(),
            source(pipeline),
            grouped(counts.decoded),
            grouped(counts.loaded),
            grouped(changed),
            grouped(withdrawn),
            grouped(counts.filtered),
            grouped(counts.quarantined_rows()),
        ]);
    }
    for column in table.column_iter_mut().skip(2) {
        column.set_cell_alignment(CellAlignment::Right);
    }
    table
}

/// What a pipeline's source answered, table by table: `2 fetched (1.2 MB), 1 not modified`.
fn source(pipeline: &PipelineReport) -> String {
    let count = |is: fn(&FetchOutcome) -> bool| pipeline.editions.iter().filter(|edition| is(&edition.fetched)).count();
    let bytes: u64 = pipeline
        .editions
        .iter()
        .map(|edition| match &edition.fetched {
            FetchOutcome::Fetched { bytes } => *bytes,
            _ => 0,
        })
        .sum();
    let broken = pipeline.editions.iter().filter(|edition| edition.failure.is_some()).count();
    let parts = [
        (count(|fetched| matches!(fetched, FetchOutcome::Fetched { .. })), format!("fetched ({})", size(bytes))),
        (count(|fetched| matches!(fetched, FetchOutcome::NotModified)), "not modified".into()),
        (count(|fetched| matches!(fetched, FetchOutcome::Resumed)), "already fetched".into()),
        (count(|fetched| matches!(fetched, FetchOutcome::NotAsked)), "not asked".into()),
        (count(|fetched| matches!(fetched, FetchOutcome::Failed(_))), "FAILED".into()),
        (broken, "REFUSED".into()),
    ];
    let parts: Vec<String> =
        parts.into_iter().filter(|(count, _)| *count > 0).map(|(count, what)| format!("{count} {what}")).collect();
    parts.join(", ")
}

/// The commonest reasons for which rows were kept back; every row is in lake/quarantine.
fn quarantined(report: &RunReport) -> String {
    let mut text = String::new();
    for pipeline in &report.pipelines {
        let mut reasons: Vec<(String, u64)> = pipeline.counts().quarantined.into_iter().collect();
        reasons.sort_by(|a, b| b.1.cmp(&a.1).then_with(|| a.0.cmp(&b.0)));
        let more = reasons.len().saturating_sub(3);
        for (reason, rows) in reasons.into_iter().take(3) {
            text.push_str(&format!("quarantine {}: {} rows: {reason}\n", pipeline.id, grouped(rows)));
        }
        if more > 0 {
            text.push_str(&format!("quarantine {}: {more} more reasons in lake/quarantine\n", pipeline.id));
        }
    }
    text
}

/// How many cells are official and how many are not.
fn provenance(report: &RunReport) -> Option<String> {
    let mut counts = Counts::default();
    report.pipelines.iter().for_each(|pipeline| counts.add(&pipeline.counts()));
    let of = |name: &str| counts.provenance.get(name).copied().unwrap_or_default();
    let synthetic = of("synthetic");
    if synthetic == 0 {
        return None;
    }
    Some(format!(
        "sample     {} cells are synthetic, {} are published figures: see the column `provenance`\n",
        grouped(synthetic),
        grouped(of("official")),
    ))
}

fn published(report: &RunReport, build_id: &str, models: &[ModelResult], audits: &[AuditResult]) -> String {
    let count = |how: fn(&&ModelResult) -> bool| models.iter().filter(how).count();
    let (reused, amended) = (count(|model| model.reused), count(|model| model.amended));
    let views = models.iter().filter(|model| model.schema == "staging").count();
    let warned: Vec<&AuditResult> = audits.iter().filter(|audit| !audit.passed()).collect();
    let mut text = format!(
        "models     {} run, {}{reused} reused, {views} views\naudits     {} passed, {} with a warning\n",
        models.len() - reused - amended - views,
        if amended > 0 { format!("{amended} in part, ") } else { String::new() },
        audits.len() - warned.len(),
        warned.len(),
    );
    for sentence in AuditResult::sentences(&warned) {
        text.push_str(&format!("           warning: {sentence}\n"));
    }
    for model in models.iter().filter(|model| model.is_mart) {
        text.push_str(&format!("mart       {}: {} rows\n", model.name, grouped(model.rows)));
    }
    let root = shown(&report.data_root);
    text.push_str(&format!("published  {root}/published -> builds/{build_id}\n"));
    text.push_str(&format!(
        "try        duckdb -readonly {root}/published/tejido.duckdb \"select time_period, source, share from ict_adoption where region = 'ES13' and indicator = 'E_AI_TANY' and sector in ('C10-S951_X_K', 'INE_TOTAL') and size_class = 'GE10' and unit = 'PC_ENT' order by all\"\n"
    ));
    text.push_str(&format!(
        "           duckdb -readonly {root}/tejido.duckdb \"select sector_name_es, members from cluster_members_by_sector where region = 'ES13' order by members desc limit 5\"\n"
    ));
    text
}

/// A path as the user would write it: relative where it lies below the working folder.
fn shown(path: &std::path::Path) -> String {
    let relative = std::env::current_dir()
        .ok()
        .and_then(|folder| path.strip_prefix(folder).ok().map(std::path::Path::to_path_buf));
    relative.as_deref().unwrap_or(path).display().to_string()
}

fn answers(report: &RunReport) -> String {
    let of = |is: fn(&FetchOutcome) -> bool| {
        let editions = report.pipelines.iter().flat_map(|pipeline| &pipeline.editions);
        editions.filter(|edition| is(&edition.fetched)).count()
    };
    let not_modified = of(|fetched| matches!(fetched, FetchOutcome::NotModified));
    let fetched = of(|fetched| matches!(fetched, FetchOutcome::Fetched { .. }));
    if of(|fetched| !matches!(fetched, FetchOutcome::NotAsked)) == 0 {
        return "no source asked".to_owned();
    }
    match fetched {
        0 => format!("{not_modified} tables not modified"),
        _ => format!("{not_modified} tables not modified, {fetched} fetched again without a change"),
    }
}

fn seconds(report: &RunReport) -> String {
    format!("{:.2} s", report.finished.duration_since(report.started).as_secs_f64())
}

/// `12,345`
pub(super) fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

pub(super) fn size(bytes: u64) -> String {
    match bytes {
        0..1_000 => format!("{bytes} B"),
        1_000..1_000_000 => format!("{:.1} kB", bytes as f64 / 1e3),
        _ => format!("{:.1} MB", bytes as f64 / 1e6),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_grouped() {
        assert_eq!(grouped(0), "0");
        assert_eq!(grouped(999), "999");
        assert_eq!(grouped(1_234_567), "1,234,567");
        assert_eq!(size(12_345), "12.3 kB");
    }
}
