//! What names a task.

use serde::{Deserialize, Serialize};
use vod_aigc_store::JobRecord;

/// What names a task, without secrets: to store, and to resume the task with in another process.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct TaskHandle {
    /// The id that the service gave it. Describable for three days.
    pub task_id: String,
    /// The sub-application that owns it.
    pub sub_app_id: u64,
    /// What its job is known by in the store.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key: Option<String>,
    /// The `SessionId` of its request.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub session_id: Option<String>,
    /// The service's id of the request that started it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub request_id: Option<String>,
    /// The model, as [`Model`](vod_aigc_core::Model) prints it; the action's name where its request names no model.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub model: Option<String>,
    /// Whether the request let the task wait for off-peak hours, so that it is waited for longer and polled less often.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub off_peak: bool,
    /// When it was accepted, in seconds since 1970-01-01 UTC by this machine's clock.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub submitted_at: Option<u64>,
}

impl TaskHandle {
    /// A task by its id and its sub-application, which is all that the service needs.
    pub fn new(task_id: impl Into<String>, sub_app_id: u64) -> Self {
        Self {
            task_id: task_id.into(),
            sub_app_id,
            key: None,
            session_id: None,
            request_id: None,
            model: None,
            off_peak: false,
            submitted_at: None,
        }
    }

    /// The task of a job. `None` where no task of it is known.
    pub fn of_job(job: &JobRecord) -> Option<Self> {
        Some(Self::of_task(job.state.task_id()?, job))
    }

    /// A task of a job, which its record need not name yet.
    pub(crate) fn of_task(task_id: &str, job: &JobRecord) -> Self {
        Self {
            key: Some(job.key.clone()),
            session_id: job.session_id(),
            request_id: job.request_id.clone(),
            model: Some(job.model.clone()),
            off_peak: job.off_peak,
            submitted_at: job.last_sent,
            ..Self::new(task_id, job.sub_app_id)
        }
    }
}
