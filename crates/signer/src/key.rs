//! The derived key of one day and service, and the signature that it makes.

use std::fmt;

use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use zeroize::Zeroizing;

use crate::hex_digest::HexDigest;
use crate::{Credential, Scope, StringToSign};

/// The key derived from a secret key for one UTC day and one service.
///
/// Wiped from memory when dropped.
#[derive(Clone)]
pub struct SigningKey(Zeroizing<[u8; 32]>);

impl SigningKey {
    /// Derives the key for the scope's date and service.
    #[must_use]
    pub fn derive(credential: &Credential, scope: Scope<'_>) -> Self {
        Self::derive_from(credential.secret_key(), &scope.date(), scope.service())
    }

    pub(crate) fn derive_from(secret_key: &str, date: &str, service: &str) -> Self {
        // A buffer of the final size, so that no copy of the secret is left behind by growing.
        let mut root = Zeroizing::new(Vec::with_capacity(3 + secret_key.len()));
        root.extend_from_slice(b"TC3");
        root.extend_from_slice(secret_key.as_bytes());
        let of_day = keyed(&root, date.as_bytes());
        let of_service = keyed(&*of_day, service.as_bytes());
        Self(keyed(&*of_service, b"tc3_request"))
    }

    /// The 32 bytes, for who keeps what follows from them.
    pub(crate) fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }

    /// Signs; the same input always gives the same signature.
    #[must_use]
    pub fn sign(&self, string_to_sign: &StringToSign) -> Signature {
        self.sign_bytes(string_to_sign.as_str().as_bytes())
    }

    pub(crate) fn sign_bytes(&self, bytes: &[u8]) -> Signature {
        Signature(HexDigest::encode(&keyed(&*self.0, bytes)))
    }
}

impl fmt::Debug for SigningKey {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("SigningKey").finish_non_exhaustive()
    }
}

/// A signature as 64 lower-case hexadecimal digits.
#[derive(Clone, Copy)]
pub struct Signature(HexDigest);

impl Signature {
    /// The 64 digits.
    #[must_use]
    pub fn as_str(&self) -> &str {
        self.0.as_str()
    }
}

impl fmt::Debug for Signature {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_tuple("Signature").field(&self.as_str()).finish()
    }
}

/// HMAC-SHA256.
fn keyed(key: &[u8], bytes: &[u8]) -> Zeroizing<[u8; 32]> {
    let mut mac = Hmac::<Sha256>::new_from_slice(key).expect("HMAC takes a key of any length");
    mac.update(bytes);
    Zeroizing::new(mac.finalize().into_bytes().into())
}
