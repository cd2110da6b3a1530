//! Each scenario file that comes with the emulator, played.

use std::path::PathBuf;
use std::time::{Duration, SystemTime};

use serde_json::json;
use vod_aigc_emulator::{Builder, Clock, Emulator, Exchange, InProcess, Scenario};

use crate::support::*;

fn folder() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("scenarios")
}

fn names() -> Vec<String> {
    let files = std::fs::read_dir(folder()).unwrap();
    files.map(|file| file.unwrap().path().file_stem().unwrap().to_str().unwrap().to_owned()).collect()
}

fn builder(name: &str) -> Builder {
    let file = folder().join(name).with_extension("json");
    let scenario = Scenario::read(file).unwrap_or_else(|error| panic!("{error}"));
    Emulator::builder().clock(Clock::manual(noon())).scenario(scenario)
}

fn play(name: &str) -> InProcess {
    builder(name).in_process()
}

fn create_exchange(service: &InProcess) -> Exchange {
    exchange(service, "CreateAigcVideoTask", &request(json!({ "SessionId": "s" })))
}

fn session() -> serde_json::Value {
    json!({ "SessionId": "s" })
}

#[test]
fn every_file_is_played_by_a_test_here() {
    let names = names();
    let source = include_str!("scenarios.rs");
    let unplayed: Vec<_> = names.iter().filter(|name| !source.contains(&format!("(\"{name}\")"))).collect();
    assert!(!names.is_empty() && unplayed.is_empty(), "{unplayed:?}");
}

#[test]
fn a_file_names_a_time_only_where_it_is_about_it() {
    for name in names() {
        let scenario = Scenario::read(folder().join(&name).with_extension("json")).unwrap();
        assert_eq!(scenario.clock.is_some(), name == "stale-clock", "{name}: a real client would be refused");
    }
}

#[test]
fn a_reply_is_lost_and_the_list_lags() {
    let service = play("lost-reply");
    assert_eq!(create_exchange(&service), Exchange::LostAfter);
    assert_eq!(service.bill().by_session_id["s"], 1);
    assert!(list_in(&service, json!({})).0.is_empty());
    assert_refused(&create_in(&service, session()), "InvalidParameterValue.SessionId", "used");
    service.advance(Duration::from_secs(60));
    assert_eq!(list_in(&service, json!({})).0, ["s"]);
}

#[test]
fn a_request_arrives_late() {
    let service = play("late-arrival");
    assert_eq!(create_exchange(&service), Exchange::LostAfter);
    assert!(list_in(&service, json!({})).0.is_empty());
    service.advance(Duration::from_secs(120));
    assert_refused(&create_in(&service, session()), "FailedOperation.TaskDuplicate", "used");
    assert_eq!(list_in(&service, json!({})).0, ["s"]);
    assert_eq!(service.bill().billed, 1);
}

#[test]
fn an_id_is_consumed_without_a_task_that_a_list_could_show() {
    let service = play("burnt-id");
    assert_eq!(create_in(&service, session())["Error"]["Code"], "InternalError");
    assert_refused(&create_in(&service, session()), "InvalidParameterValue.UniqueIdentifier", "168 hours");
    assert_eq!(service.bill().billed, 0);
    assert!(create_in(&service, json!({}))["TaskId"].is_string());
    assert!(list_in(&service, json!({})).0.is_empty());
}

#[test]
#[allow(clippy::disallowed_methods, reason = "the scenario is about the real time")]
fn the_clocks_differ_by_ten_minutes() {
    let service = play("stale-clock");
    let behind = SystemTime::now().duration_since(service.clock().now()).unwrap();
    assert!((Duration::from_secs(595)..Duration::from_secs(605)).contains(&behind), "{behind:?}");
    let right = Clock::real();
    let call = Call::signed_by(
        &right,
        service.credential(),
        "localhost",
        "CreateAigcVideoTask",
        request(session()).to_string().into(),
    );
    let Exchange::Reply(reply) = deliver(&service, &call) else { panic!("the reply is whole") };
    let response: serde_json::Value = serde_json::from_slice(&reply.body).unwrap();
    assert_refused(&response["Response"], "AuthFailure.SignatureExpire", "300 s");
    let date = httpdate::parse_http_date(reply.header("date").unwrap()).unwrap();
    assert!(right.now().duration_since(date).unwrap() > Duration::from_secs(590), "the reply tells the way out");
}

#[test]
fn reads_fail_often_and_creates_do_not() {
    let service = play("flaky-reads");
    let task_id = create_in(&service, session())["TaskId"].clone();
    service.advance(Duration::from_secs(60));
    let body = json!({ "TaskId": task_id, "SubAppId": SUB_APP });
    let mut whole = 0;
    for _ in 0..100 {
        if let Exchange::Reply(reply) = exchange(&service, "DescribeTaskDetail", &body) {
            whole += u32::from(reply.status == 200);
        }
    }
    assert!((20..80).contains(&whole), "{whole} of 100");
    assert_eq!(service.bill().billed, 1);
}

#[test]
fn one_task_too_many_fails_after_it_was_accepted() {
    let service = play("overflow");
    assert!(create_in(&service, session())["TaskId"].is_string());
    let second = create_in(&service, json!({ "SessionId": "t" }))["TaskId"].clone();
    assert_eq!(describe_in(&service, &second)["AigcVideoTask"]["ErrCodeExt"], "RequestLimitExceeded");
    assert_eq!(service.bill().by_session_id.keys().collect::<Vec<_>>(), ["s"]);
}

#[test]
fn replies_make_no_sense() {
    let service = play("bad-replies");
    let malformed: Vec<Exchange> = (0..8).map(|_| create_exchange(&service)).collect();
    let bodies: Vec<_> = malformed
        .iter()
        .map(|exchange| match exchange {
            Exchange::Reply(reply) => (reply.status, reply.body.clone()),
            other => panic!("{other:?}"),
        })
        .collect();
    assert!(bodies.iter().all(|(_, body)| {
        let reply: Option<serde_json::Value> = serde_json::from_slice(body).ok();
        reply.is_none_or(|reply| !reply["Response"]["TaskId"].is_string())
    }));
    assert_eq!(service.bill().billed, 1, "the first was taken, whatever its reply looked like");
}

#[tokio::test]
async fn a_download_breaks_off_twice_and_drips() {
    let emulator = builder("broken-download").start().await.unwrap();
    let task_id = created(&emulator, json!({})).await;
    emulator.advance(Duration::from_secs(4));
    let video = format!("/files/{task_id}/video.mp4");
    let lengths = [get(&emulator, &video).await, get(&emulator, &video).await, get(&emulator, &video).await];
    let lengths = lengths.map(|reply| reply.body.len());
    assert_eq!(lengths[..2], [1000, 5000]);
    let task = describe(&emulator, &task_id).await;
    assert_eq!(lengths[2], task["AigcVideoTask"]["Output"]["FileInfos"][0]["MetaData"]["Size"]);
}
