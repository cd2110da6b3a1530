//! The HTTP stack of this crate: hyper's client with its pool, over the connections of [`Connector`].

use std::fmt;
use std::io;
use std::mem;
use std::pin::Pin;
use std::sync::{Arc, OnceLock};
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use http::header::HOST;
use http::uri::Scheme;
use http::{HeaderMap, Method, Request, Uri};
use http_body::{Body, Frame, SizeHint};
use hyper_util::client::legacy;
use hyper_util::client::proxy::matcher::Matcher;
use hyper_util::rt::{TokioExecutor, TokioTimer};

use crate::address::{self, is_loopback};
use crate::connector::{Connector, Dialer};
use crate::fetch::NotPublic;
use crate::reply::{causes, read, reason, within};
use crate::store::Streamed;
use crate::tls::{BoxError, Tls};
use crate::{BoxFuture, Http, RawReply, Resolve, SendError, SendErrorKind, Sent, SignedRequest, SystemResolver};

/// Time for name look-up, connection and TLS handshake together.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);

/// HTTP/1.1, and HTTP/2 where a server offers it over TLS.
///
/// Trusts what the operating system trusts and the roots that it is given. Honours the proxy variables of
/// the environment, except for loopback hosts. Follows no redirect and repeats no request. Cheap to clone; clones share
/// their connections.
#[derive(Clone)]
pub struct HttpClient(Arc<Settings>);

/// A pool of connections that were all opened in one way.
pub(crate) type Pool = legacy::Client<Connector, Payload>;

struct Settings {
    connect_timeout: Duration,
    roots: Vec<Vec<u8>>,
    resolver: Arc<dyn Resolve>,
    /// Reads the system's roots once, however many pools are made.
    remote_tls: OnceLock<Arc<Tls>>,
    remote: OnceLock<Pool>,
    loopback: OnceLock<Pool>,
}

impl Default for HttpClient {
    fn default() -> Self {
        Self::new()
    }
}

impl HttpClient {
    /// A client with a connect time-out of 5 s that trusts the operating system's roots.
    #[must_use]
    pub fn new() -> Self {
        Self::with(CONNECT_TIMEOUT, Vec::new())
    }

    /// A client that also trusts these root certificates, each in DER, and gives up a connection after
    /// `connect_timeout`.
    #[must_use]
    pub fn with(connect_timeout: Duration, roots: Vec<Vec<u8>>) -> Self {
        Self(Arc::new(Settings::new(connect_timeout, roots, Arc::new(SystemResolver))))
    }

    /// The same client with another way to find the addresses of hosts that files are fetched from.
    #[must_use]
    pub fn resolved_by(self, resolver: Arc<dyn Resolve>) -> Self {
        let Settings { connect_timeout, roots, .. } = &*self.0;
        Self(Arc::new(Settings::new(*connect_timeout, roots.clone(), resolver)))
    }

    /// Reads a small document over plain http without a proxy: the metadata service of a virtual machine.
    pub(crate) async fn read_metadata(&self, url: &str, timeout: Duration) -> Result<RawReply, SendError> {
        let mut request = Request::new(Payload::Whole(Bytes::new()));
        *request.uri_mut() = address::parse(url).map_err(|problem| unsent(format!("the address {problem}")))?;
        let pool = self.local()?;
        within(timeout, async { read(pool.request(request).await.map_err(send_error)?).await }).await
    }

    /// The connections to this machine, without a proxy.
    pub(crate) fn local(&self) -> Result<&Pool, SendError> {
        let settings = &self.0;
        lazily(&settings.loopback, || {
            // Without the system's roots, so a machine without certificates can still talk to an emulator.
            let tls = Arc::new(Tls::new(&settings.roots, false).map_err(cannot_set_up)?);
            Ok(settings.pool(tls, None, Arc::new(SystemResolver), false))
        })
    }

    /// Connections for one file, to public addresses only.
    pub(crate) fn guarded(&self) -> Result<Pool, SendError> {
        let settings = &self.0;
        Ok(settings.pool(settings.remote_tls()?, Some(Matcher::from_env()), settings.resolver.clone(), true))
    }

    pub(crate) fn pool(&self, address: &Uri) -> Result<&Pool, SendError> {
        let settings = &self.0;
        // Plain http has been refused for every other host.
        if address.scheme() == Some(&Scheme::HTTP) || is_loopback(address) {
            return self.local();
        }
        lazily(&settings.remote, || {
            Ok(settings.pool(settings.remote_tls()?, Some(Matcher::from_env()), Arc::new(SystemResolver), false))
        })
    }
}

impl Http for HttpClient {
    fn send(&self, request: SignedRequest, timeout: Duration) -> BoxFuture<'_, Result<RawReply, SendError>> {
        Box::pin(within(timeout, async move {
            let (address, headers, body) = unaddressed(request);
            let pool = self.pool(&address)?;
            let mut request = Request::new(Payload::Whole(body));
            *request.method_mut() = Method::POST;
            *request.uri_mut() = address;
            *request.headers_mut() = headers;
            read(pool.request(request).await.map_err(send_error)?).await
        }))
    }
}

impl fmt::Debug for HttpClient {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("HttpClient")
            .field("connect_timeout", &self.0.connect_timeout)
            .field("extra_roots", &self.0.roots.len())
            .finish_non_exhaustive()
    }
}

impl Settings {
    fn new(connect_timeout: Duration, roots: Vec<Vec<u8>>, resolver: Arc<dyn Resolve>) -> Self {
        let (remote_tls, remote, loopback) = Default::default();
        Self { connect_timeout, roots, resolver, remote_tls, remote, loopback }
    }

    fn remote_tls(&self) -> Result<Arc<Tls>, SendError> {
        lazily(&self.remote_tls, || Ok(Arc::new(Tls::new(&self.roots, true).map_err(cannot_set_up)?))).cloned()
    }

    /// What stays of repetitions is a move to a fresh connection when a pooled one closed before any byte was written.
    fn pool(&self, tls: Arc<Tls>, proxies: Option<Matcher>, resolver: Arc<dyn Resolve>, public_only: bool) -> Pool {
        let dialer = Dialer { timeout: self.connect_timeout, tls, proxies, resolver, public_only };
        legacy::Client::builder(TokioExecutor::new()).pool_timer(TokioTimer::new()).build(Connector::new(dialer))
    }
}

fn lazily<T>(cell: &OnceLock<T>, build: impl FnOnce() -> Result<T, SendError>) -> Result<&T, SendError> {
    if let Some(built) = cell.get() {
        return Ok(built);
    }
    let built = build()?;
    Ok(cell.get_or_init(|| built))
}

/// The parts of a request, without a `host` where it may become one of HTTP/2. That says it by the authority, and some
/// servers refuse both; for HTTP/1.1 the pool puts it back.
pub(crate) fn unaddressed(request: SignedRequest) -> (Uri, HeaderMap, Bytes) {
    let (address, mut headers, body) = request.into_parts();
    if address.scheme() == Some(&Scheme::HTTPS) {
        headers.remove(HOST);
    }
    (address, headers, body)
}

/// The body of a request.
pub(crate) enum Payload {
    /// In one piece.
    Whole(Bytes),
    /// In pieces.
    Streamed(Streamed),
}

impl Body for Payload {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<io::Result<Frame<Bytes>>>> {
        match &mut *self {
            Self::Whole(bytes) if bytes.is_empty() => Poll::Ready(None),
            Self::Whole(bytes) => Poll::Ready(Some(Ok(Frame::data(mem::take(bytes))))),
            Self::Streamed(pieces) => Pin::new(pieces).poll_frame(context),
        }
    }

    fn is_end_stream(&self) -> bool {
        match self {
            Self::Whole(bytes) => bytes.is_empty(),
            Self::Streamed(pieces) => pieces.is_end_stream(),
        }
    }

    fn size_hint(&self) -> SizeHint {
        match self {
            Self::Whole(bytes) => SizeHint::with_exact(bytes.len() as u64),
            Self::Streamed(pieces) => pieces.size_hint(),
        }
    }
}

pub(crate) fn send_error(error: legacy::Error) -> SendError {
    // Everything up to the handshake counts as connecting, so nothing of the request was written.
    let (kind, sent) = if causes(&error).any(|cause| cause.is::<NotPublic>()) {
        (SendErrorKind::Refused, Sent::No)
    } else if error.is_connect() {
        (SendErrorKind::Connect, Sent::No)
    } else if causes(&error).filter_map(|cause| cause.downcast_ref::<io::Error>()).any(is_timeout) {
        (SendErrorKind::Timeout, Sent::Maybe)
    } else {
        (SendErrorKind::Interrupted, Sent::Maybe)
    };
    SendError::new(kind, sent, reason(&error))
}

fn is_timeout(error: &io::Error) -> bool {
    error.kind() == io::ErrorKind::TimedOut
}

fn cannot_set_up(error: BoxError) -> SendError {
    unsent(format!("TLS cannot be set up: {error}"))
}

fn unsent(reason: String) -> SendError {
    SendError::new(SendErrorKind::Connect, Sent::No, reason)
}
