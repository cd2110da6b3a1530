//! The other side: whether a received request was signed by someone who knows the secret key.

use std::error::Error;
use std::fmt;

use ctutils::CtEq;

use crate::hex_digest::HexDigest;
use crate::key::SigningKey;
use crate::scope::{LAST_TIMESTAMP, utc_date};
use crate::{ALGORITHM, BodyHash, Credential, UNSIGNED_PAYLOAD};

/// How far, in seconds, a timestamp may lie from the server's clock, before or after
/// (API 3.0 documentation, `AuthFailure.SignatureExpire`).
pub const TIMESTAMP_WINDOW: u64 = 300;

/// A request as it arrived, before anything was decoded.
#[derive(Clone, Copy)]
#[expect(clippy::exhaustive_structs, reason = "callers make values of it")]
pub struct Received<'a> {
    /// The method.
    pub method: &'a str,
    /// The path as it was in the request line, without the query.
    pub path: &'a str,
    /// The query as it was in the request line, without `?`; empty if absent.
    pub query: &'a str,
    /// All headers in any order; repeated headers repeated.
    pub headers: &'a [(&'a str, &'a [u8])],
    /// The bytes of the body.
    pub body: &'a [u8],
}

impl fmt::Debug for Received<'_> {
    /// Shows the names of the headers only, because one of them may carry a token.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<&str> = self.headers.iter().map(|(name, _)| *name).collect();
        formatter
            .debug_struct("Received")
            .field("method", &self.method)
            .field("path", &self.path)
            .field("query", &self.query)
            .field("headers", &names)
            .field("body_length", &self.body.len())
            .finish()
    }
}

/// What a verified request has proven.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Verified {
    /// Whose key signed it.
    pub secret_id: String,
    /// When, in seconds since 1970-01-01 UTC.
    pub timestamp: u64,
    /// The names of the headers that the signature covers, in lower case and ascending order.
    pub signed_headers: Vec<String>,
    /// Whether the signature covers the body; false with `UNSIGNED-PAYLOAD`.
    pub body_signed: bool,
}

/// Verifies a received request for one service at the time `now`, in seconds since 1970-01-01 UTC.
///
/// The canonical request is rebuilt from the raw bytes; nothing is shared with the code that signs
/// except the derivation of the key. `find` looks a credential up by its secret id; if what it finds
/// has a token, the request must carry the same one in `X-TC-Token`. The signature and the token are compared in
/// constant time.
///
/// # Errors
///
/// The first rule that the request breaks. [`Refusal::code`] is the vendor's code for it.
pub fn verify(
    received: &Received<'_>,
    service: &str,
    now: u64,
    find: impl FnOnce(&str) -> Option<Credential>,
) -> Result<Verified, Refusal> {
    let claim = Claim::parse(received.header("authorization")?)?;
    for required in ["content-type", "host"] {
        if !claim.signed_headers.contains(&required) {
            return Err(Refusal::UnsignedHeader(required));
        }
    }
    let timestamp = received.timestamp()?;
    if now.abs_diff(timestamp) > TIMESTAMP_WINDOW {
        return Err(Refusal::Expired { timestamp, now });
    }
    if claim.date.as_bytes() != utc_date(timestamp) || claim.service != service {
        return Err(Refusal::Scope);
    }
    let body_signed = !received.says_unsigned_payload()?;
    let canonical_request = received.canonical_request(&claim.signed_headers, body_signed)?;

    let credential = find(claim.secret_id).ok_or_else(|| Refusal::UnknownSecretId(claim.secret_id.to_owned()))?;
    let hash = HexDigest::sha256(&canonical_request);
    let (date, hash) = (claim.date, hash.as_str());
    let signed = format!("{ALGORITHM}\n{timestamp}\n{date}/{service}/tc3_request\n{hash}");
    let expected = SigningKey::derive_from(credential.secret_key(), date, service).sign_text(&signed);
    if !expected.as_str().as_bytes().ct_eq(claim.signature.as_bytes()).to_bool() {
        return Err(Refusal::Signature { hashed_canonical_request: hash.to_owned() });
    }
    if let Some(token) = credential.token() {
        let sent = received.optional_header("x-tc-token")?.unwrap_or_default();
        if !token.as_bytes().ct_eq(sent).to_bool() {
            return Err(Refusal::Token);
        }
    }
    Ok(Verified {
        secret_id: claim.secret_id.to_owned(),
        timestamp,
        signed_headers: claim.signed_headers.into_iter().map(str::to_owned).collect(),
        body_signed,
    })
}

/// Why a received request is refused. No secret and no header value is repeated, except the secret
/// id and the timestamp.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Refusal {
    /// A header that the algorithm needs, or that is listed as signed, did not arrive.
    MissingHeader(String),
    /// A header that must be unique arrived twice.
    DuplicateHeader(String),
    /// The `Authorization` header is not of this algorithm's form; the sentence says where.
    Malformed(&'static str),
    /// `content-type` or `host` is not listed as signed.
    UnsignedHeader(&'static str),
    /// `X-TC-Timestamp` is not a whole number of seconds up to the year 9999.
    Timestamp,
    /// The timestamp lies more than [`TIMESTAMP_WINDOW`] seconds from the server's clock.
    Expired {
        /// The request's time, in seconds.
        timestamp: u64,
        /// The server's time, in seconds.
        now: u64,
    },
    /// The credential scope names another day than the timestamp's or another service.
    Scope,
    /// No credential has this secret id.
    UnknownSecretId(String),
    /// The signature is not the one of this request under this key.
    Signature {
        /// The hash of the canonical request as it was received, to compare with the sender's.
        hashed_canonical_request: String,
    },
    /// The request lacks the token of these temporary keys, or has another one.
    Token,
}

impl Refusal {
    /// The vendor's error code. Which code answers a wrong scope or timestamp is not documented;
    /// those are inferred.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::MissingHeader(name) if name == "x-tc-timestamp" => "MissingParameter",
            Self::Timestamp => "InvalidParameter",
            Self::MissingHeader(_) | Self::DuplicateHeader(_) | Self::Malformed(_) | Self::UnsignedHeader(_) => {
                "AuthFailure.InvalidAuthorization"
            }
            Self::Expired { .. } => "AuthFailure.SignatureExpire",
            Self::UnknownSecretId(_) => "AuthFailure.SecretIdNotFound",
            Self::Scope | Self::Signature { .. } => "AuthFailure.SignatureFailure",
            Self::Token => "AuthFailure.TokenFailure",
        }
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::MissingHeader(name) => write!(formatter, "the header {name} is missing; send it"),
            Self::DuplicateHeader(name) => {
                write!(formatter, "the header {name} came twice; send it once")
            }
            Self::Malformed(what) => {
                write!(formatter, "the authorization header is malformed: {what}")
            }
            Self::UnsignedHeader(name) => {
                write!(formatter, "the header {name} is not signed; sign it")
            }
            Self::Timestamp => {
                write!(formatter, "x-tc-timestamp is not a time; send whole seconds since 1970")
            }
            Self::Expired { timestamp, now } => write!(
                formatter,
                "the timestamp {timestamp} is more than {TIMESTAMP_WINDOW} s from the server's time {now}; set the \
                 clock and sign again"
            ),
            Self::Scope => write!(
                formatter,
                "the credential scope does not name the timestamp's UTC date and this service; derive both from \
                 the request"
            ),
            Self::UnknownSecretId(secret_id) => {
                write!(formatter, "the secret id {secret_id:?} does not exist; check the key pair")
            }
            Self::Signature { hashed_canonical_request } => write!(
                formatter,
                "the signature does not match; check the secret key, and that the canonical request hashes to \
                 {hashed_canonical_request}"
            ),
            Self::Token => write!(
                formatter,
                "x-tc-token does not belong to this secret id; send the token that came with the keys"
            ),
        }
    }
}

impl Error for Refusal {}

/// What an `Authorization` header claims.
struct Claim<'a> {
    secret_id: &'a str,
    date: &'a str,
    service: &'a str,
    signed_headers: Vec<&'a str>,
    signature: &'a str,
}

impl<'a> Claim<'a> {
    fn parse(value: &'a [u8]) -> Result<Self, Refusal> {
        let value = std::str::from_utf8(value).map_err(|_| Refusal::Malformed("it is not text"))?;
        let fields = value
            .strip_prefix(ALGORITHM)
            .and_then(|rest| rest.strip_prefix(' '))
            .ok_or(Refusal::Malformed("it does not begin with TC3-HMAC-SHA256 and a blank"))?;
        let mut fields = fields.split(',').map(|field| field.trim_matches([' ', '\t']));
        let mut field = |name: &str, problem| {
            fields.next().and_then(|field| field.strip_prefix(name)).ok_or(Refusal::Malformed(problem))
        };
        let credential = field("Credential=", "its first field must be Credential=")?;
        let signed_headers = field("SignedHeaders=", "its second field must be SignedHeaders=")?;
        let signature = field("Signature=", "its third field must be Signature=")?;
        if fields.next().is_some() {
            return Err(Refusal::Malformed("it has more than three fields"));
        }

        let parts: Vec<&str> = credential.split('/').collect();
        let [secret_id, date, service, "tc3_request"] = parts[..] else {
            return Err(Refusal::Malformed("its credential must be <secret id>/<date>/<service>/tc3_request"));
        };
        if secret_id.is_empty() {
            return Err(Refusal::Malformed("its secret id is empty"));
        }
        let signed_headers: Vec<&str> = signed_headers.split(';').collect();
        let plain = |name: &&str| !name.is_empty() && !name.bytes().any(|byte| byte.is_ascii_uppercase());
        if !signed_headers.iter().all(plain) || !signed_headers.is_sorted_by(|a, b| a < b) {
            return Err(Refusal::Malformed("its signed headers must be in lower case, ascending and each once"));
        }
        if signature.len() != 64 || !signature.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f')) {
            return Err(Refusal::Malformed("its signature must be 64 lower-case hexadecimal digits"));
        }
        Ok(Self { secret_id, date, service, signed_headers, signature })
    }
}

impl<'a> Received<'a> {
    fn optional_header(&self, name: &str) -> Result<Option<&'a [u8]>, Refusal> {
        let mut values = self.headers.iter().filter(|(other, _)| other.eq_ignore_ascii_case(name));
        let value = values.next().map(|(_, value)| value.trim_ascii());
        if values.next().is_some() {
            return Err(Refusal::DuplicateHeader(name.to_owned()));
        }
        Ok(value)
    }

    fn header(&self, name: &str) -> Result<&'a [u8], Refusal> {
        self.optional_header(name)?.ok_or_else(|| Refusal::MissingHeader(name.to_owned()))
    }

    /// Bounded in length, so that the number cannot overflow and its date has ten characters.
    fn timestamp(&self) -> Result<u64, Refusal> {
        let digits = self.header("x-tc-timestamp")?;
        if digits.is_empty() || digits.len() > 12 || !digits.iter().all(u8::is_ascii_digit) {
            return Err(Refusal::Timestamp);
        }
        let timestamp = digits.iter().fold(0, |number, digit| number * 10 + u64::from(digit - b'0'));
        if timestamp <= LAST_TIMESTAMP { Ok(timestamp) } else { Err(Refusal::Timestamp) }
    }

    fn says_unsigned_payload(&self) -> Result<bool, Refusal> {
        Ok(self.optional_header("x-tc-content-sha256")? == Some(UNSIGNED_PAYLOAD.as_bytes()))
    }

    fn canonical_request(&self, signed_headers: &[&str], body_signed: bool) -> Result<Vec<u8>, Refusal> {
        let mut lines: Vec<Vec<u8>> =
            vec![self.method.as_bytes().to_vec(), self.path.as_bytes().to_vec(), self.query.as_bytes().to_vec()];
        for name in signed_headers {
            lines.push([name.as_bytes(), b":", &self.header(name)?.to_ascii_lowercase()].concat());
        }
        let body_hash = if body_signed { BodyHash::of(self.body) } else { BodyHash::unsigned() };
        lines.push(Vec::new());
        lines.push(signed_headers.join(";").into_bytes());
        lines.push(body_hash.as_str().as_bytes().to_vec());
        Ok(lines.join(&b'\n'))
    }
}
