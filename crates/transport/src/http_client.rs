//! The HTTP stack of this crate: reqwest with rustls on ring. The only file that sends anything.

use std::error::Error;
use std::fmt;
use std::future::Future;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use bytes::Bytes;
use reqwest::header::{HeaderName, HeaderValue, LOCATION, RANGE};
use reqwest::{Client, Method, Response, Url, redirect, retry};
use rustls::pki_types::CertificateDer;
use rustls::{ClientConfig, RootCertStore};
use rustls_platform_verifier::Verifier;

use crate::endpoint::is_loopback;
use crate::http::LARGEST_REPLY;
use crate::signed_request::{AUTHORIZATION, TOKEN};
use crate::{BoxFuture, Http, RawReply, SendError, SendErrorKind, Sent, SignedRequest};

/// Time for name look-up, connection and TLS handshake together.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);

const MOST_REDIRECTS: usize = 5;

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
        Self(Arc::new(Settings { connect_timeout, roots, remote: OnceLock::new(), loopback: OnceLock::new() }))
    }

    /// Starts to read a file by its URL, from the byte `offset` on, with no credentials attached.
    ///
    /// Follows up to five redirects, but none from https to http and none from elsewhere to this machine.
    /// `idle` bounds the wait for the head and for each piece of the body.
    ///
    /// # Errors
    ///
    /// When there is no reply. Any status is a reply: look at [`Fetched::status`].
    pub async fn fetch(&self, url: &str, offset: u64, idle: Duration) -> Result<Fetched, SendError> {
        let refused = |reason| SendError::new(SendErrorKind::Connect, Sent::No, reason);
        let mut url = Url::parse(url).map_err(|_| refused("the address is not a URL"))?;
        for _ in 0..=MOST_REDIRECTS {
            if !matches!(url.scheme(), "http" | "https") {
                return Err(refused("the address is neither http nor https"));
            }
            let mut request = self.client(&url)?.get(url.clone());
            if offset > 0 {
                request = request.header(RANGE, format!("bytes={offset}-"));
            }
            let response = within(idle, async { request.send().await.map_err(send_error) }).await?;
            let target = response.headers().get(LOCATION).filter(|_| response.status().is_redirection());
            let Some(target) = target else {
                return Ok(Fetched { response, idle });
            };
            let next = target.to_str().ok().and_then(|target| url.join(target).ok());
            let next = next.ok_or_else(|| refused("a redirect leads to an address that is not a URL"))?;
            if url.scheme() == "https" && next.scheme() != "https" {
                return Err(refused("a redirect leads from https to http"));
            }
            if is_loopback(&next) && !is_loopback(&url) {
                return Err(refused("a redirect leads to this machine"));
            }
            url = next;
        }
        Err(refused("there are more than five redirects"))
    }

    /// Reads a small document over plain http without a proxy: the metadata service of a virtual machine.
    pub(crate) async fn read_metadata(&self, url: &str, timeout: Duration) -> Result<RawReply, SendError> {
        let settings = &self.0;
        let client = lazily(&settings.loopback, || settings.build(false))?;
        within(timeout, async { read(client.get(url).send().await.map_err(send_error)?).await }).await
    }

    fn client(&self, url: &Url) -> Result<&Client, SendError> {
        let settings = &self.0;
        if is_loopback(url) {
            lazily(&settings.loopback, || settings.build(false))
        } else {
            lazily(&settings.remote, || settings.build(true))
        }
    }
}

impl Http for HttpClient {
    fn send<'a>(&'a self, request: &'a SignedRequest, timeout: Duration) -> BoxFuture<'a, Result<RawReply, SendError>> {
        Box::pin(async move {
            let refused = |reason: &str| SendError::new(SendErrorKind::Connect, Sent::No, reason);
            let url = Url::parse(request.url()).map_err(|_| refused("the address is not a URL"))?;
            let client = self.client(&url)?;
            let mut http_request = reqwest::Request::new(Method::POST, url);
            // The Host header follows from the URL, in HTTP/2 as the authority.
            for (name, value) in request.headers().filter(|(name, _)| *name != "Host") {
                let mut header = HeaderValue::from_str(value)
                    .map_err(|_| refused(&format!("the header {name} holds a character that it cannot have")))?;
                header.set_sensitive(name == AUTHORIZATION || name == TOKEN);
                let name = HeaderName::from_bytes(name.as_bytes()).map_err(|_| refused("a header has no name"))?;
                http_request.headers_mut().insert(name, header);
            }
            *http_request.body_mut() = Some(request.body().clone().into());
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
    /// Loopback hosts need neither a proxy nor the system's roots, so a machine without certificates can
    /// still talk to an emulator.
    fn build(&self, remote: bool) -> Result<Client, Box<dyn Error>> {
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let tls = ClientConfig::builder_with_provider(provider.clone()).with_safe_default_protocol_versions()?;
        let mut tls = if remote {
            let verifier = Verifier::new_with_extra_roots(self.roots.iter().cloned(), provider)?;
            tls.dangerous().with_custom_certificate_verifier(Arc::new(verifier)).with_no_client_auth()
        } else {
            let mut roots = RootCertStore::empty();
            for root in &self.roots {
                roots.add(root.clone())?;
            }
            tls.with_root_certificates(roots).with_no_client_auth()
        };
        tls.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
        let builder = Client::builder()
            .tls_backend_preconfigured(tls)
            .connect_timeout(self.connect_timeout)
            .redirect(redirect::Policy::none())
            // What stays is a move to a fresh connection when a pooled one closed before any byte was written.
            .retry(retry::never())
            .tcp_nodelay(true);
        Ok(if remote { builder } else { builder.no_proxy() }.build()?)
    }
}

/// A file that is being read.
pub struct Fetched {
    response: Response,
    idle: Duration,
}

impl Fetched {
    /// The HTTP status: 200 for the whole file, 206 from the offset on.
    #[must_use]
    pub fn status(&self) -> u16 {
        self.response.status().as_u16()
    }

    /// How many bytes are to come, if the server said so.
    #[must_use]
    pub fn content_length(&self) -> Option<u64> {
        self.response.content_length()
    }

    /// A header by its name, if it is there and text.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        self.response.headers().get(name)?.to_str().ok()
    }

    /// The next piece of the body; none after the last.
    ///
    /// # Errors
    ///
    /// When the connection breaks, or stays silent for longer than the idle time.
    pub async fn chunk(&mut self) -> Result<Option<Bytes>, SendError> {
        within(self.idle, async { self.response.chunk().await.map_err(broken) }).await
    }
}

impl fmt::Debug for Fetched {
    /// Leaves out the address, which may be a presigned one.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Fetched")
            .field("status", &self.status())
            .field("content_length", &self.content_length())
            .finish_non_exhaustive()
    }
}

fn lazily(
    cell: &OnceLock<Client>,
    build: impl FnOnce() -> Result<Client, Box<dyn Error>>,
) -> Result<&Client, SendError> {
    if let Some(client) = cell.get() {
        return Ok(client);
    }
    let client = build()
        .map_err(|error| SendError::new(SendErrorKind::Connect, Sent::No, format!("TLS cannot be set up: {error}")))?;
    Ok(cell.get_or_init(|| client))
}

async fn within<T>(limit: Duration, work: impl Future<Output = Result<T, SendError>>) -> Result<T, SendError> {
    tokio::time::timeout(limit, work).await.unwrap_or_else(|_| {
        let reason = format!("no complete reply within {limit:?}");
        Err(SendError::new(SendErrorKind::Timeout, Sent::Maybe, reason))
    })
}

async fn read(mut response: Response) -> Result<RawReply, SendError> {
    let status = response.status().as_u16();
    let header = |(name, value): (&HeaderName, &HeaderValue)| {
        value.to_str().ok().map(|value| (name.as_str().to_owned(), value.to_owned()))
    };
    let headers = response.headers().iter().filter_map(header).collect();
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

fn send_error(error: reqwest::Error) -> SendError {
    // Everything up to the handshake counts as connecting, so nothing of the request was written.
    let (kind, sent) = if error.is_connect() || error.is_builder() {
        (SendErrorKind::Connect, Sent::No)
    } else if error.is_timeout() {
        (SendErrorKind::Timeout, Sent::Maybe)
    } else {
        (SendErrorKind::Interrupted, Sent::Maybe)
    };
    SendError::new(kind, sent, reason(error))
}

fn broken(error: reqwest::Error) -> SendError {
    SendError::new(SendErrorKind::Interrupted, Sent::Yes, reason(error))
}

/// The error and its causes in one line, without the URL, which may be a presigned one.
fn reason(error: reqwest::Error) -> String {
    let error = error.without_url();
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text = format!("{text}: {error}");
        cause = error.source();
    }
    crate::envelope::one_line(&text)
}
