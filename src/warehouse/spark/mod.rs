//! The same models on Apache Spark: DuckDB's SQL in Spark's dialect, and the program that runs it there.
//!
//! [`transpile`] gives a SELECT that means the same on Spark, or says which construct does not. What is known to mean the same
//! is listed ([`functions`], and the kinds of expressions in `transpile/expressions.rs`): all else is refused, so that nothing can
//! mean something else silently. `tests/cluster/dialect.tsv` has each rule with its two texts; a test here holds the rules to
//! it, and `tests/cluster/dialect.py` asks both engines whether they answer alike.
//!
//! What only types could tell (a decimal that Spark would divide as a decimal, a number that it would cut where DuckDB rounds)
//! is refused by `driver.py`, which looks at each model as Spark has understood it. [`Cluster`] has `spark-submit` run that program by a
//! `plan`, and takes the rows that it wrote into the database of the build: all that follows (hashes, marts, report) is as
//! with DuckDB.

mod cluster;
mod functions;
mod plan;
mod transpile;

use std::path::Path;

use super::WarehouseError;
use super::contract::AuditKind;
use super::model::Models;

pub(super) use cluster::Answer;
pub use cluster::{Cluster, Fetch, Log};
pub use transpile::{Refusal, predicate, transpile};

/// What of the models has no counterpart on Spark, each with its place; nothing if all of them run there.
pub fn refusals(models: &Models) -> Vec<WarehouseError> {
    let mut found = Vec::new();
    for model in &models.all {
        let mut refuse = |refusal: Refusal, at: usize| {
            let span = refusal.span.start + at..refusal.span.end + at;
            found.push(model.wrong(span, refusal.message, refusal.hint));
        };
        if let Err(refusal) = transpile(model.sql()) {
            refuse(refusal, model.contract.end);
        }
        for audit in &model.contract.audits {
            let (AuditKind::Every(condition) | AuditKind::Exists(condition)) = &audit.kind else { continue };
            let Err(refusal) = predicate(condition) else { continue };
            match model.text[audit.span.clone()].find(condition.as_str()) {
                Some(at) => refuse(refusal, audit.span.start + at),
                // It goes over several lines of comment.
                None => refuse(Refusal { span: 0..audit.span.len(), ..refusal }, audit.span.start),
            }
        }
    }
    found
}

/// What to do about what Spark said.
pub(super) fn hint(message: &str, log: Option<&Path>) -> String {
    let says = |words: &[&str]| words.iter().any(|word| message.contains(word));
    let mut hint = if says(&["os error 2", "No such file or directory (os"]) {
        "install PySpark 4 (PyPI's `pyspark`, with Java 17), or name the program in `warehouse.spark.submit`"
    } else if says(&[
        "masters are unresponsive",
        "Could not parse Master",
        "UnknownHost",
        "Connection refused",
        "stopped SparkContext",
    ]) {
        "is the master of `warehouse.spark.master` running, and does it answer from here?"
    } else if says(&[
        "PATH_NOT_FOUND",
        "FileNotFound",
        "does not exist",
        "No FileSystem for scheme",
        "ClassNotFoundException",
    ]) {
        "Spark's machines must see the data root: `warehouse.spark.root` says where (docs/SCALE.md)"
    } else if says(&["AccessDenied", "Forbidden", "403", "ExpiredToken", "InvalidAccessKeyId"]) {
        "the store refuses Spark's machines: look at the keys in its settings (`fs.s3a.*`, or the provider's variables)"
    } else if says(&["No space left"]) {
        "free some space on Spark's machines"
    } else if says(&["no model was done within"]) {
        "is a worker running that has room? if a model needs so long, raise `warehouse.model_timeout_secs`"
    } else {
        "nothing was published, and what was fetched is kept: the next run goes on from there"
    }
    .to_owned();
    if let Some(log) = log {
        hint.push_str(&format!("; Spark's own words are in `{}`", log.display()));
    }
    hint
}
