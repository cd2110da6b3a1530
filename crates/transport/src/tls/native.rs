//! The TLS of the operating system: SChannel, Secure Transport or OpenSSL.

use native_tls::{Certificate, TlsConnector};

use super::{BoxError, Duplex, OFFERED, Secured};

pub(crate) struct Tls {
    /// Offers HTTP/2 and HTTP/1.1.
    server: tokio_native_tls::TlsConnector,
    /// Offers nothing.
    proxy: tokio_native_tls::TlsConnector,
}

impl Tls {
    /// Trusts `roots`, each in DER, and where `system` says so what the operating system trusts.
    pub(crate) fn new(roots: &[Vec<u8>], system: bool) -> Result<Self, BoxError> {
        let connector = |offered: &[&str]| {
            let mut builder = TlsConnector::builder();
            builder.disable_built_in_roots(!system).request_alpns(offered);
            for root in roots {
                builder.add_root_certificate(Certificate::from_der(root)?);
            }
            Ok::<_, BoxError>(builder.build()?.into())
        };
        Ok(Self { server: connector(&OFFERED)?, proxy: connector(&[])? })
    }

    /// Shakes hands with `host`, which is offered HTTP/2 where `http2` says so.
    pub(crate) async fn secure(&self, host: &str, duplex: Box<dyn Duplex>, http2: bool) -> Result<Secured, BoxError> {
        let connector = if http2 { &self.server } else { &self.proxy };
        let stream = connector.connect(host, duplex).await?;
        let is_http2 = stream.get_ref().negotiated_alpn()?.as_deref() == Some(b"h2");
        Ok(Secured { duplex: Box::new(stream), is_http2 })
    }
}
