//! From a body of 619 bytes, a time, an action and a key to the value of `Authorization`.

use std::hint::black_box;

use criterion::{Criterion, criterion_group, criterion_main};
use sha2::block_api::compress256;
use vod_aigc_bench::material::{CREATE, HOST, SECRET_ID, SECRET_KEY, TIME};
use vod_aigc_bench::competitors::{TENCENTCLOUD, TENCENTCLOUD_SDK, tencentcloud_sdk_sign, tencentcloud_sign};
use vod_aigc_bench::server::Server;
use vod_aigc_bench::worker::official;
use vod_aigc_client::transport::signer::{
    Authorization, BodyHash, CanonicalRequest, Credential, Request, Scope, Signer, StringToSign,
};

fn sign(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("sign");
    let (signer, credential) = (Signer::new(), Credential::new(SECRET_ID, SECRET_KEY).expect("a credential"));
    let ours = |body_hash: &BodyHash| -> Authorization {
        let scope = Scope::new(black_box(TIME), "vod").expect("a scope");
        signer.sign(&credential, &canonical_request(body_hash), scope)
    };
    group.bench_function("ours", |bencher| bencher.iter(|| ours(&BodyHash::of(black_box(CREATE.as_bytes())))));
    let kept = BodyHash::of(CREATE.as_bytes());
    group.bench_function("ours, the hash of the body kept", |bencher| bencher.iter(|| ours(black_box(&kept))));

    let blocks = blocks_of_ours();
    group.bench_function(format!("bare SHA-256, {blocks} blocks"), |bencher| {
        let block = [0x5a; 64];
        bencher.iter(|| {
            let mut state = [0x6a09_e667_u32; 8];
            for _ in 0..blocks {
                compress256(&mut state, &[black_box(block)]);
            }
            state
        })
    });

    group.bench_function(TENCENTCLOUD_SDK, |bencher| {
        bencher.iter(|| tencentcloud_sdk_sign(black_box(CREATE.as_bytes()), black_box(TIME)))
    });
    group.bench_function(TENCENTCLOUD, |bencher| {
        bencher.iter(|| tencentcloud_sign(black_box(CREATE.as_bytes()), HOST, black_box(TIME)))
    });
    // Nothing is sent to it; the workers only want an address.
    official(&mut group, "sign", &Server::plain());
    group.finish();
}

fn canonical_request(body_hash: &BodyHash) -> CanonicalRequest {
    let request = Request {
        method: "POST",
        path: "/",
        query: "",
        headers: &[("content-type", "application/json"), ("host", HOST), ("x-tc-action", "CreateAigcVideoTask")],
    };
    CanonicalRequest::new(&request, body_hash).expect("a request")
}

/// The blocks of SHA-256 that a signature with a kept key takes: of the body, of the canonical request, of the inner hash of
/// the HMAC and of its outer one. The blocks of the two padded keys are hashed when the key is derived.
fn blocks_of_ours() -> usize {
    // A text is followed by one byte and its length in eight.
    let blocks = |length: usize| (length + 9).div_ceil(64);
    let request = canonical_request(&BodyHash::of(CREATE.as_bytes()));
    let text = StringToSign::new(Scope::new(TIME, "vod").expect("a scope"), &request);
    blocks(CREATE.len()) + blocks(request.as_str().len()) + blocks(text.as_str().len()) + blocks(32)
}

criterion_group! { name = benches; config = Criterion::default().sample_size(50); targets = sign }
criterion_main!(benches);
