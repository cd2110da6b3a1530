//! The fast path of signing: keys of the day are kept, and nothing but the header's value is allocated.

use std::fmt;
use std::sync::Arc;

use arc_swap::ArcSwap;
use zeroize::Zeroizing;

use crate::hex_digest::HexDigest;
use crate::midstate::{Ending, Midstate};
use crate::scope::LONGEST_SERVICE;
use crate::{ALGORITHM, Authorization, Credential, RequestHash, Scope, SigningKey};

/// More keys than this in use at once would mean that many services or accounts share one signer;
/// the oldest is then derived again.
const CAPACITY: usize = 8;

const ALGORITHM_LINE: &[u8] = b"TC3-HMAC-SHA256\n";

/// A timestamp has up to twelve digits.
const LONGEST_STRING_TO_SIGN: usize =
    ALGORITHM_LINE.len() + 12 + "\n2019-02-25/".len() + LONGEST_SERVICE + "/tc3_request\n".len() + 64;
const _: () = assert!(LONGEST_STRING_TO_SIGN <= Ending::<3>::CAPACITY, "it does not fit on the stack");

/// Signs requests, and keeps the derived keys of the current UTC day.
///
/// A signature costs three compressions of SHA-256; the first of a day, a secret and a service costs fourteen more.
/// Share one `Signer` among all threads: they find a known key without a lock.
pub struct Signer {
    keys: ArcSwap<Vec<Arc<KnownKey>>>,
}

impl Signer {
    /// A signer that knows no key yet.
    #[must_use]
    pub fn new() -> Self {
        Self { keys: ArcSwap::default() }
    }

    /// Signs for the scope's time and service.
    ///
    /// The request must go out with `X-TC-Timestamp` equal to the scope's timestamp and, if the
    /// credential has a token, with `X-TC-Token`.
    #[must_use]
    pub fn sign(&self, credential: &Credential, request: &RequestHash, scope: Scope<'_>) -> Authorization {
        let keys = self.keys.load();
        match keys.iter().find(|key| key.is_for(credential, scope)) {
            Some(key) => key.sign(request, scope.timestamp()),
            None => self.derive(credential, scope).sign(request, scope.timestamp()),
        }
    }

    fn derive(&self, credential: &Credential, scope: Scope<'_>) -> Arc<KnownKey> {
        let derived = Arc::new(KnownKey::derive(credential, scope));
        self.keys.rcu(|keys| {
            let is_kept = |key: &&Arc<KnownKey>| key.day >= scope.day() && !key.is_for(credential, scope);
            let mut keys: Vec<_> = keys.iter().filter(is_kept).cloned().collect();
            if keys.len() == CAPACITY {
                keys.remove(0);
            }
            keys.push(derived.clone());
            keys
        });
        derived
    }
}

impl Default for Signer {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for Signer {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Signer").finish_non_exhaustive()
    }
}

/// A derived key of one day and service, as the two states in which HMAC begins its hashes, and the texts that are the
/// same in all its signatures.
struct KnownKey {
    credential: Credential,
    day: u64,
    service: Box<str>,
    /// What stands between the timestamp and the hash in the string to sign.
    scope_line: String,
    /// What stands before the signed headers in the header's value.
    beginning: String,
    inner: Zeroizing<Midstate>,
    outer: Zeroizing<Midstate>,
}

impl KnownKey {
    fn derive(credential: &Credential, scope: Scope<'_>) -> Self {
        let key = SigningKey::derive(credential, scope);
        let state_with = |pad: u8| {
            let mut block = Zeroizing::new([[pad; 64]]);
            for (byte, of_key) in block[0].iter_mut().zip(key.as_bytes()) {
                *byte ^= of_key;
            }
            Zeroizing::new(Midstate::after(&*block))
        };
        Self {
            credential: credential.clone(),
            day: scope.day(),
            service: scope.service().into(),
            scope_line: format!("\n{scope}\n"),
            beginning: format!("{ALGORITHM} Credential={}/{scope}, SignedHeaders=", credential.secret_id()),
            inner: state_with(0x36),
            outer: state_with(0x5c),
        }
    }

    fn is_for(&self, credential: &Credential, scope: Scope<'_>) -> bool {
        self.day == scope.day() && *self.service == *scope.service() && self.credential.is_pair_of(credential)
    }

    fn sign(&self, request: &RequestHash, timestamp: u64) -> Authorization {
        let mut string_to_sign = Ending::<3>::EMPTY;
        string_to_sign.push(ALGORITHM_LINE);
        string_to_sign.push_decimal(timestamp);
        string_to_sign.push(self.scope_line.as_bytes());
        string_to_sign.push(request.as_bytes());
        let mut inner_hash = Ending::<1>::EMPTY;
        inner_hash.push(&self.inner.digest(&mut string_to_sign));
        let signature = HexDigest::encode(&self.outer.digest(&mut inner_hash));
        Authorization::of_parts([
            self.beginning.as_bytes(),
            request.signed_headers().as_bytes(),
            b", Signature=",
            signature.as_bytes(),
        ])
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{BodyHash, CanonicalRequest, Request, StringToSign, Template};

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
        signer.keys.load().iter().map(|known| known.day - DAY).collect()
    }

    /// Signs, and compares with the plain steps.
    fn sign(signer: &Signer, key: &str, timestamp: u64, service: &str) -> Authorization {
        let credential = Credential::new("AKIDEXAMPLE", key).expect("valid");
        let scope = Scope::new(timestamp, service).expect("valid");
        let body_hash = BodyHash::of(b"{}");
        let request = Template::new(&REQUEST).expect("the request is complete").hash(&body_hash);
        let authorization = signer.sign(&credential, &request, scope);

        let canonical_request = CanonicalRequest::new(&REQUEST, &body_hash).expect("the request is complete");
        let string_to_sign = StringToSign::new(scope, &canonical_request);
        let signature = SigningKey::derive(&credential, scope).sign(&string_to_sign);
        let plain = Authorization::new(credential.secret_id(), scope, &canonical_request, &signature);
        assert_eq!(authorization, plain, "a kept key is wrong");
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
