//! How long a socket may be slow or idle.

use std::time::Duration;

/// How long the sockets of an [`Emulator`](crate::Emulator) may be slow or idle before it closes them. In real time,
/// whatever the emulator's clock says.
///
/// Write other limits as `Timeouts { idle: Duration::from_secs(5), ..Timeouts::default() }`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(clippy::exhaustive_structs, reason = "callers make values of it")]
pub struct Timeouts {
    /// From the first byte of a request until its head is whole; then the connection is closed.
    pub header: Duration,
    /// From the head of a request until its body is whole; then it is answered with 408.
    pub body: Duration,
    /// Between two pieces of a request's body, and how long a client may not read its reply.
    pub stall: Duration,
    /// From the end of a reply, or the beginning of a connection, until the first byte of the next request; then the
    /// connection is closed.
    pub idle: Duration,
}

impl Default for Timeouts {
    /// 10 seconds for a head, 120 for a body, 30 between its pieces and 120 without a request: longer than clients keep
    /// connections, so that none is closed while a request is on its way.
    fn default() -> Self {
        Self {
            header: Duration::from_secs(10),
            body: Duration::from_secs(120),
            stall: Duration::from_secs(30),
            idle: Duration::from_secs(120),
        }
    }
}
