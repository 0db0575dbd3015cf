//! The report of a build, with the bytes around each figure.

use std::collections::BTreeMap;
use std::path::Path;

use serde_json::{Value, json};

use super::explain::{open, reading};
use super::warehouse::read_models;
use super::{Project, RunError};
use crate::archive::Archive;
use crate::decode::{Format, Hints, Source, read_again};
use crate::error::Report;
use crate::lineage::{Opened, Payloads};
use crate::publish::Manifest;
use crate::report::{self, Excerpt, Facts, ReportError};
use crate::warehouse::Reader;

/// Larger payloads are not held in memory to show what stands around their cells.
const MOST_BYTES: u64 = 64 << 20;

/// Characters that are shown before and behind a value.
const AROUND: usize = 120;

/// What the report tells of a model.
const MODEL: [&str; 9] = ["name", "schema", "description", "translations", "grain", "inputs", "reads", "rows", "sql"];

/// Writes the report of a build, the published one if none is named, into a folder; how many files.
pub fn report(project: &Project, build: Option<&str>, region: Option<&str>, into: &Path) -> Result<usize, RunError> {
    let published = super::builds::chosen(&project.settings.storage.root, build)?;
    let reader = open(project, &published)?;
    let mut facts = facts(project, &published.manifest);
    if let Some(region) = region {
        facts.home_region = region.to_owned();
    }
    write(project, &reader, &published.manifest, &facts, into)
}

/// Writes the report of a build that is not published yet. A project without the marts that the pages show has none.
pub(super) fn of_draft(project: &Project, folder: &Path, manifest: &Manifest) -> Result<(), RunError> {
    if !project.settings.report.enabled {
        return Ok(());
    }
    let limits = super::warehouse::limits(project);
    let reader = Reader::open(&folder.join("tejido.duckdb"), &limits).map_err(RunError::Build)?;
    match write(project, &reader, manifest, &facts(project, manifest), &folder.join("report")) {
        Err(RunError::Report(error @ ReportError::Marts { .. })) => {
            tracing::info!("no report: {}", Report::new(&error).one_line());
            Ok(())
        }
        outcome => outcome.map(drop),
    }
}

fn write(
    project: &Project,
    reader: &Reader,
    manifest: &Manifest,
    facts: &Facts,
    into: &Path,
) -> Result<usize, RunError> {
    let reading = |pipeline: &str| reading(project, pipeline);
    let archive = Archive::new(&project.settings.storage.root);
    let payloads = Payloads { archive, inputs: &manifest.inputs, reading: &reading };
    let mut excerpts = Excerpts { payloads: &payloads, held: None };
    Ok(report::write(into, reader, facts, &mut |snapshot, cells| excerpts.of(snapshot, cells))?)
}

fn facts(project: &Project, manifest: &Manifest) -> Facts {
    let settings = &project.settings.report;
    let mut provenance = BTreeMap::new();
    for (name, rows) in manifest.pipelines.iter().flat_map(|pipeline| &pipeline.provenance) {
        *provenance.entry(name.clone()).or_default() += rows;
    }
    let marts = read_models(manifest).into_iter().filter(|model| model.is_mart);
    // Structs of texts and numbers always have a JSON form.
    let pipelines: Vec<Value> = manifest.pipelines.iter().filter_map(|one| serde_json::to_value(one).ok()).collect();
    let failing = |audit: &&Value| audit["failing_rows"].as_u64().is_some_and(|rows| rows > 0);
    let warned = manifest.audits.iter().filter(failing).count() as u64;
    Facts {
        build_id: manifest.build_id.clone(),
        built_at: manifest.built_at.to_string(),
        profile: manifest.profile.clone(),
        title: settings.title.clone(),
        languages: settings.languages.clone(),
        publisher: project.settings.publish.publisher.clone(),
        logo: settings.logo.clone(),
        home_region: settings.home_region.clone(),
        provenance,
        files: manifest.files.iter().map(|file| (file.path.clone(), file.bytes)).collect(),
        rows: marts.map(|mart| (mart.name, mart.rows)).collect(),
        audits: [manifest.audits.len() as u64 - warned, warned],
        quarantined: manifest.pipelines.iter().flat_map(|pipeline| pipeline.quarantined.values()).sum(),
        tables: vec![
            ("models", table(&manifest.models, &MODEL)),
            ("audits", table(&manifest.audits, &["model", "audit", "blocking", "failing_rows"])),
            ("pipelines", table(&pipelines, &["pipeline", "dataset", "loaded", "quarantined", "provenance"])),
        ],
    }
}

/// These fields of records of the manifest, a row each.
fn table(records: &[Value], columns: &[&str]) -> Value {
    let row = |record: &Value| columns.iter().map(|column| record[*column].clone()).collect::<Vec<_>>();
    json!({ "columns": columns, "rows": records.iter().map(row).collect::<Vec<_>>() })
}

/// What stands around cells of archived payloads, of which one is held at a time.
struct Excerpts<'a> {
    payloads: &'a Payloads<'a>,
    held: Option<Held>,
}

struct Held {
    /// The beginning of the snapshot's hash.
    snapshot: String,
    /// Its bytes, decompressed, and how they are read; nothing where they cannot be.
    bytes: Option<(Source, Format, Hints)>,
}

impl Excerpts<'_> {
    fn of(&mut self, snapshot: &str, cells: &[u64]) -> BTreeMap<u64, Excerpt> {
        if self.held.as_ref().is_none_or(|held| held.snapshot != snapshot) {
            self.held = Some(Held { snapshot: snapshot.to_owned(), bytes: self.hold(snapshot) });
        }
        let mut found = BTreeMap::new();
        let Some((source, format, hints)) = self.held.as_ref().and_then(|held| held.bytes.as_ref()) else {
            return found;
        };
        let cut = |text: &str, from_end: bool| -> String {
            let count = text.chars().count();
            match from_end {
                true => text.chars().skip(count.saturating_sub(AROUND)).collect(),
                false => text.chars().take(AROUND / 3).collect(),
            }
        };
        let read = read_again(*format, source, hints, cells, |cell, reading| {
            let excerpt = Excerpt {
                before: cut(&reading.before, true),
                behind: cut(&reading.behind, false),
                text: reading.text,
                at: reading.at.map(|place| (place.line, place.column)),
            };
            found.insert(cell, excerpt);
        });
        if let Err(error) = read {
            tracing::warn!("the report shows no bytes of {snapshot}: {}", Report::new(&error).one_line());
        }
        found
    }

    fn hold(&self, snapshot: &str) -> Option<(Source, Format, Hints)> {
        let Opened { source, format, mut hints, .. } = self.payloads.open(snapshot).ok()?.ok()?;
        if matches!(format, Format::Xlsx | Format::Ods) {
            return Some((source, format, hints));
        }
        hints.max_decoded_bytes = Some(MOST_BYTES);
        let mut bytes = Vec::new();
        source.decompress(&hints, &mut bytes).ok()?;
        Some((Source::from_bytes(bytes), format, hints))
    }
}
