//! The last stage: the value of the `Authorization` header.

use crate::{ALGORITHM, CanonicalRequest, Scope, Signature};

/// The value of the `Authorization` header. It holds the secret id and the signature, no secret.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Authorization(Vec<u8>);

impl Authorization {
    /// Joins the secret id, the scope, the names of the signed headers and the signature.
    #[must_use]
    pub fn new(secret_id: &str, scope: Scope<'_>, canonical_request: &CanonicalRequest, signature: &Signature) -> Self {
        let value = format!(
            "{ALGORITHM} Credential={secret_id}/{scope}, SignedHeaders={}, Signature={}",
            canonical_request.signed_headers(),
            signature.as_str()
        );
        Self(value.into_bytes())
    }

    /// The parts of the value, each of ASCII, in one allocation.
    #[inline]
    pub(crate) fn of_parts<const COUNT: usize>(parts: [&[u8]; COUNT]) -> Self {
        let mut value = Vec::with_capacity(parts.iter().map(|part| part.len()).sum());
        for part in parts {
            value.extend_from_slice(part);
        }
        Self(value)
    }

    /// The whole value.
    #[must_use]
    pub fn as_str(&self) -> &str {
        std::str::from_utf8(&self.0).expect("the value is ASCII")
    }

    /// The whole value as the bytes of a header, which are all ASCII.
    #[must_use]
    pub fn into_bytes(self) -> Vec<u8> {
        self.0
    }

    /// The whole value, owned.
    #[must_use]
    pub fn into_string(self) -> String {
        String::from_utf8(self.0).expect("the value is ASCII")
    }
}
