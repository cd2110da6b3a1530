//! Polls the tasks that callers wait for.
//!
//! A client has one poller in each tokio runtime in which it waits: a task of the runtime that owns every timer. Waits send it
//! commands by a channel, and each wait gets what it has to know by a `watch`. Up to eight tasks are polled one by one
//! (`DescribeTaskDetail`). When there are more, the list of the sub-application's tasks (`DescribeTasks`) is read over and over,
//! and the tasks that have ended by it are polled, so that the number of requests hardly grows with the number of tasks.

mod driver;
mod sweep;

use std::collections::{HashMap, VecDeque};
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime};

use tokio::runtime::{self, Handle};
use tokio::sync::{Notify, mpsc, watch};
use vod_aigc_core::{DescribeTaskDetailResponse, Progress};
use vod_aigc_transport::{Error, Transport};

/// The waits of a client and its clones, and their pollers.
#[derive(Default)]
pub(crate) struct Poller(Arc<Shared>);

#[derive(Default)]
struct Shared {
    waits: Mutex<Waits>,
    /// A wait has begun.
    begun: Notify,
}

#[derive(Default)]
struct Waits {
    /// How many waits there are for each task.
    by_task: HashMap<Arc<str>, usize>,
    /// The tasks whose end a wait has seen, the latest last: their events belong to no other process.
    ended: VecDeque<Arc<str>>,
    pollers: HashMap<runtime::Id, mpsc::UnboundedSender<Command>>,
}

/// A command for a poller.
enum Command {
    Subscribe(Interest, watch::Sender<Option<State>>),
    /// Something has happened to the task: poll it now.
    Wake(Arc<str>),
}

/// What a wait is for, and when it wants its task to be polled.
#[derive(Debug, Clone)]
pub(crate) struct Interest {
    pub(crate) task_id: Arc<str>,
    pub(crate) sub_app_id: u64,
    /// When to poll for the first time.
    pub(crate) first: SystemTime,
    /// When the service accepted the task, where that is known.
    pub(crate) created: Option<SystemTime>,
    /// When to poll for the last time.
    pub(crate) until: SystemTime,
    /// The time between polls.
    pub(crate) every: Duration,
    /// The time between polls of a task that has been queued for `queued_after`.
    pub(crate) queued_every: Duration,
    pub(crate) queued_after: Duration,
    /// How far the task is by a reply.
    pub(crate) stage: fn(&DescribeTaskDetailResponse) -> Stage,
}

/// How far a task is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Stage {
    Queued,
    Running,
    Ended,
}

/// A notification for a wait.
#[derive(Debug, Clone)]
pub(crate) enum Update {
    /// The answer to a poll.
    Answer(Arc<DescribeTaskDetailResponse>),
    /// A poll has failed, after `polls - 1` others in a row, the first of them so long ago.
    Failed { error: Error, polls: u32, lasting: Duration },
    /// The list shows that the task goes on.
    Listed(Progress),
}

/// The latest update, and whether it is the last because the time of the wait is over.
type State = (Update, bool);

impl Poller {
    /// How many tasks are remembered after their end.
    const REMEMBERED: usize = 1_000;

    /// Has a task polled until the subscription is dropped.
    ///
    /// # Panics
    ///
    /// Outside a tokio runtime.
    pub(crate) fn subscribe(&self, transport: &Transport, sub_app_id: u64, interest: Interest) -> Subscription {
        let (sender, updates) = watch::channel(None);
        let task_id = interest.task_id.clone();
        let runtime = Handle::current();
        let mut waits = self.0.waits();
        *waits.by_task.entry(task_id.clone()).or_default() += 1;
        let command = Command::Subscribe(interest, sender);
        let command = match waits.pollers.get(&runtime.id()) {
            Some(poller) => poller.send(command).err().map(|unsent| unsent.0),
            None => Some(command),
        };
        if let Some(command) = command {
            let (commands, received) = mpsc::unbounded_channel();
            let _ = commands.send(command);
            waits.pollers.retain(|_, poller| !poller.is_closed());
            waits.pollers.insert(runtime.id(), commands);
            runtime.spawn(driver::run(transport.clone(), sub_app_id, received));
        }
        drop(waits);
        self.0.begun.notify_waiters();
        Subscription { updates, task_id, shared: self.0.clone() }
    }

    /// Has the task polled at once. False where this process never waited for it.
    pub(crate) fn wake(&self, task_id: &str) -> bool {
        let waits = self.0.waits();
        let Some((task_id, _)) = waits.by_task.get_key_value(task_id) else {
            return waits.ended.iter().any(|ended| **ended == *task_id);
        };
        for poller in waits.pollers.values() {
            // A poller that has ended with its runtime has no waits.
            let _ = poller.send(Command::Wake(task_id.clone()));
        }
        true
    }

    /// Ends when there is a wait.
    pub(crate) async fn any_wait(&self) {
        loop {
            let begun = self.0.begun.notified();
            if !self.0.waits().by_task.is_empty() {
                return;
            }
            begun.await;
        }
    }
}

impl Shared {
    fn waits(&self) -> MutexGuard<'_, Waits> {
        self.waits.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for Poller {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Poller").finish_non_exhaustive()
    }
}

/// A wait's subscription to what is known of its task.
pub(crate) struct Subscription {
    updates: watch::Receiver<Option<State>>,
    task_id: Arc<str>,
    shared: Arc<Shared>,
}

impl Subscription {
    /// The next update. None where the poller has ended with its runtime.
    pub(crate) async fn next(&mut self) -> Option<State> {
        self.updates.changed().await.ok()?;
        self.updates.borrow_and_update().clone()
    }

    /// The task has ended: an event that says so is taken off the queue, also after the wait.
    pub(crate) fn task_ended(&self) {
        let mut waits = self.shared.waits();
        if waits.ended.len() == Poller::REMEMBERED {
            waits.ended.pop_front();
        }
        waits.ended.push_back(self.task_id.clone());
    }
}

impl Drop for Subscription {
    fn drop(&mut self) {
        let mut waits = self.shared.waits();
        if let Some(count) = waits.by_task.get_mut(&self.task_id) {
            *count -= 1;
            if *count == 0 {
                waits.by_task.remove(&self.task_id);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::UNIX_EPOCH;

    use futures_util::FutureExt as _;
    use vod_aigc_transport::signer::Credential;

    use super::*;

    fn subscribe(poller: &Poller, task_id: &str) -> Subscription {
        let transport = Transport::builder(Credential::new("AKID", "key").expect("it is one")).build();
        let interest = Interest {
            task_id: task_id.into(),
            sub_app_id: 1,
            first: UNIX_EPOCH + Duration::from_secs(u32::MAX.into()),
            created: None,
            until: UNIX_EPOCH + Duration::from_secs(u32::MAX.into()),
            every: Duration::from_secs(3),
            queued_every: Duration::from_secs(15),
            queued_after: Duration::ZERO,
            stage: |_| Stage::Running,
        };
        poller.subscribe(&transport, 1, interest)
    }

    #[tokio::test]
    async fn a_subscription_that_is_dropped_leaves_nothing_behind() {
        let poller = Poller::default();
        let [one, other] = [subscribe(&poller, "t"), subscribe(&poller, "t")];
        drop(one);
        assert!(poller.wake("t") && !poller.wake("u"));
        drop(other);
        assert!(!poller.wake("t"));
        assert!(poller.0.waits().by_task.is_empty() && poller.0.waits().ended.is_empty());
    }

    #[tokio::test]
    async fn the_last_tasks_that_ended_are_known_and_no_more_than_that() {
        let poller = Poller::default();
        for number in 0..=Poller::REMEMBERED {
            subscribe(&poller, &number.to_string()).task_ended();
        }
        assert!(!poller.wake("0") && poller.wake("1") && poller.wake("1000"));
        assert_eq!(poller.0.waits().ended.len(), Poller::REMEMBERED);
    }

    #[tokio::test]
    async fn a_source_of_events_waits_until_somebody_else_does() {
        let poller = Poller::default();
        assert!(poller.any_wait().now_or_never().is_none());
        let mut idle = Box::pin(poller.any_wait());
        assert!((&mut idle).now_or_never().is_none());
        let subscription = subscribe(&poller, "t");
        assert!(idle.now_or_never().is_some() && poller.any_wait().now_or_never().is_some());
        drop(subscription);
        assert!(poller.any_wait().now_or_never().is_none());
    }
}
