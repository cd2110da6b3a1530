//! The journal as an SQLite database.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use rusqlite::{Connection, OptionalExtension as _, Row, Transaction, TransactionBehavior, params};

use super::{JobRecord, Journal, JournalError};

/// How long one process waits for another that is writing.
const BUSY: Duration = Duration::from_secs(10);

/// A journal in one file, safe for several processes at a time. Only its owner may read it.
#[derive(Debug)]
pub struct SqliteJournal {
    connection: Mutex<Connection>,
    path: PathBuf,
}

impl SqliteJournal {
    /// Opens the journal of this file, and makes it where there is none.
    ///
    /// # Errors
    /// When the file or its folder cannot be made, or holds something else.
    pub fn open(path: impl Into<PathBuf>) -> Result<Self, JournalError> {
        let path = path.into();
        make_private(&path).map_err(|error| JournalError::Store(format!("{}: {error}", path.display())))?;
        let connection = Connection::open(&path).map_err(store)?;
        connection.busy_timeout(BUSY).map_err(store)?;
        // FULL: a commit is on the disk when it returns, which is what the protocol stands on.
        connection
            .execute_batch(
                "PRAGMA journal_mode = WAL;
                 PRAGMA synchronous = FULL;
                 CREATE TABLE IF NOT EXISTS job (
                     key      TEXT PRIMARY KEY,
                     revision INTEGER NOT NULL,
                     record   TEXT NOT NULL
                 ) STRICT;
                 CREATE TABLE IF NOT EXISTS body (
                     key  TEXT PRIMARY KEY,
                     body TEXT NOT NULL
                 ) STRICT;",
            )
            .map_err(store)?;
        Ok(Self { connection: Mutex::new(connection), path })
    }

    /// Where the platform keeps a program's state, for example `~/.local/state/vod-aigc/journal.sqlite3`. None where there
    /// is no home.
    pub fn default_path() -> Option<PathBuf> {
        let folders = directories::ProjectDirs::from("", "", "vod-aigc")?;
        let folder = folders.state_dir().unwrap_or_else(|| folders.data_local_dir());
        Some(folder.join("journal.sqlite3"))
    }

    /// The file.
    pub fn path(&self) -> &Path {
        &self.path
    }

    fn connection(&self) -> MutexGuard<'_, Connection> {
        self.connection.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Journal for SqliteJournal {
    fn plan(&self, job: &JobRecord) -> Result<JobRecord, JournalError> {
        let mut connection = self.connection();
        let transaction = begin(&mut connection)?;
        let standing = read(&transaction, &job.key)?;
        let record = match standing {
            Some(record) => record,
            None => {
                let record = JobRecord { revision: 1, ..job.clone() };
                transaction
                    .execute(
                        "INSERT INTO job (key, revision, record) VALUES (?1, 1, ?2)",
                        params![job.key, text(record.clone())?],
                    )
                    .map_err(store)?;
                keep_body(&transaction, job)?;
                record
            }
        };
        transaction.commit().map_err(store)?;
        Ok(record)
    }

    fn save(&self, job: &JobRecord) -> Result<u64, JournalError> {
        let revision = job.revision.saturating_add(1);
        let record = JobRecord { revision, ..job.clone() };
        let mut connection = self.connection();
        let transaction = begin(&mut connection)?;
        let changed = transaction
            .execute(
                "UPDATE job SET revision = ?1, record = ?2 WHERE key = ?3 AND revision = ?4",
                params![number(revision)?, text(record)?, job.key, number(job.revision)?],
            )
            .map_err(store)?;
        if changed != 1 {
            return Err(JournalError::Changed);
        }
        keep_body(&transaction, job)?;
        transaction.commit().map_err(store)?;
        Ok(revision)
    }

    fn load(&self, key: &str) -> Result<Option<JobRecord>, JournalError> {
        read(&self.connection(), key)
    }

    fn jobs(&self) -> Result<Vec<JobRecord>, JournalError> {
        let connection = self.connection();
        let query = "SELECT record, body FROM job LEFT JOIN body USING (key) ORDER BY job.rowid";
        let mut statement = connection.prepare(query).map_err(store)?;
        let rows = statement.query_map([], columns).map_err(store)?;
        rows.map(|row| parse(row.map_err(store)?)).collect()
    }
}

/// Nobody else writes from here on.
fn begin(connection: &mut Connection) -> Result<Transaction<'_>, JournalError> {
    connection.transaction_with_behavior(TransactionBehavior::Immediate).map_err(store)
}

fn read(connection: &Connection, key: &str) -> Result<Option<JobRecord>, JournalError> {
    let query = "SELECT record, body FROM job LEFT JOIN body USING (key) WHERE key = ?1";
    connection.query_row(query, [key], columns).optional().map_err(store)?.map(parse).transpose()
}

/// Writes a job's body once. It may hold megabytes, and stays the same while the rest of the record changes.
fn keep_body(connection: &Connection, job: &JobRecord) -> Result<(), JournalError> {
    let Some(body) = &job.body else { return Ok(()) };
    let kept = connection.query_row("SELECT 1 FROM body WHERE key = ?1", [&job.key], |_| Ok(())).optional();
    if kept.map_err(store)?.is_none() {
        connection.execute("INSERT INTO body (key, body) VALUES (?1, ?2)", params![job.key, **body]).map_err(store)?;
    }
    Ok(())
}

/// A record without its body, and the body.
fn columns(row: &Row<'_>) -> rusqlite::Result<(String, Option<String>)> {
    Ok((row.get(0)?, row.get(1)?))
}

fn parse((record, body): (String, Option<String>)) -> Result<JobRecord, JournalError> {
    let mut record: JobRecord = serde_json::from_str(&record)
        .map_err(|error| JournalError::Store(format!("a job in it cannot be read: {error}")))?;
    record.body = body.map(Arc::new).or(record.body);
    Ok(record)
}

/// A record without its body.
fn text(record: JobRecord) -> Result<String, JournalError> {
    let record = JobRecord { body: None, ..record };
    serde_json::to_string(&record).map_err(|error| JournalError::Store(error.to_string()))
}

fn number(revision: u64) -> Result<i64, JournalError> {
    i64::try_from(revision).map_err(|error| JournalError::Store(error.to_string()))
}

fn store(error: rusqlite::Error) -> JournalError {
    JournalError::Store(error.to_string())
}

/// Makes the file and its folder readable by their owner only; SQLite gives its side files the same mode.
fn make_private(path: &Path) -> std::io::Result<()> {
    if let Some(folder) = path.parent().filter(|folder| !folder.as_os_str().is_empty()) {
        let mut builder = fs::DirBuilder::new();
        builder.recursive(true);
        #[cfg(unix)]
        std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
        builder.create(folder)?;
    }
    let mut options = fs::OpenOptions::new();
    options.append(true).create(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path).map(drop)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_commit_is_on_the_disk_when_it_returns() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let journal = SqliteJournal::open(folder.path().join("journal.sqlite3")).expect("the folder is new");
        let connection = journal.connection();
        let pragma = |name| connection.pragma_query_value(None, name, |row| row.get::<_, String>(0));
        assert_eq!(pragma("journal_mode").as_deref(), Ok("wal"));
        let synchronous = connection.pragma_query_value(None, "synchronous", |row| row.get::<_, i64>(0));
        assert_eq!(synchronous, Ok(2), "FULL");
    }

    #[cfg(unix)]
    #[test]
    fn only_its_owner_can_read_a_journal() {
        use std::os::unix::fs::PermissionsExt as _;

        let folder = tempfile::tempdir().expect("a temporary folder");
        let path = folder.path().join("new/journal.sqlite3");
        SqliteJournal::open(&path).expect("the folder is made");
        for (made, mode) in [(path.as_path(), 0o600), (path.parent().unwrap(), 0o700)] {
            assert_eq!(fs::metadata(made).unwrap().permissions().mode() & 0o777, mode, "{}", made.display());
        }
    }

    #[test]
    fn the_journal_is_kept_in_a_folder_of_its_own_wherever_there_is_a_home() {
        let path = SqliteJournal::default_path();
        assert_eq!(path.is_some(), directories::BaseDirs::new().is_some());
        assert!(path.is_none_or(|path| path.ends_with("vod-aigc/journal.sqlite3")));
    }

    #[test]
    fn a_job_whose_record_holds_its_body_is_read_and_keeps_it_apart_from_the_next_save_on() {
        let folder = tempfile::tempdir().unwrap();
        let journal = SqliteJournal::open(folder.path().join("jobs.sqlite3")).unwrap();
        // As releases wrote it that had one table.
        let record = r#"{"key":"k","shared":true,"digest":"00","session":"va2-0","attempt":0,"endpoint":"","sub_app_id":1,
            "model":"Kling:2.1","body":"{}","output":null,"state":{"state":"planned"},"first_sent":null,"last_sent":null,
            "refused_before":false,"request_id":null,"revision":0}"#;
        let insert = "INSERT INTO job (key, revision, record) VALUES ('k', 0, ?1)";
        journal.connection().execute(insert, [record]).unwrap();
        let body = |job: Option<JobRecord>| job.unwrap().body.as_deref().cloned();

        let job = journal.load("k").unwrap();
        assert_eq!(body(job.clone()).as_deref(), Some("{}"));
        journal.save(&job.unwrap()).unwrap();
        assert_eq!(body(journal.load("k").unwrap()).as_deref(), Some("{}"));
        let columns = "SELECT record LIKE '%\"body\":null%', body FROM job JOIN body USING (key)";
        let kept = journal.connection().query_row(columns, [], |row| Ok((row.get(0)?, row.get(1)?)));
        assert_eq!(kept, Ok((true, "{}".to_owned())));
    }
}
