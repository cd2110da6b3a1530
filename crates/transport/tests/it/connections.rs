//! Connections: kept, left when they close, and never a reason to send twice.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use tokio::net::TcpListener;
use vod_aigc_transport::{Billed, Sent};

use crate::server::{Create, Server, Step, create, describe, ok, transport_to};

/// On which connection each request came.
fn connections(server: &Server) -> Vec<usize> {
    server.requests().iter().map(|request| request.connection).collect()
}

#[tokio::test]
async fn a_thousand_polls_in_a_row_share_one_connection() {
    let server = Server::start(vec![ok(r#"{"Status":"PROCESSING"}"#); 1_000]).await;
    let transport = server.transport().build();
    for _ in 0..1_000 {
        transport.call(describe()).await.expect("the server answers");
    }
    assert_eq!(connections(&server), [0; 1_000]);
}

#[tokio::test]
async fn a_connection_that_the_server_closes_after_a_reply_is_left_and_nothing_is_sent_twice() {
    let Step::Answer(first) = ok(r#"{"TaskId":"t-1"}"#) else { panic!("a whole answer") };
    let server = Server::start(vec![Step::Break(first), ok(r#"{"TaskId":"t-2"}"#)]).await;
    let transport = server.transport().build();
    for id in ["t-1", "t-2"] {
        assert_eq!(transport.call(create()).await.expect("each goes out once").value.task_id, id);
    }
    assert_eq!(connections(&server), [0, 1]);
}

#[tokio::test]
async fn a_create_of_which_a_part_was_read_is_not_sent_again() {
    let second = ok(r#"{"TaskId":"second-bill"}"#);
    let server = Server::start(vec![ok(r#"{"TaskId":"t-1"}"#), Step::Cut, second]).await;
    let transport = server.transport().build();
    transport.call(create()).await.expect("the first create leaves its connection open");
    let long = Create { prompt: "a cat ".repeat(1_000_000), ..create() };
    let error = transport.call(long).await.expect_err("the connection breaks within the request");
    assert_eq!((error.sent(), error.billed()), (Sent::Maybe, Billed::Unknown), "{error}");
    assert_eq!(connections(&server), [0, 0], "both on the one connection, and no third");
}

#[tokio::test]
async fn a_connection_that_is_closed_before_the_request_was_read_is_not_tried_again() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let accepted = Arc::new(AtomicUsize::new(0));
    let counted = accepted.clone();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            counted.fetch_add(1, Ordering::SeqCst);
            // With bytes unread in it, the socket is reset.
            stream.readable().await.unwrap();
            drop(stream);
        }
    });
    let error = transport_to(&url).build().call(create()).await.expect_err("the server hangs up");
    assert_eq!((error.sent(), error.billed()), (Sent::Maybe, Billed::Unknown), "{error}");
    assert_eq!(accepted.load(Ordering::SeqCst), 1);
}
