//! One try: the request, and the body as it comes, which a broken connection may leave to be continued.

use futures_util::StreamExt;
use reqwest::{StatusCode, header};
use url::Url;

use super::digest::Checksum;
use super::{Client, FetchError, Request, Response, Sink, excerpt, inflated};

/// Bytes of a body that are kept for messages and for what it may say in place of data.
const HEAD_BYTES: usize = 1 << 12;

/// What came of a body before the connection broke, if it can be continued.
pub(super) struct Partial {
    response: Response,
    checksum: Option<Checksum>,
    /// A strong ETag or the time of the last change: without one, the rest could be that of another body.
    validator: String,
}

/// How one try ended: a broken connection is worth another.
pub(super) enum Broken {
    /// The connection, or what came over it.
    Connection(FetchError),
    /// Nothing that another try could help.
    Final(FetchError),
}

impl Client {
    /// Asks once. With a `partial`, for what is missing of it; when the connection breaks in a body that can be
    /// continued, that is left in `partial`.
    pub(super) async fn transfer(
        &self,
        url: &Url,
        request: &Request,
        sink: &mut dyn Sink,
        tries: usize,
        partial: &mut Option<Partial>,
    ) -> Result<Response, Broken> {
        let keep = |source| Broken::Final(FetchError::Sink { url: request.url.clone(), source });
        let connection = |source: reqwest::Error| {
            Broken::Connection(FetchError::Connection { url: request.url.clone(), tries, source: source.without_url() })
        };
        let mut ask = self.http.get(url.clone()).header(header::ACCEPT, request.accept.as_deref().unwrap_or("*/*"));
        let before = partial.take();
        if let Some(before) = &before {
            let range = format!("bytes={}-", before.response.body_bytes);
            ask = ask.header(header::RANGE, range).header(header::IF_RANGE, &before.validator);
        } else {
            for (name, value) in
                [(header::IF_NONE_MATCH, &request.etag), (header::IF_MODIFIED_SINCE, &request.last_modified)]
            {
                if let Some(value) = value {
                    ask = ask.header(name, value);
                }
            }
        }
        let answer = match ask.send().await {
            Ok(answer) => answer,
            Err(error) => {
                // What has come is still what has come.
                *partial = before;
                return Err(connection(error));
            }
        };
        let status = answer.status();
        let (mut response, mut checksum) = match before {
            Some(before) if status == StatusCode::PARTIAL_CONTENT && continues(&answer, &before) => {
                (before.response, before.checksum)
            }
            // The source has the right to send the whole again.
            _ => {
                sink.restart().map_err(keep)?;
                let headers: Vec<(String, String)> = answer
                    .headers()
                    .iter()
                    .map(|(name, value)| (name.to_string(), String::from_utf8_lossy(value.as_bytes()).into_owned()))
                    .collect();
                let checksum = (status == StatusCode::OK).then(|| Checksum::stated(&headers)).flatten();
                let response = Response {
                    status: status.as_u16(),
                    headers,
                    body_bytes: 0,
                    excerpt: String::new(),
                    head: Vec::new(),
                    delivered_from: None,
                };
                (response, checksum)
            }
        };
        let mut body = answer.bytes_stream();
        while let Some(chunk) = body.next().await {
            let chunk = match chunk {
                Ok(chunk) => chunk,
                Err(error) => {
                    *partial = resumable(response, checksum);
                    return Err(connection(error));
                }
            };
            response.body_bytes += chunk.len() as u64;
            if response.body_bytes > self.settings.max_body_bytes {
                let limit = self.settings.max_body_bytes;
                return Err(Broken::Final(FetchError::TooLarge { url: request.url.clone(), limit }));
            }
            let room = HEAD_BYTES - response.head.len().min(HEAD_BYTES);
            response.head.extend(chunk.iter().take(room));
            if let Some(checksum) = &mut checksum {
                checksum.update(&chunk);
            }
            sink.write_all(&chunk).map_err(keep)?;
        }
        if let Some(header) = checksum.and_then(Checksum::contradicted) {
            return Err(Broken::Connection(FetchError::Checksum { url: request.url.clone(), header }));
        }
        response.head = inflated(response.head);
        response.excerpt = excerpt(&response.head);
        Ok(response)
    }
}

/// Whether a partial answer begins where the body broke off.
fn continues(answer: &reqwest::Response, before: &Partial) -> bool {
    let range = answer.headers().get(header::CONTENT_RANGE).and_then(|value| value.to_str().ok());
    range
        .and_then(|range| range.trim().strip_prefix("bytes "))
        .and_then(|range| range.split('-').next()?.parse::<u64>().ok())
        .is_some_and(|start| start == before.response.body_bytes)
}

/// What can be continued: a whole answer of a source that takes ranges and says which body it is.
fn resumable(response: Response, checksum: Option<Checksum>) -> Option<Partial> {
    let header = |name: &str| response.header(name).map(str::to_owned);
    let takes_ranges = header("accept-ranges").is_some_and(|units| units.contains("bytes"));
    let validator = header("etag").filter(|etag| !etag.starts_with("W/")).or_else(|| header("last-modified"))?;
    let is_whole = response.status == 200 && response.body_bytes > 0;
    (takes_ranges && is_whole).then_some(Partial { response, checksum, validator })
}
