//! Files that are put: as a stream of known length, once, to nowhere else.

use std::io;
use std::time::Duration;

use bytes::Bytes;
use tokio::sync::mpsc;
use vod_aigc_transport::{FileToStore, HttpClient, Pieces, RawReply, SendError, SendErrorKind};

use crate::server::{Server, Step, answer_with};

/// These pieces; a file that breaks off fails at its end.
fn pieces(pieces: &[&'static [u8]], breaks: bool) -> Pieces {
    let (sender, receiver) = mpsc::channel(16);
    for piece in pieces {
        sender.try_send(Ok(Bytes::from_static(piece))).unwrap();
    }
    if breaks {
        sender.try_send(Err(io::Error::other("the disk is gone"))).unwrap();
    }
    receiver
}

async fn put(
    server: &Server,
    length: u64,
    pieces: Pieces,
    idle: Duration,
    loopback: bool,
) -> (Result<RawReply, SendError>, Vec<u64>) {
    let url = format!("{}/bucket/a%20b.png", server.url());
    let headers = [("content-type", "image/png"), ("authorization", "signed"), ("host", "elsewhere.example")];
    let file = FileToStore { url: &url, headers: &headers, length, pieces, idle, loopback };
    let mut shown = Vec::new();
    (HttpClient::new().store(file, |bytes| shown.push(bytes)).await, shown)
}

const PATIENT: Duration = Duration::from_secs(30);

#[tokio::test]
async fn a_file_arrives_whole_with_its_length_and_nothing_but_its_headers() {
    let server = Server::start(vec![answer_with(200, "etag: \"x\"\r\n", "")]).await;
    let (reply, shown) = put(&server, 10, pieces(&[b"01234", b"56789"], false), PATIENT, true).await;
    let reply = reply.unwrap();
    assert_eq!((reply.status, reply.header("etag")), (200, Some("\"x\"")));

    let [request] = &server.requests()[..] else { panic!("one request") };
    assert_eq!(request.request_line(), ("PUT", "/bucket/a%20b.png", "HTTP/1.1"));
    assert_eq!(request.body, b"0123456789");
    assert_eq!(request.header("content-length"), Some("10"));
    assert_eq!(request.header("transfer-encoding"), None);
    assert_eq!(request.header("content-type"), Some("image/png"));
    assert_eq!(request.header("authorization"), Some("signed"));
    assert_eq!(request.header("host"), Some(&*server.address));
    assert_eq!(request.header("x-tc-token"), None);
    assert!(shown.is_sorted() && shown.iter().all(|bytes| [5, 10].contains(bytes)), "{shown:?}");
}

#[tokio::test]
async fn a_redirect_is_a_reply_and_is_not_followed() {
    let elsewhere = Server::start(Vec::new()).await;
    let location = format!("location: {}/\r\n", elsewhere.url());
    let server = Server::start(vec![answer_with(307, &location, "")]).await;
    let (reply, _) = put(&server, 1, pieces(&[b"0"], false), PATIENT, true).await;
    assert_eq!(reply.unwrap().status, 307);
    assert!(elsewhere.requests().is_empty());
}

#[tokio::test]
async fn a_file_that_ends_early_or_late_or_breaks_is_never_received_whole() {
    for (length, pieces) in [
        (10, pieces(&[b"01234"], false)),
        (10, pieces(&[b"01234"], true)),
        (10, pieces(&[b"01234", b"567890"], false)),
        (10, pieces(&[], true)),
    ] {
        let server = Server::start(Vec::new()).await;
        let (reply, _) = put(&server, length, pieces, PATIENT, true).await;
        assert_eq!(reply.unwrap_err().kind(), SendErrorKind::Interrupted);
        assert!(server.requests().is_empty());
    }
}

#[tokio::test]
async fn a_silent_server_and_a_silent_file_end_the_request() {
    let idle = Duration::from_millis(50);
    let server = Server::start(vec![Step::Hang]).await;
    let (reply, _) = put(&server, 1, pieces(&[b"0"], false), idle, true).await;
    assert_eq!(reply.unwrap_err().kind(), SendErrorKind::Timeout);

    let (_sender, receiver) = mpsc::channel(1);
    let (reply, _) = put(&server, 1, receiver, idle, true).await;
    assert_eq!(reply.unwrap_err().kind(), SendErrorKind::Timeout);
}

#[tokio::test]
async fn this_machine_is_refused_unless_it_is_allowed() {
    let server = Server::start(Vec::new()).await;
    let (reply, _) = put(&server, 1, pieces(&[b"0"], false), PATIENT, false).await;
    assert_eq!(reply.unwrap_err().kind(), SendErrorKind::Refused);
    assert!(server.requests().is_empty());
}
