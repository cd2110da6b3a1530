//! Waiting for a task: what each poll means, and when to stop.

use std::fmt;
use std::marker::PhantomData;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context as TaskContext, Poll};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use futures_util::stream::{once, unfold};
use futures_util::{Stream, StreamExt as _};
use vod_aigc_core::{AigcTask, AigcVideoTask, DescribeTaskDetailResponse, ErrorClass, Progress, TaskState};
use vod_aigc_store::JobState;
use vod_aigc_transport::Error;

use crate::context::Context;
use crate::deferred::Deferred;
use crate::error::{WaitError, is_lasting};
use crate::finished::Finished;
use crate::policy::WaitPolicy;
use crate::poller::{Interest, Stage, Subscription, Update};
use crate::task_handle::TaskHandle;
use crate::time::later;

/// What a wait reports.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub enum TaskEvent<K: AigcTask = AigcVideoTask> {
    /// A poll that was answered, or the list shows that the task has gone on, which it does without percent.
    Progress(Progress),
    /// A poll that failed; the wait goes on.
    PollFailed(Error),
    /// The end: the result, or why there is no result. Nothing follows.
    Ended(Box<Result<Finished<K>, WaitError>>),
}

/// A wait for the result of a task, which begins when it is awaited: see [`Task::wait`](crate::Task::wait).
///
/// # Panics
///
/// When it is first polled outside a tokio runtime.
#[must_use = "a wait does nothing until it is awaited"]
pub struct Wait<'a, K: AigcTask = AigcVideoTask>(Deferred<'a, Setup<'a, K>, Result<Finished<K>, WaitError>>);

type OnEvent<'a, K> = Box<dyn FnMut(&TaskEvent<K>) + Send + 'a>;

struct Setup<'a, K: AigcTask> {
    context: Arc<Context>,
    handle: Arc<TaskHandle>,
    policy: WaitPolicy,
    on_event: OnEvent<'a, K>,
}

impl<'a, K: AigcTask> Wait<'a, K> {
    pub(crate) fn new(context: Arc<Context>, handle: Arc<TaskHandle>) -> Self {
        let policy = usual_policy(&context, &handle);
        Self(Deferred::New(Setup { context, handle, policy, on_event: Box::new(|_| {}) }))
    }

    /// Ends the wait after so much time. The task goes on, and [`WaitError::Deadline`] hands it back.
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.0.set(|setup| setup.policy.deadline = timeout);
        self
    }

    /// Waits by another policy than the client's.
    pub fn policy(mut self, policy: WaitPolicy) -> Self {
        self.0.set(|setup| setup.policy = policy);
        self
    }

    /// Calls `show` with each event on the way to the end.
    pub fn on_event(mut self, show: impl FnMut(&TaskEvent<K>) + Send + 'a) -> Self {
        self.0.set(|setup| setup.on_event = Box::new(show));
        self
    }
}

impl<'a, K: AigcTask> Future for Wait<'a, K> {
    type Output = Result<Finished<K>, WaitError>;

    fn poll(mut self: Pin<&mut Self>, context: &mut TaskContext<'_>) -> Poll<Self::Output> {
        self.0.poll(context, |setup| Box::pin(setup.run()))
    }
}

/// The client's policy, with the patience that a task for off-peak hours needs.
fn usual_policy(context: &Context, handle: &TaskHandle) -> WaitPolicy {
    if handle.off_peak { context.wait_policy.for_off_peak() } else { context.wait_policy }
}

impl<K: AigcTask> Setup<'_, K> {
    async fn run(mut self) -> Result<Finished<K>, WaitError> {
        let mut waiting = Waiting::new(self.context, self.handle, self.policy);
        loop {
            match waiting.next().await {
                TaskEvent::Ended(result) => return *result,
                event => (self.on_event)(&event),
            }
        }
    }
}

impl<K: AigcTask> fmt::Debug for Wait<'_, K> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Wait").finish_non_exhaustive()
    }
}

/// The events of a wait, which begins when the first of them is asked for.
pub(crate) fn events<K: AigcTask>(
    context: Arc<Context>,
    handle: Arc<TaskHandle>,
) -> impl Stream<Item = TaskEvent<K>> + Send + 'static {
    let policy = usual_policy(&context, &handle);
    once(async move { Waiting::<K>::new(context, handle, policy) }).flat_map(|waiting| {
        unfold(Some(waiting), |waiting| async {
            let mut waiting = waiting?;
            match waiting.next().await {
                end @ TaskEvent::Ended(_) => Some((end, None)),
                event => Some((event, Some(waiting))),
            }
        })
    })
}

/// One wait under way.
struct Waiting<K: AigcTask> {
    context: Arc<Context>,
    handle: Arc<TaskHandle>,
    policy: WaitPolicy,
    since: SystemTime,
    subscription: Subscription,
    /// The last that the service has said of the task.
    last: Option<Progress>,
    /// Whether the time is over, so that nothing more is polled.
    is_over: bool,
    kind: PhantomData<fn() -> K>,
}

impl<K: AigcTask> Waiting<K> {
    fn new(context: Arc<Context>, handle: Arc<TaskHandle>, policy: WaitPolicy) -> Self {
        let since = context.transport.clock().now();
        let subscription = subscribe::<K>(&context, &handle, &policy, since);
        Self { context, handle, policy, since, subscription, last: None, is_over: false, kind: PhantomData }
    }

    /// The next event. Must not be asked for after [`TaskEvent::Ended`].
    async fn next(&mut self) -> TaskEvent<K> {
        while !self.is_over {
            let Some((update, is_last)) = self.subscription.next().await else {
                // The runtime that the poller was in has ended.
                self.subscription = subscribe::<K>(&self.context, &self.handle, &self.policy, self.since);
                continue;
            };
            // A poll may have corrected the clock, by which the task is older than it seemed.
            self.is_over = is_last || self.age() >= self.policy.oldest;
            match update {
                Update::Answer(reply) => return self.answered(&reply).await,
                Update::Failed { error, polls, lasting } => return self.failed(error, polls, lasting).await,
                Update::Listed(progress) if self.last.as_ref() == Some(&progress) => {}
                Update::Listed(progress) => return self.progress(progress),
            }
        }
        let (task, last) = (self.handle().clone(), self.last.take());
        let waited = self.now().duration_since(self.since).unwrap_or_default();
        self.ended(Err(match waited >= self.policy.deadline {
            true => WaitError::Deadline { task, waited, last },
            false => WaitError::Expired { task, last },
        }))
        .await
    }

    async fn answered(&mut self, reply: &DescribeTaskDetailResponse) -> TaskEvent<K> {
        let (state, task) = (reply.state_of::<K>(), self.handle().clone());
        let shown = K::of(reply).and_then(K::session_id).filter(|id| !id.is_empty());
        let others = shown.filter(|shown| task.session_id.as_deref().is_some_and(|own| own != *shown));
        let end = match (state, others) {
            (TaskState::Waiting, _) => return self.progress(Progress::Waiting),
            (TaskState::Processing { progress }, _) => return self.progress(Progress::Processing(progress)),
            (TaskState::Unrecognised { status }, _) => return self.progress(Progress::Unrecognised(status)),
            (_, Some(shown)) => Err(WaitError::OthersTask { task, shown: shown.to_owned() }),
            (TaskState::Succeeded(output), None) => Ok(Finished::new(&self.context, &self.handle, output.clone())),
            (TaskState::Failed(failure), None) => Err(WaitError::Failed { task, failure }),
        };
        self.subscription.task_ended();
        self.ended(end).await
    }

    /// One failed poll says nothing of the task; many over some time say that nothing will be learnt soon.
    async fn failed(&mut self, error: Error, polls: u32, lasting: Duration) -> TaskEvent<K> {
        let is_final = match error.class() {
            Some(ErrorClass::NotFound) => self.age() >= self.policy.not_found_grace,
            _ => is_lasting(&error),
        };
        let task = self.handle().clone();
        if is_final {
            return self.ended(Err(WaitError::Poll { task, error })).await;
        }
        if polls >= self.policy.stalled_polls && lasting >= self.policy.stalled_after {
            return self.ended(Err(WaitError::Stalled { task, polls, error })).await;
        }
        TaskEvent::PollFailed(error)
    }

    fn progress(&mut self, progress: Progress) -> TaskEvent<K> {
        self.last = Some(progress.clone());
        TaskEvent::Progress(progress)
    }

    /// Records the end of the task, if it is a job's.
    async fn ended(&self, result: Result<Finished<K>, WaitError>) -> TaskEvent<K> {
        let task_id = self.handle.task_id.clone();
        let state = match &result {
            Ok(_) => Some(JobState::Done { task_id }),
            Err(WaitError::Failed { failure, .. }) => {
                Some(JobState::Failed { task_id, reason: failure.to_string(), unbilled: failure.is_unbilled() })
            }
            // The task goes on.
            Err(_) => None,
        };
        if let Some(state) = state {
            self.context.note(&self.handle, &state).await;
        } else if let Err(WaitError::OthersTask { .. }) = &result {
            self.context.disown(&self.handle).await;
        }
        TaskEvent::Ended(Box::new(result))
    }

    fn handle(&self) -> &TaskHandle {
        &self.handle
    }

    fn now(&self) -> SystemTime {
        self.context.transport.clock().now()
    }

    fn age(&self) -> Duration {
        age(&self.context, &self.handle, self.since)
    }
}

/// How long ago the task was submitted; since the wait began, where that is not known.
fn age(context: &Context, handle: &TaskHandle, since: SystemTime) -> Duration {
    let submitted = handle.submitted_at.and_then(|seconds| UNIX_EPOCH.checked_add(Duration::from_secs(seconds)));
    let (now, start) = match submitted {
        Some(submitted) => (context.transport.now(), submitted),
        None => (context.transport.clock().now(), since),
    };
    now.duration_since(start).unwrap_or_default()
}

fn subscribe<K: AigcTask>(
    context: &Context,
    handle: &TaskHandle,
    policy: &WaitPolicy,
    since: SystemTime,
) -> Subscription {
    let now = context.transport.clock().now();
    let age = age(context, handle, since);
    let left = later(since, policy.deadline).min(later(now, policy.oldest.saturating_sub(age)));
    context.poller.subscribe(
        &context.transport,
        context.sub_app_id,
        Interest {
            task_id: handle.task_id.as_str().into(),
            sub_app_id: handle.sub_app_id,
            // A task of unknown age may have ended long ago.
            first: handle.submitted_at.map_or(now, |_| later(now, policy.first.saturating_sub(age))),
            created: handle.submitted_at.map(|_| now.checked_sub(age).unwrap_or(UNIX_EPOCH)),
            until: left,
            every: policy.every.max(WaitPolicy::FLOOR),
            queued_every: policy.queued_every.max(WaitPolicy::FLOOR),
            queued_after: if policy.off_peak { Duration::ZERO } else { policy.queued_after },
            stage: |reply| match reply.state_of::<K>() {
                TaskState::Waiting => Stage::Queued,
                state if state.is_final() => Stage::Ended,
                _ => Stage::Running,
            },
        },
    )
}
