//! The models of a project beside those of its published build.

use std::collections::BTreeMap;

use serde::Serialize;

use super::warehouse::read_models;
use super::{Project, RunError};
use crate::publish;
use crate::warehouse::{self, Layer, Model, ModelResult, Standing, TestReport};

/// A model of the project.
#[derive(Debug, Clone, Serialize)]
pub struct ListedModel {
    /// Its name.
    pub name: String,
    /// `staging`, `intermediate` or `marts`.
    pub layer: &'static str,
    /// The file, below the project's folder.
    pub file: String,
    /// What one row is.
    pub description: String,
    /// The columns that identify a row.
    pub grain: Vec<String>,
    /// Column and meaning.
    pub columns: BTreeMap<String, String>,
    /// The models that it reads.
    pub reads: Vec<String>,
    /// The tables of the lake that it reads, without the schema.
    pub reads_lake: Vec<String>,
    /// Where only observations change: by which of their columns those of its rows are told that can have changed. None of what
    /// is a view or reads no observations, and nothing of what is computed as a whole.
    pub in_part_by: Option<Vec<String>>,
    /// How many audits it has.
    pub audits: usize,
    /// How it stands beside the published build.
    pub standing: Standing,
    /// Its rows in the published build.
    pub rows: Option<u64>,
}

/// The models that these selectors mean, in the order in which they run; all where there is none.
pub fn models(project: &Project, selectors: &[String]) -> Result<Vec<ListedModel>, RunError> {
    let published = published(project)?;
    let separated = warehouse::separated(&project.models).map_err(RunError::Models)?;
    let listed = selected(project, selectors, &published)?.into_iter().map(|model| ListedModel {
        name: model.name.clone(),
        layer: match model.layer {
            Layer::Staging => "staging",
            Layer::Intermediate => "intermediate",
            Layer::Mart => "marts",
        },
        file: model.path.strip_prefix(&project.root).unwrap_or(&model.path).display().to_string(),
        description: model.contract.description.clone(),
        grain: model.contract.grain.clone(),
        columns: model.contract.columns.iter().cloned().collect(),
        reads: model.reads.clone(),
        reads_lake: model.reads_lake.clone(),
        in_part_by: separated.get(&model.name).cloned(),
        audits: model.contract.audits.len(),
        standing: Standing::of(model, &published),
        rows: published.iter().find(|other| other.name == model.name).map(|other| other.rows),
    });
    Ok(listed.collect())
}

/// Runs the tests of these models, or of all: `tests/models/<model>.md`. With `update`, what the models give is written
/// into them as what is expected.
pub fn test(project: &Project, selectors: &[String], update: bool) -> Result<TestReport, RunError> {
    let published = published(project)?;
    let selected = selected(project, selectors, &published)?;
    let folder = project.root.join("tests/models");
    warehouse::test(&project.models, &selected, &project.codelist_tables(), &folder, update).map_err(RunError::Models)
}

fn published(project: &Project) -> Result<Vec<ModelResult>, RunError> {
    let published = publish::current(&project.settings.storage.root)?;
    Ok(published.map(|published| read_models(&published.manifest)).unwrap_or_default())
}

fn selected<'p>(
    project: &'p Project,
    selectors: &[String],
    published: &[ModelResult],
) -> Result<Vec<&'p Model>, RunError> {
    let selected = project.models.select(selectors, published);
    selected.map_err(|none| RunError::Argument { message: none.message, hint: none.hint })
}
