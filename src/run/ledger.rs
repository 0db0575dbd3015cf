//! `ledger.jsonl`: one line a run, for people and for `status`. Deleting it loses history, never correctness.

use std::path::Path;

use serde_json::json;

use super::RunError;
use super::summary::{BuildOutcome, RunReport};
use crate::disk;

/// Adds a run.
pub(super) fn append(data_root: &Path, report: &RunReport) -> Result<(), RunError> {
    let pipelines: Vec<_> = report
        .pipelines
        .iter()
        .map(|pipeline| {
            let errors: Vec<_> = pipeline.failures().map(|(dataset, report)| json!({"dataset": dataset, "message": report.one_line()})).collect();
            let counts = pipeline.counts();
            json!({
                "pipeline": pipeline.id,
                "fetched": pipeline.editions.iter().map(|edition| json!({&edition.dataset: edition.fetched})).collect::<Vec<_>>(),
                "decoded": counts.decoded,
                "loaded": counts.loaded,
                "filtered": counts.filtered,
                "quarantined": counts.quarantined_rows(),
                "errors": errors,
            })
        })
        .collect();
    let (build, error) = match &report.build {
        Ok(BuildOutcome::Published { build_id, .. } | BuildOutcome::Unchanged { build_id }) => (Some(build_id), None),
        Ok(BuildOutcome::Empty) => (None, None),
        Err(error) => (None, Some(error.one_line())),
    };
    let line = json!({
        "started": report.started,
        "finished": report.finished,
        "profile": report.profile,
        "exit": report.exit() as u8,
        "published": matches!(report.build, Ok(BuildOutcome::Published { .. })),
        "build": build,
        "error": error,
        "pipelines": pipelines,
    });
    Ok(disk::append_line(&data_root.join("ledger.jsonl"), &line.to_string())?)
}
