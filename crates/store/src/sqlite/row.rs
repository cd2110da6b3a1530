//! Rows of the database, and what they say.

use std::sync::Arc;

use sqlx::Row as _;
use sqlx::sqlite::SqliteRow;

use super::failure::Place;
use crate::error::StoreError;
use crate::page::{Cursor, Row, UnreadableJob};
use crate::record::JobRecord;

/// The columns that a job is read from, besides its body.
pub(super) const COLUMNS: &str = "id, key, revision, task_id, created, updated, ended, document";

/// A job as the database has it, which may be of a newer release.
pub(super) struct Found {
    pub(super) place: Cursor,
    pub(super) row: Row,
}

impl Found {
    /// Reads a row of [`COLUMNS`], and its column `body` where there is one.
    pub(super) fn read(row: &SqliteRow) -> Self {
        // The type of each column is enforced by the database; only a damaged file has others.
        // To sqlx NULL is the number 0, where it is not asked for an option.
        let number =
            |name: &str| row.try_get::<Option<i64>, _>(name).ok().flatten().and_then(|it| u64::try_from(it).ok());
        let [id, revision, created, updated] = ["id", "revision", "created", "updated"].map(number);
        let key: String = row.try_get("key").unwrap_or_default();
        let document = row.try_get::<&str, _>("document").map_err(|error| error.to_string());
        let record =
            document.and_then(|text| serde_json::from_str::<JobRecord>(text).map_err(|error| error.to_string()));
        let created = created.unwrap_or_default();
        let row = match record {
            Ok(record) => Row::Job(JobRecord {
                revision: revision.unwrap_or_default(),
                created,
                updated: updated.unwrap_or_default(),
                ended: number("ended"),
                body: row.try_get::<Option<String>, _>("body").ok().flatten().map(Arc::new),
                ..record
            }),
            Err(reason) => Row::Unreadable(UnreadableJob::new(key, row.try_get("task_id").ok().flatten(), reason)),
        };
        Self { place: Cursor::new(created, id.unwrap_or_default()), row }
    }

    /// The job, or the error of one that cannot be read.
    pub(super) fn job(self, place: &Place) -> Result<JobRecord, StoreError> {
        match self.row {
            Row::Job(job) => Ok(job),
            Row::Unreadable(UnreadableJob { key, reason, .. }) => {
                let detail = format!("job {}: {reason}", key.escape_debug());
                Err(StoreError::Unreadable(place.failure().with_detail(detail)))
            }
        }
    }
}

/// A number as the database holds it.
pub(super) fn number(value: u64, what: &str, place: &Place) -> Result<i64, StoreError> {
    i64::try_from(value).map_err(|error| {
        StoreError::Other(place.failure().with_detail(format!("{what} is too large: {value}")).with_source(error))
    })
}

/// The record as JSON, without its body.
pub(super) fn document(job: &JobRecord, place: &Place) -> Result<String, StoreError> {
    let job = JobRecord { body: None, ..job.clone() };
    serde_json::to_string(&job).map_err(|error| {
        StoreError::Other(place.failure().with_detail(format!("the job is no JSON: {error}")).with_source(error))
    })
}
