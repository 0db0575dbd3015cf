//! Asks the source of an edition, and keeps what it sends: whole, or in the parts that the pipeline declares.

use std::io;
use std::time::{Duration, Instant};

use jiff::Timestamp;

use super::EditionJob;
use crate::archive::{Delivery, Draft, Part, Sidecar, Snapshot};
use crate::decode::{self, Notice};
use crate::disk::DiskError;
use crate::error::Report;
use crate::fetch::{FetchError, Request, Response, Sink};
use crate::run::summary::FetchOutcome;
use crate::run::{RunError, TOOL};
use crate::spec::{FOUND, PagesSpec, SplitSpec, with_variable};

mod check;
pub(in crate::run) mod discover;

/// What a source sent to one question: its body is in the draft.
struct Answer {
    url: String,
    draft: Draft,
    response: Response,
    /// What it said in place of data.
    notice: Option<Notice>,
}

/// A question that was not answered with data.
enum Unanswered {
    /// What was named, this, has not changed.
    NotModified(Box<Snapshot>),
    /// The source refused, or could not be reached; its message is in the answer, if there is one.
    Failed(Report, Option<Box<Answer>>),
}

impl EditionJob {
    /// Asks the source, unless an interrupted run has just done so, or it says that nothing has changed.
    pub(super) async fn fetch(&mut self, budget: Duration) -> Result<FetchOutcome, RunError> {
        let request = self.pipeline.request.clone();
        let until = Instant::now() + budget;
        if let Some(discover) = &request.discover {
            match self.discover(discover, until).await {
                Ok(found) => _ = self.edition.variables.insert(FOUND.to_owned(), found),
                Err(report) => return Ok(FetchOutcome::Failed(*report)),
            }
        }
        let first_page = request.pages.as_ref().map(|pages| pages.first);
        let whole = match first_page {
            Some(page) => self.part_url(request.url.get_ref(), "page", &page.to_string()),
            None => self.job.project.url(&self.pipeline, &self.edition),
        };
        let mut first_urls = vec![whole.clone()];
        if let Some(split) = &request.split
            && let Some(part) = split.parts.get_ref().first()
        {
            first_urls.push(self.part_url(split.url.get_ref(), "part", part));
        }
        if self.is_resumable(&first_urls)? {
            return Ok(FetchOutcome::Resumed);
        }
        let last_good = self.last_good(&first_urls)?;
        let checked = match &request.check {
            Some(check) => self.check(check, until).await,
            None => None,
        };
        if let (Some(said), Some(last)) = (&checked, &last_good)
            && last.first().sidecar.checked.as_ref() == Some(said)
        {
            self.confirmed = Some(last.vintage());
            return Ok(FetchOutcome::NotModified);
        }
        if let Some(pages) = &request.pages {
            return self.fetch_pages(pages, last_good.as_ref(), checked, until).await;
        }
        if let Some(split) = request.split.as_ref().filter(|split| split.always) {
            return self.fetch_parts(split, last_good.as_ref(), checked, until).await;
        }
        let last = last_good.as_ref().filter(|last| last.first().sidecar.url == whole);
        match self.ask(&whole, last.map(Delivery::first), until).await? {
            Ok(answer) => self.keep_whole(answer, checked),
            Err(Unanswered::NotModified(_)) => {
                self.confirmed = last.map(Delivery::vintage);
                Ok(FetchOutcome::NotModified)
            }
            Err(Unanswered::Failed(report, answer)) => match &request.split {
                Some(split) if answer.as_ref().is_some_and(|answer| answer.is_too_big()) => {
                    tracing::info!(url = whole, "too big for the source: asking for its parts");
                    self.fetch_parts(split, last_good.as_ref(), checked, until).await
                }
                _ => self.failed(report, answer),
            },
        }
    }

    /// One question to the source. `last` is what it gave to the same one, of which it may say that it still holds.
    async fn ask(
        &self,
        url: &str,
        last: Option<&Snapshot>,
        until: Instant,
    ) -> Result<Result<Answer, Unanswered>, RunError> {
        let header = |name| last.and_then(|last| last.sidecar.header(name)).map(str::to_owned);
        let request = Request {
            url: url.to_owned(),
            etag: header("etag"),
            last_modified: header("last-modified"),
            deferred: self.pipeline.request.deferred.clone(),
            accept: None,
        };
        let mut draft = self.job.archive.draft(&self.pipeline.id);
        let budget = until.saturating_duration_since(Instant::now());
        let response = match self.job.client.get(&request, &mut draft, budget).await {
            Ok(response) => response,
            Err(error) => return Ok(Err(Unanswered::Failed(Report::new(&error), None))),
        };
        if let (true, Some(last)) = (response.not_modified(), last) {
            return Ok(Err(Unanswered::NotModified(Box::new(last.clone()))));
        }
        if response.not_modified() {
            // Nothing was named that could be unchanged.
            let excerpt = "to a request without conditions".into();
            let error = FetchError::Status { url: url.to_owned(), status: 304, excerpt };
            return Ok(Err(Unanswered::Failed(Report::new(&error), None)));
        }
        // A source says what is wrong under whatever status; such a body is kept, and is no snapshot.
        let notice = decode::notice(&response.head);
        let failed = match (response.check(url).err(), &notice) {
            (None, Some(notice)) => Some(refused(url, notice)),
            (error, _) => error.map(|error| Report::new(&error)),
        };
        let notice = notice.filter(|_| failed.is_some());
        let answer = Answer { url: url.to_owned(), draft, response, notice };
        Ok(match failed {
            None => Ok(answer),
            Some(report) => Err(Unanswered::Failed(report, Some(Box::new(answer)))),
        })
    }

    /// The parts along a dimension; all of them, or nothing.
    async fn fetch_parts(
        &mut self,
        split: &SplitSpec,
        last_good: Option<&Delivery>,
        checked: Option<String>,
        until: Instant,
    ) -> Result<FetchOutcome, RunError> {
        let mut parts = Vec::new();
        for name in split.parts.get_ref() {
            let url = self.part_url(split.url.get_ref(), "part", name);
            match self.part(&url, last_good, until).await? {
                Ok(answer) => parts.push((name.clone(), answer)),
                Err((report, answer)) => return self.failed(report, answer),
            }
        }
        self.keep_parts(parts, last_good, checked)
    }

    /// The pages, up to the one that is empty; all of them, or nothing.
    async fn fetch_pages(
        &mut self,
        pages: &PagesSpec,
        last_good: Option<&Delivery>,
        checked: Option<String>,
        until: Instant,
    ) -> Result<FetchOutcome, RunError> {
        let mut parts = Vec::new();
        let template = self.pipeline.request.url.get_ref().clone();
        loop {
            let name = (u64::from(pages.first) + parts.len() as u64).to_string();
            let url = self.part_url(&template, "page", &name);
            if parts.len() >= pages.most as usize {
                return Ok(FetchOutcome::Failed(Report {
                    chain: vec![format!("expected at most {} pages, and `{url}` may be one more", pages.most)],
                    snippet: None,
                    hint: Some("raise `most` of `[request.pages]`, or correct `empty`: it is what the source answers behind the last page".into()),
                }));
            }
            match self.part(&url, last_good, until).await? {
                Ok(answer) if answer.is(&pages.empty) => break,
                Ok(answer) => parts.push((name, answer)),
                // An empty page may be a message, as an empty list is to a decoder.
                Err((_, Some(answer))) if answer.is(&pages.empty) => break,
                Err((report, answer)) => return self.failed(report, answer),
            }
        }
        self.keep_parts(parts, last_good, checked)
    }

    /// One part of a delivery. What has not changed is taken from the archive.
    async fn part(
        &self,
        url: &str,
        last_good: Option<&Delivery>,
        until: Instant,
    ) -> Result<Result<Answer, (Report, Option<Box<Answer>>)>, RunError> {
        let last = last_good.into_iter().flat_map(Delivery::parts).find(|part| part.sidecar.url == url);
        match self.ask(url, last, until).await? {
            Ok(answer) => Ok(Ok(answer)),
            Err(Unanswered::Failed(report, answer)) => Ok(Err((report, answer))),
            Err(Unanswered::NotModified(last)) => {
                let mut draft = self.job.archive.draft(&self.pipeline.id);
                if let Err(source) = io::copy(&mut last.open()?, &mut draft) {
                    last.verify()?;
                    return Err(DiskError::Io { action: "copy", path: last.path(), source }.into());
                }
                let response = Response { status: 200, headers: last.sidecar.headers.clone(), ..Response::default() };
                Ok(Ok(Answer { url: url.to_owned(), draft, response, notice: None }))
            }
        }
    }

    fn keep_whole(&mut self, answer: Answer, checked: Option<String>) -> Result<FetchOutcome, RunError> {
        let newest = self.deliveries.last();
        if newest.is_some_and(|newest| newest.hash() == answer.draft.hash()) {
            return Ok(FetchOutcome::NotModified);
        }
        let at = self.next_vintage();
        let snapshot = self.commit(answer, at, None, checked)?;
        let bytes = snapshot.sidecar.raw_bytes;
        self.deliveries.push(Delivery::whole(snapshot));
        Ok(FetchOutcome::Fetched { bytes })
    }

    fn keep_parts(
        &mut self,
        parts: Vec<(String, Answer)>,
        last_good: Option<&Delivery>,
        checked: Option<String>,
    ) -> Result<FetchOutcome, RunError> {
        let hashes = parts.iter().map(|(_, answer)| answer.draft.hash());
        if last_good.is_some_and(|last| last.parts().map(|part| part.sidecar.hash.clone()).eq(hashes)) {
            self.confirmed = last_good.map(Delivery::vintage);
            return Ok(FetchOutcome::NotModified);
        }
        let vintage = self.next_vintage();
        let of = u32::try_from(parts.len()).unwrap_or(u32::MAX);
        let mut kept = Vec::new();
        for (number, (name, answer)) in (1..).zip(parts) {
            // A microsecond apart, so that two parts with equal bytes are two snapshots, and in their order.
            let after = i64::from(number) - 1;
            let at = Timestamp::from_microsecond(vintage.as_microsecond() + after).unwrap_or(vintage);
            let part = Part { name, number, of, vintage };
            kept.push(self.commit(answer, at, Some(part), checked.clone())?);
        }
        let bytes = kept.iter().map(|snapshot| snapshot.sidecar.raw_bytes).sum();
        self.deliveries.extend(Delivery::group(kept));
        Ok(FetchOutcome::Fetched { bytes })
    }

    /// Keeps the message of a source that gave no data, unless it is the one that is kept already.
    fn failed(&self, report: Report, answer: Option<Box<Answer>>) -> Result<FetchOutcome, RunError> {
        if let Some(answer) = answer
            && !self.is_repeated(answer.response.status, &answer.draft.hash())?
        {
            self.commit(*answer, self.next_vintage(), None, None)?;
        }
        Ok(FetchOutcome::Failed(report))
    }

    fn commit(
        &self,
        answer: Answer,
        fetched_at: Timestamp,
        part: Option<Part>,
        checked: Option<String>,
    ) -> Result<Snapshot, RunError> {
        let Answer { url, draft, response, notice } = answer;
        let sidecar = Sidecar {
            pipeline: self.pipeline.id.clone(),
            dataset: self.edition.dataset.clone(),
            url,
            method: "GET".into(),
            status: response.status,
            delivered_from: response.delivered_from,
            refused: notice.map(|notice| notice.text),
            part,
            checked,
            headers: response.headers,
            fetched_at,
            raw_bytes: 0,
            hash: String::new(),
            file: String::new(),
            tool: TOOL.into(),
        };
        Ok(draft.commit(self.pipeline.decode.format.extension(), sidecar)?)
    }

    /// Now, to the microsecond that file names and the lake keep; a clock that was ahead must not hide what comes
    /// after it.
    fn next_vintage(&self) -> Timestamp {
        let now = Timestamp::now();
        let now = Timestamp::from_microsecond(now.as_microsecond()).unwrap_or(now);
        let newest = self.deliveries.last().and_then(|newest| newest.parts().last());
        match newest.map(|newest| newest.sidecar.fetched_at) {
            Some(newest) if newest >= now => {
                tracing::warn!(pipeline = self.pipeline.id, %newest, "the newest snapshot is of the future: is the clock right?");
                Timestamp::from_microsecond(newest.as_microsecond() + 1).unwrap_or(newest)
            }
            _ => now,
        }
    }

    /// The address of a part; an unknown variable was found when the pipeline was read.
    fn part_url(&self, template: &str, variable: &str, value: &str) -> String {
        with_variable(template, &self.edition, variable, value).unwrap_or_else(|_| template.to_owned())
    }

    /// The newest delivery that these rules did not fail on and that answers the question that is asked now.
    fn last_good(&self, first_urls: &[String]) -> Result<Option<Delivery>, RunError> {
        for delivery in self.deliveries.iter().rev() {
            if delivery.failure(&self.rules)?.is_none() && first_urls.contains(&delivery.first().sidecar.url) {
                return Ok(Some(delivery.clone()));
            }
        }
        Ok(None)
    }

    /// Whether this very message is the last that is kept: a source that is down for a week says the same each time.
    fn is_repeated(&self, status: u16, hash: &str) -> Result<bool, RunError> {
        let entries = self.job.archive.entries(&self.pipeline.id)?;
        let mut newest = entries.iter().rev().map(|entry| &entry.sidecar);
        let last = newest.find(|sidecar| sidecar.dataset == self.edition.dataset);
        Ok(last.is_some_and(|last| last.status == status && last.hash == hash))
    }

    /// Whether the newest delivery is good, new enough, and of no published build although it has rows for one.
    fn is_resumable(&self, first_urls: &[String]) -> Result<bool, RunError> {
        let Some(newest) = self.deliveries.last().filter(|newest| first_urls.contains(&newest.first().sidecar.url))
        else {
            return Ok(false);
        };
        let (hash, vintage) = (&newest.first().sidecar.hash, newest.vintage());
        let is_published = self.job.published.as_ref().is_some_and(|manifest| {
            manifest.inputs.iter().any(|input| input.snapshot == *hash && input.fetched_at == vintage)
        });
        let changes_nothing = self
            .existing
            .iter()
            .any(|partition| partition.description.vintage == vintage && partition.description.rows == 0);
        let age = self.job.now.duration_since(vintage);
        let fresh = age.as_secs() < i64::try_from(self.job.project.settings.fetch.resume_secs).unwrap_or(i64::MAX);
        Ok(!is_published && !changes_nothing && fresh && newest.failure(&self.rules)?.is_none())
    }
}

impl Answer {
    /// Whether the source says that the table is more than it gives at once.
    fn is_too_big(&self) -> bool {
        self.response.status == 413 || self.notice.as_ref().is_some_and(|notice| notice.text.contains(TOO_BIG))
    }

    /// Whether the body is this, blanks apart.
    fn is(&self, text: &str) -> bool {
        let is_all = self.response.body_bytes <= 1024;
        is_all && self.response.head.trim_ascii() == text.trim().as_bytes()
    }
}

/// In what sources call a table that is more than they give at once.
const TOO_BIG: &str = "TOO_BIG";

/// That a source sent a message under the status of success.
fn refused(url: &str, notice: &Notice) -> Report {
    let hint = match notice.text.contains(TOO_BIG) {
        true => "ask for less of the table in `request.url`, or for its parts with `[request.split]`",
        false => "change the request as the message says; the next run asks again",
    };
    Report {
        chain: vec![format!("expected data from `{url}`, found a message: {}", notice.text)],
        snippet: None,
        hint: Some(hint.into()),
    }
}

impl Sink for Draft {
    fn restart(&mut self) -> io::Result<()> {
        Draft::restart(self);
        Ok(())
    }
}
