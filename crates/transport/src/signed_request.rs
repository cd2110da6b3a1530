//! The arrow from a call to a signed HTTP request.

use std::fmt;
use std::time::{SystemTime, UNIX_EPOCH};

use bytes::Bytes;
use vod_aigc_core::MAX_REQUEST_BYTES;
use vod_aigc_signer::{CanonicalRequest, Credential, Request, Scope, Signer};

use crate::{Call, Endpoint};

const CONTENT_TYPE: &str = "application/json";

/// The language of the service's messages.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
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

/// Where a request goes and what it says about the caller.
#[derive(Debug, Clone, Copy)]
pub struct Destination<'a> {
    /// The server.
    pub endpoint: &'a Endpoint,
    /// The value of `X-TC-Region`, for actions that have regions.
    pub region: Option<&'a str>,
    /// The language of messages; the account's own if none is asked for.
    pub language: Option<Language>,
}

/// A complete HTTP request whose bytes are final.
///
/// `Display` writes the whole request as HTTP/1.1 text, with the token hidden and everything else as it is sent; the
/// secret key is in no part of it.
#[derive(Clone)]
pub struct SignedRequest {
    url: String,
    headers: Vec<(&'static str, String)>,
    body: Bytes,
}

impl SignedRequest {
    /// Signs a call at the time `now`: the headers `content-type`, `host` and `x-tc-action` and the
    /// body are covered by the signature.
    ///
    /// # Errors
    ///
    /// A sentence about the part that cannot be sent: a name with a character that headers or the scope
    /// do not allow, or a body above [`MAX_REQUEST_BYTES`].
    pub fn new(
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
        for (what, value) in [("action", call.action()), ("version", call.version())] {
            check_name(what, value)?;
        }
        if let Some(region) = destination.region {
            check_name("region", region)?;
        }
        let timestamp = now.duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
        let host = destination.endpoint.host();
        let canonical_request = CanonicalRequest::new(&Request {
            method: "POST",
            path: "/",
            query: "",
            headers: &[("content-type", CONTENT_TYPE), ("host", host), ("x-tc-action", call.action())],
            body_hash: call.body_hash(),
        })
        .map_err(|error| error.to_string())?;
        let scope = Scope::new(timestamp, call.service()).map_err(|error| error.to_string())?;
        let authorization = signer.sign(credential, &canonical_request, scope);

        let mut headers = vec![
            ("Host", host.to_owned()),
            ("Content-Type", CONTENT_TYPE.to_owned()),
            ("X-TC-Action", call.action().to_owned()),
            ("X-TC-Version", call.version().to_owned()),
            ("X-TC-Timestamp", timestamp.to_string()),
        ];
        headers.extend(destination.region.map(|region| ("X-TC-Region", region.to_owned())));
        headers.extend(destination.language.map(|language| ("X-TC-Language", language.as_str().to_owned())));
        headers.extend(credential.token().map(|token| (TOKEN, token.to_owned())));
        headers.push((AUTHORIZATION, authorization.into_string()));
        Ok(Self { url: destination.endpoint.url().to_owned(), headers, body: call.body().clone() })
    }

    /// The method; every action is posted.
    #[must_use]
    pub fn method(&self) -> &'static str {
        "POST"
    }

    /// The whole URL.
    #[must_use]
    pub fn url(&self) -> &str {
        &self.url
    }

    /// All headers in the order in which they are written, `Host` first. The token is among them.
    pub fn headers(&self) -> impl Iterator<Item = (&'static str, &str)> {
        self.headers.iter().map(|(name, value)| (*name, value.as_str()))
    }

    /// The body.
    #[must_use]
    pub fn body(&self) -> &Bytes {
        &self.body
    }
}

impl fmt::Display for SignedRequest {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(formatter, "POST / HTTP/1.1")?;
        for (name, value) in self.headers() {
            writeln!(formatter, "{name}: {}", if name == TOKEN { HIDDEN } else { value })?;
        }
        write!(formatter, "\n{}", String::from_utf8_lossy(&self.body))
    }
}

impl fmt::Debug for SignedRequest {
    /// Leaves out the body and the signature too, because both are enough to send the request again.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let hidden = |name| name == TOKEN || name == AUTHORIZATION;
        let headers = self.headers().map(|(name, value)| (name, if hidden(name) { HIDDEN } else { value }));
        formatter
            .debug_struct("SignedRequest")
            .field("url", &self.url)
            .field("headers", &headers.collect::<Vec<_>>())
            .field("body_length", &self.body.len())
            .finish()
    }
}

pub(crate) const TOKEN: &str = "X-TC-Token";
pub(crate) const AUTHORIZATION: &str = "Authorization";
const HIDDEN: &str = "<hidden>";

/// Refuses what would break out of a header.
fn check_name(what: &str, value: &str) -> Result<(), String> {
    if value.is_empty() || !value.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte)) {
        return Err(format!("the {what} {value:?} is not made of letters, digits, '-', '_' and '.'; correct it"));
    }
    Ok(())
}
