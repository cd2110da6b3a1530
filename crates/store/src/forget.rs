//! Giving a job up.

use std::error::Error;
use std::fmt;

use crate::error::StoreError;
use crate::record::JobRecord;
use crate::state::JobState;
use crate::store::JobStore;

/// Gives a job up on a person's word, and returns what was known of it until now: [`JobState::billed`] says whether it was billed.
/// Nothing is sent, and a task that was started is not stopped. A later submit of the same request under the same key is a
/// new job, [`KEY~2`](JobRecord::key_after_forgotten), and is billed.
///
/// `now` is in seconds since 1970-01-01 UTC.
///
/// # Errors
/// [`ForgetError`]; nothing is written then.
///
/// ```
/// use vod_aigc_store::{ForgetError, JobStore, forget_job};
///
/// async fn give_up(store: &dyn JobStore, now: u64) -> Result<(), ForgetError> {
///     let job = forget_job(store, "shot 7", now).await?;
///     println!("it was {}", job.state);
///     Ok(())
/// }
/// ```
pub async fn forget_job(store: &dyn JobStore, key: &str, now: u64) -> Result<JobRecord, ForgetError> {
    loop {
        let job = store.load(key).await.map_err(ForgetError::Store)?.ok_or(ForgetError::Unknown)?;
        if let JobState::Refused { .. } | JobState::Downloaded { .. } | JobState::Forgotten { .. } = &job.state {
            return Err(ForgetError::NothingToForget(job.state));
        }
        let reason = match job.state.task_id() {
            Some(task_id) => format!("{}, task {task_id}", job.state),
            None => job.state.to_string(),
        };
        match store.save(&job.clone().with_state(JobState::Forgotten { reason }), now).await {
            // Another process has just written more: its record decides.
            Err(StoreError::Changed) => {}
            Err(error) => return Err(ForgetError::Store(error)),
            Ok(_) => return Ok(job),
        }
    }
}

/// Why a job was not forgotten.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub enum ForgetError {
    /// The store has no job of this key.
    Unknown,
    /// The job has ended, so that there is nothing to give up.
    NothingToForget(JobState),
    /// The store failed.
    Store(StoreError),
}

impl ForgetError {
    /// A stable word for programs, for example `unknown_job`.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Unknown => "unknown_job",
            Self::NothingToForget(_) => "job_has_ended",
            Self::Store(error) => error.kind(),
        }
    }

    /// What to do about it; none where there is nothing to do.
    pub fn hint(&self) -> Option<&'static str> {
        match self {
            Self::Unknown => Some("list the jobs of the store"),
            Self::NothingToForget(_) => None,
            Self::Store(error) => error.hint(),
        }
    }
}

impl fmt::Display for ForgetError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unknown => write!(f, "the store has no job of this key"),
            Self::NothingToForget(state) => write!(f, "there is nothing to forget: the job is {state}"),
            Self::Store(error) => write!(f, "{error}"),
        }
    }
}

impl Error for ForgetError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            // Its own text is this one's.
            Self::Store(error) => error.source(),
            Self::Unknown | Self::NothingToForget(_) => None,
        }
    }
}
