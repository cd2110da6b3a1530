//! The transport against scripted servers on loopback sockets.
#![allow(clippy::unwrap_used, reason = "a fixture that fails must fail its test")]

mod calls;
mod clock;
mod connections;
mod credentials;
mod fetch;
mod limits;
mod proxy;
mod replies;
mod secrets;
mod server;
mod signing;
mod stack;
mod store;
mod tls;
