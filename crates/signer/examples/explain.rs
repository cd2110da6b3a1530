//! Prints every stage of one signature: `cargo run -p vod-aigc-signer --example explain`.
#![allow(clippy::print_stdout, reason = "printing is what the example is for")]

use std::error::Error;

use vod_aigc_signer::{
    Authorization, BodyHash, CanonicalRequest, Credential, Request, Scope, SigningKey, StringToSign,
};

fn main() -> Result<(), Box<dyn Error>> {
    let credential = Credential::new("AKIDEXAMPLE", "not-a-real-key")?;
    let scope = Scope::new(1_764_072_000, "vod")?;
    let request = Request {
        method: "POST",
        path: "/",
        query: "",
        headers: &[("content-type", "application/json"), ("host", "vod.tencentcloudapi.com")],
    };
    let canonical_request = CanonicalRequest::new(&request, &BodyHash::of(br#"{"TaskId":"1-AigcVideoTask-2"}"#))?;
    let string_to_sign = StringToSign::new(scope, &canonical_request);
    let signature = SigningKey::derive(&credential, scope).sign(&string_to_sign);
    let authorization = Authorization::new(credential.secret_id(), scope, &canonical_request, &signature);

    println!("canonical request\n-----------------\n{}\n", canonical_request.as_str());
    println!("its hash\n--------\n{}\n", canonical_request.hash());
    println!("string to sign\n--------------\n{}\n", string_to_sign.as_str());
    println!("signature\n---------\n{}\n", signature.as_str());
    println!("authorization\n-------------\n{}", authorization.as_str());
    Ok(())
}
