//! The last step: the value of the `Authorization` header.

use crate::{ALGORITHM, CanonicalRequest, Scope, Signature};

/// The value of the `Authorization` header. It holds the secret id and the signature, no secret.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Authorization(String);

impl Authorization {
    /// Joins the secret id, the scope, the names of the signed headers and the signature.
    #[must_use]
    pub fn new(secret_id: &str, scope: Scope<'_>, canonical_request: &CanonicalRequest, signature: &Signature) -> Self {
        let (scope, signed_headers) = (scope.text(), canonical_request.signed_headers());
        let credential = [ALGORITHM, " Credential=", secret_id, "/", &scope];
        let signed = [", SignedHeaders=", signed_headers, ", Signature=", signature.as_str()];
        Self([credential.as_slice(), &signed].concat().concat())
    }

    /// The whole value.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The whole value, owned.
    #[must_use]
    pub fn into_string(self) -> String {
        self.0
    }
}
