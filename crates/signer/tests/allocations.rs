//! What signing takes from the heap: the header's value and nothing else.
#![allow(clippy::unwrap_used, reason = "the fixture is valid")]

use allocation_counter::measure;
use vod_aigc_signer::{BodyHash, Credential, Request, Scope, Signer, Template};

const NOON: u64 = 1_764_072_000;

#[test]
fn a_signature_under_a_known_key_is_one_allocation_of_exactly_its_length() {
    let credential = Credential::new("AKIDEXAMPLE", "not-a-real-key").unwrap();
    let template = Template::new(&Request {
        method: "POST",
        path: "/",
        query: "",
        headers: &[
            ("content-type", "application/json"),
            ("host", "vod.tencentcloudapi.com"),
            ("x-tc-action", "CreateAigcVideoTask"),
        ],
    })
    .unwrap();
    let signer = Signer::new();
    let body = [b' '; 600];
    let request = template.hash(&BodyHash::of(&body));
    let known = signer.sign(&credential, &request, Scope::new(NOON, "vod").unwrap());

    for second in 1..10 {
        let scope = Scope::new(NOON + second, "vod").unwrap();
        let again = measure(|| drop(signer.sign(&credential, &request, scope)));
        let first = measure(|| drop(signer.sign(&credential, &template.hash(&BodyHash::of(&body)), scope)));
        for counted in [again, first] {
            assert_eq!(counted.count_total, 1, "{counted:?}");
            assert_eq!(counted.bytes_total, known.as_str().len() as u64, "{counted:?}");
        }
    }
}
