//! Whole calls as others make them, from a typed request to the same typed reply.

use std::hint::black_box;
use std::net::SocketAddr;
use std::rc::Rc;
use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use bytes::Bytes;
use http_body_util::{BodyExt as _, Full};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use reqwest::header::{HeaderMap, HeaderValue};
use tencentcloud_sdk::{CommonClient, Credentials, Endpoint};
use vod_aigc_bench::material::{GOES_ON, HAS_ENDED, HEADERS, SECRET_ID, SECRET_KEY, SUB_APP_ID, describe};
use vod_aigc_bench::repeat::{repeat, runtime};
use vod_aigc_bench::worker::{Run, Way};
use vod_aigc_client::core::{DescribeTaskDetailRequest, DescribeTaskDetailResponse};

use crate::{TENCENTCLOUD, TENCENTCLOUD_SDK, json, sign};

/// The HTTP clients alone stand beside polls and calls; the peers decode every reply in full.
pub fn ways() -> Vec<Way> {
    let mut ways = Vec::new();
    for (work, together, task) in [
        ("poll", 1, GOES_ON),
        ("poll, 64 in flight", 64, GOES_ON),
        ("full call", 1, HAS_ENDED),
        ("full call, 64 in flight", 64, HAS_ENDED),
    ] {
        ways.extend([
            Way::new(work, "hyper-util's client alone", move |server| hyper_util(server, together, task)),
            Way::new(work, "reqwest 0.13 alone", move |server| reqwest_plain(server, together, task)),
            Way::new(work, "reqwest 0.13 alone, prebuilt", move |server| reqwest_prebuilt(server, together, task)),
            Way::new(work, "usual hand-made SDK on reqwest", move |server| usual(server, together, task)),
            Way::new(work, TENCENTCLOUD, move |server| tencentcloud(server, together, task)),
            Way::new(work, TENCENTCLOUD_SDK, move |server| tencentcloud_sdk(server, together, task)),
        ]);
    }
    ways
}

fn hyper_client() -> Client<HttpConnector, Full<Bytes>> {
    let mut connector = HttpConnector::new();
    connector.set_nodelay(true);
    Client::builder(TokioExecutor::new()).build(connector)
}

fn hyper_util(server: SocketAddr, together: u32, task: &'static str) -> Run {
    let shared = Rc::new((hyper_client(), format!("http://{server}/"), Bytes::from(describe(task))));
    repeat(runtime(), together, move || {
        let shared = shared.clone();
        async move {
            let (client, url, body) = &*shared;
            let request = hyper::Request::post(&**url);
            let request = HEADERS.iter().fold(request, |request, (name, value)| request.header(*name, *value));
            let request = request.body(Full::new(body.clone())).expect("a request");
            let response = client.request(request).await.expect("a reply");
            black_box(response.into_body().collect().await.expect("a body").to_bytes());
        }
    })
}

fn reqwest_client() -> reqwest::Client {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let tls = rustls::ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions();
    let tls = tls.expect("versions").with_root_certificates(rustls::RootCertStore::empty()).with_no_client_auth();
    reqwest::Client::builder().tls_backend_preconfigured(tls).no_proxy().build().expect("a client")
}

fn reqwest_plain(server: SocketAddr, together: u32, task: &'static str) -> Run {
    let shared = Rc::new((reqwest_client(), format!("http://{server}/"), describe(task)));
    repeat(runtime(), together, move || {
        let shared = shared.clone();
        async move {
            let (client, url, body) = &*shared;
            let request = client.post(url);
            let request = HEADERS.iter().fold(request, |request, (name, value)| request.header(*name, *value));
            let response = request.body(body.clone()).send().await.expect("a reply");
            black_box(response.bytes().await.expect("a body"));
        }
    })
}

fn reqwest_prebuilt(server: SocketAddr, together: u32, task: &'static str) -> Run {
    let url: reqwest::Url = format!("http://{server}/").parse().expect("a URL");
    let headers: HeaderMap =
        HEADERS.iter().map(|(name, value)| (name.parse().expect("a name"), HeaderValue::from_static(value))).collect();
    let shared = Rc::new((reqwest_client(), url, headers, Bytes::from(describe(task))));
    repeat(runtime(), together, move || {
        let shared = shared.clone();
        async move {
            let (client, url, headers, body) = &*shared;
            let mut request = reqwest::Request::new(reqwest::Method::POST, url.clone());
            *request.headers_mut() = headers.clone();
            *request.body_mut() = Some(body.clone().into());
            let response = client.execute(request).await.expect("a reply");
            black_box(response.bytes().await.expect("a body"));
        }
    })
}

fn request(task: &str) -> DescribeTaskDetailRequest {
    let mut request = DescribeTaskDetailRequest::new(task);
    request.sub_app_id = Some(SUB_APP_ID);
    request
}

fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).expect("a time after 1970").as_secs()
}

/// What one writes in an afternoon: the signature of the documentation, reqwest, and the reply through a value.
fn usual(server: SocketAddr, together: u32, task: &'static str) -> Run {
    let shared = Rc::new((reqwest_client(), server.to_string()));
    repeat(runtime(), together, move || {
        let shared = shared.clone();
        async move {
            let (client, host) = &*shared;
            let body = serde_json::to_string(&request(task)).expect("JSON");
            let timestamp = now();
            let authorization = sign::usual(body.as_bytes(), host, timestamp);
            let response = client
                .post(format!("http://{host}/"))
                .header("Authorization", authorization)
                .header("Content-Type", "application/json")
                .header("X-TC-Action", "DescribeTaskDetail")
                .header("X-TC-Timestamp", timestamp.to_string())
                .header("X-TC-Version", "2018-07-17")
                .header("X-TC-Region", "ap-guangzhou")
                .body(body)
                .send()
                .await
                .expect("a reply");
            let reply = response.bytes().await.expect("a body");
            let reply: serde_json::Value = serde_json::from_slice(&reply).expect("JSON");
            assert!(reply["Response"]["Error"].is_null(), "an error");
            let reply: DescribeTaskDetailResponse = serde_json::from_value(reply["Response"].clone()).expect("a reply");
            black_box(reply);
        }
    })
}

/// src/client.rs of crate tencentcloud 0.3.0, which itself speaks https only, over its HTTP client without TLS.
fn tencentcloud(server: SocketAddr, together: u32, task: &'static str) -> Run {
    let shared = Rc::new((hyper_client(), server.to_string(), "ap-guangzhou".to_owned()));
    repeat(runtime(), together, move || {
        let shared = shared.clone();
        async move {
            let (client, host, region) = &*shared;
            let payload = serde_json::to_vec(&request(task)).expect("JSON");
            let timestamp = now();
            let authorization = sign::tencentcloud(&payload, host, timestamp);
            let request = hyper::Request::builder()
                .uri(format!("http://{host}"))
                .method(hyper::Method::POST)
                .header("Authorization", authorization)
                .header("Content-Type", "application/json; charset=utf-8")
                .header("X-TC-Action", "DescribeTaskDetail")
                .header("X-TC-Timestamp", timestamp)
                .header("X-TC-Version", "2018-07-17")
                .header("X-TC-Region", region)
                .body(Full::new(Bytes::from(payload)))
                .expect("a request");
            let response = client.request(request).await.expect("a reply");
            let body = response.into_body().collect().await.expect("a body").to_bytes();
            black_box(json::tencentcloud(&body));
        }
    })
}

fn tencentcloud_sdk(server: SocketAddr, together: u32, task: &'static str) -> Run {
    // Its client looks for a provider of the process.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let endpoint = Endpoint::loopback_http(&format!("http://{server}/")).expect("an endpoint");
    let client = tencentcloud_sdk::Client::builder()
        .credentials(Credentials::new(SECRET_ID, SECRET_KEY).expect("credentials"))
        .region("ap-guangzhou")
        .endpoint("vod", endpoint)
        .build()
        .expect("a client");
    let client = CommonClient::new(client, "vod", "2018-07-17").expect("a client");
    repeat(runtime(), together, move || {
        let client = client.clone();
        async move {
            let reply = client.call::<_, DescribeTaskDetailResponse>("DescribeTaskDetail", &request(task)).await;
            black_box(reply.expect("a reply"));
        }
    })
}
