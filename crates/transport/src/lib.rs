//! One call of Tencent Cloud API 3.0: credentials, sign, send, open, classify, retry.
//!
#![doc = include_str!("../README.md")]
//!
//! # Steps
//!
//! | from | to | function |
//! |---|---|---|
//! | an action | [`Call`] | [`Transport::prepare`] |
//! | a call | [`SignedRequest`] | [`Transport::sign`] |
//! | a signed request | [`RawReply`] | [`Transport::send`], through [`Http`] |
//! | a raw reply | [`Reply`] | [`open`] |
//!
//! [`Transport::call`] walks all four, again where that is safe.
//!
//! # What is repeated
//!
//! An action that reads is repeated after a lost connection, a time-out, an unreadable reply of a server in trouble, and the
//! codes that say so. Any other action is repeated only while no byte of it has left this machine, or after
//! the service refused it for its frequency. Everything else is an [`Error`] that says what may have happened and carries the
//! session id. Each repetition signs the same bytes again, waits for the action's turn ([`RateLimiter`]) and draws on a common
//! store of repetitions ([`RetryBudget`]).

mod call;
#[cfg(any(feature = "native-tls", feature = "rustls"))]
mod certificates;
mod clock;
mod correction;
mod credentials;
mod endpoint;
mod envelope;
mod error;
mod fetch;
mod http;
mod http_client;
mod limits;
mod public_only;
mod reply;
mod retry;
mod signed_request;
mod store;
pub mod testing;
mod transport;
mod url;

pub use self::http::{Http, LARGEST_REPLY, RawReply, SendError, SendErrorKind, Sent};
pub use ::url::Url;
pub use call::{Call, fill_session_id, new_session_id};
#[cfg(any(feature = "native-tls", feature = "rustls"))]
pub use certificates::{InvalidCertificates, read_certificates};
pub use clock::{BoxFuture, Clock, Random, SystemClock, SystemRandom};
pub use credentials::{
    Cached, Chain, CredentialError, CvmRole, Environment, ProfileFile, ProvideCredential, Provided, StsRole,
    VariableNames,
};
pub use endpoint::{Endpoint, InvalidEndpoint};
pub use envelope::{OpenError, Reply, open};
pub use error::{Error, ErrorKind, Remedy};
pub use fetch::{Fetched, FileRequest};
pub use http_client::HttpClient;
pub use limits::{RateLimiter, Rates, RetryBudget};
pub use reqwest;
pub use retry::RetryPolicy;
pub use signed_request::{Language, SignedRequest};
pub use store::{FileToStore, Pieces};
pub use transport::{Transport, TransportBuilder};
pub use vod_aigc_core::api::Billed;
pub use vod_aigc_signer as signer;
