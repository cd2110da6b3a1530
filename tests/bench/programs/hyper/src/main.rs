//! One post by hyper and rustls, put together by hand, without a pool and without a signature.

use std::error::Error;
use std::sync::Arc;

use bytes::Bytes;
use http_body_util::{BodyExt as _, Full};
use hyper::Request;
use hyper::client::conn::http1::handshake;
use hyper_util::rt::TokioIo;
use rustls::ClientConfig;
use rustls_platform_verifier::BuilderVerifierExt as _;
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

const HOST: &str = "vod.tencentcloudapi.com";

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let tls = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions()?;
    let tls = TlsConnector::from(Arc::new(tls.with_platform_verifier()?.with_no_client_auth()));
    let stream = TcpStream::connect((HOST, 443)).await?;
    let (mut sender, connection) = handshake(TokioIo::new(tls.connect(HOST.try_into()?, stream).await?)).await?;
    tokio::spawn(connection);
    let request = Request::post("/").header("host", HOST).header("content-type", "application/json");
    let reply = sender.send_request(request.body(Full::new(Bytes::from_static(br#"{"TaskId":"0"}"#)))?).await?;
    println!("{}", String::from_utf8_lossy(&reply.into_body().collect().await?.to_bytes()));
    Ok(())
}
