//! What every part of a client works with.

use std::fmt;
use std::sync::Arc;

use vod_aigc_core::{DescribeTaskDetailRequest, DescribeTaskDetailResponse};
use vod_aigc_transport::{Endpoint, Error, HttpClient, Reply, Transport};

use crate::journal::{JobState, Journal, JournalError};
use crate::policy::{SubmitPolicy, WaitPolicy};
use crate::poller::Poller;
use crate::task_handle::TaskHandle;

/// How calls are sent and for which account, by which policies, and where jobs are kept.
pub(crate) struct Context {
    pub(crate) transport: Transport,
    pub(crate) http: HttpClient,
    /// Where uploads go instead of to object storage itself.
    pub(crate) cos_endpoint: Option<Endpoint>,
    /// The sub-application that owns the client's tasks.
    pub(crate) sub_app_id: u64,
    pub(crate) namespace: String,
    pub(crate) journal: Option<Arc<dyn Journal>>,
    pub(crate) submit_policy: SubmitPolicy,
    pub(crate) wait_policy: WaitPolicy,
    pub(crate) poller: Poller,
}

impl Context {
    /// Asks for the state of a task once, with the transport's retries.
    pub(crate) async fn describe(&self, handle: &TaskHandle) -> Result<Reply<DescribeTaskDetailResponse>, Error> {
        let mut action = DescribeTaskDetailRequest::new(&handle.task_id);
        action.sub_app_id = Some(handle.sub_app_id);
        self.transport.call(action).await
    }

    /// Records the new state of a job's task. A journal that fails here loses nothing: the task is described again.
    pub(crate) async fn note(&self, handle: &TaskHandle, state: &JobState) {
        let (Some(journal), Some(key)) = (&self.journal, &handle.key) else {
            return;
        };
        while let Ok(Some(mut record)) = journal.load(key) {
            if !record.follow(handle.session_id.as_deref(), state) {
                return;
            }
            match journal.save(&record) {
                // Another process was faster: its record decides whether there is still something to write.
                Err(JournalError::Changed) => {}
                _ => return,
            }
        }
    }

    /// Takes a task that is another job's away from a job that could not confirm it, so that the job's own task is looked for
    /// when it is resumed.
    pub(crate) async fn disown(&self, handle: &TaskHandle) {
        let (Some(journal), Some(key)) = (&self.journal, &handle.key) else {
            return;
        };
        if let Ok(Some(mut record)) = journal.load(key)
            && record.state.task_id() == Some(&handle.task_id)
            && record.claimed_task.take().is_some()
        {
            record.state = JobState::Sending;
            // Where that fails, the job finds out again when it is resumed.
            let _ = journal.save(&record);
        }
    }
}

impl fmt::Debug for Context {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let endpoint = self.transport.endpoint().map(ToString::to_string);
        let mut shown = formatter.debug_struct("Context");
        shown.field("endpoint", &endpoint).field("sub_app_id", &self.sub_app_id).finish_non_exhaustive()
    }
}
