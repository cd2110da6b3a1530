//! The HTTP stack: reqwest, in three pools.

use std::fmt;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use http::header::HOST;
use reqwest::dns::Resolve;
use reqwest::{Client, ClientBuilder, Method, NoProxy, Proxy, Request, Url, redirect, retry};

use crate::public_only::{NotPublic, PublicOnly, SystemResolver};
use crate::reply::{causes, read, reason, within};
use crate::url::{self, is_loopback};
use crate::{BoxFuture, Http, RawReply, SendError, SendErrorKind, Sent, SignedRequest};

/// Time for name look-up, connection and handshakes together.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);

/// How long a connection is silent before the other side is asked whether it is there, and between two such questions.
const KEEP_ALIVE: Duration = Duration::from_secs(15);

/// Calls, uploads and downloads by reqwest: HTTP/1.1, and HTTP/2 where a server offers it over TLS.
///
/// Trusts what the operating system trusts. Uses the proxy that `HTTPS_PROXY` or `ALL_PROXY` names (in either case), except for
/// the hosts of `NO_PROXY` and for loopback hosts; http, https and SOCKS proxies work. Follows no redirect of a call and
/// repeats no request. Cheap to clone; clones share their connections.
///
/// ```
/// use std::time::Duration;
/// use vod_aigc_transport::{HttpClient, reqwest};
///
/// # fn main() -> Result<(), reqwest::Error> {
/// let proxy = reqwest::Proxy::all("socks5h://proxy.example:1080")?.basic_auth("user", "password");
/// let http = HttpClient::with(move |builder| {
///     builder.no_proxy().proxy(proxy.clone()).connect_timeout(Duration::from_secs(10))
/// });
/// # drop(http);
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct HttpClient(Arc<Pools>);

type Configure = dyn Fn(ClientBuilder) -> ClientBuilder + Send + Sync;
type Variables = dyn Fn(&str) -> Option<String> + Send + Sync;

struct Pools {
    settings: Settings,
    /// For calls and uploads.
    remote: OnceLock<Client>,
    /// For downloads, from public addresses only.
    files: OnceLock<Client>,
    /// For this machine.
    loopback: OnceLock<Client>,
}

#[derive(Clone)]
struct Settings {
    configure: Arc<Configure>,
    variables: Arc<Variables>,
    public_only: PublicOnly,
}

impl Default for HttpClient {
    fn default() -> Self {
        Self::new()
    }
}

impl HttpClient {
    /// A client with a connect timeout of 5 s and TCP keep-alive.
    #[must_use]
    pub fn new() -> Self {
        Self::with(|builder| builder)
    }

    /// A client with settings of the caller's: proxies, roots, client certificates, time limits. `configure` gets a builder with
    /// the defaults and returns it changed; it is called once for each of the three pools of connections (calls and
    /// uploads, downloads, this machine).
    ///
    /// Some settings are then set in any case: no pool follows redirects or repeats requests, because either could start a paid
    /// task twice; downloads are not decompressed and use [`resolver`](Self::resolver); this machine is reached without a proxy. A
    /// layer of the caller's must not repeat requests either. A total `timeout` limits downloads too.
    ///
    /// What cannot be set up is an error of the first request, of which nothing is sent.
    #[must_use]
    #[expect(
        clippy::disallowed_methods,
        reason = "a program's proxy is set by its environment unless `variables` says otherwise"
    )]
    pub fn with(configure: impl Fn(ClientBuilder) -> ClientBuilder + Send + Sync + 'static) -> Self {
        Self::of(Settings {
            configure: Arc::new(configure),
            variables: Arc::new(|name| std::env::var(name).ok()),
            public_only: PublicOnly::new(Arc::new(SystemResolver)),
        })
    }

    /// The same client, with connections of its own and another name look-up for the hosts of files. Addresses that are not
    /// public are dropped from what it finds.
    #[must_use]
    pub fn resolver(&self, resolver: Arc<dyn Resolve>) -> Self {
        Self::of(Settings { public_only: PublicOnly::new(resolver), ..self.0.settings.clone() })
    }

    /// The same client, with connections of its own and other variables than those of the process to find the proxy by.
    #[must_use]
    pub fn variables(&self, variables: impl Fn(&str) -> Option<String> + Send + Sync + 'static) -> Self {
        Self::of(Settings { variables: Arc::new(variables), ..self.0.settings.clone() })
    }

    fn of(settings: Settings) -> Self {
        let (remote, files, loopback) = Default::default();
        Self(Arc::new(Pools { settings, remote, files, loopback }))
    }

    /// Reads a small document over plain http without a proxy: the metadata service of a virtual machine.
    pub(crate) async fn read_metadata(&self, url: &str, timeout: Duration) -> Result<RawReply, SendError> {
        let url = url::parse(url).map_err(|problem| unsent(format!("the address {problem}")))?;
        let client = self.loopback()?;
        within(timeout, async { read(client.get(url).send().await.map_err(send_error)?).await }).await
    }

    /// The connections for calls and uploads to this host.
    pub(crate) fn for_host(&self, url: &Url) -> Result<&Client, SendError> {
        if is_loopback(url) {
            return self.loopback();
        }
        let pools = &*self.0;
        built(&pools.remote, || pools.settings.proxied()?.build().map_err(cannot_set_up))
    }

    /// The connections for the file at `url`.
    pub(crate) fn for_file(&self, url: &Url) -> Result<&Client, SendError> {
        if is_loopback(url) {
            return self.loopback();
        }
        let pools = &*self.0;
        let public_only = &pools.settings.public_only;
        public_only.add(url.host_str().unwrap_or_default());
        built(&pools.files, || {
            // The bytes of a file are counted, and parts of it are asked for: no coding may change them.
            let builder = pools.settings.proxied()?.no_gzip().no_deflate().dns_resolver(public_only.clone());
            builder.build().map_err(cannot_set_up)
        })
    }

    fn loopback(&self) -> Result<&Client, SendError> {
        let pools = &*self.0;
        built(&pools.loopback, || {
            let builder = || pools.settings.builder(None).no_proxy();
            // A machine without root certificates can still talk to an emulator.
            builder().build().or_else(|_| without_roots(builder()).build()).map_err(cannot_set_up)
        })
    }
}

impl Settings {
    fn proxied(&self) -> Result<ClientBuilder, SendError> {
        Ok(self.builder(proxy(&*self.variables)?))
    }

    fn builder(&self, proxy: Option<Proxy>) -> ClientBuilder {
        let builder = Client::builder()
            // reqwest does not read the environment itself: the proxy is the one above, or one that the caller adds.
            .no_proxy()
            .connect_timeout(CONNECT_TIMEOUT)
            .tcp_keepalive(KEEP_ALIVE)
            .tcp_keepalive_interval(KEEP_ALIVE)
            .tcp_keepalive_retries(3);
        #[cfg(any(target_os = "android", target_os = "linux"))]
        let builder = builder.tcp_user_timeout(2 * KEEP_ALIVE);
        let builder = proxy.into_iter().fold(with_tls(builder), ClientBuilder::proxy);
        // reqwest still moves to a fresh connection where a kept one was closed before any byte was written.
        (self.configure)(builder).redirect(redirect::Policy::none()).retry(retry::never())
    }
}

#[cfg(feature = "rustls")]
fn with_tls(builder: ClientBuilder) -> ClientBuilder {
    // It fails where the program has chosen a provider already, which is then used.
    let _ = rustls::crypto::ring::default_provider().install_default();
    builder.tls_backend_rustls()
}

#[cfg(not(feature = "rustls"))]
fn with_tls(builder: ClientBuilder) -> ClientBuilder {
    builder
}

#[cfg(any(feature = "native-tls", feature = "rustls"))]
fn without_roots(builder: ClientBuilder) -> ClientBuilder {
    builder.tls_certs_only([])
}

#[cfg(not(any(feature = "native-tls", feature = "rustls")))]
fn without_roots(builder: ClientBuilder) -> ClientBuilder {
    builder
}

/// The proxy that the variables name. Whatever may go through it is https.
fn proxy(variable: &Variables) -> Result<Option<Proxy>, SendError> {
    const SCHEMES: [&str; 6] = ["http", "https", "socks4", "socks4a", "socks5", "socks5h"];
    let first = |names: &[&'static str]| {
        names.iter().find_map(|name| Some((*name, variable(name).filter(|value| !value.is_empty())?)))
    };
    let Some((name, address)) = first(&["HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy"]) else {
        return Ok(None);
    };
    let invalid = || {
        let schemes = SCHEMES.join(", ");
        unsent(format!("the variable {name} does not hold the URL of a proxy ({schemes}); correct it or unset it"))
    };
    let url = if address.contains("://") { address } else { format!("http://{address}") };
    let url = Url::parse(&url).ok().filter(|url| SCHEMES.contains(&url.scheme()) && url.has_host());
    let proxy = Proxy::all(url.ok_or_else(invalid)?).map_err(|_| invalid())?;
    let exceptions = first(&["NO_PROXY", "no_proxy"]).and_then(|(_, hosts)| NoProxy::from_string(&hosts));
    Ok(Some(proxy.no_proxy(exceptions)))
}

impl Http for HttpClient {
    fn send(&self, request: SignedRequest, timeout: Duration) -> BoxFuture<'_, Result<RawReply, SendError>> {
        Box::pin(within(timeout, async move {
            let (url, mut headers, body) = request.into_parts();
            if url.scheme() == "https" {
                // HTTP/2 says it by the authority, and some servers refuse both; HTTP/1.1 gets it back from the URL.
                headers.remove(HOST);
            }
            let client = self.for_host(&url)?;
            let mut request = Request::new(Method::POST, url);
            *request.headers_mut() = headers;
            *request.body_mut() = Some(body.into());
            read(client.execute(request).await.map_err(send_error)?).await
        }))
    }
}

impl fmt::Debug for HttpClient {
    /// Leaves out the settings, which may hold a proxy's password.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("HttpClient").finish_non_exhaustive()
    }
}

fn built(cell: &OnceLock<Client>, build: impl FnOnce() -> Result<Client, SendError>) -> Result<&Client, SendError> {
    match cell.get() {
        Some(client) => Ok(client),
        None => build().map(|client| cell.get_or_init(|| client)),
    }
}

/// What became of a request that got no reply.
pub(crate) fn send_error(error: reqwest::Error) -> SendError {
    // Everything up to the last handshake counts as connecting, so nothing of the request was written.
    let (kind, sent) = if causes(&error).any(|cause| cause.is::<NotPublic>()) {
        (SendErrorKind::Refused, Sent::No)
    } else if error.is_connect() || error.is_builder() {
        (SendErrorKind::Connect, Sent::No)
    } else if error.is_timeout() {
        (SendErrorKind::Timeout, Sent::Maybe)
    } else {
        (SendErrorKind::Interrupted, Sent::Maybe)
    };
    SendError::new(kind, sent, reason(&error.without_url()))
}

fn cannot_set_up(error: reqwest::Error) -> SendError {
    unsent(format!("the HTTP client cannot be set up: {}", reason(&error)))
}

fn unsent(reason: String) -> SendError {
    SendError::new(SendErrorKind::Connect, Sent::No, reason)
}
