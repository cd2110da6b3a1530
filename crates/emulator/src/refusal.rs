//! What the API answers instead of a result, and how a body is decoded.

use std::borrow::Cow;

use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

/// The `Error` of a reply.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct Refusal {
    pub(crate) code: &'static str,
    pub(crate) message: Cow<'static, str>,
}

impl Refusal {
    pub(crate) fn new(code: &'static str, message: impl Into<Cow<'static, str>>) -> Self {
        Self { code, message: message.into() }
    }
}

/// Decodes a body in which none of the `required` members may be missing, null or an empty text.
pub(crate) fn decode<T: DeserializeOwned>(body: &[u8], required: &[&str]) -> Result<(T, Value), Refusal> {
    let value: Value = serde_json::from_slice(body)
        .map_err(|error| Refusal::new("InvalidParameter", format!("the body is not JSON: {error}")))?;
    for name in required {
        if matches!(value.get(name), None | Some(Value::Null)) || value[name] == "" {
            return Err(Refusal::new("MissingParameter", format!("{name} is missing; give it")));
        }
    }
    let typed = serde_path_to_error::deserialize(&value)
        .map_err(|error| Refusal::new("InvalidParameter", format!("{} is wrong: {}", error.path(), error.inner())))?;
    Ok((typed, value))
}
