//! Events make waits faster and take nothing from others: the queue of the emulator, on a virtual clock.

use std::pin::pin;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use futures_util::future::{Either, join, join_all, select};
use vod_aigc_client::events::PullPolicy;
use vod_aigc_client::{Client, Job, WaitPolicy};
use vod_aigc_core::{EventContent, PullEventsRequest};
use vod_aigc_emulator::{Emulator, Fault, FaultRule, InProcess, RequestEffect, Target, Timing, When};
use vod_aigc_transport::Clock as _;
use vod_aigc_transport::testing::SeededRandom;

use crate::simulation::Simulation;
use crate::support::*;

const TIMING: Timing = Timing { waiting: Duration::from_secs(60), processing: Duration::from_secs(480) };
/// When a task has ended, since its submit.
const MAKING: Duration = Duration::from_secs(540);
/// Longer than the longest pause between two pulls and a few round trips.
const SOON: Duration = Duration::from_secs(4);
/// How long the service hides an event that was pulled.
const HIDDEN: Duration = Duration::from_secs(30);

fn simulation() -> (InProcess, Arc<Simulation>) {
    let start = SystemTime::UNIX_EPOCH + Duration::from_secs(1_795_435_200);
    let clock = vod_aigc_emulator::Clock::manual(start);
    let emulator = Emulator::builder().clock(clock).credential(credential()).timing(TIMING).in_process();
    (emulator.clone(), Simulation::new(emulator))
}

/// A client of a process of its own, which polls seldom.
fn client(simulation: &Arc<Simulation>, seed: u64) -> Client {
    let mut policy = WaitPolicy::until(Duration::from_secs(3_600));
    policy.first = Duration::from_secs(400);
    policy.every = policy.first;
    let http = simulation.clone();
    Client::builder(credential(), SUB_APP)
        .endpoint("http://localhost".parse().unwrap())
        .clock(simulation.clone())
        .random(Arc::new(SeededRandom::new(seed)))
        .wait_policy(policy)
        .transport(|transport| transport.http(http))
        .build()
}

/// Works on `work` while the client reads its queue; the work must end first.
async fn pulling<T>(client: &Client, work: impl Future<Output = T>) -> T {
    match select(pin!(client.pull_events(PullPolicy::default())), pin!(work)).await {
        Either::Right((result, _)) => result,
        Either::Left((error, _)) => panic!("the queue cannot be read: {error}"),
    }
}

/// Submits so many videos, waits for all of them, and gives how long after its end each was known to have ended.
async fn make(client: &Client, simulation: &Simulation, name: &str, videos: usize) -> Vec<Duration> {
    join_all((0..videos).map(|number| async move {
        let task = client.submit(Job::new(panda()).key(format!("{name}-{number}"))).await.unwrap();
        let submitted = SystemTime::UNIX_EPOCH + Duration::from_secs(task.handle().submitted_at.unwrap());
        task.wait().await.unwrap();
        simulation.now().duration_since(submitted + MAKING).unwrap_or_default()
    }))
    .await
}

/// What is on the queue for its next reader.
async fn queued(client: &Client) -> Vec<EventContent> {
    let mut request = PullEventsRequest::default();
    request.sub_app_id = Some(SUB_APP);
    client.call(request).await.unwrap().value.event_set.unwrap_or_default()
}

fn only<T>(mut all: Vec<T>) -> T {
    assert_eq!(all.len(), 1);
    all.pop().unwrap()
}

#[test]
fn an_end_is_known_by_its_event_long_before_the_next_poll_would_be() {
    let (_, simulation) = simulation();
    let client = client(&simulation, 1);
    let late = only(simulation.run([pulling(&client, make(&client, &simulation, "a", 20))]));
    assert!(late.iter().all(|late| *late < SOON), "{late:?}");
    let polls = simulation.sent()["DescribeTaskDetail"].len();
    assert!(polls <= 3 * 20, "one at the submit, at most one poll in between, and one for the event: {polls}");
    simulation.run([simulation.sleep(HIDDEN)]);
    assert_eq!(only(simulation.run([queued(&client)])), [], "all were confirmed");
}

#[test]
fn without_events_the_policy_goes_on_as_ever() {
    let (emulator, simulation) = simulation();
    emulator.inject(FaultRule::new(
        Target::PullEvents,
        When::Every(1),
        Fault::Error { request: RequestEffect::Discarded, code: "InternalError".into() },
    ));
    let client = client(&simulation, 1);
    let late = only(simulation.run([pulling(&client, make(&client, &simulation, "a", 3))]));
    assert!(late.iter().all(|late| *late > SOON && *late < Duration::from_secs(600)), "{late:?}");
}

#[test]
fn two_processes_on_one_queue_each_take_their_own_events_and_no_other() {
    let (_, simulation) = simulation();
    let clients = [client(&simulation, 1), client(&simulation, 2)];
    let both = ["a", "b"].into_iter().zip(&clients);
    let late = simulation.run(both.map(|(name, client)| pulling(client, make(client, &simulation, name, 5))));
    // An unlucky process sees its event when it comes again.
    let late = late.concat();
    assert!(late.iter().all(|late| *late < Duration::from_secs(200)), "{late:?}");
    assert!(late.iter().any(|late| *late < SOON), "{late:?}");
    simulation.run([simulation.sleep(HIDDEN)]);
    assert_eq!(only(simulation.run([queued(&clients[0])])), [], "each was confirmed by its own process");
}

#[test]
fn the_event_of_a_task_that_nobody_here_waits_for_stays_on_the_queue() {
    let (_, simulation) = simulation();
    let (ours, theirs) = (client(&simulation, 1), client(&simulation, 2));
    let foreign = only(simulation.run([theirs.submit(panda())])).unwrap();
    let dropped = only(simulation.run([ours.submit(panda())])).unwrap();
    drop(dropped.events());
    simulation.run([pulling(&ours, make(&ours, &simulation, "a", 1))]);
    simulation.run([simulation.sleep(HIDDEN)]);
    let events = only(simulation.run([queued(&theirs)]));
    let mut left: Vec<_> =
        events.iter().map(|event| event.aigc_video_complete_event.as_ref().unwrap().task_id.clone().unwrap()).collect();
    left.sort();
    let mut expected = [foreign.id().to_owned(), dropped.id().to_owned()];
    expected.sort();
    assert_eq!(left, expected);
}

#[test]
fn an_event_whose_confirmation_was_lost_is_confirmed_when_it_comes_again() {
    let (emulator, simulation) = simulation();
    let lost = Fault::Error { request: RequestEffect::Discarded, code: "InternalError".into() };
    emulator.inject(FaultRule::new(Target::ConfirmEvents, When::Nth(1), lost));
    let client = client(&simulation, 1);
    // The second is still waited for when the event of the first comes again.
    let work = async {
        let first = client.submit(Job::new(panda()).key("first")).await.unwrap();
        simulation.sleep(Duration::from_secs(60)).await;
        let second = client.submit(Job::new(panda()).key("second")).await.unwrap();
        let (first, second) = (first.wait(), second.wait());
        join_all([Either::Left(first), Either::Right(second)]).await
    };
    assert!(only(simulation.run([pulling(&client, work)])).iter().all(Result::is_ok));
    assert_eq!(simulation.sent()["ConfirmEvents"].len(), 3);
    simulation.run([simulation.sleep(HIDDEN)]);
    assert_eq!(only(simulation.run([queued(&client)])), []);
}

#[test]
fn nothing_is_pulled_while_nobody_waits() {
    let (_, simulation) = simulation();
    let client = client(&simulation, 1);
    let idle = async {
        client.submit(panda()).await.unwrap();
        simulation.sleep(MAKING).await;
    };
    simulation.run([pulling(&client, idle)]);
    assert!(!simulation.sent().contains_key("PullEvents"));
}

#[test]
fn a_queue_that_may_not_be_read_ends_the_source_and_not_the_waits() {
    let (emulator, simulation) = simulation();
    let refused = Fault::Error { request: RequestEffect::Discarded, code: "UnauthorizedOperation".into() };
    emulator.inject(FaultRule::new(Target::PullEvents, When::Every(1), refused));
    let client = client(&simulation, 1);
    let task = only(simulation.run([client.submit(panda())])).unwrap();
    let both = join(client.pull_events(PullPolicy::default()), task.wait());
    let (error, waited) = only(simulation.run([both]));
    assert_eq!(error.code().map(ToString::to_string).as_deref(), Some("UnauthorizedOperation"));
    assert!(waited.is_ok());
}
