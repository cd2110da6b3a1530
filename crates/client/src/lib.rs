#![doc = include_str!("../README.md")]

mod client;
mod download;
mod error;
pub mod events;
mod finished;
mod input;
mod job;
mod journal;
mod local_file;
mod part;
mod submit;
mod task;
mod upload;
mod variables;
mod wait;
mod waits;

pub use client::{Client, ClientBuilder};
pub use download::{DownloadError, DownloadPolicy, Downloaded, check_target};
pub use error::{Outcome, SubmitError, WaitError};
pub use finished::{Finished, ResultFile, Video};
pub use input::{AttachError, InputError, InputProblem, Inputs};
pub use job::{Job, PreparedJob};
#[cfg(feature = "journal")]
pub use journal::SqliteJournal;
pub use journal::{ForgetError, JobRecord, JobState, Journal, JournalError, forget_job};
pub use submit::{Held, SubmitPolicy};
pub use task::{Task, TaskHandle};
pub use upload::{UploadError, UploadPolicy, Uploaded};
pub use variables::{Settings, SettingsError};
pub use vod_aigc_core as core;
pub use vod_aigc_core::Progress;
pub use vod_aigc_transport as transport;
pub use wait::{TaskEvent, WaitPolicy};
