//! Verification accepts what was signed and nothing that was changed afterwards.
#![allow(clippy::unwrap_used, reason = "the fixture is valid")]

use vod_aigc_signer::{
    BodyHash, CanonicalRequest, Credential, InvalidRequest, Received, Refusal, Request, Scope, Signer, Verified, verify,
};

const NOW: u64 = 1_764_072_000;
const SIGNED: [&str; 3] = ["content-type", "host", "x-tc-action"];

/// A signed request whose every field a test can change.
#[derive(Clone)]
struct Message {
    method: String,
    path: String,
    query: String,
    headers: Vec<(String, String)>,
    body: Vec<u8>,
}

impl Message {
    fn signed_with(body_hash: &BodyHash, more: &[(&str, &str)]) -> Self {
        let mut headers = vec![
            ("Content-Type", "application/json"),
            ("Host", "127.0.0.1:8080"),
            ("X-TC-Action", "CreateAigcVideoTask"),
            ("X-TC-Timestamp", "1764072000"),
        ];
        headers.extend_from_slice(more);
        let signed = &headers[..SIGNED.len()];
        let request = Request { method: "POST", path: "/", query: "", headers: signed };
        let request = CanonicalRequest::new(&request, body_hash).unwrap();
        let authorization = Signer::new().sign(&credential(), &request, Scope::new(NOW, "vod").unwrap());
        headers.push(("Authorization", authorization.as_str()));
        Self {
            method: "POST".to_owned(),
            path: "/".to_owned(),
            query: String::new(),
            headers: headers.into_iter().map(|(name, value)| (name.to_owned(), value.to_owned())).collect(),
            body: body().to_vec(),
        }
    }

    fn signed() -> Self {
        Self::signed_with(&BodyHash::of(body()), &[])
    }

    fn header(&mut self, name: &str) -> &mut String {
        &mut self.headers.iter_mut().find(|(other, _)| other == name).expect("the header is there").1
    }

    fn replace(&mut self, name: &str, from: &str, to: &str) {
        let value = self.header(name);
        assert!(value.contains(from), "{value} does not contain {from}");
        *value = value.replace(from, to);
    }

    fn verify_at(&self, now: u64) -> Result<Verified, Refusal> {
        let headers: Vec<(&str, &[u8])> =
            self.headers.iter().map(|(name, value)| (name.as_str(), value.as_bytes())).collect();
        let received = Received {
            method: &self.method,
            path: &self.path,
            query: &self.query,
            headers: &headers,
            body: &self.body,
        };
        verify(&received, "vod", now, |secret_id| match secret_id {
            "AKIDONE" => Some(credential()),
            "AKIDTWO" => Some(Credential::new("AKIDTWO", "canary-other-key").unwrap()),
            _ => None,
        })
    }
}

fn body() -> &'static [u8] {
    br#"{"Prompt":"a cat"}"#
}

fn credential() -> Credential {
    Credential::new("AKIDONE", "canary-key").unwrap()
}

/// Changes one field of a valid request and returns how it is refused.
fn refusal(change: impl FnOnce(&mut Message)) -> Refusal {
    let mut message = Message::signed();
    message.verify_at(NOW).expect("the unchanged request is valid");
    change(&mut message);
    let refusal = message.verify_at(NOW).expect_err("a changed request must be refused");
    assert!(!format!("{refusal} {refusal:?}").contains("canary"), "{refusal:?}");
    refusal
}

#[test]
fn what_was_signed_verifies() {
    let verified = Message::signed().verify_at(NOW).unwrap();
    assert_eq!(verified.secret_id, "AKIDONE");
    assert_eq!(verified.timestamp, NOW);
    assert_eq!(verified.signed_headers, SIGNED);
    assert!(verified.body_signed);
}

#[test]
fn a_change_of_any_signed_field_is_a_wrong_signature() {
    let changes: [fn(&mut Message); 11] = [
        |message| message.method = "PUT".to_owned(),
        |message| message.path = "/other".to_owned(),
        |message| message.query = "a=b".to_owned(),
        |message| message.replace("Content-Type", "json", "json; charset=utf-8"),
        |message| message.replace("Host", "8080", "8081"),
        |message| message.replace("X-TC-Action", "Create", "Delete"),
        |message| message.body[12] ^= 1,
        |message| message.body.clear(),
        |message| message.replace("X-TC-Timestamp", "2000", "2001"),
        |message| message.replace("Authorization", "AKIDONE", "AKIDTWO"),
        |message| message.replace("Authorization", ";x-tc-action", ""),
    ];
    for (index, change) in changes.into_iter().enumerate() {
        let refusal = refusal(change);
        assert!(matches!(refusal, Refusal::Signature { .. }), "change {index}: {refusal:?}");
        assert_eq!(refusal.code(), "AuthFailure.SignatureFailure");
    }
}

#[test]
fn every_changed_digit_of_the_signature_is_refused() {
    for position in 0..64 {
        let refusal = refusal(|message| {
            let value = message.header("Authorization");
            let index = value.len() - 64 + position;
            let other = if value.as_bytes()[index] == b'0' { "1" } else { "0" };
            value.replace_range(index..=index, other);
        });
        assert!(matches!(refusal, Refusal::Signature { .. }), "{refusal:?}");
    }
}

#[test]
fn a_scope_of_another_day_or_service_is_refused() {
    assert_eq!(refusal(|message| message.replace("Authorization", "2025-11-25", "2025-11-24")), Refusal::Scope);
    assert_eq!(refusal(|message| message.replace("Authorization", "/vod/", "/cvm/")), Refusal::Scope);
}

#[test]
fn an_unknown_secret_id_is_named() {
    let refusal = refusal(|message| message.replace("Authorization", "AKIDONE", "AKIDNONE"));
    assert_eq!(refusal, Refusal::UnknownSecretId("AKIDNONE".to_owned()));
    assert_eq!(refusal.code(), "AuthFailure.SecretIdNotFound");
}

#[test]
fn the_timestamp_may_differ_by_300_seconds_and_no_more() {
    let message = Message::signed();
    for now in [NOW - 300, NOW + 300] {
        message.verify_at(now).expect("inside the window");
    }
    for now in [NOW - 301, NOW + 301] {
        let refusal = message.verify_at(now).expect_err("outside the window");
        assert_eq!(refusal, Refusal::Expired { timestamp: NOW, now });
        assert_eq!(refusal.code(), "AuthFailure.SignatureExpire");
    }
}

#[test]
fn a_timestamp_that_is_no_number_is_refused() {
    for text in ["", "-1", "1764072000.0", "999999999999999999999999", "now"] {
        assert_eq!(
            refusal(|message| *message.header("X-TC-Timestamp") = text.to_owned()),
            Refusal::Timestamp,
            "{text}"
        );
    }
}

#[test]
fn a_malformed_authorization_is_refused() {
    let changes: [(&str, &str); 12] = [
        ("TC3-HMAC-SHA256", "TC3-HMAC-SM3"),
        ("TC3-HMAC-SHA256 ", ""),
        ("Credential=", "credential="),
        ("AKIDONE", ""),
        ("/tc3_request", "/aws4_request"),
        ("/tc3_request", "/tc3_request/more"),
        ("/vod/", "/"),
        ("SignedHeaders=", "Headers="),
        ("content-type;host", "host;content-type"),
        ("content-type;", "content-type;content-type;"),
        ("content-type;host", "Content-Type;host"),
        ("Signature=", "Signature=0"),
    ];
    for (from, to) in changes {
        let refusal = refusal(|message| message.replace("Authorization", from, to));
        assert!(matches!(refusal, Refusal::Malformed(_)), "{from} -> {to}: {refusal:?}");
        assert_eq!(refusal.code(), "AuthFailure.InvalidAuthorization");
    }
    let upper_case = refusal(|message| {
        let value = message.header("Authorization");
        let start = value.len() - 64;
        value[start..].make_ascii_uppercase();
    });
    assert!(matches!(upper_case, Refusal::Malformed(_)), "{upper_case:?}");
    assert!(matches!(refusal(|message| message.header("Authorization").push_str(", More=1")), Refusal::Malformed(_)));
}

#[test]
fn content_type_and_host_must_be_signed() {
    let refusal_of = |from: &str, to: &str| refusal(|message| message.replace("Authorization", from, to));
    assert_eq!(refusal_of("content-type;", ""), Refusal::UnsignedHeader("content-type"));
    assert_eq!(refusal_of(";host", ""), Refusal::UnsignedHeader("host"));
}

#[test]
fn a_missing_or_repeated_header_is_named() {
    for name in ["Content-Type", "Host", "X-TC-Action", "X-TC-Timestamp", "Authorization"] {
        let missing = refusal(|message| message.headers.retain(|(other, _)| other != name));
        assert_eq!(missing, Refusal::MissingHeader(name.to_ascii_lowercase()));
        let repeated = refusal(|message| message.headers.push((name.to_ascii_uppercase(), "again".to_owned())));
        assert_eq!(repeated, Refusal::DuplicateHeader(name.to_ascii_lowercase()));
    }
}

#[test]
fn an_unsigned_payload_leaves_the_body_open_but_not_the_headers() {
    let unsigned = [("X-TC-Content-SHA256", "UNSIGNED-PAYLOAD")];
    let mut message = Message::signed_with(&BodyHash::unsigned(), &unsigned);
    assert!(!message.verify_at(NOW).unwrap().body_signed);
    message.body = b"anything".to_vec();
    message.verify_at(NOW).expect("the body is not covered");
    message.replace("Host", "8080", "8081");
    assert!(matches!(message.verify_at(NOW), Err(Refusal::Signature { .. })));
}

#[test]
fn the_unsigned_payload_header_cannot_be_added_or_removed_later() {
    let added =
        refusal(|message| message.headers.push(("X-TC-Content-SHA256".to_owned(), "UNSIGNED-PAYLOAD".to_owned())));
    assert!(matches!(added, Refusal::Signature { .. }));
    let mut message = Message::signed_with(&BodyHash::unsigned(), &[("X-TC-Content-SHA256", "UNSIGNED-PAYLOAD")]);
    message.headers.retain(|(name, _)| name != "X-TC-Content-SHA256");
    assert!(matches!(message.verify_at(NOW), Err(Refusal::Signature { .. })));
}

#[test]
fn temporary_keys_need_their_token() {
    let verify_with = |more: &[(&str, &str)]| {
        let message = Message::signed_with(&BodyHash::of(body()), more);
        let headers: Vec<(&str, &[u8])> =
            message.headers.iter().map(|(name, value)| (name.as_str(), value.as_bytes())).collect();
        let received = Received { method: "POST", path: "/", query: "", headers: &headers, body: body() };
        verify(&received, "vod", NOW, |_| Some(credential().with_token("canary-token").unwrap()))
    };
    verify_with(&[("X-TC-Token", "canary-token")]).expect("the token is the right one");
    for wrong in [&[][..], &[("X-TC-Token", "canary-tokem")], &[("X-TC-Token", "canary-token-longer")]] {
        let refusal = verify_with(wrong).expect_err("the token is missing or wrong");
        assert_eq!(refusal, Refusal::Token);
        assert_eq!(refusal.code(), "AuthFailure.TokenFailure");
    }
}

#[test]
fn header_order_and_case_do_not_matter_when_signing() {
    let hash = BodyHash::of(b"");
    let canonical = |headers: &[(&str, &str)]| {
        CanonicalRequest::new(&Request { method: "POST", path: "", query: "", headers }, &hash).unwrap()
    };
    let ordered = canonical(&[("content-type", "a"), ("host", "b")]);
    assert_eq!(canonical(&[("Host", " B "), ("Content-Type", "\tA")]).as_str(), ordered.as_str());
}

#[test]
fn a_request_that_cannot_be_signed_says_why() {
    let error = |path: &str, headers: &[(&str, &str)]| {
        let request = Request { method: "POST", path, query: "", headers };
        CanonicalRequest::new(&request, &BodyHash::of(b"")).unwrap_err()
    };
    let (content_type, host) = (("content-type", "a"), ("host", "b"));
    assert_eq!(error("/", &[host]), InvalidRequest::MissingHeader("content-type"));
    assert_eq!(error("/", &[content_type]), InvalidRequest::MissingHeader("host"));
    assert_eq!(error("/", &[content_type, host, ("HOST", "c")]), InvalidRequest::DuplicateHeader("host".to_owned()));
    assert_eq!(error("/", &[content_type, host, ("x y", "")]), InvalidRequest::HeaderName("x y".to_owned()));
    assert_eq!(error("/\n", &[content_type, host]), InvalidRequest::Part("path"));
    let hidden = error("/", &[content_type, host, ("x-tc-token", "canary\n")]);
    assert_eq!(hidden, InvalidRequest::HeaderValue("x-tc-token".to_owned()));
    assert!(!format!("{hidden} {hidden:?}").contains("canary"));
}

#[test]
fn debug_of_requests_shows_names_and_no_header_values() {
    let hash = BodyHash::of(b"");
    let headers = [("content-type", "a"), ("host", "b"), ("x-tc-token", "canary-token")];
    let request = Request { method: "POST", path: "/", query: "", headers: &headers };
    let canonical = CanonicalRequest::new(&request, &hash).unwrap();
    let bytes = headers.map(|(name, value)| (name, value.as_bytes()));
    let received = Received { method: "POST", path: "/", query: "", headers: &bytes, body: b"" };
    let text = format!("{request:?} {canonical:?} {received:?}");
    assert!(!text.contains("canary"), "{text}");
    assert_eq!(text.matches("x-tc-token").count(), 3, "{text}");
    assert!(text.contains(canonical.hash()) && text.contains("POST"), "{text}");
}
