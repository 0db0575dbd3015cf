//! `tejido quarantine`: what of the newest snapshots fits no rule, and why.

use serde::Serialize;

use super::{Project, RunError, editions};
use crate::archive::{Archive, Delivery};
use crate::lake::{KeptBack, Lake, kept_back};

/// What is kept back of the newest snapshot of a table.
#[derive(Debug, Clone, Serialize)]
pub struct TableQuarantine {
    /// The pipeline.
    pub pipeline: String,
    /// The source's table.
    pub dataset: String,
    /// When the snapshot was fetched.
    pub vintage: jiff::Timestamp,
    /// The reasons, the commonest first.
    pub groups: Vec<KeptBack>,
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
                tables.push(TableQuarantine {
                    pipeline: pipeline.id.clone(),
                    dataset: edition.dataset.clone(),
                    vintage: newest.vintage(),
                    groups,
                });
            }
        }
    }
    Ok(tables)
}
