//! Records, and stores in temporary folders.

use std::path::{Path, PathBuf};

use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection};
use sqlx::{AssertSqlSafe, ConnectOptions as _};
use vod_aigc_store::{JobFilter, JobRecord, JobState, JobStore, Row, SqliteStore};

/// A time, in seconds since 1970-01-01 UTC.
pub(crate) const NOW: u64 = 1_795_435_200;

pub(crate) fn accepted(task_id: &str) -> JobState {
    JobState::Accepted { task_id: task_id.to_owned() }
}

pub(crate) fn failed(task_id: &str) -> JobState {
    JobState::Failed { task_id: task_id.to_owned(), reason: "r".to_owned(), unbilled: false }
}

pub(crate) fn downloaded(task_id: &str) -> JobState {
    JobState::Downloaded { task_id: task_id.to_owned(), path: "video.mp4".into() }
}

pub(crate) fn refused() -> JobState {
    JobState::Refused { code: "InvalidParameterValue".to_owned() }
}

/// Plans a job and brings it to a state, both at `now`.
pub(crate) async fn put(store: &dyn JobStore, job: JobRecord, state: JobState, now: u64) -> JobRecord {
    let planned = store.plan(&job, now).await.expect("the store takes it");
    store.save(&planned.with_state(state), now).await.expect("nobody else has changed it")
}

/// Every row that the filter selects, read in pages of three.
pub(crate) async fn rows(store: &dyn JobStore, filter: &JobFilter) -> Vec<Row> {
    let (mut all, mut after) = (Vec::new(), None);
    loop {
        let page = store.page(filter, after, 3).await.expect("the store is read");
        assert!(page.rows.len() <= 3);
        all.extend(page.rows);
        after = page.next;
        if after.is_none() {
            return all;
        }
    }
}

/// The keys of every row that the filter selects.
pub(crate) async fn keys(store: &dyn JobStore, filter: &JobFilter) -> Vec<String> {
    rows(store, filter).await.iter().map(|row| row.key().to_owned()).collect()
}

pub(crate) struct Folder(tempfile::TempDir);

impl Folder {
    pub(crate) fn new() -> Self {
        Self(tempfile::tempdir().expect("a temporary folder"))
    }

    pub(crate) fn file(&self) -> PathBuf {
        self.0.path().join("jobs.sqlite3")
    }

    pub(crate) fn path(&self) -> &Path {
        self.0.path()
    }

    pub(crate) async fn store(&self) -> SqliteStore {
        SqliteStore::open(self.file()).await.expect("the folder is there")
    }

    /// Puts the journal that release 0.1.0 wrote in the place of the store.
    pub(crate) fn copy_journal(&self) {
        let journal = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fixtures/journal-0.1.0.sqlite3");
        std::fs::copy(journal, self.file()).expect("the fixture is there");
    }

    /// The database, without the store.
    pub(crate) async fn database(&self) -> SqliteConnection {
        database(&self.file()).await
    }

    /// Runs statements on the database, without the store.
    pub(crate) async fn run(&self, sql: &str) {
        let mut connection = self.database().await;
        sqlx::raw_sql(AssertSqlSafe(sql)).execute(&mut connection).await.expect("the statement is right");
    }
}

pub(crate) async fn database(path: &Path) -> SqliteConnection {
    let options = SqliteConnectOptions::new().filename(path).create_if_missing(true);
    options.connect().await.expect("the folder is there")
}
