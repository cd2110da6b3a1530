//! The signature of object storage against requests that the vendor's own package has signed: see `cos/make.py`.
#![allow(clippy::unwrap_used, reason = "a vector that cannot be read must fail its test")]

use serde_json::Value;
use vod_aigc_signer::{CosRequest, Credential};

fn vectors() -> Vec<Value> {
    serde_json::from_str(include_str!("../cos/vectors.json")).unwrap()
}

fn authorization(vector: &Value, headers: &[(&str, &str)]) -> String {
    let text = |key: &str| vector[key].as_str().unwrap();
    let request = CosRequest { method: text("method"), path: text("path"), headers };
    let credential = Credential::new(text("secret_id"), text("secret_key")).unwrap();
    request.authorization(&credential, (vector["valid"][0].as_u64().unwrap(), vector["valid"][1].as_u64().unwrap()))
}

fn headers(vector: &Value) -> Vec<(&str, &str)> {
    vector["headers"]
        .as_object()
        .unwrap()
        .iter()
        .map(|(name, value)| (name.as_str(), value.as_str().unwrap()))
        .collect()
}

#[test]
fn it_signs_as_the_vendors_package_does() {
    let vectors = vectors();
    assert_eq!(vectors.len(), 4);
    for vector in &vectors {
        assert_eq!(authorization(vector, &headers(vector)), vector["authorization"].as_str().unwrap(), "{vector}");
    }
}

#[test]
fn the_order_of_the_headers_does_not_matter_and_their_values_do() {
    let vectors = vectors();
    let vector = vectors.iter().find(|vector| vector["name"] == "upload").unwrap();
    let mut headers = headers(vector);
    let expected = vector["authorization"].as_str().unwrap();
    headers.reverse();
    assert_eq!(authorization(vector, &headers), expected);
    for index in 0..headers.len() {
        let value = std::mem::replace(&mut headers[index].1, "another");
        assert_ne!(authorization(vector, &headers), expected, "{:?}", headers[index].0);
        headers[index].1 = value;
    }
}

#[test]
fn debug_shows_no_value_of_a_header() {
    let request = CosRequest { method: "PUT", path: "/a", headers: &[("x-cos-security-token", "canary")] };
    let text = format!("{request:?}");
    assert!(text.contains("x-cos-security-token") && !text.contains("canary"), "{text}");
}
