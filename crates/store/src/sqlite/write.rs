//! What is written.

use sqlx::{Row as _, SqliteConnection};

use super::failure::Place;
use super::row::{document, number};
use super::select;
use crate::error::StoreError;
use crate::record::JobRecord;

const FAILED: &str = "a job cannot be written";

/// How many jobs are deleted at once, so that other writers need not wait long.
pub(super) const PRUNED_AT_ONCE: u64 = 1000;

/// Writes a new job, or gives the one that has its key.
pub(super) async fn plan(
    connection: &mut SqliteConnection,
    job: &JobRecord,
    now: u64,
    place: &Place,
) -> Result<JobRecord, StoreError> {
    let failed = place.of_sqlx(FAILED);
    begin(connection, place).await?;
    if let Some(stored) = select::by_key(connection, &job.key, place).await? {
        // Nothing was written.
        commit(connection, place).await?;
        let stored = stored.job(place)?;
        let given = job.body.clone().filter(|_| stored.state.is_final() && stored.is_same_job(job));
        return Ok(JobRecord { body: stored.body.clone().or(given), ..stored });
    }
    let record = job.clone().planned_at(now);
    let insert = "INSERT INTO job (state, task_id, account, model, endpoint, label, updated, ended, document, revision, key, created)
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12) RETURNING id";
    let insert = columns(sqlx::query(insert), &record, place)?.bind(record.key.clone());
    let insert = insert.bind(number(record.created, "the time", place)?);
    let id: i64 = insert.fetch_one(&mut *connection).await.and_then(|row| row.try_get(0)).map_err(&failed)?;
    if let Some(body) = &record.body {
        insert_body(connection, id, body, place).await?;
    }
    commit(connection, place).await?;
    Ok(record)
}

/// Replaces a job; none where the store holds another revision of it.
pub(super) async fn save(
    connection: &mut SqliteConnection,
    job: &JobRecord,
    now: u64,
    place: &Place,
) -> Result<Option<JobRecord>, StoreError> {
    let failed = place.of_sqlx(FAILED);
    begin(connection, place).await?;
    let query = "SELECT job.id, revision, created, ended, body.job IS NOT NULL AS has_body
        FROM job LEFT JOIN body ON body.job = job.id WHERE key = $1";
    let stored = sqlx::query(query).bind(job.key.clone()).fetch_optional(&mut *connection).await.map_err(&failed)?;
    let number_of = |name: &str| {
        let value = stored.as_ref().and_then(|row| row.try_get::<Option<i64>, _>(name).ok().flatten());
        value.and_then(|value| u64::try_from(value).ok())
    };
    let saved = number_of("revision").and_then(|revision| {
        let created = number_of("created").unwrap_or_default();
        job.clone().saved_at(now, &JobRecord { revision, created, ended: number_of("ended"), ..job.clone() })
    });
    let (Some(mut saved), Some(id)) = (saved, number_of("id")) else {
        commit(connection, place).await?;
        return Ok(None);
    };
    let id = number(id, "the number", place)?;
    let update =
        "UPDATE job SET state = $1, task_id = $2, account = $3, model = $4, endpoint = $5, label = $6, updated = $7,
        ended = $8, document = $9, revision = $10 WHERE id = $11";
    columns(sqlx::query(update), &saved, place)?.bind(id).execute(&mut *connection).await.map_err(&failed)?;
    if saved.state.is_final() {
        saved.body = None;
        sqlx::query("DELETE FROM body WHERE job = $1").bind(id).execute(&mut *connection).await.map_err(&failed)?;
    } else if number_of("has_body") != Some(1)
        && let Some(body) = saved.storable_body()
    {
        insert_body(connection, id, body, place).await?;
    }
    commit(connection, place).await?;
    Ok(Some(saved))
}

/// Deletes some of the jobs that ended before this time, and says how many.
pub(super) async fn prune(
    connection: &mut SqliteConnection,
    ended_before: u64,
    place: &Place,
) -> Result<u64, StoreError> {
    // `+` keeps SQLite from reading all jobs of these states by their index.
    let delete = "DELETE FROM job WHERE id IN (
        SELECT id FROM job WHERE ended < $1 AND +state IN ('refused', 'failed', 'downloaded') ORDER BY ended LIMIT $2)";
    let before = i64::try_from(ended_before).unwrap_or(i64::MAX);
    let most = number(PRUNED_AT_ONCE, "the batch", place)?;
    let deleted = sqlx::query(delete).bind(before).bind(most).execute(connection).await;
    Ok(deleted.map_err(place.of_sqlx("jobs cannot be deleted"))?.rows_affected())
}

type Query = sqlx::query::Query<'static, sqlx::Sqlite, sqlx::sqlite::SqliteArguments>;

/// Binds the columns of a record that change: `$1` to `$10`.
fn columns(query: Query, job: &JobRecord, place: &Place) -> Result<Query, StoreError> {
    let ended = job.ended.map(|ended| number(ended, "the time", place)).transpose()?;
    Ok(query
        .bind(job.state.kind().as_str())
        .bind(job.state.task_id().map(str::to_owned))
        .bind(job.account.clone())
        .bind(job.model.clone())
        .bind(job.endpoint.clone())
        .bind(job.label.clone())
        .bind(number(job.updated, "the time", place)?)
        .bind(ended)
        .bind(document(job, place)?)
        .bind(number(job.revision, "the revision", place)?))
}

async fn insert_body(connection: &mut SqliteConnection, id: i64, body: &str, place: &Place) -> Result<(), StoreError> {
    let insert = sqlx::query("INSERT INTO body (job, body) VALUES ($1, $2)").bind(id).bind(body);
    insert.execute(connection).await.map(drop).map_err(place.of_sqlx("the body of a job cannot be written"))
}

/// There is no other writer from here on.
async fn begin(connection: &mut SqliteConnection, place: &Place) -> Result<(), StoreError> {
    let begin = sqlx::raw_sql("BEGIN IMMEDIATE").execute(connection).await;
    begin.map(drop).map_err(place.of_sqlx("it cannot be written"))
}

async fn commit(connection: &mut SqliteConnection, place: &Place) -> Result<(), StoreError> {
    let commit = sqlx::raw_sql("COMMIT").execute(connection).await;
    commit.map(drop).map_err(place.of_sqlx("a job cannot be written"))
}
