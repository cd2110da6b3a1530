//! Files that are fetched: from public addresses only, in pieces, without credentials.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use vod_aigc_transport::{FileRequest, HttpClient, SendErrorKind, Sent, reqwest};

use crate::server::{Server, Step, answer, answer_with};
use crate::stack::trusting;
use crate::tls::tls_server;

const IDLE: Duration = Duration::from_secs(20);

/// The whole of a file that may be on this machine.
fn whole(url: &str) -> FileRequest<'_> {
    FileRequest { url, offset: 0, etag: None, idle: IDLE, loopback: true }
}

#[tokio::test]
async fn a_file_is_read_in_pieces_from_an_offset_without_credentials() {
    let part = answer_with(206, "content-range: bytes 4-9/10\r\n", "456789");
    let server = Server::start(vec![part]).await;
    let mut file = HttpClient::new()
        .fetch(FileRequest { offset: 4, etag: Some("\"e\""), ..whole(&format!("{}/v.mp4?sign=canary", server.url())) })
        .await
        .unwrap();
    assert_eq!(format!("{file:?}"), "Fetched { status: 206, content_length: Some(6), .. }");
    assert_eq!((file.status(), file.content_length()), (206, Some(6)));
    assert_eq!(server.requests()[0].header("range"), Some("bytes=4-"));
    assert_eq!(server.requests()[0].header("if-range"), Some("\"e\""));
    assert_eq!(file.header("content-range"), Some("bytes 4-9/10"));
    let mut body = Vec::new();
    while let Some(chunk) = file.chunk().await.unwrap() {
        body.extend_from_slice(&chunk);
    }
    assert_eq!(body, b"456789");
    let request = &server.requests()[0];
    assert_eq!(request.request_line().1, "/v.mp4?sign=canary");
    assert_eq!(request.header("range"), Some("bytes=4-"));
    assert_eq!(request.header("authorization"), None);
}

#[tokio::test]
async fn a_file_that_breaks_off_is_an_error() {
    let server = Server::start(vec![Step::Break(b"HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\n0123".to_vec())]).await;
    let mut file = HttpClient::new().fetch(whole(&server.url())).await.unwrap();
    let error = loop {
        match file.chunk().await {
            Ok(Some(_)) => {}
            Ok(None) => panic!("four of ten bytes are not the whole file"),
            Err(error) => break error,
        }
    };
    assert_eq!(error.kind(), SendErrorKind::Interrupted);
}

#[tokio::test]
async fn redirects_of_files_are_followed_five_times_at_most() {
    let target = Server::start(vec![answer(200, "video/mp4", "film")]).await;
    let server = Server::start(vec![
        answer_with(302, "location: /next\r\n", ""),
        answer_with(307, &format!("location: {}/film\r\n", target.url()), ""),
    ])
    .await;
    let mut file = HttpClient::new().fetch(whole(&server.url())).await.unwrap();
    assert_eq!(file.chunk().await.unwrap().as_deref(), Some(&b"film"[..]));
    assert_eq!(server.requests()[1].request_line().1, "/next");

    let endless = Server::start(vec![answer_with(302, "location: /again\r\n", ""); 20]).await;
    let error = HttpClient::new().fetch(whole(&endless.url())).await.expect_err("it never ends");
    assert_eq!(endless.requests().len(), 6);
    assert!(error.to_string().contains("five redirects"), "{error}");
}

#[tokio::test]
async fn a_file_is_not_fetched_from_elsewhere_than_the_web() {
    let (url, certificate) = tls_server(vec![answer_with(302, "location: http://127.0.0.1:9/\r\n", "")]).await;
    let client = trusting(Duration::from_secs(5), vec![certificate]);
    for address in ["file:///etc/passwd", "no address", "https://user:canary@127.0.0.1/", url.as_str()] {
        let error = client.fetch(whole(address)).await.expect_err("the address must be refused");
        assert_eq!((error.kind(), error.sent()), (SendErrorKind::Refused, Sent::No), "{address}: {error}");
        assert!(!error.to_string().contains("canary"), "{error}");
    }
}

#[tokio::test]
async fn a_file_on_this_machine_is_read_only_where_that_was_said() {
    let server = Server::start(vec![answer(200, "video/mp4", "film")]).await;
    let url = server.url();
    let elsewhere = FileRequest { loopback: false, ..whole(&url) };
    let error = HttpClient::new().fetch(elsewhere).await.expect_err("the file is on this machine");
    assert_eq!(error.kind(), SendErrorKind::Refused, "{error}");
    assert!(server.requests().is_empty());
}

/// Every host is this machine and the metadata service of a cloud.
struct Inside;

impl Resolve for Inside {
    fn resolve(&self, host: Name) -> Resolving {
        assert!(host.as_str().starts_with("films.example"), "{host:?}");
        let found = [[127, 0, 0, 1], [169, 254, 169, 254]].map(|address| SocketAddr::from((address, 0)));
        Box::pin(async move { Ok(Box::new(found.into_iter()) as Addrs) })
    }
}

#[tokio::test]
async fn neither_an_address_nor_a_name_nor_a_redirect_leads_into_a_private_network() {
    let (trap, certificate) = tls_server(vec![answer(200, "video/mp4", "film")]).await;
    let port = trap.rsplit_once(':').unwrap().1;
    let client = trusting(Duration::from_secs(5), vec![certificate]).resolver(Arc::new(Inside));
    let private = [
        "https://169.254.169.254/latest/meta-data".to_owned(),
        "http://169.254.169.254/latest/meta-data".to_owned(),
        "https://10.0.0.1/".to_owned(),
        "https://[fe80::1]/".to_owned(),
        "https://[::ffff:127.0.0.1]/".to_owned(),
        "https://0x0a000001/".to_owned(),
        format!("https://films.example:{port}/"),
        format!("https://films.example.:{port}/"),
    ];
    for address in &private {
        let redirect = answer_with(302, &format!("location: {address}\r\n"), "");
        let server = Server::start(vec![redirect]).await;
        for (start, loopback) in [(address.as_str(), false), (server.url().as_str(), true)] {
            let error = client.fetch(FileRequest { loopback, ..whole(start) }).await.expect_err("it is private");
            assert_eq!((error.kind(), error.sent()), (SendErrorKind::Refused, Sent::No), "{address}: {error}");
            assert!(
                error.to_string().contains("has no public address") || error.to_string().contains("http"),
                "{error}"
            );
        }
    }
}
