//! The cheap question before the dear one: when did the table last change?

use std::io::{self, Write};
use std::time::Instant;

use super::EditionJob;
use crate::decode;
use crate::error::Report;
use crate::fetch::{Request, Sink};
use crate::spec::{CheckSpec, substitute};

/// A structure with all of its annotations is a hundredth of this.
const MAX_BYTES: usize = 1 << 24;

/// An answer without annotations is compared as a whole, and must be short to be one.
const MAX_WHOLE_BYTES: usize = 4096;

impl EditionJob {
    /// What the source says of its last change. That it cannot say is no failure: then the data are asked for.
    pub(super) async fn check(&self, check: &CheckSpec, until: Instant) -> Option<String> {
        let url = substitute(check.url.get_ref(), &self.edition).ok()?;
        let request = Request { url: url.clone(), ..Request::default() };
        let mut body = Body::new(MAX_BYTES);
        let budget = until.saturating_duration_since(Instant::now());
        let answer = self.job.client.get(&request, &mut body, budget).await;
        let said = match answer.and_then(|response| response.check(&url)) {
            Ok(()) if check.annotations.is_empty() => {
                let text = String::from_utf8_lossy(body.bytes.trim_ascii()).into_owned();
                (!text.is_empty() && text.len() <= MAX_WHOLE_BYTES).then_some(text)
            }
            Ok(()) => decode::annotations(&body.bytes, &check.annotations).map(|said| {
                let named = check.annotations.iter().zip(said).map(|(name, said)| format!("{name} {said}"));
                named.collect::<Vec<_>>().join(", ")
            }),
            Err(error) => {
                tracing::info!(url, "no word of the last change: {}", Report::new(&error).one_line());
                return None;
            }
        };
        if said.is_none() {
            tracing::info!(url, "the answer does not say when the table last changed");
        }
        said
    }
}

/// A short body in memory.
pub(super) struct Body {
    pub(super) bytes: Vec<u8>,
    most: usize,
}

impl Body {
    pub(super) fn new(most: usize) -> Self {
        Body { bytes: Vec::new(), most }
    }
}

impl Write for Body {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self.bytes.len() + bytes.len() > self.most {
            true => {
                Err(io::Error::other(format!("the answer is longer than the {} bytes that fit its use", self.most)))
            }
            false => self.bytes.write(bytes),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Sink for Body {
    fn restart(&mut self) -> io::Result<()> {
        self.bytes.clear();
        Ok(())
    }
}
