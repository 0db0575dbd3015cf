//! Exports of members hold personal data: they are kept for as long as the settings say.

use jiff::SignedDuration;

use super::{Job, editions, folder};
use crate::archive::Delivery;
use crate::disk;
use crate::run::RunError;
use crate::spec::Pipeline;

/// Removes what was fetched of a register before the days that the settings give, but for the newest export and the one
/// that is in force. What was made of it in the lake goes with the next look at the register.
pub(super) fn forget(job: &Job, pipeline: &Pipeline) -> Result<(), RunError> {
    let days = job.project.settings.privacy.keep_exports_days;
    let Ok(before) = job.now.checked_sub(SignedDuration::from_hours(24 * i64::from(days))) else {
        return Ok(());
    };
    if days == 0 {
        return Ok(());
    }
    let mut kept = Vec::new();
    for edition in editions(pipeline) {
        let partitions = job.lake.partitions(&folder(&job.lake, pipeline, edition), &pipeline.id)?;
        kept.extend(partitions.last().map(|partition| partition.description.vintage));
        let deliveries = job.archive.deliveries(&pipeline.id)?;
        let is_own = |delivery: &&Delivery| delivery.first().sidecar.dataset == edition.dataset;
        kept.extend(deliveries.iter().rfind(is_own).map(Delivery::vintage));
    }
    let mut removed = 0;
    for entry in job.archive.entries(&pipeline.id)? {
        if entry.sidecar.fetched_at < before && !kept.contains(&entry.sidecar.vintage()) {
            entry.remove()?;
            removed += 1;
        }
    }
    if removed > 0 {
        tracing::info!(
            pipeline = pipeline.id,
            removed,
            "removed exports of members that are older than `keep_exports_days`"
        );
        // Builds of earlier days have lakes of their own, which are made again from what there is.
        let as_of = job.project.settings.storage.root.join("as-of");
        for moment in disk::list(&as_of)? {
            disk::remove_dir(&as_of.join(moment).join("lake/memberships"))?;
        }
    }
    Ok(())
}
