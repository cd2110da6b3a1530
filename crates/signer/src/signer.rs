//! Signs many requests: the keys of the day are derived once.

use std::fmt;
use std::sync::{PoisonError, RwLock, RwLockReadGuard};

use crate::{Authorization, CanonicalRequest, Credential, Scope, SigningKey, StringToSign};

/// More keys than this in use at once would mean that many services or accounts share one signer;
/// the oldest is then derived again.
const CAPACITY: usize = 8;

/// Signs requests, and keeps the derived keys of the current UTC day. Share one among all threads.
#[derive(Default)]
pub struct Signer {
    keys: RwLock<Vec<DerivedKey>>,
}

/// The key of one credential, day and service.
struct DerivedKey {
    credential: Credential,
    day: u64,
    service: Box<str>,
    key: SigningKey,
}

impl Signer {
    /// A signer that knows no key yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Signs for the scope's time and service.
    ///
    /// The request must go out with `X-TC-Timestamp` equal to the scope's timestamp and, if the
    /// credential has a token, with `X-TC-Token`.
    #[must_use]
    pub fn sign(&self, credential: &Credential, request: &CanonicalRequest, scope: Scope<'_>) -> Authorization {
        let known = self.keys().iter().find(|key| key.is_for(credential, scope)).map(|known| known.key.clone());
        let key = known.unwrap_or_else(|| self.derive(credential, scope));
        let signature = key.sign(&StringToSign::new(scope, request));
        Authorization::new(credential.secret_id(), scope, request, &signature)
    }

    fn derive(&self, credential: &Credential, scope: Scope<'_>) -> SigningKey {
        let key = SigningKey::derive(credential, scope);
        let mut keys = self.keys.write().unwrap_or_else(PoisonError::into_inner);
        keys.retain(|known| known.day >= scope.day() && !known.is_for(credential, scope));
        if keys.len() == CAPACITY {
            keys.remove(0);
        }
        let (credential, day, service) = (credential.clone(), scope.day(), scope.service().into());
        keys.push(DerivedKey { credential, day, service, key: key.clone() });
        key
    }

    fn keys(&self) -> RwLockReadGuard<'_, Vec<DerivedKey>> {
        self.keys.read().unwrap_or_else(PoisonError::into_inner)
    }
}

impl DerivedKey {
    fn is_for(&self, credential: &Credential, scope: Scope<'_>) -> bool {
        self.day == scope.day() && *self.service == *scope.service() && self.credential.is_pair_of(credential)
    }
}

impl fmt::Debug for Signer {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Signer").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scope::LONGEST_SERVICE;
    use crate::{BodyHash, Request};

    /// Of the day that is counted as the 0th here.
    const LAST_SECOND: u64 = 1_551_139_199;
    const DAY: u64 = LAST_SECOND / 86_400;

    const REQUEST: Request<'_> = Request {
        method: "POST",
        path: "/",
        query: "",
        headers: &[("content-type", "application/json"), ("host", "vod.tencentcloudapi.com")],
    };

    fn days(signer: &Signer) -> Vec<u64> {
        signer.keys().iter().map(|known| known.day - DAY).collect()
    }

    /// Signs, and compares with a signer that has kept no key.
    fn sign(signer: &Signer, key: &str, timestamp: u64, service: &str) -> Authorization {
        let credential = Credential::new("AKIDEXAMPLE", key).expect("valid");
        let scope = Scope::new(timestamp, service).expect("valid");
        let request = CanonicalRequest::new(&REQUEST, &BodyHash::of(b"{}")).expect("the request is complete");
        let authorization = signer.sign(&credential, &request, scope);
        assert_eq!(authorization, Signer::new().sign(&credential, &request, scope), "a kept key is wrong");
        authorization
    }

    #[test]
    fn keys_are_replaced_at_midnight_utc() {
        let signer = Signer::new();
        let before = sign(&signer, "key", LAST_SECOND, "vod");
        assert_eq!(days(&signer), [0]);
        let after = sign(&signer, "key", LAST_SECOND + 1, "vod");
        assert_eq!(days(&signer), [1]);
        assert_ne!(before, after);
    }

    #[test]
    fn a_second_signing_of_the_day_derives_nothing() {
        let signer = Signer::new();
        sign(&signer, "key", LAST_SECOND - 10, "vod");
        sign(&signer, "key", LAST_SECOND, "vod");
        assert_eq!(days(&signer), [0]);
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
    fn times_and_services_of_any_length_are_signed() {
        let signer = Signer::new();
        for (timestamp, service) in
            [(0, "v"), (9, &*"v".repeat(LONGEST_SERVICE)), (253_402_300_799, "vod"), (10, "a.b-c_d")]
        {
            sign(&signer, "key", timestamp, service);
        }
        sign(&signer, "key", 253_402_300_799, &"v".repeat(LONGEST_SERVICE));
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
