//! The emulator as a client meets it.
#![allow(clippy::unwrap_used, reason = "a test ends at the first surprise")]

mod behaviour;
mod faults;
mod scenarios;
mod support;
mod uploads;
mod wire;
