//! What the emulator bounds: the sizes of bodies and replies, and the time that a socket may be slow or idle.

use std::time::Duration;

use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use vod_aigc_emulator::{Clock, Emulator, Fault, FaultRule, Target, Timeouts, When};

use crate::support::*;

const TINY: Duration = Duration::from_millis(50);
const LONG: Duration = Duration::from_secs(600);

async fn with_timeouts(timeouts: Timeouts) -> Emulator {
    Emulator::builder().clock(Clock::manual(noon())).timeouts(timeouts).start().await.unwrap()
}

fn long() -> Timeouts {
    Timeouts { header: LONG, body: LONG, stall: LONG, idle: LONG }
}

async fn connect(emulator: &Emulator) -> TcpStream {
    TcpStream::connect(host(emulator)).await.unwrap()
}

/// What comes until the emulator closes the connection.
async fn rest(mut stream: TcpStream) -> Vec<u8> {
    let mut bytes = Vec::new();
    stream.read_to_end(&mut bytes).await.unwrap();
    bytes
}

#[tokio::test]
async fn a_connection_without_a_request_is_closed() {
    let emulator = with_timeouts(Timeouts { idle: TINY, ..long() }).await;
    assert_eq!(rest(connect(&emulator).await).await, b"");

    let mut kept = connect(&emulator).await;
    kept.write_all(b"GET /_emulator/health HTTP/1.1\r\nHost: localhost\r\n\r\n").await.unwrap();
    let reply = Reply::parse(&rest(kept).await);
    assert_eq!((reply.status, &reply.json()["status"]), (200, &json!("ok")));
}

#[tokio::test]
async fn a_head_that_comes_too_slowly_ends_the_connection() {
    let emulator = with_timeouts(Timeouts { header: TINY, ..long() }).await;
    let mut slow = connect(&emulator).await;
    slow.write_all(b"GET /_emulator/health HTTP/1.1\r\nHost: loc").await.unwrap();
    assert_eq!(rest(slow).await, b"");

    // Another byte does not restart the time.
    let mut drip = connect(&emulator).await;
    let mut bytes = b"GET /_emulator/health HTTP/1.1\r\nX: ".iter().chain(std::iter::repeat(&b'x'));
    let mut interval = tokio::time::interval(TINY / 10);
    let mut sent = 0;
    while drip.write_all(&[*bytes.next().unwrap()]).await.is_ok() && drip.try_read(&mut [0; 1]).is_err() {
        interval.tick().await;
        sent += 1;
        assert!(sent < 1000, "it goes on for ever");
    }
}

#[tokio::test]
async fn a_body_that_stalls_or_takes_too_long_is_answered_with_408() {
    for timeouts in [Timeouts { stall: TINY, ..long() }, Timeouts { body: TINY, ..long() }] {
        let emulator = with_timeouts(timeouts).await;
        let whole = Call::signed(&emulator, "CreateAigcVideoTask", &request(json!({}))).bytes();
        let mut slow = connect(&emulator).await;
        slow.write_all(&whole[..whole.len() - 1]).await.unwrap();
        let reply = Reply::parse(&rest(slow).await);
        assert_eq!((reply.status, reply.header("connection")), (408, Some("close")));
        assert!(emulator.ledger().is_empty());
    }
}

#[tokio::test]
async fn a_client_that_does_not_read_its_reply_is_left() {
    let fault = FaultRule::new(Target::CreateAigcVideoTask, When::Every(1), Fault::Huge { bytes: Fault::MOST_BYTES });
    let builder = Emulator::builder().clock(Clock::manual(noon())).fault(fault);
    let emulator = builder.timeouts(Timeouts { stall: TINY, ..long() }).start().await.unwrap();
    let mut deaf = connect(&emulator).await;
    deaf.write_all(&Call::signed(&emulator, "CreateAigcVideoTask", &request(json!({}))).bytes()).await.unwrap();
    // It would wait for the reply to be read.
    emulator.stop().await;
    let mut read = Vec::new();
    let _ = deaf.read_to_end(&mut read).await;
    assert!(read.len() < Fault::MOST_BYTES);
}

#[tokio::test]
async fn a_body_beyond_its_bound_is_refused() {
    let emulator = emulator().await;
    let large = vec![b' '; 1024 * 1024 + 1];
    for path in ["/_emulator/faults", "/_emulator/clock"] {
        let reply = http(&emulator, "POST", path, &[], &large).await;
        assert_eq!(reply.status, 413);
        assert!(reply.json()["error"].as_str().unwrap().contains("1048576"));
    }
    let chunk = [format!("{:x}\r\n", large.len()).as_bytes(), &large, b"\r\n"].concat();
    let mut chunked = connect(&emulator).await;
    let head = "POST / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n\r\n";
    chunked.write_all(head.as_bytes()).await.unwrap();
    for _ in 0..12 {
        chunked.write_all(&chunk).await.unwrap();
    }
    chunked.write_all(b"0\r\n\r\n").await.unwrap();
    let reply = Reply::parse(&rest(chunked).await);
    assert_eq!(reply.json()["Response"]["Error"]["Code"], "RequestSizeLimitExceeded");
    assert_eq!(reply.json()["Response"]["RequestId"].as_str().unwrap().len(), 36);
}

#[tokio::test]
async fn a_body_is_not_asked_for_where_the_head_is_refused() {
    let emulator = emulator().await;
    for (head, status) in [
        ("PUT /cos/emulator-1500000001/nobody/asked HTTP/1.1\r\nContent-Length: 1000000", 404),
        ("POST /_emulator/clock HTTP/1.1\r\nOrigin: http://evil.example\r\nContent-Length: 1000", 403),
        ("POST /_emulator/clock HTTP/1.1\r\nContent-Length: 1000000000000", 413),
        ("POST / HTTP/1.1\r\nContent-Length: 1000000000000", 200),
    ] {
        let mut stream = connect(&emulator).await;
        let head = format!("{head}\r\nHost: localhost\r\nExpect: 100-continue\r\n\r\n");
        stream.write_all(head.as_bytes()).await.unwrap();
        let reply = Reply::parse(&rest(stream).await);
        assert_eq!(reply.status, status, "{head}");
    }
}

#[tokio::test]
async fn generated_sizes_are_capped() {
    let emulator = emulator().await;
    for fault in [json!({ "huge": { "bytes": 1e12 as u64 } }), json!({ "deep": { "levels": 1e12 as u64 } })] {
        let rules = json!([{ "action": "DescribeTasks", "nth": 1, "fault": fault }]).to_string();
        let reply = http(&emulator, "POST", "/_emulator/faults", &[], rules.as_bytes()).await;
        assert_eq!(reply.status, 400);
        assert!(reply.json()["error"].as_str().unwrap().contains("at most"), "{}", reply.json());
    }
    // Rules that are made in Rust are cut.
    emulator.inject(FaultRule::new(Target::CreateAigcVideoTask, When::Nth(1), Fault::Huge { bytes: usize::MAX }));
    let reply = Call::signed(&emulator, "CreateAigcVideoTask", &request(json!({}))).reply(&emulator).await;
    assert_eq!(reply.header("content-length"), Some(reply.body.len().to_string().as_str()));
    assert!((Fault::MOST_BYTES..Fault::MOST_BYTES + 1000).contains(&reply.body.len()));
    assert!(serde_json::from_slice::<Value>(&reply.body).unwrap()["Response"]["TaskId"].is_string());
}
