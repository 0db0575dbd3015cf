//! What a run would ask, decode, build and publish, and why, without doing any of it.

use std::sync::Arc;

use jiff::Timestamp;
use serde::Serialize;

use super::ingest::{self, EditionPlan, Job, planned};
use super::warehouse::{inputs, read_models, world};
use super::{Project, RunError, editions};
use crate::archive::Archive;
use crate::fetch::Client;
use crate::lake::Lake;
use crate::publish::{self, Manifest};
use crate::spec::Kind;
use crate::warehouse::{self, LakeState, ModelPlan};

/// What a run would do.
#[derive(Debug, Clone, Serialize)]
pub struct RunPlan {
    /// Each table of each enabled pipeline.
    pub editions: Vec<EditionPlan>,
    /// Each model.
    pub models: Vec<ModelPlan>,
    /// The build that is published.
    pub published: Option<String>,
    /// What would become of it, in words, if the sources have nothing new.
    pub outcome: String,
}

/// Works out what a run of these pipelines, or of all, would do.
pub fn plan(project: Project, names: &[String]) -> Result<RunPlan, RunError> {
    let asked: Vec<String> = project.pipelines.select(names)?.into_iter().map(|pipeline| pipeline.id).collect();
    let root = project.settings.storage.root.clone();
    let published = publish::current(&root)?;
    let job = Arc::new(Job {
        client: Client::new(project.settings.fetch.clone())?,
        archive: Archive::new(&root),
        lake: Lake::new(&root),
        published: None,
        cores: tokio::sync::Semaphore::new(1),
        asks: false,
        project: Arc::new(project),
        now: Timestamp::now(),
    });
    let project = &job.project;
    let mut plans = Vec::new();
    let mut partitions: Vec<ingest::EditionPartitions> = Vec::new();
    let mut lake = LakeState::default();
    for pipeline in project.enabled() {
        for edition in editions(pipeline) {
            let (plan, kept) = planned(&job, pipeline, edition, asked.contains(&pipeline.id))?;
            let is_pending = !plan.decode.is_empty();
            let tables: &[&str] = match pipeline.kind {
                Kind::Observations => &["observations", "observation_history", "snapshots", "source_codes"],
                Kind::Memberships => &["memberships", "snapshots"],
            };
            lake.pending.extend(tables.iter().filter(|_| is_pending).map(|table| (*table).to_owned()));
            plans.push(plan);
            partitions.push(kept);
        }
    }
    let known = inputs(project, &partitions.iter().collect::<Vec<_>>());
    let world = world(project, &known);
    lake.fingerprints = known.fingerprints;
    let is_empty = known.observations.is_empty() && known.memberships.is_empty() && lake.pending.is_empty();
    let before = published.as_ref().map(|published| &published.manifest);
    let (is_built, outcome) = match before {
        _ if is_empty => (false, "nothing can be built before a source has answered".to_owned()),
        None => (true, "the first build would be published".to_owned()),
        Some(_) if !lake.pending.is_empty() => {
            (true, "a new build would be published if what is decoded changes anything".to_owned())
        }
        Some(manifest) if manifest.world == world => {
            (false, "nothing would be published unless a source has something new".to_owned())
        }
        Some(_) if publish::withdrawn(&root)?.values().any(|other| *other == world) => {
            (false, "nothing would be published: this is what a build was made from that was gone back from".to_owned())
        }
        Some(manifest) => (true, format!("a new build would be published: {}", reason(manifest, project, &lake))),
    };
    let models = warehouse::plan(
        &project.models,
        &lake,
        is_built,
        &before.map(read_models).unwrap_or_default(),
        &before.map(|manifest| manifest.lake.clone()).unwrap_or_default(),
        &project.engine,
    );
    Ok(RunPlan { editions: plans, models, published: before.map(|manifest| manifest.build_id.clone()), outcome })
}

/// What a build would say that the published one does not.
fn reason(published: &Manifest, project: &Project, lake: &LakeState) -> String {
    if project.models_checked != published.models_checked {
        // A comment is enough: a build tells how its models are written.
        return "the text of a model, or the program, is another".to_owned();
    }
    let is_other = |table: &&String| published.lake.get(*table) != lake.fingerprints.get(*table);
    let others: Vec<String> =
        lake.fingerprints.keys().filter(is_other).map(|table| format!("`lake.{table}`")).collect();
    format!("changed: {}", others.join(", "))
}
