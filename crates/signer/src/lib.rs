//! TC3-HMAC-SHA256, the request signature of Tencent Cloud API 3.0, as pure functions.
//!
#![doc = include_str!("../README.md")]
//!
//! # Stages
//!
//! The documentation's four steps, each a type that shows what it made. They are there to be read, to be compared with a
//! request that the service refuses, and to be what the fast path is tested against:
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
//! # To sign many requests
//!
//! The same bytes for less work, because each part is done as rarely as it changes:
//!
//! | once for each | type | from | compressions of SHA-256 |
//! |---|---|---|---|
//! | action at a host | [`Template`] | method, path, query, signed headers | those of its whole blocks |
//! | body | [`BodyHash`] | its bytes | one for each 64 bytes |
//! | body and template | [`RequestHash`] | both | two |
//! | secret, day, service | kept in the [`Signer`] | [`Credential`], [`Scope`] | fourteen |
//! | signature | [`Authorization`] | [`Signer`], [`RequestHash`], [`Scope`] | three |
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
mod midstate;
mod scope;
mod signer;
mod string_to_sign;
mod template;
mod verify;

pub use authorization::Authorization;
pub use body_hash::BodyHash;
pub use canonical_request::{CanonicalRequest, InvalidRequest, Request};
#[cfg(feature = "cos")]
pub use cos::CosRequest;
pub use credential::{Credential, InvalidCredential};
pub use key::{Signature, SigningKey};
pub use scope::{InvalidScope, Scope};
pub use signer::Signer;
pub use string_to_sign::StringToSign;
pub use template::{RequestHash, Template};
pub use verify::{Received, Refusal, TIMESTAMP_WINDOW, Verified, verify};

/// The algorithm's name, the first word of the string to sign and of the `Authorization` header.
pub const ALGORITHM: &str = "TC3-HMAC-SHA256";

/// What the header `X-TC-Content-SHA256` says, and what is hashed, when the body is not signed.
pub const UNSIGNED_PAYLOAD: &str = "UNSIGNED-PAYLOAD";
