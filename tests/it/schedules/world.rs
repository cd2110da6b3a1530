//! One schedule: the emulator in process, a store that dies with its process, and lives that follow each other.

use std::future::Future;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll, Waker};
use std::time::{Duration, SystemTime};

use vod_aigc_client::store::{Cursor, Page, StoreFailure, StoreFuture};
use vod_aigc_client::{
    Client, Job, JobFilter, JobRecord, JobState, JobStore, MemoryStore, StoreError, SubmitError, Task,
};
use vod_aigc_core::{Kling, VideoRequest, video};
use vod_aigc_emulator::{Behaviour, Clock as EmulatorClock, Emulator, Exchange, Fault, FaultRule, InProcess, Received};
use vod_aigc_transport::testing::SeededRandom;
use vod_aigc_transport::{
    BoxFuture, Clock, Http, Random as _, RawReply, SendError, SendErrorKind, Sent, SignedRequest,
};

use crate::support::{StoreExt as _, headers};

const SUB_APP_ID: u64 = 1_500_000_001;
const KEY: &str = "job-1";
/// After so many lives a job that has no end is left as it is.
const MOST_LIVES: u64 = 7;

/// How a schedule ended.
pub(super) struct End {
    pub(super) lives: u64,
    pub(super) steps_of_first_life: u64,
    /// What the last store says.
    pub(super) state: Option<JobState>,
    /// How many SessionIds the job has given up.
    pub(super) attempt: u8,
    /// The tasks that the service would bill.
    pub(super) ledger: Vec<String>,
    pub(super) billed: usize,
}

/// In a fault, the id of a task that another caller's request has started.
pub(super) const OTHERS_TASK: &str = "others";
/// What the tasks of other callers carry.
const OTHERS_CONTEXT: &str = "others";

pub(super) struct World {
    emulator: InProcess,
    crash: Option<u64>,
    seed: u64,
    /// How many processes there have been: no two throw the same dice.
    processes: AtomicU64,
    /// How far the clock of the client's machine is ahead of the service's in the first life and in later ones, in seconds.
    ahead: [i64; 2],
    /// The step of the first life at which the machine is suspended, and for how long.
    suspension: Option<(u64, Duration)>,
    /// How long after the first life the second begins; a minute or two, unless it is set.
    pause: Option<Duration>,
    /// Whether another caller starts a task between two lives.
    others: bool,
}

impl World {
    pub(super) fn new(behaviour: Behaviour, rules: &[FaultRule], crash: Option<u64>, seed: u64) -> Self {
        let start = SystemTime::UNIX_EPOCH + Duration::from_secs(1_795_435_200);
        let builder = Emulator::builder().clock(EmulatorClock::manual(start)).behaviour(behaviour).seed(seed);
        let world = Self {
            emulator: builder.in_process(),
            crash,
            seed,
            processes: AtomicU64::new(0),
            ahead: [0, 0],
            suspension: None,
            pause: None,
            others: false,
        };
        let needs_others = |rule: &FaultRule| matches!(&rule.fault, Fault::OtherTaskId(id) if id == OTHERS_TASK);
        let others = rules.iter().any(needs_others).then(|| world.start_others_task());
        for mut rule in rules.iter().cloned() {
            if let (true, Some(task_id)) = (needs_others(&rule), &others) {
                rule.fault = Fault::OtherTaskId(task_id.clone());
            }
            world.emulator.inject(rule);
        }
        world
    }

    /// The same with a clock of the client that is so many seconds ahead in the first life, and in later ones.
    pub(super) fn with_clocks_ahead(self, ahead: [i64; 2]) -> Self {
        Self { ahead, ..self }
    }

    /// The same with a machine that is suspended at a step of the first life.
    pub(super) fn with_suspension(self, step: u64, length: Duration) -> Self {
        Self { suspension: Some((step, length)), ..self }
    }

    /// The same with so much time between the first life and the second.
    pub(super) fn with_pause(self, pause: Duration) -> Self {
        Self { pause: Some(pause), ..self }
    }

    /// The same with another caller that starts a task between two lives.
    pub(super) fn with_others(self) -> Self {
        Self { others: true, ..self }
    }

    /// Starts a task of another caller, and returns its id.
    fn start_others_task(&self) -> String {
        let life = Life::new(None, None);
        let request = VideoRequest::builder(Kling::V2_1).prompt("a bear").session_context(OTHERS_CONTEXT).build();
        let client = self.client(&life, &Arc::default(), 0);
        let submitted = life.live(client.submit(request.expect("the table allows it")));
        submitted.and_then(Result::ok).map(|task| task.id().to_owned()).unwrap_or_default()
    }

    /// One host. The first life dies at the step of the schedule, where its store may be lost with it; later ones live
    /// on.
    pub(super) fn play(self, shared: bool, store_is_lost: bool) -> End {
        let mut store = Arc::new(MemoryStore::new());
        let mut steps_of_first_life = 0;
        let mut lives = 0;
        while lives < MOST_LIVES {
            let is_first = lives == 0;
            let suspension = self.suspension.filter(|_| is_first);
            let suspension = suspension.map(|(step, length)| (step, length, self.emulator.clone()));
            let life = Life::new(self.crash.filter(|_| is_first), suspension);
            let ended = life.live(self.submit(&life, &store, shared, self.ahead[usize::from(!is_first)]));
            lives += 1;
            if lives == 1 {
                steps_of_first_life = life.steps.load(Ordering::Relaxed);
            }
            // The wait for a task that is not confirmed finds out whose it is, and the person comes back.
            if matches!(ended, Some(Ok(_))) && is_confirmed(&store) {
                break;
            }
            if store_is_lost && lives == 1 {
                store = Arc::new(MemoryStore::new());
            }
            // It is run again after a while, and after longer each time. Where everything is lost, it is run the next day.
            let pause = if store_is_lost && lives == 1 { 20 * 3600 } else { 60 << lives };
            let pause = self.pause.filter(|_| lives == 1).unwrap_or(Duration::from_secs(pause));
            self.emulator.advance(pause);
            if self.others {
                self.start_others_task();
            }
        }
        self.end(lives, steps_of_first_life, &store)
    }

    /// Two hosts with a store each and the same key, at the same time.
    pub(super) fn play_on_two_hosts(self) -> End {
        let stores = [Arc::<MemoryStore>::default(), Arc::default()];
        let random = SeededRandom::new(self.seed);
        let mut lives = 0;
        let mut ids = Vec::new();
        while lives < MOST_LIVES {
            let life = Life::new(None, None);
            let submit = |store| self.submit(&life, store, true, 0);
            let (one, other) = life.race(submit(&stores[0]), submit(&stores[1]), &random);
            lives += 1;
            let confirmed = [one, other].into_iter().zip(&stores).filter(|(_, store)| is_confirmed(store));
            ids = confirmed.filter_map(|(ended, _)| Some(ended.ok()?.id().to_owned())).collect();
            if ids.len() == 2 {
                break;
            }
            self.emulator.advance(Duration::from_secs(60 << lives.min(12)));
        }
        ids.dedup();
        let mut end = self.end(lives, 0, &stores[0]);
        // Two ids would be two bills.
        end.billed = end.billed.max(ids.len());
        if end.state.as_ref().is_none_or(|state| state.task_id().is_none()) {
            end.state = state_of(&stores[1]).filter(|state| state.task_id().is_some()).or(end.state);
        }
        end
    }

    /// What a person does: resume what the store holds, else submit.
    async fn submit(
        &self,
        life: &Life,
        store: &Arc<MemoryStore>,
        shared: bool,
        ahead: i64,
    ) -> Result<Task, SubmitError> {
        let client = self.client(life, store, ahead);
        let unfinished = store.jobs().pop();
        match unfinished {
            Some(job) if !shared => client.resume_job(job).await,
            _ => {
                let job = Job::new(request());
                client.submit(if shared { job.key(KEY) } else { job }).await
            }
        }
    }

    fn client(&self, life: &Life, store: &Arc<MemoryStore>, ahead: i64) -> Client {
        let process = self.processes.fetch_add(1, Ordering::Relaxed);
        let wire = Arc::new(Wire { emulator: self.emulator.clone(), life: life.clone(), ahead });
        Client::builder(self.emulator.credential().clone(), SUB_APP_ID)
            .endpoint(self.emulator.endpoint().parse().expect("it is a loopback address"))
            .clock(wire.clone())
            .random(Arc::new(SeededRandom::new(self.seed ^ (process << 32))))
            .store(Arc::new(DyingStore { store: store.clone(), life: life.clone() }))
            .transport(|transport| transport.http(wire))
            .build()
    }

    fn end(self, lives: u64, steps_of_first_life: u64, store: &Arc<MemoryStore>) -> End {
        // What was accepted late is on the bill too.
        self.emulator.advance(Duration::from_secs(600));
        let ledger = self.emulator.ledger().into_iter();
        let own = ledger.filter(|entry| entry.session_context.as_deref() != Some(OTHERS_CONTEXT));
        let ledger: Vec<_> = own.map(|entry| entry.task_id).collect();
        let job = store.jobs().pop();
        let attempt = job.as_ref().map_or(0, |job| job.attempt);
        End { lives, steps_of_first_life, state: state_of(store), attempt, billed: ledger.len(), ledger }
    }
}

fn request() -> VideoRequest {
    video!(Kling::V2_1, prompt = "a panda in a bamboo forest")
}

/// The life of one process: it counts its steps, and does not go on from the one at which it dies.
#[derive(Clone, Debug)]
struct Life {
    steps: Arc<AtomicU64>,
    dies_at: Option<u64>,
    /// The step before which its machine is suspended, for how long, and whose time passes meanwhile.
    suspension: Option<(u64, Duration, InProcess)>,
}

impl Life {
    fn new(dies_at: Option<u64>, suspension: Option<(u64, Duration, InProcess)>) -> Self {
        Self { steps: Arc::default(), dies_at, suspension }
    }

    /// Whether the process lives on through its next step.
    fn goes_on(&self) -> bool {
        let step = self.steps.fetch_add(1, Ordering::Relaxed);
        if let Some((suspended, length, emulator)) = &self.suspension
            && *suspended == step
        {
            emulator.advance(*length);
        }
        self.dies_at.is_none_or(|last| step < last)
    }

    fn is_over(&self) -> bool {
        self.dies_at.is_some_and(|last| self.steps.load(Ordering::Relaxed) > last)
    }

    async fn step(&self) {
        if !self.goes_on() {
            std::future::pending::<()>().await;
        }
        // Lets another host of the same schedule take its turn.
        let mut yielded = false;
        std::future::poll_fn(|_| match std::mem::replace(&mut yielded, true) {
            false => Poll::Pending,
            true => Poll::Ready(()),
        })
        .await;
    }

    /// Runs a process to its end: `None` where it has died.
    fn live<T>(&self, process: impl Future<Output = T>) -> Option<T> {
        let mut process = pin!(process);
        let mut context = Context::from_waker(Waker::noop());
        loop {
            if let Poll::Ready(ended) = process.as_mut().poll(&mut context) {
                // A process that learnt that its store is gone has died there.
                return (!self.is_over()).then_some(ended);
            }
            if self.is_over() {
                return None;
            }
        }
    }

    /// Runs two processes to their ends, each step of either in an order that the dice give.
    fn race<T>(&self, one: impl Future<Output = T>, other: impl Future<Output = T>, dice: &SeededRandom) -> (T, T) {
        let mut one = pin!(one);
        let mut other = pin!(other);
        let mut context = Context::from_waker(Waker::noop());
        let (mut first, mut second) = (None, None);
        while first.is_none() || second.is_none() {
            if dice.next_u64().is_multiple_of(2) {
                if first.is_none()
                    && let Poll::Ready(ended) = one.as_mut().poll(&mut context)
                {
                    first = Some(ended);
                }
            } else if second.is_none()
                && let Poll::Ready(ended) = other.as_mut().poll(&mut context)
            {
                second = Some(ended);
            }
        }
        (first.expect("both have ended"), second.expect("both have ended"))
    }
}

/// The HTTP stack and the clock of one life.
#[derive(Debug)]
struct Wire {
    emulator: InProcess,
    life: Life,
    ahead: i64,
}

impl Clock for Wire {
    fn now(&self) -> SystemTime {
        let (now, distance) = (self.emulator.clock().now(), Duration::from_secs(self.ahead.unsigned_abs()));
        if self.ahead < 0 { now - distance } else { now + distance }
    }

    fn sleep(&self, duration: Duration) -> BoxFuture<'_, ()> {
        Box::pin(async move {
            self.life.step().await;
            self.emulator.advance(duration);
        })
    }
}

impl Http for Wire {
    fn send(&self, request: SignedRequest, timeout: Duration) -> BoxFuture<'_, Result<RawReply, SendError>> {
        Box::pin(async move {
            self.life.step().await;
            let sent: Vec<_> = request.headers().map(|(name, value)| (name, value.as_bytes())).collect();
            let exchange = self.emulator.exchange(&Received {
                method: request.method(),
                path: "/",
                query: "",
                headers: &sent,
                body: request.body(),
            });
            self.life.step().await;
            let lost = |kind, sent, reason: &str| Err(SendError::new(kind, sent, reason));
            match exchange {
                Exchange::Reply(reply) | Exchange::Slow(reply, _) if reply.body.len() > 10 << 20 => {
                    lost(SendErrorKind::TooLarge, Sent::Yes, "the reply is too long")
                }
                Exchange::Reply(reply) | Exchange::Slow(reply, _) => {
                    Ok(RawReply { status: reply.status, headers: headers(&reply.headers), body: reply.body })
                }
                Exchange::Truncated(_) => lost(SendErrorKind::Interrupted, Sent::Yes, "the body was cut off"),
                Exchange::NotConnected => lost(SendErrorKind::Connect, Sent::No, "connection refused"),
                Exchange::Hang => {
                    self.emulator.advance(timeout);
                    lost(SendErrorKind::Timeout, Sent::Maybe, "no reply")
                }
                _ => lost(SendErrorKind::Interrupted, Sent::Maybe, "connection reset"),
            }
        })
    }
}

/// Whether the job of a store, if it has one, has a task that was confirmed to be its own.
fn is_confirmed(store: &MemoryStore) -> bool {
    store.jobs().iter().all(|job| job.claimed_task.is_none())
}

/// How far the job of a store is. A task that could not be confirmed does not count.
fn state_of(store: &MemoryStore) -> Option<JobState> {
    let job = store.jobs().into_iter().next()?;
    let reason = "the task that the service named could not be confirmed".to_owned();
    Some(if job.claimed_task.is_some() { JobState::Unresolved { reason } } else { job.state })
}

/// A store whose process may die before a write is on the disk, or right after.
#[derive(Debug)]
struct DyingStore {
    store: Arc<MemoryStore>,
    life: Life,
}

impl DyingStore {
    fn survive<'a, T>(&'a self, work: StoreFuture<'a, T>) -> StoreFuture<'a, T>
    where
        T: Send + 'a,
    {
        let died = || StoreError::Other(StoreFailure::new("a test").with_detail("the process has died"));
        Box::pin(async move {
            if !self.life.goes_on() {
                return Err(died());
            }
            let done = work.await?;
            if self.life.goes_on() { Ok(done) } else { Err(died()) }
        })
    }
}

impl JobStore for DyingStore {
    fn plan<'a>(&'a self, job: &'a JobRecord, now: u64) -> StoreFuture<'a, JobRecord> {
        self.survive(self.store.plan(job, now))
    }

    fn save<'a>(&'a self, job: &'a JobRecord, now: u64) -> StoreFuture<'a, JobRecord> {
        self.survive(self.store.save(job, now))
    }

    fn load<'a>(&'a self, key: &'a str) -> StoreFuture<'a, Option<JobRecord>> {
        self.survive(self.store.load(key))
    }

    fn find_by_task<'a>(&'a self, task_id: &'a str) -> StoreFuture<'a, Option<JobRecord>> {
        self.survive(self.store.find_by_task(task_id))
    }

    fn page<'a>(&'a self, filter: &'a JobFilter, after: Option<Cursor>, limit: usize) -> StoreFuture<'a, Page> {
        self.survive(self.store.page(filter, after, limit))
    }

    fn prune(&self, ended_before: u64) -> StoreFuture<'_, u64> {
        self.survive(self.store.prune(ended_before))
    }
}
