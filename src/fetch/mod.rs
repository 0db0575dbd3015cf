//! A request → bytes into a given [`Sink`], politely: retries with backoff, conditional requests, limits, bodies
//! that are continued where they broke off, and sources that deliver later.
//!
//! Nothing here knows what the bytes mean, and they are never decompressed: some sources gzip a body
//! without saying so, and a snapshot is the bytes as they came.

use std::io::{self, Read, Write};
use std::time::Duration;

use backon::BackoffBuilder;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use url::Url;

use crate::error::{Hint, Report};

mod deferred;
mod digest;
mod pace;
mod transfer;

pub use deferred::Deferred;

use deferred::Next;
use pace::Pace;
use transfer::Broken;

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
    /// Requests begun in a second to one host; 0 is no limit.
    pub requests_per_second: f64,
    /// Time for all requests of one pipeline.
    pub budget_secs: u64,
    /// Time between two questions about an extraction that the source delivers later.
    pub poll_secs: u64,
    /// Largest body accepted.
    pub max_body_bytes: u64,
    /// Largest payload after decompression.
    pub max_decoded_bytes: u64,
    /// How long a snapshot of an interrupted run is used without asking the source again.
    pub resume_secs: u64,
}

/// What is asked for.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Request {
    /// The documented address.
    pub url: String,
    /// ETag of the newest good snapshot.
    pub etag: Option<String>,
    /// Last-Modified of the newest good snapshot.
    pub last_modified: Option<String>,
    /// Where the source is asked again if it delivers later.
    pub deferred: Option<Deferred>,
    /// The media type that is asked for; none for any.
    pub accept: Option<String>,
}

/// What came, of whatever status; the body went into the sink.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Response {
    /// HTTP status.
    pub status: u16,
    /// All headers, names in lower case.
    pub headers: Vec<(String, String)>,
    /// Bytes of the body.
    pub body_bytes: u64,
    /// The first bytes of the body as text, for messages.
    pub excerpt: String,
    /// The first bytes of the body, decompressed where they are gzip, for what it may say in place of data.
    pub head: Vec<u8>,
    /// The address that the source named for what it delivered later.
    pub delivered_from: Option<String>,
}

impl Response {
    /// The value of a header, by its name in lower case.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }

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
    /// The body is not the one that the source states.
    #[error("the body of `{url}` has another checksum than its header `{header}` says")]
    Checksum {
        /// The address.
        url: String,
        /// The header.
        header: &'static str,
    },
    /// The time for the pipeline's requests is over.
    #[error("expected `{url}` within {secs} s of the pipeline's start, and it has not come")]
    Budget {
        /// The address.
        url: String,
        /// The budget.
        secs: u64,
    },
    /// The source has promised an extraction and given it up.
    #[error("`{url}` promised the extraction for later and then said {state}")]
    Promise {
        /// The address.
        url: String,
        /// What it said.
        state: String,
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
            FetchError::Checksum { .. } => Some("something between here and the source changes what comes over: look at proxies; the next run asks again".into()),
            FetchError::Budget { .. } => Some("the source is slow or has much to prepare: raise `fetch.budget_secs`, or ask for less of the table".into()),
            FetchError::Promise { .. } => Some("the next run asks for the extraction anew".into()),
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
    pace: Pace,
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
        let pace = Pace::new(settings.requests_per_host, settings.requests_per_second);
        Ok(Client { http, settings, pace })
    }

    /// Asks, writes the body into `sink`, and tries again where that can help; what the source delivers later is waited
    /// for. A response of an error status is a response: [`Response::check`] makes it an error once its body is kept.
    /// All of it takes at most `budget`.
    pub async fn get(&self, request: &Request, sink: &mut dyn Sink, budget: Duration) -> Result<Response, FetchError> {
        let outcome = tokio::time::timeout(budget, self.delivered(request, sink)).await;
        outcome
            .unwrap_or_else(|_| Err(FetchError::Budget { url: request.url.clone(), secs: self.settings.budget_secs }))
    }

    /// Asks until the source has delivered.
    async fn delivered(&self, request: &Request, sink: &mut dyn Sink) -> Result<Response, FetchError> {
        let mut response = self.ask(request, sink).await?;
        let Some(places) = &request.deferred else {
            return Ok(response);
        };
        let mut asked = Next::Again;
        loop {
            let next = match deferred::next(&response.head, &asked) {
                Some(Ok(next)) => next,
                Some(Err(deferred::Broken { state })) => {
                    return Err(FetchError::Promise { url: request.url.clone(), state });
                }
                // The file is not there yet.
                None if matches!(asked, Next::Location(_)) && response.status == 404 => asked,
                None => return Ok(response),
            };
            let url = match &next {
                Next::Again => request.url.clone(),
                Next::Status(key) => places.status.replace("{key}", key),
                Next::Data(key) => places.data.replace("{key}", key),
                Next::Location(url) => same_host(url, &request.url)?,
            };
            if !matches!(next, Next::Data(_)) {
                tracing::info!(url, "the source delivers later");
                tokio::time::sleep(Duration::from_secs(self.settings.poll_secs)).await;
            }
            // Without conditions: what was there before has already been said to be out of date.
            let later = Request { url, accept: request.accept.clone(), ..Request::default() };
            response = self.ask(&later, sink).await?;
            response.delivered_from = Some(later.url).filter(|url| *url != request.url);
            asked = next;
        }
    }

    /// Asks one address, and tries again where that can help.
    async fn ask(&self, request: &Request, sink: &mut dyn Sink) -> Result<Response, FetchError> {
        let url = self.address(&request.url)?;
        let turn = self.pace.turn(url.host_str().unwrap_or_default()).await;
        let mut waits = backon::ExponentialBuilder::default()
            .with_min_delay(Duration::from_millis(self.settings.backoff_ms))
            .with_max_delay(LONGEST_WAIT)
            .with_max_times(self.settings.retries)
            .with_jitter()
            .build();
        let (mut tries, mut partial) = (0, None);
        loop {
            tries += 1;
            turn.begin().await;
            let outcome = match self.transfer(&url, request, sink, tries, &mut partial).await {
                Ok(response) if !matches!(response.status, 429 | 500 | 502 | 503 | 504) => return Ok(response),
                Ok(response) => Ok(response),
                Err(Broken::Final(error)) => return Err(error),
                Err(Broken::Connection(error)) => Err(error),
            };
            let Some(wait) = waits.next() else {
                return outcome;
            };
            let (wait, why) = match &outcome {
                Ok(response) => (
                    retry_after(response, Timestamp::now()).map_or(wait, |asked| asked.min(LONGEST_WAIT)),
                    format!("status {}", response.status),
                ),
                Err(error) => (wait, Report::new(error).one_line()),
            };
            tracing::info!(tries, ?wait, why, "asking again");
            tokio::time::sleep(wait).await;
        }
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
}

/// `Retry-After`, if the response has one: seconds, or the time (RFC 9110, section 10.2.3).
fn retry_after(response: &Response, now: Timestamp) -> Option<Duration> {
    let value = response.header("retry-after")?.trim();
    if let Ok(seconds) = value.parse() {
        return Some(Duration::from_secs(seconds));
    }
    let at = jiff::fmt::rfc2822::parse(value).ok()?.timestamp();
    Some(Duration::try_from(at.duration_since(now)).unwrap_or(Duration::ZERO))
}

/// An address that the source names for later must be its own; it is asked as the first one was.
fn same_host(named: &str, first: &str) -> Result<String, FetchError> {
    let refused = || FetchError::Url { url: named.to_owned() };
    let (mut url, first) = (Url::parse(named).map_err(|_| refused())?, Url::parse(first).map_err(|_| refused())?);
    if url.host_str() != first.host_str() || url.set_scheme(first.scheme()).is_err() {
        return Err(refused());
    }
    Ok(url.into())
}

/// The start of a body without gzip, which sources apply to messages as well as to data.
fn inflated(head: Vec<u8>) -> Vec<u8> {
    if !head.starts_with(&[0x1f, 0x8b]) {
        return head;
    }
    let mut text = Vec::new();
    // Where the head ends in the middle, so does the text.
    let _ = flate2::read::GzDecoder::new(head.as_slice()).take(1 << 16).read_to_end(&mut text);
    text
}

/// The start of a body on one line.
fn excerpt(head: &[u8]) -> String {
    let text = String::from_utf8_lossy(&head[..head.len().min(300)]);
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
            requests_per_second: 0.0,
            budget_secs: 1,
            poll_secs: 0,
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
    fn a_wait_is_asked_for_in_seconds_or_by_the_time() {
        let now: Timestamp = "2026-11-24T08:00:00Z".parse().unwrap();
        let of = |value: &str| {
            let headers = vec![("retry-after".to_owned(), value.to_owned())];
            let response = Response { status: 503, headers, ..Response::default() };
            retry_after(&response, now)
        };
        assert_eq!(of("7"), Some(Duration::from_secs(7)));
        assert_eq!(of("Tue, 24 Nov 2026 08:01:30 GMT"), Some(Duration::from_secs(90)));
        assert_eq!(of("Tue, 24 Nov 2026 07:00:00 GMT"), Some(Duration::ZERO));
        assert_eq!(of("soon"), None);
    }

    #[test]
    fn an_address_for_later_is_of_the_same_host() {
        let first = "https://ec.europa.eu/data/x";
        assert_eq!(same_host("http://ec.europa.eu/file/1", first).unwrap(), "https://ec.europa.eu/file/1");
        assert!(same_host("https://example.org/file/1", first).is_err());
        assert!(same_host("no address", first).is_err());
    }

    #[test]
    fn an_excerpt_is_one_line_of_text() {
        assert_eq!(excerpt(b"<html>\n  <b>no</b>"), "<html> <b>no</b>");
        assert_eq!(excerpt(&[0x1f, 0x8b, 8, 0]), "a body that is not text");
    }
}
