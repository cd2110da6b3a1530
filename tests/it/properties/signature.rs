//! Signing: what is signed verifies, what is changed does not.

use proptest::prelude::*;
use vod_aigc_signer::{
    Authorization, BodyHash, CanonicalRequest, Credential, Received, Refusal, Request, Scope, Signer, SigningKey,
    StringToSign, TIMESTAMP_WINDOW, verify,
};

use super::cases;

const SERVICE: &str = "vod";

/// A request as it goes over the wire.
#[derive(Debug, Clone)]
struct Wire {
    method: String,
    path: String,
    query: String,
    headers: Vec<(String, String)>,
    body: Vec<u8>,
}

impl Wire {
    fn header(&mut self, name: &str) -> &mut String {
        &mut self.headers.iter_mut().find(|(other, _)| other == name).expect("the header is there").1
    }

    /// Verifies it against the key pair that signed it, or another.
    fn verify(&self, secret_key: &str, now: u64) -> Result<(), Refusal> {
        let headers: Vec<_> = self.headers.iter().map(|(name, value)| (name.as_str(), value.as_bytes())).collect();
        let received = Received {
            method: &self.method,
            path: &self.path,
            query: &self.query,
            headers: &headers,
            body: &self.body,
        };
        let known = credential(secret_key);
        verify(&received, SERVICE, now, |id| (id == known.secret_id()).then_some(known)).map(drop)
    }
}

fn credential(secret_key: &str) -> Credential {
    Credential::new("AKIDEXAMPLE", secret_key).unwrap().with_token("the-token").unwrap()
}

/// Signs by the four steps one by one, with no key kept.
fn signed_step_by_step(credential: &Credential, request: &CanonicalRequest, scope: Scope<'_>) -> Authorization {
    let signature = SigningKey::derive(credential, scope).sign(&StringToSign::new(scope, request));
    Authorization::new(credential.secret_id(), scope, request, &signature)
}

fn signed_headers(headers: &[(String, String)]) -> Vec<(&str, &str)> {
    headers.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect()
}

prop_compose! {
    fn wire()(
        body in prop::collection::vec(any::<u8>(), 0..64), path in "/[a-z]{0,4}", query in "([a-z]=[a-z0-9%]{0,4})?",
        others in prop::collection::btree_map("x-[a-z0-9]{1,8}", "[ -~]{0,12}", 0..3), timestamp in prop_oneof![86_400_u64..4_000_000_000, 86_400_u64..253_402_000_000], get: bool,
    ) -> (Wire, u64) {
        let mut headers = vec![
            ("host".to_owned(), "vod.tencentcloudapi.com".to_owned()),
            ("content-type".to_owned(), "application/json".to_owned()),
            ("x-tc-action".to_owned(), "DescribeTaskDetail".to_owned()),
        ];
        headers.extend(others.into_iter().filter(|(name, _)| !name.starts_with("x-tc")));
        let method = if get { "GET" } else { "POST" };
        let request = Request { method, path: &path, query: &query, headers: &signed_headers(&headers) };
        let request = CanonicalRequest::new(&request, &BodyHash::of(&body)).unwrap();
        let authorization = Signer::new().sign(&credential("the-key"), &request, Scope::new(timestamp, SERVICE).unwrap());
        headers.push(("x-tc-timestamp".to_owned(), timestamp.to_string()));
        headers.push(("x-tc-token".to_owned(), "the-token".to_owned()));
        headers.push(("authorization".to_owned(), authorization.into_string()));
        (Wire { method: method.to_owned(), path, query, headers, body }, timestamp)
    }
}

/// Replaces one part of the `Authorization` header.
fn claim(wire: &mut Wire, from: &str, to: &str) {
    let header = wire.header("authorization");
    let changed = header.replacen(from, to, 1);
    assert_ne!(&changed, header, "nothing was changed");
    *header = changed;
}

type Change = fn(&mut Wire);

/// Every single change that a verifier must notice.
const CHANGES: [(&str, Change); 16] = [
    ("method", |wire| wire.method = if wire.method == "GET" { "POST" } else { "GET" }.to_owned()),
    ("path", |wire| wire.path.push('x')),
    ("query", |wire| wire.query.push('x')),
    ("body", |wire| wire.body.push(b' ')),
    ("host", |wire| wire.header("host").push('x')),
    ("content type", |wire| wire.header("content-type").push('x')),
    ("action", |wire| wire.header("x-tc-action").push('x')),
    ("time", |wire| {
        let later = wire.header("x-tc-timestamp").parse::<u64>().unwrap() + 1;
        *wire.header("x-tc-timestamp") = later.to_string();
    }),
    ("token", |wire| wire.header("x-tc-token").push('x')),
    ("algorithm", |wire| claim(wire, "TC3-HMAC-SHA256", "TC3-HMAC-SHA512")),
    ("secret id", |wire| claim(wire, "Credential=AKID", "Credential=BKID")),
    ("scope's day", |wire| claim(wire, "Credential=AKIDEXAMPLE/", "Credential=AKIDEXAMPLE/1")),
    ("scope's service", |wire| claim(wire, "/vod/", "/cvm/")),
    ("scope's end", |wire| claim(wire, "/tc3_request", "/tc4_request")),
    ("list of headers", |wire| claim(wire, ";x-tc-action", "")),
    ("signature", |wire| {
        let header = wire.header("authorization");
        let last = header.pop().expect("it ends in a digit");
        header.push(if last == '0' { '1' } else { '0' });
    }),
];

proptest! {
    #![proptest_config(cases(64))]

    #[test]
    fn what_is_signed_verifies((wire, timestamp) in wire()) {
        prop_assert_eq!(wire.verify("the-key", timestamp), Ok(()));
    }

    #[test]
    fn a_single_change_is_refused((wire, timestamp) in wire()) {
        for (what, change) in CHANGES {
            let mut changed = wire.clone();
            change(&mut changed);
            prop_assert!(changed.verify("the-key", timestamp).is_err(), "another {} went unnoticed", what);
        }
        prop_assert!(wire.verify("the-kez", timestamp).is_err(), "another key went unnoticed");
    }

    #[test]
    fn a_changed_bit_of_the_body_is_refused((wire, timestamp) in wire(), at: prop::sample::Index, bit in 0_u8..8) {
        prop_assume!(!wire.body.is_empty());
        let mut changed = wire;
        let at = at.index(changed.body.len());
        changed.body[at] ^= 1 << bit;
        let refused = matches!(changed.verify("the-key", timestamp), Err(Refusal::Signature { .. }));
        prop_assert!(refused);
    }

    #[test]
    fn a_request_is_good_for_five_minutes_either_way((wire, timestamp) in wire(), off in 0_u64..700, late: bool) {
        let now = if late { timestamp + off } else { timestamp - off };
        prop_assert_eq!(wire.verify("the-key", now).is_ok(), off <= TIMESTAMP_WINDOW);
    }

    #[test]
    fn headers_in_any_order_and_case_sign_the_same((wire, _) in wire(), rotate in 0_usize..6, upper: bool) {
        let canonical = |headers: &[(String, String)]| {
            let hash = BodyHash::of(&wire.body);
            let request = Request { method: "POST", path: "/", query: "", headers: &signed_headers(headers) };
            CanonicalRequest::new(&request, &hash).unwrap().as_str().to_owned()
        };
        let mut moved = wire.headers.clone();
        let length = moved.len();
        moved.rotate_left(rotate % length);
        for (name, value) in &mut moved {
            if upper {
                *name = name.to_uppercase();
                *value = value.to_ascii_uppercase();
            }
            *value = format!(" \t{value} ");
        }
        prop_assert_eq!(canonical(&wire.headers), canonical(&moved));
    }

    #[test]
    fn the_canonical_form_of_a_canonical_form_is_itself((wire, _) in wire()) {
        let hash = BodyHash::of(&wire.body);
        let (method, path, query) = (wire.method.as_str(), wire.path.as_str(), wire.query.as_str());
        let once = CanonicalRequest::new(&Request { method, path, query, headers: &signed_headers(&wire.headers) }, &hash).unwrap();
        let lines: Vec<&str> = once.as_str().lines().collect();
        let headers: Vec<_> = lines[3..lines.len() - 3].iter().map(|line| line.split_once(':').unwrap()).collect();
        let twice = CanonicalRequest::new(&Request { method: lines[0], path: lines[1], query: lines[2], headers: &headers }, &hash).unwrap();
        prop_assert_eq!(twice.as_str(), once.as_str());
        prop_assert_eq!(twice.hash(), once.hash());
    }

    #[test]
    fn the_canonical_form_is_the_documented_one((wire, _) in wire()) {
        let hash = BodyHash::of(&wire.body);
        let request = Request { method: &wire.method, path: &wire.path, query: &wire.query, headers: &signed_headers(&wire.headers) };
        let found = CanonicalRequest::new(&request, &hash).unwrap();
        let mut headers: Vec<_> = wire.headers.iter().map(|(name, value)| (name.to_lowercase(), value.trim().to_lowercase())).collect();
        headers.sort();
        let lines: String = headers.iter().map(|(name, value)| format!("{name}:{value}\n")).collect();
        let names: Vec<_> = headers.iter().map(|(name, _)| name.as_str()).collect();
        let expected = format!("{}\n{}\n{}\n{lines}\n{}\n{}", wire.method, wire.path, wire.query, names.join(";"), hash.as_str());
        prop_assert_eq!(found.as_str(), expected);
    }

    #[test]
    fn kept_keys_sign_as_derived_ones_do(
        (mut wire, start) in wire(), host in "[A-Za-z0-9.:-]{1,80}", services in ["[a-z0-9._-]{1,63}", "vod"],
        keys in ["[!-~]{1,100}", "[!-~]{1,100}"],
        // Within three days, so that midnight is passed in both directions.
        signings in prop::collection::vec((0_u64..259_200, 0_usize..2, 0_usize..2), 1..20),
    ) {
        *wire.header("host") = host;
        let headers = signed_headers(&wire.headers);
        let request = Request { method: &wire.method, path: &wire.path, query: &wire.query, headers: &headers };
        let request = CanonicalRequest::new(&request, &BodyHash::of(&wire.body)).unwrap();
        let credentials = keys.map(|key| credential(&key));
        let signer = Signer::new();
        for (later, key, service) in signings {
            let scope = Scope::new(start + later, &services[service]).unwrap();
            let expected = signed_step_by_step(&credentials[key], &request, scope);
            prop_assert_eq!(signer.sign(&credentials[key], &request, scope), expected);
        }
    }

    #[test]
    fn any_authorization_is_refused_without_a_panic((wire, timestamp) in wire(), text: String, cut: prop::sample::Index) {
        let mut other = wire.clone();
        other.header("authorization").clone_from(&text);
        prop_assert!(other.verify("the-key", timestamp).is_err());
        let mut short = wire;
        let header = short.header("authorization");
        header.truncate(cut.index(header.len()));
        prop_assert!(short.verify("the-key", timestamp).is_err());
    }

    #[test]
    fn a_scope_names_the_utc_day_of_its_time(day in 0_u64..2_932_896, second in 0_u64..86_400) {
        let scope = Scope::new(day * 86_400 + second, SERVICE).unwrap();
        // Counted year by year and month by month.
        let is_leap = |year: u64| year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400));
        let (mut year, mut left) = (1970, day);
        while left >= 365 + u64::from(is_leap(year)) {
            left -= 365 + u64::from(is_leap(year));
            year += 1;
        }
        let lengths = [31, 28 + u64::from(is_leap(year)), 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];
        let mut month = 0;
        while left >= lengths[month] {
            left -= lengths[month];
            month += 1;
        }
        prop_assert_eq!(scope.date(), format!("{year:04}-{:02}-{:02}", month + 1, left + 1));
    }
}
