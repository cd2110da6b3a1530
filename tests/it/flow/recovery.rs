//! What becomes of a job after its submit went wrong: whose task it gets, who may give it up, and when it runs again.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use vod_aigc_client::store::ForgetError;
use vod_aigc_client::{
    Client, Job, JobRecord, JobState, JobStore as _, MemoryStore, SubmitError, TaskHandle, WaitError, forget_job,
};
use vod_aigc_core::ErrorClass;
use vod_aigc_emulator::{
    Behaviour, Concurrency, Emulator, Fault, FaultRule, Overflow, RequestEffect, SessionIdPolicy, StatusBody, Target,
    When,
};
use vod_aigc_transport::{Billed, BoxFuture, Clock, SendErrorKind, Sent};

use crate::support::*;

fn with_store(emulator: &Emulator, store: &Arc<MemoryStore>) -> Client {
    client_to(emulator, emulator.endpoint()).store(store.clone()).build()
}

fn on_create(nth: u64, fault: Fault) -> FaultRule {
    FaultRule::new(Target::CreateAigcVideoTask, When::Nth(nth), fault)
}

fn refused(code: &str) -> Fault {
    Fault::Error { request: RequestEffect::Discarded, code: code.to_owned() }
}

/// Moves the clock to so long after a time of a record.
fn advance_to(emulator: &Emulator, recorded: Option<u64>, after: Duration) {
    let time = SystemTime::UNIX_EPOCH + Duration::from_secs(recorded.unwrap()) + after;
    emulator.advance(time.duration_since(emulator.clock().now()).unwrap());
}

/// The task of another caller, in the same sub-application.
async fn others_task(emulator: &Emulator) -> String {
    let key = format!("others-{}", emulator.ledger().len());
    client(emulator).submit(Job::new(panda()).key(key)).await.unwrap().id().to_owned()
}

#[tokio::test]
async fn the_task_that_an_answer_names_is_believed_only_where_it_carries_the_session_id() {
    for list_lag in [0, 60] {
        let list_lag = Duration::from_secs(list_lag);
        let emulator = emulator_with(|it| it.behaviour(Behaviour { list_lag, ..Behaviour::default() })).await;
        let foreign = others_task(&emulator).await;
        for named in [foreign.as_str(), "1500044236-AigcVideoTask-none"] {
            emulator.inject(on_create(1, Fault::OtherTaskId(named.to_owned())));
            let store = Arc::new(MemoryStore::new());
            let task = with_store(&emulator, &store).submit(Job::new(panda()).key(named)).await.unwrap();
            let own = emulator.ledger().pop().unwrap();
            assert_eq!((task.id(), task.handle().session_id.as_ref()), (own.task_id.as_str(), own.session_id.as_ref()));
            assert_eq!(store.only_job().state.task_id(), Some(task.id()));
            emulator.clear_faults();
        }
        assert_eq!(emulator.ledger().len(), 3);
    }
}

#[tokio::test]
async fn a_task_that_cannot_be_confirmed_is_found_out_by_its_wait_and_the_job_is_resumed() {
    let behaviour = Behaviour { list_lag: Duration::from_secs(600), ..Behaviour::default() };
    let emulator = emulator_with(|it| it.behaviour(behaviour)).await;
    let foreign = others_task(&emulator).await;
    emulator.inject(on_create(1, Fault::OtherTaskId(foreign.clone())));
    let denied = refused("UnauthorizedOperation");
    emulator.inject(FaultRule::new(Target::DescribeTaskDetail, When::Nth(1), denied));
    let store = Arc::new(MemoryStore::new());
    let client = with_store(&emulator, &store);
    let task = client.submit(Job::new(panda()).key("k")).await.unwrap();
    assert_eq!((task.id(), store.only_job().claimed_task.as_deref()), (foreign.as_str(), Some(foreign.as_str())));

    let error = task.wait().await.unwrap_err();
    assert!(matches!(error, WaitError::OthersTask { .. }), "{error:?}");
    assert_eq!(error.billed(), Billed::Unknown);
    assert!(error.to_string().contains(task.handle().session_id.as_deref().unwrap()), "{error}");
    assert_eq!(store.only_job().state, JobState::Sending);
    emulator.advance(Duration::from_secs(600));
    let own = client.resume_job(store.only_job()).await.unwrap();
    assert_eq!(own.id(), emulator.ledger()[1].task_id);
    own.wait().await.unwrap();
    assert_eq!(emulator.ledger().len(), 2);
}

#[tokio::test]
async fn a_task_that_could_not_be_confirmed_at_first_is_confirmed_when_the_job_is_resumed() {
    let emulator = emulator().await;
    let foreign = others_task(&emulator).await;
    for (named, is_own) in [(None, true), (Some(foreign), false)] {
        let before = emulator.ledger().len();
        named.into_iter().for_each(|id| emulator.inject(on_create(1, Fault::OtherTaskId(id))));
        let denied = refused("UnauthorizedOperation");
        emulator.inject(FaultRule::new(Target::DescribeTaskDetail, When::Every(1), denied.clone()));
        emulator.inject(FaultRule::new(Target::DescribeTasks, When::Every(1), denied));
        let store = Arc::new(MemoryStore::new());
        let client = with_store(&emulator, &store);
        let task = client.submit(Job::new(panda()).key(format!("k-{before}"))).await.unwrap();
        let own = emulator.ledger()[before].task_id.clone();
        assert_eq!(task.id() == own, is_own);
        // While nothing more can be learnt, the job keeps the task that the service named.
        assert_eq!(client.resume_job(store.only_job()).await.unwrap().id(), task.id());
        assert!(store.only_job().claimed_task.is_some());

        emulator.clear_faults();
        assert_eq!(client.resume_job(store.only_job()).await.unwrap().id(), own);
        assert_eq!(store.only_job().claimed_task, None);
    }
}

#[tokio::test]
async fn a_task_that_the_service_will_not_describe_is_looked_for_when_the_job_is_resumed() {
    let emulator = emulator().await;
    let foreign = others_task(&emulator).await;
    emulator.inject(on_create(1, Fault::OtherTaskId(foreign.clone())));
    let denied = refused("UnauthorizedOperation");
    emulator.inject(FaultRule::new(Target::DescribeTaskDetail, When::Every(1), denied.clone()));
    emulator.inject(FaultRule::new(Target::DescribeTasks, When::Every(1), denied.clone()));
    let store = Arc::new(MemoryStore::new());
    let client = with_store(&emulator, &store);
    assert_eq!(client.submit(panda()).await.unwrap().id(), foreign);
    emulator.clear_faults();
    emulator.inject(FaultRule::new(Target::DescribeTaskDetail, When::Every(1), denied));
    let own = emulator.ledger()[1].task_id.clone();
    assert_eq!(client.resume_job(store.only_job()).await.unwrap().id(), own);
    let job = store.only_job();
    assert_eq!((job.state, job.claimed_task), (JobState::Accepted { task_id: own }, None));
}

#[tokio::test]
async fn a_task_that_the_service_cannot_describe_for_a_while_is_not_believed_before() {
    let behaviour = Behaviour { list_lag: Duration::from_secs(40), ..Behaviour::default() };
    let emulator = emulator_with(|it| it.behaviour(behaviour)).await;
    let foreign = others_task(&emulator).await;
    emulator.inject(on_create(1, Fault::OtherTaskId(foreign)));
    emulator.inject(FaultRule::new(Target::DescribeTaskDetail, When::Every(1), refused("InternalError")));
    let store = Arc::new(MemoryStore::new());
    let task = with_store(&emulator, &store).submit(panda()).await.unwrap();
    assert_eq!(task.id(), emulator.ledger()[1].task_id);
    assert_eq!(store.only_job().claimed_task, None);
}

#[tokio::test]
async fn a_lost_task_is_found_on_the_second_page_of_the_list() {
    let emulator = emulator().await;
    let others = client(&emulator);
    for number in 0..100 {
        others.submit(Job::new(panda()).key(format!("others-{number}"))).await.unwrap();
    }
    let http = Interposed::on_creates(|_| Step::Fail(SendErrorKind::Interrupted, Sent::Maybe));
    let task = client_through(&emulator, &http).submit(panda()).await.unwrap();
    assert_eq!(task.id(), emulator.ledger()[100].task_id);
    assert_eq!(http.actions(), ["CreateAigcVideoTask", "DescribeTasks", "DescribeTasks"]);
}

#[tokio::test]
async fn a_job_that_is_too_old_to_be_sent_again_is_searched_for_in_all_that_is_listed() {
    let emulator = emulator().await;
    let store = Arc::new(MemoryStore::new());
    let client = with_store(&emulator, &store);
    let task = client.submit(Job::new(panda()).key("k")).await.unwrap();
    // A wrong clock has recorded the send days before its task was created.
    let mut job = store.only_job().with_state(JobState::Sending);
    job.first_sent = job.first_sent.map(|sent| sent - 80 * 60 * 60);
    job.last_sent = job.first_sent;
    store.replace(&job);
    let found = client.resume_job(store.only_job()).await.unwrap();
    assert_eq!(found.id(), task.id());
    assert_eq!(emulator.ledger().len(), 1);
}

/// A clock that is ahead of the emulator's by some seconds.
#[derive(Debug)]
struct Ahead(SimulatedClock, i64);

impl Clock for Ahead {
    fn now(&self) -> SystemTime {
        let seconds = self.0.now().duration_since(SystemTime::UNIX_EPOCH).unwrap().as_secs();
        SystemTime::UNIX_EPOCH + Duration::from_secs(seconds.saturating_add_signed(self.1))
    }

    fn sleep(&self, duration: Duration) -> BoxFuture<'_, ()> {
        self.0.sleep(duration)
    }
}

#[tokio::test]
async fn the_times_of_a_send_become_those_of_the_service_once_a_reply_shows_its_clock() {
    const DAY: i64 = 86_400;
    // The time of a clock that is behind stays: the id seems older than it is, and is given up sooner.
    for (ahead, recorded) in [(0, 0), (280, 0), (2 * DAY, 0), (-2 * DAY, -2 * DAY)] {
        // The clock is shown by the answer to the send, or by that of the look some seconds later.
        for is_answered in [true, false] {
            let emulator = emulator().await;
            let (request, body) = (RequestEffect::Discarded, StatusBody::Html);
            emulator.inject(on_create(
                1,
                match is_answered {
                    true => Fault::Status { request, status: 503, body, retry_after: None },
                    false => Fault::Reset { request },
                },
            ));
            for nth in [1, 2] {
                emulator.inject(FaultRule::new(Target::DescribeTasks, When::Nth(nth), Fault::Reset { request }));
            }
            let store = Arc::new(MemoryStore::new());
            let clock = Arc::new(Ahead(SimulatedClock::new(emulator.clock().clone()), ahead));
            let client = client_to(&emulator, emulator.endpoint()).clock(clock).store(store.clone()).build();
            client.submit(panda()).await.unwrap();
            let first = i64::try_from(store.only_job().first_sent.unwrap()).unwrap();
            let started = noon().duration_since(SystemTime::UNIX_EPOCH).unwrap().as_secs() as i64;
            assert_eq!((first - started, emulator.ledger().len()), (recorded, 1), "{ahead} s ahead, {is_answered}");
        }
    }
}

#[tokio::test]
async fn a_task_outside_the_recorded_times_is_found_before_its_job_is_given_up() {
    let emulator = emulator().await;
    let store = Arc::new(MemoryStore::new());
    unresolved(&emulator, &store, Job::new(panda()).key("k")).await;
    // As a clock that was four days behind would have recorded them.
    let mut job = store.only_job();
    for time in [&mut job.first_sent, &mut job.last_sent] {
        *time = time.map(|time| time - 4 * 86_400);
    }
    store.replace(&job);
    let task = with_store(&emulator, &store).resume_job(store.only_job()).await.unwrap();
    assert_eq!(task.id(), emulator.ledger()[0].task_id);
    assert_eq!(emulator.ledger().len(), 1);
}

#[tokio::test]
async fn a_new_session_id_is_taken_once_a_later_task_is_listed_and_not_before() {
    let behaviour = Behaviour { session_id_policy: SessionIdPolicy::ConsumedOnRequest, ..Behaviour::default() };
    let emulator = emulator_with(|it| it.behaviour(behaviour)).await;
    emulator.inject(on_create(1, refused("ResourceInsufficient")));
    let store = Arc::new(MemoryStore::new());
    let client = with_store(&emulator, &store);
    let error = client.submit(panda()).await.unwrap_err();
    assert!(matches!(error, SubmitError::Unresolved(_)), "{error}");
    assert!(error.to_string().contains("every send was refused, then the service knows the id"), "{error}");
    // A task of the same minutes proves nothing: the clocks may differ by as much.
    others_task(&emulator).await;
    let error = client.resume_job(store.only_job()).await.unwrap_err();
    assert!(matches!(error, SubmitError::Unresolved(_)), "{error}");

    // Nor does one of the second in which the id may have been used up.
    advance_to(&emulator, store.only_job().used_up_by, Duration::ZERO);
    others_task(&emulator).await;
    let error = client.resume_job(store.only_job()).await.unwrap_err();
    assert!(matches!(error, SubmitError::Unresolved(_)), "{error}");

    emulator.advance(Duration::from_secs(1));
    let foreign = others_task(&emulator).await;
    let task = client.resume_job(store.only_job()).await.unwrap();
    assert_ne!(task.id(), foreign);
    assert_eq!(store.only_job().attempt, 1);
    assert_eq!(emulator.ledger().len(), 4);
}

#[tokio::test]
async fn an_id_whose_earlier_send_was_lost_is_kept_though_a_later_task_is_listed() {
    let emulator = emulator_with(|it| {
        it.behaviour(Behaviour { session_id_policy: SessionIdPolicy::ConsumedOnRequest, ..Behaviour::default() })
    })
    .await;
    emulator.inject(on_create(1, refused("ResourceInsufficient")));
    emulator.inject(on_create(2, Fault::Reset { request: RequestEffect::Discarded }));
    let store = Arc::new(MemoryStore::new());
    let client = with_store(&emulator, &store);
    client.submit(panda()).await.unwrap_err();
    assert!(!store.only_job().refused_before, "one send was not refused");
    emulator.advance(Duration::from_secs(3600));
    others_task(&emulator).await;
    let error = client.resume_job(store.only_job()).await.unwrap_err();
    assert!(error.to_string().contains("the service knows the id, and its task is not listed yet"), "{error}");
    assert_eq!((emulator.ledger().len(), store.only_job().attempt), (1, 0));
}

#[tokio::test]
async fn an_unresolved_job_is_sent_again_for_71_hours_and_then_no_more() {
    const SAFE: Duration = Duration::from_secs(71 * 3600);
    for (age, is_sent) in [(SAFE - Duration::from_secs(1), true), (SAFE, false)] {
        let emulator = emulator().await;
        emulator.inject(FaultRule::new(
            Target::CreateAigcVideoTask,
            When::Every(1),
            Fault::Reset { request: RequestEffect::Discarded },
        ));
        let store = Arc::new(MemoryStore::new());
        let client = with_store(&emulator, &store);
        client.submit(panda()).await.unwrap_err();
        emulator.clear_faults();
        advance_to(&emulator, store.only_job().first_sent, age);
        let resumed = client.resume_job(store.only_job()).await;
        assert_eq!((resumed.is_ok(), emulator.ledger().len()), (is_sent, usize::from(is_sent)), "{age:?}");
    }
}

#[tokio::test]
async fn a_task_that_is_too_old_to_be_listed_is_not_taken_for_one_that_never_was() {
    let behaviour = Behaviour { list_lag: Duration::from_secs(60), ..Behaviour::default() };
    let emulator = emulator_with(|it| it.behaviour(behaviour)).await;
    emulator.inject(on_create(1, refused("ResourceInsufficient")));
    emulator.inject(on_create(2, Fault::DeliveredTwice));
    emulator.inject(FaultRule::new(Target::DescribeTasks, When::Every(1), refused("InternalError")));
    let store = Arc::new(MemoryStore::new());
    let client = with_store(&emulator, &store);
    client.submit(panda()).await.unwrap_err();
    emulator.clear_faults();
    emulator.advance(Duration::from_secs(80 * 3600));
    others_task(&emulator).await;
    emulator.advance(Duration::from_secs(120));
    let error = client.resume_job(store.only_job()).await.unwrap_err();
    assert!(error.to_string().contains("may no longer know the id"), "{error}");
    assert_eq!((emulator.ledger().len(), store.only_job().attempt), (2, 0));
}

/// A job whose outcome stays unknown.
async fn unresolved(emulator: &Emulator, store: &Arc<MemoryStore>, job: Job) -> SubmitError {
    emulator.inject(on_create(1, Fault::Reset { request: RequestEffect::Applied }));
    emulator.inject(FaultRule::new(Target::DescribeTasks, When::Every(1), refused("InternalError")));
    let error = with_store(emulator, store).submit(job).await.unwrap_err();
    assert!(matches!(error, SubmitError::Unresolved(_)), "{error}");
    emulator.clear_faults();
    error
}

#[tokio::test]
async fn a_forgotten_job_is_given_up_and_its_key_makes_a_new_one_that_every_submit_shares() {
    let emulator = emulator().await;
    let store = Arc::new(MemoryStore::new());
    let client = with_store(&emulator, &store);
    let job = || Job::new(panda()).key("k");
    let error = unresolved(&emulator, &store, job()).await;
    assert!(error.hint().unwrap().contains("vod-aigc task forget"), "{error}");

    let known = forget(&store, "k").unwrap();
    assert_eq!((known.state.billed(), known.session_id()), (Billed::Unknown, error.session_id().map(str::to_owned)));
    let forgotten = ready(store.load("k")).unwrap().unwrap();
    assert!(forgotten.state.is_final() && forgotten.state.to_string().starts_with("forgotten: held: "));
    assert!(matches!(forget(&store, "k"), Err(ForgetError::NothingToForget(_))));
    assert!(matches!(forget(&store, "another"), Err(ForgetError::Unknown)));
    // It cannot be resumed.
    let error = client.resume_job(forgotten).await.unwrap_err();
    assert!(matches!(error, SubmitError::Forgotten { .. }), "{error}");
    assert_eq!(error.billed(), Billed::Unknown);

    let again = client.submit(job()).await.unwrap();
    assert_eq!(again.handle().key.as_deref(), Some("k~2"));
    assert_eq!(client.submit(job()).await.unwrap().id(), again.id());
    // The new key names the same job, also on another host.
    let other_host = with_store(&emulator, &Arc::new(MemoryStore::new()));
    assert_eq!(other_host.submit(Job::new(panda()).key("k~2")).await.unwrap().id(), again.id());
    assert_eq!(emulator.ledger().len(), 2);

    forget(&store, "k~2").unwrap();
    assert_eq!(client.submit(job()).await.unwrap().handle().key.as_deref(), Some("k~3"));
    assert_eq!(emulator.ledger().len(), 3);
}

#[tokio::test]
async fn a_forgotten_session_id_of_the_callers_is_not_replaced() {
    let emulator = emulator().await;
    let store = Arc::new(MemoryStore::new());
    let request =
        || vod_aigc_core::VideoRequest::builder(vod_aigc_core::Kling::V2_1).prompt("a panda").session_id("own");
    let job = || Job::new(request().build().unwrap());
    unresolved(&emulator, &store, job()).await;
    forget(&store, "own").unwrap();
    let error = with_store(&emulator, &store).submit(job()).await.unwrap_err();
    assert!(matches!(error, SubmitError::Forgotten { .. }), "{error}");
    assert_eq!(emulator.ledger().len(), 1);
}

#[tokio::test]
async fn a_job_that_is_forgotten_while_it_is_submitted_stops() {
    let emulator = emulator().await;
    let store = Arc::new(MemoryStore::new());
    unresolved(&emulator, &store, Job::new(panda()).key("k")).await;
    let before = store.only_job();
    forget(&store, "k").unwrap();
    // It was read before it was forgotten.
    emulator.inject(FaultRule::new(Target::DescribeTasks, When::Every(1), refused("InternalError")));
    let error = with_store(&emulator, &store).resume_job(before).await.unwrap_err();
    assert!(matches!(error, SubmitError::Forgotten { .. }), "{error}");
}

#[tokio::test]
async fn what_has_ended_well_or_was_refused_is_not_forgotten_and_what_was_paid_is_named() {
    let store = Arc::new(MemoryStore::new());
    let emulator = emulator().await;
    with_store(&emulator, &store).submit(Job::new(panda()).key("k")).await.unwrap();
    let accepted = store.only_job();
    let task_id = accepted.state.task_id().unwrap().to_owned();
    for (state, billed) in [
        (JobState::Downloaded { task_id: task_id.clone(), path: "v.mp4".into() }, Billed::Yes),
        (JobState::Refused { code: "c".to_owned() }, Billed::No),
    ] {
        store.put(state.clone());
        assert_eq!(state.billed(), billed);
        assert!(matches!(forget(&store, "k"), Err(ForgetError::NothingToForget(found)) if found == state));
    }
    for (state, billed) in [
        (JobState::Planned, Billed::No),
        (JobState::Sending, Billed::Unknown),
        (JobState::Accepted { task_id: task_id.clone() }, Billed::Yes),
        (JobState::Done { task_id: task_id.clone() }, Billed::Yes),
        (JobState::Failed { task_id: task_id.clone(), reason: "r".to_owned(), unbilled: false }, Billed::Unknown),
        (JobState::Failed { task_id: task_id.clone(), reason: "r".to_owned(), unbilled: true }, Billed::No),
    ] {
        store.put(state.clone());
        assert_eq!(state.billed(), billed, "{state:?}");
        let known = forget(&store, "k").unwrap();
        assert_eq!(known.state, state);
        let names_task = store.only_job().state.to_string().contains(&task_id);
        assert_eq!(names_task, state.task_id().is_some(), "{state:?}");
    }
}

#[tokio::test]
async fn a_key_whose_task_ended_unbilled_runs_again_and_is_billed_once() {
    let concurrency = Some(Concurrency { limit: 1, overflow: Overflow::Finish });
    let emulator = emulator_with(|it| it.behaviour(Behaviour { concurrency, ..Behaviour::default() })).await;
    let store = Arc::new(MemoryStore::new());
    let client = with_store(&emulator, &store);
    let running = others_task(&emulator).await;
    let job = || Job::new(panda()).key("k");
    let first = client.submit(job()).await.unwrap();
    let error = first.wait().await.unwrap_err();
    let WaitError::Failed { failure, .. } = &error else { panic!("{error:?}") };
    assert_eq!((failure.class(), error.billed()), (ErrorClass::Frequency, Billed::No));
    assert_eq!(store.only_job().state.billed(), Billed::No);
    // Resuming the job gives the task that failed.
    assert_eq!(client.resume_job(store.only_job()).await.unwrap().id(), first.id());

    emulator.advance(Duration::from_secs(60));
    let second = client.submit(job()).await.unwrap();
    assert_ne!(second.id(), first.id());
    // A wait for the first task that ends late changes nothing.
    assert!(first.wait().await.is_err());
    assert_eq!(store.only_job().state, JobState::Accepted { task_id: second.id().to_owned() });
    // Another host finds the task that runs.
    let other_host = with_store(&emulator, &Arc::new(MemoryStore::new()));
    assert_eq!(other_host.submit(job()).await.unwrap().id(), second.id());
    second.wait().await.unwrap();
    assert_eq!(client.submit(job()).await.unwrap().id(), second.id());
    let billed: Vec<_> = emulator.ledger().into_iter().filter(|entry| entry.billed).map(|it| it.task_id).collect();
    assert_eq!(billed, [running, second.id().to_owned()]);
}

#[tokio::test]
async fn an_answer_that_is_lost_under_the_second_session_id_never_leads_back_to_the_first_task() {
    let concurrency = Some(Concurrency { limit: 1, overflow: Overflow::Finish });
    let behaviour = Behaviour { concurrency, list_lag: Duration::from_secs(30), ..Behaviour::default() };
    let emulator = emulator_with(|it| it.behaviour(behaviour)).await;
    let store = Arc::new(MemoryStore::new());
    let client = with_store(&emulator, &store);
    others_task(&emulator).await;
    let first = client.submit(Job::new(panda()).key("k")).await.unwrap();
    first.wait().await.unwrap_err();
    emulator.advance(Duration::from_secs(60));
    // The list shows the first task, and not yet the second.
    emulator.inject(on_create(1, Fault::Reset { request: RequestEffect::Applied }));
    let second = client.submit(Job::new(panda()).key("k")).await.unwrap();
    assert_ne!(second.id(), first.id());
    assert_eq!(emulator.ledger().len(), 3);
}

#[tokio::test]
async fn what_became_of_a_task_only_moves_its_job_forward() {
    let emulator = emulator().await;
    let store = Arc::new(MemoryStore::new());
    let client = with_store(&emulator, &store);
    let folder = tempfile::tempdir().unwrap();
    let task = client.submit(Job::new(panda()).key("k")).await.unwrap();
    task.wait().await.unwrap().download(folder.path().join("v.mp4")).await.unwrap();
    let downloaded = store.only_job();
    assert!(matches!(downloaded.state, JobState::Downloaded { .. }));
    task.wait().await.unwrap();
    // Also by a handle that knows of the job no more than its key.
    let mut handle = TaskHandle::new(task.id(), SUB_APP);
    handle.key = Some("k".to_owned());
    client.resume(handle).wait().await.unwrap();
    assert_eq!(store.only_job(), downloaded, "nothing was written");
}

#[tokio::test]
async fn an_empty_key_is_refused_before_anything_is_sent() {
    let emulator = emulator().await;
    for key in ["", " ", "\t\n"] {
        let error = client(&emulator).submit(Job::new(panda()).key(key)).await.unwrap_err();
        assert_eq!(error.billed(), Billed::No);
        assert!(error.to_string().contains("the key of the job is empty"), "{error}");
    }
    assert!(emulator.ledger().is_empty());
}

fn forget(store: &MemoryStore, key: &str) -> Result<JobRecord, ForgetError> {
    ready(forget_job(store, key, seconds(noon())))
}
