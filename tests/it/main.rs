//! One test binary that uses the published crates as an outsider would.
#![allow(clippy::unwrap_used, reason = "a test ends at the first surprise")]

#[path = "../actions.rs"]
mod actions;
mod bodies;
mod card;
mod cells;
mod codes;
mod compile_fail;
mod corpus;
mod errors;
mod events;
mod flight;
mod flow;
mod kinds;
mod properties;
mod requests;
mod schedules;
mod schema;
mod simulation;
mod support;
