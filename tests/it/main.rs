//! End-to-end tests: the real binary against servers on loopback. One test binary, since each would link
//! DuckDB anew.
//!
//! Real files of the sources are read in place from `TEJIDO_SHARED` (default `../shared`); where that folder
//! is absent, the tests that need it say so in a line and check nothing.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::print_stderr, missing_docs)]

mod amending;
mod archive;
mod builds;
mod cli;
mod codelists;
mod decode;
mod drifting;
mod faults;
mod fetching;
mod lineage;
mod listening;
mod memberships;
mod models;
mod notifying;
mod outputs;
mod payloads;
mod pipelines;
mod readers;
mod regressions;
mod replaying;
mod schedule;
mod spark;
mod steps;
mod stores;
mod support;
mod telemetry;
mod tidy;
mod vintages;
