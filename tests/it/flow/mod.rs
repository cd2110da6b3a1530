//! The client against the emulator, from a request to a file, and everything that can go wrong between them.

mod bad_input;
mod bad_replies;
mod download;
mod everything;
mod mp4;
mod paid;
mod recovery;
mod resume;
mod secrets;
mod unsigned;
mod uploads;
mod waiting;
