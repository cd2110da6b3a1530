//! What a call is signed with: hashes that are kept, off the async threads where they are long, or left out.

use std::sync::mpsc;

use bytes::Bytes;
use futures_util::FutureExt as _;
use tokio::runtime;
use vod_aigc_core::{Action as _, Effect};
use vod_aigc_transport::signer::{Received, UNSIGNED_PAYLOAD, Verified, verify};
use vod_aigc_transport::{Call, SignedRequest};

use crate::server::{Create, NOW, credential, transport_to};

fn call(length: usize) -> Call {
    Call::new(Create::NAME, Create::SERVICE, Create::VERSION, Effect::Paid, vec![b' '; length])
}

/// Verifies it as its receiver does.
fn verified(request: SignedRequest) -> Verified {
    let body: Bytes = request.body().clone();
    let (_, headers, _) = request.into_parts();
    let headers: Vec<(&str, &[u8])> = headers.iter().map(|(name, value)| (name.as_str(), value.as_bytes())).collect();
    let received = Received { method: "POST", path: "/", query: "", headers: &headers, body: &body };
    verify(&received, Create::SERVICE, NOW, |_| Some(credential())).unwrap()
}

#[tokio::test]
async fn one_call_is_signed_for_each_server_and_setting_that_sends_it() {
    let call = call(3);
    let here = transport_to("http://127.0.0.1:1");
    let (here, unsigned) = (here.build(), transport_to("http://127.0.0.1:1").leave_bodies_unsigned_above(2).build());
    let there = transport_to("https://vod.example.com").build();
    for _ in 0..2 {
        assert!(verified(here.sign(&call).await.unwrap()).body_signed);
        assert!(!verified(unsigned.sign(&call).await.unwrap()).body_signed);
        assert!(verified(there.sign(&call).await.unwrap()).body_signed);
        assert!(verified(here.sign(&call.clone()).await.unwrap()).body_signed);
    }
}

#[tokio::test]
async fn only_bodies_above_the_chosen_length_go_out_unsigned() {
    let header = |request: &SignedRequest| {
        request.headers().find(|(name, _)| *name == "x-tc-content-sha256").map(|(_, value)| value.to_owned())
    };
    let transport = transport_to("http://127.0.0.1:1").leave_bodies_unsigned_above(100).build();
    let request = transport.sign(&call(100)).await.unwrap();
    assert_eq!(header(&request), None);
    assert!(verified(request).body_signed);
    let request = transport.sign(&call(101)).await.unwrap();
    assert_eq!(header(&request).as_deref(), Some(UNSIGNED_PAYLOAD));
    assert!(!verified(request).body_signed);
    let request = transport_to("http://127.0.0.1:1").build().sign(&call(7_000_000)).await.unwrap();
    assert_eq!(header(&request), None);
}

#[test]
fn a_large_body_is_hashed_once_and_on_a_thread_for_blocking_work() {
    let runtime = runtime::Builder::new_current_thread().max_blocking_threads(1).build().unwrap();
    runtime.block_on(async {
        let transport = transport_to("http://127.0.0.1:1").build();
        let (small, large) = (call(1_000), call(7_000_000));
        // The only such thread has work until it is let go.
        let (let_go, wait) = mpsc::channel::<()>();
        let busy = runtime.spawn_blocking(move || wait.recv());

        assert!(transport.sign(&small).now_or_never().is_some(), "a small body needs no thread");
        let mut signing = Box::pin(transport.sign(&large));
        assert!((&mut signing).now_or_never().is_none(), "a large body was hashed here");
        drop(let_go);
        assert!(verified(signing.await.unwrap()).body_signed);
        busy.await.unwrap().expect_err("it was let go");

        let (_let_go, wait) = mpsc::channel::<()>();
        runtime.spawn_blocking(move || wait.recv());
        let request = transport.sign(&large).now_or_never().expect("its hash is known");
        assert!(verified(request.unwrap()).body_signed);
    });
}

#[test]
fn a_large_body_is_signed_where_there_is_no_runtime() {
    let transport = transport_to("http://127.0.0.1:1").build();
    let request = transport.sign(&call(7_000_000)).now_or_never().expect("there is nothing to wait for");
    assert!(verified(request.unwrap()).body_signed);
}
