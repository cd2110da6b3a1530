//! What can go wrong between a request and its result: whether it was sent, what it cost, and what to do next.

use std::error::Error as StdError;
use std::fmt;
use std::time::Duration;

use vod_aigc_core::{ErrorClass, Progress, RequestError, TaskFailure};
use vod_aigc_store::{JobRecord, StoreError};
use vod_aigc_transport::{Billed, Error, ErrorKind, Sent};

use crate::task_handle::TaskHandle;

/// A job whose outcome is unknown and could not be found out yet.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Unresolved {
    /// The idempotency key of the job.
    pub key: String,
    /// The `SessionId` of its last send; none where the action takes none.
    pub session_id: Option<String>,
    /// The service's id of the last request that it answered.
    pub request_id: Option<String>,
    /// When it was first sent, in seconds since 1970-01-01 UTC.
    pub first_sent: Option<u64>,
    /// What is known.
    pub reason: String,
}

impl fmt::Display for Unresolved {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "the outcome is unknown and money may have been spent: {}; job {}",
            self.reason,
            self.key.escape_debug()
        )?;
        if let Some(session_id) = &self.session_id {
            write!(f, ", SessionId {session_id}")?;
        }
        if let Some(request_id) = &self.request_id {
            write!(f, ", RequestId {request_id}")?;
        }
        Ok(())
    }
}

/// The outcome of a submit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[expect(clippy::exhaustive_enums, reason = "callers decide about each value")]
pub enum Outcome {
    /// Nothing was sent.
    NotSent,
    /// The service refused it; nothing was started.
    Rejected,
    /// A task was started.
    Accepted,
    /// A task may have been started.
    Unknown,
}

/// Why a submit gave no task.
///
/// `Display` says what happened and whether money was spent, [`hint`](Self::hint) what to do next. `source()` has the typed
/// cause, whose text is a part of `Display`.
///
/// ```no_run
/// # use vod_aigc_client::{Client, Job, SubmitError};
/// # use vod_aigc_client::core::VideoRequest;
/// # async fn example(client: Client, request: VideoRequest) -> Result<(), SubmitError> {
/// match client.submit(Job::new(request).key("order-7")).await {
///     Ok(task) => println!("task {}", task.id()),
///     Err(error) => eprintln!("{error} (billed: {}); {}", error.billed(), error.hint().unwrap_or_default()),
/// }
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone)]
#[non_exhaustive]
pub enum SubmitError {
    /// The request breaks a rule or a limit. Nothing was sent.
    Refused(RequestError),
    /// The request cannot be serialised. Nothing was sent.
    Request(String),
    /// Another request has this key. Nothing was sent.
    KeyTaken {
        /// The key.
        key: String,
    },
    /// The job is of another action than the one that it was to be resumed as. Nothing was sent.
    OtherAction {
        /// The job's key.
        key: String,
        /// Its own action.
        action: String,
    },
    /// The store did not keep the request, because it holds a URL that may be presigned, and nothing of it has been sent
    /// or is under way.
    NotKept {
        /// The job's key.
        key: String,
    },
    /// The store failed, and nothing is sent that is not recorded.
    Store {
        /// How it failed.
        error: StoreError,
        /// The outcome of the job.
        outcome: Outcome,
        /// The `SessionId` of the job; none where its action takes none.
        session_id: Option<String>,
    },
    /// A task was started, and the store could not record it.
    Unrecorded {
        /// The task.
        task: Box<TaskHandle>,
        /// How the store failed.
        error: StoreError,
    },
    /// A person has given the job up, see [`forget_job`](vod_aigc_store::forget_job), and its `SessionId` is the caller's own,
    /// so that no other can take its place; or it was given up while it was being submitted.
    Forgotten {
        /// The job's key.
        key: String,
    },
    /// The service refused the request, or nothing of it could be sent. Nothing was started.
    Call(Error),
    /// The outcome is unknown and could not be found out yet.
    Unresolved(Box<Unresolved>),
}

impl SubmitError {
    pub(crate) fn store(error: StoreError, job: &JobRecord) -> Self {
        let outcome = match job.state.billed() {
            Billed::No => Outcome::NotSent,
            Billed::Yes => Outcome::Accepted,
            Billed::Unknown => Outcome::Unknown,
        };
        Self::Store { error, outcome, session_id: job.session_id() }
    }

    /// A stable word for programs, for example `key_taken`.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Refused(_) => "invalid_request",
            Self::Request(_) => "unserialisable_request",
            Self::KeyTaken { .. } => "key_taken",
            Self::OtherAction { .. } => "other_action",
            Self::NotKept { .. } => "request_not_kept",
            Self::Store { error, .. } => error.kind(),
            Self::Unrecorded { .. } => "task_not_recorded",
            Self::Forgotten { .. } => "job_forgotten",
            Self::Call(error) => error.kind().as_str(),
            Self::Unresolved(_) => "unresolved",
        }
    }

    /// What to do next, as one sentence without a full stop; none where the message says all.
    pub fn hint(&self) -> Option<&'static str> {
        match self {
            Self::Refused(_) | Self::Request(_) => None,
            Self::KeyTaken { .. } => Some("give this request a key of its own"),
            Self::OtherAction { .. } => Some("resume the job by its own action with `resume_job_as`"),
            Self::NotKept { .. } => Some("submit the same request again with the same key"),
            Self::Store { outcome: Outcome::NotSent | Outcome::Rejected, error, .. } => error.hint(),
            Self::Store { .. } => Some("repair the store and resume the job"),
            Self::Unrecorded { .. } => Some("keep the id of the task and wait for it"),
            Self::Forgotten { .. } => Some("give the request another key for a new attempt, which may be billed again"),
            Self::Call(error) => error.hint(),
            Self::Unresolved(job) => Some(match job.session_id {
                Some(_) => {
                    "resume the job within 71 hours of its first send, or give it up with `forget_job` (`vod-aigc task \
                     forget`); a new job would be billed again"
                }
                None => {
                    "look for the task in the service's console, or give the job up with `forget_job` (`vod-aigc task \
                     forget`); a new job would be billed again"
                }
            }),
        }
    }

    /// The outcome of the submit.
    pub fn outcome(&self) -> Outcome {
        match self {
            Self::Refused(_)
            | Self::Request(_)
            | Self::KeyTaken { .. }
            | Self::OtherAction { .. }
            | Self::NotKept { .. } => Outcome::NotSent,
            Self::Store { outcome, .. } => *outcome,
            Self::Unrecorded { .. } => Outcome::Accepted,
            Self::Call(error) if error.sent() == Sent::No => Outcome::NotSent,
            Self::Call(_) => Outcome::Rejected,
            Self::Unresolved(_) | Self::Forgotten { .. } => Outcome::Unknown,
        }
    }

    /// Whether money was spent.
    pub fn billed(&self) -> Billed {
        match self.outcome() {
            Outcome::NotSent | Outcome::Rejected => Billed::No,
            Outcome::Accepted => Billed::Yes,
            Outcome::Unknown => Billed::Unknown,
        }
    }

    /// What kind of thing went wrong, where the service or the credentials said so.
    pub fn class(&self) -> Option<ErrorClass> {
        match self {
            Self::Refused(_)
            | Self::Request(_)
            | Self::KeyTaken { .. }
            | Self::OtherAction { .. }
            | Self::NotKept { .. } => Some(ErrorClass::Parameter),
            Self::Call(error) => error.class(),
            Self::Store { .. } | Self::Unrecorded { .. } | Self::Forgotten { .. } | Self::Unresolved(_) => None,
        }
    }

    /// The `SessionId` of the request, by which a task that was started after all can be found.
    pub fn session_id(&self) -> Option<&str> {
        match self {
            Self::Refused(_)
            | Self::Request(_)
            | Self::KeyTaken { .. }
            | Self::OtherAction { .. }
            | Self::Forgotten { .. }
            | Self::NotKept { .. } => None,
            Self::Store { session_id, .. } => session_id.as_deref(),
            Self::Unrecorded { task, .. } => task.session_id.as_deref(),
            Self::Call(error) => error.session_id(),
            Self::Unresolved(job) => job.session_id.as_deref(),
        }
    }

    /// The service's id of the request, to quote to its support.
    pub fn request_id(&self) -> Option<&str> {
        match self {
            Self::Call(error) => error.request_id(),
            Self::Unrecorded { task, .. } => task.request_id.as_deref(),
            Self::Unresolved(job) => job.request_id.as_deref(),
            _ => None,
        }
    }

    /// The task, where one is known to have been started.
    pub fn task(&self) -> Option<&TaskHandle> {
        match self {
            Self::Unrecorded { task, .. } => Some(task),
            _ => None,
        }
    }
}

impl fmt::Display for SubmitError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Refused(error) => write!(f, "{error}; nothing was sent and nothing was billed"),
            Self::Request(problem) => write!(f, "the request cannot be serialised: {problem}; nothing was sent"),
            Self::KeyTaken { key } => write!(f, "another request has the key {key:?}; nothing was sent"),
            Self::OtherAction { key, action } => write!(f, "job {key:?} is one of {action}; nothing was sent"),
            Self::NotKept { key } => write!(
                f,
                "the store did not keep the request of job {key:?}, because it holds a URL that may be presigned; nothing \
                 is under way"
            ),
            Self::Store { error, outcome: Outcome::Unknown, session_id } => {
                write!(f, "{error}; the outcome is unknown and money may have been spent")?;
                match session_id {
                    Some(session_id) => write!(f, ", SessionId {session_id}"),
                    None => Ok(()),
                }
            }
            Self::Store { error, outcome: Outcome::Accepted, .. } => {
                write!(f, "{error}; the job's task was started and is billed")
            }
            Self::Store { error, .. } => write!(f, "{error}; nothing was sent and nothing was billed"),
            Self::Unrecorded { task, error } => {
                write!(f, "task {} was started and is billed, but {error}", task.task_id)
            }
            Self::Forgotten { key } => {
                write!(f, "job {key:?} was given up, and whether it was billed is not known")
            }
            Self::Call(error) => error.fmt(f),
            Self::Unresolved(job) => job.fmt(f),
        }
    }
}

impl StdError for SubmitError {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        match self {
            Self::Refused(error) => Some(error),
            Self::Store { error, .. } | Self::Unrecorded { error, .. } => Some(error),
            Self::Call(error) => Some(error),
            _ => None,
        }
    }
}

/// Why a wait gave no result. The task is never lost: [`WaitError::task`] names it.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub enum WaitError {
    /// The deadline passed. The task goes on; wait for it again.
    Deadline {
        /// The task.
        task: TaskHandle,
        /// How long it was waited for.
        waited: Duration,
        /// The last progress that was reported.
        last: Option<Progress>,
    },
    /// The task ended without a result.
    Failed {
        /// The task.
        task: TaskHandle,
        /// Why.
        failure: TaskFailure,
    },
    /// The service will not say how the task is, and asking again would not change that. The task goes on.
    Poll {
        /// The task.
        task: TaskHandle,
        /// What the service said.
        error: Error,
    },
    /// Too many polls failed one after the other, over some time. The task goes on; wait for it again.
    Stalled {
        /// The task.
        task: TaskHandle,
        /// How many polls failed.
        polls: u32,
        /// How the last of them failed.
        error: Error,
    },
    /// The task is another job's: the service gave its id in answer to this job's request. What became of the job is unknown;
    /// resume it.
    OthersTask {
        /// The task, with the job's key and `SessionId`.
        task: TaskHandle,
        /// The `SessionId` that the task carries.
        shown: String,
    },
    /// The task has not ended, and is so old that the service is about to forget it.
    Expired {
        /// The task.
        task: TaskHandle,
        /// The last progress that was reported.
        last: Option<Progress>,
    },
}

impl WaitError {
    /// The task that was waited for.
    pub fn task(&self) -> &TaskHandle {
        match self {
            Self::Deadline { task, .. }
            | Self::Failed { task, .. }
            | Self::Poll { task, .. }
            | Self::Stalled { task, .. }
            | Self::OthersTask { task, .. }
            | Self::Expired { task, .. } => task,
        }
    }

    /// A stable word for programs, for example `deadline`.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Deadline { .. } => "deadline",
            Self::Failed { .. } => "task_failed",
            Self::Poll { .. } => "poll_refused",
            Self::Stalled { .. } => "polls_failed",
            Self::OthersTask { .. } => "task_of_another_job",
            Self::Expired { .. } => "expired",
        }
    }

    /// What to do next, as one sentence without a full stop; none where the message says all.
    pub fn hint(&self) -> Option<&'static str> {
        match self {
            Self::Deadline { .. } | Self::Stalled { .. } => Some("wait for the task again by its id"),
            Self::Failed { failure, .. } => failure.hint(),
            Self::Poll { error, .. } => error.hint(),
            Self::OthersTask { .. } => Some("resume the job"),
            Self::Expired { .. } => Some("look for the result in the VOD console"),
        }
    }

    /// Whether the job of the task was billed, as far as it is known.
    pub fn billed(&self) -> Billed {
        match self {
            Self::Failed { failure, .. } if failure.is_unbilled() => Billed::No,
            Self::Failed { .. } | Self::OthersTask { .. } => Billed::Unknown,
            Self::Deadline { .. } | Self::Poll { .. } | Self::Stalled { .. } | Self::Expired { .. } => Billed::Yes,
        }
    }
}

impl fmt::Display for WaitError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let id = &self.task().task_id;
        match self {
            Self::Deadline { waited, last, .. } => {
                write!(f, "task {id} is not done after {} s", waited.as_secs())?;
                if let Some(last) = last {
                    write!(f, " (last heard: {last})")?;
                }
                write!(f, "; it goes on and may be billed")
            }
            Self::Failed { failure, .. } => write!(f, "task {id} failed: {failure}"),
            Self::Poll { error, .. } => {
                write!(f, "task {id} cannot be polled: {error}; it goes on and may be billed")
            }
            Self::Stalled { polls, error, .. } => {
                write!(f, "{polls} polls of task {id} failed in a row, last: {error}; it goes on and may be billed")
            }
            Self::OthersTask { task, shown } => write!(
                f,
                "task {id} is another job's: it carries the SessionId {} and not {}; the outcome of the job is unknown and \
                 money may have been spent",
                shown.escape_debug(),
                task.session_id.as_deref().unwrap_or("none")
            ),
            Self::Expired { last, .. } => {
                write!(f, "task {id} is not done, and the service forgets it soon")?;
                if let Some(last) = last {
                    write!(f, " (last heard: {last})")?;
                }
                write!(f, "; it may be billed")
            }
        }
    }
}

impl StdError for WaitError {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        match self {
            Self::Poll { error, .. } | Self::Stalled { error, .. } => Some(error),
            _ => None,
        }
    }
}

/// Whether a read that failed so would fail again.
pub(crate) fn is_lasting(error: &Error) -> bool {
    match error.kind() {
        ErrorKind::Configuration | ErrorKind::Request | ErrorKind::Credential => true,
        ErrorKind::Service => match error.class() {
            // Unknown codes do not end a wait; the deadline does.
            Some(ErrorClass::Unknown) | None => false,
            Some(_) => !error.is_retryable(),
        },
        _ => false,
    }
}
