//! Who in this process waits for which task, and what is known of each.

mod driver;

use std::borrow::Borrow;
use std::collections::{HashMap, VecDeque};
use std::fmt;
use std::hash::{Hash, Hasher};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};
use std::time::{Duration, SystemTime};

use tokio::runtime::{self, Handle};
use tokio::sync::Notify;
use vod_aigc_core::{AigcTask, DescribeTaskDetailResponse, Progress, TaskStatus};
use vod_aigc_transport::{BoxFuture, Error};

use crate::client::seconds;
use crate::task::{Named, Task};

/// The waits of a client and its clones.
///
/// Each of a handful of waits asks for its task by a timer of its own. Above that a driver does the asking for all of them that
/// are polled in its tokio runtime, and they have no timers. A wait that is polled elsewhere goes on by itself: a runtime that
/// nobody turns any more would leave it waiting for ever.
#[derive(Default)]
pub(crate) struct Waits {
    table: Mutex<Table>,
    /// A wait has begun.
    begun: Notify,
    /// The driver has something to ask for.
    due: Notify,
}

#[derive(Default)]
struct Table {
    tasks: HashMap<ById, Watched>,
    /// Those that a wait has seen the end of, the latest last: their events are nobody else's.
    ended: VecDeque<String>,
    /// How many waits have begun, which numbers them.
    begun: u32,
    /// The runtime that turns the driver, while there is one.
    driver: Option<runtime::Id>,
    list: List,
    /// What the driver asks for first, because something has happened to it.
    urgent: VecDeque<Arc<Named>>,
    /// What it asks for after that, because it is time.
    routine: VecDeque<Arc<Named>>,
}

/// A task, found by its id.
struct ById(Arc<Named>);

/// What is known of a task that is waited for.
struct Watched {
    sight: Sight,
    /// When the service took it in, where that is known.
    created: Option<Second>,
    /// When the service last answered for this task alone, or its first wait began.
    answered: Second,
    asked: Asked,
    first: Ear,
    others: Box<[Ear]>,
}

/// What the list has said of a task.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Sight {
    /// Nothing; its first wait began then.
    Unseen {
        since: Second,
    },
    Seen {
        at: Second,
        shown: Shown,
    },
}

/// How far a task is by the list, which says less than the task itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Shown {
    Waiting,
    Processing,
    /// It has ended, or this release does not know the word: whoever wants to know asks for it.
    Other,
}

/// Whether the driver asks for a task.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Asked {
    No,
    Queued,
    UnderWay,
}

/// What is known of the list itself.
#[derive(Debug, Default)]
struct List {
    /// How long a sight counts as an answer.
    good_for: u32,
    latest: Sweep,
}

/// What the latest sweep has come to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
enum Sweep {
    /// None has ended.
    #[default]
    None,
    /// It began then, reached back so far, and showed tasks that are waited for.
    Shows { began: Second, reached: Second },
    /// It broke off, or showed none of the tasks that it should have.
    Silent,
}

/// One wait's ear.
struct Ear {
    number: u32,
    /// Whether it leaves the asking to the driver.
    driven: bool,
    waker: Option<Waker>,
    /// What it has been woken for.
    turn: Option<Turn>,
    /// When it is to ask by its policy; never while its owner does not poll it.
    due: Second,
    /// When it is to end by its policy.
    until: Second,
}

/// How a wait goes on.
pub(crate) enum Turn {
    /// It asks for its task.
    Ask,
    /// It goes on without: the list has just shown the task.
    Shown(Shown),
    /// It hears what the driver has asked for.
    Told(Result<Arc<DescribeTaskDetailResponse>, Error>),
}

/// Whole seconds since 1970: exact enough for one wait among many, and small.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Second(u32);

impl Waits {
    /// So many tasks are waited for without a driver. It ends when half as many are left, so that it does not come and go.
    const HANDFUL: usize = 8;
    /// So many ended tasks are remembered.
    const REMEMBERED: usize = 1_000;

    /// Begins to wait for a task, until the place is dropped.
    pub(crate) fn begin<K: AigcTask>(task: Task<K>) -> Place<K> {
        let now = Second::of(task.client().transport().clock().now());
        let waits = task.client().waits();
        let mut table = waits.table();
        table.begun = table.begun.wrapping_add(1);
        let number = table.begun;
        let ear = Ear { number, driven: false, waker: None, turn: None, due: Second::NEVER, until: Second::NEVER };
        match table.tasks.get_mut(task.id()) {
            Some(watched) => {
                watched.others = std::mem::take(&mut watched.others).into_iter().chain([ear]).collect();
            }
            None => {
                let watched = Watched {
                    sight: Sight::Unseen { since: now },
                    created: task.handle().submitted_at.map(|created| Second::since_1970(created).min(now)),
                    answered: now,
                    asked: Asked::No,
                    first: ear,
                    others: Box::default(),
                };
                table.tasks.insert(ById(task.named().clone()), watched);
            }
        }
        drop(table);
        waits.begun.notify_one();
        Place { task, number }
    }

    /// Lets every wait for the task ask for it at once. False where this process never waited for it.
    pub(crate) fn wake(&self, task_id: &str) -> bool {
        let mut table = self.table();
        let Some(watched) = table.tasks.get_mut(task_id) else {
            return table.ended.iter().any(|ended| ended == task_id);
        };
        let alone = watched.ears_mut().filter(|ear| !ear.driven);
        let wakers: Vec<Waker> = alone.filter_map(|ear| ear.wake(Turn::Ask)).collect();
        if watched.ears().any(|ear| ear.driven) {
            table.ask_soon(task_id);
            self.due.notify_one();
        }
        drop(table);
        wake(wakers);
        true
    }

    /// Ends when somebody waits.
    pub(crate) async fn any(&self) {
        while self.table().tasks.is_empty() {
            self.begun.notified().await;
        }
    }

    fn table(&self) -> MutexGuard<'_, Table> {
        self.table.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Nobody is woken, and no waker dropped, while the table is locked: either may drop a wait, which locks the table.
fn wake(wakers: Vec<Waker>) {
    wakers.into_iter().for_each(Waker::wake);
}

impl fmt::Debug for Waits {
    /// Without the tasks, each of which holds the client that holds this.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Waits").finish_non_exhaustive()
    }
}

impl Watched {
    fn ears(&self) -> impl Iterator<Item = &Ear> {
        std::iter::once(&self.first).chain(&self.others)
    }

    fn ears_mut(&mut self) -> impl Iterator<Item = &mut Ear> {
        std::iter::once(&mut self.first).chain(&mut self.others)
    }
}

impl Ear {
    /// Gives its wait a turn, unless one with an answer has not been taken yet.
    fn wake(&mut self, turn: Turn) -> Option<Waker> {
        if !matches!(self.turn, Some(Turn::Told(_))) {
            self.turn = Some(turn);
        }
        self.waker.take()
    }

    /// Whether its wait has asked for a turn that it has not been given.
    fn listens(&self) -> bool {
        self.due < Second::NEVER && self.turn.is_none()
    }
}

/// One wait's place in the table.
pub(crate) struct Place<K: AigcTask> {
    task: Task<K>,
    number: u32,
}

/// The time from one turn of a wait to the next.
pub(crate) struct Pause {
    due: SystemTime,
    /// Only while it keeps the time itself.
    timer: Option<BoxFuture<'static, ()>>,
}

/// What a wait that asked for its turn is to do.
enum Listening {
    Take(Turn),
    /// The driver wakes it.
    Driven,
    /// It keeps the time itself.
    Alone,
}

impl<K: AigcTask> Place<K> {
    pub(crate) fn task(&self) -> &Task<K> {
        &self.task
    }

    /// Begins to wait for the next turn, for so long at the most; the wait ends when so much time has passed.
    pub(crate) fn pause(&self, pause: Duration, left: Duration) -> Pause {
        let client = self.task.client();
        let now = client.transport().clock().now();
        if let Some(ear) = client.waits().table().ear(self.task.id(), self.number) {
            ear.until = Second::by(later(now, left));
        }
        Pause { due: later(now, pause), timer: None }
    }

    /// Ready when there is something to do: the time of the next poll has come, or that of the end, or something has happened
    /// to the task, also before the pause began.
    pub(crate) fn poll_turn(&self, pause: &mut Pause, context: &mut Context<'_>) -> Poll<Turn> {
        match self.listen(Second::by(pause.due), context.waker()) {
            Listening::Take(turn) => Poll::Ready(turn),
            Listening::Driven => {
                pause.timer = None;
                Poll::Pending
            }
            Listening::Alone => {
                let clock = self.task.client().transport().clock();
                let sleep = || {
                    let (clock, time) = (clock.clone(), pause.due.duration_since(clock.now()).unwrap_or_default());
                    Box::pin(async move { clock.sleep(time).await }) as BoxFuture<'static, ()>
                };
                pause.timer.get_or_insert_with(sleep).as_mut().poll(context).map(|()| Turn::Ask)
            }
        }
    }

    fn listen(&self, due: Second, waker: &Waker) -> Listening {
        let client = self.task.client();
        // The driver lists the tasks of the client's own sub-application.
        let ours = self.task.handle().sub_app_id == client.sub_app_id();
        let runtime = Handle::try_current().ok().filter(|_| ours);
        let here = runtime.as_ref().map(Handle::id);
        let mut table = client.waits().table();
        let begins = here.is_some() && table.driver.is_none() && table.tasks.len() > Waits::HANDFUL;
        let driven = here.is_some() && (begins || table.driver == here);
        let Some(ear) = table.ear(self.task.id(), self.number) else {
            return Listening::Alone;
        };
        if let Some(turn) = ear.turn.take() {
            ear.due = Second::NEVER;
            return Listening::Take(turn);
        }
        (ear.driven, ear.due) = (driven, due);
        let replaced = ear.waker.replace(waker.clone());
        if begins {
            table.driver = here;
        }
        drop(table);
        drop(replaced);
        if let Some(runtime) = runtime.filter(|_| begins) {
            driver::spawn(client.clone(), &runtime);
        }
        if driven { Listening::Driven } else { Listening::Alone }
    }

    /// The task has ended: an event that says so is taken off the queue, also after the wait.
    pub(crate) fn task_ended(&self) {
        let mut table = self.task.client().waits().table();
        if table.ended.len() == Waits::REMEMBERED {
            table.ended.pop_front();
        }
        table.ended.push_back(self.task.id().to_owned());
    }
}

impl<K: AigcTask> Drop for Place<K> {
    fn drop(&mut self) {
        let mut table = self.task.client().waits().table();
        let Some(watched) = table.tasks.get_mut(self.task.id()) else {
            return;
        };
        let mut ears: Vec<Ear> = std::mem::take(&mut watched.others).into();
        if watched.first.number != self.number {
            let gone = ears.iter().position(|ear| ear.number == self.number).map(|place| ears.swap_remove(place));
            watched.others = ears.into();
            drop((table, gone));
        } else if let Some(next) = ears.pop() {
            let gone = std::mem::replace(&mut watched.first, next);
            watched.others = ears.into();
            drop((table, gone));
        } else {
            let gone = table.tasks.remove_entry(self.task.id());
            drop((table, gone));
        }
    }
}

impl Table {
    fn ear(&mut self, task_id: &str, number: u32) -> Option<&mut Ear> {
        self.tasks.get_mut(task_id)?.ears_mut().find(|ear| ear.number == number)
    }

    /// Puts a task at the end of those that the driver asks for first.
    fn ask_soon(&mut self, task_id: &str) {
        if let Some((ById(named), _)) = self.tasks.get_key_value(task_id) {
            let named = named.clone();
            if let Some(watched) = self.tasks.get_mut(task_id).filter(|watched| watched.asked != Asked::UnderWay) {
                watched.asked = Asked::Queued;
                self.urgent.push_back(named);
            }
        }
    }
}

impl Shown {
    fn of(status: Option<&TaskStatus>) -> Self {
        match status {
            Some(TaskStatus::Waiting | TaskStatus::Wait) => Self::Waiting,
            Some(TaskStatus::Processing | TaskStatus::Run) => Self::Processing,
            _ => Self::Other,
        }
    }

    /// The same in the words of a wait.
    pub(crate) fn progress(self) -> Option<Progress> {
        match self {
            Self::Waiting => Some(Progress::Waiting),
            Self::Processing => Some(Progress::Processing(None)),
            Self::Other => None,
        }
    }
}

impl Second {
    const NEVER: Self = Self(u32::MAX);

    /// The one that the time lies in.
    fn of(time: SystemTime) -> Self {
        Self::since_1970(seconds(time))
    }

    /// The first that is not before the time.
    fn by(time: SystemTime) -> Self {
        Self::of(later(time, Duration::from_nanos(999_999_999)))
    }

    fn since_1970(seconds: u64) -> Self {
        Self(u32::try_from(seconds).unwrap_or(u32::MAX - 1))
    }
}

/// So much later; no time is later than 30 years from now, which is never.
fn later(time: SystemTime, by: Duration) -> SystemTime {
    const LONG: Duration = Duration::from_secs(30 * 365 * 24 * 3600);
    time + by.min(LONG)
}

impl Borrow<str> for ById {
    fn borrow(&self) -> &str {
        &self.0.handle.task_id
    }
}

impl Hash for ById {
    fn hash<H: Hasher>(&self, state: &mut H) {
        <Self as Borrow<str>>::borrow(self).hash(state);
    }
}

impl PartialEq for ById {
    fn eq(&self, other: &Self) -> bool {
        self.0.handle.task_id == other.0.handle.task_id
    }
}

impl Eq for ById {}

#[cfg(test)]
mod tests {
    use std::future::poll_fn;

    use futures_util::FutureExt as _;
    use vod_aigc_core::AigcVideoTask;
    use vod_aigc_transport::signer::Credential;
    use vod_aigc_transport::testing::ManualClock;

    use super::*;
    use crate::Client;

    const LONG: Duration = Duration::from_secs(3_600);

    fn client() -> Client {
        Client::builder(Credential::new("AKID", "key").expect("it is one"), 1).build()
    }

    fn begin(client: &Client, task_id: &str) -> Place<AigcVideoTask> {
        Waits::begin(client.task(task_id))
    }

    /// Whether there is something for the wait to do.
    fn has_turn(place: &Place<AigcVideoTask>) -> bool {
        let mut pause = place.pause(LONG, LONG);
        poll_fn(|context| place.poll_turn(&mut pause, context)).now_or_never().is_some()
    }

    #[tokio::test]
    async fn a_wait_that_is_dropped_leaves_nothing_behind() {
        let client = client();
        let waits = client.waits();
        let places: Vec<_> = (0..3).map(|_| begin(&client, "t")).collect();
        for order in [[0, 1, 2], [2, 1, 0], [1, 0, 2]] {
            let mut left: Vec<_> = (0..3).map(|_| Some(begin(&client, "t"))).collect();
            for (gone, place) in order.into_iter().enumerate() {
                left[place] = None;
                assert_eq!(waits.table().tasks["t"].ears().count(), 3 + 2 - gone);
            }
        }
        let [one, other] = [begin(&client, "u"), begin(&client, "u")];
        drop(one);
        assert!(waits.wake("u"));
        assert!(has_turn(&other));
        drop((other, places));
        assert!(!waits.wake("u"));
        assert!(waits.table().tasks.is_empty() && waits.table().ended.is_empty());
    }

    #[tokio::test]
    async fn an_event_between_two_polls_is_not_missed_and_wakes_every_wait_once() {
        let client = client();
        let places = [begin(&client, "t"), begin(&client, "t")];
        let stranger = begin(&client, "u");
        client.waits().wake("t");
        for place in &places {
            assert!(has_turn(place));
            assert!(!has_turn(place));
        }
        assert!(!has_turn(&stranger));
    }

    #[test]
    fn the_last_tasks_that_ended_are_known_and_no_more_than_that() {
        let client = client();
        let waits = client.waits();
        for number in 0..=Waits::REMEMBERED {
            begin(&client, &number.to_string()).task_ended();
        }
        assert!(!waits.wake("0") && waits.wake("1") && waits.wake("1000"));
        assert_eq!(waits.table().ended.len(), Waits::REMEMBERED);
    }

    #[test]
    fn a_source_waits_until_somebody_else_does() {
        let client = client();
        let waits = client.waits();
        assert!(waits.any().now_or_never().is_none());
        let place = begin(&client, "t");
        assert!(waits.any().now_or_never().is_some());
        drop(place);
        assert!(waits.any().now_or_never().is_none());
    }

    #[test]
    fn a_wait_is_small() {
        let task = client().task("t");
        let entry = size_of::<ById>() + size_of::<Watched>();
        let future = size_of_val(&task.wait());
        // The table has a third more places than entries at 100,000, and the allocator rounds up.
        assert!(entry * 131_072 / 100_000 + future <= 264, "{entry} and {future} bytes");
    }

    #[test]
    fn no_time_is_too_long_and_none_is_cut_short() {
        let clock = ManualClock::new(SystemTime::UNIX_EPOCH + Duration::from_millis(1_500));
        let now = vod_aigc_transport::Clock::now(&clock);
        assert_eq!((Second::of(now), Second::by(now)), (Second(1), Second(2)));
        assert!(Second::by(later(now, Duration::MAX)) < Second::NEVER);
        assert!(Second::since_1970(u64::MAX) < Second::NEVER);
    }
}
