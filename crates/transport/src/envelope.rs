//! The arrow from a raw reply to a typed one: opens `{"Response": {…}}` by its content.

use std::borrow::Cow;
use std::fmt;
use std::marker::PhantomData;
use std::mem;
use std::str::{self, Utf8Chunk};

use serde::de::value::{CowStrDeserializer, MapAccessDeserializer};
use serde::de::{DeserializeOwned, DeserializeSeed, Error as _, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer};
use serde_json::Value;
use vod_aigc_core::api::ErrorCode;

use crate::RawReply;

/// A successful reply.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
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
    let text = text(&reply.body);
    if !may_be_object(&text) {
        return Err(unreadable(reply, "it is not the JSON of an API reply", true));
    }
    let error = match serde_json::from_str::<Envelope<R>>(&text) {
        Ok(Envelope { response: Some(opened) }) => match opened.into_result() {
            Ok(Some(reply)) => return Ok(reply),
            Ok(None) => return Err(unreadable(reply, "its Error has no Code", false)),
            Err(error) => return Err(error),
        },
        Ok(Envelope { response: None }) => return Err(unreadable(reply, "it is JSON without a Response", true)),
        Err(error) => error,
    };
    // The members of an error reply may fit no success, so look for the error alone.
    if let Ok(Envelope { response: Some(opened) }) = serde_json::from_str::<Envelope<IgnoredAny>>(&text) {
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

/// The body as text, which is checked faster as a whole than member by member.
///
/// Bytes that are no UTF-8 become half a surrogate pair, which is no text either: an error where a member is read, and
/// nothing where it is skipped.
fn text(body: &[u8]) -> Cow<'_, str> {
    str::from_utf8(body).map(Cow::Borrowed).unwrap_or_else(|_| {
        let half_pair = |chunk: Utf8Chunk<'_>| if chunk.invalid().is_empty() { "" } else { r"\ud800" };
        body.utf8_chunks().flat_map(|chunk| [chunk.valid(), half_pair(chunk)]).collect()
    })
}

/// Serde would read an array as an envelope too, by position.
fn may_be_object(text: &str) -> bool {
    text.trim_ascii_start().bytes().next().is_none_or(|first| first == b'{')
}

/// One line of bounded length, with control characters as blanks: safe for a terminal and a log.
pub(crate) fn one_line(text: &str) -> String {
    const LONGEST: usize = 500;
    if text.len() <= LONGEST && !text.contains(char::is_control) {
        return text.to_owned();
    }
    let mut line: String =
        text.chars().take(LONGEST).map(|character| if character.is_control() { ' ' } else { character }).collect();
    if text.chars().nth(LONGEST).is_some() {
        line.push('…');
    }
    line
}

/// Marks the names of members that hold a secret, which belongs in no message.
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
#[serde(bound(deserialize = "R: Deserialize<'de>"))]
struct Envelope<'a, R> {
    #[serde(rename = "Response", borrow)]
    response: Option<Opened<'a, R>>,
}

/// What `Response` holds: the two members that every reply may have, and the action's own.
struct Opened<'de, R> {
    value: R,
    /// Null without an error.
    error: Value,
    request_id: Text<'de>,
}

impl<R> Opened<'_, R> {
    /// `Ok(None)` is an error without a code.
    fn into_result(self) -> Result<Option<Reply<R>>, OpenError> {
        let request_id = self.request_id.0.as_deref().map(one_line);
        if self.error.is_null() {
            return Ok(Some(Reply { value: self.value, request_id }));
        }
        let text = |name| self.error.get(name).and_then(Value::as_str);
        let Some(code) = text("Code") else {
            return Ok(None);
        };
        Err(OpenError::Service {
            code: ErrorCode::from(one_line(code)),
            message: one_line(text("Message").unwrap_or_default()),
            request_id,
        })
    }
}

impl<'de: 'a, 'a, R: Deserialize<'de>> Deserialize<'de> for Opened<'a, R> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct OpenedVisitor<R>(PhantomData<R>);

        impl<'de, R: Deserialize<'de>> Visitor<'de> for OpenedVisitor<R> {
            type Value = Opened<'de, R>;

            fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter.write_str("an object")
            }

            fn visit_map<M: MapAccess<'de>>(self, map: M) -> Result<Self::Value, M::Error> {
                let (mut error, mut request_id) = (Value::Null, Text(None));
                let members = Members { map, error: &mut error, error_seen: false, request_id: &mut request_id };
                let value = R::deserialize(MapAccessDeserializer::new(members))?;
                Ok(Opened { value, error, request_id })
            }
        }

        deserializer.deserialize_map(OpenedVisitor(PhantomData))
    }
}

/// The members of `Response` in one pass, with `Error` and `RequestId` taken out on the way.
struct Members<'a, 'de, M> {
    map: M,
    error: &'a mut Value,
    error_seen: bool,
    request_id: &'a mut Text<'de>,
}

impl<'de, M: MapAccess<'de>> MapAccess<'de> for Members<'_, 'de, M> {
    type Error = M::Error;

    fn next_key_seed<K: DeserializeSeed<'de>>(&mut self, seed: K) -> Result<Option<K::Value>, Self::Error> {
        while let Some(Text(name)) = self.map.next_key()? {
            match name.as_deref() {
                // Of two errors, or an error and none, which one counts would be a guess.
                Some("Error") if mem::replace(&mut self.error_seen, true) => {
                    return Err(M::Error::duplicate_field("Error"));
                }
                Some("Error") => *self.error = self.map.next_value()?,
                Some("RequestId") => *self.request_id = self.map.next_value()?,
                _ => return seed.deserialize(CowStrDeserializer::new(name.unwrap_or_default())).map(Some),
            }
        }
        Ok(None)
    }

    fn next_value_seed<V: DeserializeSeed<'de>>(&mut self, seed: V) -> Result<V::Value, Self::Error> {
        self.map.next_value_seed(seed)
    }
}

/// A text, borrowed from the body unless it is written with escapes; none for a value of any other type.
struct Text<'de>(Option<Cow<'de, str>>);

impl<'de> Deserialize<'de> for Text<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct TextVisitor;

        impl<'de> Visitor<'de> for TextVisitor {
            type Value = Text<'de>;

            fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter.write_str("any value")
            }

            fn visit_borrowed_str<E>(self, text: &'de str) -> Result<Self::Value, E> {
                Ok(Text(Some(Cow::Borrowed(text))))
            }

            fn visit_str<E>(self, text: &str) -> Result<Self::Value, E> {
                Ok(Text(Some(Cow::Owned(text.to_owned()))))
            }

            fn visit_unit<E>(self) -> Result<Self::Value, E> {
                Ok(Text(None))
            }

            fn visit_bool<E>(self, _: bool) -> Result<Self::Value, E> {
                Ok(Text(None))
            }

            fn visit_i64<E>(self, _: i64) -> Result<Self::Value, E> {
                Ok(Text(None))
            }

            fn visit_u64<E>(self, _: u64) -> Result<Self::Value, E> {
                Ok(Text(None))
            }

            fn visit_f64<E>(self, _: f64) -> Result<Self::Value, E> {
                Ok(Text(None))
            }

            fn visit_seq<A: SeqAccess<'de>>(self, items: A) -> Result<Self::Value, A::Error> {
                IgnoredAny.visit_seq(items).map(|_| Text(None))
            }

            fn visit_map<A: MapAccess<'de>>(self, members: A) -> Result<Self::Value, A::Error> {
                IgnoredAny.visit_map(members).map(|_| Text(None))
            }
        }

        deserializer.deserialize_any(TextVisitor)
    }
}
