//! `vod-aigc sign`: every stage of one signature, to compare with a request that the service refuses.

use std::path::PathBuf;

use clap::Args;
use serde::Serialize;
use vod_aigc_client::transport::signer::{
    Authorization, BodyHash, CanonicalRequest, Request, Scope, SigningKey, StringToSign,
};

use crate::failure::Failure;
use crate::{print, print_json, read_input, settings};

const CONTENT_TYPE: &str = "application/json";

/// Sign one POST of JSON to `/`. The keys come from the environment.
#[derive(Debug, Args)]
pub(crate) struct Sign {
    /// The action, the value of X-TC-Action
    #[arg(long)]
    action: String,
    /// The service in the credential scope
    #[arg(long, default_value = "vod")]
    service: String,
    /// The value of the Host header
    #[arg(long)]
    host: String,
    /// The value of X-TC-Timestamp: seconds since 1970-01-01 UTC
    #[arg(long)]
    timestamp: u64,
    /// The file with the body; - is standard input
    #[arg(long, value_name = "FILE")]
    body: PathBuf,
    /// The signed headers, separated by ';': content-type and host, and any of x-tc-action, x-tc-timestamp, x-tc-token
    #[arg(long, default_value = "content-type;host", value_name = "NAMES")]
    signed_headers: String,
    /// Sign UNSIGNED-PAYLOAD in place of the body's hash
    #[arg(long)]
    unsigned_payload: bool,
    /// Explain each stage to a person (what is printed without --json)
    #[arg(long, conflicts_with = "json")]
    explain: bool,
}

#[derive(Serialize)]
struct Stages<'a> {
    canonical_request: &'a str,
    hashed_canonical_request: &'a str,
    string_to_sign: &'a str,
    signature: &'a str,
    authorization: &'a str,
}

impl Sign {
    pub(crate) fn run(self, json: bool) -> Result<(), Failure> {
        let credential = settings::credential()?;
        let body = read_input(&self.body)?;
        let timestamp = self.timestamp.to_string();
        let mut headers = Vec::new();
        for name in self.signed_headers.split(';').map(str::trim).filter(|name| !name.is_empty()) {
            let value = match name.to_ascii_lowercase().as_str() {
                "content-type" => CONTENT_TYPE,
                "host" => self.host.as_str(),
                "x-tc-action" => self.action.as_str(),
                "x-tc-timestamp" => timestamp.as_str(),
                "x-tc-token" => credential.token().ok_or_else(|| Failure::usage("there is no token to sign"))?,
                _ => {
                    return Err(Failure::usage(format!(
                        "{name:?} cannot be signed here; choose from content-type, host, x-tc-action, x-tc-timestamp, x-tc-token"
                    )));
                }
            };
            headers.push((name, value));
        }
        let body_hash = if self.unsigned_payload { BodyHash::unsigned() } else { BodyHash::of(&body) };
        let request = Request { method: "POST", path: "/", query: "", headers: &headers };
        let canonical_request =
            CanonicalRequest::new(&request, &body_hash).map_err(|error| Failure::usage(error.to_string()))?;
        let scope = Scope::new(self.timestamp, &self.service).map_err(|error| Failure::usage(error.to_string()))?;
        let string_to_sign = StringToSign::new(scope, &canonical_request);
        let signature = SigningKey::derive(&credential, scope).sign(&string_to_sign);
        let authorization = Authorization::new(credential.secret_id(), scope, &canonical_request, &signature);
        let stages = Stages {
            canonical_request: canonical_request.as_str(),
            hashed_canonical_request: canonical_request.hash(),
            string_to_sign: string_to_sign.as_str(),
            signature: signature.as_str(),
            authorization: authorization.as_str(),
        };
        if json {
            return print_json(&stages);
        }
        print(format_args!(
            "1. The canonical request: method, path, query, headers, names of the headers, hash of the body.\n\n\
             {}\n\n\
             2. Its SHA-256, in hexadecimal.\n\n\
             {}\n\n\
             3. The string to sign: algorithm, time, scope, and that hash.\n\n\
             {}\n\n\
             4. The signature: HMAC-SHA256 of it, under a key derived from the secret key by {}, {} and tc3_request.\n\n\
             {}\n\n\
             5. The header.\n\n\
             Authorization: {}",
            stages.canonical_request,
            stages.hashed_canonical_request,
            stages.string_to_sign,
            scope.date(),
            scope.service(),
            stages.signature,
            stages.authorization,
        ))
    }
}
