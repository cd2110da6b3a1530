//! The transport against scripted servers on loopback sockets.
#![allow(clippy::unwrap_used, reason = "a fixture that fails must fail its test")]

mod calls;
mod clock;
mod credentials;
mod limits;
mod proxy;
mod replies;
mod secrets;
mod server;
mod store;
mod tls;
