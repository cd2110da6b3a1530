//! The second step: what is signed, made of the time, the scope and the hash of the canonical request.

use crate::{ALGORITHM, CanonicalRequest, Scope};

/// The four lines over which the signature is computed. They hold no secret.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StringToSign(String);

impl StringToSign {
    /// Joins the algorithm, the timestamp, the scope and the hash of the canonical request.
    #[must_use]
    pub fn new(scope: Scope<'_>, canonical_request: &CanonicalRequest) -> Self {
        let timestamp = scope.timestamp().to_string();
        Self([ALGORITHM, "\n", &timestamp, "\n", &scope.text(), "\n", canonical_request.hash()].concat())
    }

    /// The whole text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}
