//! Signing as others do it. The peers keep the function private, so that its steps are written out as they stand there.

use std::hint::black_box;
use std::time::{Duration, UNIX_EPOCH};

use aws_credential_types::Credentials;
use aws_sigv4::http_request::{SignableBody, SignableRequest, SigningSettings, sign};
use aws_sigv4::sign::v4;
use hmac::{Hmac, KeyInit, Mac};
use sha2::{Digest, Sha256};
use time::OffsetDateTime;
use time::macros::format_description;
use vod_aigc_bench::material::{CREATE, HOST, SECRET_ID, SECRET_KEY, TIME};
use vod_aigc_bench::worker::Way;

use crate::{TENCENTCLOUD, TENCENTCLOUD_SDK};

/// They sign a body again as they sign it first, and so stand beside ours in both.
pub fn ways() -> Vec<Way> {
    let mut ways = Vec::new();
    for work in ["sign first", "sign again"] {
        let body = || black_box(CREATE).as_bytes();
        ways.push(Way::plain(work, TENCENTCLOUD, move || tencentcloud(body(), HOST, black_box(TIME))));
        ways.push(Way::plain(work, TENCENTCLOUD_SDK, move || tencentcloud_sdk(body(), black_box(TIME))));
        ways.push(Way::plain(work, "hmac, sha2, hex and format!", move || usual(body(), HOST, black_box(TIME))));
        ways.push(Way::plain(work, "aws-sigv4 1.6", move || aws(CREATE.as_bytes(), black_box(TIME))));
    }
    ways
}

fn hmac_sha256(key: &[u8], message: &[u8]) -> [u8; 32] {
    let mut mac = Hmac::<Sha256>::new_from_slice(key).expect("a key of any length");
    mac.update(message);
    mac.finalize().into_bytes().into()
}

/// src/tc3_hmac.rs of crate tencentcloud 0.3.0.
pub fn tencentcloud(body: &[u8], host: &str, timestamp: u64) -> String {
    let now = OffsetDateTime::from_unix_timestamp(timestamp as i64).expect("a time");
    let canonical_headers = format!("content-type:application/json; charset=utf-8\nhost:{host}\n");
    let hashed_payload = hex::encode(Sha256::digest(body));
    let canonical_request = format!("POST\n/\n\n{canonical_headers}\ncontent-type;host\n{hashed_payload}");
    let date = now.format(format_description!("[year]-[month]-[day]")).expect("a date");
    let scope = format!("{date}/vod/tc3_request");
    let hashed_request = hex::encode(Sha256::digest(canonical_request));
    let string_to_sign = format!("TC3-HMAC-SHA256\n{timestamp}\n{scope}\n{hashed_request}");
    let key = format!("TC3{SECRET_KEY}");
    let date_key = hmac_sha256(key.as_bytes(), date.as_bytes());
    let service_key = hmac_sha256(&date_key, b"vod");
    let signing_key = hmac_sha256(&service_key, b"tc3_request");
    let signature = hex::encode(hmac_sha256(&signing_key, string_to_sign.as_bytes()));
    format!("TC3-HMAC-SHA256 Credential={SECRET_ID}/{scope},SignedHeaders=content-type;host,Signature={signature}")
}

/// src/signing.rs of crate tencentcloud-sdk-foundation 0.2.1.
fn tencentcloud_sdk(body: &[u8], timestamp: u64) -> reqwest::header::HeaderValue {
    const CONTENT_TYPE: &str = "application/json; charset=utf-8";
    const SIGNED_HEADERS: &str = "content-type;host;x-tc-action";
    let date = OffsetDateTime::from_unix_timestamp(timestamp as i64).expect("a time").date().to_string();
    let canonical = format!(
        "POST\n/\n\ncontent-type:{CONTENT_TYPE}\nhost:{HOST}\nx-tc-action:{}\n\n{SIGNED_HEADERS}\n{}",
        "CreateAigcVideoTask".to_ascii_lowercase(),
        digits(&Sha256::digest(body)),
    );
    let scope = format!("{date}/vod/tc3_request");
    let string_to_sign =
        format!("TC3-HMAC-SHA256\n{timestamp}\n{scope}\n{}", digits(&Sha256::digest(canonical.as_bytes())));
    let date_key = hmac_sha256(format!("TC3{SECRET_KEY}").as_bytes(), date.as_bytes());
    let service_key = hmac_sha256(&date_key, b"vod");
    let signing_key = hmac_sha256(&service_key, b"tc3_request");
    let signature = digits(&hmac_sha256(&signing_key, string_to_sign.as_bytes()));
    let mut header = reqwest::header::HeaderValue::from_str(&format!(
        "TC3-HMAC-SHA256 Credential={SECRET_ID}/{scope}, SignedHeaders={SIGNED_HEADERS}, Signature={signature}"
    ))
    .expect("a header");
    header.set_sensitive(true);
    header
}

fn digits(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let mut output = String::with_capacity(bytes.len() * 2);
    for byte in bytes {
        output.push(char::from(DIGITS[usize::from(byte >> 4)]));
        output.push(char::from(DIGITS[usize::from(byte & 15)]));
    }
    output
}

/// What the documentation says, put down plainly: the way of most examples.
pub fn usual(body: &[u8], host: &str, timestamp: u64) -> String {
    let sha256_hex = |text: &[u8]| hex::encode(Sha256::digest(text));
    let action = "CreateAigcVideoTask".to_lowercase();
    let signed_headers = "content-type;host;x-tc-action".to_string();
    let canonical_headers = format!("content-type:{}\nhost:{host}\nx-tc-action:{action}\n", "application/json");
    let canonical_request =
        format!("{}\n{}\n{}\n{canonical_headers}\n{signed_headers}\n{}", "POST", "/", "", sha256_hex(body));
    let date = OffsetDateTime::from_unix_timestamp(timestamp as i64).expect("a time").date().to_string();
    let scope = format!("{date}/{}/tc3_request", "vod");
    let string_to_sign =
        format!("{}\n{timestamp}\n{scope}\n{}", "TC3-HMAC-SHA256", sha256_hex(canonical_request.as_bytes()));
    let date_key = hmac_sha256(format!("TC3{SECRET_KEY}").as_bytes(), date.as_bytes()).to_vec();
    let service_key = hmac_sha256(&date_key, b"vod").to_vec();
    let signing_key = hmac_sha256(&service_key, b"tc3_request").to_vec();
    let signature = hex::encode(hmac_sha256(&signing_key, string_to_sign.as_bytes()));
    format!(
        "{} Credential={SECRET_ID}/{scope}, SignedHeaders={signed_headers}, Signature={signature}",
        "TC3-HMAC-SHA256"
    )
}

/// The signature of AWS, which is built the same way.
fn aws(body: &[u8], timestamp: u64) -> String {
    let identity = Credentials::from_keys(SECRET_ID, SECRET_KEY, None).into();
    let parameters = v4::SigningParams::builder()
        .identity(&identity)
        .region("ap-guangzhou")
        .name("vod")
        .time(UNIX_EPOCH + Duration::from_secs(timestamp))
        .settings(SigningSettings::default())
        .build()
        .expect("parameters")
        .into();
    let headers = [("content-type", "application/json"), ("x-tc-action", "CreateAigcVideoTask")];
    let request =
        SignableRequest::new("POST", format!("https://{HOST}/"), headers.into_iter(), SignableBody::Bytes(body));
    let (instructions, _) = sign(request.expect("a request"), &parameters).expect("a signature").into_parts();
    let (headers, _) = instructions.into_parts();
    headers.into_iter().find(|header| header.name() == "authorization").expect("a header").value().to_owned()
}
