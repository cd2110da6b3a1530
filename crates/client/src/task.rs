//! A task on the service: what names it, and the verbs on it.

use std::marker::PhantomData;
use std::sync::Arc;

use serde::{Deserialize, Serialize, Serializer};
use vod_aigc_core::{AigcTask, AigcVideoTask, DescribeTaskDetailResponse};
use vod_aigc_transport::Error;

use crate::journal::JobState;
use crate::wait::Waiting;
use crate::{Client, Finished, TaskEvent, WaitError, WaitPolicy};

/// What names a task, without secrets: to store, and to resume the task with in another process.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct TaskHandle {
    /// The id that the service gave it. Describable for three days.
    pub task_id: String,
    /// The sub-application that owns it.
    pub sub_app_id: u64,
    /// What its job is known by in the journal.
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
}

/// A task of one kind, a video's where nothing else is said, with the client that can ask for it.
///
/// Serialises as its [`TaskHandle`]. Dropping it, or a wait for it, leaves the task on the service as it is.
#[derive(Debug, Clone)]
pub struct Task<K = AigcVideoTask> {
    named: Arc<Named>,
    kind: PhantomData<K>,
}

/// A task whose kind does not matter, shared by all who wait for it.
#[derive(Debug)]
pub(crate) struct Named {
    pub(crate) client: Client,
    pub(crate) handle: TaskHandle,
}

impl<K: AigcTask> Task<K> {
    pub(crate) fn new(client: Client, handle: TaskHandle) -> Self {
        Self { named: Arc::new(Named { client, handle }), kind: PhantomData }
    }

    /// The id that the service gave it.
    pub fn id(&self) -> &str {
        &self.named.handle.task_id
    }

    /// What names it.
    pub fn handle(&self) -> &TaskHandle {
        &self.named.handle
    }

    pub(crate) fn client(&self) -> &Client {
        &self.named.client
    }

    pub(crate) fn named(&self) -> &Arc<Named> {
        &self.named
    }

    /// Asks for its state once. See [`DescribeTaskDetailResponse::state_of`].
    ///
    /// # Errors
    /// What went wrong with the call; the task goes on.
    pub async fn poll(&self) -> Result<DescribeTaskDetailResponse, Error> {
        Ok(self.client().describe(self.handle()).await?.value)
    }

    /// Waits for the result by the client's [`WaitPolicy`]: 30 minutes where nothing else was set, 24 hours for a task that
    /// may wait for off-peak hours.
    ///
    /// An event about the task makes it poll at once: see [`Client::pull_events`] and [`Client::confirm`]. Failing polls do not
    /// end the wait. Dropping the future stops waiting and nothing else.
    ///
    /// Up to eight waits of a client poll each by itself. When there are more, in a tokio runtime, a task of the client's own
    /// asks for all of them: it reads the list of the sub-application's tasks (`DescribeTasks`, 100 a page, from the oldest
    /// task on that is waited for) every 5 s, or every 150 ms for each page where that is longer, and asks for those only that
    /// have ended, 16 at a time. So an end is heard of within one and a half sweeps, and a deadline within a few seconds;
    /// 10,000 waits cost less than 8 requests a second. What the list does not show within a minute, or at all, is asked for by
    /// the policy, as few waits are, and what it shows as going on is asked for at times all the same, one task a second and
    /// each every five minutes at the most: the list only saves polls, and decides nothing but when to ask and when to give up
    /// at the deadline. Waits that are polled outside that runtime go on by themselves.
    ///
    /// # Errors
    /// See [`WaitError`]; each names the task, so that it can be waited for again.
    pub async fn wait(&self) -> Result<Finished<K>, WaitError> {
        let mut waiting = Waiting::new(self.clone(), self.policy());
        waiting.end(|_| {}).await
    }

    /// Waits by another policy and shows each event on the way.
    ///
    /// # Errors
    /// See [`WaitError`].
    pub async fn wait_with(
        &self,
        policy: WaitPolicy,
        show: impl FnMut(&TaskEvent<K>),
    ) -> Result<Finished<K>, WaitError> {
        let mut waiting = Waiting::new(self.clone(), Arc::new(policy));
        waiting.end(show).await
    }

    /// The events of a wait by the client's policy: what each poll says, and at last how it ended.
    pub fn events(&self) -> impl futures_util::Stream<Item = TaskEvent<K>> + Send + 'static {
        Waiting::new(self.clone(), self.policy()).into_stream()
    }

    /// The client's policy, with the patience that a task for off-peak hours needs.
    fn policy(&self) -> Arc<WaitPolicy> {
        self.client().wait_policy(self.handle().off_peak).clone()
    }

    /// Writes the end of the task down in the journal, if it is a job's.
    pub(crate) fn note_end(&self, result: &Result<Finished<K>, WaitError>) {
        let task_id = self.id().to_owned();
        let state = match result {
            Ok(_) => JobState::Done { task_id },
            Err(WaitError::Failed { failure, .. }) => {
                JobState::Failed { task_id, reason: failure.to_string(), unbilled: failure.is_unbilled() }
            }
            Err(WaitError::OthersTask { .. }) => return self.client().disown(self.handle()),
            // The task goes on.
            Err(_) => return,
        };
        self.client().note(self.handle(), &state);
    }
}

impl<K> Serialize for Task<K> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.named.handle.serialize(serializer)
    }
}
