//! The hash of a request body: computed once, used by every signature of the same bytes.

use std::fmt;

use crate::UNSIGNED_PAYLOAD;
use crate::hex_digest::HexDigest;

/// The SHA-256 of a request body in lower-case hexadecimal.
///
/// Hashing dominates the signing of a large body, so keep this value over retries.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct BodyHash(HexDigest);

impl BodyHash {
    /// Hashes exactly the bytes that will be sent; an empty slice for a request without a body.
    #[must_use]
    pub fn of(body: &[u8]) -> Self {
        Self(HexDigest::sha256(body))
    }

    /// Leaves the body out of the signature. The request must then carry the header
    /// `X-TC-Content-SHA256: UNSIGNED-PAYLOAD`.
    #[must_use]
    pub fn unsigned() -> Self {
        Self::of(UNSIGNED_PAYLOAD.as_bytes())
    }

    /// The 64 digits.
    #[must_use]
    pub fn as_str(&self) -> &str {
        self.0.as_str()
    }
}

impl fmt::Debug for BodyHash {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_tuple("BodyHash").field(&self.as_str()).finish()
    }
}
