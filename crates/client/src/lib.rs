#![doc = include_str!("../README.md")]

mod client;
mod context;
mod deferred;
mod download;
mod error;
pub mod events;
mod finished;
mod input;
mod job;
mod journal;
mod local_file;
mod part;
mod policy;
mod poller;
mod result_file;
mod submit;
mod task;
mod task_handle;
mod time;
mod upload;
mod variables;
mod wait;

pub use client::{Client, ClientBuilder};
pub use download::{Download, DownloadError, DownloadPolicy, Downloaded, check_target};
pub use error::{Held, Outcome, SubmitError, WaitError};
pub use finished::{Finished, Video};
pub use input::{AttachError, Inputs};
pub use job::{Job, PreparedJob};
#[cfg(feature = "journal")]
pub use journal::SqliteJournal;
pub use journal::{ForgetError, JobRecord, JobState, Journal, JournalError, forget_job};
pub use local_file::{InputError, InputProblem};
pub use policy::{SubmitPolicy, WaitPolicy};
pub use result_file::ResultFile;
pub use task::Task;
pub use task_handle::TaskHandle;
pub use upload::{UploadError, UploadPolicy, Uploaded};
pub use variables::{Settings, SettingsError};
pub use vod_aigc_core as core;
pub use vod_aigc_core::Progress;
pub use vod_aigc_transport as transport;
pub use wait::{TaskEvent, Wait};
