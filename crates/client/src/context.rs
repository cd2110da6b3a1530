//! What every part of a client works with.

use std::fmt;
use std::sync::Arc;

use tracing::warn;
use vod_aigc_core::{DescribeTaskDetailRequest, DescribeTaskDetailResponse};
use vod_aigc_store::{JobRecord, JobState, JobStore, StoreError};
use vod_aigc_transport::{Endpoint, Error, HttpClient, Reply, Transport};

use crate::policy::{SubmitPolicy, WaitPolicy};
use crate::poller::Poller;
use crate::task_handle::TaskHandle;
use crate::time::seconds;

/// How calls are sent and for which account, by which policies, and where jobs are kept.
pub(crate) struct Context {
    pub(crate) transport: Transport,
    pub(crate) http: HttpClient,
    /// Where uploads go instead of to object storage itself.
    pub(crate) cos_endpoint: Option<Endpoint>,
    /// The sub-application that owns the client's tasks.
    pub(crate) sub_app_id: u64,
    pub(crate) namespace: String,
    pub(crate) store: Option<Arc<dyn JobStore>>,
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

    /// Records the new state of a job's task. A store that fails here loses nothing: the task is described again.
    pub(crate) async fn note(&self, handle: &TaskHandle, state: &JobState) {
        let follow = |record: &mut JobRecord| record.follow(handle.session_id.as_deref(), state);
        self.update(handle, follow).await;
    }

    /// Takes a task that is another job's away from a job that could not confirm it, so that the job's own task is looked for
    /// when it is resumed.
    pub(crate) async fn disown(&self, handle: &TaskHandle) {
        // Where that fails, the job finds out again when it is resumed.
        let disown = |record: &mut JobRecord| {
            let is_claimed = record.state.task_id() == Some(&handle.task_id) && record.claimed_task.take().is_some();
            if is_claimed {
                record.state = JobState::Sending;
            }
            is_claimed
        };
        self.update(handle, disown).await;
    }

    /// Changes the record of a task's job, unless `change` says that there is nothing to write.
    async fn update(&self, handle: &TaskHandle, change: impl Fn(&mut JobRecord) -> bool) {
        let (Some(store), Some(key)) = (&self.store, &handle.key) else {
            return;
        };
        while let Ok(Some(mut record)) = store.load(key).await {
            if !change(&mut record) {
                return;
            }
            match store.save(&record, self.now()).await {
                // Another process was faster: its record decides whether there is still something to write.
                Err(StoreError::Changed) => {}
                Err(error) => return warn!(key, task_id = handle.task_id, %error, "the end of a task was not recorded"),
                Ok(_) => return,
            }
        }
    }

    /// Seconds since 1970-01-01 UTC by the service's clock.
    pub(crate) fn now(&self) -> u64 {
        seconds(self.transport.now())
    }
}

impl fmt::Debug for Context {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let endpoint = self.transport.endpoint().map(ToString::to_string);
        let mut shown = formatter.debug_struct("Context");
        shown.field("endpoint", &endpoint).field("sub_app_id", &self.sub_app_id).finish_non_exhaustive()
    }
}
