//! What every store must do, and what the one in SQLite does besides.

mod concurrency;
mod contract;
mod errors;
mod migrations;
mod properties;
mod support;
