//! The store in an SQLite file.

mod connection;
mod failure;
mod file;
mod migrations;
mod options;
mod row;
mod select;
mod write;

use std::fmt;
use std::path::{Path, PathBuf};

use tracing::debug;

use self::connection::Connection;
use self::failure::Place;
pub use self::options::SqliteOptions;
use crate::error::StoreError;
use crate::page::{Cursor, JobFilter, Page};
use crate::record::JobRecord;
use crate::store::{JobStore, StoreFuture};

/// A store in one SQLite file, safe for several processes at a time. Only its owner may read it.
///
/// A job is on the disk when [`plan`](JobStore::plan) or [`save`](JobStore::save) has returned: the file is in WAL mode and each commit
/// is synchronised (`synchronous = FULL`). Do not put it on a network file system.
///
/// The work is done on threads of its own, so that neither the disk nor another process that holds the file stops the runtime.
/// One job is written at a time; reads go on meanwhile.
///
/// ```no_run
/// use std::sync::Arc;
/// use vod_aigc_store::{JobStore, SqliteStore};
///
/// # async fn example() -> Result<(), vod_aigc_store::StoreError> {
/// let path = SqliteStore::default_path().expect("the user has a home");
/// let store: Arc<dyn JobStore> = Arc::new(SqliteStore::open(path).await?);
/// let job = store.load("shot 7").await?;
/// # let _ = job;
/// # Ok(())
/// # }
/// ```
pub struct SqliteStore {
    path: PathBuf,
    place: Place,
    writer: Connection,
    reader: Connection,
}

impl SqliteStore {
    /// Opens the store in this file, and makes the file if it is missing. The folder must exist, except that of
    /// [`default_path`](Self::default_path), which is made.
    ///
    /// A store of an older release, also a journal of release 0.1, is brought to the present layout. Older releases cannot
    /// use it any more then, and say so before they send anything.
    ///
    /// # Errors
    /// When the file cannot be made, read or written, or holds something else. It is as it was then.
    pub async fn open(path: impl Into<PathBuf>) -> Result<Self, StoreError> {
        Self::open_with(path, SqliteOptions::default()).await
    }

    /// Opens the store in this file as [`open`](Self::open) does.
    ///
    /// # Errors
    /// As those of [`open`](Self::open).
    ///
    /// ```no_run
    /// use std::time::Duration;
    /// use vod_aigc_store::{SqliteOptions, SqliteStore};
    ///
    /// # async fn example() -> Result<(), vod_aigc_store::StoreError> {
    /// let options = SqliteOptions::new().busy_timeout(Duration::from_secs(60)).max_bytes(1 << 30);
    /// let store = SqliteStore::open_with("jobs.sqlite3", options).await?;
    /// # let _ = store;
    /// # Ok(())
    /// # }
    /// ```
    pub async fn open_with(path: impl Into<PathBuf>, options: SqliteOptions) -> Result<Self, StoreError> {
        let path = path.into();
        let options = options.for_path(&path, Self::default_path().as_deref());
        let place = Place::new(&path);
        // What begins with `file:` is a URL to SQLite, and `:memory:` is no file. An absolute path is neither.
        let path = std::path::absolute(&path).map_err(|error| place.of_io("its path cannot be resolved", error))?;
        file::make_private(&path, &place, options.creates_folder()).await?;
        let writer = Connection::open(options.connect_to(&path), place.clone(), options.limits()).await?;
        let reader = Connection::later(options.connect_to(&path), place.clone());
        debug!(store = %place, "job store opened");
        Ok(Self { path, place, writer, reader })
    }

    /// Where the platform keeps a program's state, for example `~/.local/state/vod-aigc/journal.sqlite3`. None where there
    /// is no home.
    pub fn default_path() -> Option<PathBuf> {
        let folders = directories::ProjectDirs::from("", "", "vod-aigc")?;
        let folder = folders.state_dir().unwrap_or_else(|| folders.data_local_dir());
        Some(folder.join("journal.sqlite3"))
    }

    /// The file, as an absolute path.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Waits for what is being written, and closes the file. Where no other process uses it, everything is in the one file then.
    /// The store cannot be used any more. A store that is dropped is closed too, a moment later.
    ///
    /// # Errors
    /// When SQLite cannot close the file. What was written is on the disk all the same.
    pub async fn close(&self) -> Result<(), StoreError> {
        let read = self.reader.close().await;
        self.writer.close().await.and(read)
    }
}

impl fmt::Debug for SqliteStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SqliteStore").field("path", &self.path).finish_non_exhaustive()
    }
}

impl JobStore for SqliteStore {
    fn plan<'a>(&'a self, job: &'a JobRecord, now: u64) -> StoreFuture<'a, JobRecord> {
        Box::pin(async move {
            let mut writer = self.writer.take().await?;
            let planned = write::plan(&mut writer, job, now, &self.place).await?;
            writer.put_back();
            debug!(key = planned.key, revision = planned.revision, state = %planned.state.kind(), "job planned");
            Ok(planned)
        })
    }

    fn save<'a>(&'a self, job: &'a JobRecord, now: u64) -> StoreFuture<'a, JobRecord> {
        Box::pin(async move {
            let mut writer = self.writer.take().await?;
            let saved = write::save(&mut writer, job, now, &self.place).await?;
            writer.put_back();
            match &saved {
                Some(saved) => {
                    debug!(key = saved.key, revision = saved.revision, state = %saved.state.kind(), "job saved")
                }
                None => debug!(key = job.key, revision = job.revision, "job not saved: it has changed"),
            }
            saved.ok_or(StoreError::Changed)
        })
    }

    fn load<'a>(&'a self, key: &'a str) -> StoreFuture<'a, Option<JobRecord>> {
        Box::pin(async move {
            let mut reader = self.reader.take().await?;
            let found = select::by_key(&mut reader, key, &self.place).await?;
            reader.put_back();
            found.map(|found| found.job(&self.place)).transpose()
        })
    }

    fn find_by_task<'a>(&'a self, task_id: &'a str) -> StoreFuture<'a, Option<JobRecord>> {
        Box::pin(async move {
            let mut reader = self.reader.take().await?;
            let found = select::by_task(&mut reader, task_id, &self.place).await?;
            reader.put_back();
            found.map(|found| found.job(&self.place)).transpose()
        })
    }

    fn page<'a>(&'a self, filter: &'a JobFilter, after: Option<Cursor>, limit: usize) -> StoreFuture<'a, Page> {
        Box::pin(async move {
            let mut reader = self.reader.take().await?;
            let page = select::page(&mut reader, filter, after, limit, &self.place).await?;
            reader.put_back();
            Ok(page)
        })
    }

    fn prune(&self, ended_before: u64) -> StoreFuture<'_, u64> {
        Box::pin(async move {
            let mut pruned = 0;
            loop {
                // Others write between two batches.
                let mut writer = self.writer.take().await?;
                let deleted = write::prune(&mut writer, ended_before, &self.place).await?;
                writer.put_back();
                pruned += deleted;
                if deleted < write::PRUNED_AT_ONCE {
                    debug!(ended_before, pruned, "jobs pruned");
                    return Ok(pruned);
                }
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use sqlx::Row as _;

    use super::*;
    use crate::state::StateKind;

    async fn store(folder: &tempfile::TempDir) -> SqliteStore {
        SqliteStore::open(folder.path().join("jobs.sqlite3")).await.expect("the folder is there")
    }

    #[tokio::test]
    async fn a_commit_is_on_the_disk_when_it_returns() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let store = store(&folder).await;
        // Of each connection, and of one that is opened again after a failure.
        for _ in 0..2 {
            for connection in [&store.writer, &store.reader] {
                let mut taken = connection.take().await.expect("it is open");
                let mode: String =
                    sqlx::query_scalar("PRAGMA journal_mode").fetch_one(&mut *taken).await.expect("a mode");
                let synchronous: i64 =
                    sqlx::query_scalar("PRAGMA synchronous").fetch_one(&mut *taken).await.expect("a number");
                assert_eq!((mode.as_str(), synchronous), ("wal", 2), "2 is FULL");
            }
        }
    }

    #[tokio::test]
    async fn a_database_that_may_only_be_read_is_told_apart() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let store = store(&folder).await;
        let mut writer = store.writer.take().await.expect("it is open");
        sqlx::raw_sql("PRAGMA query_only = ON").execute(&mut *writer).await.expect("a pragma");
        writer.put_back();
        let job = JobRecord::new("k", "CreateAigcVideoTask", "00ff", 1);
        let error = store.plan(&job, 1).await.expect_err("it may only be read");
        assert!(matches!(error, StoreError::ReadOnly(_)), "{error:?}");
        assert!(error.to_string().ends_with("jobs.sqlite3 cannot be written"), "{error}");
        // The connection was given up, and the next one may write.
        store.plan(&job, 1).await.expect("it may be written");
    }

    #[test]
    fn the_default_store_is_in_a_folder_of_its_own_wherever_there_is_a_home() {
        let path = SqliteStore::default_path();
        assert_eq!(path.is_some(), directories::BaseDirs::new().is_some());
        assert!(path.is_none_or(|path| path.ends_with("vod-aigc/journal.sqlite3")));
    }

    #[tokio::test]
    async fn a_page_is_read_in_order_from_an_index() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let store = store(&folder).await;
        let mut reader = store.reader.take().await.expect("it is open");
        let (all, unfinished) = (JobFilter::all, JobFilter::unfinished);
        for (filter, index) in [
            (all(), "job_by_created"),
            (all().created(3..5), "job_by_created"),
            (unfinished(), "job_unfinished"),
            (unfinished().label("l").endpoint("e").created(3..5), "job_unfinished"),
            (all().state(StateKind::Accepted), "job_by_state"),
            (all().state(StateKind::Accepted).label("l").account("a"), "job_by_state"),
            (all().state(StateKind::Downloaded).label("l").model("m"), "job_by_label"),
            (all().state(StateKind::Downloaded).account("a").ended(3..), "job_by_account"),
            (all().model("m").endpoint("e"), "job_by_model"),
            (all().endpoint("e").created(3..5), "job_by_endpoint"),
            (all().state(StateKind::Failed), "job_by_state"),
        ] {
            for (filter, after) in
                [(filter.clone(), None), (filter.clone(), Some(Cursor::new(4, 2))), (filter.newest_first(), None)]
            {
                let sql = select::page_query(&filter, after, 100, &store.place).expect("small numbers").into_string();
                let explain = sqlx::query(sqlx::AssertSqlSafe(format!("EXPLAIN QUERY PLAN {sql}")));
                let steps = explain.fetch_all(&mut *reader).await.expect("a plan");
                let steps: Vec<String> = steps.iter().map(|row| row.get("detail")).collect();
                assert!(steps.len() == 1 && steps[0].contains(index), "{sql}: {steps:?}");
            }
        }
    }
}
