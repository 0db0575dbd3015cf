//! A published number with everything that it came from.

use super::ingest::hints;
use super::warehouse::{limits, read_models};
use super::{Project, RunError};
use crate::archive::Archive;
use crate::decode::{Format, Hints};
use crate::lineage::{self, Explanation, Payloads};
use crate::publish::Published;
use crate::spec::Kind;
use crate::warehouse::Reader;

/// Traces the rows of a mart for which all of these are so: a column and its value as text. At most so many are followed.
pub fn explain(
    project: &Project,
    build: Option<&str>,
    table: &str,
    conditions: &[(String, String)],
    most: usize,
) -> Result<Explanation, RunError> {
    let root = &project.settings.storage.root;
    let published = super::builds::chosen(root, build)?;
    let reader = open(project, &published)?;
    let reading = |pipeline: &str| reading(project, pipeline);
    let payloads = Payloads { archive: Archive::new(root), inputs: &published.manifest.inputs, reading: &reading };
    let models = read_models(&published.manifest);
    Ok(lineage::explain(&reader, &published, &models, &payloads, table, conditions, most)?)
}

/// The DuckDB file of a build.
pub(super) fn open(project: &Project, published: &Published) -> Result<Reader, RunError> {
    Reader::open(&published.folder.join("tejido.duckdb"), &limits(project)).map_err(RunError::Build)
}

/// How a pipeline's payloads are read, as its TOML says now; none of a register of members.
pub(super) fn reading(project: &Project, pipeline: &str) -> Option<(Format, Hints)> {
    let pipeline = project.pipelines.all.iter().find(|known| known.id == pipeline)?;
    (pipeline.kind == Kind::Observations).then(|| (pipeline.decode.format, hints(pipeline, &project.settings)))
}
