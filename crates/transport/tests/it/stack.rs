//! HTTP clients with settings of these tests.

use std::sync::Arc;
use std::time::Duration;

use vod_aigc_transport::{Http, HttpClient, reqwest};

pub(crate) fn http() -> Arc<dyn Http> {
    Arc::new(HttpClient::new())
}

/// One that trusts these certificates, each in DER, and gives a connection up after a time.
#[cfg(any(feature = "native-tls", feature = "rustls"))]
pub(crate) fn trusting(connect_timeout: Duration, certificates: Vec<Vec<u8>>) -> HttpClient {
    let roots: Vec<_> = certificates.iter().map(|der| reqwest::Certificate::from_der(der).unwrap()).collect();
    HttpClient::with(move |builder| builder.connect_timeout(connect_timeout).tls_certs_merge(roots.clone()))
}
