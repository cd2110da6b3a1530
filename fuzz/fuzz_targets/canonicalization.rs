//! The signer: whatever can be signed verifies, and a canonical form is its own canonical form.
#![no_main]

use libfuzzer_sys::arbitrary::{self, Arbitrary};
use libfuzzer_sys::fuzz_target;
use vod_aigc_signer::{BodyHash, CanonicalRequest, Credential, Received, Request, Scope, Signer, verify};

#[derive(Debug, Arbitrary)]
struct Input<'a> {
    method: &'a str,
    path: &'a str,
    query: &'a str,
    headers: Vec<(&'a str, &'a str)>,
    body: &'a [u8],
    timestamp: u64,
    service: &'a str,
    authorization: &'a [u8],
}

fuzz_target!(|input: Input<'_>| {
    let Input { method, path, query, body, timestamp, service, .. } = input;
    let find = |_: &str| Credential::new("AKIDEXAMPLE", "key").ok();

    // A header made by anyone.
    let claimed: Vec<(&str, &[u8])> = input
        .headers
        .iter()
        .map(|(name, value)| (*name, value.as_bytes()))
        .chain([("authorization", input.authorization)])
        .collect();
    let _ = verify(&Received { method, path, query, headers: &claimed, body }, service, timestamp, find);

    // A header of our own.
    let body_hash = BodyHash::of(body);
    let reserved = ["authorization", "content-type", "host", "x-tc-timestamp", "x-tc-content-sha256"];
    let mut headers = input.headers;
    headers.retain(|(name, _)| !reserved.iter().any(|it| it.eq_ignore_ascii_case(name)));
    headers.extend([("content-type", "application/json"), ("host", "vod.tencentcloudapi.com")]);
    let request = Request { method, path, query, headers: &headers };
    let (Ok(canonical), Ok(scope)) = (CanonicalRequest::new(&request, &body_hash), Scope::new(timestamp, service))
    else {
        return;
    };
    let lines: Vec<&str> = canonical.as_str().split('\n').collect();
    let again: Vec<(&str, &str)> =
        lines[3..lines.len() - 3].iter().map(|line| line.split_once(':').expect("a name and a value")).collect();
    let canonical_form = Request { method: lines[0], path: lines[1], query: lines[2], headers: &again };
    let twice = CanonicalRequest::new(&canonical_form, &body_hash);
    assert_eq!(twice.expect("it is canonical").as_str(), canonical.as_str());

    let credential = Credential::new("AKIDEXAMPLE", "key").expect("a valid pair");
    let authorization = Signer::new().sign(&credential, &canonical, scope);
    let time = timestamp.to_string();
    let mut received: Vec<(&str, &[u8])> = headers.iter().map(|(name, value)| (*name, value.as_bytes())).collect();
    received.extend([("x-tc-timestamp", time.as_bytes()), ("authorization", authorization.as_str().as_bytes())]);
    let path = if path.is_empty() { "/" } else { path };
    let verified = verify(&Received { method, path, query, headers: &received, body }, service, timestamp, find);
    verified.expect("what is signed verifies");
    let mut changed = body.to_vec();
    changed.push(0);
    assert!(
        verify(&Received { method, path, query, headers: &received, body: &changed }, service, timestamp, find)
            .is_err()
    );
});
