//! The server of the example, over loopback: it believes only the service.

use std::time::{Duration, UNIX_EPOCH};

use md5::{Digest as _, Md5};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use vod_aigc_client::Client;
use vod_aigc_client::core::{Kling, video};
use vod_aigc_client::events::SignKey;
use vod_aigc_client::transport::{BoxFuture, Clock};
use vod_aigc_emulator::Emulator;

#[path = "../../examples/callback.rs"]
#[allow(dead_code, reason = "the example's own main")]
mod example;

const KEY: &str = "SignKeyOfTheTest";
const NOW: u64 = 1_795_435_200;

/// A clock that shows the emulator's time; a sleep never ends by itself.
#[derive(Debug)]
struct Still(vod_aigc_emulator::Clock);

impl Clock for Still {
    fn now(&self) -> std::time::SystemTime {
        self.0.now()
    }

    fn sleep(&self, _: Duration) -> BoxFuture<'_, ()> {
        Box::pin(std::future::pending())
    }
}

/// The emulator, a client on its clock, and the address of the example's server.
async fn served() -> (Emulator, Client, String) {
    let clock = vod_aigc_emulator::Clock::manual(UNIX_EPOCH + Duration::from_secs(NOW));
    let emulator = Emulator::builder().clock(clock.clone()).start().await.unwrap();
    let client = Client::builder(emulator.credential().clone(), 1_500_000_001)
        .endpoint(emulator.endpoint().parse().unwrap())
        .clock(std::sync::Arc::new(Still(clock)))
        .build();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let router = example::router(client.clone(), SignKey::new(KEY).unwrap());
    tokio::spawn(async move { axum::serve(listener, router).await });
    (emulator, client, address)
}

fn body(task_id: &str, key: &str, time: u64) -> String {
    let sign = hex::encode(Md5::digest(format!("{key}{time}")));
    format!(
        r#"{{"EventType":"AigcVideoTaskComplete","AigcVideoCompleteEvent":{{"TaskId":"{task_id}","Status":"FINISH"}},"Sign":"{sign}","T":{time}}}"#
    )
}

/// The status and the text that the server answers with.
async fn posted(address: &str, body: &str) -> (u16, String) {
    let mut stream = TcpStream::connect(address).await.unwrap();
    let head =
        format!("POST /vod HTTP/1.1\r\nhost: {address}\r\ncontent-length: {}\r\nconnection: close\r\n\r\n", body.len());
    stream.write_all(format!("{head}{body}").as_bytes()).await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    let (head, text) = answer.split_once("\r\n\r\n").unwrap();
    (head.split(' ').nth(1).unwrap().parse().unwrap(), text.to_owned())
}

#[tokio::test]
async fn a_signed_callback_is_a_hint_and_the_service_is_asked() {
    let (emulator, client, address) = served().await;
    let task = client.submit(video!(Kling::V2_1, prompt = "a panda")).await.unwrap();
    // It says that the task has finished; the service knows better.
    let signed = body(task.id(), KEY, NOW + 600);
    assert_eq!(posted(&address, &signed).await, (200, format!("task {} goes on", task.id())));
    emulator.advance(Duration::from_secs(60));
    assert_eq!(posted(&address, &signed).await, (200, format!("task {} is done", task.id())));
}

#[tokio::test]
async fn an_unsigned_a_forged_and_an_old_callback_are_refused_and_nothing_is_asked() {
    let (_, _, address) = served().await;
    for (body, why) in [
        (r#"{"EventType":"AigcVideoTaskComplete"}"#.to_owned(), "not signed"),
        (body("t", "AnotherKey", NOW + 600), "not signed with this key"),
        (body("t", KEY, NOW - 1), "has passed"),
        ("no json".to_owned(), "no event"),
    ] {
        let (status, text) = posted(&address, &body).await;
        assert_eq!(status, 403, "{text}");
        assert!(text.contains(why), "{text}");
    }
}

#[tokio::test]
async fn a_callback_wakes_the_wait_for_its_task() {
    let (emulator, client, address) = served().await;
    let task = client.submit(video!(Kling::V2_1, prompt = "a panda")).await.unwrap();
    // No pause ends by itself: only a callback makes a poll.
    emulator.advance(Duration::from_secs(60));
    let signed = body(task.id(), KEY, NOW + 600);
    let (waited, answered) = tokio::join!(task.wait(), posted(&address, &signed));
    assert!(waited.is_ok());
    assert_eq!(answered.0, 200);
}
