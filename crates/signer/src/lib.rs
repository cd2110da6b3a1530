//! TC3-HMAC-SHA256, the request signature of Tencent Cloud API 3.0, as pure functions.
//!
#![doc = include_str!("../README.md")]
//!
//! # Stages
//!
//! | stage | type | from |
//! |---|---|---|
//! | body hash | [`BodyHash`] | the bytes of the body, hashed once over all signings |
//! | canonical request | [`CanonicalRequest`] | method, path, query, signed headers, body hash |
//! | string to sign | [`StringToSign`] | [`Scope`] (time and service), canonical request |
//! | derived key | [`SigningKey`] | [`Credential`], scope |
//! | signature | [`Signature`] | derived key, string to sign |
//! | header value | [`Authorization`] | secret id, scope, canonical request, signature |
//!
//! [`Signer`] walks the last four at once and keeps derived keys; [`verify()`] is the other side.
//!
//! [`CosRequest`] is apart from these: the signature of object storage, which uploads need.

mod authorization;
mod body_hash;
mod canonical_request;
mod cos;
mod credential;
mod hex_digest;
mod key;
mod scope;
mod signer;
mod string_to_sign;
mod verify;

pub use authorization::Authorization;
pub use body_hash::BodyHash;
pub use canonical_request::{CanonicalRequest, InvalidRequest, Request};
pub use cos::CosRequest;
pub use credential::{Credential, InvalidCredential};
pub use key::{Signature, SigningKey};
pub use scope::{InvalidScope, Scope};
pub use signer::Signer;
pub use string_to_sign::StringToSign;
pub use verify::{Received, Refusal, TIMESTAMP_WINDOW, Verified, verify};

/// The algorithm's name, the first word of the string to sign and of the `Authorization` header.
pub const ALGORITHM: &str = "TC3-HMAC-SHA256";

/// What the header `X-TC-Content-SHA256` says, and what is hashed, when the body is not signed.
pub const UNSIGNED_PAYLOAD: &str = "UNSIGNED-PAYLOAD";
