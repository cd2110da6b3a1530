//! Signing with derived keys kept: the arrow from a canonical request to its `Authorization`.

use std::fmt;
use std::sync::{PoisonError, RwLock};

use ctutils::CtEq;

use crate::{Authorization, CanonicalRequest, Credential, Scope, SigningKey, StringToSign};

/// More keys than this in use at once would mean that many services or accounts share one signer;
/// the oldest is then derived again.
const CAPACITY: usize = 8;

/// Signs canonical requests and keeps the derived keys of the current UTC day.
///
/// Deriving costs twelve SHA-256 blocks, nearly as many as the rest of a small signature, and one key serves a whole
/// day. Share one `Signer` among all threads: a known key takes a shared lock only while it is copied.
#[derive(Default)]
pub struct Signer {
    keys: RwLock<Vec<KnownKey>>,
}

impl Signer {
    /// A signer that knows no key yet.
    #[must_use]
    pub const fn new() -> Self {
        Self { keys: RwLock::new(Vec::new()) }
    }

    /// Signs for the scope's time and service.
    ///
    /// The request must go out with `X-TC-Timestamp` equal to the scope's timestamp and, if the
    /// credential has a token, with `X-TC-Token`.
    #[must_use]
    pub fn sign(
        &self,
        credential: &Credential,
        canonical_request: &CanonicalRequest,
        scope: Scope<'_>,
    ) -> Authorization {
        let string_to_sign = StringToSign::new(scope, canonical_request);
        let signature = self.key(credential, scope).sign(&string_to_sign);
        Authorization::new(credential.secret_id(), scope, canonical_request, &signature)
    }

    fn key(&self, credential: &Credential, scope: Scope<'_>) -> SigningKey {
        let known = self.keys.read().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = known.iter().find(|known| known.is_for(credential, scope)) {
            return known.key.clone();
        }
        drop(known);

        let key = SigningKey::derive(credential, scope);
        let mut keys = self.keys.write().unwrap_or_else(PoisonError::into_inner);
        // The fixed width makes the order of the texts the order of the days.
        keys.retain(|known| *known.date >= *scope.date() && !known.is_for(credential, scope));
        if keys.len() == CAPACITY {
            keys.remove(0);
        }
        keys.push(KnownKey {
            credential: credential.clone(),
            date: scope.date().into(),
            service: scope.service().into(),
            key: key.clone(),
        });
        key
    }
}

impl fmt::Debug for Signer {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Signer").finish_non_exhaustive()
    }
}

struct KnownKey {
    credential: Credential,
    date: Box<str>,
    service: Box<str>,
    key: SigningKey,
}

impl KnownKey {
    fn is_for(&self, credential: &Credential, scope: Scope<'_>) -> bool {
        *self.date == *scope.date()
            && *self.service == *scope.service()
            && self.credential.secret_key().as_bytes().ct_eq(credential.secret_key().as_bytes()).to_bool()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{BodyHash, Request};

    const LAST_SECOND: u64 = 1_551_139_199;

    fn canonical_request() -> CanonicalRequest {
        CanonicalRequest::new(&Request {
            method: "POST",
            path: "/",
            query: "",
            headers: &[("content-type", "application/json"), ("host", "vod.tencentcloudapi.com")],
            body_hash: &BodyHash::of(b"{}"),
        })
        .expect("the request is complete")
    }

    fn days(signer: &Signer) -> Vec<String> {
        signer.keys.read().expect("not poisoned").iter().map(|known| known.date.to_string()).collect()
    }

    fn sign(signer: &Signer, key: &str, timestamp: u64, service: &str) -> Authorization {
        let credential = Credential::new("AKIDEXAMPLE", key).expect("valid");
        let scope = Scope::new(timestamp, service).expect("valid");
        let authorization = signer.sign(&credential, &canonical_request(), scope);
        assert_eq!(authorization, Signer::new().sign(&credential, &canonical_request(), scope), "a kept key is wrong");
        authorization
    }

    #[test]
    fn keys_are_replaced_at_midnight_utc() {
        let signer = Signer::new();
        let before = sign(&signer, "key", LAST_SECOND, "vod");
        assert_eq!(days(&signer), ["2019-02-25"]);
        let after = sign(&signer, "key", LAST_SECOND + 1, "vod");
        assert_eq!(days(&signer), ["2019-02-26"]);
        assert_ne!(before, after);
    }

    #[test]
    fn a_second_signing_of_the_day_derives_nothing() {
        let signer = Signer::new();
        sign(&signer, "key", LAST_SECOND - 10, "vod");
        sign(&signer, "key", LAST_SECOND, "vod");
        assert_eq!(days(&signer), ["2019-02-25"]);
    }

    #[test]
    fn one_secret_id_with_two_keys_is_two_keys() {
        let signer = Signer::new();
        assert_ne!(sign(&signer, "one", LAST_SECOND, "vod"), sign(&signer, "two", LAST_SECOND, "vod"));
        assert_ne!(sign(&signer, "one", LAST_SECOND, "vod"), sign(&signer, "one", LAST_SECOND, "cvm"));
    }

    #[test]
    fn the_number_of_kept_keys_is_bounded() {
        let signer = Signer::new();
        for index in 0..3 * CAPACITY {
            sign(&signer, &format!("key{index}"), LAST_SECOND, "vod");
        }
        assert_eq!(days(&signer).len(), CAPACITY);
    }

    #[test]
    fn threads_share_one_signer() {
        let signer = Signer::new();
        std::thread::scope(|threads| {
            for index in 0..4 {
                let signer = &signer;
                threads.spawn(move || sign(signer, "key", LAST_SECOND + index % 2, "vod"));
            }
        });
    }

    #[test]
    fn debug_shows_no_key() {
        let signer = Signer::new();
        sign(&signer, "canary-key", LAST_SECOND, "vod");
        let credential = Credential::new("AKIDEXAMPLE", "canary-key").expect("valid");
        let key = SigningKey::derive(&credential, Scope::new(0, "vod").expect("valid"));
        assert_eq!(format!("{signer:?} {key:?}"), "Signer { .. } SigningKey { .. }");
    }
}
