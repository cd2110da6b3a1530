//! Every stage of signing and the verification against vectors made by an independent implementation.
#![allow(clippy::unwrap_used, reason = "a vector that cannot be read must fail its test")]

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::Value;
use vod_aigc_signer::{
    BodyHash, CanonicalRequest, Credential, Received, Request, Scope, Signer, SigningKey, StringToSign, verify,
};

macro_rules! vectors {
    ($($name:ident)*) => {
        $(#[test] fn $name() { check(stringify!($name)); })*

        #[test]
        fn every_vector_folder_is_checked() {
            let mut folders: Vec<String> = fs::read_dir(root())
                .unwrap()
                .map(|entry| entry.unwrap())
                .filter(|entry| entry.path().is_dir())
                .map(|entry| entry.file_name().into_string().unwrap())
                .collect();
            folders.sort();
            assert_eq!(folders, [$(stringify!($name)),*]);
        }
    };
}

vectors! {
    empty_body
    get_with_query
    midnight_after
    midnight_before
    other_service_extra_headers
    published_example
    seven_megabytes
    token
    token_signed
    unicode
    unsigned_payload
    upper_case_action
}

#[test]
fn the_published_example_has_the_published_hashes() {
    let context = context(&root().join("published_example"));
    assert_eq!(context["hashed_body"], "35e9c5b0e3ae67532d3c9f17ead6c90222632e5b1ff7f6e89887f1398934f064");
    assert_eq!(context["hashed_canonical_request"], "7019a55be8395899b900fb5564e4200d984910f34794a27cb3fb7d10ff6a1e84");
    assert_eq!(context["signature"], "be4f67d323c78ab9acb7395e43c0dbcf822a9cfac32fea2449a7bc7726b770a3");
}

fn check(name: &str) {
    let folder = root().join(name);
    let context = context(&folder);
    let text = |key: &str| context[key].as_str().unwrap();
    let file = |stage: &str| fs::read_to_string(folder.join(stage)).unwrap();

    let raw = file("request.txt");
    let (head, body) = raw.split_once("\n\n").unwrap();
    let body = match &context["body_repeat"] {
        Value::Null => body.to_owned(),
        rule => rule["text"].as_str().unwrap().repeat(usize::try_from(rule["times"].as_u64().unwrap()).unwrap()),
    };
    let mut lines = head.lines();
    let mut request_line = lines.next().unwrap().split(' ');
    let (method, target) = (request_line.next().unwrap(), request_line.next().unwrap());
    let (path, query) = target.split_once('?').unwrap_or((target, ""));
    let headers: Vec<(&str, &str)> = lines.map(|line| line.split_once(':').unwrap()).collect();
    let is_signed = |name: &str| context["signed_headers"].as_array().unwrap().iter().any(|other| other == name);
    let signed: Vec<(&str, &str)> =
        headers.iter().copied().filter(|(name, _)| is_signed(&name.to_ascii_lowercase())).collect();
    let unsigned_payload = headers.iter().any(|(name, _)| name.eq_ignore_ascii_case("x-tc-content-sha256"));

    let body_hash = if unsigned_payload { BodyHash::unsigned() } else { BodyHash::of(body.as_bytes()) };
    assert_eq!(body_hash.as_str(), text("hashed_body"));
    let request = Request { method, path, query, headers: &signed };
    let canonical = CanonicalRequest::new(&request, &body_hash).unwrap();
    assert_eq!(canonical.as_str(), file("canonical_request.txt"));
    assert_eq!(canonical.hash(), text("hashed_canonical_request"));
    let scope = Scope::new(context["timestamp"].as_u64().unwrap(), text("service")).unwrap();
    let string_to_sign = StringToSign::new(scope, &canonical);
    assert_eq!(string_to_sign.as_str(), file("string_to_sign.txt"));
    let credential = Credential::new(text("secret_id"), text("secret_key")).unwrap();
    assert_eq!(SigningKey::derive(&credential, scope).sign(&string_to_sign).as_str(), text("signature"));
    let authorization = Signer::new().sign(&credential, &canonical, scope);
    assert_eq!(authorization.as_str(), file("authorization.txt"));

    let mut arrived: Vec<(&str, &[u8])> = headers.iter().map(|(name, value)| (*name, value.as_bytes())).collect();
    let authorization = file("authorization.txt");
    arrived.push(("Authorization", authorization.as_bytes()));
    let received = Received { method, path, query, headers: &arrived, body: body.as_bytes() };
    let verified = verify(&received, text("service"), scope.timestamp(), |_| Some(credential)).unwrap();
    assert_eq!(verified.secret_id, text("secret_id"));
    assert_eq!(verified.body_signed, !unsigned_payload);
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("vectors")
}

fn context(folder: &Path) -> Value {
    serde_json::from_slice(&fs::read(folder.join("context.json")).unwrap()).unwrap()
}
