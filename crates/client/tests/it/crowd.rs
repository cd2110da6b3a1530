//! Many waits at once, in tokio's paused time: what they cost, how soon they are notified, and that each of them ends.

use std::collections::HashMap;
use std::pin::Pin;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use futures_util::future::join_all;
use futures_util::{FutureExt as _, StreamExt as _};
use tokio::runtime::Runtime;
use tokio::time::Instant;
use vod_aigc_client::core::{Kling, video};
use vod_aigc_client::events::PullPolicy;
use vod_aigc_client::transport::testing::SeededRandom;
use vod_aigc_client::transport::{
    BoxFuture, Clock, Http, RateLimiter, Rates, RawReply, SendError, SendErrorKind, Sent, SignedRequest,
};
use vod_aigc_client::{Client, Progress, Task, TaskEvent, WaitError, WaitPolicy};
use vod_aigc_emulator::{
    Behaviour, Builder, Emulator, Exchange, Fault, FaultRule, InProcess, Received, RequestEffect, Target, Timing, When,
};

const SUB_APP: u64 = 1_500_044_236;
const NOON: u64 = 1_795_435_200;
const ROUND_TRIP: Duration = Duration::from_millis(50);
const TIMING: Timing = Timing { waiting: seconds(60), processing: seconds(240) };
/// From a submit to the end of the task.
const MAKING: Duration = seconds(300);
/// From the beginning of a sweep to that of the next, where its pages do not take longer.
const SWEEP: Duration = seconds(5);
const HOUR: Duration = seconds(3_600);
/// The longest pause between two polls of one of many tasks that the list does not show.
const BY_POLICY: Duration = seconds(38);

const fn seconds(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

/// The emulator behind tokio's paused clock.
#[derive(Debug)]
struct Service {
    emulator: InProcess,
    began: Instant,
    sent: Mutex<HashMap<String, Vec<SystemTime>>>,
    in_flight: AtomicUsize,
    most_in_flight: AtomicUsize,
}

impl Service {
    fn new(set: impl FnOnce(Builder) -> Builder) -> Arc<Self> {
        let clock = vod_aigc_emulator::Clock::manual(UNIX_EPOCH + seconds(NOON));
        Arc::new(Self {
            emulator: set(Emulator::builder().clock(clock).timing(TIMING)).in_process(),
            began: Instant::now(),
            sent: Mutex::default(),
            in_flight: AtomicUsize::new(0),
            most_in_flight: AtomicUsize::new(0),
        })
    }

    fn behaving(behaviour: Behaviour) -> Arc<Self> {
        Self::new(|builder| builder.behaviour(behaviour))
    }

    fn failing(target: Target, fault: Fault) -> Arc<Self> {
        Self::new(|builder| builder.fault(FaultRule::new(target, When::Every(1), fault)))
    }

    /// A client that submits so many requests a second.
    fn client(self: &Arc<Self>, creates: u32) -> Client {
        let rates = Rates { write: creates, ..Rates::default() };
        let http = self.clone();
        Client::builder(self.emulator.credential().clone(), SUB_APP)
            .endpoint("http://localhost".parse().unwrap())
            .clock(self.clone())
            .random(Arc::new(SeededRandom::new(7)))
            .transport(|transport| transport.http(http).rate_limiter(RateLimiter::new(rates)))
            .build()
    }

    /// Submits so many videos, as fast as the client may, and forgets what that has sent.
    async fn tasks(&self, client: &Client, count: usize) -> Vec<Task> {
        let submit = async |_| client.submit(video!(Kling::V2_1, prompt = "a panda")).await.unwrap();
        let tasks = join_all((0..count).map(submit)).await;
        // A submit describes its task once. From here on only what the waits send is counted.
        self.sent.lock().unwrap().clear();
        self.most_in_flight.store(0, Ordering::Relaxed);
        tasks
    }

    /// How long after its end a task is known to have ended, which is now.
    fn late(&self, task: &Task) -> Duration {
        let submitted = UNIX_EPOCH + seconds(task.handle().submitted_at.unwrap());
        self.now().duration_since(submitted + MAKING).unwrap_or_default()
    }

    /// Waits for all and gives how late each end was reported, in order.
    async fn wait_for_all(&self, tasks: &[Task]) -> Vec<Duration> {
        let mut late = join_all(tasks.iter().map(|task| async move {
            task.wait().await.unwrap();
            self.late(task)
        }))
        .await;
        late.sort();
        late
    }

    /// How often an action has been sent since then.
    fn sent_since(&self, action: &str, since: SystemTime) -> usize {
        let sent = self.sent.lock().unwrap();
        sent.get(action).into_iter().flatten().filter(|time| **time >= since).count()
    }

    fn sent(&self, action: &str) -> usize {
        self.sent_since(action, UNIX_EPOCH)
    }
}

impl Clock for Service {
    fn now(&self) -> SystemTime {
        UNIX_EPOCH + seconds(NOON) + self.began.elapsed()
    }

    fn sleep(&self, duration: Duration) -> BoxFuture<'_, ()> {
        Box::pin(tokio::time::sleep(duration))
    }
}

impl Http for Service {
    fn send(&self, request: SignedRequest, _: Duration) -> BoxFuture<'_, Result<RawReply, SendError>> {
        let action = action(&request).to_owned();
        let flight = Flight::begin(self, action == "DescribeTaskDetail");
        self.sent.lock().unwrap().entry(action).or_default().push(self.now());
        Box::pin(async move {
            tokio::time::sleep(ROUND_TRIP).await;
            drop(flight);
            let (emulator, now) = (&self.emulator, self.now());
            emulator.advance(now.duration_since(emulator.clock().now()).unwrap_or_default());
            exchange(emulator, &request)
        })
    }
}

fn exchange(emulator: &InProcess, request: &SignedRequest) -> Result<RawReply, SendError> {
    let headers: Vec<_> = request.headers().map(|(name, value)| (name, value.as_bytes())).collect();
    let (method, body) = (request.method(), request.body());
    match emulator.exchange(&Received { method, path: "/", query: "", headers: &headers, body }) {
        Exchange::Reply(reply) => Ok(RawReply { status: reply.status, headers: Default::default(), body: reply.body }),
        other => Err(SendError::new(SendErrorKind::Interrupted, Sent::Maybe, format!("{other:?}"))),
    }
}

fn action(request: &SignedRequest) -> &str {
    request.headers().find(|(name, _)| name.eq_ignore_ascii_case("X-TC-Action")).unwrap().1
}

/// A request for one task under way.
struct Flight<'a>(Option<&'a AtomicUsize>);

impl<'a> Flight<'a> {
    fn begin(service: &'a Service, counts: bool) -> Self {
        if counts {
            let now = service.in_flight.fetch_add(1, Ordering::Relaxed) + 1;
            service.most_in_flight.fetch_max(now, Ordering::Relaxed);
        }
        Self(counts.then_some(&service.in_flight))
    }
}

impl Drop for Flight<'_> {
    fn drop(&mut self) {
        if let Some(in_flight) = self.0 {
            in_flight.fetch_sub(1, Ordering::Relaxed);
        }
    }
}

fn percentile(sorted: &[Duration], percent: usize) -> Duration {
    sorted[(sorted.len() * percent / 100).min(sorted.len() - 1)]
}

#[tokio::test(start_paused = true)]
async fn ten_thousand_waits_cost_less_than_ten_requests_a_second_and_nothing_once_they_are_dropped() {
    let service = Service::new(|builder| builder.timing(Timing { waiting: seconds(60), processing: HOUR }));
    let client = service.client(10_000);
    let tasks = service.tasks(&client, 10_000).await;
    let began = service.now();
    let waits = tasks.iter().map(|task| task.wait());
    let window = seconds(200);
    assert!(tokio::time::timeout(window, join_all(waits)).await.is_err());
    let (sweeps, polls) = (service.sent_since("DescribeTasks", began), service.sent_since("DescribeTaskDetail", began));
    assert!((sweeps + polls) as f64 / window.as_secs_f64() < 10.0, "{sweeps} pages of the list and {polls} polls");
    assert!(sweeps >= 100 * 13 / 2, "the list is swept: {sweeps}");

    // What was under way when the last wait was dropped finishes, and no more.
    tokio::time::sleep(seconds(2)).await;
    let dropped = service.now();
    tokio::time::sleep(HOUR).await;
    assert_eq!(service.sent_since("DescribeTasks", dropped) + service.sent_since("DescribeTaskDetail", dropped), 0);
}

#[tokio::test(start_paused = true)]
async fn an_end_is_heard_of_within_one_and_a_half_sweeps() {
    for (count, sweep) in [(500, SWEEP), (5_000, seconds(8))] {
        let service = Service::new(|builder| builder);
        let client = service.client(20);
        let late = service.wait_for_all(&service.tasks(&client, count).await).await;
        let p99 = percentile(&late, 99);
        assert!(p99 <= sweep.mul_f64(1.5), "{count} waits: {p99:?}");
        assert!(service.sent("DescribeTaskDetail") <= count + count / 10, "each is asked for when it has ended");
    }
}

#[tokio::test(start_paused = true)]
async fn up_to_eight_tasks_are_polled_one_by_one_and_never_listed() {
    let service = Service::new(|builder| builder);
    let client = service.client(20);
    let tasks = service.tasks(&client, 8).await;
    let late = service.wait_for_all(&tasks).await;
    assert!(late.iter().all(|late| *late < seconds(5)), "{late:?}");
    assert_eq!(service.sent("DescribeTasks"), 0);
}

#[tokio::test(start_paused = true)]
async fn a_list_that_hides_the_tasks_is_left_alone_and_every_wait_ends_by_its_policy() {
    let service = Service::behaving(Behaviour { list_shows_aigc: false, ..Behaviour::default() });
    let client = service.client(20);
    let late = service.wait_for_all(&service.tasks(&client, 400).await).await;
    assert!(late.last() <= Some(&BY_POLICY), "{late:?}");
    assert!(service.sent("DescribeTasks") < 20, "{}", service.sent("DescribeTasks"));
}

#[tokio::test(start_paused = true)]
async fn a_list_that_lags_is_swept_and_young_tasks_are_not_asked_for_in_the_meantime() {
    let service = Service::behaving(Behaviour { list_lag: seconds(50), ..Behaviour::default() });
    let client = service.client(20);
    let late = service.wait_for_all(&service.tasks(&client, 400).await).await;
    assert!(percentile(&late, 99) <= SWEEP.mul_f64(1.5), "{late:?}");
    assert!(service.sent("DescribeTaskDetail") <= 400 + 40, "{}", service.sent("DescribeTaskDetail"));
}

#[tokio::test(start_paused = true)]
async fn a_list_that_lags_longer_than_a_task_takes_delays_no_end_beyond_the_policy() {
    let service = Service::behaving(Behaviour { list_lag: HOUR, ..Behaviour::default() });
    let client = service.client(20);
    let late = service.wait_for_all(&service.tasks(&client, 100).await).await;
    assert!(late.last() <= Some(&BY_POLICY), "{late:?}");
}

#[tokio::test(start_paused = true)]
async fn a_list_that_fails_or_has_no_end_delays_no_end_beyond_the_policy() {
    let refused = |code: &str| Fault::Error { request: RequestEffect::Discarded, code: code.to_owned() };
    let faults = [
        refused("InternalError"),
        refused("UnauthorizedOperation"),
        refused("RequestLimitExceeded"),
        Fault::Reset { request: RequestEffect::Applied },
        Fault::MissingMembers,
        Fault::WrongTypes,
        Fault::RepeatedScrollToken,
    ];
    for fault in faults {
        let service = Service::failing(Target::DescribeTasks, fault.clone());
        let client = service.client(20);
        let late = service.wait_for_all(&service.tasks(&client, 100).await).await;
        assert!(late.last() <= Some(&BY_POLICY), "{fault:?}: {late:?}");
        assert!(service.sent("DescribeTasks") < 100, "{fault:?}: {}", service.sent("DescribeTasks"));
    }
}

#[tokio::test(start_paused = true)]
async fn a_list_that_stops_to_work_in_between_delays_no_end_beyond_the_policy() {
    let service = Service::new(|builder| builder);
    let client = service.client(20);
    let tasks = service.tasks(&client, 100).await;
    let breaks = async {
        tokio::time::sleep(MAKING - seconds(20)).await;
        let broken = Fault::Error { request: RequestEffect::Discarded, code: "InternalError".into() };
        service.emulator.inject(FaultRule::new(Target::DescribeTasks, When::Every(1), broken));
    };
    let (late, ()) = tokio::join!(service.wait_for_all(&tasks), breaks);
    assert!(late.last() <= Some(&BY_POLICY), "{late:?}");
}

#[tokio::test(start_paused = true)]
async fn a_list_that_says_for_ever_that_nothing_has_begun_is_doubted() {
    let service = Service::failing(Target::DescribeTasks, Fault::StatusBackwards);
    let client = service.client(20);
    let late = service.wait_for_all(&service.tasks(&client, 50).await).await;
    assert!(late.last() <= Some(&seconds(2 * 300 + 50)), "each is asked for once in five minutes: {late:?}");
}

#[tokio::test(start_paused = true)]
async fn a_list_full_of_what_others_have_made_is_read_back_only_so_far() {
    let service = Service::new(|builder| builder);
    let client = service.client(10_000);
    let old = service.tasks(&client, 1).await;
    let foreign = service.tasks(&client, 2_000).await;
    tokio::time::sleep(seconds(30)).await;
    let new = service.tasks(&client, 9).await;
    let all: Vec<Task> = old.iter().chain(&new).cloned().collect();
    let late = service.wait_for_all(&all).await;
    assert!(late.last() <= Some(&BY_POLICY), "also of the one that is not reached: {late:?}");
    assert!(late[8] <= SWEEP.mul_f64(1.5), "{late:?}");
    assert!(service.sent("DescribeTasks") <= 10 * 400 / 5, "ten pages for ten tasks");
    drop(foreign);
}

#[tokio::test(start_paused = true)]
async fn tasks_of_unknown_age_are_asked_for_once_and_then_swept() {
    let service = Service::new(|builder| builder);
    let client = service.client(20);
    let tasks = service.tasks(&client, 200).await;
    let by_id: Vec<Task> = tasks.iter().map(|task| client.task(task.id())).collect();
    let late = join_all(by_id.iter().zip(&tasks).map(|(by_id, task)| async {
        by_id.wait().await.unwrap();
        service.late(task)
    }))
    .await;
    assert!(late.iter().all(|late| *late <= SWEEP.mul_f64(1.5)), "{late:?}");
    assert!(service.sent("DescribeTaskDetail") <= 2 * 200 + 20, "{}", service.sent("DescribeTaskDetail"));
}

#[tokio::test(start_paused = true)]
async fn deadlines_hold_to_about_a_second_whether_the_list_shows_the_tasks_or_not() {
    for list_shows_aigc in [true, false] {
        let service = Service::behaving(Behaviour { list_shows_aigc, ..Behaviour::default() });
        let client = service.client(20);
        let tasks = service.tasks(&client, 100).await;
        let ends = join_all(tasks.iter().enumerate().map(|(number, task)| async move {
            let deadline = seconds(100 + number as u64);
            (deadline, task.wait().policy(WaitPolicy::until(deadline)).await.unwrap_err())
        }))
        .await;
        for (deadline, error) in ends {
            let WaitError::Deadline { waited, last: Some(Progress::Processing(_)), .. } = error else {
                panic!("{error}");
            };
            assert!(waited >= deadline && waited < deadline + seconds(3), "{list_shows_aigc}: {waited:?}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn five_hundred_ends_at_once_are_asked_for_a_few_at_a_time() {
    let service = Service::new(|builder| builder);
    let client = service.client(10_000);
    let late = service.wait_for_all(&service.tasks(&client, 500).await).await;
    assert!(late.last() <= Some(&(SWEEP + seconds(500 / 50 + 1))), "fifty a second are asked for: {late:?}");
    let most = service.most_in_flight.load(Ordering::Relaxed);
    assert!((8..=16).contains(&most), "{most}");
}

#[tokio::test(start_paused = true)]
async fn an_event_beats_the_sweep() {
    let service = Service::behaving(Behaviour { list_shows_aigc: false, ..Behaviour::default() });
    let client = service.client(4);
    let tasks = service.tasks(&client, 100).await;
    let late = tokio::select! {
        late = service.wait_for_all(&tasks) => late,
        error = client.pull_events(PullPolicy::default()) => panic!("{error}"),
    };
    assert!(percentile(&late, 99) < seconds(5), "{late:?}");
}

#[tokio::test(start_paused = true)]
async fn a_wait_among_many_shows_what_the_list_shows() {
    let service = Service::new(|builder| builder);
    let client = service.client(100);
    let tasks = service.tasks(&client, 50).await;
    let all = join_all(tasks.iter().map(|task| task.events().collect::<Vec<_>>())).await;
    for events in &all[8..] {
        let [TaskEvent::Progress(first), TaskEvent::Progress(second), TaskEvent::Ended(end)] = &events[..] else {
            panic!("{events:?}");
        };
        assert_eq!((first, second), (&Progress::Waiting, &Progress::Processing(None)));
        assert!(end.is_ok());
    }
}

#[tokio::test(start_paused = true)]
async fn two_waits_for_one_task_both_hear_of_its_end_and_cost_one_poll() {
    let service = Service::new(|builder| builder);
    let client = service.client(100);
    let tasks = service.tasks(&client, 50).await;
    let twice: Vec<Task> = tasks.iter().chain(&tasks).cloned().collect();
    assert_eq!(service.wait_for_all(&twice).await.len(), 100);
    assert!(service.sent("DescribeTaskDetail") <= 50 + 8, "{}", service.sent("DescribeTaskDetail"));
}

#[tokio::test(start_paused = true)]
async fn a_wait_that_nobody_polls_any_more_holds_up_nobody() {
    let service = Service::new(|builder| builder);
    let client = service.client(100);
    let tasks = service.tasks(&client, 100).await;
    let mut forgotten: Vec<_> = tasks[..50].iter().map(|task| Box::pin(task.wait())).collect();
    assert!(forgotten.iter_mut().all(|wait| wait.now_or_never().is_none()));
    let late = service.wait_for_all(&tasks[50..]).await;
    assert!(late.last() <= Some(&SWEEP.mul_f64(1.5)), "{late:?}");
    assert!(join_all(forgotten).await.iter().all(Result::is_ok), "they find out as soon as they are polled again");
}

#[tokio::test(start_paused = true)]
async fn waits_that_come_and_go_leave_the_others_alone() {
    let service = Service::new(|builder| builder);
    let client = service.client(100);
    let tasks = service.tasks(&client, 60).await;
    let passing = async {
        for task in tasks.iter().cycle().take(600) {
            let _ = tokio::time::timeout(Duration::from_millis(300), task.wait()).await;
        }
    };
    let (late, ()) = tokio::join!(service.wait_for_all(&tasks), passing);
    assert!(late.last() <= Some(&SWEEP.mul_f64(1.5)), "{late:?}");
}

/// The emulator on a clock that every sleep moves on, so that any runtime or none will do.
#[derive(Debug)]
struct Anywhere {
    emulator: InProcess,
    pages: AtomicUsize,
}

impl Clock for Anywhere {
    fn now(&self) -> SystemTime {
        self.emulator.clock().now()
    }

    fn sleep(&self, duration: Duration) -> BoxFuture<'_, ()> {
        self.emulator.advance(duration);
        Box::pin(std::future::ready(()))
    }
}

impl Http for Anywhere {
    fn send(&self, request: SignedRequest, _: Duration) -> BoxFuture<'_, Result<RawReply, SendError>> {
        self.pages.fetch_add(usize::from(action(&request) == "DescribeTasks"), Ordering::Relaxed);
        Box::pin(std::future::ready(exchange(&self.emulator, &request)))
    }
}

type Waits = Vec<Pin<Box<dyn Future<Output = bool>>>>;

/// Twenty waits that have been polled once in a runtime, where their driver is.
fn polled_in(runtime: &Runtime) -> (Arc<Anywhere>, Waits) {
    let clock = vod_aigc_emulator::Clock::manual(UNIX_EPOCH + seconds(NOON));
    let emulator = Emulator::builder().clock(clock).timing(TIMING).in_process();
    let service = Arc::new(Anywhere { emulator, pages: AtomicUsize::new(0) });
    let http = service.clone();
    let client = Client::builder(service.emulator.credential().clone(), SUB_APP)
        .endpoint("http://localhost".parse().unwrap())
        .clock(service.clone())
        .transport(|transport| transport.http(http))
        .build();
    let mut waits: Waits = Vec::new();
    for _ in 0..20 {
        let task = client.submit(video!(Kling::V2_1, prompt = "a panda")).now_or_never().unwrap().unwrap();
        let last = task.events().fold(None, async |_, event| Some(event));
        waits.push(Box::pin(last.map(|last| matches!(last, Some(TaskEvent::Ended(end)) if end.is_ok()))));
    }
    runtime.block_on(async {
        assert!(waits.iter_mut().all(|wait| wait.now_or_never().is_none()));
        while service.pages.load(Ordering::Relaxed) == 0 {
            tokio::task::yield_now().await;
        }
    });
    (service, waits)
}

fn runtime() -> Runtime {
    tokio::runtime::Builder::new_current_thread().build().unwrap()
}

#[test]
fn waits_whose_runtime_is_gone_go_on_in_another() {
    let first = runtime();
    let (service, waits) = polled_in(&first);
    drop(first);
    let before = service.pages.load(Ordering::Relaxed);
    assert!(runtime().block_on(join_all(waits)).into_iter().all(|done| done));
    assert!(service.pages.load(Ordering::Relaxed) > before, "the list is swept again");
}
