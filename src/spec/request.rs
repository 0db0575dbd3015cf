//! `[request]`: what is asked of a source, and how, where one question is not enough.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use toml::Spanned;

use super::pipeline::{Edition, substitute};
use crate::fetch::Deferred;

/// `[request]`
#[derive(Debug, Clone, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct RequestSpec {
    /// The documented address; `{dataset}` and other variables of the edition are filled in.
    pub url: Spanned<String>,
    /// Where a source that delivers large extractions later is asked again, with `{key}` for the key that it gives.
    #[serde(default)]
    pub deferred: Option<Deferred>,
    /// Where the source lists its tables, and which of them is meant: `{found}` in the addresses.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub discover: Option<DiscoverSpec>,
    /// Where the source says, at little cost, when the table last changed.
    #[serde(default)]
    pub check: Option<CheckSpec>,
    /// How a table that is too big for one answer is asked for in parts.
    #[serde(default)]
    pub split: Option<SplitSpec>,
    /// That the table comes in pages: `url` then has `{page}`.
    #[serde(default)]
    pub pages: Option<PagesSpec>,
}

/// The variable of addresses for what `[request.discover]` found.
pub const FOUND: &str = "found";

/// `[request.discover]`: asked before anything else. An entry of the list is an object, at any depth, that has all the keys that
/// are named here.
#[derive(Debug, Clone, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct DiscoverSpec {
    /// The address of the list, in JSON, with the variables of the edition.
    pub url: Spanned<String>,
    /// The media type that is asked for.
    #[serde(default = "json")]
    pub accept: String,
    /// The key whose value is `{found}`.
    pub take: String,
    /// Patterns by key that the entry meets, with the variables of the edition; `a.b` is key `b` in the object of key `a`.
    #[serde(rename = "match")]
    pub patterns: BTreeMap<String, Spanned<String>>,
    /// Of several such entries the one in which the value of this key is the greatest; without it there must be one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub newest: Option<String>,
}

fn json() -> String {
    "application/json".to_owned()
}

/// `[request.check]`: asked before the data. What it says is kept with the snapshot; as long as it says the same, the
/// data are not asked for.
#[derive(Debug, Clone, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct CheckSpec {
    /// The address, with the variables of the edition.
    pub url: Spanned<String>,
    /// The types of the annotations of an SDMX structure that count; without them all of a short answer does.
    #[serde(default)]
    pub annotations: Vec<String>,
}

/// `[request.split]`: the same table, along one of its dimensions.
#[derive(Debug, Clone, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct SplitSpec {
    /// The address of a part, with `{part}` for what stands in `parts`.
    pub url: Spanned<String>,
    /// The codes, or lists of codes, that together are the whole.
    pub parts: Spanned<Vec<String>>,
    /// Not to ask for the whole first.
    #[serde(default)]
    pub always: bool,
}

/// `[request.pages]`
#[derive(Debug, Clone, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct PagesSpec {
    /// Number of the first page.
    #[serde(default = "one")]
    pub first: u32,
    /// What the source answers behind the last page, blanks apart.
    pub empty: String,
    /// More pages than this are a mistake.
    #[serde(default = "most")]
    pub most: u32,
}

fn one() -> u32 {
    1
}

fn most() -> u32 {
    1000
}

/// An address with the edition's variables and one more; an unknown name is left as its error.
pub fn with_variable(url: &str, edition: &Edition, name: &str, value: &str) -> Result<String, String> {
    let mut edition = edition.clone();
    edition.variables.insert(name.to_owned(), value.to_owned());
    substitute(url, &edition)
}
