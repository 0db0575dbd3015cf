//! What the service answers over HTTP while it runs: whether it is alive, how each pipeline stands, and the files of
//! the published build.
//!
//! It only reads. What must be read from the disk for an answer is read on a thread of its own, and at most once a
//! second, so that no number of questions delays the service's loop.

mod files;
mod home;
mod metrics;

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::Router;
use axum::extract::{MatchedPath, Request, State};
use axum::http::{HeaderValue, StatusCode, header};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use jiff::Timestamp;
use tokio::net::TcpListener;
use tokio::sync::Mutex;

use crate::disk;
use crate::error::{Hint, Report};
use crate::publish;
use crate::run::ledger::{self, Record};
use crate::run::schedule::Pulse;
use crate::run::status::{self, Status};
use crate::run::{Project, RunError};

/// A listener that could not be started.
#[derive(Debug, thiserror::Error)]
pub enum ListenError {
    /// The address could not be opened.
    #[error("could not open the address `{address}` of the setting `listen.address`")]
    Address {
        /// As it was set.
        address: SocketAddr,
        /// Why not.
        source: std::io::Error,
    },
}

impl Hint for ListenError {
    fn hint(&self) -> Option<String> {
        let ListenError::Address { source, .. } = self;
        Some(match source.kind() {
            std::io::ErrorKind::AddrInUse => {
                "stop what listens there (another `tejido schedule`?), or set another port; \"\" turns the listener off"
                    .into()
            }
            _ => "set an address of this machine, such as `127.0.0.1:8647`; \"\" turns the listener off".into(),
        })
    }
}

/// A running listener; dropping it stops it.
pub struct Server {
    /// Where it listens.
    pub address: SocketAddr,
    task: tokio::task::JoinHandle<()>,
}

impl Server {
    /// Answers for a service at this address.
    pub async fn start(address: SocketAddr, pulse: Arc<Pulse>) -> Result<Self, ListenError> {
        let failed = |source| ListenError::Address { address, source };
        let listener = TcpListener::bind(address).await.map_err(failed)?;
        let address = listener.local_addr().map_err(failed)?;
        let router = router(Shared { pulse, view: Mutex::new(None), requests: metrics::Requests::default() });
        let task = tokio::spawn(async move {
            if let Err(error) = axum::serve(listener, router).await {
                tracing::error!(%error, "the listener stopped");
            }
        });
        Ok(Server { address, task })
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// What all requests share.
struct Shared {
    pulse: Arc<Pulse>,
    view: Mutex<Option<(Instant, Arc<View>)>>,
    requests: metrics::Requests,
}

/// How everything stands, as read from the disk.
struct View {
    status: Status,
    history: Vec<Record>,
    published: Option<publish::Published>,
}

fn router(shared: Shared) -> Router {
    let shared = Arc::new(shared);
    Router::new()
        .route("/", get(home::page))
        .route("/healthz", get(healthz))
        .route("/readyz", get(readyz))
        .route("/metrics", get(metrics))
        .route("/status.json", get(status_json))
        .route("/published/{*path}", get(files::file))
        .layer(middleware::from_fn_with_state(shared.clone(), counted))
        .with_state(shared)
}

/// The loop looks at the clock every five seconds; after so long it does so no more.
const LONGEST_SILENCE: Duration = Duration::from_secs(60);

async fn healthz(State(shared): State<Arc<Shared>>) -> Response {
    health(shared.pulse.silence())
}

fn health(silence: Duration) -> Response {
    match silence < LONGEST_SILENCE {
        true => "ok\n".into_response(),
        false => unavailable(&format!("the service has not looked at the clock for {} s", silence.as_secs())),
    }
}

async fn readyz(State(shared): State<Arc<Shared>>) -> Response {
    let root = shared.pulse.project().settings.storage.root.clone();
    match tokio::task::spawn_blocking(move || readable(&root)).await {
        Ok(Ok(build_id)) => format!("ok {build_id}\n").into_response(),
        Ok(Err(reason)) => unavailable(&reason),
        Err(error) => unavailable(&error.to_string()),
    }
}

/// The name of the published build, or why there is none that can be read.
fn readable(root: &std::path::Path) -> Result<String, String> {
    let published = publish::current(root).map_err(|error| Report::new(&error).one_line())?;
    let published = published.ok_or("no build is published")?;
    disk::open(&published.folder.join("tejido.duckdb")).map_err(|error| Report::new(&error).one_line())?;
    Ok(published.manifest.build_id)
}

async fn status_json(State(shared): State<Arc<Shared>>) -> Response {
    match view(&shared).await {
        Ok(view) => {
            // Texts and times always have a JSON form.
            let text = serde_json::to_string_pretty(&view.status).unwrap_or_default();
            text_of("application/json", text + "\n")
        }
        Err(response) => response,
    }
}

async fn metrics(State(shared): State<Arc<Shared>>) -> Response {
    let view = match view(&shared).await {
        Ok(view) => view,
        Err(response) => return response,
    };
    let text = tokio::task::spawn_blocking(move || metrics::text(&view, &shared.requests, &shared.pulse)).await;
    match text {
        Ok(Ok(text)) => text_of(metrics::CONTENT_TYPE, text),
        Ok(Err(error)) => broken(&error.to_string()),
        Err(error) => broken(&error.to_string()),
    }
}

/// How long what was read is good enough.
const LIFETIME: Duration = Duration::from_secs(1);

/// How everything stands. Who asks while somebody reads waits for what is read.
async fn view(shared: &Shared) -> Result<Arc<View>, Response> {
    let mut known = shared.view.lock().await;
    if let Some((at, view)) = known.as_ref()
        && at.elapsed() < LIFETIME
    {
        return Ok(view.clone());
    }
    let project = shared.pulse.project();
    let read = tokio::task::spawn_blocking(move || View::read(&project)).await;
    let view = match read {
        Ok(Ok(view)) => Arc::new(view),
        Ok(Err(error)) => return Err(broken(&Report::new(&error).one_line())),
        Err(error) => return Err(broken(&error.to_string())),
    };
    *known = Some((Instant::now(), view.clone()));
    Ok(view)
}

impl View {
    fn read(project: &Project) -> Result<Self, RunError> {
        let root = &project.settings.storage.root;
        let (history, published) = (ledger::read(root)?, publish::current(root)?);
        let status = status::status_of(project, &history, published.as_ref(), Timestamp::now())?;
        Ok(View { status, history, published })
    }
}

/// Counts a request, and says what no answer may be taken for.
async fn counted(State(shared): State<Arc<Shared>>, request: Request, next: Next) -> Response {
    let route = request.extensions().get::<MatchedPath>().map_or("other", MatchedPath::as_str).to_owned();
    let mut response = next.run(request).await;
    shared.requests.count(&route, response.status());
    let headers = response.headers_mut();
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    // A new build shows at once; what has not changed is not sent again.
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-cache"));
    response
}

fn text_of(content_type: &'static str, text: String) -> Response {
    ([(header::CONTENT_TYPE, content_type)], text).into_response()
}

fn unavailable(reason: &str) -> Response {
    (StatusCode::SERVICE_UNAVAILABLE, format!("{reason}\n")).into_response()
}

/// What could not be read is told to who asks, too: nobody else may be looking.
fn broken(reason: &str) -> Response {
    tracing::warn!("a request could not be answered: {reason}");
    (StatusCode::INTERNAL_SERVER_ERROR, format!("{reason}\n")).into_response()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_loop_that_is_silent_is_not_healthy() {
        assert_eq!(health(Duration::from_secs(59)).status(), StatusCode::OK);
        assert_eq!(health(Duration::from_secs(60)).status(), StatusCode::SERVICE_UNAVAILABLE);
    }
}
