#![doc = include_str!("../README.md")]

#[cfg(feature = "blocking")]
pub mod blocking;
mod client;
mod context;
mod deferred;
mod download;
mod error;
pub mod events;
mod finished;
mod input;
mod job;
mod local_file;
mod part;
mod policy;
mod poller;
mod request_body;
mod result_file;
mod resume;
mod submit;
mod task;
mod task_handle;
mod time;
mod upload;
mod variables;
mod wait;

pub use client::{Client, ClientBuilder};
pub use download::{Download, DownloadError, DownloadPolicy, Downloaded, check_target};
pub use error::{Outcome, SubmitError, Unresolved, WaitError};
pub use finished::{Finished, Video};
pub use input::{Attach, AttachError, Inputs};
pub use job::{Job, PreparedJob};
pub use local_file::{InputError, InputProblem};
pub use policy::{SubmitPolicy, WaitPolicy};
pub use result_file::ResultFile;
pub use resume::{ResumeAll, ResumeError, Resumed, ResumedTask};
pub use task::Task;
pub use task_handle::TaskHandle;
pub use upload::{Upload, UploadError, UploadPolicy, Uploaded};
pub use variables::{Settings, SettingsError};
pub use vod_aigc_core as core;
pub use vod_aigc_core::Progress;
pub use vod_aigc_store as store;
#[cfg(feature = "sqlite")]
pub use vod_aigc_store::SqliteStore;
pub use vod_aigc_store::{JobFilter, JobRecord, JobState, JobStore, MemoryStore, StoreError, forget_job};
pub use vod_aigc_transport as transport;
pub use wait::{TaskEvent, Wait};
