//! A source played on loopback: it answers by address, each answer wrong in the way that its script says.
//!
//! What it can do is what real sources do: wait, break off in the middle of a body, promise another length, give parts of
//! a body, say 304 to who has it already, answer the same question differently the next time. `tejido replay` plays an
//! archive or a script with it, and so do the tests.

use std::collections::{HashMap, VecDeque};
use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::State;
use axum::http::{HeaderMap, HeaderName, Uri, header};
use axum::response::Response;
use futures_util::stream::{self, StreamExt};

use super::script::compressed;
use super::{ReplayError, mirrored};

/// Where the bytes of a body come from, each time that it is sent.
pub type Load = Arc<dyn Fn() -> io::Result<Vec<u8>> + Send + Sync>;

/// How to answer.
#[derive(Clone)]
pub struct Answer {
    /// HTTP status.
    pub status: u16,
    /// Headers; one `ETag` among them makes the answer conditional.
    pub headers: Vec<(String, String)>,
    /// The connection breaks after so many bytes of the body.
    pub cut_after: Option<usize>,
    /// Wait before the answer.
    pub delay: Duration,
    /// Whether parts of the body can be asked for.
    pub ranges: bool,
    /// Compressed with a Content-Encoding for who accepts it.
    pub encodes: bool,
    /// A length to promise in place of the true one.
    pub length: Option<usize>,
    /// Its body.
    pub load: Load,
}

impl Answer {
    /// Status 200 with these bytes.
    pub fn new(body: impl Into<Vec<u8>>) -> Self {
        let body = body.into();
        Answer::loaded(move || Ok(body.clone()))
    }

    /// Status 200 with bytes that are read each time.
    pub fn loaded(load: impl Fn() -> io::Result<Vec<u8>> + Send + Sync + 'static) -> Self {
        Answer {
            status: 200,
            headers: Vec::new(),
            cut_after: None,
            delay: Duration::ZERO,
            ranges: false,
            encodes: false,
            length: None,
            load: Arc::new(load),
        }
    }

    /// The bytes of its body.
    pub fn body(&self) -> io::Result<Vec<u8>> {
        (self.load)()
    }

    fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(other, _)| other.eq_ignore_ascii_case(name)).map(|(_, value)| value.as_str())
    }

    /// What is sent to who asks with these headers, and its status.
    fn sent(&self, asked: &HeaderMap) -> io::Result<(u16, Response)> {
        let text = |name| asked.get(name).and_then(|value: &header::HeaderValue| value.to_str().ok());
        let etag = self.header("etag");
        let same = |said: Option<&str>, own: Option<&str>| said.is_some() && said == own;
        let is_known = match text(header::IF_NONE_MATCH) {
            Some(said) => same(Some(said), etag),
            None => same(text(header::IF_MODIFIED_SINCE), self.header("last-modified")),
        };
        let mut body = if self.status == 200 && is_known { Vec::new() } else { self.body()? };
        let mut status = if self.status == 200 && is_known { 304 } else { self.status };
        let mut headers = self.headers.clone();
        if self.encodes
            && status == 200
            && text(header::ACCEPT_ENCODING).is_some_and(|accepted| accepted.contains("gzip"))
        {
            headers.push(("content-encoding".into(), "gzip".into()));
            body = compressed(&body)?;
        }
        let from = text(header::RANGE)
            .and_then(|range| range.strip_prefix("bytes=")?.strip_suffix('-')?.parse::<usize>().ok());
        if let Some(from) = from.filter(|from| self.ranges && *from < body.len() && same(text(header::IF_RANGE), etag))
        {
            headers.push(("content-range".into(), format!("bytes {from}-{}/{}", body.len() - 1, body.len())));
            body.drain(..from);
            status = 206;
        }
        if status != 304 {
            headers.push(("content-length".into(), self.length.unwrap_or(body.len()).to_string()));
        }
        let is_cut = self.cut_after.is_some() || self.length.is_some_and(|length| length > body.len());
        body.truncate(self.cut_after.unwrap_or(usize::MAX));
        let body = match is_cut {
            false => Body::from(body),
            true => {
                let broken = async {
                    // What came before must have left: a client can go on from there.
                    tokio::time::sleep(Duration::from_millis(50)).await;
                    Err(io::Error::other("cut by the script"))
                };
                Body::from_stream(stream::iter([Ok(Bytes::from(body))]).chain(stream::once(broken)))
            }
        };
        let mut answer = Response::builder().status(status);
        for (name, value) in headers {
            // Those of the connection are its own.
            if !["connection", "transfer-encoding", "keep-alive"].contains(&name.to_ascii_lowercase().as_str())
                && let Ok(name) = name.parse::<HeaderName>()
            {
                answer = answer.header(name, value);
            }
        }
        answer.body(body).map(|answer| (status, answer)).map_err(io::Error::other)
    }
}

/// The answers to each address, one after the other; the last one stays.
#[derive(Default)]
pub struct Script {
    answers: HashMap<String, VecDeque<Answer>>,
    /// What is said, with status 404, of an address that is not among them.
    unknown: &'static str,
    asked: Vec<String>,
}

impl Script {
    /// A script without answers, and what is said, with status 404, of an address that has none.
    pub fn new(unknown: &'static str) -> Self {
        Script { unknown, ..Script::default() }
    }

    /// Sets the answers to a documented address.
    pub fn set(&mut self, url: &str, answers: impl IntoIterator<Item = Answer>) {
        if let Some(path) = mirrored(url) {
            self.answers.insert(path, answers.into_iter().collect());
        }
    }

    /// Adds an answer to a documented address, to be given after those that it has.
    pub fn add(&mut self, url: &str, answer: Answer) {
        if let Some(path) = mirrored(url) {
            self.answers.entry(path).or_default().push_back(answer);
        }
    }

    /// Puts another script over this one: where both answer, the other one does.
    pub fn over(&mut self, other: Script) {
        self.answers.extend(other.answers);
    }

    /// How many addresses are answered.
    pub fn addresses(&self) -> usize {
        self.answers.len()
    }

    /// What was asked since the last call: status and path.
    pub fn asked(&mut self) -> Vec<String> {
        std::mem::take(&mut self.asked)
    }

    fn next(&mut self, path: &str) -> Answer {
        let next = self
            .answers
            .get_mut(path)
            .and_then(|answers| if answers.len() > 1 { answers.pop_front() } else { answers.front().cloned() });
        next.unwrap_or_else(|| Answer { status: 404, ..Answer::new(self.unknown) })
    }
}

/// A running source; dropping it stops it.
pub struct Upstream {
    address: SocketAddr,
    script: Arc<Mutex<Script>>,
    task: tokio::task::JoinHandle<()>,
}

/// What a request is answered from, and who is told of it.
#[derive(Clone)]
struct Stage {
    script: Arc<Mutex<Script>>,
    told: Arc<dyn Fn(&str) + Send + Sync>,
}

impl Upstream {
    /// Plays a script; `told` hears of each request.
    pub async fn start(
        address: SocketAddr,
        script: Script,
        told: impl Fn(&str) + Send + Sync + 'static,
    ) -> Result<Self, ReplayError> {
        let listener =
            tokio::net::TcpListener::bind(address).await.map_err(|source| ReplayError::Address { address, source })?;
        let address = listener.local_addr().map_err(ReplayError::Port)?;
        let script = Arc::new(Mutex::new(script));
        let stage = Stage { script: script.clone(), told: Arc::new(told) };
        let router = Router::new().fallback(answer).with_state(stage);
        let task = tokio::spawn(async move {
            if let Err(error) = axum::serve(listener, router).await {
                tracing::error!(%error, "the loopback server stopped");
            }
        });
        Ok(Upstream { address, script, task })
    }

    /// What to set as `fetch.mirror`.
    pub fn mirror(&self) -> String {
        format!("http://{}", self.address)
    }

    /// The script, to be changed while it plays.
    pub fn script(&self) -> MutexGuard<'_, Script> {
        locked(&self.script)
    }
}

impl Drop for Upstream {
    fn drop(&mut self) {
        self.task.abort();
    }
}

fn locked(script: &Mutex<Script>) -> MutexGuard<'_, Script> {
    script.lock().unwrap_or_else(PoisonError::into_inner)
}

async fn answer(State(stage): State<Stage>, uri: Uri, headers: HeaderMap) -> Response {
    let path = uri.to_string();
    let next = locked(&stage.script).next(&path);
    let (status, response) = next.sent(&headers).unwrap_or_else(|error| {
        let mut failed = Response::new(Body::from(format!("{error}\n")));
        *failed.status_mut() = axum::http::StatusCode::INTERNAL_SERVER_ERROR;
        (500, failed)
    });
    let line = format!("{status} {path}");
    (stage.told)(&line);
    locked(&stage.script).asked.push(line);
    tokio::time::sleep(next.delay).await;
    response
}
