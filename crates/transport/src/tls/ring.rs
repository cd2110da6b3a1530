//! rustls with ring, which needs neither a C compiler's tool chain beyond ring's own nor a library of the system.

use std::sync::Arc;

use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use rustls_platform_verifier::Verifier;
use tokio_rustls::TlsConnector;

use super::{BoxError, Duplex, OFFERED, Secured};

pub(crate) struct Tls(TlsConnector);

impl Tls {
    /// Trusts `roots`, each in DER, and where `system` says so what the operating system trusts.
    pub(crate) fn new(roots: &[Vec<u8>], system: bool) -> Result<Self, BoxError> {
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let roots = roots.iter().map(|root| CertificateDer::from(root.clone()));
        let config = ClientConfig::builder_with_provider(provider.clone()).with_safe_default_protocol_versions()?;
        let config = if system {
            let verifier = Verifier::new_with_extra_roots(roots, provider)?;
            config.dangerous().with_custom_certificate_verifier(Arc::new(verifier))
        } else {
            let mut store = RootCertStore::empty();
            for root in roots {
                store.add(root)?;
            }
            config.with_root_certificates(store)
        };
        Ok(Self(Arc::new(config.with_no_client_auth()).into()))
    }

    /// Shakes hands with `host`, which is offered HTTP/2 where `http2` says so.
    pub(crate) async fn secure(&self, host: &str, duplex: Box<dyn Duplex>, http2: bool) -> Result<Secured, BoxError> {
        let offered = if http2 { OFFERED.map(Vec::from).to_vec() } else { Vec::new() };
        let name = ServerName::try_from(host.to_owned())?;
        let stream = self.0.with_alpn(offered).connect(name, duplex).await?;
        let is_http2 = stream.get_ref().1.alpn_protocol() == Some(b"h2");
        Ok(Secured { duplex: Box::new(stream), is_http2 })
    }
}
