//! The first stage: a request in the one spelling that both sides hash.

use std::borrow::Cow;
use std::error::Error;
use std::fmt;
use std::ops::Range;

use crate::BodyHash;
use crate::hex_digest::HexDigest;

/// The parts of a request that are signed, but for its body, borrowed from the caller.
///
/// The token of temporary keys travels in the header `X-TC-Token`; it may be listed in `headers`
/// like any other, and need not be.
#[derive(Clone, Copy)]
#[expect(clippy::exhaustive_structs, reason = "callers make values of it")]
pub struct Request<'a> {
    /// The HTTP method in upper case.
    pub method: &'a str,
    /// The path as sent; an empty one counts as `/`, which is the path of every API 3.0 action.
    pub path: &'a str,
    /// The query exactly as sent, without `?`; it is neither sorted nor encoded here, because the
    /// service hashes what it receives. Empty for POST.
    pub query: &'a str,
    /// The headers to sign, in any order, with any case. `content-type` and `host` must be among
    /// them.
    pub headers: &'a [(&'a str, &'a str)],
}

impl fmt::Debug for Request<'_> {
    /// Shows the names of the headers only, because one of them may carry a token.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<&str> = self.headers.iter().map(|(name, _)| *name).collect();
        formatter
            .debug_struct("Request")
            .field("method", &self.method)
            .field("path", &self.path)
            .field("query", &self.query)
            .field("headers", &names)
            .finish()
    }
}

/// The canonical request: six parts, one a line, and its hash.
///
/// The first step of the documentation.
#[derive(Clone)]
pub struct CanonicalRequest {
    text: String,
    signed_headers: Range<usize>,
    hash: HexDigest,
}

impl CanonicalRequest {
    /// Writes the canonical form: header names in lower case and ascending order, values trimmed
    /// and in lower case.
    ///
    /// # Errors
    ///
    /// When `content-type` or `host` is missing, a header occurs twice, or a part holds characters
    /// that HTTP does not allow there.
    pub fn new(request: &Request<'_>, body_hash: &BodyHash) -> Result<Self, InvalidRequest> {
        check_line("method", request.method)?;
        check_line("path", request.path)?;
        check_line("query", request.query)?;
        let path = if request.path.is_empty() { "/" } else { request.path };
        let mut headers: Vec<(Cow<'_, str>, &str)> =
            request.headers.iter().map(|(name, value)| (lowercase(name), *value)).collect();
        headers.sort_unstable();
        check_headers(&headers)?;

        let header_bytes: usize = headers.iter().map(|(name, value)| 2 * name.len() + value.len() + 3).sum();
        let mut text = String::with_capacity(header_bytes + path.len() + request.query.len() + 2 * HASH_BYTES);
        text.extend([request.method, "\n", path, "\n", request.query, "\n"]);
        for (name, value) in &headers {
            text.extend([name, ":", &*lowercase(value.trim_matches([' ', '\t'])), "\n"]);
        }
        text.push('\n');
        let start = text.len();
        for (name, _) in &headers {
            text.extend([name, ";"]);
        }
        text.pop();
        let signed_headers = start..text.len();
        text.extend(["\n", body_hash.as_str()]);
        let hash = HexDigest::sha256(text.as_bytes());
        Ok(Self { text, signed_headers, hash })
    }

    /// The whole text. It holds the token if `x-tc-token` is among the signed headers.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// The names of the signed headers, joined by `;`.
    #[must_use]
    pub fn signed_headers(&self) -> &str {
        &self.text[self.signed_headers.clone()]
    }

    /// The SHA-256 of the text in lower-case hexadecimal.
    #[must_use]
    pub fn hash(&self) -> &str {
        self.hash.as_str()
    }
}

impl fmt::Debug for CanonicalRequest {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("CanonicalRequest")
            .field("signed_headers", &self.signed_headers())
            .field("hash", &self.hash())
            .finish_non_exhaustive()
    }
}

/// Why a request cannot be signed. Values of headers are never repeated in it.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum InvalidRequest {
    /// A header that the service requires to be signed is not listed.
    MissingHeader(&'static str),
    /// A header is listed twice.
    DuplicateHeader(String),
    /// A header's name is empty or holds a character outside HTTP's token characters.
    HeaderName(String),
    /// The value of the named header holds a control character.
    HeaderValue(String),
    /// The named part holds a control character or a blank.
    Part(&'static str),
}

impl fmt::Display for InvalidRequest {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::MissingHeader(name) => {
                write!(formatter, "the header {name} must be signed; add it to the signed headers")
            }
            Self::DuplicateHeader(name) => {
                write!(formatter, "the signed header {name} is listed twice; list each header once")
            }
            Self::HeaderName(name) => write!(
                formatter,
                "the signed header name {name:?} is not an HTTP token; use letters, digits and hyphens"
            ),
            Self::HeaderValue(name) => {
                write!(formatter, "the value of the signed header {name} holds a control character; remove it")
            }
            Self::Part(part) => {
                write!(formatter, "the {part} holds a blank or a control character; percent-encode it")
            }
        }
    }
}

impl Error for InvalidRequest {}

fn check_line(part: &'static str, text: &str) -> Result<(), InvalidRequest> {
    if text.bytes().any(|byte| byte <= b' ' || byte == 0x7f) {
        return Err(InvalidRequest::Part(part));
    }
    Ok(())
}

/// A hash in hexadecimal.
const HASH_BYTES: usize = 64;

/// Most names and values are in lower case already.
fn lowercase(text: &str) -> Cow<'_, str> {
    if text.bytes().any(|byte| byte.is_ascii_uppercase()) { text.to_ascii_lowercase().into() } else { text.into() }
}

/// Expects the headers in ascending order and lower case.
fn check_headers(headers: &[(Cow<'_, str>, &str)]) -> Result<(), InvalidRequest> {
    for (name, value) in headers {
        if name.is_empty() || !name.bytes().all(is_token_character) {
            return Err(InvalidRequest::HeaderName(name.to_string()));
        }
        if value.bytes().any(|byte| (byte < b' ' && byte != b'\t') || byte == 0x7f) {
            return Err(InvalidRequest::HeaderValue(name.to_string()));
        }
    }
    if let Some(pair) = headers.windows(2).find(|pair| pair[0].0 == pair[1].0) {
        return Err(InvalidRequest::DuplicateHeader(pair[0].0.to_string()));
    }
    for required in ["content-type", "host"] {
        if !headers.iter().any(|(name, _)| name == required) {
            return Err(InvalidRequest::MissingHeader(required));
        }
    }
    Ok(())
}

fn is_token_character(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte)
}
