//! `/published/…`: the files of the published build.
//!
//! The link `published` is followed anew for each request, and the file itself is read by `tower-http`, which opens
//! nothing outside the folder that it is given, and knows ranges and ETags.

use std::path::PathBuf;
use std::sync::Arc;

use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::{HeaderValue, StatusCode, Uri, header};
use axum::response::{IntoResponse, Response};
use tower::ServiceExt;
use tower_http::services::ServeDir;

use super::{Shared, broken, unavailable};
use crate::error::Report;
use crate::publish::{self, PublishError};

/// Where they are.
const PREFIX: &str = "/published";

pub(super) async fn file(State(shared): State<Arc<Shared>>, mut request: Request) -> Response {
    let folder = match folder(&shared).await {
        Ok(Some(folder)) => folder,
        Ok(None) => return unavailable("no build is published"),
        Err(response) => return response,
    };
    let below = request.uri().path_and_query().and_then(|path| path.as_str().strip_prefix(PREFIX)?.parse::<Uri>().ok());
    let Some(below) = below else {
        return StatusCode::NOT_FOUND.into_response();
    };
    let path = below.path().to_owned();
    *request.uri_mut() = below;
    // A part of the file that somebody has a part of would have to be compared: the whole is always right.
    if request.headers().contains_key(header::IF_RANGE) {
        request.headers_mut().remove(header::RANGE);
    }
    let served = ServeDir::new(folder).redirect_path_prefix(PREFIX).oneshot(request).await;
    // It answers what the disk refuses with a status of its own.
    let mut response = served.map_or_else(|error| match error {}, |response| response.map(Body::new));
    if response.status().is_success()
        && let Some(content_type) = content_type(&path, response.headers().get(header::CONTENT_TYPE))
    {
        response.headers_mut().insert(header::CONTENT_TYPE, content_type);
    }
    response
}

/// The folder of the published build.
pub(super) async fn folder(shared: &Shared) -> Result<Option<PathBuf>, Response> {
    let root = shared.pulse.project().settings.storage.root.clone();
    let found = tokio::task::spawn_blocking(move || Ok::<_, PublishError>(publish::folder(&root)?)).await;
    match found {
        Ok(Ok(folder)) => Ok(folder),
        Ok(Err(error)) => Err(broken(&Report::new(&error).one_line())),
        Err(error) => Err(broken(&error.to_string())),
    }
}

/// The type where the one that was guessed from the name says too little. All texts of a build are UTF-8.
fn content_type(path: &str, guessed: Option<&HeaderValue>) -> Option<HeaderValue> {
    if path.ends_with(".parquet") {
        return Some(HeaderValue::from_static("application/vnd.apache.parquet"));
    }
    let guessed = guessed?.to_str().ok()?;
    let is_bare_text = guessed.starts_with("text/") && !guessed.contains("charset");
    is_bare_text.then(|| HeaderValue::from_str(&format!("{guessed}; charset=utf-8")).ok()).flatten()
}
