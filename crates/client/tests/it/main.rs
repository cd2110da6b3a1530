//! The client as its users see it, in virtual time and against scripted servers.
#![allow(clippy::unwrap_used, reason = "a fixture that fails must fail its test")]

mod callback;
mod crowd;
mod download;
mod service;
mod wait;
