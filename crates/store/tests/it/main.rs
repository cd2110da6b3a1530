//! What every store must do, and what the one in SQLite does besides.
#![allow(clippy::unwrap_used, reason = "tests")]

mod concurrency;
mod contract;
mod errors;
mod migrations;
mod properties;
mod records;
mod support;
