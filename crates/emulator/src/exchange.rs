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
    /// The whole reply, at this pace. A client that cannot wait for it has lost it.
    Slow(Reply, Pace),
    /// A reply whose body ends before the length that its head promises; then the connection was closed.
    Truncated(Reply),
    /// There was no connection: nothing was sent.
    NotConnected,
    /// The connection was reset before the request was read. The client sees what it sees with
    /// [`LostAfter`](Self::LostAfter).
    ResetBefore,
    /// The connection was reset after the request was read, without a reply. Only the ledger shows whether it took effect.
    LostAfter,
    /// No reply ever comes.
    Hang,
}

impl Exchange {
    /// The same with every body in memory.
    pub(crate) fn joined(mut self) -> Self {
        match &mut self {
            Self::Reply(reply) | Self::Slow(reply, _) | Self::Truncated(reply) => reply.join(),
            Self::NotConnected | Self::ResetBefore | Self::LostAfter | Self::Hang => {}
        }
        self
    }
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
    /// What follows the body, where a fault made it too large for memory; empty in every reply that is handed out.
    pub(crate) rest: Vec<Part>,
}

/// A part of a body.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Part {
    Bytes(Bytes),
    /// One byte, so many times.
    Repeated(u8, usize),
}

impl Part {
    pub(crate) fn len(&self) -> usize {
        match self {
            Self::Bytes(bytes) => bytes.len(),
            Self::Repeated(_, count) => *count,
        }
    }
}

impl Reply {
    pub(crate) fn new(status: u16, content_type: &str, body: impl Into<Bytes>) -> Self {
        Self {
            status,
            headers: vec![("content-type".to_owned(), content_type.to_owned())],
            body: body.into(),
            rest: Vec::new(),
        }
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

    /// The length of the body with what follows it.
    pub(crate) fn length(&self) -> usize {
        self.body.len() + self.rest.iter().map(Part::len).sum::<usize>()
    }

    /// Makes one body of all parts, in memory.
    pub(crate) fn join(&mut self) {
        if self.rest.is_empty() {
            return;
        }
        let mut body = Vec::with_capacity(self.length());
        body.extend_from_slice(&self.body);
        for part in self.rest.drain(..) {
            match part {
                Part::Bytes(bytes) => body.extend_from_slice(&bytes),
                Part::Repeated(byte, count) => body.resize(body.len() + count, byte),
            }
        }
        self.body = body.into();
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
