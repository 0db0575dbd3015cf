//! `[request]`: what is asked of a source, and how, where one question is not enough.

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
