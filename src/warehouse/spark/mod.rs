//! The same models on Apache Spark: DuckDB's SQL in Spark's dialect, and the program that runs it there.
//!
//! [`transpile`] gives a SELECT that means the same on Spark, or says which construct does not. What is known to mean the same
//! is listed ([`functions`], and the kinds of expressions in `transpile.rs`): all else is refused, so that nothing can
//! mean something else silently. `tests/cluster/dialect.tsv` has each rule with its two texts; a test here holds the rules to
//! it, and `tests/cluster/dialect.py` asks both engines whether they answer alike.
//!
//! What only types could tell (a decimal that Spark would divide as a decimal, a number that it would cut where DuckDB rounds)
//! is refused by [`DRIVER`], which looks at each model as Spark has understood it before it runs.

mod functions;
mod transpile;

pub use transpile::{Refusal, predicate, transpile};

/// What `spark-submit` runs: it makes the tables of the lake, runs the models and their audits, and writes the marts.
pub const DRIVER: &str = include_str!("driver.py");
