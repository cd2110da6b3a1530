//! What a create may cost: each error says whether anything was sent, and never is anything billed twice.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, SystemTime};

use tokio::io::AsyncWriteExt;
use tokio::net::{TcpListener, TcpStream};
use vod_aigc_client::{Client, Job, MemoryStore, Outcome, SubmitError, Unresolved, WaitError};
use vod_aigc_core::{ErrorClass, Kling, VideoRequest};
use vod_aigc_emulator::{
    Behaviour, Credential, DuplicateCode, Emulator, Fault, FaultRule, RequestEffect, StatusBody, Target, When,
};
use vod_aigc_transport::{
    Billed, BoxFuture, CredentialError, Environment, ProvideCredential, Provided, SendErrorKind, Sent, VariableNames,
};

use crate::support::*;

#[tokio::test]
async fn a_submitted_task_is_the_one_in_the_ledger() {
    let emulator = emulator().await;
    let task = submitted(&client(&emulator)).await;
    let [entry] = emulator.ledger().try_into().unwrap();
    let handle = task.handle();
    assert_eq!(entry.task_id, handle.task_id);
    assert_eq!(entry.session_id, handle.session_id);
    assert_eq!(Some(entry.request_id), handle.request_id);
    assert_eq!(Some(entry.model), handle.model);
    assert_eq!(entry.sub_app_id, handle.sub_app_id);
    assert_eq!(handle.submitted_at, Some(1_795_435_200));
    assert!(handle.session_id.as_ref().is_some_and(|id| id.len() <= 50));
}

#[tokio::test]
async fn a_prepared_job_shows_what_its_first_send_carries() {
    let emulator = emulator().await;
    let http = Interposed::new(|_| Step::Pass);
    let client = client_through(&emulator, &http);
    let job = client.prepare(Job::new(panda()).key("order-1")).unwrap();
    assert_eq!((job.key(), http.sends()), ("order-1", 0));
    let body: serde_json::Value = serde_json::from_str(&job.body()).unwrap();
    assert_eq!(body["Prompt"], "a panda in a bamboo forest");
    let session_id = job.session_id().unwrap();
    assert_eq!(body["SessionId"], session_id.as_str());
    client.submit_prepared(job).await.unwrap();
    assert_eq!(http.session_ids(), [session_id]);
}

#[tokio::test]
async fn a_reply_lost_on_the_wire_leads_to_the_task_that_was_started() {
    let emulator = emulator().await;
    let (proxy, passed_on) = proxy_that_loses_replies_to_creates(&emulator).await;
    let task = submitted(&client_to(&emulator, &proxy).build()).await;
    let [entry] = emulator.ledger().try_into().unwrap();
    assert_eq!(entry.task_id, task.id());
    assert_eq!(passed_on.load(Ordering::SeqCst), 1);
    task.wait().await.unwrap();
}

/// What loses the reply of a create that the service has had.
const LOSSES: [SendErrorKind; 3] = [SendErrorKind::Interrupted, SendErrorKind::Timeout, SendErrorKind::TooLarge];

#[tokio::test]
async fn a_lost_reply_is_found_in_the_list_and_nothing_is_sent_again() {
    for kind in LOSSES {
        let emulator = emulator().await;
        let http = Interposed::on_creates(move |_| Step::Fail(kind, Sent::Maybe));
        let task = submitted(&client_through(&emulator, &http)).await;
        let [entry] = emulator.ledger().try_into().unwrap();
        assert_eq!(entry.task_id, task.id());
        assert_eq!(http.actions(), ["CreateAigcVideoTask", "DescribeTasks"], "{kind:?}");
    }
}

#[tokio::test]
async fn a_list_that_lags_behind_delays_the_task_and_bills_nothing_more() {
    for kind in LOSSES {
        for lag in [1, 10, 100] {
            let list_lag = Duration::from_secs(lag);
            let emulator = emulator_with(|it| it.behaviour(Behaviour { list_lag, ..Behaviour::default() })).await;
            let http = Interposed::on_creates(move |_| Step::Fail(kind, Sent::Maybe));
            let task = submitted(&client_through(&emulator, &http)).await;
            let [entry] = emulator.ledger().try_into().unwrap();
            assert_eq!(entry.task_id, task.id());
        }
    }
}

#[tokio::test]
async fn a_lost_reply_that_no_list_shows_is_held_and_never_billed_twice() {
    for (kind, duplicate_code) in LOSSES.into_iter().zip(DuplicateCode::ALL) {
        let unlisted = Behaviour { list_shows_aigc: false, duplicate_code, ..Behaviour::default() };
        // Every reply is lost, or only the first: then the reply to the next send says that the id is known.
        for (lost, sends, reason) in [(usize::MAX, 4, "no send was answered"), (1, 2, "the service knows the id")] {
            let emulator = emulator_with(|builder| builder.behaviour(unlisted.clone())).await;
            let http = Interposed::on_creates(move |create| match create {
                create if create < lost => Step::Fail(kind, Sent::Maybe),
                _ => Step::Pass,
            });
            let error = client_through(&emulator, &http).submit(panda()).await.unwrap_err();
            let held = check_held(&error, &emulator);
            assert!(held.reason.contains(reason), "{held}");
            let ids = http.session_ids();
            assert_eq!(ids.len(), sends, "{kind:?}");
            assert!(ids.iter().all(|id| Some(id) == held.session_id.as_ref()), "{ids:?}");
        }
    }
}

/// The task was started, its id is unknown, and the error leads to it.
fn check_held<'a>(error: &'a SubmitError, emulator: &Emulator) -> &'a Unresolved {
    let SubmitError::Unresolved(held) = error else {
        panic!("{error:?}");
    };
    assert_eq!((error.outcome(), error.billed()), (Outcome::Unknown, Billed::Unknown));
    let [entry] = emulator.ledger().try_into().unwrap();
    assert_eq!(error.session_id(), entry.session_id.as_deref());
    let text = error.to_string();
    assert!(text.contains("the outcome is unknown and money may have been spent"), "{text}");
    assert!(text.contains(entry.session_id.as_deref().unwrap()), "{text}");
    held
}

#[tokio::test]
async fn what_never_left_is_sent_again_and_billed_once() {
    let emulator = emulator().await;
    let http = Interposed::new(|send| match send {
        0..=1 => Step::Fail(SendErrorKind::Connect, Sent::No),
        _ => Step::Pass,
    });
    submitted(&client_through(&emulator, &http)).await;
    assert_eq!((http.session_ids().len(), emulator.ledger().len()), (3, 1));
}

#[tokio::test]
async fn a_server_that_cannot_be_reached_is_given_up_before_long() {
    let emulator = emulator().await;
    let http = Interposed::new(|_| Step::Fail(SendErrorKind::Connect, Sent::No));
    let started = emulator.clock().now();
    let error = client_through(&emulator, &http).submit(panda()).await.unwrap_err();
    assert_eq!((error.outcome(), error.billed(), http.sends()), (Outcome::NotSent, Billed::No, 3));
    assert!(emulator.clock().now().duration_since(started).unwrap() < Duration::from_secs(10));
}

/// A source without keys, which counts how often it is asked.
#[derive(Debug)]
struct NoKeys(Arc<AtomicUsize>);

impl ProvideCredential for NoKeys {
    fn provide(&self, _: SystemTime) -> BoxFuture<'_, Result<Provided, CredentialError>> {
        self.0.fetch_add(1, Ordering::SeqCst);
        Box::pin(async {
            Err(Environment::new(VariableNames::TENCENT_CLOUD, |_| None).provide(noon()).await.unwrap_err())
        })
    }
}

#[tokio::test]
async fn a_submit_without_keys_ends_at_once() {
    let emulator = emulator().await;
    let asked = Arc::new(AtomicUsize::new(0));
    let client = Client::builder(NoKeys(asked.clone()), SUB_APP)
        .clock(Arc::new(SimulatedClock::new(emulator.clock().clone())))
        .build();
    let error = client.submit(panda()).await.unwrap_err();
    assert_eq!((error.outcome(), error.billed()), (Outcome::NotSent, Billed::No));
    assert_eq!((asked.load(Ordering::SeqCst), emulator.clock().now()), (1, noon()));
    // So does a wait.
    let error =
        client.task("1500044236-AigcVideoTask-t").wait().policy(eager(Duration::from_secs(60))).await.unwrap_err();
    assert!(!matches!(error, WaitError::Deadline { .. }), "{error:?}");
    assert_eq!(asked.load(Ordering::SeqCst), 2);
}

#[tokio::test]
async fn a_job_that_was_not_kept_is_resumed_by_the_next_submit_under_its_key() {
    let emulator = emulator().await;
    let store = Arc::new(MemoryStore::new());
    let client = |http: &Arc<Interposed>| {
        let http = http.clone();
        client_to(&emulator, emulator.endpoint()).store(store.clone()).transport(|it| it.http(http)).build()
    };
    let job = || {
        let request = VideoRequest::builder(Kling::V2_1).image("https://a/b.png?sign=1").build().unwrap();
        Job::new(request).key("order-1")
    };
    let unreachable = Interposed::new(|_| Step::Fail(SendErrorKind::Connect, Sent::No));
    client(&unreachable).submit(job()).await.unwrap_err();
    let record = store.jobs().pop().unwrap();
    assert_eq!(record.body, None);

    let http = Interposed::new(|_| Step::Pass);
    let error = client(&http).resume_job(record).await.unwrap_err();
    assert_eq!((error.outcome(), error.billed(), http.sends()), (Outcome::NotSent, Billed::No, 0), "{error}");
    client(&http).submit(job()).await.unwrap();
    assert_eq!((http.session_ids().len(), emulator.ledger().len()), (1, 1));
}

#[tokio::test]
async fn a_refusal_for_frequency_is_sent_again_with_the_same_session_id() {
    let emulator = emulator().await;
    let http = Interposed::new(|send| if send < 2 { Step::Busy(7) } else { Step::Pass });
    let task = submitted(&client_through(&emulator, &http)).await;
    assert_eq!(http.actions()[..3], ["CreateAigcVideoTask"; 3]);
    let [entry] = emulator.ledger().try_into().unwrap();
    assert_eq!(entry.session_id, task.handle().session_id);
    assert!(http.session_ids().into_iter().all(|id| Some(id) == entry.session_id));
}

#[tokio::test]
async fn a_refusal_for_frequency_is_given_up_after_five_more_sends() {
    let emulator = emulator().await;
    let http = Interposed::on_creates(|_| Step::Busy(1));
    let error = client_through(&emulator, &http).submit(panda()).await.unwrap_err();
    assert_eq!((error.billed(), http.session_ids().len()), (Billed::No, 6), "{error}");
}

#[tokio::test]
async fn a_refusal_says_how_long_to_wait_but_no_longer_than_a_minute() {
    for (asked, waited) in [(7, 7), (60, 60), (61, 2), (86_400 * 365, 2)] {
        let emulator = emulator().await;
        let http = Interposed::new(move |send| if send == 0 { Step::Busy(asked) } else { Step::Pass });
        let started = emulator.clock().now();
        submitted(&client_through(&emulator, &http)).await;
        let waiting = emulator.clock().now().duration_since(started).unwrap();
        assert_eq!(waiting, Duration::from_secs(waited), "{asked} s were asked for");
    }
}

#[tokio::test]
async fn a_gateway_in_trouble_says_how_long_to_wait_before_the_same_is_sent_again() {
    let fault =
        Fault::Status { request: RequestEffect::Discarded, status: 503, body: StatusBody::Html, retry_after: Some(40) };
    let rule = FaultRule::new(Target::CreateAigcVideoTask, When::Nth(1), fault);
    let emulator = emulator_with(|builder| builder.fault(rule)).await;
    let started = emulator.clock().now();
    submitted(&client(&emulator)).await;
    assert_eq!(emulator.ledger().len(), 1);
    assert_eq!(emulator.clock().now().duration_since(started).unwrap(), Duration::from_secs(40));
}

#[tokio::test]
async fn a_service_in_trouble_is_asked_under_one_id_and_then_the_job_is_held() {
    for code in ["InternalError", "FailedOperation", "Brand.New"] {
        let emulator = emulator().await;
        let body = format!(r#"{{"Response":{{"Error":{{"Code":"{code}","Message":"why"}},"RequestId":"r-9"}}}}"#);
        let http = Interposed::answering(200, body);
        let error = client_through(&emulator, &http).submit(panda()).await.unwrap_err();
        assert!(matches!(error, SubmitError::Unresolved(_)), "{error:?}");
        assert_eq!((error.billed(), error.request_id()), (Billed::Unknown, Some("r-9")), "{code}");
        let ids = http.session_ids();
        assert_eq!(ids.len(), 4, "{code}");
        assert!(ids.iter().all(|id| Some(id.as_str()) == error.session_id()), "{ids:?}");
    }
}

#[tokio::test]
async fn the_same_session_id_or_key_again_starts_nothing_and_finds_the_first_task() {
    let emulator = emulator().await;
    let client = client(&emulator);
    let request = || VideoRequest::builder(Kling::V2_1).prompt("a panda").session_id("order-7").build().unwrap();
    let first = client.submit(request()).await.unwrap();
    assert_eq!(first.handle().session_id.as_deref(), Some("order-7"));
    assert_eq!(client.submit(request()).await.unwrap().id(), first.id());

    let first = client.submit(Job::new(panda()).key("order-8")).await.unwrap();
    assert_eq!(client.submit(Job::new(panda()).key("order-8")).await.unwrap().id(), first.id());
    assert_eq!(emulator.ledger().len(), 2);
}

#[tokio::test]
async fn two_submits_of_one_request_are_two_tasks() {
    let emulator = emulator().await;
    let client = client(&emulator);
    let (one, other) = (submitted(&client).await, submitted(&client).await);
    assert_ne!(one.handle().session_id, other.handle().session_id);
    assert_ne!(one.id(), other.id());
    assert_eq!(emulator.ledger().len(), 2);
}

#[tokio::test]
async fn a_wrong_key_is_refused_and_costs_nothing() {
    let emulator = emulator().await;
    let client = |id: &str, key: &str| {
        Client::builder(Credential::new(id, key).unwrap(), SUB_APP)
            .endpoint(emulator.endpoint().parse().unwrap())
            .clock(Arc::new(SimulatedClock::new(emulator.clock().clone())))
            .build()
    };
    for (client, code) in [
        (client(credential().secret_id(), "wrong"), "AuthFailure.SignatureFailure"),
        (client("AKIDOTHER", SECRET_KEY), "AuthFailure.SecretIdNotFound"),
    ] {
        let error = client.submit(panda()).await.unwrap_err();
        let SubmitError::Call(call) = &error else {
            panic!("{error:?}");
        };
        assert_eq!(call.code().unwrap().as_str(), code);
        assert_eq!((error.class(), error.billed()), (Some(ErrorClass::Credentials), Billed::No));
        assert!(error.request_id().is_some());
    }
    assert!(emulator.ledger().is_empty());
}

#[tokio::test]
async fn where_nothing_listens_nothing_was_sent() {
    let emulator = emulator().await;
    let endpoint = emulator.endpoint().to_owned();
    let client = client_to(&emulator, &endpoint).build();
    emulator.stop().await;
    let error = client.submit(panda()).await.unwrap_err();
    assert_eq!((error.outcome(), error.billed()), (Outcome::NotSent, Billed::No));
    assert!(error.to_string().contains("nothing was sent"), "{error}");
}

/// A server in between that passes each request on and hangs up in place of the reply to a create; it counts the creates
/// that it has passed on.
async fn proxy_that_loses_replies_to_creates(emulator: &Emulator) -> (String, Arc<AtomicUsize>) {
    let target = emulator.endpoint().strip_prefix("http://").unwrap().to_owned();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let passed_on = Arc::new(AtomicUsize::new(0));
    let counted = passed_on.clone();
    tokio::spawn(async move {
        loop {
            let (mut stream, _) = listener.accept().await.unwrap();
            let request = read_request(&mut stream).await;
            let mut service = TcpStream::connect(&target).await.unwrap();
            service.write_all(request.as_bytes()).await.unwrap();
            // A reply has the same form.
            let reply = read_request(&mut service).await;
            assert!(reply.starts_with("HTTP/1.1 200"));
            if request.contains("CreateAigcVideoTask") {
                counted.fetch_add(1, Ordering::SeqCst);
            } else {
                stream.write_all(reply.as_bytes()).await.unwrap();
            }
        }
    });
    (url, passed_on)
}
