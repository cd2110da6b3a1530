//! What this crate needs from an HTTP stack: one trait, the raw reply, and how a send can fail.

use std::error::Error;
use std::fmt::{self, Debug};
use std::time::Duration;

use bytes::Bytes;
use http::HeaderMap;

use crate::{BoxFuture, SignedRequest};

/// The largest reply that is read, in bytes; a longer one is an error.
pub const LARGEST_REPLY: usize = 10 * 1024 * 1024;

/// An HTTP stack that can post one signed request.
///
/// An implementation sends the bytes once: it follows no redirect and repeats nothing on its own, not
/// even on a pooled connection that turned out to be closed, unless no byte of the request was written.
pub trait Http: Debug + Send + Sync {
    /// Sends the request and reads the whole reply, all within `timeout`. Each attempt is signed again, so the request
    /// is the stack's own.
    fn send(&self, request: SignedRequest, timeout: Duration) -> BoxFuture<'_, Result<RawReply, SendError>>;
}

/// A reply as it arrived.
#[derive(Clone)]
#[expect(clippy::exhaustive_structs, reason = "callers make values of it")]
pub struct RawReply {
    /// The HTTP status.
    pub status: u16,
    /// All headers.
    pub headers: HeaderMap,
    /// The whole body.
    pub body: Bytes,
}

impl RawReply {
    /// The first header of this name, unless its value is no text.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }
}

impl Debug for RawReply {
    /// Leaves out the body, which holds the keys where keys were asked for.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("RawReply")
            .field("status", &self.status)
            .field("headers", &self.headers)
            .field("body_length", &self.body.len())
            .finish()
    }
}

/// Whether the service may have received a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[expect(clippy::exhaustive_enums, reason = "callers decide about each value")]
pub enum Sent {
    /// No byte of it left.
    No,
    /// Some of it may have left.
    Maybe,
    /// The service answered.
    Yes,
}

/// How sending failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum SendErrorKind {
    /// No connection: the name, the connection itself, the proxy or the TLS handshake failed.
    Connect,
    /// The attempt took too long.
    Timeout,
    /// The connection broke while writing the request or reading the reply.
    Interrupted,
    /// The reply is longer than [`LARGEST_REPLY`].
    TooLarge,
    /// The address is one that must not be read from.
    Refused,
}

/// A request that got no complete reply.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SendError {
    kind: SendErrorKind,
    sent: Sent,
    reason: String,
}

impl SendError {
    /// Says what failed, whether anything may have been received, and why in one line without secrets.
    #[must_use]
    pub fn new(kind: SendErrorKind, sent: Sent, reason: impl Into<String>) -> Self {
        Self { kind, sent, reason: reason.into() }
    }

    /// How it failed.
    #[must_use]
    pub fn kind(&self) -> SendErrorKind {
        self.kind
    }

    /// Whether the service may have received the request.
    #[must_use]
    pub fn sent(&self) -> Sent {
        self.sent
    }
}

impl fmt::Display for SendError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let what = match self.kind {
            SendErrorKind::Connect => "no connection",
            SendErrorKind::Timeout => "time-out",
            SendErrorKind::Interrupted => "the connection broke",
            SendErrorKind::TooLarge => "the reply is too long",
            SendErrorKind::Refused => "refused",
        };
        write!(formatter, "{what}: {}", self.reason)
    }
}

impl Error for SendError {}
