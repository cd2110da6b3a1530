//! What every store of jobs can do.

use std::fmt::Debug;
use std::pin::Pin;

use crate::error::StoreError;
use crate::page::{Cursor, JobFilter, Page};
use crate::record::JobRecord;

/// What a method of a [`JobStore`] returns: a future that may be sent between threads.
pub type StoreFuture<'a, T> = Pin<Box<dyn Future<Output = Result<T, StoreError>> + Send + 'a>>;

/// A store of jobs. What a method has written is durable when its future is ready, as far as the store is durable at all.
///
/// Several processes may use one store at a time: [`save`](JobStore::save) refuses a record that another one has changed since
/// it was read.
///
/// A future that is dropped before it is ready has written everything or nothing; which, the store says when it is read again.
///
/// `now` is always in seconds since 1970-01-01 UTC. A store has no clock.
///
/// ```
/// use vod_aigc_store::{JobFilter, JobRecord, JobState, JobStore, MemoryStore, StoreError};
///
/// # async fn example() -> Result<(), StoreError> {
/// let store: &dyn JobStore = &MemoryStore::new();
/// let planned = store.plan(&JobRecord::new("shot 7", "CreateAigcVideoTask", "00ff", 1), 1_795_435_200).await?;
/// let sending = store.save(&planned.clone().with_state(JobState::Sending), 1_795_435_201).await?;
/// assert_eq!(sending.revision, 2);
/// // Who still holds the record of before cannot replace it.
/// assert!(matches!(store.save(&planned, 1_795_435_202).await, Err(StoreError::Changed)));
///
/// let page = store.page(&JobFilter::unfinished(), None, 100).await?;
/// assert_eq!(page.jobs().count(), 1);
/// # Ok(())
/// # }
/// # let mut future = std::pin::pin!(example());
/// # let mut context = std::task::Context::from_waker(std::task::Waker::noop());
/// # assert!(matches!(future.as_mut().poll(&mut context), std::task::Poll::Ready(Ok(()))));
/// ```
pub trait JobStore: Debug + Send + Sync {
    /// Writes a new job, or returns the one that has its key already. This is one step: of two processes that plan the same
    /// key, one gets the other's record.
    ///
    /// The returned record has its revision and times. The caller compares it with its own by
    /// [`is_same_job`](JobRecord::is_same_job). Where the store has deleted the body of a job that ended, the record has the
    /// body of `job` if it is the same job, so that a new attempt that is saved keeps it.
    ///
    /// # Errors
    /// When the store cannot be read or written, or holds a job of this key that cannot be read.
    fn plan<'a>(&'a self, job: &'a JobRecord, now: u64) -> StoreFuture<'a, JobRecord>;

    /// Replaces the job of this key, and returns the record with its new revision and times. The body is kept as it was first
    /// written, whether the record has one or not; it is deleted when the state is final.
    ///
    /// # Errors
    /// [`StoreError::Changed`] where the store holds another revision than the record's, or no job of this key. Others when the
    /// store cannot be read or written. Nothing is written then.
    fn save<'a>(&'a self, job: &'a JobRecord, now: u64) -> StoreFuture<'a, JobRecord>;

    /// The job of this key, with its body.
    ///
    /// # Errors
    /// When the store cannot be read, or [`StoreError::Unreadable`] where the job cannot.
    fn load<'a>(&'a self, key: &'a str) -> StoreFuture<'a, Option<JobRecord>>;

    /// The job whose task has this id, with its body. Where several have it, the one that was planned last.
    ///
    /// # Errors
    /// As those of [`load`](Self::load).
    fn find_by_task<'a>(&'a self, task_id: &'a str) -> StoreFuture<'a, Option<JobRecord>>;

    /// The next jobs that the filter selects, at most `limit` and at least one, if there is any, without their bodies. `after` is
    /// the [`next`](Page::next) of the page before; none for the first page.
    ///
    /// # Errors
    /// When the store cannot be read. A job that cannot be read is a row of its own.
    fn page<'a>(&'a self, filter: &'a JobFilter, after: Option<Cursor>, limit: usize) -> StoreFuture<'a, Page>;

    /// Deletes the jobs that ended before this time, in seconds since 1970-01-01 UTC, and says how many there were. A submit under
    /// the key of a deleted job is a new job, which is billed.
    ///
    /// Jobs that have not ended stay, and so do forgotten ones: a forgotten job leads to the one that took its place.
    ///
    /// # Errors
    /// When the store cannot be read or written. Some of the jobs may be deleted then.
    fn prune(&self, ended_before: u64) -> StoreFuture<'_, u64>;
}
