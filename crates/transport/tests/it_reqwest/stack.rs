//! The HTTP stack that these tests go through: reqwest with TLS by rustls, as a caller would make it.

use std::sync::Arc;
use std::time::Duration;

use reqwest::Client;
use rustls::{ClientConfig, RootCertStore};
use vod_aigc_transport::{Http, ReqwestClient};

pub(crate) fn http() -> Arc<dyn Http> {
    trusting(Duration::from_secs(5), Vec::new())
}

/// One that trusts these certificates, each in DER, and gives a connection up after a time.
pub(crate) fn trusting(connect_timeout: Duration, certificates: Vec<Vec<u8>>) -> Arc<dyn Http> {
    let mut roots = RootCertStore::empty();
    for certificate in certificates {
        roots.add(certificate.into()).unwrap();
    }
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let tls = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions().unwrap();
    let mut tls = tls.with_root_certificates(roots).with_no_client_auth();
    tls.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    let builder = Client::builder().tls_backend_preconfigured(tls).connect_timeout(connect_timeout).no_proxy();
    Arc::new(ReqwestClient::new(builder).unwrap())
}
