//! The JSON of a request and the hash that signs it.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use bytes::Bytes;
use serde::de::IgnoredAny;
use serde_json::Value;
use vod_aigc_transport::signer::{BodyHash, BodyHasher};

/// The JSON of a request without its `SessionId`, hashed once up to the place where a `SessionId` is written.
#[derive(Clone)]
pub(crate) struct RequestBody {
    json: Arc<String>,
    /// Has read everything before the last brace.
    hashed: BodyHasher,
}

impl RequestBody {
    pub(crate) fn new(json: Arc<String>) -> Self {
        let mut hashed = BodyHasher::new();
        hashed.update(members(&json).as_bytes());
        Self { json, hashed }
    }

    /// What a store kept of a job; none where it is not the JSON of a request without a `SessionId`.
    pub(crate) fn stored(json: Arc<String>) -> Option<Self> {
        let members = serde_json::from_str::<BTreeMap<String, IgnoredAny>>(&json).ok()?;
        (!members.contains_key("SessionId")).then(|| Self::new(json))
    }

    pub(crate) fn json(&self) -> &Arc<String> {
        &self.json
    }

    /// The hash of the JSON without a `SessionId`.
    pub(crate) fn hash(&self) -> BodyHash {
        self.followed_by(&self.json[members(&self.json).len()..])
    }

    /// The JSON with its `SessionId` as the last member, and its hash: the same bytes for every send of one attempt.
    pub(crate) fn with_session_id(&self, session_id: Option<&str>) -> (Bytes, BodyHash) {
        let members = members(&self.json);
        let end = match session_id {
            Some(session_id) => {
                let comma = if members.trim_end().ends_with('{') { "" } else { "," };
                format!("{comma}\"SessionId\":{}}}", Value::from(session_id))
            }
            None => self.json[members.len()..].to_owned(),
        };
        // Made at its full length, because the members may hold megabytes.
        (Bytes::from([members, &end].concat()), self.followed_by(&end))
    }

    fn followed_by(&self, end: &str) -> BodyHash {
        let mut hasher = self.hashed.clone();
        hasher.update(end.as_bytes());
        hasher.finish()
    }
}

impl fmt::Debug for RequestBody {
    /// Leaves out the JSON, which may hold a presigned URL.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RequestBody").field("bytes", &self.json.len()).finish_non_exhaustive()
    }
}

/// The JSON of an object without its last brace.
fn members(json: &str) -> &str {
    json.trim_end().strip_suffix('}').unwrap_or(json)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn body(json: &str) -> RequestBody {
        RequestBody::new(Arc::new(json.to_owned()))
    }

    #[test]
    fn a_session_id_is_the_last_member_whatever_the_others_are() {
        for (json, session_id, sent) in [
            (r#"{"A":1}"#, Some("x\"y"), r#"{"A":1,"SessionId":"x\"y"}"#),
            ("{ }", Some("x"), r#"{ "SessionId":"x"}"#),
            ("{\"A\":1}\n", Some("x"), r#"{"A":1,"SessionId":"x"}"#),
            (r#"{"A":1}"#, None, r#"{"A":1}"#),
            ("{\"A\":1}\n", None, "{\"A\":1}\n"),
        ] {
            let (bytes, hash) = body(json).with_session_id(session_id);
            assert_eq!(bytes, sent);
            assert_eq!(hash, BodyHash::of(sent.as_bytes()), "{sent}");
            assert_eq!(body(json).hash(), BodyHash::of(json.as_bytes()), "{json}");
        }
    }

    #[test]
    fn a_stored_text_is_a_request_only_without_a_session_id_of_its_own() {
        let stored = |text: &str| RequestBody::stored(Arc::new(text.to_owned()));
        assert!(stored(r#"{"A":{"SessionId":"of something else"}}"#).is_some());
        for text in ["", "[]", "{", "null", r#"{"SessionId":"x"}"#, r#"{"A":1} {"B":2}"#] {
            assert!(stored(text).is_none(), "{text}");
        }
    }
}
