//! How a store is opened.

use std::path::Path;
use std::time::Duration;

use sqlx::ConnectOptions as _;
use sqlx::sqlite::{SqliteConnectOptions, SqliteSynchronous};

/// How an [`SqliteStore`](crate::SqliteStore) is opened.
///
/// ```
/// use std::time::Duration;
/// use vod_aigc_store::SqliteOptions;
///
/// let options = SqliteOptions::new().busy_timeout(Duration::from_secs(60)).create_folder(true);
/// # let _ = options;
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct SqliteOptions {
    /// How long is waited for another process that is writing.
    pub busy_timeout: Duration,
    /// How many bytes the file may take, besides its write-ahead log; `None` allows as many as the disk has.
    pub max_bytes: Option<u64>,
    /// Whether the folder of the file is made if it is missing.
    pub create_folder: bool,
}

impl Default for SqliteOptions {
    fn default() -> Self {
        Self { busy_timeout: Duration::from_secs(10), max_bytes: None, create_folder: false }
    }
}

impl SqliteOptions {
    /// Ten seconds of waiting, no limit of size, and no folder is made.
    pub fn new() -> Self {
        Self::default()
    }

    /// Waits this long for another process that is writing; at most 24 days. The default is 10 s.
    #[must_use]
    pub fn busy_timeout(mut self, timeout: Duration) -> Self {
        self.busy_timeout = timeout;
        self
    }

    /// Lets the file take no more than this number of bytes, besides its write-ahead log. A store that is larger does not grow any
    /// more, and an empty one takes 300 kB. What does not fit is [`StoreError::Full`](crate::StoreError::Full).
    #[must_use]
    pub fn max_bytes(mut self, bytes: u64) -> Self {
        self.max_bytes = Some(bytes);
        self
    }

    /// Makes the folder of the file if it is missing, readable by its owner only.
    #[must_use]
    pub fn create_folder(mut self, create: bool) -> Self {
        self.create_folder = create;
        self
    }

    /// The platform's own folder for a program's state is made without asking.
    pub(super) fn for_path(mut self, path: &Path, default: Option<&Path>) -> Self {
        self.create_folder |= default == Some(path);
        self
    }

    pub(super) fn creates_folder(&self) -> bool {
        self.create_folder
    }

    pub(super) fn limits(&self) -> Limits {
        Limits { busy_timeout: self.busy_timeout, max_bytes: self.max_bytes }
    }

    /// What sqlx needs to open a file that is there.
    pub(super) fn connect_to(&self, path: &Path) -> SqliteConnectOptions {
        // SQLite counts milliseconds in 31 bits.
        let longest = Duration::from_millis(i32::MAX as u64);
        SqliteConnectOptions::new()
            .filename(path)
            .create_if_missing(false)
            .foreign_keys(true)
            // A commit is on the disk when it returns, which the submit protocol relies on.
            .synchronous(SqliteSynchronous::Full)
            // For a new file. Pages of 4 KiB double the time of a body of 9 MB, and save 0.2 ms without a body.
            .page_size(16384)
            // 32 MB of log before it is written into the file, so that the commit of a large body does not wait for that.
            .pragma("wal_autocheckpoint", "2000")
            // 8 MiB of pages, so that a prune of many jobs need not read what it has just written.
            .pragma("cache_size", "-8192")
            .busy_timeout(self.busy_timeout.min(longest))
            .thread_name(|number| format!("job store {number}"))
            .disable_statement_logging()
    }
}

/// What concerns the first connection.
#[derive(Debug, Clone, Copy)]
pub(super) struct Limits {
    pub(super) busy_timeout: Duration,
    pub(super) max_bytes: Option<u64>,
}
