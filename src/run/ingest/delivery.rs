//! Asks the source of an edition, and keeps what it sends.

use std::io;
use std::time::Duration;

use jiff::Timestamp;

use super::EditionJob;
use crate::archive::{Draft, Sidecar};
use crate::decode::{self, Notice};
use crate::error::Report;
use crate::fetch::{FetchError, Request, Sink};
use crate::run::RunError;
use crate::run::summary::FetchOutcome;

impl EditionJob {
    /// Asks the source, unless an interrupted run has just done so.
    pub(super) async fn fetch(&mut self, budget: Duration) -> Result<FetchOutcome, RunError> {
        let url = self.job.project.url(&self.pipeline, &self.edition);
        if self.is_resumable()? {
            return Ok(FetchOutcome::Resumed);
        }
        let mut last_good = None;
        for snapshot in self.snapshots.iter().rev() {
            if snapshot.failure(&self.rules)?.is_none() && snapshot.sidecar.url == url {
                last_good = Some(&snapshot.sidecar);
                break;
            }
        }
        let header = |name| last_good.and_then(|sidecar| sidecar.header(name)).map(str::to_owned);
        let request = Request {
            url: url.clone(),
            etag: header("etag"),
            last_modified: header("last-modified"),
            deferred: self.pipeline.request.deferred.clone(),
        };
        let mut draft = self.job.archive.draft(&self.pipeline.id)?;
        let response = match self.job.client.get(&request, &mut draft, budget).await {
            Ok(response) if response.not_modified() => {
                if last_good.is_none() {
                    // Nothing was named that could be unchanged.
                    let error =
                        FetchError::Status { url, status: 304, excerpt: "to a request without conditions".into() };
                    return Ok(FetchOutcome::Failed(Report::new(&error)));
                }
                self.confirmed = last_good.map(|sidecar| sidecar.fetched_at);
                return Ok(FetchOutcome::NotModified);
            }
            Ok(response) => response,
            Err(error) => return Ok(FetchOutcome::Failed(Report::new(&error))),
        };
        // A source says what is wrong under whatever status; such a body is kept, and is no snapshot.
        let notice = decode::notice(&response.head);
        let failed = match (response.check(&url).err(), &notice) {
            (None, Some(notice)) => Some(refused(&url, notice)),
            (error, _) => error.map(|error| Report::new(&error)),
        };
        let newest = self.snapshots.last().map(|snapshot| &snapshot.sidecar);
        if failed.is_none() && newest.is_some_and(|newest| newest.hash == draft.hash()) {
            return Ok(FetchOutcome::NotModified);
        }
        if let Some(report) = failed.clone()
            && self.is_repeated(response.status, &draft.hash())?
        {
            return Ok(FetchOutcome::Failed(report));
        }
        // A clock that was ahead must not hide what comes after it.
        let now = now_micros();
        let fetched_at = match newest.map(|newest| newest.fetched_at) {
            Some(newest) if newest >= now => {
                tracing::warn!(pipeline = self.pipeline.id, %newest, "the newest snapshot is of the future: is the clock right?");
                Timestamp::from_microsecond(newest.as_microsecond() + 1).unwrap_or(newest)
            }
            _ => now,
        };
        let snapshot = draft.commit(
            self.pipeline.decode.format.extension(),
            Sidecar {
                pipeline: self.pipeline.id.clone(),
                dataset: self.edition.dataset.clone(),
                url,
                method: "GET".into(),
                status: response.status,
                delivered_from: response.delivered_from,
                refused: notice.filter(|_| failed.is_some()).map(|notice| notice.text),
                headers: response.headers,
                fetched_at,
                raw_bytes: 0,
                hash: String::new(),
                file: String::new(),
                tool: concat!("tejido ", env!("CARGO_PKG_VERSION")).into(),
            },
        )?;
        Ok(match failed {
            Some(report) => FetchOutcome::Failed(report),
            None => {
                let bytes = snapshot.sidecar.raw_bytes;
                self.snapshots.push(snapshot);
                FetchOutcome::Fetched { bytes }
            }
        })
    }

    /// Whether this very message is the last that is kept: a source that is down for a week says the same each time.
    fn is_repeated(&self, status: u16, hash: &str) -> Result<bool, RunError> {
        let entries = self.job.archive.entries(&self.pipeline.id)?;
        let last =
            entries.iter().rev().map(|entry| &entry.sidecar).find(|sidecar| sidecar.dataset == self.edition.dataset);
        Ok(last.is_some_and(|last| last.status == status && last.hash == hash))
    }

    /// Whether the newest snapshot is good, new enough, and of no published build although it has rows for one.
    fn is_resumable(&self) -> Result<bool, RunError> {
        let url = self.job.project.url(&self.pipeline, &self.edition);
        let Some(newest) = self.snapshots.last().filter(|newest| newest.sidecar.url == url) else {
            return Ok(false);
        };
        let hash = newest.sidecar.hash.as_str();
        let is_published = self.job.published.as_ref().is_some_and(|manifest| {
            manifest.inputs.iter().any(|input| input.snapshot == hash && input.fetched_at == newest.sidecar.fetched_at)
        });
        let changes_nothing = self.existing.iter().any(|partition| {
            partition.description.vintage == newest.sidecar.fetched_at && partition.description.rows == 0
        });
        let age = self.job.now.duration_since(newest.sidecar.fetched_at);
        let fresh = age.as_secs() < i64::try_from(self.job.project.settings.fetch.resume_secs).unwrap_or(i64::MAX);
        Ok(!is_published && !changes_nothing && fresh && newest.failure(&self.rules)?.is_none())
    }
}

/// That a source sent a message under the status of success.
fn refused(url: &str, notice: &Notice) -> Report {
    let hint = match notice.text.contains("TOO_BIG") {
        true => "ask for less of the table: name codes of a dimension in `request.url`",
        false => "change the request as the message says; the next run asks again",
    };
    Report {
        chain: vec![format!("expected data from `{url}`, found a message: {}", notice.text)],
        snippet: None,
        hint: Some(hint.into()),
    }
}

/// Now, to the microsecond that file names and the lake keep.
fn now_micros() -> Timestamp {
    let now = Timestamp::now();
    Timestamp::from_microsecond(now.as_microsecond()).unwrap_or(now)
}

impl Sink for Draft {
    fn restart(&mut self) -> io::Result<()> {
        Draft::restart(self)
    }
}
