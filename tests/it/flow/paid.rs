//! What a create may cost: each error says whether anything was sent, and never is anything billed twice.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use vod_aigc_client::{Client, SubmitError};
use vod_aigc_core::{ErrorClass, Kling, VideoRequest};
use vod_aigc_emulator::{Credential, Emulator};
use vod_aigc_transport::{Billed, SendErrorKind, Sent};

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
async fn a_reply_lost_on_the_way_is_not_asked_for_again() {
    let emulator = emulator().await;
    let (proxy, passed_on) = proxy_that_swallows_replies(&emulator).await;
    let error = client_to(&emulator, &proxy).build().submit(panda()).await.unwrap_err();
    check_unknown(&error, &emulator);
    assert_eq!(passed_on.load(Ordering::SeqCst), 1);
}

#[tokio::test]
async fn a_lost_reply_is_never_billed_twice_whatever_lost_it() {
    for kind in [SendErrorKind::Interrupted, SendErrorKind::Timeout, SendErrorKind::TooLarge] {
        let emulator = emulator().await;
        let http = Interposed::new(move |_| Step::Fail(kind, Sent::Maybe));
        let error = client_through(&emulator, &http).submit(panda()).await.unwrap_err();
        assert_eq!(http.sends(), 1, "{kind:?}");
        check_unknown(&error, &emulator);
    }
}

/// The task was started, nobody knows its id, and the error leads to it.
fn check_unknown(error: &SubmitError, emulator: &Emulator) {
    assert_eq!((error.sent(), error.billed()), (Sent::Maybe, Billed::Unknown));
    let [entry] = emulator.ledger().try_into().unwrap();
    assert_eq!(error.session_id(), entry.session_id.as_deref());
    let text = error.to_string();
    assert!(text.contains("the outcome is unknown and money may have been spent"), "{text}");
    assert!(text.contains(entry.session_id.as_deref().unwrap()), "{text}");
}

#[tokio::test]
async fn what_never_left_is_sent_again_and_billed_once() {
    let emulator = emulator().await;
    let http = Interposed::new(|send| match send {
        0..=2 => Step::Fail(SendErrorKind::Connect, Sent::No),
        _ => Step::Pass,
    });
    submitted(&client_through(&emulator, &http)).await;
    assert_eq!((http.sends(), emulator.ledger().len()), (4, 1));
}

#[tokio::test]
async fn a_refusal_for_frequency_is_sent_again_with_the_same_session_id() {
    let emulator = emulator().await;
    let busy = r#"{"Response":{"Error":{"Code":"RequestLimitExceeded","Message":"slow down"},"RequestId":"r"}}"#;
    let http = Interposed::new(|send| if send < 2 { Step::Answer(200, busy.to_owned()) } else { Step::Pass });
    let task = submitted(&client_through(&emulator, &http)).await;
    assert_eq!((http.sends(), emulator.ledger().len()), (3, 1));
    assert_eq!(emulator.ledger()[0].session_id, task.handle().session_id);
}

#[tokio::test]
async fn a_service_in_trouble_is_not_asked_to_create_again() {
    for code in ["InternalError", "FailedOperation", "Brand.New"] {
        let emulator = emulator().await;
        let body = format!(r#"{{"Response":{{"Error":{{"Code":"{code}","Message":"why"}},"RequestId":"r-9"}}}}"#);
        let http = Interposed::answering(200, body);
        let error = client_through(&emulator, &http).submit(panda()).await.unwrap_err();
        assert_eq!(http.sends(), 1, "{code}");
        assert_eq!((error.billed(), error.request_id()), (Billed::Unknown, Some("r-9")), "{code}");
        assert!(error.session_id().is_some(), "{code}");
    }
}

#[tokio::test]
async fn the_same_session_id_again_starts_nothing_and_says_that_the_first_was_accepted() {
    let emulator = emulator().await;
    let client = client(&emulator);
    let request = || VideoRequest::builder(Kling::V2_1).prompt("a panda").session_id("order-7").build().unwrap();
    client.submit(request()).await.unwrap();
    let error = client.submit(request()).await.unwrap_err();
    assert_eq!((error.billed(), error.class()), (Billed::Yes, Some(ErrorClass::Duplicate)));
    assert_eq!(error.session_id(), Some("order-7"));
    assert_eq!(emulator.ledger().len(), 1);
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
            .clock(Arc::new(SharedClock(emulator.clock().clone())))
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
    assert_eq!((error.sent(), error.billed()), (Sent::No, Billed::No));
    assert!(error.to_string().contains("nothing was sent"), "{error}");
}

/// A server in between that passes each request on, reads the reply and hangs up; it counts what it passes on.
async fn proxy_that_swallows_replies(emulator: &Emulator) -> (String, Arc<AtomicUsize>) {
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
            let mut reply = Vec::new();
            service.read_buf(&mut reply).await.unwrap();
            assert!(reply.starts_with(b"HTTP/1.1 200"));
            counted.fetch_add(1, Ordering::SeqCst);
        }
    });
    (url, passed_on)
}
