//! Proxies: which one is used, what it receives, and that nothing is sent where it refuses.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use reqwest::{ClientBuilder, Proxy};
use tokio::io::{AsyncReadExt, AsyncWriteExt, copy_bidirectional};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;
use vod_aigc_transport::{FileRequest, HttpClient, SendErrorKind, Sent, reqwest};

use crate::server::{answer, create, ok, transport_to};
use crate::tls::{as_root, tls_server};

/// A client with these variables and no others.
fn with_variables(variables: &[(&'static str, String)]) -> HttpClient {
    let variables = variables.to_vec();
    let value = move |name: &str| variables.iter().find(|(known, _)| *known == name).map(|(_, value)| value.clone());
    HttpClient::new().variables(value)
}

/// Calls `https://api.example`, which nothing but a proxy can find.
async fn call(http: HttpClient) -> Result<String, vod_aigc_transport::Error> {
    let transport = transport_to("https://api.example").http(Arc::new(http)).build();
    transport.call(create()).await.map(|reply| reply.value.task_id)
}

/// A proxy that tunnels to a server on this machine, whatever it is asked for: its port, and the heads of its requests.
async fn http_proxy(status: &'static str, target: Option<u16>) -> (u16, mpsc::UnboundedReceiver<String>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let (sender, receiver) = mpsc::unbounded_channel();
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let mut head = Vec::new();
            while !head.ends_with(b"\r\n\r\n") {
                stream.read_buf(&mut head).await.unwrap();
            }
            sender.send(String::from_utf8(head).unwrap()).unwrap();
            stream.write_all(format!("HTTP/1.1 {status}\r\n\r\n").as_bytes()).await.unwrap();
            if let Some(target) = target {
                tunnel(stream, target).await;
            }
        }
    });
    (port, receiver)
}

/// A SOCKS5 proxy (RFC 1928, RFC 1929) that tunnels to a server on this machine: its port, and who asked for which host.
async fn socks_proxy(target: u16) -> (u16, mpsc::UnboundedReceiver<[String; 3]>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let (sender, receiver) = mpsc::unbounded_channel();
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            // The version and the offered methods; the second is one with a password.
            stream.read_u8().await.unwrap();
            text(&mut stream).await;
            stream.write_all(&[5, 2]).await.unwrap();
            stream.read_u8().await.unwrap();
            let (user, password) = (text(&mut stream).await, text(&mut stream).await);
            stream.write_all(&[1, 0]).await.unwrap();
            let mut request = [0; 4];
            stream.read_exact(&mut request).await.unwrap();
            assert_eq!(request, [5, 1, 0, 3], "connect to a name");
            let host = text(&mut stream).await;
            stream.read_u16().await.unwrap();
            stream.write_all(&[5, 0, 0, 1, 0, 0, 0, 0, 0, 0]).await.unwrap();
            sender.send([user, password, host]).unwrap();
            tunnel(stream, target).await;
        }
    });
    (port, receiver)
}

/// A text behind its length.
async fn text(stream: &mut TcpStream) -> String {
    let mut bytes = vec![0; stream.read_u8().await.unwrap().into()];
    stream.read_exact(&mut bytes).await.unwrap();
    String::from_utf8_lossy(&bytes).into_owned()
}

async fn tunnel(mut stream: TcpStream, target: u16) {
    let mut server = TcpStream::connect(("127.0.0.1", target)).await.unwrap();
    tokio::spawn(async move { copy_bidirectional(&mut stream, &mut server).await });
}

fn port(url: &str) -> u16 {
    url.rsplit_once(':').unwrap().1.parse().unwrap()
}

#[tokio::test]
async fn a_proxy_of_a_variable_is_told_the_host_and_its_own_password() {
    for name in ["HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy"] {
        let (port, mut seen) = http_proxy("502 No way out", None).await;
        let error = call(with_variables(&[(name, format!("http://user:pass@127.0.0.1:{port}"))])).await.unwrap_err();
        assert_eq!(error.sent(), Sent::No, "{error}");
        let head = seen.recv().await.unwrap().to_lowercase();
        assert!(head.starts_with("connect api.example:443 http/1.1\r\n"), "{head}");
        assert!(head.contains("proxy-authorization: basic dxnlcjpwyxnz\r\n"), "{head}");
    }
}

#[tokio::test]
async fn a_call_through_a_tunnel_is_answered_by_the_server_behind_it() {
    let (url, certificate) = tls_server(vec![ok(r#"{"TaskId":"t-1"}"#)]).await;
    let (proxy, _seen) = http_proxy("200 OK", Some(port(&url))).await;
    let proxy = Proxy::all(format!("http://127.0.0.1:{proxy}")).unwrap();
    let configure = move |it: ClientBuilder| it.proxy(proxy.clone()).tls_certs_merge([as_root(&certificate)]);
    assert_eq!(call(HttpClient::with(configure)).await.unwrap(), "t-1");
}

#[tokio::test]
async fn a_socks_proxy_with_a_password_carries_calls_and_files_and_looks_their_hosts_up() {
    let (url, certificate) = tls_server(vec![ok(r#"{"TaskId":"t-1"}"#), answer(200, "video/mp4", "film")]).await;
    let (socks, mut seen) = socks_proxy(port(&url)).await;
    let proxy = Proxy::all(format!("socks5h://127.0.0.1:{socks}")).unwrap().basic_auth("user", "pass");
    let configure = move |it: ClientBuilder| it.proxy(proxy.clone()).tls_certs_merge([as_root(&certificate)]);
    let http = HttpClient::with(configure).resolver(Arc::new(OnlyProxies));
    assert_eq!(call(http.clone()).await.unwrap(), "t-1");
    let mut file = http.fetch(film("https://films.example/v.mp4")).await.unwrap();
    assert_eq!(file.chunk().await.unwrap().as_deref(), Some(&b"film"[..]));
    for host in ["api.example", "films.example"] {
        assert_eq!(seen.recv().await.unwrap(), ["user", "pass", host]);
    }
}

#[tokio::test]
async fn a_proxy_that_refuses_or_is_not_there_is_no_connection() {
    for status in ["407 Who are you", "502 No way out"] {
        let (port, _seen) = http_proxy(status, None).await;
        let error = call(with_variables(&[("HTTPS_PROXY", format!("127.0.0.1:{port}"))])).await.unwrap_err();
        assert_eq!(error.sent(), Sent::No, "{error}");
    }
    let (url, _socket) = crate::server::closed_url();
    let error = call(with_variables(&[("HTTPS_PROXY", url)])).await.unwrap_err();
    assert_eq!(error.sent(), Sent::No, "{error}");
}

#[tokio::test]
async fn hosts_of_no_proxy_and_this_machine_are_reached_without_the_proxy() {
    let (port, mut seen) = http_proxy("502 No way out", None).await;
    let proxy = ("HTTPS_PROXY", format!("http://127.0.0.1:{port}"));
    let http = with_variables(&[proxy.clone(), ("NO_PROXY", "example".to_owned())]);
    assert_eq!(call(http).await.unwrap_err().sent(), Sent::No, "it has no address");
    let server = crate::server::Server::start(vec![ok(r#"{"TaskId":"t-1"}"#)]).await;
    server.transport().http(Arc::new(with_variables(&[proxy]))).build().call(create()).await.unwrap();
    assert!(seen.try_recv().is_err());
}

#[tokio::test]
async fn a_variable_that_names_no_proxy_is_named_and_its_value_is_not_repeated() {
    for (name, value) in [
        ("HTTPS_PROXY", "http://canary:canary@"),
        ("https_proxy", "ftp://canary.example"),
        ("ALL_PROXY", "socks9://canary"),
        ("all_proxy", "http://[canary"),
    ] {
        let http = with_variables(&[(name, value.to_owned())]);
        let error = call(http.clone()).await.unwrap_err();
        assert_eq!(error.sent(), Sent::No);
        let of_file = http.fetch(film("https://films.example/v.mp4")).await.unwrap_err();
        for text in [format!("{error} {error:?}"), format!("{of_file} {of_file:?}")] {
            assert!(text.contains(name) && !text.contains("canary"), "{text}");
        }
    }
}

#[tokio::test]
async fn an_international_name_is_asked_for_in_punycode() {
    let (port, mut seen) = http_proxy("502 No way out", None).await;
    let http = with_variables(&[("HTTPS_PROXY", format!("http://127.0.0.1:{port}"))]);
    http.fetch(film("https://b\u{fc}cher.example/v.mp4")).await.unwrap_err();
    assert!(seen.recv().await.unwrap().starts_with("CONNECT xn--bcher-kva.example:443 HTTP/1.1\r\n"));
    let transport = transport_to("b\u{fc}cher.example").http(Arc::new(http)).build();
    transport.call(create()).await.unwrap_err();
    assert!(seen.recv().await.unwrap().starts_with("CONNECT xn--bcher-kva.example:443 HTTP/1.1\r\n"));
}

/// Knows `proxy.internal`, which is this machine, and no host of a file.
struct OnlyProxies;

impl Resolve for OnlyProxies {
    fn resolve(&self, name: Name) -> Resolving {
        let found = match name.as_str() {
            "proxy.internal" => Ok(Box::new(std::iter::once(SocketAddr::from(([127, 0, 0, 1], 0)))) as Addrs),
            other => Err(format!("looked up {other}").into()),
        };
        Box::pin(std::future::ready(found))
    }
}

#[tokio::test]
async fn a_proxy_of_files_may_be_in_a_private_network() {
    let (port, mut seen) = http_proxy("502 No way out", None).await;
    let http = with_variables(&[("HTTPS_PROXY", format!("http://proxy.internal:{port}"))]);
    let error = http.resolver(Arc::new(OnlyProxies)).fetch(film("https://films.example/v.mp4")).await.unwrap_err();
    assert_eq!((error.kind(), error.sent()), (SendErrorKind::Connect, Sent::No), "{error}");
    assert!(seen.recv().await.unwrap().starts_with("CONNECT films.example:443 "));
}

fn film(url: &str) -> FileRequest<'_> {
    FileRequest { url, offset: 0, etag: None, idle: Duration::from_secs(20), loopback: false }
}

#[tokio::test]
async fn a_host_without_an_address_gets_nothing() {
    // The name can never have an address (RFC 6761).
    let error = with_variables(&[]).fetch(film("http://vod.invalid/film")).await.unwrap_err();
    assert_eq!((error.kind(), error.sent()), (SendErrorKind::Connect, Sent::No), "{error}");
}
