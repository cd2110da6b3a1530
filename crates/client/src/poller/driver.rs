//! The task that polls.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use futures_util::StreamExt as _;
use futures_util::stream::FuturesUnordered;
use tokio::sync::{mpsc, watch};
use tokio::task::yield_now;
use tracing::debug;
use vod_aigc_core::{
    DescribeTaskDetailRequest, DescribeTaskDetailResponse, DescribeTasksResponse, Progress, TaskSimpleInfo,
};
use vod_aigc_transport::{BoxFuture, Error, Transport};

use super::sweep::{self, Next, Sweep};
use super::{Command, Interest, Stage, State, Update};
use crate::policy::WaitPolicy;

/// So many tasks are polled one by one. Half as many end the reading of the list, so that it does not come and go.
const FEW: usize = 8;
/// How many tasks are polled at a time.
const IN_FLIGHT: usize = 16;
/// The longest time between polls that fail.
const LONGEST_BACKOFF: Duration = Duration::from_secs(30);
/// Among many tasks, one that the list does not show is polled so often.
const UNLISTED_EVERY: Duration = Duration::from_secs(30);
/// The list may leave out what is so young.
const LIST_LAG: Duration = Duration::from_secs(60);
/// What the list has shown holds for so long at least, and for two sweeps where they are longer.
const LISTED_FOR: Duration = Duration::from_secs(30);
/// A task that the list shows as going on is polled all the same after about so long, because the list may be wrong: more
/// seldom among very many, so that it is about one poll a second.
const CHECK_AGAIN: Duration = Duration::from_secs(300);
/// Clocks differ: where only this machine knows a task's age, the list is read back so much further.
const MARGIN: Duration = Duration::from_secs(600);

/// Polls until no caller can subscribe any more.
pub(super) async fn run(transport: Transport, sub_app_id: u64, commands: mpsc::UnboundedReceiver<Command>) {
    let list = List::new(transport.clock().now());
    let driver = Driver {
        transport,
        sub_app_id,
        commands,
        tasks: HashMap::new(),
        schedule: BTreeSet::new(),
        in_flight: FuturesUnordered::new(),
        polls: 0,
        list,
    };
    driver.run().await;
}

struct Driver {
    transport: Transport,
    sub_app_id: u64,
    commands: mpsc::UnboundedReceiver<Command>,
    tasks: HashMap<Arc<str>, Polled>,
    /// When to do something about which task; those in flight are not in it.
    schedule: BTreeSet<(SystemTime, Arc<str>)>,
    in_flight: FuturesUnordered<BoxFuture<'static, Reply>>,
    /// How many of them are polls.
    polls: usize,
    list: List,
}

/// A task that callers wait for.
struct Polled {
    sub_app_id: u64,
    stage: fn(&DescribeTaskDetailResponse) -> Stage,
    waits: Vec<(Interest, watch::Sender<Option<State>>)>,
    /// When its first wait began.
    since: SystemTime,
    created: Option<SystemTime>,
    /// Its time in the schedule.
    due: Option<SystemTime>,
    is_in_flight: bool,
    /// When the last poll was sent.
    polled: Option<SystemTime>,
    /// Something has happened to it.
    is_urgent: bool,
    queued_since: Option<SystemTime>,
    /// How many polls in a row have failed, and since when.
    failing: Option<(u32, SystemTime)>,
    listed: Option<Listed>,
    /// As long as the list can be relied on, it is left to the list until then.
    left_to_list_until: SystemTime,
    /// It is polled then although the list shows that it runs.
    checked_again_at: SystemTime,
}

/// What the list has shown of a task.
struct Listed {
    at: SystemTime,
    /// None where the task may have ended.
    progress: Option<Progress>,
}

/// What is known of the list itself.
struct List {
    /// Whether it is read.
    is_read: bool,
    /// Whether the last sweep showed the tasks that it should have.
    is_reliable: bool,
    /// How long a row holds.
    holds_for: Duration,
    sweep: Option<Sweep>,
    /// When to read the next page; none while one is in flight.
    next: Option<SystemTime>,
    /// How many sweeps in a row did not show the tasks that they should have.
    unreliable_sweeps: u32,
}

impl List {
    fn new(now: SystemTime) -> Self {
        Self {
            is_read: false,
            is_reliable: true,
            holds_for: LISTED_FOR,
            sweep: None,
            next: Some(now),
            unreliable_sweeps: 0,
        }
    }
}

enum Reply {
    Poll { task_id: Arc<str>, sent: SystemTime, reply: Result<Arc<DescribeTaskDetailResponse>, Error> },
    Page(Result<DescribeTasksResponse, Error>),
}

impl Driver {
    async fn run(mut self) {
        loop {
            self.send_due();
            let (clock, next) = (self.transport.clock().clone(), self.next());
            // The sleep begins when it is polled, because it may move the clock of a test.
            let sleep = async {
                match next {
                    Some(time) => clock.sleep(time.duration_since(clock.now()).unwrap_or_default()).await,
                    None => std::future::pending().await,
                }
            };
            tokio::select! {
                biased;
                command = self.commands.recv() => match command {
                    Some(command) => self.handle(command),
                    None => return,
                },
                Some(reply) = self.in_flight.next() => match reply {
                    Reply::Poll { task_id, sent, reply } => self.answered(&task_id, sent, reply),
                    Reply::Page(page) => self.listed(&page),
                },
                () = sleep => {}
            }
            // A clock that a test moves may let no other task work.
            yield_now().await;
        }
    }

    /// When there is something to do next.
    fn next(&self) -> Option<SystemTime> {
        let poll = self.schedule.first().filter(|_| self.polls < IN_FLIGHT).map(|(due, _)| *due);
        let page = self.list.next.filter(|_| self.list.is_read);
        poll.into_iter().chain(page).min()
    }

    fn handle(&mut self, command: Command) {
        let now = self.now();
        match command {
            Command::Subscribe(interest, sender) => {
                let task_id = interest.task_id.clone();
                let checked_again_at = self.next_check(now);
                let holds_for = self.list.holds_for;
                let task =
                    self.tasks.entry(task_id.clone()).or_insert_with(|| Polled::new(&interest, now, checked_again_at));
                if task.waits.is_empty() {
                    task.leave_to_list(now, holds_for);
                }
                task.waits.push((interest, sender));
                self.schedule(&task_id);
                self.choose_how(now);
            }
            Command::Wake(task_id) => {
                if let Some(task) = self.tasks.get_mut(&task_id) {
                    task.is_urgent = true;
                    self.schedule(&task_id);
                }
            }
        }
    }

    /// Sends what is due, as far as there is room.
    fn send_due(&mut self) {
        let now = self.now();
        while self.polls < IN_FLIGHT
            && let Some((due, task_id)) = self.schedule.pop_first()
        {
            if due > now {
                self.schedule.insert((due, task_id));
                break;
            }
            let Some(task) = self.tasks.get_mut(&task_id) else { continue };
            task.due = None;
            task.waits.retain(|(_, sender)| !sender.is_closed());
            if task.waits.is_empty() {
                self.remove(&task_id);
            } else if let Some(progress) =
                task.running_by_list(&self.list, now).filter(|_| task.poll_due(&self.list) > now)
            {
                // A wait is over, and the list has just shown the task.
                task.tell(&Update::Listed(progress), now);
                self.schedule(&task_id);
            } else {
                (task.is_in_flight, task.polled, task.is_urgent) = (true, Some(now), false);
                let mut action = DescribeTaskDetailRequest::new(&*task_id);
                action.sub_app_id = Some(task.sub_app_id);
                let transport = self.transport.clone();
                self.polls += 1;
                self.in_flight.push(Box::pin(async move {
                    let reply = transport.call(action).await.map(|reply| Arc::new(reply.value));
                    Reply::Poll { task_id, sent: now, reply }
                }));
            }
        }
        if self.list.is_read && self.list.next.is_some_and(|next| next <= now) {
            self.read_page(now);
        }
    }

    fn answered(
        &mut self,
        task_id: &Arc<str>,
        sent: SystemTime,
        reply: Result<Arc<DescribeTaskDetailResponse>, Error>,
    ) {
        self.polls -= 1;
        let now = self.now();
        let checked_again_at = self.next_check(now);
        let Some(task) = self.tasks.get_mut(task_id) else { return };
        (task.is_in_flight, task.checked_again_at) = (false, checked_again_at);
        let (update, has_ended) = match reply {
            Ok(reply) => {
                let status = reply.status.as_ref().map(|status| status.as_str());
                debug!(task_id = %task_id, status, "poll");
                let created = || humantime::parse_rfc3339(reply.create_time.as_deref()?).ok();
                if task.created.is_none() {
                    task.created = created();
                    task.leave_to_list(now, self.list.holds_for);
                }
                task.failing = None;
                let stage = (task.stage)(&reply);
                task.queued_since = (stage == Stage::Queued).then(|| task.queued_since.unwrap_or(sent));
                (Update::Answer(reply), stage == Stage::Ended)
            }
            Err(error) => {
                debug!(task_id = %task_id, %error, "poll failed");
                let (polls, since) = task.failing.unwrap_or((0, now));
                task.failing = Some((polls + 1, since));
                let lasting = now.duration_since(since).unwrap_or_default();
                (Update::Failed { error, polls: polls + 1, lasting }, false)
            }
        };
        task.tell(&update, sent);
        if has_ended {
            self.remove(task_id);
        } else {
            self.schedule(task_id);
        }
    }

    fn read_page(&mut self, now: SystemTime) {
        if self.list.sweep.is_none() {
            let oldest = self.tasks.values().filter_map(Polled::list_from).min();
            self.list.sweep = oldest.map(|oldest| Sweep::new(now, oldest, self.tasks.len()));
        }
        let Some(sweep) = &self.list.sweep else {
            // No task's age is known yet.
            self.list.next = Some(now + sweep::INTERVAL);
            return;
        };
        let (transport, request) = (self.transport.clone(), sweep.request(self.sub_app_id));
        self.list.next = None;
        self.in_flight
            .push(Box::pin(async move { Reply::Page(transport.call(request).await.map(|reply| reply.value)) }));
    }

    fn listed(&mut self, page: &Result<DescribeTasksResponse, Error>) {
        let now = self.now();
        // Where few tasks are left, the list is not read any more.
        let Some(mut sweep) = self.list.sweep.take() else { return };
        let lasting = now.duration_since(sweep.began).unwrap_or_default();
        self.list.holds_for = self.list.holds_for.max(2 * lasting);
        for row in page.iter().filter_map(|page| page.task_set.as_deref()).flatten() {
            self.row(row, now);
        }
        self.remove_dropped();
        let reached = match sweep.page(page) {
            Next::Page(time) => {
                (self.list.next, self.list.sweep) = (Some(time), Some(sweep));
                return;
            }
            Next::Complete { reached } => Some(reached),
            Next::Failed => None,
        };
        let mut expected = self.tasks.values().filter(|task| task.is_expected(sweep.began, reached)).peekable();
        let is_reliable = reached.is_some()
            && (expected.peek().is_none()
                || expected.any(|task| task.listed.as_ref().is_some_and(|listed| listed.at >= sweep.began)));
        self.list.unreliable_sweeps = if is_reliable { 0 } else { self.list.unreliable_sweeps + 1 };
        debug!(tasks = self.tasks.len(), is_reliable, "sweep");
        self.list.next = Some(sweep.began + sweep.length(self.list.unreliable_sweeps));
        if is_reliable {
            self.list.holds_for = LISTED_FOR.max(2 * sweep.length(0));
        }
        if std::mem::replace(&mut self.list.is_reliable, is_reliable) != is_reliable {
            self.schedule_all();
        }
        self.choose_how(now);
    }

    fn row(&mut self, row: &TaskSimpleInfo, now: SystemTime) {
        let Some((task_id, task)) = row.task_id.as_deref().and_then(|id| {
            let (task_id, _) = self.tasks.get_key_value(id)?;
            let task_id = task_id.clone();
            Some((task_id, self.tasks.get_mut(id)?))
        }) else {
            return;
        };
        let progress = sweep::progress(row);
        let before = task.listed.replace(Listed { at: now, progress: progress.clone() });
        if before.is_none() {
            task.created = sweep::created(row).or(task.created);
        }
        if before.is_none_or(|before| before.progress != progress) {
            match &progress {
                Some(progress) => task.tell(&Update::Listed(progress.clone()), UNIX_EPOCH),
                None => task.is_urgent = true,
            }
        }
        if progress.is_some() {
            task.left_to_list_until = now + self.list.holds_for;
        }
        self.schedule(&task_id);
    }

    /// Reads the list where there are many tasks, and leaves it where there are few again.
    fn choose_how(&mut self, now: SystemTime) {
        let many = self.tasks.len() > if self.list.is_read { FEW / 2 } else { FEW };
        if many == self.list.is_read {
            return;
        }
        self.list = List { is_read: many, ..List::new(now) };
        for task in self.tasks.values_mut() {
            task.leave_to_list(now, self.list.holds_for);
        }
        self.schedule_all();
    }

    /// Puts a task into the schedule, or removes it from everything when no caller waits for it any more.
    fn schedule(&mut self, task_id: &Arc<str>) {
        let Some(task) = self.tasks.get_mut(task_id).filter(|task| !task.is_in_flight) else { return };
        if let Some(due) = task.due.take() {
            self.schedule.remove(&(due, task_id.clone()));
        }
        match task.due(&self.list) {
            Some(due) => {
                task.due = Some(due);
                self.schedule.insert((due, task_id.clone()));
            }
            None => self.remove(task_id),
        }
    }

    fn schedule_all(&mut self) {
        let all: Vec<Arc<str>> = self.tasks.keys().cloned().collect();
        all.iter().for_each(|task_id| self.schedule(task_id));
    }

    fn remove(&mut self, task_id: &Arc<str>) {
        if let Some(task) = self.tasks.remove(task_id)
            && let Some(due) = task.due
        {
            self.schedule.remove(&(due, task_id.clone()));
        }
        let now = self.now();
        self.choose_how(now);
    }

    fn remove_dropped(&mut self) {
        let is_dropped = |task: &Polled| task.waits.iter().all(|(_, sender)| sender.is_closed());
        let dropped = self.tasks.iter().filter(|(_, task)| !task.is_in_flight && is_dropped(task));
        let dropped: Vec<Arc<str>> = dropped.map(|(task_id, _)| task_id.clone()).collect();
        dropped.iter().for_each(|task_id| self.remove(task_id));
    }

    /// When a task whose state was reported now is polled although the list shows that it runs.
    fn next_check(&self, now: SystemTime) -> SystemTime {
        let least = CHECK_AGAIN.max(Duration::from_secs(self.tasks.len() as u64));
        now + least.mul_f64(1.0 + 0.5 * self.transport.random().next_u64() as f64 / u64::MAX as f64)
    }

    fn now(&self) -> SystemTime {
        self.transport.clock().now()
    }
}

impl Polled {
    fn new(interest: &Interest, now: SystemTime, checked_again_at: SystemTime) -> Self {
        Self {
            sub_app_id: interest.sub_app_id,
            stage: interest.stage,
            waits: Vec::new(),
            since: now,
            created: interest.created,
            due: None,
            is_in_flight: false,
            polled: None,
            is_urgent: false,
            queued_since: None,
            failing: None,
            listed: None,
            left_to_list_until: UNIX_EPOCH,
            checked_again_at,
        }
    }

    /// Sends the waits the result of a poll that was sent then, and drops those whose time was over by then.
    fn tell(&mut self, update: &Update, sent: SystemTime) {
        self.waits.retain(|(interest, sender)| {
            let is_last = interest.until <= sent;
            sender.send(Some((update.clone(), is_last))).is_ok() && !is_last
        });
    }

    /// When there is something to do; `None` where no caller waits.
    fn due(&self, list: &List) -> Option<SystemTime> {
        let until = self.waits.iter().map(|(interest, _)| interest.until).min()?;
        let until = self.polled.map_or(until, |polled| until.max(polled + WaitPolicy::FLOOR));
        Some(until.min(self.poll_due(list)))
    }

    fn poll_due(&self, list: &List) -> SystemTime {
        if self.is_urgent {
            return UNIX_EPOCH;
        }
        let first = || self.waits.iter().map(|(interest, _)| interest.first).min().unwrap_or(UNIX_EPOCH);
        let after = |least: Duration| self.polled.map_or_else(first, |polled| polled + self.interval().max(least));
        match (list.is_read, list.is_reliable) {
            (false, _) => after(Duration::ZERO),
            (true, false) => after(UNLISTED_EVERY),
            (true, true) => after(UNLISTED_EVERY).max(self.left_to_list_until.min(self.checked_again_at)),
        }
    }

    /// The time between polls.
    fn interval(&self) -> Duration {
        let queued_for = self.polled.zip(self.queued_since).and_then(|(now, since)| now.duration_since(since).ok());
        let of = |interest: &Interest| match queued_for {
            Some(time) if time >= interest.queued_after => interest.queued_every,
            _ => interest.every,
        };
        let usual = self.waits.iter().map(|(interest, _)| of(interest)).min().unwrap_or_default();
        let failed = self.failing.map_or(0, |(polls, _)| polls - 1);
        usual.saturating_mul(2_u32.saturating_pow(failed)).min(LONGEST_BACKOFF.max(usual))
    }

    /// Leaves the task to the list for as long as it may take to show it.
    fn leave_to_list(&mut self, now: SystemTime, holds_for: Duration) {
        if let Some(created) = self.created {
            self.left_to_list_until = now.max(created + LIST_LAG) + holds_for;
        }
    }

    /// The progress of a task that runs according to the list, while that is recent.
    fn running_by_list(&self, list: &List, now: SystemTime) -> Option<Progress> {
        let listed = self.listed.as_ref().filter(|listed| list.is_read && listed.at + list.holds_for >= now)?;
        listed.progress.clone()
    }

    /// Since when the list is read to find the task.
    fn list_from(&self) -> Option<SystemTime> {
        let created = self.created?;
        if self.listed.is_some() { Some(created) } else { created.checked_sub(MARGIN) }
    }

    /// Whether a sweep that began then and reached back so far would have shown the task.
    fn is_expected(&self, began: SystemTime, reached: Option<SystemTime>) -> bool {
        let (Some(created), Some(reached)) = (self.created, reached) else { return false };
        created >= reached && created + LIST_LAG <= began && (self.listed.is_some() || self.since <= began)
    }
}
