//! One connection to the database, used by one caller at a time.

use std::ops::{Deref, DerefMut};
use std::time::{Duration, Instant};

use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection};
use sqlx::{ConnectOptions as _, Connection as _};
use tokio::sync::{Mutex, MutexGuard};

use super::failure::Place;
use super::migrations;
use super::options::Limits;
use crate::error::StoreError;

/// How long is waited before a step is tried again that another process made fail at once.
const PAUSE: Duration = Duration::from_millis(5);

/// A connection that is opened again after a failure.
pub(super) struct Connection {
    options: SqliteConnectOptions,
    place: Place,
    max_bytes: Option<u64>,
    slot: Mutex<Slot>,
}

enum Slot {
    Open(Box<SqliteConnection>),
    /// Not opened yet, or given up by a caller that failed or was dropped.
    Empty,
    Closed,
}

impl Connection {
    /// Opens the database and brings it to the present layout.
    pub(super) async fn open(options: SqliteConnectOptions, place: Place, limits: Limits) -> Result<Self, StoreError> {
        let deadline = Instant::now() + limits.busy_timeout;
        loop {
            match Self::prepare(&options, &place, limits.max_bytes).await {
                // The change to WAL mode, and the close of the last other connection, refuse others without waiting.
                Err(StoreError::Locked(_)) if Instant::now() < deadline => pause().await,
                Err(error) => return Err(error),
                Ok(open) => {
                    let slot = Mutex::new(Slot::Open(Box::new(open)));
                    return Ok(Self { options, place, max_bytes: limits.max_bytes, slot });
                }
            }
        }
    }

    async fn prepare(
        options: &SqliteConnectOptions,
        place: &Place,
        max_bytes: Option<u64>,
    ) -> Result<SqliteConnection, StoreError> {
        let mut connection = connect(options, place, max_bytes).await?;
        migrations::run(&mut connection, place).await?;
        Ok(connection)
    }

    /// A further connection to a database that is open, made when it is first used.
    pub(super) fn later(options: SqliteConnectOptions, place: Place) -> Self {
        Self { options, place, max_bytes: None, slot: Mutex::new(Slot::Empty) }
    }

    /// Waits until no other caller has the connection, and takes it.
    pub(super) async fn take(&self) -> Result<Taken<'_>, StoreError> {
        let mut slot = self.slot.lock().await;
        let connection = match std::mem::replace(&mut *slot, Slot::Empty) {
            Slot::Open(connection) => connection,
            Slot::Empty => Box::new(connect(&self.options, &self.place, self.max_bytes).await?),
            Slot::Closed => {
                *slot = Slot::Closed;
                return Err(self.place.other("it has been closed"));
            }
        };
        Ok(Taken { slot, connection })
    }

    pub(super) async fn close(&self) -> Result<(), StoreError> {
        match std::mem::replace(&mut *self.slot.lock().await, Slot::Closed) {
            Slot::Open(connection) => connection.close().await.map_err(self.place.of_sqlx("it cannot be closed")),
            Slot::Empty | Slot::Closed => Ok(()),
        }
    }
}

/// A connection in use. Where it is not put back, it is closed, which undoes a transaction that has not been committed: the caller
/// has failed, or was dropped.
pub(super) struct Taken<'a> {
    slot: MutexGuard<'a, Slot>,
    connection: Box<SqliteConnection>,
}

impl Taken<'_> {
    /// Leaves the connection to the next caller.
    pub(super) fn put_back(mut self) {
        *self.slot = Slot::Open(self.connection);
    }
}

impl Deref for Taken<'_> {
    type Target = SqliteConnection;

    fn deref(&self) -> &SqliteConnection {
        &self.connection
    }
}

impl DerefMut for Taken<'_> {
    fn deref_mut(&mut self) -> &mut SqliteConnection {
        &mut self.connection
    }
}

async fn connect(
    options: &SqliteConnectOptions,
    place: &Place,
    max_bytes: Option<u64>,
) -> Result<SqliteConnection, StoreError> {
    let failed = place.of_sqlx("it cannot be opened");
    let mut connection = options.connect().await.map_err(&failed)?;
    if let Some(bytes) = max_bytes {
        let page_size: i64 =
            sqlx::query_scalar("PRAGMA page_size").fetch_one(&mut connection).await.map_err(&failed)?;
        let pages = (bytes / u64::try_from(page_size).unwrap_or(4096).max(1)).clamp(1, u32::MAX.into());
        let limit = sqlx::AssertSqlSafe(format!("PRAGMA max_page_count = {pages}"));
        sqlx::query(limit).execute(&mut connection).await.map_err(&failed)?;
    }
    Ok(connection)
}

/// Waits by the machine's clock, on a thread of its own: the runtime's clock may be stopped by a test.
async fn pause() {
    let _ = tokio::task::spawn_blocking(|| std::thread::sleep(PAUSE)).await;
}
