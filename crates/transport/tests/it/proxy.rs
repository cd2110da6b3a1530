//! The proxy variables of the environment, seen by a child process that runs one test of this binary.

use std::process::Command;
use std::time::Duration;

use vod_aigc_transport::{FileRequest, HttpClient, SendErrorKind, Sent};

use crate::server::{Server, answer};

/// Runs one test in a process whose proxy is `proxy`, and returns whether it passed.
async fn passes_with_proxy(test: &'static str, proxy: String) -> bool {
    let run = move || {
        let mut child = Command::new(std::env::current_exe().unwrap());
        child.args(["--exact", test]).env_remove("NO_PROXY").env_remove("no_proxy");
        for variable in ["HTTP_PROXY", "http_proxy", "HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy"] {
            child.env(variable, &proxy);
        }
        let output = child.output().unwrap();
        output.status.success() && String::from_utf8_lossy(&output.stdout).contains("1 passed")
    };
    tokio::task::spawn_blocking(run).await.unwrap()
}

#[tokio::test]
async fn loopback_hosts_are_reached_without_the_proxy() {
    let proxy = Server::start(Vec::new()).await;
    let test = "calls::every_create_gets_a_session_id_unless_it_has_one";
    assert!(passes_with_proxy(test, proxy.url()).await);
    assert!(proxy.requests().is_empty());
}

#[tokio::test]
async fn other_hosts_are_reached_through_the_proxy() {
    let proxy = Server::start(vec![answer(502, "text/plain", "no way out")]).await;
    assert!(passes_with_proxy("proxy::a_host_without_an_address_gets_nothing_itself", proxy.url()).await);
    assert_eq!(proxy.requests()[0].request_line(), ("CONNECT", "vod.invalid:443", "HTTP/1.1"), "as https");
}

#[tokio::test]
async fn a_host_without_an_address_gets_nothing_itself() {
    // A proxy may answer in its place; the name itself can never have an address (RFC 6761).
    let film = FileRequest {
        url: "http://vod.invalid/film",
        offset: 0,
        etag: None,
        idle: Duration::from_secs(20),
        loopback: false,
    };
    if let Err(error) = HttpClient::new().fetch(film).await {
        assert_eq!((error.kind(), error.sent()), (SendErrorKind::Connect, Sent::No), "{error}");
    }
}
