//! `tejido quarantine`: what of the newest snapshots fits no rule, and why.

use serde::Serialize;

use super::last_good::folder;
use super::{Project, RunError, editions};
use crate::archive::{Archive, Delivery};
use crate::lake::{KeptBack, Lake, kept_back};
use crate::normalise::StructureChange;

/// What is kept back of the newest snapshot of a table.
#[derive(Debug, Clone, Serialize)]
pub struct TableQuarantine {
    /// The pipeline.
    pub pipeline: String,
    /// The source's table.
    pub dataset: String,
    /// When the snapshot was fetched.
    pub vintage: jiff::Timestamp,
    /// How its dimensions and codes differ from those of the good snapshot before it.
    pub drift: Option<Drift>,
    /// The reasons, the commonest first.
    pub groups: Vec<KeptBack>,
}

/// How the structure of a snapshot differs from that of an earlier one.
#[derive(Debug, Clone, Serialize)]
pub struct Drift {
    /// When the earlier one was fetched.
    pub since: jiff::Timestamp,
    /// What is different.
    pub change: StructureChange,
}

/// Of these pipelines, or of all, the tables of which something is kept back.
pub fn quarantine(project: &Project, names: &[String]) -> Result<Vec<TableQuarantine>, RunError> {
    let root = &project.settings.storage.root;
    let (archive, lake) = (Archive::new(root), Lake::new(root));
    let mut tables = Vec::new();
    for pipeline in project.pipelines.select(names)? {
        let deliveries = archive.deliveries(&pipeline.id)?;
        for edition in editions(&pipeline) {
            let is_own = |delivery: &&Delivery| delivery.first().sidecar.dataset == edition.dataset;
            let Some(newest) = deliveries.iter().rev().find(is_own) else {
                continue;
            };
            let path = lake.quarantine_path(&pipeline.id, &edition.dataset, &newest.hash());
            let groups = kept_back(&path)?;
            if !groups.is_empty() {
                let partitions = lake.partitions(&folder(&lake, &pipeline, edition), &pipeline.id)?;
                let before = partitions.iter().rev().find(|known| known.description.vintage < newest.vintage());
                let drift = before.zip(lake.describe_quarantine(&path)?).and_then(|(before, new)| {
                    let change = before.description.structure.changes_in(&new.structure)?;
                    Some(Drift { since: before.description.vintage, change })
                });
                tables.push(TableQuarantine {
                    pipeline: pipeline.id.clone(),
                    dataset: edition.dataset.clone(),
                    vintage: newest.vintage(),
                    drift,
                    groups,
                });
            }
        }
    }
    Ok(tables)
}
