//! What a source sends instead of data: messages in the shapes that statistical offices use, pages, nothing.
//!
//! Some of it comes under status 200, so that only the body tells it from a table.

use serde_json::Value;

use super::{DecodeError, workbook};

/// A message of the source in place of data.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Notice {
    /// The source's own number for it, mostly an HTTP status.
    pub status: Option<u64>,
    /// What it says.
    pub text: String,
}

/// Bytes that are enough for any message.
const NOTICE_BYTES: usize = 4000;

/// The message that a payload is, if it is one: a SOAP fault (Eurostat's SDMX services, `faultcode` and
/// `faultstring`), or JSON with `error` or `warning` (Eurostat's statistics service) or with a text as `status` (INE).
pub fn notice(head: &[u8]) -> Option<Notice> {
    let text = String::from_utf8_lossy(&head[..head.len().min(NOTICE_BYTES)]);
    let start = text.trim_start_matches('\u{feff}').trim_start();
    match start.as_bytes().first()? {
        b'<' => {
            let text = between(start, "<faultstring>", "</faultstring>")?.to_owned();
            let status = between(start, "<faultcode>", "</faultcode>").and_then(|code| code.parse().ok());
            Some(Notice { status, text })
        }
        // A message is short: a longer document is no JSON up to here.
        b'{' => {
            let document: Value = serde_json::from_str(start.trim_end()).ok()?;
            let inner = document.get("error").or_else(|| document.get("warning")).or_else(|| document.get("status"))?;
            let inner = inner.get(0).unwrap_or(inner);
            let text = match inner {
                Value::String(text) => text,
                _ => inner.get("label").or_else(|| inner.get("message"))?.as_str()?,
            };
            Some(Notice { status: inner.get("status").and_then(Value::as_u64), text: text.trim().to_owned() })
        }
        _ => None,
    }
}

/// The payload is of another kind altogether.
pub(super) fn unexpected(head: &[u8], expected: &str) -> DecodeError {
    let otherwise =
        "open the address in a browser: the source may have moved the table, be down, or have changed its format";
    DecodeError::Format {
        expected: expected.to_owned(),
        found: looks_like(head),
        hint: Some(what_to_do(head, otherwise)),
    }
}

/// A hint for bytes that are no table.
pub(super) fn what_to_do(head: &[u8], otherwise: &str) -> String {
    match notice(head) {
        Some(_) => "change the request as the source's message says, or ask again later".into(),
        None => otherwise.into(),
    }
}

/// What bytes look like that are not of the expected format, for the message.
pub(super) fn looks_like(head: &[u8]) -> String {
    let text = String::from_utf8_lossy(&head[..head.len().min(NOTICE_BYTES)]);
    let start = text.trim_start_matches('\u{feff}').trim_start();
    let lower = start.get(..20).unwrap_or(start).to_ascii_lowercase();
    if let Some(notice) = notice(head) {
        // What the source says is worth more room than bytes that nobody meant.
        format!("a message of the source: `{}`", cut(&notice.text, 400))
    } else if start.is_empty() {
        "nothing: the payload is empty".into()
    } else if lower.starts_with("<!doctype html") || lower.starts_with("<html") {
        match between(start, "<title>", "</title>") {
            Some(title) => format!("an HTML page with the title `{}`", shortened(title)),
            None => "an HTML page".into(),
        }
    } else if lower.starts_with('<') {
        format!("XML: `{}`", shortened(start))
    } else if lower.starts_with('{') || lower.starts_with('[') {
        format!("JSON: `{}`", shortened(start))
    } else if head.starts_with(&[0xff, 0xfe]) || head.starts_with(&[0xfe, 0xff]) {
        "text in UTF-16".into()
    } else if head.starts_with(workbook::OLD_MAGIC) {
        "an old binary workbook (.xls), or one with a password".into()
    } else if head.starts_with(b"PK\x03\x04") {
        "a ZIP archive or a workbook".into()
    } else {
        format!("`{}`", shortened(start))
    }
}

/// What stands between two tags, in whatever case they are written.
fn between<'a>(text: &'a str, open: &str, close: &str) -> Option<&'a str> {
    let lower = text.to_ascii_lowercase();
    let from = lower.find(open)? + open.len();
    let to = from + lower.get(from..)?.find(close)?;
    text.get(from..to).map(str::trim)
}

/// Text on one line of at most 120 characters.
pub(super) fn shortened(text: &str) -> String {
    cut(text, 120)
}

fn cut(text: &str, characters: usize) -> String {
    let line = text.split_whitespace().collect::<Vec<_>>().join(" ");
    let mut short: String = line.chars().filter(|c| !c.is_control()).take(characters).collect();
    if short.len() < line.len() {
        short.push('…');
    }
    short
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn what_is_no_table_is_named() {
        assert_eq!(looks_like(b""), "nothing: the payload is empty");
        assert_eq!(
            looks_like(b"<!DOCTYPE html>\n<html><head><TITLE>Service\nunavailable</TITLE>"),
            "an HTML page with the title `Service unavailable`"
        );
        assert_eq!(looks_like(b"{\"error\": []}"), "JSON: `{\"error\": []}`");
        assert_eq!(looks_like("ñ".repeat(130).as_bytes()).chars().count(), 123);
    }

    #[test]
    fn messages_of_the_sources_are_told_from_data() {
        let of = |text: &str| notice(text.as_bytes()).map(|notice| (notice.status, notice.text));
        assert_eq!(
            of("<?xml version=\"1.0\"?><S:Fault><faultcode>100</faultcode><faultstring>NO_RESULTS</faultstring>"),
            Some((Some(100), "NO_RESULTS".into()))
        );
        assert_eq!(
            of(" {\"error\": [{\"status\": 413, \"id\": 413, \"label\": \"EXTRACTION_TOO_BIG: big\"}]}\n"),
            Some((Some(413), "EXTRACTION_TOO_BIG: big".into()))
        );
        assert_eq!(
            of("{\"warning\": {\"status\": 413, \"label\": \"ASYNCHRONOUS_RESPONSE\"}}"),
            Some((Some(413), "ASYNCHRONOUS_RESPONSE".into()))
        );
        assert_eq!(of("{\"status\":\"No existen datos\"}"), Some((None, "No existen datos".into())));
        for data in ["", "{", "{\"status\":{\"0\":\"b\"},\"value\":[1]}", "<a>", "[1]", "{\"id\":[\"error\"]}"] {
            assert_eq!(of(data), None, "{data}");
        }
        assert_eq!(
            what_to_do(b"{\"error\":\"gone\"}", "else"),
            "change the request as the source's message says, or ask again later"
        );
        assert_eq!(what_to_do(b"a;b", "else"), "else");
    }
}
