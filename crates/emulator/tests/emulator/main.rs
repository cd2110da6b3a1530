//! The emulator as a client meets it.
#![allow(clippy::unwrap_used, reason = "a test ends at the first surprise")]

mod account;
mod actions;
mod behaviour;
mod callbacks;
mod faults;
mod kinds;
mod limits;
mod scenarios;
mod support;
mod uploads;
mod wire;
