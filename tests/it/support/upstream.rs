//! A scripted source on loopback: answers by path, each of which can be wrong in its own way.
//!
//! It speaks HTTP/1.1 by itself, since what it must be able to do (close in the middle of a body, promise
//! another length) is what a web framework prevents.

use std::collections::HashMap;
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
}

impl Answer {
    /// Status 200 with an ETag of the content.
    pub fn ok(body: impl Into<Vec<u8>>) -> Self {
        let body = body.into();
        let etag = format!("\"{}\"", &blake3::hash(&body).to_hex()[..16]);
        Answer { status: 200, headers: vec![("ETag".into(), etag)], body, cut: None, delay: Duration::ZERO }
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

    /// The connection closes in the middle of the body.
    pub fn cut(mut self, after: usize) -> Self {
        self.cut = Some(after);
        self
    }
}

#[derive(Default)]
struct Script {
    answers: HashMap<String, Answer>,
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
        self.script.lock().unwrap().answers.insert(format!("/{address}"), answer);
    }

    /// What was asked since the last call: status and path.
    pub fn asked(&self) -> Vec<String> {
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
        let mut if_none_match = String::new();
        loop {
            let mut header = String::new();
            reader.read_line(&mut header)?;
            if header.trim().is_empty() {
                break;
            }
            if let Some((name, value)) = header.split_once(':')
                && name.eq_ignore_ascii_case("if-none-match")
            {
                if_none_match = value.trim().to_owned();
            }
        }
        let mut answer = script
            .lock()
            .unwrap()
            .answers
            .get(&path)
            .cloned()
            .unwrap_or_else(|| Answer::status(404, "no such table\n"));
        let etag = answer.headers.iter().find(|(name, _)| name == "ETag").map(|(_, value)| value.clone());
        if answer.status == 200 && etag.is_some_and(|etag| etag == if_none_match) {
            answer.status = 304;
            answer.body.clear();
        }
        script.lock().unwrap().asked.push(format!("{} {path}", answer.status));
        std::thread::sleep(answer.delay);
        let mut head = format!("HTTP/1.1 {} x\r\nContent-Length: {}\r\n", answer.status, answer.body.len());
        for (name, value) in &answer.headers {
            head.push_str(&format!("{name}: {value}\r\n"));
        }
        stream.write_all(format!("{head}\r\n").as_bytes())?;
        match answer.cut {
            Some(after) => {
                stream.write_all(&answer.body[..after.min(answer.body.len())])?;
                return stream.shutdown(std::net::Shutdown::Both);
            }
            None => stream.write_all(&answer.body)?,
        }
    }
}
