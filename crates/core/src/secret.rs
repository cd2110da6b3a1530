//! A text that is a secret, which prints as nothing.

use std::fmt;

use serde::{Deserialize, Serialize};

/// A key or a token in a request or a reply. On the wire it is a text like any other; `Debug` shows none of it.
#[derive(Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Secret(String);

impl Secret {
    /// The secret itself. Keep it out of logs.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl From<String> for Secret {
    fn from(secret: String) -> Self {
        Self(secret)
    }
}

impl From<&str> for Secret {
    fn from(secret: &str) -> Self {
        Self(secret.to_owned())
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(..)")
    }
}

#[cfg(feature = "schemars")]
impl schemars::JsonSchema for Secret {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Secret".into()
    }

    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        schemars::json_schema!({ "type": "string", "format": "password" })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_travels_in_the_open_and_prints_as_nothing() {
        let secret: Secret = serde_json::from_str(r#""canary""#).expect("a text");
        assert_eq!(secret.expose(), "canary");
        assert_eq!(serde_json::to_string(&secret).expect("it serialises"), r#""canary""#);
        assert!(!format!("{secret:?} {secret:#?}").contains("canary"));
    }
}
