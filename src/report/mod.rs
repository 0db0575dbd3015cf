//! The report of a build: pages that open from a file, with the figures beside them in parts.
//!
//! `assets/` is the page, `data/*.sql` says which figures it has; both are embedded. README.md in this folder is the contract
//! between the two: how data files look, which placeholders there are, how lineage is loaded. Here the SELECTs are asked and
//! their rows written, a part at a time, so that memory is bounded by the largest part.

mod data;

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use include_dir::{Dir, include_dir};
use serde_json::{Value, json};

use crate::disk::{self, DiskError};
use crate::error::Hint;
use crate::warehouse::{Reader, WarehouseError};

static ASSETS: Dir = include_dir!("$CARGO_MANIFEST_DIR/src/report/assets");
static DATA: Dir = include_dir!("$CARGO_MANIFEST_DIR/src/report/data");

/// A report that could not be written.
#[derive(Debug, thiserror::Error)]
pub enum ReportError {
    /// The disk refused.
    #[error(transparent)]
    Disk(#[from] DiskError),
    /// The build could not be read.
    #[error("could not read the figures `{name}` of the report")]
    Data {
        /// The file of `data/`.
        name: String,
        /// Why not.
        source: WarehouseError,
    },
    /// The build has not the marts that the pages show.
    #[error("the report needs marts that the build has not: {}", marts.join(", "))]
    Marts {
        /// Those that are missing.
        marts: Vec<String>,
    },
}

impl Hint for ReportError {
    fn hint(&self) -> Option<String> {
        match self {
            ReportError::Disk(error) => error.hint(),
            ReportError::Data { source, .. } => source.hint(),
            ReportError::Marts { .. } => {
                Some("the project's models have been changed: keep these marts, or set `report.enabled = false`".into())
            }
        }
    }
}

/// What the report is of, besides its figures.
#[derive(Debug, Clone)]
pub struct Facts {
    /// The build's name.
    pub build_id: String,
    /// When it was made, ISO 8601.
    pub built_at: String,
    /// `sample` or `live`.
    pub profile: String,
    /// The title by language.
    pub title: BTreeMap<String, String>,
    /// Languages, the first one is the page's until the reader says otherwise.
    pub languages: Vec<String>,
    /// Who offers the data.
    pub publisher: String,
    /// An image: an address of its own, or a path relative to the page; nothing if empty.
    pub logo: String,
    /// The region that the page begins with.
    pub home_region: String,
    /// Cells by provenance.
    pub provenance: BTreeMap<String, u64>,
    /// The files of the build, with their sizes.
    pub files: Vec<(String, u64)>,
    /// Rows of each mart.
    pub rows: BTreeMap<String, u64>,
    /// Audits that passed, and that warned.
    pub audits: [u64; 2],
    /// Rows in quarantine.
    pub quarantined: u64,
    /// What else of the manifest the pages show, by the name of its data file, each with `columns` and `rows`: models, audits,
    /// pipelines.
    pub tables: Vec<(&'static str, Value)>,
}

/// The bytes around a cell.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Excerpt {
    /// What stands before it in its line.
    pub before: String,
    /// The value as written.
    pub text: String,
    /// What stands behind it.
    pub behind: String,
    /// Its line and column, from 1; none in a workbook, whose cells say sheet, row and column.
    pub at: Option<(u64, u64)>,
}

/// Gives the bytes around cells of a snapshot, named by the first characters of its hash; what cannot be read is left out.
pub type Excerpts<'a> = dyn FnMut(&str, &[u64]) -> BTreeMap<u64, Excerpt> + 'a;

/// Writes the report of an open build into a folder, which is made; how many files.
pub fn write(folder: &Path, reader: &Reader, facts: &Facts, excerpts: &mut Excerpts) -> Result<usize, ReportError> {
    check(facts)?;
    let mut out = Out { folder, folders: BTreeSet::new(), files: 0 };
    for file in files(&ASSETS) {
        let name = file.path().to_string_lossy();
        if !["index.html", "README.md"].contains(&name.as_ref()) {
            out.write(&format!("assets/{name}"), file.contents())?;
        }
    }
    let mut parts: BTreeMap<String, Vec<String>> = BTreeMap::new();
    let mut shapes = BTreeMap::new();
    for file in DATA.files() {
        let name = file.path().file_stem().unwrap_or_default().to_string_lossy().into_owned();
        let sql = file.contents_utf8().unwrap_or_default();
        let written = data::write(&mut out, reader, &name, sql, excerpts)?;
        shapes.insert(name.clone(), data::shape(sql));
        if let Some(written) = written.filter(|_| name != "lineage") {
            parts.insert(name, written);
        }
    }
    for (name, table) in &facts.tables {
        data::write_file(&mut out, name, table)?;
    }
    let about = about(facts, &parts, &shapes);
    out.write("data/build.js", format!("tejido.build={};\n", data::script(&about)).as_bytes())?;
    let language = facts.languages.first().map_or("es", String::as_str);
    let title = facts.title.get(language).map_or("", String::as_str);
    let page = ASSETS.get_file("index.html").and_then(include_dir::File::contents_utf8).unwrap_or_default();
    let page = [("language", language), ("title", title), ("build", &facts.build_id)]
        .iter()
        .fold(page.to_owned(), |page, (name, value)| page.replace(&format!("{{{{{name}}}}}"), &escaped(value)));
    out.write("index.html", page.as_bytes())?;
    for folder in &out.folders {
        disk::sync_dir(&out.folder.join(folder))?;
    }
    Ok(out.files)
}

/// The marts that the pages show are in the build.
fn check(facts: &Facts) -> Result<(), ReportError> {
    let mut missing = BTreeSet::new();
    for file in DATA.files() {
        let sql = file.contents_utf8().unwrap_or_default();
        for (at, _) in sql.match_indices("main.") {
            let name: String = sql[at + 5..].chars().take_while(|c| c.is_ascii_alphanumeric() || *c == '_').collect();
            if name != "data_dictionary" && !facts.rows.contains_key(&name) {
                missing.insert(name);
            }
        }
    }
    match missing.is_empty() {
        true => Ok(()),
        false => Err(ReportError::Marts { marts: missing.into_iter().collect() }),
    }
}

/// Where the report's files go.
struct Out<'a> {
    folder: &'a Path,
    folders: BTreeSet<String>,
    files: usize,
}

impl Out<'_> {
    fn write(&mut self, name: &str, bytes: &[u8]) -> Result<(), ReportError> {
        let path = self.folder.join(name);
        let mut parent = name.rsplit_once('/').map_or("", |(parent, _)| parent);
        if !self.folders.contains(parent) {
            disk::create_dir(&self.folder.join(parent))?;
        }
        // All above it, too: a new folder is an entry of its own in the one that holds it.
        while self.folders.insert(parent.to_owned()) {
            parent = parent.rsplit_once('/').map_or("", |(above, _)| above);
        }
        disk::write_atomic(&path, bytes)?;
        self.files += 1;
        Ok(())
    }
}

fn files<'d>(dir: &'d Dir<'d>) -> Vec<&'d include_dir::File<'d>> {
    dir.files().chain(dir.dirs().flat_map(|dir| files(dir))).collect()
}

fn about(facts: &Facts, parts: &BTreeMap<String, Vec<String>>, shapes: &BTreeMap<String, Value>) -> Value {
    json!({
        "id": facts.build_id,
        "built_at": facts.built_at,
        "profile": facts.profile,
        "title": facts.title,
        "publisher": facts.publisher,
        "logo": (!facts.logo.is_empty()).then_some(&facts.logo),
        "home_region": facts.home_region,
        "languages": facts.languages,
        "provenance": facts.provenance,
        "files": facts.files.iter().map(|(path, bytes)| json!({ "path": path, "bytes": bytes })).collect::<Vec<_>>(),
        "rows": facts.rows,
        "audits": { "passed": facts.audits[0], "warned": facts.audits[1] },
        "quarantined": facts.quarantined,
        "parts": parts,
        "shapes": shapes,
    })
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('"', "&quot;")
}
