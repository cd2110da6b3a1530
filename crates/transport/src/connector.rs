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

/// Opens connections. What fails here has failed before a byte of the request.
#[derive(Clone)]
pub(crate) struct Connector(Arc<Route>);

pub(crate) struct Route {
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
    pub(crate) fn new(route: Route) -> Self {
        Self(Arc::new(route))
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
        let route = self.0.clone();
        Box::pin(async move {
            let limit = route.timeout;
            let opened = tokio::time::timeout(limit, route.open(server)).await;
            opened.unwrap_or_else(|_| Err(format!("no connection within {limit:?}").into()))
        })
    }
}

impl Route {
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
struct ToProxy(Arc<Route>);

impl Service<Uri> for ToProxy {
    type Response = Stream;
    type Error = BoxError;
    type Future = BoxFuture<'static, Result<Stream, BoxError>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, proxy: Uri) -> Self::Future {
        let route = self.0.clone();
        Box::pin(async move { route.secure(&proxy, route.dial(&proxy, false).await?, false).await })
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
