//! The driver of many waits: it sweeps the list of tasks, and asks only for those that have changed or that the list leaves out.

use std::pin::pin;
use std::sync::Arc;
use std::task::Waker;
use std::time::{Duration, SystemTime};

use futures_util::StreamExt as _;
use futures_util::future::select;
use futures_util::stream::unfold;
use tokio::runtime::Handle;
use tokio::task::yield_now;
use vod_aigc_core::{DescribeTaskDetailResponse, DescribeTasksRequest, SortBy, SortOrder, TaskSimpleInfo, TimeRange};
use vod_aigc_transport::Error;

use super::{Asked, ById, List, Second, Shown, Sight, Sweep, Table, Turn, Waits, Watched, wake};
use crate::client::iso;
use crate::task::Named;
use crate::{Client, TaskHandle};

/// From the beginning of a sweep to that of the next, where its pages do not take longer.
const INTERVAL: Duration = Duration::from_secs(5);
/// The time for each page, which keeps sweeps to less than seven requests a second.
const PAGE_TIME: Duration = Duration::from_millis(150);
/// How many tasks a page holds.
const PAGE: u64 = 100;
/// Clocks differ: where only this machine knows a task's age, it is looked for among what is so many seconds older.
const MARGIN: u32 = 600;
/// A list that shows nothing is tried again after ever longer times, up to this.
const LONGEST: Duration = Duration::from_secs(300);
/// The list may leave out what is so many seconds young.
const LIST_LAG: u32 = 60;
/// What a sweep has shown counts as an answer for so many seconds at least, and for two sweeps where they are longer.
const GOOD_FOR: u32 = 30;
/// What every sweep shows is asked for as well after so many seconds, one task in each round: the list may be wrong.
const DOUBT: u32 = 300;
/// From one look at what is due to the next.
const ROUND: Duration = Duration::from_secs(1);
/// How many tasks are asked for at a time.
const IN_FLIGHT: usize = 16;

/// Starts the driver in a runtime. It ends when no more than half a handful is left to wait for, or with the runtime.
pub(super) fn spawn(client: Client, runtime: &Handle) {
    let turning = Turning(client);
    runtime.spawn(async move {
        let client = &turning.0;
        client.waits().rouse();
        let (rounds, sweeps, asking) = (pin!(rounds(client)), pin!(sweeps(client)), pin!(ask(client)));
        select(rounds, select(sweeps, asking)).await;
    });
}

/// The driver from its start to its end, whatever ends it.
struct Turning(Client);

impl Drop for Turning {
    fn drop(&mut self) {
        self.0.waits().release();
    }
}

async fn rounds(client: &Client) {
    let clock = client.transport().clock();
    while client.waits().look(clock.now()) {
        clock.sleep(ROUND).await;
        // A clock that a test moves may let nobody else work.
        yield_now().await;
    }
}

async fn ask(client: &Client) {
    let due = unfold((), |()| async { Some((client.waits().next_due().await, ())) });
    due.for_each_concurrent(IN_FLIGHT, |task| async move {
        let handle = TaskHandle::new(&task.handle.task_id, client.sub_app_id());
        let answer = client.describe(&handle).await.map(|reply| Arc::new(reply.value));
        client.waits().tell(&handle.task_id, answer, client.transport().clock().now());
    })
    .await;
}

async fn sweeps(client: &Client) {
    let clock = client.transport().clock();
    let mut silent = 0;
    loop {
        let began = clock.now();
        let length = match sweep(client, began).await {
            Some((pages, reached)) => {
                let length = INTERVAL.max(PAGE_TIME * pages);
                silent = if client.waits().swept(began, length, reached) { 0 } else { silent + 1 };
                length.max(LONGEST.min(length * 2_u32.saturating_pow(silent)))
            }
            None => INTERVAL,
        };
        clock.sleep((began + length).duration_since(clock.now()).unwrap_or_default()).await;
        yield_now().await;
    }
}

/// Reads the list back to the oldest task that is waited for. Gives how many pages it read and, where it has not failed, how
/// far back they reach; nothing where no task's age is known.
async fn sweep(client: &Client, began: SystemTime) -> Option<(u32, Option<Second>)> {
    let (waits, clock) = (client.waits(), client.transport().clock());
    let (oldest, tasks) = waits.oldest()?;
    let mut request = DescribeTasksRequest::default();
    let mut window = TimeRange::default();
    window.after = Some(iso(oldest.0.into()));
    request.create_time = Some(window);
    request.sub_app_id = Some(client.sub_app_id());
    request.limit = Some(PAGE);
    request.sort = Some(SortBy::new("CreateTime", SortOrder::Desc));
    let most = most_pages(tasks);
    let mut pages = 0;
    loop {
        pages += 1;
        let Ok(reply) = client.call(request.clone()).await else {
            return Some((pages, None));
        };
        let rows = reply.value.task_set.unwrap_or_default();
        waits.shown(began, clock.now(), &rows);
        let next = reply.value.scroll_token.filter(|token| !token.is_empty());
        if next.is_none() {
            return Some((pages, Some(oldest)));
        }
        // A token that comes again would lead around in a circle.
        if next == request.scroll_token {
            return Some((pages, None));
        }
        if pages == most {
            return Some((pages, rows.last().and_then(created)));
        }
        request.scroll_token = next;
        clock.sleep((began + PAGE_TIME * pages).duration_since(clock.now()).unwrap_or_default()).await;
    }
}

fn created(row: &TaskSimpleInfo) -> Option<Second> {
    humantime::parse_rfc3339(row.create_time.as_deref()?).ok().map(Second::of)
}

/// A list with more pages than this holds too much that nobody here waits for. It is read no further: to ask for each of the
/// tasks that are older would be cheaper, or quicker.
fn most_pages(tasks: usize) -> u32 {
    u32::try_from(tasks.min(400.max(tasks / 50))).unwrap_or(u32::MAX).max(1)
}

/// What the driver does with the table.
impl Waits {
    /// Lets every wait look anew whether there is a driver.
    fn rouse(&self) {
        let wakers = self.table().wakers();
        wake(wakers);
    }

    /// The driver is gone: each wait keeps the time itself again, and asks for what the driver would have asked for next.
    fn release(&self) {
        let mut table = self.table();
        (table.driver, table.list) = (None, List::default());
        (table.urgent, table.routine) = Default::default();
        for watched in table.tasks.values_mut() {
            let asked = std::mem::replace(&mut watched.asked, Asked::No) != Asked::No;
            for ear in watched.ears_mut().filter(|ear| ear.driven) {
                ear.driven = false;
                if asked && ear.turn.is_none() {
                    ear.turn = Some(Turn::Ask);
                }
            }
        }
        let wakers = table.wakers();
        drop(table);
        wake(wakers);
    }

    /// Queues what is due by now, and wakes the waits that are to end. Whether there is enough left to wait for.
    fn look(&self, now: SystemTime) -> bool {
        let now = Second::of(now);
        let mut guard = self.table();
        let Table { tasks, list, routine, .. } = &mut *guard;
        let (mut due, mut wakers) = (Vec::new(), Vec::new());
        let mut doubted: Option<(Second, &Arc<Named>)> = None;
        let mut driven = false;
        for (ById(named), watched) in tasks.iter_mut() {
            driven |= watched.ears().any(|ear| ear.driven);
            let (seen, spared) = (watched.seen(now, list), watched.is_spared(list));
            let asked = watched.asked != Asked::No;
            let listening = watched.ears_mut().filter(|ear| ear.driven && ear.listens());
            let mut first = Second::NEVER;
            for ear in listening {
                match seen {
                    Some(shown) if ear.until <= now => wakers.extend(ear.wake(Turn::Shown(shown))),
                    Some(_) => {}
                    None => first = first.min(if spared { ear.until } else { ear.due }),
                }
            }
            if first <= now && !asked {
                watched.asked = Asked::Queued;
                due.push((first, named.clone()));
            }
            let since = watched.answered;
            if seen.is_some()
                && !asked
                && since.plus(DOUBT) <= now
                && doubted.is_none_or(|(longest, _)| since < longest)
            {
                doubted = Some((since, named));
            }
        }
        let doubted = doubted.map(|(since, named)| (since, named.clone()));
        if let Some(watched) = doubted.as_ref().and_then(|(_, named)| tasks.get_mut(&*named.handle.task_id)) {
            watched.asked = Asked::Queued;
        }
        due.extend(doubted);
        due.sort_by_key(|(due, _)| *due);
        routine.extend(due.into_iter().map(|(_, named)| named));
        let enough = driven && tasks.len() > Self::HANDFUL / 2;
        drop(guard);
        self.due.notify_one();
        wake(wakers);
        enough
    }

    /// The next task to ask for.
    async fn next_due(&self) -> Arc<Named> {
        loop {
            if let Some(task) = self.table().take_due() {
                return task;
            }
            self.due.notified().await;
        }
    }

    /// Gives the answer about a task to its waits.
    fn tell(&self, task_id: &str, answer: Result<Arc<DescribeTaskDetailResponse>, Error>, now: SystemTime) {
        let mut table = self.table();
        let Some(watched) = table.tasks.get_mut(task_id) else {
            return;
        };
        watched.asked = Asked::No;
        watched.answered = Second::of(now);
        if let (None, Ok(reply)) = (watched.created, &answer) {
            let created = reply.create_time.as_deref().and_then(|time| humantime::parse_rfc3339(time).ok());
            watched.created = created.map(Second::of);
        }
        let driven = watched.ears_mut().filter(|ear| ear.driven);
        let wakers = driven.filter_map(|ear| ear.wake(Turn::Told(answer.clone()))).collect();
        drop(table);
        wake(wakers);
    }

    /// Since when the list is to be read, and how many tasks there are; nothing where no task's age is known.
    fn oldest(&self) -> Option<(Second, usize)> {
        let table = self.table();
        let since = |watched: &Watched| match watched.sight {
            Sight::Unseen { .. } => watched.created.map(Second::with_margin),
            Sight::Seen { .. } => watched.created,
        };
        Some((table.tasks.values().filter_map(since).min()?, table.tasks.len()))
    }

    /// Takes in a page of a sweep that began then: a task that has gone on wakes its waits, one that may have ended is asked
    /// for.
    fn shown(&self, began: SystemTime, now: SystemTime, rows: &[TaskSimpleInfo]) {
        let at = Second::of(now);
        let mut table = self.table();
        table.list.good_for = table.list.good_for.max(twice(now.duration_since(began).unwrap_or_default()));
        let mut wakers = Vec::new();
        for row in rows {
            let task_id = row.task_id.as_deref().unwrap_or_default();
            let Some(watched) = table.tasks.get_mut(task_id) else {
                continue;
            };
            let shown = Shown::of(row.status.as_ref());
            match std::mem::replace(&mut watched.sight, Sight::Seen { at, shown }) {
                Sight::Seen { shown: before, .. } if before == shown => continue,
                Sight::Seen { .. } => {}
                Sight::Unseen { .. } => {
                    watched.created = created(row).or(watched.created.map(Second::with_margin));
                }
            }
            if shown == Shown::Other {
                table.ask_soon(task_id);
            } else {
                let listening = watched.ears_mut().filter(|ear| ear.driven && ear.listens());
                wakers.extend(listening.filter_map(|ear| ear.wake(Turn::Shown(shown))));
            }
        }
        drop(table);
        self.due.notify_one();
        wake(wakers);
    }

    /// A sweep has ended that began then and reached so far back, or failed. Whether the list can be relied on.
    fn swept(&self, began: SystemTime, length: Duration, reached: Option<Second>) -> bool {
        let began = Second::of(began);
        let mut table = self.table();
        let seen = |watched: &Watched| matches!(watched.sight, Sight::Seen { at, .. } if at >= began);
        table.list.latest = Sweep::Silent;
        if let Some(reached) = reached {
            let mut expected = table.tasks.values().filter(|watched| watched.is_expected(began, reached)).peekable();
            if expected.peek().is_none() || expected.any(seen) {
                table.list = List { good_for: twice(length), latest: Sweep::Shows { began, reached } };
            }
        }
        table.list.latest != Sweep::Silent
    }
}

fn twice(length: Duration) -> u32 {
    u32::try_from(2 * length.as_secs()).unwrap_or(u32::MAX).max(GOOD_FOR)
}

impl Watched {
    /// What the list shows of a task that goes on, where that is new enough to count as an answer.
    fn seen(&self, now: Second, list: &List) -> Option<Shown> {
        match self.sight {
            Sight::Seen { at, shown } => (shown != Shown::Other && now <= at.plus(list.good_for)).then_some(shown),
            Sight::Unseen { .. } => None,
        }
    }

    /// Whether a sweep that began then and reached so far back would have shown the task.
    fn is_expected(&self, began: Second, reached: Second) -> bool {
        let waited_for = match self.sight {
            Sight::Unseen { since } => since <= began,
            Sight::Seen { .. } => true,
        };
        waited_for && self.created.is_some_and(|created| created >= reached && created.plus(LIST_LAG) <= began)
    }

    /// Whether the list is about to show the task, so that nobody asks for it yet.
    fn is_spared(&self, list: &List) -> bool {
        match (self.sight, self.created, list.latest) {
            (Sight::Seen { .. }, ..) | (_, None, _) | (.., Sweep::Silent) => false,
            (Sight::Unseen { .. }, Some(_), Sweep::None) => true,
            (Sight::Unseen { since }, Some(created), Sweep::Shows { began, reached }) => {
                created >= reached && began < since.max(created.plus(LIST_LAG))
            }
        }
    }
}

impl Second {
    fn plus(self, seconds: u32) -> Self {
        Self(self.0.saturating_add(seconds))
    }

    fn with_margin(self) -> Self {
        Self(self.0.saturating_sub(MARGIN))
    }
}

impl Table {
    fn wakers(&mut self) -> Vec<Waker> {
        self.tasks.values_mut().flat_map(Watched::ears_mut).filter_map(|ear| ear.waker.take()).collect()
    }

    fn take_due(&mut self) -> Option<Arc<Named>> {
        loop {
            let task = self.urgent.pop_front().or_else(|| self.routine.pop_front())?;
            let watched = self.tasks.get_mut(&*task.handle.task_id);
            // It may have been asked for meanwhile, or nobody may wait for it any more.
            if let Some(watched) = watched.filter(|watched| watched.asked == Asked::Queued) {
                watched.asked = Asked::UnderWay;
                return Some(task);
            }
        }
    }
}
