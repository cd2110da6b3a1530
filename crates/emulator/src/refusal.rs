//! What the API answers instead of a result, and how a body is decoded.

use std::borrow::Cow;
use std::time::SystemTime;

use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;
use vod_aigc_core::{Action, Breach};

use crate::clock;

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

/// The code of every limit on calls and on tasks at once.
pub(crate) const TOO_MANY: &str = "RequestLimitExceeded";

/// A member has a value that it does not take.
pub(crate) fn invalid(message: impl Into<Cow<'static, str>>) -> Refusal {
    Refusal::new("InvalidParameterValue", message)
}

/// A member is not there, or empty.
pub(crate) fn missing(member: &str) -> Refusal {
    Refusal::new("MissingParameter", format!("{member} is missing; give it"))
}

/// The sub-application that a request names. Accounts of today must name one everywhere (official description).
pub(crate) fn owner(request: &Value) -> Result<u64, Refusal> {
    match request.get("SubAppId").and_then(Value::as_u64) {
        None => Err(missing("SubAppId")),
        Some(0) => {
            Err(Refusal::new("InvalidParameterValue.SubAppId", "SubAppId is 0; give the id of a sub-application"))
        }
        Some(sub_app_id) => Ok(sub_app_id),
    }
}

/// The time that a member holds.
pub(crate) fn instant(member: &str, text: &str) -> Result<SystemTime, Refusal> {
    clock::time(text).ok_or_else(|| invalid(format!("{member} {text:?} is no time; write it as 2026-11-23T08:00:00Z")))
}

/// Reads a request from a body: none of its required members may be missing, null or an empty text, and all of them must
/// keep to their documented types, limits and words.
///
/// # Errors
///
/// The first member that does not.
pub(crate) fn read<R: Action + DeserializeOwned>(body: &[u8]) -> Result<(R, Value), Refusal> {
    let mut value: Value = serde_json::from_slice(body)
        .map_err(|error| Refusal::new("InvalidParameter", format!("the body is not JSON: {error}")))?;
    let Some(members) = value.as_object_mut() else {
        return Err(Refusal::new(
            "InvalidParameter",
            "the body is no JSON object; send the members of the request in one",
        ));
    };
    members.retain(|_, member| !member.is_null());
    if members.values().any(|member| member == "") {
        let given = members.iter().filter(|(_, member)| *member != "");
        typed::<R>(&given.map(|(name, member)| (name.clone(), member.clone())).collect())?;
    }
    let request: R = typed(&value)?;
    let breaches = request.breaches();
    if let Some(first) = breaches.first() {
        let code = match (first, first.member()) {
            (Breach::Missing { .. }, _) => "MissingParameter",
            (_, "SessionId") => "InvalidParameterValue.SessionIdTooLong",
            (_, "SessionContext") => "InvalidParameterValue.SessionContextTooLong",
            _ => "InvalidParameterValue",
        };
        let sentences: Vec<String> = breaches.iter().map(Breach::to_string).collect();
        return Err(Refusal::new(code, sentences.join("; ")));
    }
    Ok((request, value))
}

fn typed<R: DeserializeOwned>(value: &Value) -> Result<R, Refusal> {
    serde_path_to_error::deserialize(value).map_err(|error| {
        let (path, reason) = (error.path().to_string(), error.inner().to_string());
        // What serde says of a member that is not there; it has no other sign of it.
        match reason.strip_prefix("missing field `").and_then(|rest| rest.strip_suffix('`')) {
            Some(member) if path == "." => missing(member),
            Some(member) => missing(&format!("{path}.{member}")),
            None => Refusal::new("InvalidParameter", format!("{path} is wrong: {reason}")),
        }
    })
}
