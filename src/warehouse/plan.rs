//! Which models a build would run, and why, without running them.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;

use super::build::{Contents, ModelResult, ON_SPARK, fingerprint};
use super::model::Models;
use super::select::Standing;

/// What a build would do with a model.
#[derive(Debug, Clone, Serialize)]
pub struct ModelPlan {
    /// The model.
    pub model: String,
    /// What would be done.
    pub action: Action,
    /// Why.
    pub why: String,
}

/// What a build would do with a model.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Action {
    /// Take over its rows.
    Reuse,
    /// Run it.
    Run,
    /// Run it if the rows of what it reads come out different.
    RunIfChanged,
}

/// The state of the lake that a build would load.
#[derive(Debug, Clone, Default)]
pub struct LakeState {
    /// Fingerprint of each table, without the schema.
    pub fingerprints: BTreeMap<String, String>,
    /// Tables that will be other ones than these once something is decoded.
    pub pending: BTreeSet<String>,
}

/// What a build of this state would do, beside the published one with its models and tables of the lake. `is_built` says
/// whether there would be one at all.
pub fn plan(
    models: &Models,
    lake: &LakeState,
    is_built: bool,
    published: &[ModelResult],
    published_lake: &BTreeMap<String, String>,
    engine: &str,
) -> Vec<ModelPlan> {
    let mut contents = Contents::new();
    let mut open: BTreeSet<&str> = BTreeSet::new();
    let mut plans = Vec::new();
    for model in &models.all {
        let last = published.iter().find(|other| other.name == model.name);
        let pending: Vec<&str> =
            model.reads_lake.iter().filter(|table| lake.pending.contains(*table)).map(String::as_str).collect();
        let unsure: Vec<&str> = model.reads.iter().map(String::as_str).filter(|name| open.contains(name)).collect();
        let now = fingerprint(model, &lake.fingerprints, &contents, engine);
        let is_same = last.is_some_and(|last| last.fingerprint == now) && pending.is_empty();
        // Its rows are the last ones all the same.
        let is_rerun = is_same && is_built && model.contract.private && !model.is_view() && !engine.ends_with(ON_SPARK);
        let changed: Vec<&str> = model
            .reads_lake
            .iter()
            .map(String::as_str)
            .filter(|table| pending.contains(table) || published_lake.get(*table) != lake.fingerprints.get(*table))
            .collect();
        let (action, why) = match (Standing::of(model, published), last) {
            (Standing::New, _) | (_, None) => (Action::Run, "it is new".to_owned()),
            (Standing::Changed, _) => (Action::Run, "its SQL has changed".to_owned()),
            _ if !changed.is_empty() => (Action::Run, format!("changed: {}", joined(&changed, "lake."))),
            _ if !unsure.is_empty() => (Action::RunIfChanged, format!("it reads {}", joined(&unsure, ""))),
            _ if is_same && engine.ends_with(ON_SPARK) => (Action::Run, "Spark runs all of them".to_owned()),
            _ if is_rerun => (Action::Run, "it is private, so no build keeps its rows".to_owned()),
            _ if is_same => (Action::Reuse, "nothing that it reads has changed".to_owned()),
            _ => (Action::Run, "the program or DuckDB is another version".to_owned()),
        };
        if action == Action::Reuse || is_rerun {
            let content = last.and_then(|last| last.content_hash.clone());
            contents.insert(model.name.clone(), content.unwrap_or(now));
        } else {
            open.insert(&model.name);
            contents.insert(model.name.clone(), String::new());
        }
        plans.push(ModelPlan { model: model.name.clone(), action, why });
    }
    plans
}

fn joined(names: &[&str], prefix: &str) -> String {
    names.iter().map(|name| format!("`{prefix}{name}`")).collect::<Vec<_>>().join(", ")
}
