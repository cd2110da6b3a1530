//! Calls from a typed request to the typed reply of `DescribeTaskDetail`.

use std::hint::black_box;
use std::path::Path;

use criterion::measurement::WallTime;
use criterion::{BenchmarkGroup, Criterion, criterion_group, criterion_main};
use futures_util::future::join_all;
use vod_aigc_bench::material::{HEADERS, SECRET_ID, SECRET_KEY, SUB_APP_ID, describe};
use vod_aigc_bench::competitors::{TENCENTCLOUD, TENCENTCLOUD_SDK, Tencentcloud, tencentcloud_sdk};
use vod_aigc_bench::server::{Server, runtime};
use vod_aigc_bench::worker::official;
use vod_aigc_client::Client;
use vod_aigc_client::core::DescribeTaskDetailResponse;
use vod_aigc_client::transport::signer::Credential;
use vod_aigc_client::transport::{HttpClient, RateLimiter, Rates};

fn call(criterion: &mut Criterion) {
    // The clients take their cryptography from the process.
    rustls::crypto::ring::default_provider().install_default().expect("the first provider");
    let plain = Server::plain();
    let tls = Server::tls(Path::new(env!("CARGO_TARGET_TMPDIR")).join("root.pem"));
    for (name, work, together, server) in [
        ("call", "call", 1, &plain),
        ("64 calls at once", "calls", 64, &plain),
        ("64 calls at once over TLS", "calls", 64, &tls),
    ] {
        let mut group = criterion.benchmark_group(name);
        let client = ours(server);
        measure(&mut group, "ours", together, async || {
            black_box(client.call(describe()).await.expect("a reply"));
        });
        let (http, url) = (bare_reqwest(server), server.url());
        let body = serde_json::to_string(&describe()).expect("JSON");
        measure(&mut group, "bare reqwest", together, async || {
            let request = http.post(&url).body(body.clone());
            let request = HEADERS.iter().fold(request, |request, (name, value)| request.header(*name, *value));
            let response = request.send().await.expect("a reply");
            black_box(response.bytes().await.expect("a body"));
        });
        let client = tencentcloud_sdk(server);
        measure(&mut group, TENCENTCLOUD_SDK, together, async || {
            let reply = client.call::<_, DescribeTaskDetailResponse>("DescribeTaskDetail", &describe()).await;
            black_box(reply.expect("a reply"));
        });
        let client = Tencentcloud::new(server);
        measure(&mut group, TENCENTCLOUD, together, async || {
            black_box(client.call().await);
        });
        official(&mut group, work, server);
        group.finish();
    }
}

/// One round of `together` calls at once is what is repeated.
fn measure(group: &mut BenchmarkGroup<'_, WallTime>, name: &str, together: usize, call: impl AsyncFn()) {
    let (runtime, call) = (runtime(), &call);
    group.bench_function(name, |bencher| {
        bencher.to_async(&runtime).iter(|| join_all((0..together).map(move |_| call())));
    });
}

fn ours(server: &Server) -> Client {
    let root = certificate(server);
    let http = HttpClient::with(move |builder| builder.tls_certs_merge(root.clone()));
    let credential = Credential::new(SECRET_ID, SECRET_KEY).expect("a credential");
    let unlimited = RateLimiter::new(Rates { read: u32::MAX, ..Rates::default() });
    Client::builder(credential, SUB_APP_ID)
        .endpoint(server.url().parse().expect("an endpoint"))
        .http_client(http)
        .transport(|transport| transport.rate_limiter(unlimited))
        .build()
}

fn bare_reqwest(server: &Server) -> reqwest::Client {
    reqwest::Client::builder().no_proxy().tls_certs_merge(certificate(server)).build().expect("a client")
}

fn certificate(server: &Server) -> Option<reqwest::Certificate> {
    server.root.as_ref().map(|root| reqwest::Certificate::from_pem(root.pem.as_bytes()).expect("PEM"))
}

criterion_group! { name = benches; config = Criterion::default().sample_size(50); targets = call }
criterion_main!(benches);
