//! The payloads of the sample: how their sources answer is said in `response.toml` beside them.

use std::path::Path;

use serde::Deserialize;

use super::script::compressed;
use super::upstream::Answer;
use super::{PROVENANCE_HEADER, ReplayError};
use crate::disk;
use crate::error::Snippet;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Response {
    last_modified: String,
    content_type: String,
    gzip: Gzip,
}

/// Whether the body is compressed, and whether the answer says so.
#[derive(Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Gzip {
    /// Compressed without a Content-Encoding.
    Body,
    /// Compressed with a Content-Encoding, for clients that accept it.
    Encoding,
    /// Not compressed.
    None,
}

impl Answer {
    /// The payload of a table from a pipeline's folder of samples, marked as what it is.
    pub fn sample(folder: &Path, dataset: &str) -> Result<Self, ReplayError> {
        let path = folder.join("response.toml");
        let text = disk::read_text(&path)?;
        let response: Response = toml::from_str(&text).map_err(|error| ReplayError::Response {
            message: error.message().trim().to_owned(),
            snippet: Box::new(Snippet::new(&path, &text, error.span().unwrap_or(0..0), "")),
        })?;
        let prefix = format!("{dataset}.");
        let name = disk::list(folder)?
            .into_iter()
            .find(|name| name.starts_with(&prefix))
            .ok_or_else(|| ReplayError::Missing { folder: folder.to_path_buf(), dataset: dataset.to_owned() })?;
        let body = disk::read(&folder.join(name))?;
        let etag = format!("\"{}\"", &blake3::hash(&body).to_hex()[..20]);
        let headers = [
            ("etag", etag),
            ("last-modified", response.last_modified),
            ("content-type", response.content_type),
            (PROVENANCE_HEADER, "synthetic".to_owned()),
        ];
        let headers = headers.map(|(name, value)| (name.to_owned(), value)).to_vec();
        let gzip = response.gzip;
        // Compressed when it is sent: most runs ask only whether it is still the same.
        let load = move || match gzip {
            Gzip::Body => compressed(&body),
            Gzip::Encoding | Gzip::None => Ok(body.clone()),
        };
        Ok(Answer { headers, encodes: gzip == Gzip::Encoding, ..Answer::loaded(load) })
    }
}
