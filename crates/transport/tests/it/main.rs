//! The transport against scripted servers on loopback sockets.
#![allow(clippy::unwrap_used, reason = "a fixture that fails must fail its test")]

mod calls;
mod clock;
mod connections;
mod credentials;
#[cfg(any(feature = "native-tls", feature = "rustls"))]
mod fetch;
mod limits;
#[cfg(any(feature = "native-tls", feature = "rustls"))]
mod proxy;
mod replies;
mod secrets;
mod server;
mod signing;
mod stack;
mod store;
#[cfg(any(feature = "native-tls", feature = "rustls"))]
mod tls;
