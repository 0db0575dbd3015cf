//! The question before all others: which of the tables that a source lists is meant?
//!
//! An entry of the list is an object, at whatever depth, that has all the keys that the pipeline names; what stands around
//! the entries does not matter. Nothing is guessed: no entry that fits, or several of which none is the newest, is an error that
//! names what was looked for and what there is.

use std::cmp::Ordering;
use std::time::Instant;

use globset::{GlobBuilder, GlobMatcher};
use serde_json::Value;

use super::EditionJob;
use super::check::Body;
use crate::error::{Report, most_alike};
use crate::fetch::Request;
use crate::spec::{DiscoverSpec, Edition, substitute};

/// A list of all tables of an office, each with its description.
const MAX_BYTES: usize = 1 << 26;

/// Entries that an error names.
const NAMED: usize = 3;

impl EditionJob {
    /// Asks for the list, and chooses.
    pub(super) async fn discover(&self, discover: &DiscoverSpec, until: Instant) -> Result<String, Box<Report>> {
        let url = address(discover, &self.edition);
        let request = Request { url: url.clone(), accept: Some(discover.accept.clone()), ..Request::default() };
        let mut body = Body::new(MAX_BYTES);
        let budget = until.saturating_duration_since(Instant::now());
        let answer = self.job.client.get(&request, &mut body, budget).await;
        answer.and_then(|response| response.check(&url)).map_err(|error| Box::new(Report::new(&error)))?;
        let found = choose(&body.bytes, discover, &self.edition)?;
        tracing::info!(url, found, "the table that is meant");
        Ok(found)
    }
}

/// The address of the list; its variables were checked when the pipeline was read.
pub(in crate::run) fn address(discover: &DiscoverSpec, edition: &Edition) -> String {
    substitute(discover.url.get_ref(), edition).unwrap_or_else(|_| discover.url.get_ref().clone())
}

/// What is taken of the entry that is meant.
pub(in crate::run) fn choose(body: &[u8], discover: &DiscoverSpec, edition: &Edition) -> Result<String, Box<Report>> {
    let url = address(discover, edition);
    let wrong = |message: String, hint: String| {
        Box::new(Report { chain: vec![format!("`{url}`: {message}")], snippet: None, hint: Some(hint) })
    };
    let list: Value = serde_json::from_slice(body).map_err(|error| {
        let hint = "`accept` of `[request.discover]` says which form is asked for".to_owned();
        wrong(format!("expected a list in JSON, found something else: {error}"), hint)
    })?;
    let mut wanted: Vec<(&str, String, GlobMatcher)> = Vec::new();
    for (key, pattern) in &discover.patterns {
        let pattern = substitute(pattern.get_ref(), edition).unwrap_or_else(|_| pattern.get_ref().clone());
        // A stroke is a character like others.
        let glob = GlobBuilder::new(&pattern).literal_separator(false).build().map_err(|error| {
            wrong(format!("`{pattern}` is no pattern: {error}"), "correct `match` of `[request.discover]`".to_owned())
        })?;
        wanted.push((key, pattern, glob.compile_matcher()));
    }
    let keys: Vec<&str> = [discover.take.as_str()]
        .into_iter()
        .chain(discover.newest.as_deref())
        .chain(discover.patterns.keys().map(String::as_str))
        .collect();
    let mut entries = Vec::new();
    collect(&list, &keys, &mut entries);
    if entries.is_empty() {
        let hint =
            "correct the keys or the address in `[request.discover]`, or look the list up at the source".to_owned();
        return Err(wrong(format!("expected entries with the keys {}, found none", quoted(&keys)), hint));
    }
    let text = |entry: &Value, key: &str| text_at(entry, key).unwrap_or_default();
    let mut fitting: Vec<&Value> = entries.clone();
    fitting.retain(|entry| wanted.iter().all(|(key, _, glob)| glob.is_match(text(entry, key))));
    if let Some(key) = &discover.newest {
        let newest = fitting.iter().map(|entry| text(entry, key)).max_by(|a, b| compared(a, b));
        fitting.retain(|entry| Some(text(entry, key)) == newest);
    }
    let mut names: Vec<String> = fitting.iter().map(|entry| text(entry, &discover.take)).collect();
    names.sort();
    names.dedup();
    let looked_for: Vec<String> =
        wanted.iter().map(|(key, pattern, _)| format!("`{key}` is like `{pattern}`")).collect();
    let looked_for = looked_for.join(" and ");
    match names.as_slice() {
        [] => {
            let mut near = Vec::new();
            // What no entry meets by itself is to blame, where there is such a pattern.
            let is_met = |(key, _, glob): &&(&str, String, GlobMatcher)| {
                entries.iter().any(|entry| glob.is_match(text(entry, key)))
            };
            let unmet: Vec<_> = wanted.iter().filter(|rule| !is_met(rule)).collect();
            let blamed = if unmet.is_empty() { wanted.iter().collect() } else { unmet };
            for (key, pattern, _) in blamed {
                let known: Vec<(String, String)> =
                    entries.iter().map(|entry| (text(entry, key), text(entry, &discover.take))).collect();
                let plain = pattern.replace(['*', '?'], "");
                for value in most_alike(&plain, known.iter().map(|(value, _)| value.as_str()), NAMED) {
                    let names = known.iter().filter(|(known, _)| known == value).map(|(_, name)| name.clone());
                    near.extend(names.take(NAMED));
                }
            }
            let mut told = Vec::new();
            for name in near {
                if told.len() < NAMED && !told.contains(&name) {
                    told.push(name);
                }
            }
            let hint = format!(
                "the nearest are {}; correct `match` of `[request.discover]`, or look the list up at the source",
                quoted(&told)
            );
            Err(wrong(format!("expected an entry whose {looked_for}, found none among {}", entries.len()), hint))
        }
        [name] if is_plain(name) => Ok(name.clone()),
        [name] => {
            let hint = "it becomes part of an address: letters, digits, `-`, `_`, `.` and `~`".to_owned();
            Err(wrong(format!("expected a plain name as `{}`, found `{name}`", discover.take), hint))
        }
        several => {
            let hint = match discover.newest {
                Some(_) => "narrow `match` of `[request.discover]`: these are equally new",
                None => "narrow `match` of `[request.discover]`, or name in `newest` the key that grows with time",
            };
            let shown = &several[..several.len().min(NAMED)];
            let found = format!("found {}, such as {}", several.len(), quoted(shown));
            Err(wrong(format!("expected one entry whose {looked_for}, {found}"), hint.to_owned()))
        }
    }
}

/// The objects that have all the keys, from outside to inside.
fn collect<'v>(value: &'v Value, keys: &[&str], into: &mut Vec<&'v Value>) {
    match value {
        Value::Object(members) => {
            if keys.iter().all(|key| text_at(value, key).is_some()) {
                into.push(value);
            }
            members.values().for_each(|member| collect(member, keys, into));
        }
        Value::Array(items) => items.iter().for_each(|item| collect(item, keys, into)),
        _ => {}
    }
}

/// A text, a number or a truth value, as text.
fn text_at(value: &Value, key: &str) -> Option<String> {
    match key.split('.').try_fold(value, |value, name| value.get(name))? {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        Value::Bool(truth) => Some(truth.to_string()),
        _ => None,
    }
}

/// Numbers by their size, all else as text.
fn compared(a: &str, b: &str) -> Ordering {
    match (a.parse::<f64>(), b.parse::<f64>()) {
        (Ok(a), Ok(b)) => a.total_cmp(&b),
        _ => a.cmp(b),
    }
}

fn is_plain(name: &str) -> bool {
    !name.is_empty() && name.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.' | '~'))
}

fn quoted<T: AsRef<str>>(names: &[T]) -> String {
    let names: Vec<String> = names.iter().map(|name| format!("`{}`", name.as_ref())).collect();
    names.join(", ")
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    const LIST: &str = r#"{"nodes": [
        {"uriTag": "uso-tic-2024", "title": "Uso de TIC", "active": true, "dataUpdate": 1700000000000, "nodeType": {"uriTag": "time-series"}},
        {"uriTag": "regional", "title": "Sección", "children": [
            {"uriTag": "uso-tic-2025", "title": "Uso de TIC", "active": true, "dataUpdate": 1760000000000, "nodeType": {"uriTag": "time-series"}},
            {"uriTag": "uso-tic-2026", "title": "Uso de TIC", "active": false, "dataUpdate": 1790000000000, "nodeType": {"uriTag": "time-series"}}]}]}"#;

    fn chosen(list: &str, rule: &str) -> Result<String, String> {
        let discover: DiscoverSpec = toml::from_str(&format!("url = \"https://x/{{dataset}}\"\n{rule}")).unwrap();
        let edition: Edition = toml::from_str("dataset = \"uso-tic\"").unwrap();
        choose(list.as_bytes(), &discover, &edition)
            .map_err(|report| format!("{} | {}", report.chain.join(": "), report.hint.unwrap_or_default()))
    }

    #[test]
    fn the_newest_entry_that_fits_is_meant() {
        let rule = r#"take = "uriTag"
            newest = "dataUpdate"
            match = { uriTag = "{dataset}-*", active = "true", "nodeType.uriTag" = "time-series" }"#;
        assert_eq!(chosen(LIST, rule), Ok("uso-tic-2025".to_owned()));
        let one = r#"take = "uriTag"
            match = { title = "*tic*", uriTag = "*-2024" }"#;
        assert!(chosen(LIST, one).unwrap_err().contains("found none among 4"), "patterns know capital letters");
        assert_eq!(chosen(LIST, &one.replace("*tic*", "*TIC*")), Ok("uso-tic-2024".to_owned()));
    }

    #[test]
    fn what_is_not_there_or_not_one_is_told_with_what_is_there() {
        let none = chosen(LIST, "take = \"uriTag\"\nmatch = { uriTag = \"uso-tik-*\", title = \"*\" }");
        assert_eq!(
            none.unwrap_err(),
            "`https://x/uso-tic`: expected an entry whose `title` is like `*` and `uriTag` is like `uso-tik-*`, found none among 4 | \
             the nearest are `uso-tic-2024`, `uso-tic-2025`, `uso-tic-2026`; correct `match` of `[request.discover]`, or look the list up at the source"
        );
        let several = chosen(LIST, "take = \"uriTag\"\nmatch = { uriTag = \"uso-tic-*\" }").unwrap_err();
        assert!(several.contains("found 3, such as `uso-tic-2024`"), "{several}");
        let same = chosen(LIST, "take = \"uriTag\"\nnewest = \"title\"\nmatch = { title = \"*TIC\" }").unwrap_err();
        assert!(same.contains("these are equally new"), "{same}");
        let keys = chosen(LIST, "take = \"tag\"\nmatch = { title = \"*\" }").unwrap_err();
        assert!(keys.contains("expected entries with the keys `tag`, `title`, found none"), "{keys}");
        let html = chosen("<html>", "take = \"uriTag\"\nmatch = { title = \"*\" }").unwrap_err();
        assert!(html.contains("expected a list in JSON"), "{html}");
        let path = chosen(r#"[{"uriTag": "../x", "title": "a"}]"#, "take = \"uriTag\"\nmatch = { title = \"*\" }");
        assert!(path.unwrap_err().contains("expected a plain name as `uriTag`, found `../x`"));
    }
}
