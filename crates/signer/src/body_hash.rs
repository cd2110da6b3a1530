//! The hash of a request body: computed once, used by every signature of the same bytes.

use std::fmt;

use sha2::{Digest as _, Sha256};

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

/// Hashes a body that comes in pieces. A clone goes on from what has been hashed, so bodies that begin with the same bytes hash
/// them once.
///
/// ```
/// use vod_aigc_signer::{BodyHash, BodyHasher};
///
/// let mut begun = BodyHasher::new();
/// begun.update(b"{\"Prompt\":\"a panda\"");
/// let mut with_session_id = begun.clone();
/// begun.update(b"}");
/// with_session_id.update(b",\"SessionId\":\"1\"}");
/// assert_eq!(begun.finish(), BodyHash::of(b"{\"Prompt\":\"a panda\"}"));
/// assert_ne!(with_session_id.finish(), BodyHash::of(b"{\"Prompt\":\"a panda\"}"));
/// ```
#[derive(Clone, Default)]
pub struct BodyHasher(Sha256);

impl BodyHasher {
    /// Nothing has been hashed.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Hashes the next bytes.
    pub fn update(&mut self, piece: &[u8]) {
        self.0.update(piece);
    }

    /// The hash of all pieces.
    #[must_use]
    pub fn finish(self) -> BodyHash {
        BodyHash(HexDigest::encode(&self.0.finalize().into()))
    }
}

impl fmt::Debug for BodyHasher {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("BodyHasher").finish_non_exhaustive()
    }
}
