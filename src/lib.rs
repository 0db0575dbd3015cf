//! tejido: official statistics and membership exports → Parquet → DuckDB → one published build.
//!
//! ```text
//! pipelines/*.toml ──► fetch ──► archive ──► decode ──► normalise ──► lake ──► warehouse ──► publish
//!   declares          HTTP      raw bytes,  source's    canonical     Parquet   DuckDB,       one atomic
//!   a source          politely  for ever    own codes   observations  vintages  sql/*.sql     switch
//! ```
//!
//! Data only flows to the right; no room imports one to its right; `run` hands each room its inputs.
//! docs/ARCHITECTURE.md is the map.
//!
//! Without the feature `warehouse` everything up to the lake is there, and DuckDB is not compiled.

pub mod archive;
pub mod decode;
pub mod disk;
pub mod error;
pub mod fetch;
pub mod lake;
pub mod normalise;
pub mod notify;
mod parallel;
pub mod publish;
pub mod replay;
pub mod spec;
pub mod store;

#[cfg(feature = "warehouse")]
pub mod cli;
#[cfg(feature = "warehouse")]
pub mod lineage;
#[cfg(feature = "warehouse")]
pub mod listen;
#[cfg(feature = "warehouse")]
pub mod report;
#[cfg(feature = "warehouse")]
pub mod run;
#[cfg(feature = "warehouse")]
pub mod telemetry;
#[cfg(feature = "warehouse")]
pub mod warehouse;
