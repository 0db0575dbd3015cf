//! What a build tells other programs of itself, in the forms that they know, all from the one manifest:
//!
//! | file | form | for |
//! |---|---|---|
//! | `datapackage.json` | Data Package 2 (datapackage.org) | Frictionless tools, Excel and R add-ins |
//! | `dcat.jsonld` | DCAT-AP 3 with StatDCAT-AP's terms | catalogues of open data |
//! | `croissant.json` | Croissant 1.0 (MLCommons) | dataset search, machine learning |
//! | `openlineage.jsonl` | OpenLineage 2, one event a line | Marquez, DataHub and the like |

mod croissant;
mod datapackage;
mod dcat;
mod openlineage;

use std::collections::BTreeMap;
use std::path::Path;

use serde::Deserialize;
use serde_json::Value;
use sha2::{Digest, Sha256};

use super::{Manifest, PublishError};
use crate::disk::{self, DiskError};

/// The file of a build with its OpenLineage events, one a line.
pub const LINEAGE: &str = "openlineage.jsonl";

/// How the published data are called, and where they are offered.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct About {
    /// Title of the whole.
    pub title: String,
    /// Who offers it.
    pub publisher: String,
    /// The address under which the folder `published` is served; nothing where it is not.
    pub base_url: String,
}

/// A mart as the manifest has it.
#[derive(Debug, Clone, Deserialize)]
struct Mart {
    name: String,
    is_mart: bool,
    #[serde(default)]
    description: String,
    #[serde(default)]
    grain: Vec<String>,
    #[serde(default)]
    columns: Vec<Column>,
    rows: u64,
    #[serde(default)]
    reads: Vec<String>,
    #[serde(default)]
    reads_lake: Vec<String>,
    schema: String,
}

#[derive(Debug, Clone, Deserialize)]
struct Column {
    name: String,
    #[serde(rename = "type")]
    kind: String,
    description: String,
}

/// What the documents are made from.
struct Facts<'a> {
    manifest: &'a Manifest,
    about: &'a About,
    models: Vec<Mart>,
    /// Size and SHA-256 of each mart's file, by its place in the build.
    files: BTreeMap<String, (u64, String)>,
}

impl Facts<'_> {
    fn marts(&self) -> impl Iterator<Item = &Mart> {
        self.models.iter().filter(|model| model.is_mart)
    }

    /// The sources with their licences, each once.
    fn sources(&self) -> Vec<(&str, &str, &str)> {
        let mut sources: Vec<_> = self
            .manifest
            .inputs
            .iter()
            .map(|input| (input.attribution.as_str(), input.url.as_str(), input.licence.as_str()))
            .collect();
        sources.sort_unstable();
        sources.dedup();
        sources
    }

    /// An address of a file of the build; a name in it where the build is not served.
    fn address(&self, path: &str) -> String {
        match self.about.base_url.trim_end_matches('/') {
            "" => path.to_owned(),
            base => format!("{base}/{path}"),
        }
    }

    /// The name by which the whole is known elsewhere.
    fn identity(&self) -> String {
        match self.about.base_url.trim_end_matches('/') {
            "" => "urn:tejido:published".to_owned(),
            base => base.to_owned(),
        }
    }
}

/// The file of a mart, below the build's folder.
fn file(mart: &Mart) -> String {
    format!("marts/{}.parquet", mart.name)
}

/// Writes the documents beside the manifest. The marts are there.
pub(super) fn write(folder: &Path, manifest: &Manifest, about: &About) -> Result<(), PublishError> {
    let models: Vec<Mart> =
        manifest.models.iter().filter_map(|model| serde_json::from_value(model.clone()).ok()).collect();
    let mut files = BTreeMap::new();
    for mart in models.iter().filter(|model| model.is_mart) {
        let path = folder.join(file(mart));
        files.insert(file(mart), (disk::size_bytes(&path)?, sha256(&path)?));
    }
    let facts = Facts { manifest, about, models, files };
    let documents = [
        ("datapackage.json", datapackage::document(&facts)),
        ("dcat.jsonld", dcat::document(&facts)),
        ("croissant.json", croissant::document(&facts)),
    ];
    for (name, document) in documents {
        write_text(&folder.join(name), &serde_json::to_string_pretty(&document).unwrap_or_default())?;
    }
    let lines: Vec<String> = openlineage::of(&facts).iter().map(Value::to_string).collect();
    write_text(&folder.join(LINEAGE), &(lines.join("\n") + "\n"))
}

fn write_text(path: &Path, text: &str) -> Result<(), PublishError> {
    disk::write_atomic(path, text.as_bytes())?;
    Ok(disk::seal(path)?)
}

fn sha256(path: &Path) -> Result<String, DiskError> {
    let mut hasher = Sha256::new();
    let mut file = disk::open(path)?;
    let mut block = vec![0; 1 << 18];
    loop {
        let read = std::io::Read::read(&mut file, &mut block).map_err(|source| DiskError::reading(path, source))?;
        if read == 0 {
            return Ok(hasher.finalize().iter().map(|byte| format!("{byte:02x}")).collect());
        }
        hasher.update(&block[..read]);
    }
}
