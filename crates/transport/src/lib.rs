//! One call of Tencent Cloud API 3.0: credentials, sign, send, open, classify, retry.
//!
#![doc = include_str!("../README.md")]
//!
//! # The arrows
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
//! session id. Each repetition signs the same bytes anew, waits for the action's turn ([`RateLimiter`]) and draws on a common store
//! of repetitions ([`RetryBudget`]).
//!
//! [`Transport::attempt`] is one attempt, for a caller with rules of its own.

mod address;
mod call;
mod clock;
mod connector;
mod correction;
mod credentials;
mod endpoint;
mod envelope;
mod error;
mod fetch;
mod http;
mod http_client;
mod json;
mod limits;
mod reply;
#[cfg(feature = "reqwest")]
mod reqwest_client;
mod retry;
mod route;
mod signed_request;
mod store;
pub mod testing;
mod tls;
mod transport;

pub use self::http::{Http, LARGEST_REPLY, RawReply, SendError, SendErrorKind, Sent};
pub use call::{Call, fill_session_id, new_session_id};
pub use clock::{BoxFuture, Clock, Random, SystemClock, SystemRandom};
pub use credentials::{
    Cached, Chain, CredentialError, CvmRole, Environment, ProfileFile, ProvideCredential, Provided, StsRole,
    VariableNames,
};
pub use endpoint::{Endpoint, InvalidEndpoint};
pub use envelope::{OpenError, Reply, glance, open};
pub use error::{Billed, Error, ErrorKind, Remedy};
pub use fetch::{Fetched, FileRequest, Resolve, SystemResolver};
pub use http_client::HttpClient;
pub use json::json;
pub use limits::{RateLimiter, Rates, RetryBudget};
#[cfg(feature = "reqwest")]
pub use reqwest_client::ReqwestClient;
pub use retry::RetryPolicy;
pub use signed_request::{Language, SignedRequest};
pub use store::{FileToStore, Pieces};
pub use transport::{Transport, TransportBuilder};
pub use vod_aigc_signer as signer;
