//! Callbacks, from the setting to a receiver on loopback.

use std::time::{Duration, SystemTime};

use md5::{Digest, Md5};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use vod_aigc_emulator::{CallbackUrl, Clock, Emulator};

use crate::support::*;

const KEY: &str = "Canary32LettersAndDigits";

/// A small server for callbacks.
struct Receiver(TcpListener);

impl Receiver {
    async fn start() -> Self {
        Self(TcpListener::bind("127.0.0.1:0").await.unwrap())
    }

    fn url(&self) -> String {
        format!("http://{}/vod?from=emulator", self.0.local_addr().unwrap())
    }

    /// The head and the body of the next callback, which is answered with this status.
    async fn next(&self, status: u16) -> (String, Value) {
        let (mut stream, _) = self.0.accept().await.unwrap();
        let mut bytes = Vec::new();
        loop {
            let mut buffer = [0; 4096];
            let read = stream.read(&mut buffer).await.unwrap();
            assert!(read > 0, "it ends in the middle");
            bytes.extend_from_slice(&buffer[..read]);
            let text = String::from_utf8(bytes.clone()).unwrap();
            let Some((head, body)) = text.split_once("\r\n\r\n") else { continue };
            if let Ok(body) = serde_json::from_str(body) {
                let reply = format!("HTTP/1.1 {status} Said\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
                stream.write_all(reply.as_bytes()).await.unwrap();
                return (head.to_owned(), body);
            }
        }
    }
}

async fn configure(emulator: &Emulator, changes: Value) {
    let mut body = json!({ "SubAppId": SUB_APP });
    body.as_object_mut().unwrap().extend(changes.as_object().unwrap().clone());
    let response = Call::signed(emulator, "ModifyEventConfig", &body).send(emulator).await;
    assert!(response.get("Error").is_none(), "{response}");
}

fn assert_signed(event: &Value, now: SystemTime) {
    let until = now.duration_since(SystemTime::UNIX_EPOCH).unwrap().as_secs() + 600;
    let digest = Md5::digest(format!("{KEY}{until}"));
    let sign: String = digest.iter().map(|byte| format!("{byte:02x}")).collect();
    assert_eq!((&event["T"], &event["Sign"]), (&json!(until), &json!(sign)));
}

#[tokio::test]
async fn the_end_of_a_task_is_posted_signed_to_the_url_that_was_set() {
    let (emulator, receiver) = (emulator().await, Receiver::start().await);
    configure(&emulator, json!({ "Mode": "PUSH", "NotificationUrl": receiver.url(), "SignKey": KEY })).await;
    let task_id = created(&emulator, json!({ "SessionId": "s", "SessionContext": "mine" })).await;
    emulator.advance(Duration::from_secs(4));

    let (head, event) = receiver.next(200).await;
    assert!(head.starts_with("POST /vod?from=emulator HTTP/1.1\r\n"), "{head}");
    assert!(head.contains("content-type: application/json"), "{head}");
    assert_eq!(event["EventType"], "AigcVideoTaskComplete");
    let task = &event["AigcVideoCompleteEvent"];
    assert_eq!((&task["TaskId"], &task["Status"], &task["Progress"]), (&json!(task_id), &json!("FINISH"), &json!(100)));
    assert_eq!((&task["SessionId"], &task["SessionContext"]), (&json!("s"), &json!("mine")));
    assert!(task["Output"]["FileInfos"][0]["FileUrl"].is_string());
    assert_signed(&event, noon() + Duration::from_secs(4));

    // What is posted is in no queue, and what was taken is not posted again: the next is of another task.
    let pulled = Call::signed(&emulator, "PullEvents", &json!({ "SubAppId": SUB_APP })).send(&emulator).await;
    assert_eq!(pulled["EventSet"], json!([]));
    let failed = created(&emulator, json!({})).await;
    emulator.advance(Duration::from_secs(60));
    let (_, event) = receiver.next(200).await;
    assert_eq!(event["AigcVideoCompleteEvent"]["TaskId"], failed);
}

#[tokio::test]
async fn a_callback_that_is_not_taken_comes_again_by_the_clock_and_not_for_ever() {
    let receiver = Receiver::start().await;
    let url = CallbackUrl::new(receiver.url()).unwrap();
    let builder = Emulator::builder().clock(Clock::manual(noon())).callback_url(url).callback_key(KEY);
    let emulator = builder.start().await.unwrap();
    let task_id = created(&emulator, json!({})).await;
    emulator.fail_task(&task_id, "TaskTimeout");

    // The first, and another at once.
    for _ in 0..2 {
        let (_, event) = receiver.next(500).await;
        assert_eq!(event["AigcVideoCompleteEvent"]["ErrCodeExt"], "TaskTimeout");
        assert_signed(&event, noon());
    }
    // Then every ten seconds for a minute.
    for _ in 0..6 {
        emulator.advance(Duration::from_secs(10));
        let (_, event) = receiver.next(500).await;
        assert_eq!(event["AigcVideoCompleteEvent"]["TaskId"], task_id);
    }
    let other = created(&emulator, json!({})).await;
    emulator.advance(Duration::from_secs(10));
    let (_, event) = receiver.next(200).await;
    assert_eq!(event["AigcVideoCompleteEvent"]["TaskId"], other);
}

#[tokio::test]
async fn a_scenario_sets_callbacks_and_the_real_time_ends_tasks_too() {
    let receiver = Receiver::start().await;
    let scenario = json!({
        "callback_url": receiver.url(), "timing": { "waiting_seconds": 0, "processing_seconds": 0.01 },
    });
    let builder = Emulator::builder().scenario(scenario.to_string().parse().unwrap());
    let emulator = builder.start().await.unwrap();
    let task_id = created(&emulator, json!({})).await;
    let (_, event) = receiver.next(200).await;
    assert_eq!(event["AigcVideoCompleteEvent"]["TaskId"], task_id);
    assert_eq!((event.get("Sign"), event.get("T")), (None, None), "there is no key");
    emulator.stop().await;
}
