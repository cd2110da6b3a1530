//! Job records, and the stores that keep them.
//!
#![cfg_attr(feature = "sqlite", doc = include_str!("../README.md"))]
#![deny(missing_docs)]

mod error;
mod forget;
mod memory;
mod page;
mod presigned;
mod record;
#[cfg(feature = "sqlite")]
mod sqlite;
mod state;
mod store;

pub use error::{StoreError, StoreFailure};
pub use forget::{ForgetError, forget_job};
pub use memory::MemoryStore;
pub use page::{Cursor, InvalidCursor, JobFilter, Page, Row, UnreadableJob};
pub use presigned::holds_presigned_url;
pub use record::JobRecord;
#[cfg(feature = "sqlite")]
pub use sqlite::{SqliteOptions, SqliteStore};
pub use state::{JobState, StateKind, UnknownState};
pub use store::{JobStore, StoreFuture};
pub use vod_aigc_core::api::Billed;
