//! A real TLS handshake with a server on loopback.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use http::request::Parts;
use http::{Response, Version, header};
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::conn::auto;
use rcgen::{Certificate, CertifiedKey, generate_simple_self_signed};
use rustls::pki_types::PrivateKeyDer;
use rustls::server::WebPkiClientVerifier;
use rustls::{RootCertStore, ServerConfig};
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;
use vod_aigc_transport::{Billed, Sent, reqwest};

use crate::server::{Step, create, describe, ok, serve, transport_to};
use crate::stack::trusting;

/// Whom the servers' certificates are for.
const NAMES: [&str; 3] = ["localhost", "api.example", "films.example"];

/// A certificate in DER, as one to be trusted.
pub(crate) fn as_root(certificate: &[u8]) -> reqwest::Certificate {
    reqwest::Certificate::from_der(certificate).unwrap()
}

const PATIENT: Duration = Duration::from_secs(20);

/// A listener for TLS 1.2 or 1.3 that offers these protocols and may ask for a certificate of its clients: its URL, and its
/// certificate in DER.
async fn listen(protocols: &[&str], client: Option<&Certificate>) -> (TcpListener, TlsAcceptor, String, Vec<u8>) {
    let CertifiedKey { cert, signing_key } = generate_simple_self_signed(NAMES.map(str::to_owned)).unwrap();
    let key = PrivateKeyDer::try_from(signing_key.serialize_der()).unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ServerConfig::builder_with_provider(provider.clone()).with_safe_default_protocol_versions().unwrap();
    let config = match client {
        None => config.with_no_client_auth(),
        Some(client) => {
            let mut roots = RootCertStore::empty();
            roots.add(client.der().clone()).unwrap();
            let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider).build().unwrap();
            config.with_client_cert_verifier(verifier)
        }
    };
    let mut config = config.with_single_cert(vec![cert.der().clone()], key).unwrap();
    config.alpn_protocols = protocols.iter().map(|protocol| protocol.as_bytes().to_vec()).collect();
    let acceptor = TlsAcceptor::from(Arc::new(config));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("https://localhost:{}", listener.local_addr().unwrap().port());
    (listener, acceptor, url, cert.der().to_vec())
}

/// Plays a script over TLS; returns the URL and the certificate in DER.
pub(crate) async fn tls_server(steps: Vec<Step>) -> (String, Vec<u8>) {
    tls_server_for(steps, None).await
}

/// The same, for clients with this certificate.
async fn tls_server_for(steps: Vec<Step>, client: Option<&Certificate>) -> (String, Vec<u8>) {
    let (listener, acceptor, url, certificate) = listen(&[], client).await;
    let steps = Arc::new(Mutex::new(VecDeque::from(steps)));
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            if let Ok(stream) = acceptor.accept(stream).await {
                tokio::spawn(serve(stream, 0, steps.clone(), Arc::default()));
            }
        }
    });
    (url, certificate)
}

#[tokio::test]
async fn a_server_with_a_trusted_certificate_is_called_over_tls() {
    let (url, certificate) = tls_server(vec![ok(r#"{"TaskId":"t-1"}"#)]).await;
    let transport = transport_to(&url).http(Arc::new(trusting(PATIENT, vec![certificate]))).build();
    assert_eq!(transport.call(create()).await.expect("the certificate is trusted").value.task_id, "t-1");
}

#[tokio::test]
async fn a_server_with_an_unknown_certificate_gets_nothing() {
    let (url, _) = tls_server(vec![ok(r#"{"TaskId":"t-1"}"#)]).await;
    let error = transport_to(&url).build().call(create()).await.expect_err("nobody vouches for the certificate");
    assert_eq!((error.sent(), error.billed()), (Sent::No, Billed::No), "{error}");
    assert!(error.to_string().contains("certificate"), "{error}");
}

#[cfg(feature = "rustls")]
#[tokio::test]
async fn a_server_that_asks_for_a_certificate_gets_the_clients() {
    let CertifiedKey { cert, signing_key } = generate_simple_self_signed(["client".to_owned()]).unwrap();
    let identity = reqwest::Identity::from_pem((signing_key.serialize_pem() + &cert.pem()).as_bytes()).unwrap();
    let (url, certificate) = tls_server_for(vec![ok(r#"{"TaskId":"t-1"}"#)], Some(&cert)).await;
    let root = as_root(&certificate);
    let without = trusting(PATIENT, vec![certificate]);
    let with =
        vod_aigc_transport::HttpClient::with(move |it| it.identity(identity.clone()).tls_certs_merge([root.clone()]));
    let error = transport_to(&url).http(Arc::new(without)).build().call(create()).await.expect_err("it has none");
    assert_ne!(error.sent(), Sent::Yes, "{error}");
    let task = transport_to(&url).http(Arc::new(with)).build().call(create()).await.expect("it has the one");
    assert_eq!(task.value.task_id, "t-1");
}

#[tokio::test]
async fn a_server_that_never_shakes_hands_gets_nothing() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("https://localhost:{}", listener.local_addr().unwrap().port());
    let transport = transport_to(&url).http(Arc::new(trusting(Duration::from_millis(50), Vec::new()))).build();
    let error = transport.call(create()).await.expect_err("the handshake has no end");
    assert_eq!((error.sent(), error.billed()), (Sent::No, Billed::No), "{error}");
}

/// Calls twice to a server that offers these protocols; returns what arrived, and by how many connections.
async fn called_twice(protocols: &[&str]) -> (String, [Parts; 2], usize) {
    let (listener, acceptor, url, certificate) = listen(protocols, None).await;
    let arrived = Arc::new(Mutex::new(Vec::new()));
    let connections = Arc::new(AtomicUsize::new(0));
    let (recorded, counted) = (arrived.clone(), connections.clone());
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            counted.fetch_add(1, Ordering::Relaxed);
            let stream = TokioIo::new(acceptor.accept(stream).await.unwrap());
            let recorded = recorded.clone();
            let service = service_fn(move |request: http::Request<_>| {
                recorded.lock().unwrap().push(request.into_parts().0);
                async {
                    Ok::<_, std::convert::Infallible>(Response::new(r#"{"Response":{"Status":"FINISH"}}"#.to_owned()))
                }
            });
            tokio::spawn(async move {
                auto::Builder::new(TokioExecutor::new()).serve_connection(stream, service).await.unwrap();
            });
        }
    });
    let transport = transport_to(&url).http(Arc::new(trusting(PATIENT, vec![certificate]))).build();
    for _ in 0..2 {
        assert_eq!(transport.call(describe()).await.expect("the server answers").value.status, "FINISH");
    }
    let arrived = arrived.lock().unwrap().drain(..).collect::<Vec<_>>().try_into().expect("two requests");
    (url, arrived, connections.load(Ordering::Relaxed))
}

#[tokio::test]
async fn a_server_that_offers_http_2_is_talked_to_in_it() {
    let (url, arrived, connections) = called_twice(&["h2", "http/1.1"]).await;
    for head in arrived {
        assert_eq!((head.version, head.uri.to_string()), (Version::HTTP_2, format!("{url}/")));
        assert_eq!(head.headers.get(header::HOST), None, "the authority says it");
    }
    assert_eq!(connections, 1);
}

#[tokio::test]
async fn a_server_that_offers_only_http_1_1_is_talked_to_in_that() {
    for protocols in [&["http/1.1"][..], &[]] {
        let (url, arrived, connections) = called_twice(protocols).await;
        for head in arrived {
            assert_eq!((head.version, head.uri.to_string()), (Version::HTTP_11, "/".to_owned()));
            assert_eq!(Some(head.headers[header::HOST].to_str().unwrap()), url.strip_prefix("https://"));
        }
        assert_eq!(connections, 1);
    }
}
