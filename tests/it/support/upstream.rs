//! The scripted source of `tejido replay`, on a runtime of its own, with the shorthands of the tests.

use std::io::Write;
use std::time::Duration;

use tejido::replay::{self, Script};

/// How to answer one address.
#[derive(Clone)]
pub struct Answer {
    pub status: u16,
    pub headers: Vec<(String, String)>,
    pub body: Vec<u8>,
    /// Close after so many bytes of the body.
    pub cut: Option<usize>,
    /// Wait before answering.
    pub delay: Duration,
    /// Whether parts of the body can be asked for.
    pub ranges: bool,
    /// A length to promise in place of the true one.
    pub promised: Option<usize>,
}

impl Answer {
    /// Status 200 with an ETag of the content.
    pub fn ok(body: impl Into<Vec<u8>>) -> Self {
        let body = body.into();
        let etag = format!("\"{}\"", &blake3::hash(&body).to_hex()[..16]);
        Answer {
            status: 200,
            headers: vec![("ETag".into(), etag)],
            body,
            cut: None,
            delay: Duration::ZERO,
            ranges: false,
            promised: None,
        }
    }

    pub fn status(status: u16, body: &str) -> Self {
        Answer { status, headers: Vec::new(), ..Answer::ok(body) }
    }

    pub fn gzip(mut self) -> Self {
        let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
        encoder.write_all(&self.body).unwrap();
        self.body = encoder.finish().unwrap();
        self
    }

    pub fn header(mut self, name: &str, value: &str) -> Self {
        self.headers.push((name.into(), value.into()));
        self
    }

    /// Parts of the body can be asked for.
    pub fn ranges(mut self) -> Self {
        self.ranges = true;
        self.header("Accept-Ranges", "bytes")
    }

    pub fn delay(mut self, delay: Duration) -> Self {
        self.delay = delay;
        self
    }

    /// The connection closes in the middle of the body.
    pub fn cut(mut self, after: usize) -> Self {
        self.cut = Some(after);
        self
    }

    fn played(self) -> replay::Answer {
        let Answer { status, headers, body, cut, delay, ranges, promised } = self;
        replay::Answer { status, headers, cut_after: cut, delay, ranges, length: promised, ..replay::Answer::new(body) }
    }
}

/// In the addresses at which Eurostat says when a table last changed.
const CHECK: &str = "/sdmx/3.0/structure/dataflow/";

/// A running server.
pub struct Upstream {
    upstream: replay::Upstream,
    _runtime: tokio::runtime::Runtime,
}

impl Upstream {
    pub fn start() -> Self {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
        let address = "127.0.0.1:0".parse().unwrap();
        let upstream =
            runtime.block_on(replay::Upstream::start(address, Script::new("no such table\n"), |_| ())).unwrap();
        Upstream { upstream, _runtime: runtime }
    }

    pub fn address(&self) -> String {
        self.upstream.mirror()
    }

    /// Sets the answer to a documented address (without the scheme).
    pub fn answer(&self, address: &str, answer: Answer) {
        self.answers(address, [answer]);
    }

    /// Sets what is answered to a documented address, one after the other.
    pub fn answers(&self, address: &str, answers: impl IntoIterator<Item = Answer>) {
        self.upstream.script().set(&format!("https://{address}"), answers.into_iter().map(Answer::played));
    }

    /// What was asked for data since the last call: status and path.
    pub fn asked(&self) -> Vec<String> {
        self.asked_all().into_iter().filter(|line| !line.contains(CHECK)).collect()
    }

    /// The same, and the questions about the last change.
    pub fn asked_all(&self) -> Vec<String> {
        self.upstream.script().asked()
    }
}
