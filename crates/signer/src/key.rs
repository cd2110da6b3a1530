//! The derived key of one day and service, and the signature that it makes.

use std::fmt;

use hmac::digest::Output;
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use zeroize::Zeroizing;

use crate::hex_digest::HexDigest;
use crate::{Credential, Scope, StringToSign};

/// The key derived from a secret key for one UTC day and one service.
///
/// It holds the two states in which HMAC begins, so that a clone of it signs without hashing the key again. Wiped from memory
/// when dropped.
#[derive(Clone)]
pub struct SigningKey(Hmac<Sha256>);

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
        let derived = |key: &[u8], text: &str| -> Zeroizing<[u8; 32]> {
            Zeroizing::new(hmac::<Hmac<Sha256>>(key, text.as_bytes()).into())
        };
        let day_key = derived(&root, date);
        let service_key = derived(&*day_key, service);
        let signing_key = derived(&*service_key, "tc3_request");
        Self(keyed(&*signing_key))
    }

    /// Signs; the same input always gives the same signature.
    #[must_use]
    pub fn sign(&self, string_to_sign: &StringToSign) -> Signature {
        self.sign_text(string_to_sign.as_str())
    }

    pub(crate) fn sign_text(&self, text: &str) -> Signature {
        let signature = self.0.clone().chain_update(text).finalize();
        Signature(HexDigest::encode(&signature.into_bytes().into()))
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

/// The HMAC of the bytes under the key.
pub(crate) fn hmac<M: Mac + KeyInit>(key: &[u8], bytes: &[u8]) -> Output<M> {
    keyed::<M>(key).chain_update(bytes).finalize().into_bytes()
}

fn keyed<M: Mac + KeyInit>(key: &[u8]) -> M {
    <M as KeyInit>::new_from_slice(key).expect("HMAC takes a key of any length")
}
