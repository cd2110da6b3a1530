//! The signature of Tencent Cloud's object storage, COS, which is another one than that of the API.

use std::fmt::{self, Write as _};

use hmac::Hmac;
use sha1::{Digest, Sha1};
use zeroize::Zeroizing;

use crate::Credential;
use crate::key::hmac;

/// The parts of a request to COS that are signed, borrowed from the caller.
#[derive(Clone, Copy)]
#[expect(clippy::exhaustive_structs, reason = "callers make values of it")]
pub struct CosRequest<'a> {
    /// The HTTP method.
    pub method: &'a str,
    /// The path of the object before it is encoded for the URL, with a slash at its beginning.
    pub path: &'a str,
    /// The headers to sign, in any order, with any case. `host` belongs among them; the token of temporary keys travels in
    /// `x-cos-security-token` and need not.
    pub headers: &'a [(&'a str, &'a str)],
}

impl CosRequest<'_> {
    /// The value of the `Authorization` header: good for the seconds of `valid`, both since 1970-01-01 UTC.
    ///
    /// The query is not signed and must be empty, which is so when an object is put.
    #[must_use]
    pub fn authorization(&self, credential: &Credential, valid: (u64, u64)) -> String {
        let time = format!("{};{}", valid.0, valid.1);
        let mut headers: Vec<(String, String)> =
            self.headers.iter().map(|(name, value)| (encoded(name).to_lowercase(), encoded(value))).collect();
        headers.sort();
        let names: Vec<&str> = headers.iter().map(|(name, _)| name.as_str()).collect();
        let names = names.join(";");
        // The values of headers may be secret: the token is one of them.
        let pairs: Vec<_> = headers.iter().map(|(name, value)| Zeroizing::new(format!("{name}={value}"))).collect();
        let pairs: Vec<&str> = pairs.iter().map(|pair| pair.as_str()).collect();
        let pairs = Zeroizing::new(pairs.join("&"));

        let request = Zeroizing::new(format!("{}\n{}\n\n{}\n", self.method.to_lowercase(), self.path, pairs.as_str()));
        let to_sign = format!("sha1\n{time}\n{}\n", hex::encode(Sha1::digest(request.as_bytes())));
        // The key of the second HMAC is the hexadecimal text of the first.
        let key = Zeroizing::new(hex::encode(hmac::<Hmac<Sha1>>(credential.secret_key().as_bytes(), time.as_bytes())));
        let signature = hex::encode(hmac::<Hmac<Sha1>>(key.as_bytes(), to_sign.as_bytes()));
        format!(
            "q-sign-algorithm=sha1&q-ak={}&q-sign-time={time}&q-key-time={time}&q-header-list={names}\
             &q-url-param-list=&q-signature={signature}",
            credential.secret_id()
        )
    }
}

impl fmt::Debug for CosRequest<'_> {
    /// Shows the names of the headers only, because one of them may carry a token.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<&str> = self.headers.iter().map(|(name, _)| *name).collect();
        formatter
            .debug_struct("CosRequest")
            .field("method", &self.method)
            .field("path", &self.path)
            .field("headers", &names)
            .finish()
    }
}

/// Percent-encoding of everything but the unreserved characters of RFC 3986.
fn encoded(text: &str) -> String {
    let mut encoded = String::with_capacity(text.len());
    for byte in text.bytes() {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => encoded.push(char::from(byte)),
            _ => write!(encoded, "%{byte:02X}").expect("a String takes any text"),
        }
    }
    encoded
}
