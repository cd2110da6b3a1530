//! What is the same in every request to one address: checked once, and hashed as far as it goes.

use std::fmt;
use std::sync::Arc;

use crate::canonical_request::Beginning;
use crate::hex_digest::HexDigest;
use crate::midstate::{Ending, Midstate};
use crate::{BodyHash, InvalidRequest, Request};

/// A request without its body: method, path, query and signed headers.
///
/// Make one for each action and keep it. A body then costs two compressions of SHA-256 beyond its own, whatever the
/// headers are.
#[derive(Clone)]
pub struct Template {
    signed_headers: Arc<str>,
    whole_blocks: Midstate,
    rest: Ending<3>,
}

impl Template {
    /// Writes the canonical form up to the hash of the body, as [`CanonicalRequest`](crate::CanonicalRequest) does.
    ///
    /// # Errors
    ///
    /// When `content-type` or `host` is missing, a header occurs twice, or a part holds characters
    /// that HTTP does not allow there.
    pub fn new(request: &Request<'_>) -> Result<Self, InvalidRequest> {
        let Beginning { text, signed_headers } = request.canonical_beginning()?;
        let (blocks, bytes) = text.as_bytes().as_chunks();
        let mut rest = Ending::EMPTY;
        rest.push(bytes);
        Ok(Self { signed_headers: text[signed_headers].into(), whole_blocks: Midstate::after(blocks), rest })
    }

    /// Hashes the canonical request with this body.
    #[must_use]
    pub fn hash(&self, body_hash: &BodyHash) -> RequestHash {
        let mut ending = self.rest;
        ending.push(body_hash.as_bytes());
        let hash = HexDigest::encode(&self.whole_blocks.digest(&mut ending));
        RequestHash { signed_headers: self.signed_headers.clone(), hash }
    }
}

impl fmt::Debug for Template {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Template").field("signed_headers", &self.signed_headers).finish_non_exhaustive()
    }
}

/// The hash of a canonical request, and the names of the headers that it covers.
///
/// It does not hold the time. So keep it with the request: a retry or the next poll of the same bytes signs it anew
/// for three compressions, however large the body is.
#[derive(Clone, PartialEq, Eq)]
pub struct RequestHash {
    signed_headers: Arc<str>,
    hash: HexDigest,
}

impl RequestHash {
    /// The names of the signed headers, joined by `;`.
    #[must_use]
    pub fn signed_headers(&self) -> &str {
        &self.signed_headers
    }

    /// The 64 lower-case hexadecimal digits.
    #[must_use]
    pub fn as_str(&self) -> &str {
        self.hash.as_str()
    }

    pub(crate) fn as_bytes(&self) -> &[u8; 64] {
        self.hash.as_bytes()
    }
}

impl fmt::Debug for RequestHash {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("RequestHash")
            .field("signed_headers", &self.signed_headers)
            .field("hash", &self.as_str())
            .finish()
    }
}
