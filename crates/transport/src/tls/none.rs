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

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use crate::{FileRequest, HttpClient, SendErrorKind, Sent};

    #[tokio::test]
    async fn https_is_refused_and_the_way_out_named() {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("https://{}/", listener.local_addr().unwrap());
        let file = FileRequest { url: &url, offset: 0, etag: None, idle: Duration::from_secs(20), loopback: true };
        let error = HttpClient::new().fetch(file).await.expect_err("there is no TLS");
        assert_eq!((error.kind(), error.sent()), (SendErrorKind::Connect, Sent::No));
        assert!(error.to_string().contains("turn on the feature ring or native-tls"), "{error}");
    }
}
