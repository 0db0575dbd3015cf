//! A loopback server that answers with recorded payloads, as their sources would: ETag, Last-Modified,
//! gzip with or without saying so, 304 to a conditional request.
//!
//! The profile `sample` fetches from it through the same client as from anywhere else. What it has
//! carries the header [`PROVENANCE_HEADER`], which the archive keeps, so that nothing that came from
//! here can ever pass for official by accident.

mod script;
mod upstream;

pub use upstream::{Answer, Script, Upstream};

use std::collections::HashMap;
use std::io::Write;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, Uri, header};
use axum::response::Response;
use serde::Deserialize;
use url::Url;

use crate::disk::{self, DiskError};
use crate::error::{Hint, Snippet};

/// Header of every payload that it gives; its value is `synthetic`.
pub const PROVENANCE_HEADER: &str = "x-tejido-provenance";

/// A recording that cannot be served.
#[derive(Debug, thiserror::Error)]
pub enum ReplayError {
    /// The disk refused.
    #[error(transparent)]
    Disk(#[from] DiskError),
    /// There is no payload for a table.
    #[error("expected a payload `{dataset}.*` in `{}`, found none", folder.display())]
    Missing {
        /// Where it should be.
        folder: PathBuf,
        /// The table id.
        dataset: String,
    },
    /// response.toml is wrong.
    #[error("{message}")]
    Response {
        /// What is wrong.
        message: String,
        /// Where.
        snippet: Box<Snippet>,
    },
    /// The address cannot be listened on.
    #[error("could not listen on {address}")]
    Address {
        /// The address.
        address: SocketAddr,
        /// Why.
        source: std::io::Error,
    },
    /// No port could be opened on loopback.
    #[error("could not open a port on 127.0.0.1")]
    Port(#[source] std::io::Error),
}

impl Hint for ReplayError {
    fn hint(&self) -> Option<String> {
        match self {
            ReplayError::Address { .. } => Some("name another one with `--address`; port 0 takes a free one".into()),
            ReplayError::Missing { .. } => Some("pipelines/samples/README.md tells how samples are made".into()),
            _ => None,
        }
    }

    fn snippet(&self) -> Option<&Snippet> {
        match self {
            ReplayError::Response { snippet, .. } => Some(snippet),
            _ => None,
        }
    }
}

/// How a source answers: `response.toml` beside its payloads.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
struct ResponseSpec {
    last_modified: String,
    content_type: String,
    gzip: Gzip,
}

/// Whether the body is compressed, and whether the answer says so.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Gzip {
    /// Compressed without a Content-Encoding.
    Body,
    /// Compressed with a Content-Encoding, for clients that accept it.
    Encoding,
    /// Not compressed.
    None,
}

/// One recorded answer.
#[derive(Debug, Clone)]
pub struct Recording {
    body: Vec<u8>,
    compressed: Vec<u8>,
    etag: String,
    response: ResponseSpec,
}

impl Recording {
    /// Reads the payload of a table from a pipeline's folder of samples.
    pub fn load(folder: &Path, dataset: &str) -> Result<Self, ReplayError> {
        let path = folder.join("response.toml");
        let text = disk::read_text(&path)?;
        let response: ResponseSpec = toml::from_str(&text).map_err(|error| ReplayError::Response {
            message: error.message().trim().to_owned(),
            snippet: Box::new(Snippet::new(&path, &text, error.span().unwrap_or(0..0), "")),
        })?;
        let prefix = format!("{dataset}.");
        let name = disk::list(folder)?
            .into_iter()
            .find(|name| name.starts_with(&prefix))
            .ok_or_else(|| ReplayError::Missing { folder: folder.to_path_buf(), dataset: dataset.to_owned() })?;
        let body = disk::read(&folder.join(name))?;
        let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
        // Writing into memory does not fail.
        let compressed = encoder.write_all(&body).and_then(|()| encoder.finish()).map_err(ReplayError::Port)?;
        let etag = format!("\"{}\"", &blake3::hash(&body).to_hex()[..20]);
        Ok(Recording { body, compressed, etag, response })
    }

    fn answer(&self, asked: &HeaderMap) -> Response {
        let text = |name| asked.get(name).and_then(|value: &header::HeaderValue| value.to_str().ok());
        let unchanged = match text(header::IF_NONE_MATCH) {
            Some(etag) => etag == self.etag,
            None => text(header::IF_MODIFIED_SINCE) == Some(self.response.last_modified.as_str()),
        };
        let accepts = text(header::ACCEPT_ENCODING).is_some_and(|accepted| accepted.contains("gzip"));
        let mut answer = Response::builder()
            .header(header::ETAG, &self.etag)
            .header(header::LAST_MODIFIED, &self.response.last_modified)
            .header(PROVENANCE_HEADER, "synthetic");
        let body = match (unchanged, self.response.gzip) {
            (true, _) => {
                answer = answer.status(StatusCode::NOT_MODIFIED);
                Vec::new()
            }
            (false, Gzip::Body) => self.compressed.clone(),
            (false, Gzip::Encoding) if accepts => {
                answer = answer.header(header::CONTENT_ENCODING, "gzip");
                self.compressed.clone()
            }
            (false, _) => self.body.clone(),
        };
        if !unchanged {
            answer = answer.header(header::CONTENT_TYPE, &self.response.content_type);
        }
        // Only a header of response.toml that is no header value can fail here.
        answer.body(Body::from(body)).unwrap_or_else(|_| status(StatusCode::INTERNAL_SERVER_ERROR))
    }
}

/// A running server; dropping it stops it.
pub struct Server {
    address: SocketAddr,
    task: tokio::task::JoinHandle<()>,
}

impl Server {
    /// Serves the recordings, by the documented addresses of their sources.
    pub async fn start(recordings: HashMap<String, Recording>) -> Result<Self, ReplayError> {
        let by_path: HashMap<String, Recording> =
            recordings.into_iter().filter_map(|(url, recording)| Some((mirrored(&url)?, recording))).collect();
        let listener = tokio::net::TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.map_err(ReplayError::Port)?;
        let address = listener.local_addr().map_err(ReplayError::Port)?;
        let router = Router::new().fallback(answer).with_state(Arc::new(by_path));
        let task = tokio::spawn(async move {
            if let Err(error) = axum::serve(listener, router).await {
                tracing::error!(%error, "the loopback server stopped");
            }
        });
        Ok(Server { address, task })
    }

    /// What to set as `fetch.mirror`.
    pub fn mirror(&self) -> Option<Url> {
        Url::parse(&format!("http://{}/", self.address)).ok()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn answer(State(recordings): State<Arc<HashMap<String, Recording>>>, uri: Uri, headers: HeaderMap) -> Response {
    match recordings.get(&uri.to_string()) {
        Some(recording) => recording.answer(&headers),
        None => {
            let mut answer = status(StatusCode::NOT_FOUND);
            *answer.body_mut() =
                Body::from("the sample has no payload for this address: see pipelines/samples/README.md\n");
            answer
        }
    }
}

fn status(status: StatusCode) -> Response {
    let mut response = Response::new(Body::from(format!("{status}\n")));
    *response.status_mut() = status;
    response
}

/// `https://host/path?query` → `/host/path?query`, as the client asks a mirror.
fn mirrored(url: &str) -> Option<String> {
    let url = Url::parse(url).ok()?;
    let query = url.query().map(|query| format!("?{query}")).unwrap_or_default();
    Some(format!("/{}{}{query}", url.host_str()?, url.path()))
}
