//! A loopback server that answers with recorded payloads, as their sources would: ETag, Last-Modified,
//! gzip with or without saying so, 304 to a conditional request.
//!
//! The profile `sample` fetches from it through the same client as from anywhere else. What it has
//! carries the header [`PROVENANCE_HEADER`], which the archive keeps, so that nothing that came from
//! here can ever pass for official by accident.

mod sample;
mod script;
mod upstream;

pub use upstream::{Answer, Script, Upstream};

use std::net::SocketAddr;
use std::path::PathBuf;

use url::Url;

use crate::disk::DiskError;
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

/// `https://host/path?query` → `/host/path?query`, as the client asks a mirror.
fn mirrored(url: &str) -> Option<String> {
    let url = Url::parse(url).ok()?;
    let query = url.query().map(|query| format!("?{query}")).unwrap_or_default();
    Some(format!("/{}{}{query}", url.host_str()?, url.path()))
}
