//! The crates that do the same work. What they keep private, or cannot do on loopback, is reproduced as it is there.

use std::time::{SystemTime, UNIX_EPOCH};

use bytes::Bytes;
use futures_util::TryStreamExt as _;
use hmac::{Hmac, KeyInit as _, Mac as _};
use http_body_util::{BodyExt as _, Full};
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;
use rustls::{ClientConfig, RootCertStore};
use serde::Deserialize;
use sha2::{Digest as _, Sha256};
use tencentcloud_sdk::transport::{Transport, TransportRequest, TransportResponse};
use tencentcloud_sdk::{BoxFuture, CommonClient, Credentials, Endpoint, SdkError};
use time::OffsetDateTime;
use time::macros::format_description;
use vod_aigc_client::core::DescribeTaskDetailResponse;

use crate::material::{HOST, SECRET_ID, SECRET_KEY, describe};
use crate::server::{Root, Server};

pub const TENCENTCLOUD: &str = "tencentcloud 0.3.0, its steps";
pub const TENCENTCLOUD_SDK: &str = "tencentcloud-sdk 0.2.1";

fn hmac_sha256(key: &[u8], message: &[u8]) -> [u8; 32] {
    let mut mac = Hmac::<Sha256>::new_from_slice(key).expect("a key of any length");
    mac.update(message);
    mac.finalize().into_bytes().into()
}

/// src/tc3_hmac.rs of crate tencentcloud 0.3.0.
pub fn tencentcloud_sign(body: &[u8], host: &str, timestamp: u64) -> String {
    let now = OffsetDateTime::from_unix_timestamp(timestamp as i64).expect("a time");
    let canonical_headers = format!("content-type:application/json; charset=utf-8\nhost:{host}\n");
    let hashed_payload = hex::encode(Sha256::digest(body));
    let canonical_request = format!("POST\n/\n\n{canonical_headers}\ncontent-type;host\n{hashed_payload}");
    let date = now.format(format_description!("[year]-[month]-[day]")).expect("a date");
    let scope = format!("{date}/vod/tc3_request");
    let hashed_request = hex::encode(Sha256::digest(canonical_request));
    let string_to_sign = format!("TC3-HMAC-SHA256\n{timestamp}\n{scope}\n{hashed_request}");
    let key = format!("TC3{SECRET_KEY}");
    let date_key = hmac_sha256(key.as_bytes(), date.as_bytes());
    let service_key = hmac_sha256(&date_key, b"vod");
    let signing_key = hmac_sha256(&service_key, b"tc3_request");
    let signature = hex::encode(hmac_sha256(&signing_key, string_to_sign.as_bytes()));
    format!("TC3-HMAC-SHA256 Credential={SECRET_ID}/{scope},SignedHeaders=content-type;host,Signature={signature}")
}

/// src/signing.rs of crate tencentcloud-sdk-foundation 0.2.1.
pub fn tencentcloud_sdk_sign(body: &[u8], timestamp: u64) -> reqwest::header::HeaderValue {
    const CONTENT_TYPE: &str = "application/json; charset=utf-8";
    const SIGNED_HEADERS: &str = "content-type;host;x-tc-action";
    let date = OffsetDateTime::from_unix_timestamp(timestamp as i64).expect("a time").date().to_string();
    let canonical = format!(
        "POST\n/\n\ncontent-type:{CONTENT_TYPE}\nhost:{HOST}\nx-tc-action:{}\n\n{SIGNED_HEADERS}\n{}",
        "CreateAigcVideoTask".to_ascii_lowercase(),
        digits(&Sha256::digest(body)),
    );
    let scope = format!("{date}/vod/tc3_request");
    let string_to_sign =
        format!("TC3-HMAC-SHA256\n{timestamp}\n{scope}\n{}", digits(&Sha256::digest(canonical.as_bytes())));
    let date_key = hmac_sha256(format!("TC3{SECRET_KEY}").as_bytes(), date.as_bytes());
    let service_key = hmac_sha256(&date_key, b"vod");
    let signing_key = hmac_sha256(&service_key, b"tc3_request");
    let signature = digits(&hmac_sha256(&signing_key, string_to_sign.as_bytes()));
    let mut header = reqwest::header::HeaderValue::from_str(&format!(
        "TC3-HMAC-SHA256 Credential={SECRET_ID}/{scope}, SignedHeaders={SIGNED_HEADERS}, Signature={signature}"
    ))
    .expect("a header");
    header.set_sensitive(true);
    header
}

fn digits(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let mut output = String::with_capacity(bytes.len() * 2);
    for byte in bytes {
        output.push(char::from(DIGITS[usize::from(byte >> 4)]));
        output.push(char::from(DIGITS[usize::from(byte & 15)]));
    }
    output
}

/// src/client.rs of crate tencentcloud 0.3.0, which itself speaks to https on the roots of the system only.
pub struct Tencentcloud {
    client: Client<HttpsConnector<HttpConnector>, Full<Bytes>>,
    url: String,
    host: String,
}

impl Tencentcloud {
    pub fn new(server: &Server) -> Self {
        let mut roots = RootCertStore::empty();
        if let Some(Root { pem, .. }) = &server.root {
            roots.add(CertificateDer::from_pem_slice(pem.as_bytes()).expect("PEM")).expect("a certificate");
        }
        let connector = HttpsConnectorBuilder::new()
            .with_tls_config(ClientConfig::builder().with_root_certificates(roots).with_no_client_auth())
            .https_or_http()
            .enable_http1()
            .enable_http2()
            .build();
        let client = Client::builder(TokioExecutor::new()).build(connector);
        Self { client, url: server.url(), host: server.address.clone() }
    }

    pub async fn call(&self) -> (DescribeTaskDetailResponse, String) {
        let payload = serde_json::to_vec(&describe()).expect("JSON");
        let timestamp = SystemTime::now().duration_since(UNIX_EPOCH).expect("a time after 1970").as_secs();
        let authorization = tencentcloud_sign(&payload, &self.host, timestamp);
        let request = hyper::Request::builder()
            .uri(&self.url)
            .method(hyper::Method::POST)
            .header("Authorization", authorization)
            .header("Content-Type", "application/json; charset=utf-8")
            .header("X-TC-Action", "DescribeTaskDetail")
            .header("X-TC-Timestamp", timestamp)
            .header("X-TC-Version", "2018-07-17")
            .header("X-TC-Region", "ap-guangzhou")
            .body(Full::new(Bytes::from(payload)))
            .expect("a request");
        let response = self.client.request(request).await.expect("a reply");
        let body = response.into_body().collect().await.expect("a body").to_bytes();
        let Envelope { response } = serde_json::from_slice(&body).expect("a reply");
        assert!(response.error.is_none_or(|error| error.code.is_empty() && error.message.is_empty()), "an error");
        (response.response.expect("a response"), response.request_id)
    }
}

/// The envelope of crate tencentcloud 0.3.0. The crate brings no types, so that the reply is ours.
#[derive(Deserialize)]
struct Envelope {
    #[serde(rename = "Response")]
    response: Response,
}

#[derive(Deserialize)]
struct Response {
    #[serde(rename = "RequestId")]
    request_id: String,
    #[serde(flatten)]
    response: Option<DescribeTaskDetailResponse>,
    #[serde(rename = "Error")]
    error: Option<ServiceError>,
}

#[derive(Deserialize)]
struct ServiceError {
    #[serde(rename = "Code")]
    code: String,
    #[serde(rename = "Message")]
    message: String,
}

/// Crate tencentcloud-sdk 0.2.1 itself, which brings no types either.
pub fn tencentcloud_sdk(server: &Server) -> CommonClient {
    let endpoint = if server.root.is_some() { Endpoint::https } else { Endpoint::loopback_http };
    let client = tencentcloud_sdk::Client::builder()
        .credentials(Credentials::new(SECRET_ID, SECRET_KEY).expect("credentials"))
        .region("ap-guangzhou")
        .endpoint("vod", endpoint(&server.url()).expect("an endpoint"));
    let client = match &server.root {
        Some(root) => client.transport(WithRoot::new(root)),
        None => client,
    };
    CommonClient::new(client.build().expect("a client"), "vod", "2018-07-17").expect("a client")
}

/// src/transport/reqwest.rs of crate tencentcloud-sdk-foundation 0.2.1, with a root: its own takes none.
struct WithRoot(reqwest_0_12::Client);

impl WithRoot {
    fn new(root: &Root) -> Self {
        let certificate = reqwest_0_12::Certificate::from_pem(root.pem.as_bytes()).expect("PEM");
        let client = reqwest_0_12::Client::builder()
            .redirect(reqwest_0_12::redirect::Policy::none())
            .retry(reqwest_0_12::retry::never())
            .no_proxy()
            .add_root_certificate(certificate);
        Self(client.build().expect("a client"))
    }
}

fn map_error(error: reqwest_0_12::Error) -> SdkError {
    SdkError::Transport(Box::new(error))
}

impl Transport for WithRoot {
    fn send(&self, request: TransportRequest) -> BoxFuture<'_, Result<TransportResponse, SdkError>> {
        Box::pin(async move {
            let builder = self.0.request(request.method, request.uri.to_string()).headers(request.headers);
            let response = builder.body(request.body).send().await.map_err(map_error)?;
            Ok(TransportResponse {
                status: response.status(),
                headers: response.headers().clone(),
                body: Box::pin(response.bytes_stream().map_err(map_error)),
            })
        })
    }
}
