//! `manifest.json`: what a build was made from, and what is in it.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::FileRecord;

/// What a build was made from, and what is in it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Manifest {
    /// BLAKE3 of this file's bytes, in hex, with 64 zeros in its place.
    #[serde(default)]
    pub hash: String,
    /// Name of the folder below `builds/`.
    pub build_id: String,
    /// When it was made, UTC.
    pub built_at: Timestamp,
    /// Program and version.
    pub tool: String,
    /// Version of DuckDB.
    pub engine: String,
    /// `sample` or `live`.
    pub profile: String,
    /// Fingerprint of everything that goes into a build: the same one means that there is nothing to do.
    pub world: String,
    /// Fingerprint of the models' files and the lake's columns, which were checked against each other.
    pub models_checked: String,
    /// Fingerprint of each table of the lake, without the schema.
    #[serde(default)]
    pub lake: BTreeMap<String, String>,
    /// The snapshots that the rows come from.
    pub inputs: Vec<InputRecord>,
    /// What became of each pipeline's rows.
    pub pipelines: Vec<PipelineRecord>,
    /// The files of the build, except this one.
    #[serde(default)]
    pub files: Vec<FileRecord>,
    /// Models with fingerprints, rows, content hashes and provenance.
    pub models: Vec<Value>,
    /// Audits with results.
    pub audits: Vec<Value>,
}

/// What stands in the place of the hash while it is computed.
const UNHASHED: &str = "0000000000000000000000000000000000000000000000000000000000000000";

impl Manifest {
    /// Its text, with its hash in it.
    pub(super) fn hashed(&mut self) -> Result<String, serde_json::Error> {
        UNHASHED.clone_into(&mut self.hash);
        let text = serde_json::to_string_pretty(self)?;
        self.hash = blake3::hash(text.as_bytes()).to_hex().to_string();
        // The hash comes first.
        Ok(text.replacen(UNHASHED, &self.hash, 1))
    }
}

/// Whether the bytes of a manifest are those that it was written with.
pub(super) fn is_as_written(bytes: &[u8]) -> bool {
    let Ok(text) = std::str::from_utf8(bytes) else { return false };
    let Ok(manifest) = serde_json::from_str::<Manifest>(text) else { return false };
    let unhashed = text.replacen(&manifest.hash, UNHASHED, 1);
    manifest.hash.len() == UNHASHED.len() && blake3::hash(unhashed.as_bytes()).to_hex().as_str() == manifest.hash
}

/// A snapshot that rows of the build come from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct InputRecord {
    /// The pipeline.
    pub pipeline: String,
    /// The source's table id.
    pub dataset: String,
    /// The documented address.
    pub url: String,
    /// When it was fetched, UTC.
    pub fetched_at: Timestamp,
    /// BLAKE3 of the bytes as they came.
    pub snapshot: String,
    /// File in the archive, relative to the data root.
    pub file: String,
    /// Licence of the data.
    pub licence: String,
    /// How the publisher wants to be named.
    pub attribution: String,
}

impl InputRecord {
    /// The name of its file, without the folder.
    pub fn file_name(&self) -> &str {
        self.file.rsplit('/').next().unwrap_or_default()
    }
}

/// What became of the rows of one table of one pipeline, by its newest snapshot.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct PipelineRecord {
    /// The pipeline.
    pub pipeline: String,
    /// The source's table id.
    pub dataset: String,
    /// Rows that the decoder gave.
    pub decoded: u64,
    /// Rows that became canonical.
    pub loaded: u64,
    /// Rows left out by a stated rule.
    pub filtered: u64,
    /// Rows kept back, by reason.
    pub quarantined: BTreeMap<String, u64>,
    /// Canonical rows by provenance.
    pub provenance: BTreeMap<String, u64>,
    /// What the build loaded of its observations: how many partitions of the lake, and their fingerprint.
    #[serde(default, skip_serializing_if = "Value::is_null")]
    pub partitions: Value,
}
