//! A request → bytes into a given [`Sink`], politely: retries with backoff, conditional requests, limits.
//!
//! Nothing here knows what the bytes mean, and they are never decompressed: some sources gzip a body
//! without saying so, and a snapshot is the bytes as they came.

use std::collections::HashMap;
use std::io::{self, Write};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use backon::BackoffBuilder;
use futures_util::StreamExt;
use reqwest::header;
use serde::{Deserialize, Serialize};
use tokio::sync::Semaphore;
use url::Url;

use crate::error::{Hint, Report};

/// Settings of this room: section `[fetch]`.
#[derive(Debug, Clone, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Settings {
    /// Mail address or page by which a source can reach the operator; part of the User-Agent.
    pub contact: String,
    /// If set, `https://host/path` is asked as `<mirror>/host/path`.
    pub mirror: Option<Url>,
    /// Time to connect.
    pub connect_timeout_secs: u64,
    /// Longest silence in the middle of a response.
    pub read_timeout_secs: u64,
    /// Tries after the first one.
    pub retries: usize,
    /// Wait before the first retry; doubled each time, with jitter.
    pub backoff_ms: u64,
    /// Requests at once to one host.
    pub requests_per_host: usize,
    /// Largest body accepted.
    pub max_body_bytes: u64,
    /// Largest payload after decompression.
    pub max_decoded_bytes: u64,
    /// How long a snapshot of an interrupted run is used without asking the source again.
    pub resume_secs: u64,
}

/// What is asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Request {
    /// The documented address.
    pub url: String,
    /// ETag of the newest good snapshot.
    pub etag: Option<String>,
    /// Last-Modified of the newest good snapshot.
    pub last_modified: Option<String>,
}

/// What came, of whatever status; the body went into the sink.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Response {
    /// HTTP status.
    pub status: u16,
    /// All headers, names in lower case.
    pub headers: Vec<(String, String)>,
    /// Bytes of the body.
    pub body_bytes: u64,
    /// The first bytes of the body as text, for messages.
    pub excerpt: String,
}

impl Response {
    /// The source says that nothing has changed since the snapshot that was named.
    pub fn not_modified(&self) -> bool {
        self.status == 304
    }

    /// An error unless the whole payload came, or has not changed: other successes are partial or not yet there.
    pub fn check(&self, url: &str) -> Result<(), FetchError> {
        if self.status == 200 || self.not_modified() {
            return Ok(());
        }
        Err(FetchError::Status { url: url.to_owned(), status: self.status, excerpt: self.excerpt.clone() })
    }
}

/// Where a body is written; a retry starts it again.
pub trait Sink: Write + Send {
    /// Forgets all that was written.
    fn restart(&mut self) -> io::Result<()>;
}

/// A request that could not be answered.
#[derive(Debug, thiserror::Error)]
pub enum FetchError {
    /// The HTTP client could not be set up.
    #[error("could not set up the HTTP client")]
    Client(#[source] reqwest::Error),
    /// The address is no URL.
    #[error("expected an http or https URL, found `{url}`")]
    Url {
        /// The address.
        url: String,
    },
    /// No connection, or it broke.
    #[error("could not fetch `{url}` after {tries} tries")]
    Connection {
        /// The address.
        url: String,
        /// How often it was tried.
        tries: usize,
        /// Why the last one failed.
        source: reqwest::Error,
    },
    /// The source answered with an error.
    #[error("expected status 200 from `{url}`, found {status}: {excerpt}")]
    Status {
        /// The address.
        url: String,
        /// HTTP status.
        status: u16,
        /// Start of the body.
        excerpt: String,
    },
    /// The body is longer than the settings allow.
    #[error("expected at most {limit} bytes from `{url}`, found more")]
    TooLarge {
        /// The address.
        url: String,
        /// The limit in bytes.
        limit: u64,
    },
    /// The body could not be kept.
    #[error("could not keep the body of `{url}`")]
    Sink {
        /// The address.
        url: String,
        /// Why.
        source: io::Error,
    },
}

impl Hint for FetchError {
    fn hint(&self) -> Option<String> {
        match self {
            FetchError::Client(_) => None,
            FetchError::Url { .. } => Some("correct `url` in the pipeline, or `fetch.mirror` in the settings".into()),
            FetchError::Connection { source, .. } if source.is_timeout() => {
                Some("the source is slow: raise `fetch.read_timeout_secs`, or try again later".into())
            }
            FetchError::Connection { url, .. } if stands_for_another(url) => Some(
                "this address is not public: set the real one as `url` under `[sources.<pipeline>]` in config/local.toml, or `enabled = false`".into(),
            ),
            FetchError::Connection { .. } => {
                Some("check the network and whether the source is up; the next run asks again".into())
            }
            FetchError::Status { status, .. } => Some(match status {
                401 | 403 => "the source wants other credentials, or blocks this machine".into(),
                400 | 404 | 410 => "open the address in a browser: the source may have moved the table or renamed a code; correct `url` in the pipeline".into(),
                413 => "the extraction is too large for the source: ask for less of the table".into(),
                429 => "the source asks for fewer requests: lower `fetch.requests_per_host`".into(),
                _ => "the source has a problem: the next run asks again".into(),
            }),
            FetchError::TooLarge { .. } => Some("if the table really is that large, raise `fetch.max_body_bytes`".into()),
            FetchError::Sink { .. } => Some("look at the disk that holds `storage.root`".into()),
        }
    }
}

/// Whether the host is of the domain `.invalid`, which never exists (RFC 2606): the pipeline cannot know the real one.
fn stands_for_another(url: &str) -> bool {
    Url::parse(url).is_ok_and(|url| url.host_str().is_some_and(|host| host.ends_with(".invalid")))
}

/// No wait between tries is longer, whatever the source asks for.
const LONGEST_WAIT: Duration = Duration::from_secs(120);

/// An HTTP client that keeps its limits across all pipelines of a run.
pub struct Client {
    http: reqwest::Client,
    settings: Settings,
    hosts: Mutex<HashMap<String, Arc<Semaphore>>>,
}

impl Client {
    /// A client with these settings.
    pub fn new(settings: Settings) -> Result<Self, FetchError> {
        let contact = match settings.contact.trim() {
            "" => String::new(),
            contact => format!(" ({contact})"),
        };
        let redirects = reqwest::redirect::Policy::custom(|attempt| {
            let first = attempt.previous().first().and_then(|url| url.host_str().map(str::to_owned));
            if attempt.previous().len() > 5 {
                attempt.error("too many redirects")
            } else if attempt.url().scheme() == "https" || attempt.url().host_str() == first.as_deref() {
                attempt.follow()
            } else {
                // A downgrade to http on another host: the 3xx itself is the answer, and an error.
                attempt.stop()
            }
        });
        let http = reqwest::Client::builder()
            .user_agent(format!("tejido/{}{contact}", env!("CARGO_PKG_VERSION")))
            .connect_timeout(Duration::from_secs(settings.connect_timeout_secs))
            .read_timeout(Duration::from_secs(settings.read_timeout_secs))
            .redirect(redirects)
            .build()
            .map_err(FetchError::Client)?;
        Ok(Client { http, settings, hosts: Mutex::default() })
    }

    /// Asks, writes the body into `sink`, and tries again where that can help. A response of an
    /// error status is a response: [`Response::check`] makes it an error once its body is kept.
    pub async fn get(&self, request: &Request, sink: &mut dyn Sink) -> Result<Response, FetchError> {
        let url = self.address(&request.url)?;
        let slots = self.slots(url.host_str().unwrap_or_default());
        // The semaphore lives as long as the client and is never closed.
        let _slot = slots.acquire().await.ok();
        let mut waits = backon::ExponentialBuilder::default()
            .with_min_delay(Duration::from_millis(self.settings.backoff_ms))
            .with_max_delay(LONGEST_WAIT)
            .with_max_times(self.settings.retries)
            .with_jitter()
            .build();
        let mut tries = 0;
        loop {
            tries += 1;
            let outcome = match self.attempt(&url, request, sink).await {
                Ok(response) if !matches!(response.status, 429 | 500 | 502 | 503 | 504) => return Ok(response),
                Ok(response) => Ok(response),
                Err(Attempt::Final(error)) => return Err(error),
                Err(Attempt::Connection(source)) => {
                    Err(FetchError::Connection { url: request.url.clone(), tries, source: source.without_url() })
                }
            };
            let Some(wait) = waits.next() else {
                return outcome;
            };
            let (wait, why) = match &outcome {
                Ok(response) => (
                    retry_after(response).map_or(wait, |asked| asked.min(LONGEST_WAIT)),
                    format!("status {}", response.status),
                ),
                Err(error) => (wait, Report::new(error).one_line()),
            };
            tracing::info!(tries, ?wait, why, "asking again");
            tokio::time::sleep(wait).await;
        }
    }

    async fn attempt(&self, url: &Url, request: &Request, sink: &mut dyn Sink) -> Result<Response, Attempt> {
        let keep = |source| Attempt::Final(FetchError::Sink { url: request.url.clone(), source });
        sink.restart().map_err(keep)?;
        let mut ask = self.http.get(url.clone()).header(header::ACCEPT, "*/*");
        if let Some(etag) = &request.etag {
            ask = ask.header(header::IF_NONE_MATCH, etag);
        }
        if let Some(last_modified) = &request.last_modified {
            ask = ask.header(header::IF_MODIFIED_SINCE, last_modified);
        }
        let answer = ask.send().await.map_err(Attempt::Connection)?;
        let status = answer.status().as_u16();
        let headers = answer
            .headers()
            .iter()
            .map(|(name, value)| (name.to_string(), String::from_utf8_lossy(value.as_bytes()).into_owned()))
            .collect();
        let mut head = Vec::new();
        let mut body_bytes = 0u64;
        let mut body = answer.bytes_stream();
        while let Some(chunk) = body.next().await {
            let chunk = chunk.map_err(Attempt::Connection)?;
            body_bytes += chunk.len() as u64;
            if body_bytes > self.settings.max_body_bytes {
                return Err(Attempt::Final(FetchError::TooLarge {
                    url: request.url.clone(),
                    limit: self.settings.max_body_bytes,
                }));
            }
            head.extend(chunk.iter().take(300 - head.len().min(300)));
            sink.write_all(&chunk).map_err(keep)?;
        }
        Ok(Response { status, headers, body_bytes, excerpt: excerpt(&head) })
    }

    /// The address that is really asked: the documented one, or the same path on the mirror.
    fn address(&self, url: &str) -> Result<Url, FetchError> {
        let refused = || FetchError::Url { url: url.to_owned() };
        let documented = Url::parse(url).map_err(|_| refused())?;
        let host = documented.host_str().ok_or_else(refused)?;
        if !matches!(documented.scheme(), "http" | "https") {
            return Err(refused());
        }
        let Some(mirror) = &self.settings.mirror else {
            return Ok(documented);
        };
        let query = documented.query().map(|query| format!("?{query}")).unwrap_or_default();
        let base = mirror.as_str().trim_end_matches('/');
        Url::parse(&format!("{base}/{host}{}{query}", documented.path())).map_err(|_| refused())
    }

    fn slots(&self, host: &str) -> Arc<Semaphore> {
        // A poisoned map of semaphores is still a map of semaphores.
        let mut hosts = self.hosts.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        hosts
            .entry(host.to_owned())
            .or_insert_with(|| Arc::new(Semaphore::new(self.settings.requests_per_host.clamp(1, 1024))))
            .clone()
    }
}

/// How one try ended: a broken connection is worth another.
enum Attempt {
    Connection(reqwest::Error),
    Final(FetchError),
}

/// `Retry-After` in seconds, if the response has one.
fn retry_after(response: &Response) -> Option<Duration> {
    let (_, value) = response.headers.iter().find(|(name, _)| name == "retry-after")?;
    value.trim().parse().ok().map(Duration::from_secs)
}

/// The start of a body on one line.
fn excerpt(head: &[u8]) -> String {
    let text = String::from_utf8_lossy(head);
    let mut line: String = text.split_whitespace().collect::<Vec<_>>().join(" ");
    if line.chars().any(|c| c.is_control() || c == char::REPLACEMENT_CHARACTER) {
        line = "a body that is not text".into();
    }
    line.chars().take(200).collect()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn client(mirror: Option<&str>) -> Client {
        Client::new(Settings {
            contact: String::new(),
            mirror: mirror.map(|mirror| mirror.parse().unwrap()),
            connect_timeout_secs: 1,
            read_timeout_secs: 1,
            retries: 0,
            backoff_ms: 1,
            requests_per_host: 1,
            max_body_bytes: 10,
            max_decoded_bytes: 10,
            resume_secs: 0,
        })
        .unwrap()
    }

    #[test]
    fn a_mirror_keeps_host_path_and_query() {
        let asked = client(Some("http://127.0.0.1:7000/"))
            .address("https://ec.europa.eu/data/x?format=SDMX-CSV&compressed=true")
            .unwrap();
        assert_eq!(asked.as_str(), "http://127.0.0.1:7000/ec.europa.eu/data/x?format=SDMX-CSV&compressed=true");
        assert!(client(None).address("ftp://a/b").is_err());
        assert!(client(None).address("not a url").is_err());
    }

    #[test]
    fn an_excerpt_is_one_line_of_text() {
        assert_eq!(excerpt(b"<html>\n  <b>no</b>"), "<html> <b>no</b>");
        assert_eq!(excerpt(&[0x1f, 0x8b, 8, 0]), "a body that is not text");
    }
}
