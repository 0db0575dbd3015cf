//! `tejido replay --script FILE`: the answers of a source, written down.
//!
//! ```toml
//! [[answers]]                      # answers to one address are given one after the other, the last one stays
//! url = "https://ec.europa.eu/…"   # the documented address
//! status = 200
//! headers = { ETag = '"7"' }
//! file = "isoc_eb_ai.tsv"          # beside the script; or body = "text"
//! gzip = true                      # compress it, without a Content-Encoding
//! delay_ms = 500                   # wait before the answer
//! cut_after = 1500                 # break the connection after so many bytes
//! length = 5000                    # the Content-Length to promise
//! ranges = true                    # parts of the body can be asked for
//! times = 2                        # how often, before the next answer
//! ```

use std::collections::BTreeMap;
use std::io::{self, Write};
use std::path::Path;
use std::time::Duration;

use serde::Deserialize;
use toml::Spanned;

use super::upstream::{Answer, Script};
use super::{ReplayError, mirrored};
use crate::disk;
use crate::error::Snippet;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    answers: Vec<Spanned<WrittenAnswer>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct WrittenAnswer {
    url: String,
    #[serde(default = "ok")]
    status: u16,
    #[serde(default)]
    headers: BTreeMap<String, String>,
    file: Option<String>,
    body: Option<String>,
    #[serde(default)]
    gzip: bool,
    #[serde(default)]
    delay_ms: u64,
    cut_after: Option<usize>,
    length: Option<usize>,
    #[serde(default)]
    ranges: bool,
    #[serde(default = "once")]
    times: usize,
}

fn ok() -> u16 {
    200
}

fn once() -> usize {
    1
}

impl Script {
    /// Reads a script.
    pub fn load(path: &Path) -> Result<Self, ReplayError> {
        let text = disk::read_text(path)?;
        let wrong = |message: String, span: std::ops::Range<usize>| ReplayError::Response {
            message,
            snippet: Box::new(Snippet::new(path, &text, span, "")),
        };
        let written: Written = toml::from_str(&text)
            .map_err(|error| wrong(error.message().trim().to_owned(), error.span().unwrap_or(0..0)))?;
        let mut script = Script::default();
        for answer in written.answers {
            let span = answer.span();
            let answer = answer.into_inner();
            if mirrored(&answer.url).is_none() {
                return Err(wrong(format!("expected a documented address, found `{}`", answer.url), span));
            }
            if !(100..=599).contains(&answer.status) {
                return Err(wrong(format!("expected a status of HTTP, found {}", answer.status), span));
            }
            let mut body = match (&answer.file, &answer.body) {
                (Some(_), Some(_)) => return Err(wrong("expected `file` or `body`, found both".into(), span)),
                (Some(file), None) => disk::read(&path.parent().unwrap_or(Path::new(".")).join(file))?,
                (None, text) => text.clone().unwrap_or_default().into_bytes(),
            };
            if answer.gzip {
                body = compressed(&body).map_err(ReplayError::Port)?;
            }
            let played = Answer {
                status: answer.status,
                headers: answer.headers.into_iter().collect(),
                cut_after: answer.cut_after,
                delay: Duration::from_millis(answer.delay_ms),
                ranges: answer.ranges,
                length: answer.length,
                ..Answer::new(body)
            };
            (0..answer.times.max(1)).for_each(|_| script.add(&answer.url, played.clone()));
        }
        Ok(script)
    }
}

pub(super) fn compressed(body: &[u8]) -> io::Result<Vec<u8>> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    encoder.write_all(body)?;
    encoder.finish()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn loaded(text: &str) -> Result<Script, ReplayError> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("script.toml");
        disk::write_atomic(&path, text.as_bytes()).unwrap();
        Script::load(&path)
    }

    #[test]
    fn a_script_says_who_answers_what() {
        let script = loaded(
            "[[answers]]\nurl = \"https://a.invalid/x?y=1\"\nstatus = 503\ntimes = 2\nheaders = { Retry-After = \"1\" }\n\
             [[answers]]\nurl = \"https://a.invalid/x?y=1\"\nbody = \"z\"\n",
        );
        assert_eq!(script.unwrap().addresses(), 1);
        for (text, expected) in [
            ("[[answers]]\nurl = \"x\"\n", "expected a documented address, found `x`"),
            ("[[answers]]\nurl = \"https://a.invalid/\"\nstatus = 7\n", "expected a status of HTTP, found 7"),
            ("[[answers]]\nurl = \"https://a.invalid/\"\nfile = \"a\"\nbody = \"b\"\n", "found both"),
            ("[[answers]]\nurl = \"https://a.invalid/\"\ndelay = 7\n", "unknown field `delay`"),
            ("[[answers]]\nurl = \"https://a.invalid/\"\nfile = \"none\"\n", "could not read"),
        ] {
            let error = loaded(text).err().unwrap().to_string();
            assert!(error.contains(expected), "{error}");
        }
    }
}
