//! What goes through an HTTP stack, through reqwest: the tests of the crate's own stack once more.
#![allow(clippy::unwrap_used, reason = "a fixture that fails must fail its test")]
#![allow(dead_code, reason = "the fixtures serve the other tests too")]

#[path = "../it/calls.rs"]
mod calls;
#[path = "../it/connections.rs"]
mod connections;
#[path = "../it/server.rs"]
mod server;
mod stack;
#[path = "../it/tls.rs"]
mod tls;
