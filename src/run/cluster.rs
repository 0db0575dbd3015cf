//! What this machine shares with Spark's: a folder below the data root, or objects of its store.

use std::time::Duration;

use tokio::runtime::Handle;

use super::{Project, RunError};
use crate::disk;
use crate::spec::EngineName;
use crate::store::Store;
use crate::warehouse::spark::{Cluster, Log};
use crate::warehouse::{Inputs, WarehouseError};

/// The folder of one build, below the data root and in the store.
fn place(build_id: &str) -> String {
    format!(".tmp-spark-{build_id}")
}

/// The store that is to Spark's machines what the disk is to this one.
fn shared(project: &Project) -> Result<Option<Store>, RunError> {
    let is_seen = project.settings.warehouse.spark.root.contains("://");
    project.store_at(project.settings.storage.url.as_ref().or(project.exchange.as_ref()).filter(|_| is_seen))
}

/// Where the models of a build run; none where that is DuckDB. What Spark is to read is put into the store first, if the data
/// root is one.
pub(super) fn of<'p>(project: &'p Project, build_id: &str, inputs: &Inputs) -> Result<Option<Cluster<'p>>, RunError> {
    let warehouse = &project.settings.warehouse;
    if warehouse.engine != EngineName::Spark {
        return Ok(None);
    }
    let root = project.settings.storage.root.clone();
    let place = place(build_id);
    let folder = root.join(&place);
    // Members' rows pass through it.
    disk::create_private_dir(&folder)?;
    let mut cluster = Cluster {
        master: warehouse.spark.master.clone(),
        submit: warehouse.spark.submit.clone(),
        seen_at: warehouse.spark.root.clone(),
        folder,
        models: warehouse.spark.models,
        silence: (warehouse.model_timeout_secs > 0).then(|| Duration::from_secs(warehouse.model_timeout_secs)),
        fetch: None,
        log: Log::default(),
        root: root.clone(),
    };
    let Some(store) = shared(project)? else { return Ok(Some(cluster)) };
    let there = Handle::current().block_on(store.list("lake"))?;
    let observations = inputs.observations.iter().flat_map(|table| &table.files);
    let files = observations.chain(&inputs.memberships).chain(&inputs.earlier_memberships);
    let places = files.filter_map(|file| Some(file.strip_prefix(&root).ok()?.to_string_lossy().into_owned()));
    let lacking: Vec<String> = places.filter(|place| !there.contains_key(place)).collect();
    Handle::current().block_on(store.put_all(&lacking, &root))?;
    cluster.fetch = Some(Box::new(move || {
        let fetched = Handle::current().block_on(async {
            let written: Vec<(String, u64)> = store.list(&format!("{place}/output")).await?.into_iter().collect();
            store.fetch_all(&written, &root).await
        });
        fetched.map_err(|error| WarehouseError::Spark {
            action: "hand over what it wrote".to_owned(),
            message: crate::error::Report::new(&error).one_line(),
            log: None,
        })
    }));
    Ok(Some(cluster))
}

/// Removes what Spark left in the store.
pub(super) fn clear(project: &Project, build_id: &str) -> Result<(), RunError> {
    let Some(store) = shared(project)? else { return Ok(()) };
    Ok(Handle::current().block_on(async {
        let mut left: Vec<String> = store.list(&place(build_id)).await?.into_keys().collect();
        // Of a data root that is not in the store, only Spark has read this.
        if project.exchange.is_some() {
            left.extend(store.list("lake").await?.into_keys());
        }
        store.remove_all(&left).await
    })?)
}
