//! The signer: kept hashes and keys sign any request exactly as the documentation's four steps do.
#![no_main]

use libfuzzer_sys::arbitrary::{self, Arbitrary};
use libfuzzer_sys::fuzz_target;
use vod_aigc_signer::{
    Authorization, BodyHash, CanonicalRequest, Credential, Request, Scope, Signer, SigningKey, StringToSign, Template,
};

#[derive(Debug, Arbitrary)]
struct Input<'a> {
    signings: Vec<Signing>,
    start: u64,
    method: &'a str,
    path: &'a str,
    query: &'a str,
    host: &'a str,
    content_type: &'a str,
    headers: Vec<(&'a str, &'a str)>,
    bodies: [&'a [u8]; 2],
    pairs: [(&'a str, &'a str); 2],
    services: [&'a str; 2],
}

#[derive(Debug, Arbitrary)]
struct Signing {
    /// In seconds: up to some nine hours, so that a few of them pass midnight, in either direction.
    later: i16,
    body: bool,
    pair: bool,
    service: bool,
}

fuzz_target!(|input: Input<'_>| {
    let mut headers = input.headers;
    headers.retain(|(name, _)| !["content-type", "host"].iter().any(|it| it.eq_ignore_ascii_case(name)));
    headers.extend([("Content-Type", input.content_type), ("host", input.host)]);
    let request = Request { method: input.method, path: input.path, query: input.query, headers: &headers };
    let bodies = input.bodies.map(BodyHash::of);
    let canonical = bodies.each_ref().map(|body| CanonicalRequest::new(&request, body));
    let template = match Template::new(&request) {
        Ok(template) => template,
        Err(error) => return assert_eq!(canonical[0].as_ref().err(), Some(&error)),
    };
    let canonical = canonical.map(|canonical| canonical.expect("it has a template"));
    let hashes = bodies.each_ref().map(|body| template.hash(body));
    for (hash, canonical) in hashes.iter().zip(&canonical) {
        assert_eq!((hash.as_str(), hash.signed_headers()), (canonical.hash(), canonical.signed_headers()));
    }

    let credentials = input.pairs.map(|(id, key)| {
        Credential::new(id, key).unwrap_or_else(|_| Credential::new("AKIDEXAMPLE", "key").expect("a valid pair"))
    });
    let signer = Signer::new();
    let mut time = input.start % 253_402_300_800;
    for signing in input.signings {
        time = time.saturating_add_signed(signing.later.into()).min(253_402_300_799);
        let scope = Scope::new(time, input.services[usize::from(signing.service)]);
        let scope = scope.unwrap_or_else(|_| Scope::new(time, "vod").expect("a valid service"));
        let (credential, body) = (&credentials[usize::from(signing.pair)], usize::from(signing.body));
        let signature = SigningKey::derive(credential, scope).sign(&StringToSign::new(scope, &canonical[body]));
        let plain = Authorization::new(credential.secret_id(), scope, &canonical[body], &signature);
        assert_eq!(signer.sign(credential, &hashes[body], scope), plain);
    }
});
