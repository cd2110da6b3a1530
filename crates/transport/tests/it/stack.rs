//! The HTTP stack that these tests go through: the crate's own.

use std::sync::Arc;
#[cfg(any(feature = "native-tls", feature = "ring"))]
use std::time::Duration;

use vod_aigc_transport::{Http, HttpClient};

pub(crate) fn http() -> Arc<dyn Http> {
    Arc::new(HttpClient::new())
}

/// One that trusts these certificates, each in DER, and gives a connection up after a time.
#[cfg(any(feature = "native-tls", feature = "ring"))]
pub(crate) fn trusting(connect_timeout: Duration, certificates: Vec<Vec<u8>>) -> Arc<dyn Http> {
    Arc::new(HttpClient::with(connect_timeout, certificates))
}
