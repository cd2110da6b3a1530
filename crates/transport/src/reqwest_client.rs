//! The HTTP stack for callers who have settings of reqwest's: its proxies, its TLS, layers of their own.

use std::fmt;
use std::sync::OnceLock;
use std::time::Duration;

use http::Uri;
use reqwest::{Client, ClientBuilder, Method, Request, Url, redirect, retry};

use crate::http_client::unaddressed;
use crate::reply::{read, reason, within};
use crate::{BoxFuture, Http, RawReply, SendError, SendErrorKind, Sent, SignedRequest};

/// Sends calls through reqwest, for programs in which one set of proxies, certificates or layers has to serve everything.
/// Files are fetched and stored by [`HttpClient`](crate::HttpClient) all the same.
///
/// ```no_run
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// use std::{sync::Arc, time::Duration};
/// use vod_aigc_transport::{Environment, ReqwestClient, Transport, VariableNames};
///
/// let settings = reqwest::Client::builder().no_proxy().connect_timeout(Duration::from_secs(5));
/// let environment = Environment::new(VariableNames::TENCENT_CLOUD, |_| None);
/// let transport = Transport::builder(environment).http(Arc::new(ReqwestClient::new(settings)?)).build();
/// # Ok(())
/// # }
/// ```
pub struct ReqwestClient {
    client: Client,
    /// Where the first request went, which most programs' requests all do: reqwest's kind of URL takes some time to parse.
    first: OnceLock<(Uri, Url)>,
}

impl ReqwestClient {
    /// A client with the builder's settings, but for two: it follows no redirect and repeats no request, because either
    /// could start a paid task twice. A layer of the caller's must not repeat one either.
    ///
    /// Set [`ClientBuilder::connect_timeout`]: a connection that takes the whole time of an attempt counts as a request
    /// that may have been sent.
    ///
    /// # Errors
    ///
    /// When the TLS of the builder cannot be set up.
    pub fn new(builder: ClientBuilder) -> Result<Self, reqwest::Error> {
        // What stays is a move to a fresh connection when a pooled one closed before any byte was written.
        let client = builder.redirect(redirect::Policy::none()).retry(retry::never()).build()?;
        Ok(Self { client, first: OnceLock::new() })
    }

    fn url(&self, address: Uri) -> Result<Url, SendError> {
        if let Some((_, url)) = self.first.get().filter(|(first, _)| *first == address) {
            return Ok(url.clone());
        }
        let refused = |_| SendError::new(SendErrorKind::Connect, Sent::No, "the address is not a URL");
        let url = Url::parse(&address.to_string()).map_err(refused)?;
        self.first.get_or_init(|| (address, url.clone()));
        Ok(url)
    }
}

impl Http for ReqwestClient {
    fn send(&self, request: SignedRequest, timeout: Duration) -> BoxFuture<'_, Result<RawReply, SendError>> {
        Box::pin(within(timeout, async move {
            let (address, headers, body) = unaddressed(request);
            let mut request = Request::new(Method::POST, self.url(address)?);
            *request.headers_mut() = headers;
            *request.body_mut() = Some(body.into());
            read(self.client.execute(request).await.map_err(send_error)?.into()).await
        }))
    }
}

impl fmt::Debug for ReqwestClient {
    /// Leaves out the settings, which may hold a proxy's password.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("ReqwestClient").finish_non_exhaustive()
    }
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
    SendError::new(kind, sent, reason(&error.without_url()))
}
