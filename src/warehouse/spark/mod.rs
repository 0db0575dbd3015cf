//! The same models on Apache Spark: DuckDB's SQL in Spark's dialect, and the program that runs it there.
//!
//! [`transpile`] gives a SELECT that means the same on Spark, or says which construct does not. What is known to mean the same
//! is listed ([`functions`], and the kinds of expressions in `transpile.rs`): all else is refused, so that nothing can
//! mean something else silently. `tests/cluster/dialect.tsv` has each rule with its two texts; a test here holds the rules to
//! it, and `tests/cluster/dialect.py` asks both engines whether they answer alike.
//!
//! What only types could tell (a decimal that Spark would divide as a decimal, a number that it would cut where DuckDB rounds)
//! is refused by `driver.py`, which `spark-submit` runs and which looks at each model as Spark has understood it. The program does
//! not call it yet (docs/SCALE.md).

mod functions;
mod transpile;

use super::WarehouseError;
use super::contract::AuditKind;
use super::model::Models;

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
