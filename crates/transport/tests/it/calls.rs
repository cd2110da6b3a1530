//! What is sent, how often, and what the error says about money.

use std::io::Write as _;
use std::sync::Arc;
use std::time::Duration;

use flate2::Compression;
use flate2::write::{GzEncoder, ZlibEncoder};
use serde_json::{Value, json};
use vod_aigc_core::{Action, ErrorClass};
use vod_aigc_transport::testing::ManualClock;
use vod_aigc_transport::{
    Billed, Clock, Environment, Error, ErrorKind, LARGEST_REPLY, Language, Random, RetryPolicy, Sent, VariableNames,
};

use crate::server::{
    Create, Created, NOW, Server, Step, answer, answer_with, api_error, closed_url, create, credential, describe, ok,
    transport_to,
};

#[derive(Debug)]
struct Highest;

impl Random for Highest {
    fn next_u64(&self) -> u64 {
        u64::MAX
    }
}

fn page(status: u16) -> Step {
    answer(status, "text/html", "<html><body>Bad Gateway</body></html>")
}

fn cut_off() -> Step {
    Step::Break(b"HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\n{\"Response\":{\"TaskId\":\"t-1\"".to_vec())
}

/// Sends one action to a server that plays `steps`, and returns the error and how many requests arrived.
async fn failed<A: Action<Reply: std::fmt::Debug>>(steps: Vec<Step>, action: A) -> (Error, usize) {
    let server = Server::start(steps).await;
    let error = server.transport().build().call(action).await.expect_err("the script holds a failure");
    (error, server.requests().len())
}

/// A create that is sent once and whose outcome is unknown.
async fn check_unknown(step: Step, sent: Sent) -> Error {
    let hangs = matches!(step, Step::Hang);
    let server = Server::start(vec![step, ok(r#"{"TaskId":"second-bill"}"#)]).await;
    let patience = Duration::from_secs(if hangs { 1 } else { 20 });
    let transport = server.transport().attempt_timeouts(patience, patience).build();
    let error = transport.call(create()).await.expect_err("the script holds a failure");
    assert_eq!(server.requests().len(), 1, "a create was sent again: {error}");
    assert_eq!((error.sent(), error.billed(), error.is_retryable()), (sent, Billed::Unknown, false), "{error}");
    let session_id = error.session_id().expect("every create has a session id");
    assert!(session_id.starts_with("va1-"), "{session_id}");
    let text = error.to_string();
    assert!(text.contains("money may have been spent") && text.contains(session_id), "{text}");
    assert!(!text.contains('\n'), "{text}");
    error
}

#[tokio::test]
async fn a_create_whose_reply_is_lost_is_not_sent_again() {
    let error = check_unknown(Step::Close, Sent::Maybe).await;
    assert_eq!(error.kind(), ErrorKind::Send);
}

#[tokio::test]
async fn a_create_whose_reply_is_cut_off_is_not_sent_again() {
    check_unknown(cut_off(), Sent::Yes).await;
}

#[tokio::test]
async fn a_create_whose_reply_never_comes_is_not_sent_again() {
    let error = check_unknown(Step::Hang, Sent::Maybe).await;
    assert!(error.is_timeout(), "{error:?}");
}

#[tokio::test]
async fn a_create_that_a_gateway_answers_is_not_sent_again() {
    for status in [200, 429, 502, 503, 504] {
        let error = check_unknown(page(status), Sent::Yes).await;
        assert_eq!(error.kind(), ErrorKind::Reply);
        assert!(error.to_string().contains(&status.to_string()), "{error}");
    }
}

#[tokio::test]
async fn a_create_that_fails_inside_the_service_is_not_sent_again() {
    for code in ["InternalError", "FailedOperation", "ServiceUnavailable", "Brand.NewCode"] {
        let error = check_unknown(api_error(code), Sent::Yes).await;
        assert_eq!(error.code().map(|code| code.as_str()), Some(code));
        assert_eq!(error.request_id(), Some("req-1"));
    }
}

#[tokio::test]
async fn a_create_that_is_refused_is_not_billed_and_not_sent_again() {
    for code in ["InvalidParameter", "AuthFailure", "LimitExceeded", "ContentRiskDetected", "ResourceInsufficient"] {
        let (error, requests) = failed(vec![api_error(code)], create()).await;
        assert_eq!((requests, error.billed(), error.sent()), (1, Billed::No, Sent::Yes), "{error}");
        let text = error.to_string();
        assert!(text.contains(code) && text.contains("why") && text.contains("req-1"), "{text}");
        assert!(text.contains("nothing was billed") && !text.contains("may have been spent"), "{text}");
    }
}

#[tokio::test]
async fn a_duplicate_says_that_an_earlier_send_was_accepted() {
    let given = Create { session_id: Some("mine".to_owned()), ..create() };
    let (error, requests) = failed(vec![api_error("InvalidParameterValue.SessionId")], given).await;
    assert_eq!((requests, error.billed(), error.session_id()), (1, Billed::Yes, Some("mine")));
    assert_eq!(error.class(), Some(ErrorClass::Duplicate));
}

#[tokio::test]
async fn a_create_that_never_left_is_sent_again_and_then_given_up() {
    let clock = Arc::new(ManualClock::at(NOW));
    let (url, _socket) = closed_url();
    let transport = transport_to(&url).clock(clock.clone()).build();
    let error = transport.call(create()).await.expect_err("nobody listens");
    assert_eq!(clock.sleeps().len(), 4, "five attempts have four waits between them");
    assert_eq!((error.sent(), error.billed(), error.is_retryable()), (Sent::No, Billed::No, true), "{error}");
    assert!(error.to_string().contains("nothing was sent"), "{error}");
}

#[tokio::test]
async fn a_create_refused_for_its_frequency_is_sent_again_with_the_same_body_and_a_new_signature() {
    let server = Server::start(vec![api_error("RequestLimitExceeded"), ok(r#"{"TaskId":"t-1"}"#)]).await;
    let slow = RetryPolicy { first_wait: Duration::from_secs(9), ..RetryPolicy::WRITE };
    let transport = server.transport().random(Arc::new(Highest)).write_retry(slow).build();
    let reply = transport.call(create()).await.expect("the second attempt succeeds");
    assert_eq!(reply.value, Created { task_id: "t-1".to_owned() });
    let [first, second] = &server.requests()[..] else { panic!("two requests are expected") };
    assert_eq!(first.body, second.body);
    assert_ne!(first.header("authorization"), second.header("authorization"));
    assert_eq!(first.header("x-tc-timestamp"), Some("1764072000"));
    assert_eq!(second.header("x-tc-timestamp"), Some("1764072008"));
    for request in [first, second] {
        request.verify().expect("each attempt is signed");
    }
}

#[tokio::test]
async fn a_create_on_a_reused_connection_that_breaks_is_not_sent_again() {
    let server = Server::start(vec![ok(r#"{"TaskId":"t-1"}"#), Step::Close, ok(r#"{"TaskId":"second-bill"}"#)]).await;
    let transport = server.transport().build();
    transport.call(create()).await.expect("the first create succeeds and leaves its connection open");
    let error = transport.call(create()).await.expect_err("the connection breaks after the request");
    assert_eq!((error.sent(), error.billed()), (Sent::Maybe, Billed::Unknown), "{error}");
    let connections: Vec<usize> = server.requests().iter().map(|request| request.connection).collect();
    assert_eq!(connections, [0, 0], "both on the one connection, and no third");
}

#[tokio::test]
async fn reads_are_sent_again_until_they_succeed() {
    let steps = vec![page(502), Step::Close, cut_off(), api_error("InternalError"), ok(r#"{"Status":"FINISH"}"#)];
    let server = Server::start(steps).await;
    let clock = Arc::new(ManualClock::at(NOW));
    let reply = server.transport().clock(clock.clone()).build().call(describe()).await.expect("the fifth succeeds");
    assert_eq!(reply.value.status, "FINISH");
    assert_eq!(server.requests().len(), 5);
    for (wait, longest) in clock.sleeps().into_iter().zip([200, 400, 800, 1_600]) {
        assert!(wait <= Duration::from_millis(longest), "{wait:?} is longer than {longest} ms");
    }
}

#[tokio::test]
async fn reads_are_given_up_after_five_attempts() {
    let (error, requests) = failed(vec![page(503); 9], describe()).await;
    assert_eq!((requests, error.billed()), (5, Billed::No));
    assert!(!error.to_string().contains("money"), "a read costs nothing: {error}");
}

#[tokio::test]
async fn reads_that_cannot_get_better_are_not_sent_again() {
    let wrong_type = ok(r#"{"Status":7,"RequestId":"req-2"}"#);
    for step in [api_error("InvalidParameter"), page(403), page(404), wrong_type] {
        let (error, requests) = failed(vec![step], describe()).await;
        assert_eq!((requests, error.is_retryable()), (1, false), "{error}");
    }
}

#[tokio::test]
async fn retry_after_is_obeyed() {
    let busy = answer_with(503, "retry-after: 7\r\n", "busy");
    let server = Server::start(vec![busy, ok(r#"{"Status":"FINISH"}"#)]).await;
    let clock = Arc::new(ManualClock::at(NOW));
    server.transport().clock(clock.clone()).build().call(describe()).await.expect("the second attempt succeeds");
    assert_eq!(clock.sleeps(), [Duration::from_secs(7)]);
}

#[tokio::test]
async fn a_wait_beyond_the_whole_calls_time_ends_the_call() {
    let server = Server::start(vec![answer_with(503, "retry-after: 45\r\n", "busy")]).await;
    let clock = Arc::new(ManualClock::at(NOW));
    let transport = server.transport().clock(clock.clone()).build();
    let error = transport.call(describe()).await.expect_err("45 s do not fit into 30 s");
    assert_eq!(error.retry_after(), Some(Duration::from_secs(45)));
    assert!(clock.sleeps().is_empty());

    let patient = RetryPolicy { total: Duration::from_secs(60), ..RetryPolicy::READ };
    let server = Server::start(vec![answer_with(503, "retry-after: 45\r\n", "busy"), ok(r#"{"Status":"RUN"}"#)]).await;
    server.transport().read_retry(patient).build().call(describe()).await.expect("45 s fit into 60 s");
}

#[tokio::test]
async fn the_whole_call_has_a_deadline() {
    let server = Server::start(vec![page(503); 99]).await;
    let clock = Arc::new(ManualClock::at(NOW));
    let endless = RetryPolicy { attempts: 99, ..RetryPolicy::READ };
    let transport = server.transport().clock(clock.clone()).random(Arc::new(Highest)).read_retry(endless).build();
    transport.call(describe()).await.expect_err("the server never recovers");
    let elapsed = clock.now().duration_since(ManualClock::at(NOW).now()).unwrap();
    assert!(elapsed < Duration::from_secs(30), "{elapsed:?}");
    assert!(elapsed > Duration::from_secs(20), "{elapsed:?}");
}

#[tokio::test]
async fn a_redirect_is_not_followed() {
    let other = Server::start(vec![ok(r#"{"TaskId":"t-1"}"#)]).await;
    let redirect = answer_with(307, &format!("location: {}/\r\n", other.url()), "");
    let (error, requests) = failed(vec![redirect], create()).await;
    assert_eq!((requests, other.requests().len()), (1, 0));
    assert_eq!(error.kind(), ErrorKind::Reply);
}

#[tokio::test]
async fn a_reply_that_is_too_long_is_an_error_and_not_asked_for_again() {
    let long = format!(r#"{{"Response":{{"Status":"{}"}}}}"#, "x".repeat(10 * 1024 * 1024));
    let server = Server::start(vec![answer(200, "application/json", &long)]).await;
    let error = server.transport().build().call(describe()).await.expect_err("the limit is 10 MiB");
    assert_eq!((error.kind(), error.sent(), server.requests().len()), (ErrorKind::Send, Sent::Yes, 1), "{error}");
    assert!(error.to_string().contains("10485760"), "{error}");
}

#[tokio::test]
async fn an_error_with_a_charset_content_type_is_an_error() {
    for content_type in ["application/json; charset=utf-8", "application/json", "text/plain", "text/html"] {
        let body = r#"{"Response":{"Error":{"Code":"AuthFailure","Message":"no"},"RequestId":"r"}}"#;
        let (error, _) = failed(vec![answer(200, content_type, body)], describe()).await;
        assert_eq!(error.code().map(|code| code.as_str()), Some("AuthFailure"), "{content_type}");
    }
}

#[tokio::test]
async fn every_create_gets_a_session_id_unless_it_has_one() {
    let server = Server::start(vec![ok(r#"{"TaskId":"t-1"}"#); 3]).await;
    let transport = server.transport().build();
    for given in [None, Some(String::new()), Some("mine".to_owned())] {
        transport.call(Create { session_id: given, ..create() }).await.expect("the server accepts");
    }
    let ids: Vec<String> = server
        .requests()
        .iter()
        .map(|request| {
            let body: Value = serde_json::from_slice(&request.body).unwrap();
            body["SessionId"].as_str().unwrap().to_owned()
        })
        .collect();
    assert_eq!(ids[2], "mine");
    assert_ne!(ids[0], ids[1]);
    for id in &ids[..2] {
        assert!(id.starts_with("va1-") && id.len() <= 50, "{id}");
    }
}

#[tokio::test]
async fn what_arrives_is_signed_and_names_region_language_and_token() {
    let server = Server::start(vec![ok(r#"{"Status":"FINISH"}"#)]).await;
    let with_token = credential().with_token("canary-token").unwrap();
    let transport = vod_aigc_transport::Transport::builder(with_token)
        .endpoint(server.url().parse().unwrap())
        .http(crate::stack::http())
        .region("ap-guangzhou")
        .language(Language::English)
        .build();
    transport.call(describe()).await.expect("the server accepts");
    let request = &server.requests()[0];
    assert_eq!(request.request_line(), ("POST", "/", "HTTP/1.1"));
    assert_eq!(
        request.verify().expect("the signature covers what arrived").signed_headers,
        ["content-type", "host", "x-tc-action"]
    );
    for (name, value) in [
        ("host", server.address.as_str()),
        ("content-type", "application/json"),
        ("x-tc-action", "DescribeTaskDetail"),
        ("x-tc-version", "2018-07-17"),
        ("x-tc-region", "ap-guangzhou"),
        ("x-tc-language", "en-US"),
        ("x-tc-token", "canary-token"),
    ] {
        assert_eq!(request.header(name), Some(value), "{name}");
    }
    assert_eq!(serde_json::from_slice::<Value>(&request.body).unwrap(), json!({"TaskId": "task-1"}));
}

#[tokio::test]
async fn a_dry_run_shows_exactly_what_would_be_sent() {
    let transport = transport_to("http://127.0.0.1:9").region("ap-guangzhou").build();
    let call = transport.prepare(create()).unwrap();
    let text = transport.sign(&call).await.unwrap().to_string();
    let (before, signature) = text.split_once("Signature=").unwrap();
    assert_eq!(
        before,
        "POST / HTTP/1.1\n\
         host: 127.0.0.1:9\n\
         content-type: application/json\n\
         x-tc-action: CreateAigcVideoTask\n\
         x-tc-version: 2018-07-17\n\
         x-tc-timestamp: 1764072000\n\
         x-tc-region: ap-guangzhou\n\
         authorization: TC3-HMAC-SHA256 Credential=AKIDEXAMPLE/2025-11-25/vod/tc3_request, \
         SignedHeaders=content-type;host;x-tc-action, "
    );
    let body = String::from_utf8(call.body().to_vec()).unwrap();
    assert_eq!(&signature[64..], format!("\n\n{body}"));
    assert!(body.contains(call.session_id().unwrap()));
    assert_eq!(text, transport.sign(&call).await.unwrap().to_string(), "the same moment gives the same bytes");
}

#[tokio::test]
async fn nothing_is_sent_without_credentials_or_with_a_name_that_breaks_out_of_its_header() {
    let server = Server::start(Vec::new()).await;
    let none = Environment::new(VariableNames::TENCENT_CLOUD, |_| None);
    let transport = vod_aigc_transport::Transport::builder(none).endpoint(server.url().parse().unwrap()).build();
    let error = transport.call(create()).await.expect_err("there are no keys");
    assert_eq!((error.kind(), error.sent(), error.billed()), (ErrorKind::Credential, Sent::No, Billed::No));
    assert!(error.to_string().contains("TENCENTCLOUD_SECRET_ID"), "{error}");

    let transport = server.transport().region("a\r\nx-evil: 1").build();
    let error = transport.call(create()).await.expect_err("a region is a name");
    assert_eq!((error.kind(), error.sent()), (ErrorKind::Request, Sent::No));
    assert!(error.to_string().contains("region"), "{error}");
    assert!(server.requests().is_empty());
}

#[tokio::test]
async fn a_request_above_the_services_limit_is_not_sent() {
    let server = Server::start(Vec::new()).await;
    let large = Create { prompt: "x".repeat(10 * 1024 * 1024), session_id: None };
    let error = server.transport().build().call(large).await.expect_err("the limit is 10 MiB");
    assert_eq!((error.kind(), error.sent()), (ErrorKind::Request, Sent::No), "{error}");
    assert!(server.requests().is_empty());
}

#[tokio::test]
async fn calls_can_be_spawned() {
    let server = Server::start(vec![ok(r#"{"TaskId":"t-1"}"#)]).await;
    let transport = server.transport().build();
    tokio::spawn(async move { transport.call(create()).await }).await.unwrap().expect("the server accepts");
}

#[tokio::test]
async fn a_compressed_reply_is_read_and_one_that_grows_too_long_is_not() {
    let compressed = |coding: &str, body: &[u8]| {
        let mut bytes = Vec::new();
        match coding {
            "gzip" => GzEncoder::new(&mut bytes, Compression::default()).write_all(body).unwrap(),
            _ => ZlibEncoder::new(&mut bytes, Compression::default()).write_all(body).unwrap(),
        }
        let head = format!("HTTP/1.1 200 X\r\ncontent-encoding: {coding}\r\ncontent-length: {}\r\n\r\n", bytes.len());
        Step::Answer([head.as_bytes(), &bytes].concat())
    };
    for coding in ["gzip", "deflate"] {
        let server = Server::start(vec![compressed(coding, br#"{"Response":{"Status":"FINISH"}}"#)]).await;
        let reply = server.transport().build().call(describe()).await.expect("the reply is readable");
        assert_eq!(reply.value.status, "FINISH");
        let offered = server.requests()[0].header("accept-encoding").unwrap().to_owned();
        assert!(offered.contains(coding), "{offered}");

        let server = Server::start(vec![compressed(coding, &[b' '; LARGEST_REPLY + 1])]).await;
        let error = server.transport().build().call(create()).await.expect_err("it has more bytes than are read");
        assert_eq!((error.sent(), error.billed()), (Sent::Yes, Billed::Unknown), "{error}");
    }
}
