//! Asynchronous delivery as Eurostat does it: a large extraction is answered with a promise, and asked for again.
//!
//! The promise comes in several shapes, mostly under status 200: an SDMX envelope with a key whose state is to be
//! asked (`SUBMITTED`, `PROCESSING`, `AVAILABLE`, `EXPIRED`, `UNKNOWN_REQUEST`), the key alone, JSON with a
//! `warning` of status 413, a footer that names the address of a file to come, and status 413 with
//! `ASYNCHRONOUS_RESPONSE`, which only means "later". Specification: Eurostat, "API - Detailed guidelines -
//! Asynchronous API".

use serde::{Deserialize, Serialize};

/// Where a source with asynchronous delivery is asked again; `{key}` is the key of the promise.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Deferred {
    /// Address of the state of an extraction.
    pub status: String,
    /// Address of the extraction.
    pub data: String,
}

/// What is asked next.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Next {
    /// The same as at first.
    Again,
    /// The state of the extraction with this key.
    Status(String),
    /// The extraction with this key.
    Data(String),
    /// A file that will stand at this address, which is not found until then.
    Location(String),
}

/// A promise that will not be kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Broken {
    /// The state that the source gives.
    pub state: String,
}

/// What follows from a body that begins like this; nothing from data and from other messages.
pub(super) fn next(head: &[u8], asked: &Next) -> Option<Result<Next, Broken>> {
    let text = String::from_utf8_lossy(head);
    let text = text.trim_start_matches('\u{feff}').trim();
    let key = match asked {
        Next::Status(key) | Next::Data(key) => Some(key.clone()),
        _ => None,
    };
    if is_key(text.trim_matches('"')) {
        return Some(Ok(Next::Status(text.trim_matches('"').to_owned())));
    }
    if text.starts_with('{') {
        let document: serde_json::Value = serde_json::from_str(text).ok()?;
        let notice = document.get("warning").or_else(|| document.get("error"))?;
        let notice = notice.get(0).unwrap_or(notice);
        let is_later = document.get("warning").is_some_and(|warning| warning.get("status") == Some(&413.into()))
            || notice.get("label").and_then(|label| label.as_str()).is_some_and(is_later);
        return is_later.then_some(Ok(Next::Again));
    }
    if !text.starts_with('<') {
        return is_later(text).then_some(Ok(Next::Again));
    }
    let has = |name: &str| text.contains(&format!("{name}>")) || text.contains(&format!("{name} "));
    if has("asyncResponse") || has("status") && has("key") {
        let state = element(text, "status").filter(|inner| !inner.contains('<'));
        // The state stands in an element of the same name as the one around it.
        let state = state.or_else(|| element(&text[text.find("status>")? + 7..], "status")).unwrap_or_default();
        let key = element(text, "key").filter(|key| is_key(key)).map(str::to_owned).or(key);
        return match (state, key) {
            ("SUBMITTED" | "PROCESSING", Some(key)) => Some(Ok(Next::Status(key))),
            ("AVAILABLE", Some(key)) => Some(Ok(Next::Data(key))),
            ("EXPIRED" | "UNKNOWN_REQUEST", _) => Some(Err(Broken { state: state.to_owned() })),
            _ => None,
        };
    }
    if let Some(fault) = element(text, "faultstring") {
        return match (fault, key) {
            (fault, Some(key)) if fault.contains("DATA_NOT_YET_AVAILABLE") => Some(Ok(Next::Status(key))),
            (fault, _) if fault.contains("UNKNOWN_REQUEST") => Some(Err(Broken { state: "UNKNOWN_REQUEST".into() })),
            (fault, _) if is_later(fault) => Some(Ok(Next::Again)),
            _ => None,
        };
    }
    if text.contains("Footer") && text.contains("code=\"413\"") {
        let is_address = |inner: &&str| inner.starts_with("http") && !inner.contains(char::is_whitespace);
        let texts =
            text.split("Text").filter_map(|part| part.split_once('>')?.1.split_once('<').map(|(text, _)| text.trim()));
        return texts.into_iter().find(is_address).map(|address| Ok(Next::Location(address.to_owned())));
    }
    None
}

fn is_later(text: &str) -> bool {
    text.contains("ASYNCHRONOUS_RESPONSE")
}

/// Whether it is a UUID, which is what keys are.
fn is_key(text: &str) -> bool {
    text.len() == 36
        && text.bytes().enumerate().all(|(at, byte)| match at {
            8 | 13 | 18 | 23 => byte == b'-',
            _ => byte.is_ascii_hexdigit(),
        })
}

/// What the first element of this name holds, with or without a prefix.
fn element<'t>(text: &'t str, name: &str) -> Option<&'t str> {
    let mut from = 0;
    loop {
        let start = from + text[from..].find(&format!("{name}>"))?;
        from = start + name.len() + 1;
        let before = text[..start].rsplit('<').next().unwrap_or_default();
        if before.is_empty() || before.ends_with(':') && !before.starts_with('/') {
            let inner = &text[from..];
            let end = inner.find("</").unwrap_or(inner.len());
            return Some(inner[..end].trim());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEY: &str = "0f8fad5b-d9cb-469f-a165-70867728950e";

    fn envelope(state: &str) -> String {
        format!(
            "<?xml version='1.0'?><env:Envelope xmlns:env=\"http://schemas.xmlsoap.org/soap/envelope/\"><env:Body>\
             <ns0:asyncResponse xmlns:ns0=\"http://estat.ec.europa.eu/disschain/asynchronous/extractions\" \
             xmlns:ns1=\"http://estat.ec.europa.eu/disschain/soap\"><ns1:status><ns1:key>{KEY}</ns1:key>\
             <ns1:status>{state}</ns1:status></ns1:status></ns0:asyncResponse></env:Body></env:Envelope>"
        )
    }

    fn of(text: &str, asked: &Next) -> Option<Result<Next, Broken>> {
        next(text.as_bytes(), asked)
    }

    #[test]
    fn every_shape_of_a_promise_is_understood() {
        let again = Next::Again;
        for state in ["SUBMITTED", "PROCESSING"] {
            assert_eq!(of(&envelope(state), &again), Some(Ok(Next::Status(KEY.into()))));
        }
        assert_eq!(of(&envelope("AVAILABLE"), &Next::Status(KEY.into())), Some(Ok(Next::Data(KEY.into()))));
        for state in ["EXPIRED", "UNKNOWN_REQUEST"] {
            assert_eq!(of(&envelope(state), &again), Some(Err(Broken { state: state.into() })));
        }
        assert_eq!(of(&format!("\"{KEY}\"\n"), &again), Some(Ok(Next::Status(KEY.into()))));
        assert_eq!(
            of(
                "{\"warning\":{\"status\":413,\"label\":\"ASYNCHRONOUS_RESPONSE. Your request will be treated\"}}",
                &again
            ),
            Some(Ok(Next::Again))
        );
        assert_eq!(
            of("{\"error\":[{\"status\":413,\"id\":413,\"label\":\"ASYNCHRONOUS_RESPONSE\"}]}", &again),
            Some(Ok(Next::Again))
        );
        let fault = "<S:Fault xmlns:S=\"s\"><faultcode>100</faultcode><faultstring>DATA_NOT_YET_AVAILABLE</faultstring></S:Fault>";
        assert_eq!(of(fault, &Next::Data(KEY.into())), Some(Ok(Next::Status(KEY.into()))));
        let footer = "<message:GenericData><footer:Footer><footer:Message code=\"413\" severity=\"Infomation\">\
            <common:Text xml:lang=\"en\">Due to the large query it will stand at http://h/f</common:Text>\
            <common:Text xml:lang=\"en\">http://h/f</common:Text></footer:Message></footer:Footer></message:GenericData>";
        assert_eq!(of(footer, &again), Some(Ok(Next::Location("http://h/f".into()))));
    }

    #[test]
    fn data_and_other_messages_promise_nothing() {
        for text in [
            "",
            "DATAFLOW,LAST UPDATE,geo,TIME_PERIOD,OBS_VALUE\n",
            "{\"version\":\"2.0\",\"class\":\"dataset\"}",
            "{\"error\":[{\"status\":413,\"id\":413,\"label\":\"EXTRACTION_TOO_BIG: too big\"}]}",
            "<S:Fault><faultcode>413</faultcode><faultstring>EXTRACTION_TOO_BIG</faultstring></S:Fault>",
            "<m:StructureSpecificData><m:Header/>",
            "<html><body>busy</body></html>",
            "<a:key>",
        ] {
            assert_eq!(of(text, &Next::Again), None, "{text}");
        }
    }
}
