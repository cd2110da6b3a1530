//! The body of an HTTP callback: whether the service sent it, and which task it is about.

use std::fmt;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use ctutils::CtEq as _;
use md5::{Digest as _, Md5};
use serde_json::Value;
use zeroize::Zeroizing;

/// The key of callbacks, `SignKey` of `ModifyEventConfig`. Prints as nothing.
#[derive(Clone)]
pub struct SignKey(Zeroizing<String>);

impl SignKey {
    /// The key as it was given to the service.
    ///
    /// # Errors
    /// It is not of 1 to 32 letters and digits.
    pub fn new(key: impl Into<String>) -> Result<Self, InvalidSignKey> {
        let key = Zeroizing::new(key.into());
        let fits = (1..=32).contains(&key.len()) && key.bytes().all(|byte| byte.is_ascii_alphanumeric());
        if fits { Ok(Self(key)) } else { Err(InvalidSignKey) }
    }

    /// MD5 of the key and the time, which the service shows in hexadecimal.
    fn signature(&self, time: i64) -> [u8; 16] {
        Md5::new().chain_update(self.0.as_bytes()).chain_update(time.to_string()).finalize().into()
    }
}

impl fmt::Debug for SignKey {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("SignKey(..)")
    }
}

/// A text that can be no key of callbacks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(clippy::exhaustive_structs, reason = "it has nothing to add")]
pub struct InvalidSignKey;

impl fmt::Display for InvalidSignKey {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("the key of callbacks has 1 to 32 letters and digits; set one with ModifyEventConfig")
    }
}

impl std::error::Error for InvalidSignKey {}

/// What a callback says: a hint, and no more. Its signature covers a time and not what it says. Anyone who has seen one
/// can write others until that time: ask for the task, as [`Client::confirm`](crate::Client::confirm) does.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Notification {
    /// What happened, for example `AigcVideoTaskComplete`; empty where the body does not say.
    pub event_type: String,
    /// The task that it happened to, if it is about one.
    pub task_id: Option<String>,
}

/// Reads the body of a callback and checks that the service signed it and that its time has not passed.
///
/// `now` is the time of day, for example [`Transport::now`](vod_aigc_transport::Transport::now). The signature is
/// compared in constant time.
///
/// # Errors
/// Why it must not be listened to. Answer with a status like 403; nothing has been asked for.
pub fn parse(body: &[u8], key: &SignKey, now: SystemTime) -> Result<Notification, NotificationError> {
    let event: Value = serde_json::from_slice(body).map_err(|_| NotificationError::Unreadable)?;
    let (Some(sign), Some(time)) = (event["Sign"].as_str(), number(&event["T"])) else {
        return Err(NotificationError::Unsigned);
    };
    let mut claimed = [0; 16];
    let decoded = hex::decode_to_slice(sign, &mut claimed).is_ok();
    if !(key.signature(time).ct_eq(&claimed).to_bool() && decoded) {
        return Err(NotificationError::Signature);
    }
    let ends = UNIX_EPOCH + Duration::from_secs(u64::try_from(time).unwrap_or_default().min(u32::MAX.into()));
    if now > ends {
        return Err(NotificationError::Expired);
    }
    notification(&event)
}

/// Reads the body of an unsigned callback, for applications without a key: anyone who knows the address can have written it.
///
/// # Errors
/// The body is no event.
pub fn parse_unsigned(body: &[u8]) -> Result<Notification, NotificationError> {
    notification(&serde_json::from_slice(body).map_err(|_| NotificationError::Unreadable)?)
}

/// The task that an event is about: every kind of event has a member of its own, which names it.
pub(crate) fn task_id(event: &Value) -> Option<&str> {
    let ids = event.as_object()?.values().filter_map(|member| member["TaskId"].as_str());
    ids.into_iter().find(|id| !id.is_empty() && !id.contains(char::is_control))
}

fn notification(event: &Value) -> Result<Notification, NotificationError> {
    if !event.is_object() {
        return Err(NotificationError::Unreadable);
    }
    let event_type = event["EventType"].as_str().unwrap_or_default().replace(char::is_control, " ");
    Ok(Notification { event_type, task_id: task_id(event).map(str::to_owned) })
}

/// A whole number, also one that is written as a text.
fn number(value: &Value) -> Option<i64> {
    value.as_i64().or_else(|| value.as_str()?.parse().ok())
}

/// Why the body of a callback is not listened to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum NotificationError {
    /// It is no JSON object.
    Unreadable,
    /// It lacks `Sign` or `T`: the service sends both once it has a key.
    Unsigned,
    /// It was not signed with this key.
    Signature,
    /// Its time has passed: it is late, or someone sends an old one again.
    Expired,
}

impl fmt::Display for NotificationError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Unreadable => "the body of the callback is no event in JSON",
            Self::Unsigned => "the callback is not signed; set a SignKey with ModifyEventConfig",
            Self::Signature => "the callback was not signed with this key; compare it with the SignKey of the service",
            Self::Expired => "the time of the callback's signature has passed; ask for the task by its id",
        })
    }
}

impl std::error::Error for NotificationError {}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: u64 = 1_795_435_200;

    fn key() -> SignKey {
        SignKey::new("Canary32LettersAndDigits").expect("letters and digits")
    }

    fn body(sign: &str, time: &str) -> Vec<u8> {
        format!(
            r#"{{"EventType":"AigcVideoTaskComplete","AigcVideoCompleteEvent":{{"TaskId":"1-AigcVideo-t"}},"Sign":"{sign}","T":{time}}}"#
        )
        .into_bytes()
    }

    fn signed(time: i64) -> String {
        hex::encode(key().signature(time))
    }

    fn read(body: &[u8]) -> Result<Notification, NotificationError> {
        parse(body, &key(), UNIX_EPOCH + Duration::from_secs(NOW))
    }

    #[test]
    fn the_signature_is_the_md5_of_the_key_and_the_time_side_by_side() {
        // Of the documentation of another product with the same scheme: md5("Xz4ZgayTr7rMgWQrH1588040109").
        let key = SignKey::new("Xz4ZgayTr7rMgWQrH").expect("letters and digits");
        assert_eq!(hex::encode(key.signature(1_588_040_109)), "a2dabb362a9b811c0e26953a6276a41c");
    }

    #[test]
    fn a_signed_callback_names_its_task_until_its_time_has_passed() {
        let now = NOW as i64;
        for time in [now, now + 600, i64::MAX] {
            let notification = read(&body(&signed(time), &time.to_string())).expect("it is signed");
            assert_eq!(notification.event_type, "AigcVideoTaskComplete");
            assert_eq!(notification.task_id.as_deref(), Some("1-AigcVideo-t"));
        }
        for time in [now - 1, 0, -1, i64::MIN] {
            assert_eq!(read(&body(&signed(time), &time.to_string())), Err(NotificationError::Expired), "{time}");
        }
    }

    #[test]
    fn digits_in_upper_case_and_a_time_in_quotes_are_read_too() {
        let time = NOW as i64 + 600;
        assert!(read(&body(&signed(time).to_uppercase(), &format!("\"{time}\""))).is_ok());
    }

    #[test]
    fn another_key_another_time_and_half_a_signature_are_refused() {
        let time = NOW as i64 + 600;
        let other = SignKey::new("Another").expect("letters and digits");
        for sign in [hex::encode(other.signature(time)), signed(time + 1), signed(time)[..16].to_owned(), String::new()]
        {
            assert_eq!(read(&body(&sign, &time.to_string())), Err(NotificationError::Signature), "{sign}");
        }
    }

    #[test]
    fn a_body_without_a_signature_is_refused_unless_none_is_asked_for() {
        let bare = br#"{"EventType":"FileDeleted","FileDeleteEvent":{"FileIdSet":["1"]}}"#;
        assert_eq!(read(bare), Err(NotificationError::Unsigned));
        let notification = parse_unsigned(bare).expect("it is an event");
        assert_eq!((notification.event_type.as_str(), notification.task_id), ("FileDeleted", None));
        for sign in ["null", "7", "\"x\""] {
            let body = format!(r#"{{"Sign":{sign},"T":1.5}}"#);
            assert_eq!(read(body.as_bytes()), Err(NotificationError::Unsigned), "{sign}");
        }
        for text in ["", "[]", "{", "\u{feff}{}", "7", "\"Sign\""] {
            assert!(read(text.as_bytes()).is_err(), "{text}");
            assert_eq!(parse_unsigned(text.as_bytes()), Err(NotificationError::Unreadable), "{text}");
        }
    }

    #[test]
    fn what_is_no_tasks_id_names_no_task() {
        for member in ["null", "{}", r#"{"TaskId":7}"#, r#"{"TaskId":""}"#, r#"{"TaskId":"a\u0007"}"#, "\"TaskId\""] {
            let body = format!(r#"{{"EventType":"x","SomethingNew":{member}}}"#);
            assert_eq!(parse_unsigned(body.as_bytes()).map(|it| it.task_id), Ok(None), "{member}");
        }
        let new = br#"{"EventType":"x","Other":null,"SomethingNew":{"TaskId":"t"}}"#;
        assert_eq!(parse_unsigned(new).map(|it| it.task_id), Ok(Some("t".to_owned())));
    }

    #[test]
    fn a_key_is_of_letters_and_digits_and_never_shown() {
        for text in ["", "with blank", "schlüssel", &"k".repeat(33)] {
            assert_eq!(SignKey::new(text).map(|_| ()), Err(InvalidSignKey), "{text}");
        }
        assert_eq!(format!("{:?}", key()), "SignKey(..)");
    }
}
