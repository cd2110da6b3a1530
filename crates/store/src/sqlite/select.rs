//! What is read.

use sqlx::{QueryBuilder, Sqlite, SqliteConnection};

use super::failure::Place;
use super::row::{COLUMNS, Found, number};
use crate::error::StoreError;
use crate::page::{Cursor, JobFilter, Page};

const FAILED: &str = "jobs cannot be read";

/// Keeps SQLite from reading a condition from an index. A database with statistics needs no such thing.
const NOT_BY_INDEX: &str = "+";

/// The job of this key, with its body.
pub(super) async fn by_key(
    connection: &mut SqliteConnection,
    key: &str,
    place: &Place,
) -> Result<Option<Found>, StoreError> {
    let query = "SELECT job.*, body FROM job LEFT JOIN body ON body.job = job.id WHERE key = $1";
    let row = sqlx::query(query).bind(key).fetch_optional(connection).await;
    Ok(row.map_err(place.of_sqlx(FAILED))?.as_ref().map(Found::read))
}

/// The job that was planned last of those that have this task, with its body.
pub(super) async fn by_task(
    connection: &mut SqliteConnection,
    task_id: &str,
    place: &Place,
) -> Result<Option<Found>, StoreError> {
    let query = "SELECT job.*, body FROM job LEFT JOIN body ON body.job = job.id WHERE task_id = $1
        ORDER BY created DESC, id DESC LIMIT 1";
    let row = sqlx::query(query).bind(task_id).fetch_optional(connection).await;
    Ok(row.map_err(place.of_sqlx(FAILED))?.as_ref().map(Found::read))
}

pub(super) async fn page(
    connection: &mut SqliteConnection,
    filter: &JobFilter,
    after: Option<Cursor>,
    limit: usize,
    place: &Place,
) -> Result<Page, StoreError> {
    let limit = limit.max(1);
    // One more than asked for shows whether there is a next page.
    let rows = i64::try_from(limit.saturating_add(1)).unwrap_or(i64::MAX);
    let mut query = page_query(filter, after, rows, place)?;
    let found = query.build().fetch_all(connection).await.map_err(place.of_sqlx(FAILED))?;
    let mut found: Vec<_> = found.iter().map(Found::read).collect();
    let more = found.len() > limit;
    found.truncate(limit);
    let next = found.last().map(|found| found.place).filter(|_| more);
    Ok(Page::new(found.into_iter().map(|found| found.row).collect(), next))
}

/// The first rows that the filter selects after the cursor.
pub(super) fn page_query(
    filter: &JobFilter,
    after: Option<Cursor>,
    rows: i64,
    place: &Place,
) -> Result<QueryBuilder<Sqlite>, StoreError> {
    let mut query = QueryBuilder::new("");
    match filter.states.as_slice() {
        [] => one_state(&mut query, filter, None, after, rows, place)?,
        [state] => one_state(&mut query, filter, Some(state.as_str()), after, rows, place)?,
        states => {
            // Each state is read in the order of pages by its index, and no more of it than the page takes.
            for (number, state) in states.iter().enumerate() {
                query.push(if number == 0 { "SELECT * FROM (" } else { " UNION ALL SELECT * FROM (" });
                one_state(&mut query, filter, Some(state.as_str()), after, rows, place)?;
                query.push(format!(") AS of_state_{number}"));
            }
            order(&mut query, filter, rows);
        }
    }
    Ok(query)
}

/// The page of the jobs of one state, or of all.
fn one_state(
    query: &mut QueryBuilder<Sqlite>,
    filter: &JobFilter,
    state: Option<&str>,
    after: Option<Cursor>,
    rows: i64,
    place: &Place,
) -> Result<(), StoreError> {
    query.push(format!("SELECT {COLUMNS} FROM job WHERE TRUE"));
    let text = |column, text: Option<&str>| text.map(|text| (column, text.to_owned()));
    let goes_on = filter.states.iter().any(|state| !state.is_final());
    let state = text("state", state);
    // Without statistics SQLite does not know which condition selects the fewest. This order does.
    let conditions = [
        state.clone().filter(|_| goes_on),
        text("label", filter.label.as_deref()),
        text("account", filter.account.as_deref()),
        text("model", filter.model.as_deref()),
        text("endpoint", filter.endpoint.as_deref()),
        state.filter(|_| !goes_on),
    ];
    // The first is read from its index, and the others are checked.
    let mut prefix = "";
    if filter.unfinished {
        query.push(" AND ended IS NULL");
        prefix = NOT_BY_INDEX;
    }
    for (column, text) in conditions.into_iter().flatten() {
        query.push(format!(" AND {prefix}{column} = ")).push_bind(text);
        prefix = NOT_BY_INDEX;
    }
    for (column, prefix, (from, until)) in [("created", "", filter.created), ("ended", prefix, filter.ended)] {
        for (operator, time) in [(">=", from), ("<", until)] {
            if let Some(time) = time {
                // A time beyond what the database holds is later than all of them.
                let time = i64::try_from(time).unwrap_or(i64::MAX);
                query.push(format!(" AND {prefix}{column} {operator} ")).push_bind(time);
            }
        }
    }
    if let Some(after) = after {
        let operator = if filter.newest_first { "<" } else { ">" };
        query.push(format!(" AND (created, id) {operator} (")).push_bind(number(after.created(), "the cursor", place)?);
        query.push(", ").push_bind(number(after.number(), "the cursor", place)?).push(")");
    }
    order(query, filter, rows);
    Ok(())
}

fn order(query: &mut QueryBuilder<Sqlite>, filter: &JobFilter, rows: i64) {
    let order = if filter.newest_first { " ORDER BY created DESC, id DESC" } else { " ORDER BY created, id" };
    query.push(order).push(" LIMIT ").push_bind(rows);
}
