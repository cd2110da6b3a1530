//! The arrow from a call to a signed HTTP request.

use std::borrow::Cow;
use std::fmt;
use std::time::{SystemTime, UNIX_EPOCH};

use bytes::Bytes;
use http::header::{AUTHORIZATION, CONTENT_TYPE, HOST};
use http::{HeaderMap, HeaderName, HeaderValue};
use url::Url;
use vod_aigc_core::api::MAX_REQUEST_BYTES;
use vod_aigc_signer::{BodyHash, CanonicalRequest, Credential, Request, Scope, Signer, UNSIGNED_PAYLOAD};

use crate::{Call, Endpoint};

const JSON: &str = "application/json";

const ACTION: HeaderName = HeaderName::from_static("x-tc-action");
const VERSION: HeaderName = HeaderName::from_static("x-tc-version");
const TIMESTAMP: HeaderName = HeaderName::from_static("x-tc-timestamp");
const REGION: HeaderName = HeaderName::from_static("x-tc-region");
const LANGUAGE: HeaderName = HeaderName::from_static("x-tc-language");
const TOKEN: HeaderName = HeaderName::from_static("x-tc-token");
const BODY_HASH: HeaderName = HeaderName::from_static("x-tc-content-sha256");
/// As many headers as a request can have.
const HEADERS: usize = 10;

const HIDDEN: &str = "<hidden>";

/// The language of the service's messages.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[expect(clippy::exhaustive_enums, reason = "callers make values of it")]
pub enum Language {
    /// `zh-CN`
    Chinese,
    /// `en-US`
    English,
}

impl Language {
    /// The value of `X-TC-Language`.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Chinese => "zh-CN",
            Self::English => "en-US",
        }
    }
}

/// Where a request goes, what it says about the caller, and what is signed of it.
#[derive(Clone, Copy)]
pub(crate) struct Destination<'a> {
    pub(crate) endpoint: &'a Endpoint,
    /// The value of `X-TC-Region`, for actions that have regions.
    pub(crate) region: Option<&'a HeaderValue>,
    /// The language of messages; the account's own if none is asked for.
    pub(crate) language: Option<Language>,
    pub(crate) signs_body: bool,
}

/// A complete HTTP request whose bytes are final.
///
/// `Display` writes the whole request as HTTP/1.1 text, with the token hidden and everything else as it is sent; the
/// secret key is in no part of it.
#[derive(Clone)]
pub struct SignedRequest {
    url: Url,
    headers: HeaderMap,
    body: Bytes,
}

impl SignedRequest {
    /// Signs a call at the time `now`: the headers `content-type`, `host` and `x-tc-action` and the
    /// body are covered by the signature, the body unless that is not wanted.
    ///
    /// The error is a sentence about the part that cannot be sent: a name with a character that headers or the scope
    /// do not allow, or a body above [`MAX_REQUEST_BYTES`].
    pub(crate) fn new(
        call: &Call,
        destination: Destination<'_>,
        credential: &Credential,
        signer: &Signer,
        now: SystemTime,
    ) -> Result<Self, String> {
        if call.body().len() > MAX_REQUEST_BYTES {
            return Err(format!(
                "the request of {} has {} bytes, the service takes at most {MAX_REQUEST_BYTES}; make its inputs smaller",
                call.action(),
                call.body().len()
            ));
        }
        let (action, version) = call.header_values()?;
        let timestamp = now.duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
        let Destination { endpoint, region, language, signs_body } = destination;
        let scope = Scope::new(timestamp, call.service()).map_err(|error| error.to_string())?;
        let request = Request {
            method: "POST",
            path: "/",
            query: "",
            headers: &[("content-type", JSON), ("host", endpoint.host()), ("x-tc-action", call.action())],
        };
        let body_hash = if signs_body { *call.body_hash() } else { BodyHash::unsigned() };
        let request = CanonicalRequest::new(&request, &body_hash).map_err(|error| error.to_string())?;
        let authorization = signer.sign(credential, &request, scope);

        let mut headers = HeaderMap::with_capacity(HEADERS);
        headers.insert(HOST, endpoint.host_value().clone());
        headers.insert(CONTENT_TYPE, HeaderValue::from_static(JSON));
        headers.insert(ACTION, action.clone());
        headers.insert(VERSION, version.clone());
        headers.insert(TIMESTAMP, HeaderValue::try_from(timestamp.to_string()).expect("digits are a header's value"));
        if let Some(region) = region {
            headers.insert(REGION, region.clone());
        }
        if let Some(language) = language {
            headers.insert(LANGUAGE, HeaderValue::from_static(language.as_str()));
        }
        if !signs_body {
            headers.insert(BODY_HASH, HeaderValue::from_static(UNSIGNED_PAYLOAD));
        }
        if let Some(token) = credential.token() {
            headers.insert(TOKEN, secret("token", token.as_bytes().to_vec())?);
        }
        headers.insert(AUTHORIZATION, secret("secret id", authorization.into_string().into_bytes())?);
        Ok(Self { url: endpoint.url().clone(), headers, body: call.body().clone() })
    }

    /// The method; every action is posted.
    #[must_use]
    pub fn method(&self) -> &'static str {
        "POST"
    }

    /// Where it goes.
    #[must_use]
    pub fn url(&self) -> &Url {
        &self.url
    }

    /// All headers in the order in which they are written, `host` first. The token is among them.
    pub fn headers(&self) -> impl Iterator<Item = (&str, &str)> {
        self.headers.iter().map(|(name, value)| (name.as_str(), value.to_str().expect("only text is put in")))
    }

    /// The body.
    #[must_use]
    pub fn body(&self) -> &Bytes {
        &self.body
    }

    /// What an HTTP stack posts. Values that must not be shown are marked as sensitive. HTTP/1.1 needs the `host` that is
    /// among the headers; HTTP/2 says the same by the authority of the URL.
    #[must_use]
    pub fn into_parts(self) -> (Url, HeaderMap, Bytes) {
        (self.url, self.headers, self.body)
    }
}

impl fmt::Display for SignedRequest {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(formatter, "POST / HTTP/1.1")?;
        for (name, value) in self.headers() {
            writeln!(formatter, "{name}: {}", if name == TOKEN.as_str() { HIDDEN } else { value })?;
        }
        write!(formatter, "\n{}", String::from_utf8_lossy(&self.body))
    }
}

impl fmt::Debug for SignedRequest {
    /// Leaves out the body and the signature too, because both are enough to send the request again.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let hidden = |name: &str| self.headers.get(name).is_some_and(HeaderValue::is_sensitive);
        let headers = self.headers().map(|(name, value)| (name, if hidden(name) { HIDDEN } else { value }));
        formatter
            .debug_struct("SignedRequest")
            .field("url", &self.url.as_str())
            .field("headers", &headers.collect::<Vec<_>>())
            .field("body_length", &self.body.len())
            .finish()
    }
}

/// The value of a header that carries a name, which cannot break out of it. Nothing is copied.
pub(crate) fn name_value(what: &str, name: Cow<'static, str>) -> Result<HeaderValue, String> {
    if name.is_empty() || !name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte)) {
        return Err(format!("the {what} {name:?} is not made of letters, digits, '-', '_' and '.'; correct it"));
    }
    let bytes = match name {
        Cow::Borrowed(name) => Bytes::from_static(name.as_bytes()),
        Cow::Owned(name) => name.into(),
    };
    Ok(HeaderValue::from_maybe_shared(bytes).expect("such a name is a header's value"))
}

/// The value of a header that no log may show.
fn secret(what: &str, bytes: Vec<u8>) -> Result<HeaderValue, String> {
    let mut value = HeaderValue::from_maybe_shared(Bytes::from(bytes)).map_err(|_| {
        format!("the {what} holds a character that a header cannot have; copy it again from the console")
    })?;
    value.set_sensitive(true);
    Ok(value)
}
