//! What a run would do with an edition, found without doing it.

use std::sync::Arc;

use jiff::Timestamp;
use serde::Serialize;

use super::{EditionJob, EditionPartitions, Job, input_record};
use crate::run::RunError;
use crate::spec::{Edition, Pipeline};

/// What a run would do with one table of one pipeline.
#[derive(Debug, Clone, Serialize)]
pub struct EditionPlan {
    /// The pipeline.
    pub pipeline: String,
    /// The source's table.
    pub dataset: String,
    /// The address, if the source would be asked.
    pub ask: Option<String>,
    /// How it would be asked, in words.
    pub how: String,
    /// When the newest snapshot was fetched.
    pub newest: Option<Timestamp>,
    /// Snapshots that would be decoded.
    pub decode: Vec<DecodePlan>,
    /// Snapshots that these rules cannot read, which is noted, with why.
    pub refused: Vec<String>,
}

/// A snapshot that would be decoded.
#[derive(Debug, Clone, Serialize)]
pub struct DecodePlan {
    /// When it was fetched.
    pub fetched_at: Timestamp,
    /// Why.
    pub why: String,
}

/// The plan of an edition, and the partitions that would stay as they are.
pub(in crate::run) fn planned(
    job: &Arc<Job>,
    pipeline: &Pipeline,
    edition: &Edition,
    is_asked: bool,
) -> Result<(EditionPlan, EditionPartitions), RunError> {
    let edition = EditionJob::new(job.clone(), pipeline, edition)?;
    let newest = edition.deliveries.last();
    let has = |name: &str| newest.is_some_and(|newest| newest.first().sidecar.header(name).is_some());
    let how = match (&pipeline.request.check, newest) {
        _ if !is_asked => "not asked",
        (_, None) => "whole, since nothing of it is in the archive",
        (Some(_), _) => "first whether it has changed (`request.check`)",
        (None, _) if has("etag") || has("last-modified") => "only what is newer (ETag, Last-Modified)",
        (None, _) => "whole, since it gives neither ETag nor Last-Modified",
    };
    let mut plan = EditionPlan {
        pipeline: pipeline.id.clone(),
        dataset: edition.edition.dataset.clone(),
        ask: is_asked.then(|| job.project.url(pipeline, &edition.edition)),
        how: how.to_owned(),
        newest: newest.map(crate::archive::Delivery::vintage),
        decode: Vec::new(),
        refused: Vec::new(),
    };
    let mut chain = Vec::new();
    let mut previous = String::new();
    for delivery in &edition.deliveries {
        if let Some(failure) = delivery.failure(&edition.rules)? {
            plan.refused.push(failure.message);
            continue;
        }
        let fingerprint = edition.fingerprint(delivery, &previous);
        let is_it = |partition: &&crate::lake::Partition| {
            partition.description.fingerprint == fingerprint && !edition.stale_files.contains(&partition.path)
        };
        match edition.existing.iter().find(is_it) {
            Some(partition) => {
                if partition.description.rows > 0 {
                    previous = fingerprint;
                }
                let records = delivery.parts().map(|part| input_record(pipeline, part)).collect();
                chain.push((partition.clone(), records));
            }
            None => {
                let at = delivery.vintage();
                let is_known = edition.existing.iter().any(|partition| partition.description.vintage == at);
                let why = match (is_known, plan.decode.is_empty()) {
                    (false, _) => "it has not been decoded yet",
                    (true, true) => "the pipeline's rules, a codelist or the program has changed",
                    (true, false) => "a snapshot before it is decoded again",
                };
                plan.decode.push(DecodePlan { fetched_at: at, why: why.to_owned() });
                previous = fingerprint;
            }
        }
    }
    Ok((plan, EditionPartitions { pipeline: pipeline.clone(), partitions: chain }))
}
