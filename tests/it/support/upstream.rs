//! A scripted source on loopback: answers by path, each of which can be wrong in its own way.
//!
//! It speaks HTTP/1.1 by itself, since what it must be able to do (close in the middle of a body, promise
//! another length) is what a web framework prevents.

use std::collections::{HashMap, VecDeque};
use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::time::Duration;

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
}

/// In the addresses at which Eurostat says when a table last changed.
const CHECK: &str = "/sdmx/3.0/structure/dataflow/";

#[derive(Default)]
struct Script {
    /// The answers to an address, one after the other; the last one stays.
    answers: HashMap<String, VecDeque<Answer>>,
    asked: Vec<String>,
}

/// A running server.
pub struct Upstream {
    address: String,
    script: Arc<Mutex<Script>>,
}

impl Upstream {
    pub fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = format!("http://{}", listener.local_addr().unwrap());
        let script = Arc::new(Mutex::new(Script::default()));
        let shared = script.clone();
        // It ends with the process: a test that is done asks nothing more of it.
        std::thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                let script = shared.clone();
                std::thread::spawn(move || {
                    // A client that hangs up is the client's affair.
                    let _ = serve(&stream, &script);
                });
            }
        });
        Upstream { address, script }
    }

    pub fn address(&self) -> String {
        self.address.clone()
    }

    /// Sets the answer to a documented address (without the scheme).
    pub fn answer(&self, address: &str, answer: Answer) {
        self.answers(address, [answer]);
    }

    /// Sets what is answered to a documented address, one after the other.
    pub fn answers(&self, address: &str, answers: impl IntoIterator<Item = Answer>) {
        self.script.lock().unwrap().answers.insert(format!("/{address}"), answers.into_iter().collect());
    }

    /// What was asked for data since the last call: status and path.
    pub fn asked(&self) -> Vec<String> {
        self.asked_all().into_iter().filter(|line| !line.contains(CHECK)).collect()
    }

    /// The same, and the questions about the last change.
    pub fn asked_all(&self) -> Vec<String> {
        std::mem::take(&mut self.script.lock().unwrap().asked)
    }
}

fn serve(mut stream: &TcpStream, script: &Mutex<Script>) -> std::io::Result<()> {
    let mut reader = BufReader::new(stream.try_clone()?);
    loop {
        let mut line = String::new();
        if reader.read_line(&mut line)? == 0 {
            return Ok(());
        }
        let path = line.split(' ').nth(1).unwrap_or_default().to_owned();
        let (mut if_none_match, mut if_range, mut range) = (String::new(), String::new(), String::new());
        loop {
            let mut header = String::new();
            reader.read_line(&mut header)?;
            if header.trim().is_empty() {
                break;
            }
            let (name, value) = header.split_once(':').unwrap_or_default();
            match name.to_ascii_lowercase().as_str() {
                "if-none-match" => if_none_match = value.trim().to_owned(),
                "if-range" => if_range = value.trim().to_owned(),
                "range" => range = value.trim().to_owned(),
                _ => {}
            }
        }
        let mut answer = {
            let mut script = script.lock().unwrap();
            let answers = script.answers.get_mut(&path);
            let next = answers
                .and_then(|answers| if answers.len() > 1 { answers.pop_front() } else { answers.front().cloned() });
            next.unwrap_or_else(|| Answer::status(404, "no such table\n"))
        };
        let etag = answer.headers.iter().find(|(name, _)| name == "ETag").map(|(_, value)| value.clone());
        if answer.status == 200 && etag.as_ref().is_some_and(|etag| *etag == if_none_match) {
            answer.status = 304;
            answer.body.clear();
        }
        let from = range.strip_prefix("bytes=").and_then(|range| range.strip_suffix('-')?.parse::<usize>().ok());
        if let Some(from) = from.filter(|_| answer.ranges && etag.is_some_and(|etag| etag == if_range)) {
            let whole = answer.body.len();
            answer.status = 206;
            answer.headers.push(("Content-Range".into(), format!("bytes {from}-{}/{whole}", whole - 1)));
            answer.body.drain(..from);
        }
        script.lock().unwrap().asked.push(format!("{} {path}", answer.status));
        std::thread::sleep(answer.delay);
        let mut head = format!(
            "HTTP/1.1 {} x\r\nContent-Length: {}\r\n",
            answer.status,
            answer.promised.unwrap_or(answer.body.len())
        );
        for (name, value) in &answer.headers {
            head.push_str(&format!("{name}: {value}\r\n"));
        }
        stream.write_all(format!("{head}\r\n").as_bytes())?;
        match answer.cut {
            None if answer.promised.is_some() => {
                stream.write_all(&answer.body)?;
                return stream.shutdown(std::net::Shutdown::Both);
            }
            Some(after) => {
                stream.write_all(&answer.body[..after.min(answer.body.len())])?;
                return stream.shutdown(std::net::Shutdown::Both);
            }
            None => stream.write_all(&answer.body)?,
        }
    }
}
