//! A store that lives as long as its process.

use std::collections::{BTreeMap, HashMap};
use std::fmt;
use std::ops::Bound;
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::error::StoreError;
use crate::page::{Cursor, JobFilter, Page, Row};
use crate::record::JobRecord;
use crate::state::StateKind;
use crate::store::{JobStore, StoreFuture};

/// A store in memory: for tests, and for containers whose disk does not outlive them. What it holds is lost with the process, so
/// that a job whose outcome is unknown then is recognised by the service only, and only where its action takes a `SessionId`.
///
/// ```
/// use std::sync::Arc;
/// use vod_aigc_store::{JobStore, MemoryStore};
///
/// let store: Arc<dyn JobStore> = Arc::new(MemoryStore::new());
/// # let _ = store;
/// ```
#[derive(Default)]
pub struct MemoryStore {
    table: Mutex<Table>,
}

#[derive(Default)]
struct Table {
    /// Every job, in the order of the pages.
    jobs: BTreeMap<Cursor, JobRecord>,
    places: HashMap<String, Cursor>,
    planned: u64,
}

impl MemoryStore {
    /// An empty store.
    pub fn new() -> Self {
        Self::default()
    }

    fn table(&self) -> MutexGuard<'_, Table> {
        self.table.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for MemoryStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MemoryStore").field("jobs", &self.table().places.len()).finish_non_exhaustive()
    }
}

impl Table {
    fn plan(&mut self, job: &JobRecord, now: u64) -> JobRecord {
        if let Some(stored) = self.places.get(&job.key).and_then(|place| self.jobs.get(place)) {
            let body = job.body.clone().filter(|_| stored.state.is_final() && stored.is_same_job(job));
            return JobRecord { body: stored.body.clone().or(body), ..stored.clone() };
        }
        let record = job.clone().planned_at(now);
        self.planned += 1;
        let place = Cursor::new(now, self.planned);
        self.places.insert(job.key.clone(), place);
        self.jobs.insert(place, record.clone());
        record
    }

    fn save(&mut self, job: &JobRecord, now: u64) -> Result<JobRecord, StoreError> {
        let stored = self.places.get(&job.key).and_then(|place| self.jobs.get_mut(place));
        let stored = stored.ok_or(StoreError::Changed)?;
        let mut saved = job.clone().saved_at(now, stored).ok_or(StoreError::Changed)?;
        saved.body = saved.body.filter(|_| !saved.state.is_final());
        let body = stored.body.take().or(saved.body.clone());
        *stored = JobRecord { body, ..saved.clone() };
        stored.body = stored.storable_body().cloned();
        Ok(saved)
    }

    fn prune(&mut self, ended_before: u64) -> u64 {
        let before = self.jobs.len();
        self.jobs.retain(|_, job| {
            job.state.kind() == StateKind::Forgotten || job.ended.is_none_or(|ended| ended >= ended_before)
        });
        self.places.retain(|_, place| self.jobs.contains_key(place));
        (before - self.jobs.len()) as u64
    }

    fn page(&self, filter: &JobFilter, after: Option<Cursor>, limit: usize) -> Page {
        let limit = limit.max(1);
        let range = match after {
            None => (Bound::Unbounded, Bound::Unbounded),
            Some(after) if filter.newest_first => (Bound::Unbounded, Bound::Excluded(after)),
            Some(after) => (Bound::Excluded(after), Bound::Unbounded),
        };
        let mut jobs = self.jobs.range(range);
        let follow = || if filter.newest_first { jobs.next_back() } else { jobs.next() };
        let matching = std::iter::from_fn(follow).filter(|(_, job)| filter.matches(job));
        // One more than asked for shows whether there is a next page.
        let mut found: Vec<_> = matching.take(limit.saturating_add(1)).collect();
        let more = found.len() > limit;
        found.truncate(limit);
        let next = found.last().map(|(place, _)| **place).filter(|_| more);
        let rows = found.into_iter().map(|(_, job)| Row::Job(JobRecord { body: None, ..job.clone() }));
        Page::new(rows.collect(), next)
    }
}

impl JobStore for MemoryStore {
    fn plan<'a>(&'a self, job: &'a JobRecord, now: u64) -> StoreFuture<'a, JobRecord> {
        Box::pin(async move { Ok(self.table().plan(job, now)) })
    }

    fn save<'a>(&'a self, job: &'a JobRecord, now: u64) -> StoreFuture<'a, JobRecord> {
        Box::pin(async move { self.table().save(job, now) })
    }

    fn load<'a>(&'a self, key: &'a str) -> StoreFuture<'a, Option<JobRecord>> {
        Box::pin(async move {
            let table = self.table();
            Ok(table.places.get(key).and_then(|place| table.jobs.get(place)).cloned())
        })
    }

    fn find_by_task<'a>(&'a self, task_id: &'a str) -> StoreFuture<'a, Option<JobRecord>> {
        Box::pin(async move {
            Ok(self.table().jobs.values().rev().find(|job| job.state.task_id() == Some(task_id)).cloned())
        })
    }

    fn page<'a>(&'a self, filter: &'a JobFilter, after: Option<Cursor>, limit: usize) -> StoreFuture<'a, Page> {
        Box::pin(async move { Ok(self.table().page(filter, after, limit)) })
    }

    fn prune(&self, ended_before: u64) -> StoreFuture<'_, u64> {
        Box::pin(async move { Ok(self.table().prune(ended_before)) })
    }
}
