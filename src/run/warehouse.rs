//! From the lake to a published build, if anything has changed.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};

use super::ingest::EditionPartitions;
use super::project::table_name;
use super::summary::BuildOutcome;
use super::{Observer, Project, RunError, TOOL, fingerprint};
use crate::error::Report;
use crate::lake::Partition;
use crate::publish::{self, About, Draft, InputRecord, Manifest, PipelineRecord, Published, Retention};
use crate::spec::Kind;
use crate::warehouse::{
    self, Build, Inputs, Limits, Loaded, LoadedPartition, ModelResult, PipelineRow, Previous, SnapshotRow,
    SourceCodeRow, TableFiles,
};
use crate::{disk, warehouse::WarehouseError};

/// Builds and publishes, unless the world is as the published build knew it.
pub(super) fn refresh(
    project: &Project,
    pipelines: &[Vec<EditionPartitions>],
    published: Option<Published>,
    observer: &dyn Observer,
) -> Result<BuildOutcome, RunError> {
    let root = &project.settings.storage.root;
    let editions: Vec<&EditionPartitions> = pipelines.iter().flatten().collect();
    let inputs = inputs(project, &editions);
    if inputs.observations.is_empty() && inputs.memberships.is_empty() {
        return Ok(BuildOutcome::Empty);
    }
    let limits = limits(project);
    let world = world(project, &inputs);
    if let Some(published) = &published
        && published.manifest.world == world
    {
        refresh_catalog(project, &limits);
        return Ok(BuildOutcome::Unchanged { build_id: published.manifest.build_id.clone() });
    }
    let withdrawn = publish::withdrawn(root)?;
    if let (Some(published), Some((id, _))) = (&published, withdrawn.iter().find(|(_, other)| **other == world)) {
        let build_id = published.manifest.build_id.clone();
        return Ok(BuildOutcome::Withheld { build_id, withdrawn: id.clone() });
    }
    let built_at = Timestamp::now();
    let build_id = format!("{}-{}", built_at.strftime("%Y%m%dT%H%M%SZ"), &world[..8]);
    let draft = Draft::begin(root, &build_id)?;
    disk::create_dir(&limits.temp_folder)?;
    let previous = published.as_ref().map(|published| Previous {
        database: published.folder.join("tejido.duckdb"),
        models: read_models(&published.manifest),
        is_of_same_models: published.manifest.models_checked == project.models_checked,
        lake: published.manifest.lake.clone(),
        tables: published.manifest.pipelines.iter().filter_map(loaded).collect(),
    });
    let previous = previous.filter(|previous| disk::exists(&previous.database));
    let cluster = super::cluster::of(project, &build_id, &inputs)?;
    let build = warehouse::build(
        draft.folder(),
        &project.models,
        &inputs,
        previous.as_ref(),
        cluster.as_ref(),
        &limits,
        &build_id,
        |step| observer.warehouse(step),
    );
    // What the engines spilled and exchanged is of no use to anyone.
    disk::remove_dir(&limits.temp_folder)?;
    if let Some(cluster) = cluster {
        cluster.clear().map_err(RunError::Build)?;
        super::cluster::clear(project, &build_id)?;
    }
    let build = match build {
        Ok(build) => build,
        Err(error @ WarehouseError::Model { .. }) => return Err(RunError::Models(error)),
        Err(WarehouseError::Audits { failed, failing, total, .. }) => {
            let kept = draft.keep_audits()?;
            return Err(RunError::Build(WarehouseError::Audits { failed, failing, total, kept }));
        }
        Err(error) => return Err(RunError::Build(error)),
    };
    observer.warehouse("publishing");
    let manifest = Manifest {
        hash: String::new(),
        build_id: build_id.clone(),
        built_at,
        tool: TOOL.into(),
        engine: project.engine.clone(),
        profile: project.settings.profile.name().into(),
        world,
        models_checked: project.models_checked.clone(),
        lake: inputs.fingerprints.clone(),
        inputs: input_records(&editions),
        pipelines: pipeline_records(&editions),
        models: to_json(&build.models),
        audits: to_json(&build.audits),
        files: Vec::new(),
    };
    let settings = &project.settings.publish;
    let about = About {
        title: settings.title.clone(),
        publisher: settings.publisher.clone(),
        base_url: settings.base_url.clone(),
    };
    draft.keep_lake(inputs.observations.iter().flat_map(|table| &table.files).map(PathBuf::as_path))?;
    let manifest = draft.described(manifest)?;
    observer.warehouse("writing the report");
    super::report::of_draft(project, draft.folder(), &manifest)?;
    let folder = draft.publish(manifest, &about)?;
    let changes = published.map(|old| super::notable::between(project, &old.folder, &folder)).unwrap_or_default();
    refresh_catalog(project, &limits);
    retire(project, built_at);
    let Build { models, audits } = build;
    Ok(BuildOutcome::Published { build_id, models, audits, changes })
}

/// The name of a source's table in a build, and what was loaded of it.
fn loaded(record: &PipelineRecord) -> Option<((String, String), Loaded)> {
    let loaded = serde_json::from_value(record.partitions.clone()).ok()?;
    Some(((record.pipeline.clone(), record.dataset.clone()), loaded))
}

/// What a build loads of an edition.
fn partitions(edition: &EditionPartitions) -> Vec<LoadedPartition> {
    let of = |partition: &Partition| LoadedPartition {
        fingerprint: partition.description.fingerprint.clone(),
        vintage: partition.description.vintage.to_string(),
    };
    used(edition).into_iter().map(|(partition, _)| of(partition)).collect()
}

/// Removes the builds that nothing keeps. What was published is published, even if they cannot be removed now.
fn retire(project: &Project, now: Timestamp) {
    let settings = &project.settings.publish;
    let grace = SignedDuration::from_hours(settings.grace_hours.into());
    let retention = Retention { keep: settings.keep_builds, grace };
    match publish::retire(&project.settings.storage.root, retention, now) {
        Ok(gone) => gone.iter().for_each(|id| tracing::info!(build = id, "build removed")),
        Err(error) => tracing::warn!("old builds could not be removed: {}", Report::new(&error).one_line()),
    }
}

/// Brings the catalog up to date, whose views name the marts with their columns and the data root. Who has it
/// open keeps the old file, so that it is written only when something of this has changed. What was published
/// is published without it.
fn refresh_catalog(project: &Project, limits: &Limits) {
    let root = &project.settings.storage.root;
    let path = root.join("tejido.duckdb");
    let made_for = root.join(".catalog");
    let seen_at = project.settings.publish.catalog_root.as_deref().unwrap_or(root);
    let wanted =
        fingerprint::of([warehouse::CATALOG_VERSION, project.models_checked.as_str(), &seen_at.to_string_lossy()]);
    let is_current = disk::exists(&path) && disk::read(&made_for).is_ok_and(|found| found == wanted.as_bytes());
    if is_current {
        return;
    }
    if !disk::exists(&seen_at.join("published")) {
        return tracing::warn!(
            "the catalog `{}` is not up to date: `publish.catalog_root` is `{}`, which does not lead to the data root on this \
             machine, too (a symbolic link is enough)",
            path.display(),
            seen_at.display()
        );
    }
    let written = warehouse::write_catalog(root, seen_at, &project.models, limits)
        .and_then(|()| Ok(disk::write_atomic(&made_for, wanted.as_bytes())?));
    if let Err(error) = written {
        tracing::warn!("the catalog `{}` is not up to date: {}", path.display(), Report::new(&error).one_line());
    }
}

pub(super) fn limits(project: &Project) -> Limits {
    let settings = &project.settings.warehouse;
    Limits {
        memory_limit_mb: settings.memory_limit_mb,
        threads: settings.threads,
        temp_folder: project.settings.storage.root.join(".tmp-duckdb"),
        model_time: (settings.model_timeout_secs > 0).then(|| Duration::from_secs(settings.model_timeout_secs)),
    }
}

pub(super) fn inputs(project: &Project, editions: &[&EditionPartitions]) -> Inputs {
    let mut inputs = Inputs { codelists: project.codelist_tables(), ..Inputs::default() };
    let mut observations = Vec::new();
    let mut memberships = Vec::new();
    for edition in editions {
        let mut table = TableFiles::default();
        let mut vintages = 0;
        let newest = edition.partitions.last().map(|(partition, _)| &partition.path);
        for (partition, records) in used(edition) {
            match edition.pipeline.kind {
                Kind::Observations => {
                    vintages += 1;
                    table.rows += partition.description.rows;
                    table.pipeline.clone_from(&partition.description.pipeline);
                    table.dataset.clone_from(&partition.description.dataset);
                    // Several partitions may be in one file.
                    if table.files.last() != Some(&partition.path) {
                        table.files.push(partition.path.clone());
                    }
                    observations.push(partition.description.fingerprint.as_str());
                }
                Kind::Memberships => {
                    let exports = match newest == Some(&partition.path) {
                        true => &mut inputs.memberships,
                        false => &mut inputs.earlier_memberships,
                    };
                    exports.push(partition.path.clone());
                    memberships.push(partition.description.fingerprint.as_str());
                }
            }
            inputs.snapshots.extend(records.iter().map(|record| SnapshotRow {
                snapshot: record.snapshot.clone(),
                pipeline: record.pipeline.clone(),
                dataset: record.dataset.clone(),
                url: record.url.clone(),
                fetched_at: record.fetched_at.strftime("%Y-%m-%d %H:%M:%S%.6f").to_string(),
                file: record.file.clone(),
            }));
        }
        if vintages > 0 {
            table.is_of_one_vintage = vintages == 1;
            table.partitions = partitions(edition);
            inputs.observations.push(table);
            inputs.source_codes.extend(source_codes(edition));
        }
        let pipeline = &edition.pipeline;
        if !inputs.pipelines.iter().any(|row| row.pipeline == pipeline.id) {
            inputs.pipelines.push(PipelineRow {
                pipeline: pipeline.id.clone(),
                title: pipeline.title.clone(),
                title_es: pipeline.title_es.as_ref().unwrap_or(&pipeline.title).clone(),
                publisher: pipeline.publisher.clone(),
                licence: pipeline.licence.clone(),
                licence_es: pipeline.licence_es.as_ref().unwrap_or(&pipeline.licence).clone(),
                attribution: pipeline.attribution.clone(),
                preference: pipeline.preference,
            });
        }
    }
    let mut fingerprints = BTreeMap::new();
    let observations = fingerprint::of(observations);
    fingerprints.insert("observation_history".to_owned(), observations.clone());
    fingerprints.insert("observations".to_owned(), observations);
    fingerprints.insert("memberships".to_owned(), fingerprint::of(memberships));
    let pipelines = inputs.pipelines.iter().map(PipelineRow::texts).collect::<Vec<_>>();
    let pipelines = fingerprint::of(pipelines.iter().flatten().map(String::as_str));
    fingerprints.insert("pipelines".to_owned(), pipelines);
    inputs.source_codes.sort();
    let codes = fingerprint::of(inputs.source_codes.iter().flat_map(SourceCodeRow::texts));
    fingerprints.insert("source_codes".to_owned(), codes);
    let snapshots = fingerprint::of(inputs.snapshots.iter().flat_map(SnapshotRow::texts));
    fingerprints.insert("snapshots".to_owned(), snapshots);
    for list in project.codelists.iter() {
        fingerprints.insert(table_name(list), list.hash.clone());
    }
    inputs.fingerprints = fingerprints;
    inputs
}

/// What the codes of an edition's newest snapshot stand for, by the rules that are in force for it.
fn source_codes(edition: &EditionPartitions) -> impl Iterator<Item = SourceCodeRow> {
    let newest = edition.partitions.last().map(|(partition, _)| &partition.description);
    newest.into_iter().flat_map(|newest| {
        newest.source_codes.iter().map(|code| SourceCodeRow {
            pipeline: newest.pipeline.clone(),
            dataset: newest.dataset.clone(),
            dimension: code.dimension.clone(),
            source_code: code.source_code.clone(),
            canonical_column: code.column.name().to_owned(),
            canonical_code: code.code.clone(),
        })
    })
}

/// The partitions of an edition that a build loads, with their snapshots: those with changes; of a register
/// all of them, even if nobody is in one.
fn used(edition: &EditionPartitions) -> Vec<&(Partition, Vec<InputRecord>)> {
    match edition.pipeline.kind {
        Kind::Memberships => edition.partitions.iter().collect(),
        Kind::Observations => {
            edition.partitions.iter().filter(|(partition, _)| partition.description.rows > 0).collect()
        }
    }
}

/// Fingerprint of everything that goes into a build.
pub(super) fn world(project: &Project, inputs: &Inputs) -> String {
    let mut parts = vec![project.models_checked.clone(), project.engine.clone()];
    parts.extend(inputs.fingerprints.iter().map(|(table, fingerprint)| format!("{table}={fingerprint}")));
    fingerprint::of(parts.iter().map(String::as_str))
}

fn input_records(editions: &[&EditionPartitions]) -> Vec<InputRecord> {
    editions.iter().flat_map(|edition| used(edition)).flat_map(|(_, records)| records.clone()).collect()
}

fn pipeline_records(editions: &[&EditionPartitions]) -> Vec<PipelineRecord> {
    editions
        .iter()
        .filter_map(|edition| {
            let newest = &edition.partitions.last()?.0.description;
            Some(PipelineRecord {
                pipeline: newest.pipeline.clone(),
                dataset: newest.dataset.clone(),
                decoded: newest.counts.decoded,
                loaded: newest.counts.loaded,
                filtered: newest.counts.filtered,
                quarantined: newest.counts.quarantined.clone(),
                provenance: newest.counts.provenance.clone(),
                partitions: match edition.pipeline.kind {
                    Kind::Observations => serde_json::to_value(Loaded::of(&partitions(edition))).unwrap_or_default(),
                    // A register is loaded as a whole.
                    Kind::Memberships => serde_json::Value::Null,
                },
            })
        })
        .collect()
}

/// The models of a manifest; those of another version of this program cannot be taken over.
pub(super) fn read_models(manifest: &Manifest) -> Vec<ModelResult> {
    manifest.models.iter().filter_map(|model| serde_json::from_value(model.clone()).ok()).collect()
}

fn to_json<T: serde::Serialize>(records: &[T]) -> Vec<serde_json::Value> {
    // Structs of strings and numbers always have a JSON form.
    records.iter().filter_map(|record| serde_json::to_value(record).ok()).collect()
}
