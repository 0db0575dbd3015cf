//! The last good data of a pipeline that fails: what the lake has of it stays in force.

use super::ingest::{EditionPartitions, Ingested, Job};
use super::summary::{EditionReport, FetchOutcome, PipelineReport};
use super::{RunError, editions};
use crate::error::Report;
use crate::lake::{Lake, Partition};
use crate::publish::InputRecord;
use crate::spec::{Edition, Pipeline};

/// What the lake has of a pipeline that could not be brought up to date: its last good data stay in force.
pub(super) fn last_good(job: &Job, pipeline: &Pipeline, error: &RunError) -> Result<Ingested, RunError> {
    let mut report = Some(Report::new(error));
    let mut ingested =
        Ingested { report: PipelineReport { id: pipeline.id.clone(), editions: Vec::new() }, partitions: Vec::new() };
    for edition in editions(pipeline) {
        let existing = job.lake.partitions(&folder(&job.lake, pipeline, edition), &pipeline.id)?;
        let chain = in_force(job, pipeline, edition, existing, "");
        let newest = chain.last().map(|(partition, _)| partition.description.clone());
        let partitions = EditionPartitions { pipeline: pipeline.clone(), partitions: chain };
        ingested.report.editions.push(EditionReport {
            dataset: edition.dataset.clone(),
            fetched: FetchOutcome::NotAsked,
            failure: report.take(),
            counts: newest.as_ref().map(|description| description.counts.clone()).unwrap_or_default(),
            changed_rows: 0,
            withdrawn_rows: 0,
            revised_rows: 0,
            vintage: newest.map(|description| description.vintage),
        });
        ingested.partitions.push(partitions);
    }
    Ok(ingested)
}

/// The partitions that belong together, each with what is known of its snapshot: those of one set of rules, of
/// which there are most. `unless` names rules that do not count.
pub(super) fn in_force(
    job: &Job,
    pipeline: &Pipeline,
    edition: &Edition,
    existing: Vec<Partition>,
    unless: &str,
) -> Vec<(Partition, Vec<InputRecord>)> {
    let mut sets: Vec<(String, usize)> = Vec::new();
    for Partition { description, .. } in &existing {
        match sets.iter_mut().find(|(rules, _)| *rules == description.rules) {
            Some((_, count)) => *count += 1,
            None => sets.push((description.rules.clone(), 1)),
        }
    }
    let best = sets.into_iter().filter(|(rules, _)| rules != unless).max_by_key(|(_, count)| *count);
    let Some((rules, _)) = best else {
        return Vec::new();
    };
    let chain = existing.into_iter().filter(|partition| partition.description.rules == rules);
    chain
        .map(|partition| {
            let records = known_inputs(job, pipeline, edition, &partition);
            (partition, records)
        })
        .collect()
}

/// What the published build knows of a partition's snapshots, or what the partition itself says.
fn known_inputs(job: &Job, pipeline: &Pipeline, edition: &Edition, partition: &Partition) -> Vec<InputRecord> {
    let description = &partition.description;
    let is_of = |input: &&InputRecord| {
        input.pipeline == description.pipeline
            && input.dataset == description.dataset
            && input.fetched_at == description.vintage
    };
    let known: Vec<InputRecord> =
        job.published.iter().flat_map(|manifest| &manifest.inputs).filter(is_of).cloned().collect();
    if !known.is_empty() {
        return known;
    }
    vec![InputRecord {
        pipeline: description.pipeline.clone(),
        dataset: description.dataset.clone(),
        url: job.project.url(pipeline, edition),
        fetched_at: description.vintage,
        snapshot: description.snapshot.clone(),
        file: String::new(),
        licence: pipeline.licence.clone(),
        attribution: pipeline.attribution.clone(),
    }]
}

/// The folder of an edition's partitions.
pub(super) fn folder(lake: &Lake, pipeline: &Pipeline, edition: &Edition) -> std::path::PathBuf {
    match &pipeline.members {
        Some(members) => lake.cluster_folder(&members.cluster),
        None => lake.dataset_folder(&edition.dataset),
    }
}
