//! The HTTP stack of this crate: reqwest with rustls on ring.

use std::error::Error;
use std::fmt;
use std::future::Future;
use std::mem;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use reqwest::header::HOST;
use reqwest::{Client, ClientBuilder, Method, Response, Url, redirect, retry};
use rustls::pki_types::CertificateDer;
use rustls::{ClientConfig, RootCertStore};
use rustls_platform_verifier::Verifier;

use crate::endpoint::is_loopback;
use crate::fetch::{NotPublic, PublicOnly};
use crate::http::LARGEST_REPLY;
use crate::{BoxFuture, Http, RawReply, Resolve, SendError, SendErrorKind, Sent, SignedRequest, SystemResolver};

/// Time for name look-up, connection and TLS handshake together.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);

/// HTTP/1.1 and HTTP/2 over rustls.
///
/// Trusts what the operating system trusts and the roots that it is given. Honours the proxy variables of
/// the environment, except for loopback hosts. Follows no redirect and repeats no request. Cheap to clone; clones share
/// their connections.
#[derive(Clone)]
pub struct HttpClient(Arc<Settings>);

struct Settings {
    connect_timeout: Duration,
    roots: Vec<CertificateDer<'static>>,
    resolver: Arc<dyn Resolve>,
    /// Reads the system's roots once, however many clients are made.
    remote_tls: OnceLock<ClientConfig>,
    remote: OnceLock<Client>,
    loopback: OnceLock<Client>,
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
        let roots = roots.into_iter().map(CertificateDer::from).collect();
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
        let client = self.local()?;
        within(timeout, async { read(client.get(url).send().await.map_err(send_error)?).await }).await
    }

    /// The client for this machine, without a proxy.
    pub(crate) fn local(&self) -> Result<&Client, SendError> {
        let settings = &self.0;
        lazily(&settings.loopback, || Ok(settings.builder(settings.local_tls()?).no_proxy().build()?))
    }

    /// A client for one file, with connections of its own.
    pub(crate) fn guarded(&self, addresses: PublicOnly) -> Result<Client, SendError> {
        let settings = &self.0;
        let tls = lazily(&settings.remote_tls, || settings.new_remote_tls())?.clone();
        settings.builder(tls).dns_resolver(addresses).build().map_err(|error| cannot_set_up(&error))
    }

    pub(crate) fn resolver(&self) -> &Arc<dyn Resolve> {
        &self.0.resolver
    }

    pub(crate) fn client(&self, url: &Url) -> Result<&Client, SendError> {
        let settings = &self.0;
        if is_loopback(url) {
            return self.local();
        }
        let tls = lazily(&settings.remote_tls, || settings.new_remote_tls())?;
        lazily(&settings.remote, || Ok(settings.builder(tls.clone()).build()?))
    }
}

impl Http for HttpClient {
    fn send(&self, request: SignedRequest, timeout: Duration) -> BoxFuture<'_, Result<RawReply, SendError>> {
        Box::pin(async move {
            let (uri, mut headers, body) = request.into_parts();
            let refused = |_| SendError::new(SendErrorKind::Connect, Sent::No, "the address is not a URL");
            let url = Url::parse(&uri.to_string()).map_err(refused)?;
            let client = self.client(&url)?;
            // It follows from the URL, in HTTP/2 as the authority.
            headers.remove(HOST);
            let mut http_request = reqwest::Request::new(Method::POST, url);
            *http_request.headers_mut() = headers;
            *http_request.body_mut() = Some(body.into());
            within(timeout, async { read(client.execute(http_request).await.map_err(send_error)?).await }).await
        })
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
    fn new(connect_timeout: Duration, roots: Vec<CertificateDer<'static>>, resolver: Arc<dyn Resolve>) -> Self {
        let (remote_tls, remote, loopback) = Default::default();
        Self { connect_timeout, roots, resolver, remote_tls, remote, loopback }
    }

    fn builder(&self, mut tls: ClientConfig) -> ClientBuilder {
        tls.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
        Client::builder()
            .tls_backend_preconfigured(tls)
            .connect_timeout(self.connect_timeout)
            .redirect(redirect::Policy::none())
            // What stays is a move to a fresh connection when a pooled one closed before any byte was written.
            .retry(retry::never())
            .tcp_nodelay(true)
    }

    fn new_remote_tls(&self) -> Result<ClientConfig, Box<dyn Error>> {
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let verifier = Verifier::new_with_extra_roots(self.roots.iter().cloned(), provider.clone())?;
        let tls = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions()?;
        Ok(tls.dangerous().with_custom_certificate_verifier(Arc::new(verifier)).with_no_client_auth())
    }

    /// Without the system's roots, so a machine without certificates can still talk to an emulator.
    fn local_tls(&self) -> Result<ClientConfig, Box<dyn Error>> {
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let mut roots = RootCertStore::empty();
        for root in &self.roots {
            roots.add(root.clone())?;
        }
        let tls = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions()?;
        Ok(tls.with_root_certificates(roots).with_no_client_auth())
    }
}

fn lazily<T>(cell: &OnceLock<T>, build: impl FnOnce() -> Result<T, Box<dyn Error>>) -> Result<&T, SendError> {
    if let Some(built) = cell.get() {
        return Ok(built);
    }
    let built = build().map_err(|error| cannot_set_up(&*error))?;
    Ok(cell.get_or_init(|| built))
}

fn cannot_set_up(error: &dyn Error) -> SendError {
    SendError::new(SendErrorKind::Connect, Sent::No, format!("TLS cannot be set up: {error}"))
}

pub(crate) async fn within<T>(
    limit: Duration,
    work: impl Future<Output = Result<T, SendError>>,
) -> Result<T, SendError> {
    tokio::time::timeout(limit, work).await.unwrap_or_else(|_| {
        let reason = format!("no complete reply within {limit:?}");
        Err(SendError::new(SendErrorKind::Timeout, Sent::Maybe, reason))
    })
}

pub(crate) async fn read(mut response: Response) -> Result<RawReply, SendError> {
    let status = response.status().as_u16();
    let headers = mem::take(response.headers_mut());
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await.map_err(broken)? {
        if body.len() + chunk.len() > LARGEST_REPLY {
            let reason = format!("it has more than {LARGEST_REPLY} bytes");
            return Err(SendError::new(SendErrorKind::TooLarge, Sent::Yes, reason));
        }
        body.extend_from_slice(&chunk);
    }
    Ok(RawReply { status, headers, body: body.into() })
}

pub(crate) fn send_error(error: reqwest::Error) -> SendError {
    // Everything up to the handshake counts as connecting, so nothing of the request was written.
    let (kind, sent) = if causes(&error).any(|cause| cause.is::<NotPublic>()) {
        (SendErrorKind::Refused, Sent::No)
    } else if error.is_connect() || error.is_builder() {
        (SendErrorKind::Connect, Sent::No)
    } else if error.is_timeout() {
        (SendErrorKind::Timeout, Sent::Maybe)
    } else {
        (SendErrorKind::Interrupted, Sent::Maybe)
    };
    SendError::new(kind, sent, reason(error))
}

pub(crate) fn broken(error: reqwest::Error) -> SendError {
    SendError::new(SendErrorKind::Interrupted, Sent::Yes, reason(error))
}

/// The error and its causes in one line, without the URL, which may be a presigned one.
fn reason(error: reqwest::Error) -> String {
    let error = error.without_url();
    let text = causes(&error).fold(error.to_string(), |text, cause| format!("{text}: {cause}"));
    crate::envelope::one_line(&text)
}

fn causes<'a>(error: &'a (dyn Error + 'static)) -> impl Iterator<Item = &'a (dyn Error + 'static)> {
    std::iter::successors(error.source(), |&error| error.source())
}
