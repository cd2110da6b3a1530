//! The way to a server: the name's address, TCP, a proxy, TLS, all within one time.

use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use http::Uri;
use http::uri::Scheme;
use hyper::rt;
use hyper_util::client::legacy::connect::dns::Name;
use hyper_util::client::legacy::connect::proxy::Tunnel;
use hyper_util::client::legacy::connect::{Connected, Connection, HttpConnector};
use hyper_util::client::proxy::matcher::{Intercept, Matcher};
use hyper_util::rt::TokioIo;
use tower_service::Service;

use crate::address::bare;
use crate::fetch::only_public;
use crate::tls::{BoxError, Duplex, Secured, Tls};
use crate::{BoxFuture, Resolve};

/// How long a connection is silent before the other side is asked whether it is there, and between two such questions.
const PROBE: Duration = Duration::from_secs(15);

/// Opens connections. What fails here has failed before a byte of the request.
#[derive(Clone)]
pub(crate) struct Connector(Arc<Dialer>);

/// How connections are opened.
pub(crate) struct Dialer {
    /// For the look-up of the name, the connection and the handshakes together.
    pub(crate) timeout: Duration,
    pub(crate) tls: Arc<Tls>,
    /// None where no proxy may be used.
    pub(crate) proxies: Option<Matcher>,
    pub(crate) resolver: Arc<dyn Resolve>,
    /// Whether a server must have a public address, and is connected to by that one. A proxy may be wherever it is.
    pub(crate) public_only: bool,
}

impl Connector {
    pub(crate) fn new(dialer: Dialer) -> Self {
        Self(Arc::new(dialer))
    }
}

impl Service<Uri> for Connector {
    type Response = Stream;
    type Error = BoxError;
    type Future = BoxFuture<'static, Result<Stream, BoxError>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, server: Uri) -> Self::Future {
        let dialer = self.0.clone();
        Box::pin(async move {
            let limit = dialer.timeout;
            let opened = tokio::time::timeout(limit, dialer.open(server)).await;
            opened.unwrap_or_else(|_| Err(format!("no connection within {limit:?}").into()))
        })
    }
}

impl Dialer {
    async fn open(self: Arc<Self>, server: Uri) -> Result<Stream, BoxError> {
        let stream = match self.proxies.as_ref().and_then(|proxies| proxies.intercept(&server)) {
            Some(proxy) => self.clone().tunnel(&proxy, server.clone()).await?,
            None => self.dial(&server, self.public_only).await?,
        };
        self.secure(&server, stream, true).await
    }

    async fn tunnel(self: Arc<Self>, proxy: &Intercept, server: Uri) -> Result<Stream, BoxError> {
        if !matches!(proxy.uri().scheme_str(), Some("http" | "https")) {
            return Err("the proxy variables name another kind of proxy than http or https; set one of these".into());
        }
        let tunnel = Tunnel::new(proxy.uri().clone(), ToProxy(self));
        let mut tunnel = match proxy.basic_auth() {
            Some(authorization) => tunnel.with_auth(authorization.clone()),
            None => tunnel,
        };
        Ok(tunnel.call(server).await?)
    }

    async fn dial(&self, server: &Uri, public_only: bool) -> Result<Stream, BoxError> {
        let mut tcp = HttpConnector::new_with_resolver(Names { resolver: self.resolver.clone(), public_only });
        tcp.enforce_http(false);
        tcp.set_nodelay(true);
        // Each of several addresses gets a share of it.
        tcp.set_connect_timeout(Some(self.timeout));
        // A kept connection whose other side has gone without a word ends before the next request goes into it.
        tcp.set_keepalive(Some(PROBE));
        tcp.set_keepalive_interval(Some(PROBE));
        tcp.set_keepalive_retries(Some(3));
        #[cfg(any(target_os = "android", target_os = "linux"))]
        tcp.set_tcp_user_timeout(Some(2 * PROBE));
        Ok(Stream::new(Box::new(tcp.call(server.clone()).await?.into_inner()), false))
    }

    async fn secure(&self, server: &Uri, stream: Stream, http2: bool) -> Result<Stream, BoxError> {
        if server.scheme() != Some(&Scheme::HTTPS) {
            return Ok(stream);
        }
        let host = bare(server.host().unwrap_or_default());
        let Secured { duplex, is_http2 } = self.tls.secure(host, stream.duplex.into_inner(), http2).await?;
        Ok(Stream::new(duplex, is_http2))
    }
}

/// Connects to a proxy itself.
#[derive(Clone)]
struct ToProxy(Arc<Dialer>);

impl Service<Uri> for ToProxy {
    type Response = Stream;
    type Error = BoxError;
    type Future = BoxFuture<'static, Result<Stream, BoxError>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, proxy: Uri) -> Self::Future {
        let dialer = self.0.clone();
        Box::pin(async move { dialer.secure(&proxy, dialer.dial(&proxy, false).await?, false).await })
    }
}

/// Finds the addresses of hosts.
#[derive(Clone)]
struct Names {
    resolver: Arc<dyn Resolve>,
    public_only: bool,
}

impl Service<Name> for Names {
    type Response = std::vec::IntoIter<SocketAddr>;
    type Error = BoxError;
    type Future = BoxFuture<'static, Result<Self::Response, BoxError>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, name: Name) -> Self::Future {
        let Self { resolver, public_only } = self.clone();
        Box::pin(async move {
            let mut addresses = resolver.resolve(name.as_str()).await?;
            if public_only {
                addresses = only_public(addresses)?;
            }
            let addresses: Vec<_> = addresses.into_iter().map(|address| SocketAddr::new(address, 0)).collect();
            Ok(addresses.into_iter())
        })
    }
}

/// An open connection, plain or secured.
pub(crate) struct Stream {
    duplex: TokioIo<Box<dyn Duplex>>,
    is_http2: bool,
}

impl Stream {
    fn new(duplex: Box<dyn Duplex>, is_http2: bool) -> Self {
        Self { duplex: TokioIo::new(duplex), is_http2 }
    }
}

impl Connection for Stream {
    fn connected(&self) -> Connected {
        let connected = Connected::new();
        if self.is_http2 { connected.negotiated_h2() } else { connected }
    }
}

impl rt::Read for Stream {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: rt::ReadBufCursor<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.duplex).poll_read(context, buffer)
    }
}

impl rt::Write for Stream {
    fn poll_write(mut self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.duplex).poll_write(context, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.duplex).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.duplex).poll_shutdown(context)
    }

    fn is_write_vectored(&self) -> bool {
        self.duplex.is_write_vectored()
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        pieces: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.duplex).poll_write_vectored(context, pieces)
    }
}

#[cfg(test)]
mod tests {
    use std::io::ErrorKind;
    use std::net::IpAddr;

    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::TcpListener;

    use super::*;

    /// Knows no name but `proxy.internal`, which is this machine.
    #[derive(Debug)]
    struct Inside;

    impl Resolve for Inside {
        fn resolve<'a>(&'a self, host: &'a str) -> BoxFuture<'a, io::Result<Vec<IpAddr>>> {
            let found = match host {
                "proxy.internal" => Ok(vec![[127, 0, 0, 1].into()]),
                _ => Err(io::Error::new(ErrorKind::NotFound, format!("looked up {host}"))),
            };
            Box::pin(std::future::ready(found))
        }
    }

    /// What comes of a connection to `server`, to public addresses only.
    async fn open(proxies: Matcher, server: &'static str) -> Result<Stream, String> {
        let dialer = Dialer {
            timeout: Duration::from_secs(20),
            tls: Arc::new(Tls::new(&[], false).unwrap()),
            proxies: Some(proxies),
            resolver: Arc::new(Inside),
            public_only: true,
        };
        let opened = Connector::new(dialer).call(Uri::from_static(server)).await;
        opened.map_err(|error| crate::reply::reason(&*error))
    }

    /// A proxy that answers its first request with `answer` and then writes what it is sent into the channel.
    async fn proxy(answer: &'static str) -> (u16, tokio::sync::mpsc::Receiver<String>) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let (sender, receiver) = tokio::sync::mpsc::channel(2);
        tokio::spawn(async move {
            let (mut stream, _) = listener.accept().await.unwrap();
            let mut bytes = Vec::new();
            while !bytes.ends_with(b"\r\n\r\n") {
                stream.read_buf(&mut bytes).await.unwrap();
            }
            sender.send(String::from_utf8(bytes).unwrap()).await.unwrap();
            stream.write_all(answer.as_bytes()).await.unwrap();
            let mut first = [0];
            stream.read_exact(&mut first).await.unwrap();
            sender.send(format!("{first:?}")).await.unwrap();
        });
        (port, receiver)
    }

    #[tokio::test]
    async fn a_server_is_reached_through_the_proxy_which_may_be_anywhere_and_finds_it_itself() {
        let (port, mut seen) = proxy("HTTP/1.1 200 OK\r\n\r\n").await;
        let proxies = Matcher::builder().https(format!("http://user:pass@proxy.internal:{port}")).build();
        // The handshake with the server breaks off, but only after it has begun inside of the tunnel.
        let error = open(proxies, "https://films.example/v.mp4").await.err().expect("the proxy hangs up");
        assert!(!error.contains("looked up"), "{error}");
        assert_eq!(
            seen.recv().await.unwrap(),
            "CONNECT films.example:443 HTTP/1.1\r\nHost: films.example:443\r\n\
             Proxy-Authorization: Basic dXNlcjpwYXNz\r\n\r\n"
        );
        #[cfg(any(feature = "native-tls", feature = "ring"))]
        assert_eq!(seen.recv().await.unwrap(), "[22]", "a handshake of TLS");
    }

    #[tokio::test]
    async fn a_proxy_that_refuses_is_no_connection() {
        for (answer, words) in [("407 No", "proxy authorization required"), ("502 No", "unsuccessful")] {
            let answer: &'static str = format!("HTTP/1.1 {answer}\r\n\r\n").leak();
            let (port, _seen) = proxy(answer).await;
            let proxies = Matcher::builder().all(format!("http://proxy.internal:{port}")).build();
            let error = open(proxies, "https://films.example/").await.err().expect("the proxy refuses");
            assert!(error.contains(words), "{error}");
        }
    }

    #[tokio::test]
    async fn a_host_that_needs_no_proxy_is_connected_to_itself() {
        let proxies = Matcher::builder().all("http://proxy.internal:9").no("films.example").build();
        let error = open(proxies, "https://a.films.example/").await.err().expect("the host has no address");
        assert!(error.contains("looked up a.films.example"), "{error}");
    }

    #[tokio::test]
    async fn another_kind_of_proxy_is_refused_by_name() {
        let proxies = Matcher::builder().all("socks5://user:canary@proxy.internal:9").build();
        let error = open(proxies, "https://films.example/").await.err().expect("no such proxy is used");
        assert!(error.contains("http or https") && !error.contains("canary"), "{error}");
    }
}
