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

pub mod decode;
pub mod error;
