//! The arrow from a raw reply to a typed one: opens `{"Response": {…}}` by its content.

use std::borrow::Cow;
use std::fmt;
use std::marker::PhantomData;
use std::mem;

use serde::de::value::{CowStrDeserializer, MapAccessDeserializer};
use serde::de::{DeserializeOwned, DeserializeSeed, Error as _, IgnoredAny, MapAccess, Visitor};
use serde::{Deserialize, Deserializer};
use serde_json::Value;
use vod_aigc_core::ErrorCode;

use crate::RawReply;

/// A successful reply.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reply<T> {
    /// The members of `Response`, without `RequestId`.
    pub value: T,
    /// The service's id of this request, to quote to its support.
    pub request_id: Option<String>,
}

/// Why a reply holds no typed value.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum OpenError {
    /// The service answered with an error.
    Service {
        /// The error's code.
        code: ErrorCode,
        /// The service's own words, on one line and without control characters.
        message: String,
        /// The service's id of this request.
        request_id: Option<String>,
    },
    /// The body is not the envelope of an API reply.
    Unreadable {
        /// The HTTP status.
        status: u16,
        /// What is wrong with the body, and how it begins.
        problem: String,
        /// Whether another attempt may get a better reply; a wrong shape stays wrong.
        transient: bool,
        /// The service's id of this request, if the body still shows it.
        request_id: Option<String>,
    },
}

/// Opens a reply: decides by the body alone, never by the HTTP status or the content type, because
/// errors come with status 200 and more than one content type.
///
/// # Errors
///
/// The service's error, or what makes the body unreadable: HTML, a truncated document, another shape.
pub fn open<R: DeserializeOwned>(reply: &RawReply) -> Result<Reply<R>, OpenError> {
    // Serde would read an array as an envelope too, by position.
    if reply.body.trim_ascii_start().first().is_some_and(|first| *first != b'{') {
        return Err(unreadable(reply, "it is not the JSON of an API reply", true));
    }
    let error = match serde_json::from_slice::<Envelope<R>>(&reply.body) {
        Ok(Envelope { response: Some(opened) }) => match opened.into_result() {
            Ok(Some(reply)) => return Ok(reply),
            Ok(None) => return Err(unreadable(reply, "its Error has no Code", false)),
            Err(error) => return Err(error),
        },
        Ok(Envelope { response: None }) => return Err(unreadable(reply, "it is JSON without a Response", true)),
        Err(error) => error,
    };
    // The members of an error reply may fit no success, so look for the error alone.
    if let Ok(Envelope { response: Some(opened) }) = serde_json::from_slice::<Envelope<IgnoredAny>>(&reply.body) {
        opened.into_result()?;
        return Err(unreadable(reply, &format!("its shape is unexpected ({error})"), false));
    }
    let problem = if reply.body.is_empty() {
        "it is empty"
    } else if error.is_eof() {
        "it is cut off"
    } else {
        "it is not the JSON of an API reply"
    };
    Err(unreadable(reply, problem, true))
}

/// One line of bounded length, with control characters as blanks: safe for a terminal and a log.
pub(crate) fn one_line(text: &str) -> String {
    const LONGEST: usize = 500;
    let mut line: String =
        text.chars().take(LONGEST).map(|character| if character.is_control() { ' ' } else { character }).collect();
    if text.chars().nth(LONGEST).is_some() {
        line.push('…');
    }
    line
}

/// How the names of members are told that hold a secret, which belongs in no message.
const SECRETS: [&str; 7] = ["SecretKey", "SessionKey", "SignKey", "ApiToken", "ApiKey", "APIKey", "\"Token\""];

fn unreadable(reply: &RawReply, problem: &str, transient: bool) -> OpenError {
    let text = String::from_utf8_lossy(&reply.body);
    let problem = if SECRETS.iter().any(|name| text.contains(name)) {
        "it is not the expected shape, and not shown because it holds keys".to_owned()
    } else if text.is_empty() {
        problem.to_owned()
    } else {
        let start: String = text.chars().take(120).collect();
        one_line(&format!("{problem}; it begins with: {}", start.trim()))
    };
    OpenError::Unreadable {
        status: reply.status,
        problem,
        transient: transient && matches!(reply.status, 200 | 408 | 429 | 500..),
        request_id: find_request_id(&text),
    }
}

/// Looks for the id in text that does not parse.
fn find_request_id(text: &str) -> Option<String> {
    let (_, rest) = text.split_once("\"RequestId\"")?;
    let value = rest.trim_start().strip_prefix(':')?.trim_start().strip_prefix('"')?;
    let (id, _) = value.split_once('"')?;
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-';
    (!id.is_empty() && id.len() <= 64 && id.bytes().all(plain)).then(|| id.to_owned())
}

#[derive(Deserialize)]
#[serde(bound = "R: DeserializeOwned")]
struct Envelope<R> {
    #[serde(rename = "Response")]
    response: Option<Opened<R>>,
}

/// What `Response` holds: the two members that every reply may have, and the action's own.
struct Opened<R> {
    value: R,
    error: Option<Value>,
    request_id: Option<String>,
}

impl<R> Opened<R> {
    /// `Ok(None)` stands for an error without a code.
    fn into_result(self) -> Result<Option<Reply<R>>, OpenError> {
        let text = |error: &Value, name: &str| error.get(name).and_then(Value::as_str).map(str::to_owned);
        let Some(error) = self.error else {
            return Ok(Some(Reply { value: self.value, request_id: self.request_id }));
        };
        let Some(code) = text(&error, "Code") else {
            return Ok(None);
        };
        Err(OpenError::Service {
            code: ErrorCode::from(one_line(&code).as_str()),
            message: one_line(&text(&error, "Message").unwrap_or_default()),
            request_id: self.request_id,
        })
    }
}

impl<'de, R: DeserializeOwned> Deserialize<'de> for Opened<R> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct OpenedVisitor<R>(PhantomData<R>);

        impl<'de, R: DeserializeOwned> Visitor<'de> for OpenedVisitor<R> {
            type Value = Opened<R>;

            fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter.write_str("an object")
            }

            fn visit_map<M: MapAccess<'de>>(self, map: M) -> Result<Self::Value, M::Error> {
                let (mut error, mut request_id) = (Value::Null, Value::Null);
                let members = Members { map, error: &mut error, error_seen: false, request_id: &mut request_id };
                let value = R::deserialize(MapAccessDeserializer::new(members))?;
                let request_id = request_id.as_str().map(one_line);
                let error = Some(error).filter(|error| !error.is_null());
                Ok(Opened { value, error, request_id })
            }
        }

        deserializer.deserialize_map(OpenedVisitor(PhantomData))
    }
}

/// The members of `Response` in one pass, with `Error` and `RequestId` taken out on the way.
struct Members<'a, M> {
    map: M,
    error: &'a mut Value,
    error_seen: bool,
    request_id: &'a mut Value,
}

impl<'de, M: MapAccess<'de>> MapAccess<'de> for Members<'_, M> {
    type Error = M::Error;

    fn next_key_seed<K: DeserializeSeed<'de>>(&mut self, seed: K) -> Result<Option<K::Value>, Self::Error> {
        while let Some(Name(name)) = self.map.next_key()? {
            match &*name {
                // Of two errors, or an error and none, which one counts would be a guess.
                "Error" if mem::replace(&mut self.error_seen, true) => return Err(M::Error::duplicate_field("Error")),
                "Error" => *self.error = self.map.next_value()?,
                "RequestId" => *self.request_id = self.map.next_value()?,
                _ => return seed.deserialize(CowStrDeserializer::new(name)).map(Some),
            }
        }
        Ok(None)
    }

    fn next_value_seed<V: DeserializeSeed<'de>>(&mut self, seed: V) -> Result<V::Value, Self::Error> {
        self.map.next_value_seed(seed)
    }
}

/// A member's name, borrowed from the body unless it is written with escapes.
struct Name<'de>(Cow<'de, str>);

impl<'de> Deserialize<'de> for Name<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct NameVisitor;

        impl<'de> Visitor<'de> for NameVisitor {
            type Value = Name<'de>;

            fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter.write_str("a name")
            }

            fn visit_borrowed_str<E>(self, name: &'de str) -> Result<Self::Value, E> {
                Ok(Name(Cow::Borrowed(name)))
            }

            fn visit_str<E>(self, name: &str) -> Result<Self::Value, E> {
                Ok(Name(Cow::Owned(name.to_owned())))
            }
        }

        deserializer.deserialize_str(NameVisitor)
    }
}
