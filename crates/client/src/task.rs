//! A task on the service, and the verbs on it.

use std::marker::PhantomData;
use std::sync::Arc;

use serde::{Serialize, Serializer};
use vod_aigc_core::{AigcTask, AigcVideoTask, DescribeTaskDetailResponse, ManageTaskRequest, TaskOperation};
use vod_aigc_transport::Error;

use crate::context::Context;
use crate::task_handle::TaskHandle;
use crate::wait::{self, TaskEvent, Wait};

/// A task of one kind, a video's where nothing else is said, with the client that can ask for it.
///
/// Serialises as its [`TaskHandle`]. Dropping it, or a wait for it, leaves the task on the service as it is.
#[derive(Debug, Clone)]
pub struct Task<K = AigcVideoTask> {
    context: Arc<Context>,
    handle: Arc<TaskHandle>,
    kind: PhantomData<fn() -> K>,
}

impl<K: AigcTask> Task<K> {
    pub(crate) fn new(context: Arc<Context>, handle: TaskHandle) -> Self {
        Self { context, handle: Arc::new(handle), kind: PhantomData }
    }

    /// The id that the service gave it.
    pub fn id(&self) -> &str {
        &self.handle.task_id
    }

    /// What names it.
    pub fn handle(&self) -> &TaskHandle {
        &self.handle
    }

    /// Asks for its state once. See [`DescribeTaskDetailResponse::state_of`].
    ///
    /// # Errors
    /// What went wrong with the call; the task goes on.
    pub async fn poll(&self) -> Result<DescribeTaskDetailResponse, Error> {
        Ok(self.context.describe(&self.handle).await?.value)
    }

    /// Asks the service to stop the task, which it does only while the task waits in its queue. A wait for it then ends with
    /// [`WaitError::Failed`](crate::WaitError::Failed). Dropping a task or a wait stops nothing.
    ///
    /// The service does not document whether it stops AIGC tasks.
    ///
    /// ```no_run
    /// # use vod_aigc_client::{Task, transport::Error};
    /// # async fn example(task: Task) -> Result<(), Error> {
    /// match task.cancel().await {
    ///     Ok(()) => println!("stopped before it began"),
    ///     Err(error) => println!("not stopped: {error}"),
    /// }
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// [`ErrorClass::Parameter`](vod_aigc_core::ErrorClass::Parameter) where the task has begun or ended; otherwise what went
    /// wrong with the call. The task goes on, and is billed as it was.
    pub async fn cancel(&self) -> Result<(), Error> {
        let mut action = ManageTaskRequest::new(&*self.handle.task_id, TaskOperation::Abort);
        action.sub_app_id = Some(self.handle.sub_app_id);
        self.context.transport.call(action).await?;
        self.context.poller.wake(&self.handle.task_id);
        Ok(())
    }

    /// Waits for the result by the client's [`WaitPolicy`](crate::WaitPolicy): 30 minutes where nothing else was set, 24 hours for
    /// a task that may wait for off-peak hours. The methods of [`Wait`] change that for one wait.
    ///
    /// Up to eight tasks of a client are polled one by one, every 3 s. When there are more, the list of the sub-application's
    /// tasks (`DescribeTasks`, 100 a page) is read every 5 s, or every 150 ms for each page where that is longer, and the tasks
    /// that have ended by it are polled, 16 at a time. So an end is noticed within one and a half sweeps, and 10,000 waits cost
    /// less than 10 requests a second. A task that the list does not show within a minute is polled every 30 s, and one that it
    /// shows as going on is polled at times all the same: the list decides only when to poll.
    ///
    /// An event about the task has it polled at once: see [`Client::pull_events`](crate::Client::pull_events) and
    /// [`Client::confirm`](crate::Client::confirm). Failed polls do not end the wait. Dropping the future stops waiting and nothing
    /// else.
    ///
    /// ```no_run
    /// # use std::time::Duration;
    /// # use vod_aigc_client::{Task, WaitError};
    /// # async fn example(task: Task) -> Result<(), WaitError> {
    /// let video = task.wait().timeout(Duration::from_secs(600)).on_event(|event| println!("{event:?}")).await?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// See [`WaitError`](crate::WaitError); each names the task, so that it can be waited for again.
    pub fn wait(&self) -> Wait<'static, K> {
        Wait::new(self.context.clone(), self.handle.clone())
    }

    /// The events of a wait by the client's policy: what each poll says, and at last how it ended.
    pub fn events(&self) -> impl futures_util::Stream<Item = TaskEvent<K>> + Send + 'static {
        wait::events(self.context.clone(), self.handle.clone())
    }
}

impl<K> Serialize for Task<K> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.handle.serialize(serializer)
    }
}
