//! Each fault, as a socket sees it.

use std::io::ErrorKind;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use vod_aigc_emulator::{Clock, Emulator, Exchange, Fault, FaultRule, Pace, RequestEffect, StatusBody, Target, When};

use crate::support::*;

/// What came back over a connection until it ended, and how it ended.
struct Seen {
    bytes: Vec<u8>,
    /// `None` is an ordinary end.
    error: Option<ErrorKind>,
    after: Duration,
}

impl Seen {
    fn is_reset_without_reply(&self) -> bool {
        self.bytes.is_empty() && matches!(self.error, Some(ErrorKind::ConnectionReset | ErrorKind::BrokenPipe))
    }
}

/// Sends a call, whatever becomes of it.
#[allow(clippy::disallowed_methods, reason = "how slow a socket is can only be told in real time")]
async fn seen(emulator: &Emulator, call: &Call) -> Seen {
    let begun = Instant::now();
    let mut stream = TcpStream::connect(host(emulator)).await.unwrap();
    let mut bytes = Vec::new();
    let mut sent = stream.write_all(&call.bytes()).await;
    if sent.is_ok() {
        sent = stream.read_to_end(&mut bytes).await.map(drop);
    }
    Seen { bytes, error: sent.err().map(|error| error.kind()), after: begun.elapsed() }
}

/// An emulator that injects this into its first call of any kind.
async fn with_fault(fault: Fault) -> Emulator {
    with_faults([fault]).await
}

async fn with_faults(faults: impl IntoIterator<Item = Fault>) -> Emulator {
    let builder = Emulator::builder().clock(Clock::manual(noon()));
    let rules = faults.into_iter().map(|fault| FaultRule::any(When::Nth(1), fault));
    rules.fold(builder, |builder, rule| builder.fault(rule)).start().await.unwrap()
}

fn create_call(emulator: &Emulator) -> Call {
    Call::signed(emulator, "CreateAigcVideoTask", &request(json!({ "SessionId": "s" })))
}

#[tokio::test]
async fn a_connection_is_reset_before_or_after_the_effect() {
    for (fault, accepted) in [
        (Fault::Refused, 0),
        (Fault::ResetBefore, 0),
        (Fault::ResetInRequest, 0),
        (Fault::Reset { request: RequestEffect::Discarded }, 0),
        (Fault::Reset { request: RequestEffect::Applied }, 1),
        (Fault::DelayedAcceptance { seconds: 60 }, 0),
    ] {
        let emulator = with_fault(fault.clone()).await;
        let call = create_call(&emulator);
        let seen = seen(&emulator, &call).await;
        assert!(seen.is_reset_without_reply(), "{fault:?}: {:?} {:?}", seen.error, seen.bytes);
        assert_eq!(emulator.ledger().len(), accepted, "{fault:?}");
        assert!(describe(&emulator, "none").await["Error"].is_object(), "only the first call is hit");
    }
}

#[tokio::test]
async fn a_stopped_emulator_refuses_connections_and_remembers_its_tasks() {
    let emulator = emulator().await;
    let task_id = created(&emulator, json!({})).await;
    let inside = emulator.in_process().clone();
    let address = host(&emulator);
    emulator.stop().await;
    assert_eq!(TcpStream::connect(&address).await.unwrap_err().kind(), ErrorKind::ConnectionRefused);

    let again = inside.listen(address.parse().unwrap()).await.unwrap();
    assert_eq!(describe(&again, &task_id).await["Status"], "WAITING");
    assert_eq!(again.endpoint(), inside.endpoint());
}

#[tokio::test]
async fn a_connection_that_served_one_call_is_reset_at_the_next() {
    let emulator = emulator().await;
    emulator.inject(FaultRule::any(When::Nth(2), Fault::ResetBefore));
    let call = create_call(&emulator).bytes();
    let call = String::from_utf8(call).unwrap().replace("Connection: close\r\n", "");
    let mut stream = TcpStream::connect(host(&emulator)).await.unwrap();
    stream.write_all(call.as_bytes()).await.unwrap();
    let mut reply = Vec::new();
    while !reply.ends_with(b"}}") {
        assert_ne!(stream.read_buf(&mut reply).await.unwrap(), 0);
    }
    stream.write_all(call.as_bytes()).await.unwrap();
    let error = stream.read_buf(&mut reply).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::ConnectionReset);
    assert_eq!((emulator.bill().accepted, emulator.bill().duplicates_refused), (1, 0));
}

#[tokio::test]
async fn a_request_is_cut_in_the_middle_of_its_body() {
    let emulator = with_fault(Fault::ResetInRequest).await;
    let mut call = create_call(&emulator);
    call.body = vec![b' '; 8 * 1024 * 1024];
    let seen = seen(&emulator, &call).await;
    assert!(seen.is_reset_without_reply(), "{:?}", seen.error);
    assert!(emulator.ledger().is_empty());
}

#[tokio::test]
async fn a_hanging_call_is_reset_when_its_time_is_over_or_the_emulator_stops() {
    for (effect, accepted) in [(RequestEffect::Applied, 1), (RequestEffect::Discarded, 0)] {
        let emulator = with_fault(Fault::Hang { request: effect, milliseconds: Some(30) }).await;
        let seen = seen(&emulator, &create_call(&emulator)).await;
        assert!(seen.is_reset_without_reply(), "{:?}", seen.error);
        assert!(seen.after >= Duration::from_millis(30), "{:?}", seen.after);
        assert_eq!(emulator.ledger().len(), accepted);
    }

    let emulator = with_fault(Fault::Hang { request: RequestEffect::Applied, milliseconds: None }).await;
    let mut stream = TcpStream::connect(host(&emulator)).await.unwrap();
    stream.write_all(&create_call(&emulator).bytes()).await.unwrap();
    while emulator.ledger().is_empty() {
        tokio::task::yield_now().await;
    }
    emulator.stop().await;
    let error = stream.read_to_end(&mut Vec::new()).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::ConnectionReset);
}

#[tokio::test]
async fn a_truncated_reply_ends_before_the_length_that_it_promises() {
    for (effect, accepted) in [(RequestEffect::Applied, 1), (RequestEffect::Discarded, 0)] {
        let emulator = with_fault(Fault::Truncate { request: effect, bytes: 20 }).await;
        let seen = seen(&emulator, &create_call(&emulator)).await;
        assert_eq!(seen.error, None, "it is closed, not reset");
        let reply = Reply::parse(&seen.bytes);
        assert_eq!((reply.status, reply.body.len()), (200, 20));
        assert!(reply.header("content-length").unwrap().parse::<usize>().unwrap() > 20);
        assert_eq!(emulator.ledger().len(), accepted);
    }
    let emulator = with_fault(Fault::Truncate { request: RequestEffect::Applied, bytes: usize::MAX }).await;
    let reply = Reply::parse(&seen(&emulator, &create_call(&emulator)).await.bytes);
    assert_eq!(reply.header("content-length"), Some((reply.body.len() + 1).to_string().as_str()));
}

#[tokio::test]
async fn a_slow_reply_is_whole_in_the_end() {
    for (fault, least) in [
        (Fault::SlowFirstByte { milliseconds: 30 }, 30),
        (Fault::SlowDrip { bytes: 20, milliseconds: 5 }, 5 * 6),
        (Fault::SlowDrip { bytes: 0, milliseconds: 0 }, 0),
        (Fault::SlowClose { milliseconds: 30 }, 30),
    ] {
        let emulator = with_fault(fault.clone()).await;
        let seen = seen(&emulator, &create_call(&emulator)).await;
        assert_eq!(seen.error, None, "{fault:?}");
        assert!(seen.after >= Duration::from_millis(least), "{fault:?}: {:?}", seen.after);
        let reply = Reply::parse(&seen.bytes);
        let text = String::from_utf8(reply.body.clone()).unwrap();
        assert!(text.contains(&emulator.ledger()[0].task_id), "{fault:?}: {text}");
        let has_no_length = matches!(fault, Fault::SlowClose { .. });
        assert_eq!(reply.header("content-length").is_none(), has_no_length, "{fault:?}");
        assert_eq!(reply.header("transfer-encoding") == Some("chunked"), has_no_length, "{fault:?}");
    }
}

#[tokio::test]
async fn a_gateway_answers_before_or_after_the_effect() {
    for status in [408, 429, 500, 502, 503, 504] {
        for (effect, accepted) in [(RequestEffect::Applied, 1), (RequestEffect::Discarded, 0)] {
            for body in [StatusBody::Html, StatusBody::Empty] {
                let fault = Fault::Status { request: effect, status, body, retry_after: Some(3) };
                let emulator = with_fault(fault).await;
                let reply = create_call(&emulator).reply(&emulator).await;
                assert_eq!((reply.status, reply.header("retry-after")), (status, Some("3")));
                assert_eq!(reply.body.starts_with(b"<html>"), body == StatusBody::Html);
                assert_eq!(reply.body.is_empty(), body == StatusBody::Empty);
                assert_eq!(emulator.ledger().len(), accepted);
            }
        }
    }
    for status in [0, 100, 1000] {
        let fault =
            Fault::Status { request: RequestEffect::Applied, status, body: StatusBody::Html, retry_after: None };
        let emulator = with_fault(fault).await;
        assert_eq!(create_call(&emulator).reply(&emulator).await.status, 502);
    }
}

#[tokio::test]
async fn an_error_of_the_api_can_be_any_with_any_content_type() {
    for (effect, accepted) in [(RequestEffect::Applied, 1), (RequestEffect::Discarded, 0)] {
        let content_type = "application/json; charset=utf-8";
        let emulator = with_faults([
            Fault::Error { request: effect, code: "Quite.Unheard.Of".to_owned() },
            Fault::ContentType(content_type.to_owned()),
        ])
        .await;
        let reply = create_call(&emulator).reply(&emulator).await;
        assert_eq!((reply.status, reply.header("content-type")), (200, Some(content_type)));
        let response = &reply.json()["Response"];
        assert_eq!(response["Error"]["Code"], "Quite.Unheard.Of");
        assert!(response["RequestId"].is_string() && response.get("TaskId").is_none());
        assert_eq!(emulator.ledger().len(), accepted);
    }
}

#[tokio::test]
async fn a_compressed_reply_is_gzip_or_only_says_so() {
    let emulator = with_fault(Fault::Gzip).await;
    let reply = create_call(&emulator).reply(&emulator).await;
    assert_eq!(reply.header("content-encoding"), Some("gzip"));
    let (head, stored) = reply.body.split_at(15);
    assert_eq!((&head[..3], head[10]), (&[0x1F, 0x8B, 8][..], 0), "one block, stored as it is");
    let length = usize::from(u16::from_le_bytes([head[11], head[12]]));
    let json: Value = serde_json::from_slice(&stored[..length]).unwrap();
    assert_eq!(json["Response"]["TaskId"], emulator.ledger()[0].task_id);

    let emulator = with_fault(Fault::BadGzip).await;
    let bad = create_call(&emulator).reply(&emulator).await;
    assert_eq!(bad.header("content-encoding"), Some("gzip"));
    assert_eq!((&bad.body[..3], bad.body[10]), (&[0x1F, 0x8B, 8][..], 0xFF), "there is no such kind of block");
}

#[tokio::test]
async fn a_reply_can_be_huge_deep_or_of_wrong_shape() {
    let text = async |fault| {
        let emulator = with_fault(fault).await;
        let reply = create_call(&emulator).reply(&emulator).await;
        let task_id = emulator.ledger()[0].task_id.clone();
        (String::from_utf8(reply.body).unwrap(), task_id)
    };
    let (huge, task_id) = text(Fault::Huge { bytes: 3_000_000 }).await;
    assert!(huge.len() > 3_000_000);
    assert_eq!(serde_json::from_str::<Value>(&huge).unwrap()["Response"]["TaskId"], task_id);

    let (deep, task_id) = text(Fault::Deep { levels: 100_000 }).await;
    assert!(deep.contains(&"[".repeat(100_000)) && deep.contains(&task_id));
    assert!(serde_json::from_str::<Value>(&deep).is_err(), "it is deeper than a careful reader goes");

    let (duplicate, task_id) = text(Fault::DuplicateKeys).await;
    assert!(duplicate.contains(&format!(r#""TaskId":"{task_id}","TaskId":null"#)), "{duplicate}");

    for (fault, expected) in [
        (Fault::WrongTypes, json!({ "TaskId": 7, "RequestId": 7 })),
        (Fault::NullMembers, json!({ "TaskId": null, "RequestId": "id" })),
        (Fault::MissingMembers, json!({ "RequestId": "id" })),
    ] {
        let (malformed, _) = text(fault.clone()).await;
        let mut malformed: Value = serde_json::from_str(&malformed).unwrap();
        let request_id = &mut malformed["Response"]["RequestId"];
        if request_id.is_string() {
            *request_id = "id".into();
        }
        assert_eq!(malformed["Response"], expected, "{fault:?}");
    }
}

#[tokio::test]
async fn a_task_can_seem_to_go_backwards() {
    let emulator = emulator().await;
    let task_id = created(&emulator, json!({ "SessionId": "s" })).await;
    emulator.advance(Duration::from_secs(4));
    let next = async |fault: Fault| {
        emulator.inject(FaultRule::any(When::Nth(1), fault));
        let task = describe(&emulator, &task_id).await;
        emulator.clear_faults();
        (task["Status"].clone(), task["AigcVideoTask"]["Status"].clone(), task["AigcVideoTask"]["Progress"].clone())
    };
    assert_eq!(next(Fault::UnknownWord).await, (json!("SUSPENDED"), json!("SUSPENDED"), json!(100)));
    assert_eq!(next(Fault::OutOfOrderProgress).await, (json!("FINISH"), json!("FINISH"), json!(0)));
    assert_eq!(next(Fault::StatusBackwards).await, (json!("WAITING"), json!("PROCESSING"), json!(0)));
    assert_eq!(describe(&emulator, &task_id).await["Status"], "FINISH");
}

#[tokio::test]
async fn a_list_can_be_stale_and_its_pages_repeat() {
    let emulator = emulator().await;
    for session_id in ["one", "two", "three"] {
        created(&emulator, json!({ "SessionId": session_id })).await;
        emulator.advance(Duration::from_secs(60));
    }
    let service = emulator.in_process();
    service.inject(FaultRule::new(Target::DescribeTasks, When::Nth(1), Fault::StaleList { seconds: 61 }));
    assert_eq!(list_in(service, json!({})).0, ["two", "one"]);
    assert_eq!(list_in(service, json!({})).0, ["three", "two", "one"]);

    service.inject(FaultRule::new(Target::DescribeTasks, When::Every(1), Fault::RepeatedScrollToken));
    let (first, token) = list_in(service, json!({ "Limit": 2 }));
    assert_eq!(first, ["three", "two"]);
    assert_eq!(list_in(service, json!({ "Limit": 2, "ScrollToken": token })), (first, token));

    service.clear_faults();
    service.inject(FaultRule::new(Target::DescribeTasks, When::Nth(1), Fault::StatusBackwards));
    let body = json!({ "SubAppId": SUB_APP });
    assert_eq!(answer(service, "DescribeTasks", &body)["TaskSet"][2]["Status"], "WAITING");
}

#[tokio::test]
async fn the_date_is_the_emulator_s_and_can_be_wrong_or_missing() {
    let emulator = emulator().await;
    let dates = async || {
        let reply = create_call(&emulator).reply(&emulator).await;
        (reply.header("date").map(str::to_owned), reply.header("age").map(str::to_owned))
    };
    let some = |text: &str| Some(text.to_owned());
    assert_eq!(dates().await, (some("Mon, 23 Nov 2026 12:00:00 GMT"), None));
    for (fault, expected) in [
        (Fault::Date { offset_seconds: -3600 }, (some("Mon, 23 Nov 2026 11:00:00 GMT"), None)),
        (Fault::Date { offset_seconds: 3600 }, (some("Mon, 23 Nov 2026 13:00:00 GMT"), None)),
        (Fault::Age { seconds: 77 }, (some("Mon, 23 Nov 2026 12:00:00 GMT"), some("77"))),
        (Fault::NoDate, (None, None)),
    ] {
        emulator.inject(FaultRule::any(When::Nth(1), fault));
        assert_eq!(dates().await, expected);
    }
}

#[tokio::test]
async fn faults_hit_the_files_too() {
    let emulator = emulator().await;
    let task_id = created(&emulator, json!({})).await;
    emulator.advance(Duration::from_secs(4));
    let path = format!("/files/{task_id}/video.mp4");
    let whole = get(&emulator, &path).await.body;
    emulator.inject(FaultRule::new(
        Target::Video,
        When::Nth(1),
        Fault::Truncate { request: RequestEffect::Applied, bytes: whole.len() / 2 },
    ));
    emulator.inject(FaultRule::new(Target::Video, When::Nth(2), Fault::SlowDrip { bytes: 9_000, milliseconds: 1 }));
    get(&emulator, &format!("/files/{task_id}/cover.jpg")).await;
    assert_eq!(get(&emulator, &path).await.body, whole[..whole.len() / 2]);
    assert_eq!(get(&emulator, &path).await.body, whole);
}

#[tokio::test]
async fn the_control_surface_adds_faults_and_clears_them_and_has_none() {
    let emulator = emulator().await;
    let rules = br#"[{"every": 1, "fault": {"status": {"status": 503, "request": "discarded"}}}]"#;
    assert_eq!(http(&emulator, "POST", "/_emulator/faults", &[], rules).await.status, 200);
    assert_eq!(create_call(&emulator).reply(&emulator).await.status, 503);
    assert_eq!(get(&emulator, "/_emulator/ledger").await.json(), json!([]));
    assert_eq!(http(&emulator, "DELETE", "/_emulator/faults", &[], b"").await.status, 200);
    assert_eq!(create_call(&emulator).reply(&emulator).await.status, 200);

    let wrong = br#"[{"every": 1, "fault": "melted"}]"#;
    let reply = http(&emulator, "POST", "/_emulator/faults", &[], wrong).await;
    assert_eq!(reply.status, 400);
    assert!(reply.json()["error"].as_str().unwrap().contains("[0].fault"), "{}", reply.json());
}

#[tokio::test]
async fn without_sockets_the_same_happens() {
    let taken = RequestEffect::Applied;
    for faults in [
        vec![],
        vec![Fault::Error { request: taken, code: "InternalError".to_owned() }],
        vec![Fault::Status { request: taken, status: 502, body: StatusBody::Html, retry_after: None }],
        vec![Fault::Gzip, Fault::Date { offset_seconds: 5 }],
        vec![Fault::DuplicateKeys],
        vec![Fault::Huge { bytes: 1000 }, Fault::Deep { levels: 1000 }],
        vec![Fault::Truncate { request: taken, bytes: 7 }],
        vec![Fault::SlowFirstByte { milliseconds: 1 }],
        vec![Fault::Refused],
        vec![Fault::ResetBefore],
        vec![Fault::ResetInRequest],
        vec![Fault::Reset { request: taken }],
        vec![Fault::Hang { request: taken, milliseconds: Some(1) }],
        vec![Fault::DelayedAcceptance { seconds: 1 }],
    ] {
        let emulator = with_faults(faults.clone()).await;
        let on_the_wire = seen(&emulator, &create_call(&emulator)).await;
        let local = faults.iter().fold(Emulator::builder().clock(Clock::manual(noon())), |builder, fault| {
            builder.fault(FaultRule::any(When::Nth(1), fault.clone()))
        });
        let local = local.in_process();
        let exchange = deliver(&local, &create_call(&emulator));
        assert_eq!(local.ledger(), emulator.ledger(), "{faults:?}");
        match exchange {
            Exchange::Reply(reply) | Exchange::Slow(reply, _) | Exchange::Truncated(reply) => {
                let same = Reply::parse(&on_the_wire.bytes);
                assert_eq!((same.status, &same.body), (reply.status, &reply.body.to_vec()), "{faults:?}");
                for (name, value) in &reply.headers {
                    assert_eq!(same.header(name), Some(value.as_str()), "{faults:?}");
                }
            }
            _ => assert!(on_the_wire.is_reset_without_reply(), "{faults:?}"),
        }
    }
}

#[test]
fn without_sockets_each_kind_of_ending_has_its_own_name() {
    let request_was = RequestEffect::Applied;
    let ending = |fault: Fault| {
        let local = Emulator::builder().clock(Clock::manual(noon())).fault(FaultRule::any(When::Nth(1), fault));
        exchange(&local.in_process(), "CreateAigcVideoTask", &request(json!({})))
    };
    assert_eq!(ending(Fault::Refused), Exchange::NotConnected);
    assert_eq!(ending(Fault::ResetBefore), Exchange::ResetBefore);
    assert_eq!(ending(Fault::ResetInRequest), Exchange::ResetBefore);
    assert_eq!(ending(Fault::Reset { request: request_was }), Exchange::LostAfter);
    assert_eq!(ending(Fault::DelayedAcceptance { seconds: 1 }), Exchange::LostAfter);
    assert_eq!(ending(Fault::Hang { request: request_was, milliseconds: None }), Exchange::Hang);
    let truncated = ending(Fault::Truncate { request: request_was, bytes: 3 });
    assert!(matches!(truncated, Exchange::Truncated(reply) if &reply.body[..] == b"{\"R"));
    let Exchange::Slow(_, Pace { last, .. }) = ending(Fault::SlowClose { milliseconds: 9 }) else { panic!("not slow") };
    assert_eq!(last, Duration::from_millis(9));
}
