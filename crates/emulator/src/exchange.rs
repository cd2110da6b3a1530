//! What a client gets for a request: a reply, or what became of the connection.

use bytes::Bytes;
use serde_json::{Value, json};
use vod_aigc_signer::Received;

use crate::fault::Pace;

/// What a client gets for a request.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Exchange {
    /// The whole reply.
    Reply(Reply),
    /// The whole reply, at this pace. Whoever cannot wait for it has lost it.
    Slow(Reply, Pace),
    /// A reply whose body ends before the length that its head promises; then the connection was closed.
    Truncated(Reply),
    /// There was no connection: nothing was sent.
    NotConnected,
    /// The connection was reset before the request was read. The client sees what it sees with
    /// [`LostAfter`](Self::LostAfter).
    ResetBefore,
    /// The connection was reset after the request was read, without a reply. Whether it took effect, only the ledger
    /// tells.
    LostAfter,
    /// No reply ever comes.
    Hang,
}

/// An HTTP reply.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Reply {
    /// The status.
    pub status: u16,
    /// The headers, names in lower case.
    pub headers: Vec<(String, String)>,
    /// The body as it goes over the wire.
    pub body: Bytes,
}

impl Reply {
    pub(crate) fn new(status: u16, content_type: &str, body: impl Into<Bytes>) -> Self {
        Self { status, headers: vec![("content-type".to_owned(), content_type.to_owned())], body: body.into() }
    }

    pub(crate) fn json(status: u16, body: &Value) -> Self {
        Self::new(status, "application/json", body.to_string())
    }

    /// The first header of this name, which is given in lower case.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(other, _)| other == name).map(|(_, value)| value.as_str())
    }

    /// The same reply with this header, and no other of its name.
    pub(crate) fn with(mut self, name: &str, value: impl ToString) -> Self {
        self.remove(name);
        self.headers.push((name.to_owned(), value.to_string()));
        self
    }

    pub(crate) fn remove(&mut self, name: &str) {
        self.headers.retain(|(other, _)| other != name);
    }
}

/// A reply that says in one sentence what is wrong with the request.
pub(crate) fn problem(status: u16, sentence: &str) -> Reply {
    Reply::json(status, &json!({ "error": sentence }))
}

/// The first header of a request with this name.
pub(crate) fn header<'a>(received: &Received<'a>, name: &str) -> Option<&'a [u8]> {
    received.headers.iter().find(|(other, _)| other.eq_ignore_ascii_case(name)).map(|(_, value)| *value)
}
