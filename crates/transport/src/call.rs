//! The arrow from a typed request to a call: one action's name and its final bytes.

use std::borrow::Cow;
use std::fmt;
use std::sync::OnceLock;

use bytes::Bytes;
use http::HeaderValue;
use tokio::runtime::Handle;
use vod_aigc_core::api::{Action, Effect};
use vod_aigc_signer::BodyHash;

use crate::Random;
use crate::signed_request::name_value;

/// A body of as many bytes is hashed on a thread for blocking work: what takes longer than handing it there, and long
/// enough to keep other tasks waiting, some 40 µs with SHA instructions and four times that without.
const LARGE: usize = 64 * 1024;

/// One API action with the bytes of its body, which nothing changes any more.
///
/// The body is serialised once, and hashed once when it is first signed; every attempt signs the same bytes again.
#[derive(Clone)]
pub struct Call {
    action: Cow<'static, str>,
    service: Cow<'static, str>,
    version: Cow<'static, str>,
    /// Action and version as headers hold them, or why they cannot.
    header_values: Result<(HeaderValue, HeaderValue), String>,
    effect: Effect,
    body: Bytes,
    body_hash: OnceLock<BodyHash>,
    session_id: Option<String>,
}

impl Call {
    /// Serialises an action. A session id is kept for errors.
    ///
    /// # Errors
    ///
    /// When the action's `Serialize` fails.
    pub fn of<A: Action>(action: &mut A) -> Result<Self, serde_json::Error> {
        let session_id = action.session_id_mut().and_then(|slot| slot.clone());
        let body = serde_json::to_string(action)?;
        Ok(Self::new(A::NAME, A::SERVICE, A::VERSION, A::EFFECT, body).with_session_id(session_id))
    }

    /// Any action by its names, with a JSON body that was made elsewhere. [`Transport::execute`](crate::Transport::execute)
    /// sends it, and reads its reply as any type, for example as a `serde_json::Value`.
    #[must_use]
    pub fn new(
        action: impl Into<Cow<'static, str>>,
        service: impl Into<Cow<'static, str>>,
        version: impl Into<Cow<'static, str>>,
        effect: Effect,
        body: impl Into<Bytes>,
    ) -> Self {
        let (action, version, body) = (action.into(), version.into(), body.into());
        let header_values = name_value("action", action.clone())
            .and_then(|action| name_value("version", version.clone()).map(|version| (action, version)));
        Self {
            action,
            service: service.into(),
            version,
            header_values,
            effect,
            body,
            body_hash: OnceLock::new(),
            session_id: None,
        }
    }

    /// Names the session id that is in the body, so that errors can report it.
    #[must_use]
    pub fn with_session_id(self, session_id: Option<String>) -> Self {
        Self { session_id, ..self }
    }

    /// Names the hash of the body where the caller knows it. A wrong one makes the service refuse the signature.
    #[must_use]
    pub fn with_body_hash(self, hash: BodyHash) -> Self {
        Self { body_hash: OnceLock::from(hash), ..self }
    }

    /// The action's name, the value of `X-TC-Action`.
    #[must_use]
    pub fn action(&self) -> &str {
        &self.action
    }

    /// The service that signs it.
    #[must_use]
    pub fn service(&self) -> &str {
        &self.service
    }

    /// The API version, the value of `X-TC-Version`.
    #[must_use]
    pub fn version(&self) -> &str {
        &self.version
    }

    /// What an accepted request does, and so whether it may be sent again.
    #[must_use]
    pub fn effect(&self) -> Effect {
        self.effect
    }

    /// The body as it will be signed and sent.
    #[must_use]
    pub fn body(&self) -> &Bytes {
        &self.body
    }

    /// The hash of the body, which is computed here unless it is known.
    #[must_use]
    pub fn body_hash(&self) -> &BodyHash {
        self.body_hash.get_or_init(|| BodyHash::of(&self.body))
    }

    /// Hashes a large body on a thread for blocking work, where there is a tokio runtime that has one.
    pub(crate) async fn hash_large_body(&self) {
        if self.body.len() < LARGE || self.body_hash.get().is_some() {
            return;
        }
        let Ok(runtime) = Handle::try_current() else { return };
        let body = self.body.clone();
        // A runtime that ends meanwhile leaves the hash to its first use.
        if let Ok(hash) = runtime.spawn_blocking(move || BodyHash::of(&body)).await {
            self.body_hash.get_or_init(|| hash);
        }
    }

    /// The values of `X-TC-Action` and `X-TC-Version`, or a sentence about the one that cannot be sent.
    pub(crate) fn header_values(&self) -> Result<&(HeaderValue, HeaderValue), String> {
        self.header_values.as_ref().map_err(String::clone)
    }

    /// The session id in the body, if the action has one.
    #[must_use]
    pub fn session_id(&self) -> Option<&str> {
        self.session_id.as_deref()
    }
}

impl fmt::Debug for Call {
    /// Leaves out the body, which may hold a secret.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Call")
            .field("action", &self.action)
            .field("service", &self.service)
            .field("version", &self.version)
            .field("effect", &self.effect)
            .field("body_length", &self.body.len())
            .field("session_id", &self.session_id)
            .finish()
    }
}

/// Gives the action a [session id](new_session_id) if it can have one and has none yet.
#[doc(hidden)]
pub fn fill_session_id<A: Action>(action: &mut A, random: &dyn Random) {
    if let Some(slot) = action.session_id_mut()
        && slot.as_ref().is_none_or(String::is_empty)
    {
        *slot = Some(new_session_id(random));
    }
}

/// A session id that no other request has: `va1-` and 26 digits of base 32 (128 random bits), 30 of the 50 characters
/// that the service allows.
pub fn new_session_id(random: &dyn Random) -> String {
    let mut bits = (u128::from(random.next_u64()) << 64) | u128::from(random.next_u64());
    let mut id = String::from("va1-");
    for _ in 0..26 {
        id.push(char::from(b"abcdefghijklmnopqrstuvwxyz234567"[(bits & 31) as usize]));
        bits >>= 5;
    }
    id
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;
    use crate::SystemRandom;

    #[test]
    fn session_ids_differ_and_fit_the_service() {
        let ids: HashSet<String> = (0..1_000).map(|_| new_session_id(&SystemRandom)).collect();
        assert_eq!(ids.len(), 1_000);
        for id in ids {
            assert_eq!(id.len(), 30);
            assert!(id.bytes().all(|byte| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'-')), "{id}");
        }
    }
}
