//! The TLS of connections: rustls with ring, else the operating system's, else none.

use std::error::Error;

use tokio::io::{AsyncRead, AsyncWrite};

#[cfg(all(feature = "native-tls", not(feature = "ring")))]
mod native;
#[cfg(not(any(feature = "native-tls", feature = "ring")))]
mod none;
#[cfg(feature = "ring")]
mod ring;

#[cfg(all(feature = "native-tls", not(feature = "ring")))]
pub(crate) use native::Tls;
#[cfg(not(any(feature = "native-tls", feature = "ring")))]
pub(crate) use none::Tls;
#[cfg(feature = "ring")]
pub(crate) use ring::Tls;

pub(crate) type BoxError = Box<dyn Error + Send + Sync>;

/// A connection, whatever it is made of.
pub(crate) trait Duplex: AsyncRead + AsyncWrite + Send + Unpin {}

impl<T: AsyncRead + AsyncWrite + Send + Unpin> Duplex for T {}

/// The protocols that a server of calls and files may choose from.
#[cfg(any(feature = "native-tls", feature = "ring"))]
const OFFERED: [&str; 2] = ["h2", "http/1.1"];

/// A connection after its handshake.
pub(crate) struct Secured {
    pub(crate) duplex: Box<dyn Duplex>,
    /// Whether the server has chosen HTTP/2.
    pub(crate) is_http2: bool,
}
