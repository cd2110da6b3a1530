//! Who in this process waits for which task.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::Notify;

/// The waits of a client and its clones.
#[derive(Debug, Default)]
pub(crate) struct Waits {
    tasks: Mutex<Tasks>,
    /// Whoever feeds the waits has something to do.
    begun: Notify,
}

#[derive(Debug, Default)]
struct Tasks {
    waiting: HashMap<String, Vec<Arc<Notify>>>,
    /// Those that a wait has seen the end of, the latest last: their events are nobody else's.
    ended: VecDeque<String>,
}

impl Waits {
    /// So many ended tasks are remembered.
    const REMEMBERED: usize = 1_000;

    /// Begins to listen for events about a task, until the subscription is dropped.
    pub(crate) fn subscribe(self: &Arc<Self>, task_id: &str) -> Subscription {
        let notify = Arc::new(Notify::new());
        self.tasks().waiting.entry(task_id.to_owned()).or_default().push(notify.clone());
        self.begun.notify_one();
        Subscription { waits: self.clone(), task_id: task_id.to_owned(), notify }
    }

    /// Tells every wait for the task that something has happened to it. False where this process never waited for it.
    pub(crate) fn wake(&self, task_id: &str) -> bool {
        let tasks = self.tasks();
        let waiting = tasks.waiting.get(task_id);
        waiting.into_iter().flatten().for_each(|notify| notify.notify_one());
        waiting.is_some() || tasks.ended.iter().any(|ended| ended == task_id)
    }

    /// Ends when somebody waits.
    pub(crate) async fn any(&self) {
        while self.tasks().waiting.is_empty() {
            self.begun.notified().await;
        }
    }

    fn tasks(&self) -> MutexGuard<'_, Tasks> {
        self.tasks.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// One wait's ear.
#[derive(Debug)]
pub(crate) struct Subscription {
    waits: Arc<Waits>,
    task_id: String,
    notify: Arc<Notify>,
}

impl Subscription {
    /// The next event about the task, also one that came since the last.
    pub(crate) async fn next(&self) {
        self.notify.notified().await;
    }

    /// The task has ended: an event that says so is taken off the queue, also after the wait.
    pub(crate) fn task_ended(&self) {
        let mut tasks = self.waits.tasks();
        if tasks.ended.len() == Waits::REMEMBERED {
            tasks.ended.pop_front();
        }
        tasks.ended.push_back(self.task_id.clone());
    }
}

impl Drop for Subscription {
    fn drop(&mut self) {
        let mut tasks = self.waits.tasks();
        if let Some(waiting) = tasks.waiting.get_mut(&self.task_id) {
            waiting.retain(|notify| !Arc::ptr_eq(notify, &self.notify));
            if waiting.is_empty() {
                tasks.waiting.remove(&self.task_id);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt as _;

    use super::*;

    #[test]
    fn a_wait_that_is_dropped_leaves_nothing_behind() {
        let waits = Arc::new(Waits::default());
        let (one, other) = (waits.subscribe("t"), waits.subscribe("t"));
        drop(one);
        assert!(waits.wake("t"));
        assert!(other.next().now_or_never().is_some());
        drop(other);
        assert!(!waits.wake("t"));
        assert!(waits.tasks().waiting.is_empty() && waits.tasks().ended.is_empty());
    }

    #[test]
    fn an_event_between_two_polls_is_not_missed_and_wakes_every_wait_once() {
        let waits = Arc::new(Waits::default());
        let ears = [waits.subscribe("t"), waits.subscribe("t")];
        let stranger = waits.subscribe("u");
        waits.wake("t");
        for ear in &ears {
            assert!(ear.next().now_or_never().is_some());
            assert!(ear.next().now_or_never().is_none());
        }
        assert!(stranger.next().now_or_never().is_none());
    }

    #[test]
    fn the_last_tasks_that_ended_are_known_and_no_more_than_that() {
        let waits = Arc::new(Waits::default());
        for number in 0..=Waits::REMEMBERED {
            waits.subscribe(&number.to_string()).task_ended();
        }
        assert!(!waits.wake("0") && waits.wake("1") && waits.wake("1000"));
        assert_eq!(waits.tasks().ended.len(), Waits::REMEMBERED);
    }

    #[test]
    fn a_source_waits_until_somebody_else_does() {
        let waits = Arc::new(Waits::default());
        assert!(waits.any().now_or_never().is_none());
        let ear = waits.subscribe("t");
        assert!(waits.any().now_or_never().is_some());
        drop(ear);
        assert!(waits.any().now_or_never().is_none());
    }
}
