//! TC3-HMAC-SHA256, the request signature of Tencent Cloud API 3.0, as pure functions.
//!
#![doc = include_str!("../README.md")]
//!
//! # Steps
//!
//! The four steps of the documentation, each a type that shows what it made, to be compared with a request that the service
//! refuses:
//!
//! | step | type | from |
//! |---|---|---|
//! | canonical request | [`CanonicalRequest`] | method, path, query, signed headers, [`BodyHash`] |
//! | string to sign | [`StringToSign`] | [`Scope`] (time and service), canonical request |
//! | signature | [`Signature`] | [`SigningKey`] (of [`Credential`] and scope), string to sign |
//! | header value | [`Authorization`] | secret id, scope, canonical request, signature |
//!
//! [`Signer`] takes the last three at once and keeps the derived keys of the day. Keep the [`BodyHash`] of a large body for
//! later attempts.
//!
//! [`verify()`] is the other side.
//!
//! `CosRequest`, of the feature `cos`, is apart from these: the signature of object storage, which uploads need.

mod authorization;
mod body_hash;
mod canonical_request;
#[cfg(feature = "cos")]
mod cos;
mod credential;
mod hex_digest;
mod key;
mod scope;
mod signer;
mod string_to_sign;
mod verify;

pub use authorization::Authorization;
pub use body_hash::{BodyHash, BodyHasher};
pub use canonical_request::{CanonicalRequest, InvalidRequest, Request};
#[cfg(feature = "cos")]
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
