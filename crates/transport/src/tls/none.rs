//! A build without TLS: https is refused.

use super::{BoxError, Duplex, Secured};

pub(crate) struct Tls;

impl Tls {
    pub(crate) fn new(_: &[Vec<u8>], _: bool) -> Result<Self, BoxError> {
        Ok(Self)
    }

    #[expect(clippy::unused_async, reason = "the others wait for the handshake")]
    pub(crate) async fn secure(&self, _: &str, _: Box<dyn Duplex>, _: bool) -> Result<Secured, BoxError> {
        Err("this build has no TLS; turn on the feature ring or native-tls, or give the client an Http of your own"
            .into())
    }
}
