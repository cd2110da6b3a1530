//! What can go wrong between a request and its video: whether it was sent, what it cost, and what to do next.

use std::fmt;
use std::time::Duration;

use vod_aigc_core::{ErrorClass, RequestError, TaskFailure};
use vod_aigc_transport::{Billed, Error, Sent};

use crate::TaskHandle;
use crate::wait::Progress;

/// Why a submit gave no task.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub enum SubmitError {
    /// The request breaks a rule or a limit. Nothing was sent.
    Refused(RequestError),
    /// The call failed; it says whether anything was sent and billed.
    Call(Error),
    /// The service accepted the request and named no task: the outcome is unknown.
    NoTaskId {
        /// The `SessionId` by which the task can be found.
        session_id: Option<String>,
        /// The service's id of the request.
        request_id: Option<String>,
    },
}

impl SubmitError {
    /// Whether the service may have received the request.
    pub fn sent(&self) -> Sent {
        match self {
            Self::Refused(_) => Sent::No,
            Self::Call(error) => error.sent(),
            Self::NoTaskId { .. } => Sent::Yes,
        }
    }

    /// Whether money was spent.
    pub fn billed(&self) -> Billed {
        match self {
            Self::Refused(_) => Billed::No,
            Self::Call(error) => error.billed(),
            Self::NoTaskId { .. } => Billed::Unknown,
        }
    }

    /// What kind of thing went wrong, where the service or the credentials said so.
    pub fn class(&self) -> Option<ErrorClass> {
        match self {
            Self::Refused(_) => Some(ErrorClass::Parameter),
            Self::Call(error) => error.class(),
            Self::NoTaskId { .. } => None,
        }
    }

    /// The `SessionId` of the request, by which a task that was started after all can be found.
    pub fn session_id(&self) -> Option<&str> {
        match self {
            Self::Refused(_) => None,
            Self::Call(error) => error.session_id(),
            Self::NoTaskId { session_id, .. } => session_id.as_deref(),
        }
    }

    /// The service's id of the request, to quote to its support.
    pub fn request_id(&self) -> Option<&str> {
        match self {
            Self::Refused(_) => None,
            Self::Call(error) => error.request_id(),
            Self::NoTaskId { request_id, .. } => request_id.as_deref(),
        }
    }
}

impl fmt::Display for SubmitError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Refused(error) => write!(f, "{error}; nothing was sent and nothing was billed"),
            Self::Call(error) => error.fmt(f),
            Self::NoTaskId { session_id, request_id } => write!(
                f,
                "the service accepted the request and named no task (RequestId {}); the outcome is unknown and money may \
                 have been spent, SessionId {}; next: look for the task by its session id before sending again",
                request_id.as_deref().unwrap_or("none"),
                session_id.as_deref().unwrap_or("none"),
            ),
        }
    }
}

impl std::error::Error for SubmitError {}

/// Why a wait gave no video. The task is never lost: [`WaitError::task`] names it.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub enum WaitError {
    /// The deadline passed. The task goes on; wait for it again.
    Deadline {
        /// The task.
        task: TaskHandle,
        /// How long it was waited for.
        waited: Duration,
        /// The last that was heard of it.
        last: Option<Progress>,
    },
    /// The task ended without a video.
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
}

impl WaitError {
    /// The task that was waited for.
    pub fn task(&self) -> &TaskHandle {
        match self {
            Self::Deadline { task, .. } | Self::Failed { task, .. } | Self::Poll { task, .. } => task,
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
                write!(f, "; it goes on and may be billed; wait for it again by its id")
            }
            Self::Failed { failure, .. } => write!(f, "task {id} failed: {failure}"),
            Self::Poll { error, .. } => {
                write!(f, "task {id} cannot be asked for: {error}; it goes on and may be billed")
            }
        }
    }
}

impl std::error::Error for WaitError {}
