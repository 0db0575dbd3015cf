//! A server on loopback that is sent things: it keeps each request, and answers as it is told.

use std::collections::VecDeque;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// A request that came.
#[derive(Clone)]
pub struct Sent {
    pub path: String,
    pub headers: Vec<(String, String)>,
    pub body: Vec<u8>,
}

impl Sent {
    /// The value of a header, by its name in lower case.
    #[track_caller]
    pub fn header(&self, name: &str) -> &str {
        let found = self.headers.iter().find(|(found, _)| found == name);
        &found.unwrap_or_else(|| panic!("no header `{name}` in {:?}", self.headers)).1
    }

    pub fn json(&self) -> serde_json::Value {
        serde_json::from_slice(&self.body).unwrap()
    }
}

#[derive(Default)]
struct State {
    sent: Vec<Sent>,
    /// Status and delay of the next answers; the last one stays.
    answers: VecDeque<(u16, Duration)>,
}

/// A running server.
pub struct Receiver {
    address: String,
    state: Arc<Mutex<State>>,
}

impl Receiver {
    pub fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = format!("http://{}", listener.local_addr().unwrap());
        let state = Arc::new(Mutex::new(State::default()));
        let shared = state.clone();
        // It ends with the process: a test that is done sends nothing more to it.
        std::thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                let state = shared.clone();
                std::thread::spawn(move || {
                    // A client that hangs up is the client's affair.
                    let _ = serve(&stream, &state);
                });
            }
        });
        Receiver { address, state }
    }

    pub fn address(&self) -> String {
        self.address.clone()
    }

    /// Sets the statuses of the next answers; the last one stays.
    pub fn answers(&self, statuses: impl IntoIterator<Item = u16>) {
        self.state.lock().unwrap().answers = statuses.into_iter().map(|status| (status, Duration::ZERO)).collect();
    }

    /// Every answer comes so late.
    pub fn delays(&self, delay: Duration) {
        self.state.lock().unwrap().answers = VecDeque::from([(200, delay)]);
    }

    /// What came since the last call.
    pub fn sent(&self) -> Vec<Sent> {
        std::mem::take(&mut self.state.lock().unwrap().sent)
    }
}

fn serve(mut stream: &TcpStream, state: &Mutex<State>) -> std::io::Result<()> {
    let mut reader = BufReader::new(stream.try_clone()?);
    loop {
        let mut line = String::new();
        if reader.read_line(&mut line)? == 0 {
            return Ok(());
        }
        let path = line.split(' ').nth(1).unwrap_or_default().to_owned();
        let mut headers = Vec::new();
        loop {
            let mut header = String::new();
            reader.read_line(&mut header)?;
            let Some((name, value)) = header.trim().split_once(':') else {
                break;
            };
            headers.push((name.to_ascii_lowercase(), value.trim().to_owned()));
        }
        let length = headers.iter().find(|(name, _)| name == "content-length");
        let mut body = vec![0; length.map_or(0, |(_, length)| length.parse().unwrap())];
        reader.read_exact(&mut body)?;
        let (status, delay) = {
            let mut state = state.lock().unwrap();
            state.sent.push(Sent { path, headers, body });
            let answers = &mut state.answers;
            let next = if answers.len() > 1 { answers.pop_front() } else { answers.front().copied() };
            next.unwrap_or((200, Duration::ZERO))
        };
        std::thread::sleep(delay);
        stream.write_all(format!("HTTP/1.1 {status} x\r\nContent-Length: 0\r\n\r\n").as_bytes())?;
    }
}
