//! The layout of the database, and the steps that lead to it from each layout that a release has had.
//!
//! The version is `PRAGMA user_version`, and all steps are done in one transaction that locks out other writers. A table of
//! migrations as sqlx's would have to be made first, which two processes that open a new file at the same time both would do, and
//! sqlx has no lock for SQLite that is held over several migrations. Another database has its own folder of steps beside this
//! one's; the queries are the same.

use sqlx::SqliteConnection;

use super::failure::Place;
use crate::error::StoreError;

/// The steps, in their order. One that has been released is not changed any more.
const STEPS: [&str; 2] = [
    include_str!("../../migrations/sqlite/0001_journal.sql"),
    include_str!("../../migrations/sqlite/0002_columns.sql"),
];

/// The number of the present layout.
const PRESENT: i64 = STEPS.len() as i64;

/// What marks a file as a store of jobs: the letters `voda`.
const APPLICATION: i64 = 0x766f_6461;

/// Brings the database to the present layout.
pub(super) async fn run(connection: &mut SqliteConnection, place: &Place) -> Result<(), StoreError> {
    let failed = place.of_sqlx("its layout cannot be read");
    // One transaction, so that what is read is of one moment: another process may be changing the layout.
    sqlx::raw_sql("BEGIN").execute(&mut *connection).await.map_err(&failed)?;
    let found = version(connection, place).await?;
    sqlx::raw_sql("COMMIT").execute(&mut *connection).await.map_err(&failed)?;
    if found < PRESENT {
        use_wal(connection, place).await?;
        sqlx::raw_sql("BEGIN IMMEDIATE").execute(&mut *connection).await.map_err(&failed)?;
        // Another process may have been faster.
        let done = version(connection, place).await?;
        let failed = place.of_sqlx("its layout cannot be changed");
        for step in STEPS.iter().skip(usize::try_from(done).unwrap_or_default()) {
            sqlx::raw_sql(*step).execute(&mut *connection).await.map_err(&failed)?;
        }
        let mark = format!("PRAGMA application_id = {APPLICATION}; PRAGMA user_version = {PRESENT}; COMMIT");
        sqlx::raw_sql(sqlx::AssertSqlSafe(mark)).execute(&mut *connection).await.map_err(&failed)?;
        return Ok(());
    }
    // A tool that copied the file may have left another mode.
    use_wal(connection, place).await
}

/// Lets readers go on while a job is written. The mode stays with the file.
async fn use_wal(connection: &mut SqliteConnection, place: &Place) -> Result<(), StoreError> {
    let mode = sqlx::query_scalar::<_, String>("PRAGMA journal_mode = WAL").fetch_one(connection).await;
    match mode.map_err(place.of_sqlx("its mode cannot be changed"))? {
        mode if mode == "wal" => Ok(()),
        mode => Err(place.other(format!("its mode stays {mode} and not WAL; is it on a network file system?"))),
    }
}

/// The layout of the database: 0 for a new file and for release 0.1. Nothing is written.
async fn version(connection: &mut SqliteConnection, place: &Place) -> Result<i64, StoreError> {
    let failed = place.of_sqlx("its layout cannot be read");
    let application: i64 =
        sqlx::query_scalar("PRAGMA application_id").fetch_one(&mut *connection).await.map_err(&failed)?;
    let version: i64 = sqlx::query_scalar("PRAGMA user_version").fetch_one(&mut *connection).await.map_err(&failed)?;
    match application {
        APPLICATION if version > PRESENT => {
            let detail = format!("its layout is {version}, and this release knows those up to {PRESENT}");
            Err(StoreError::NewerRelease(place.failure().with_detail(detail)))
        }
        APPLICATION => Ok(version),
        0 if version == 0 && !has_other_tables(connection, place).await? => Ok(0),
        _ => Err(StoreError::NotADatabase(place.failure().with_detail("it is the database of another program"))),
    }
}

/// Whether there are tables that no journal of release 0.1 has.
async fn has_other_tables(connection: &mut SqliteConnection, place: &Place) -> Result<bool, StoreError> {
    let query = "SELECT COUNT(*) FROM sqlite_schema
        WHERE type = 'table' AND name NOT IN ('job', 'body') AND name NOT LIKE 'sqlite_%'";
    let count: i64 =
        sqlx::query_scalar(query).fetch_one(connection).await.map_err(place.of_sqlx("its layout cannot be read"))?;
    Ok(count > 0)
}
