//! Object storage: one PUT, whose signature is rebuilt from the bytes that came.

use std::fmt::Write as _;
use std::time::SystemTime;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit, Mac};
use md5::Md5;
use sha1::{Digest, Sha1};
use vod_aigc_signer::Received;

use crate::exchange::{Reply, header};
use crate::fault::{Fault, RequestEffect};
use crate::state::{State, locked};
use crate::store::Store;
use crate::upload::{Stored, TemporaryKeys};

/// The largest object that is kept: the emulator's own limit, because it keeps them in memory.
pub(crate) const LARGEST_OBJECT: usize = 256 * 1024 * 1024;

/// Where object storage begins, the bucket and the key of the object following.
pub(crate) const ROOT: &str = "/cos/";

/// What storage answers instead of taking an object: status, code, message.
pub(crate) struct Refused(u16, &'static str, &'static str);

impl Refused {
    pub(crate) fn reply(&self) -> Reply {
        refusal(self.0, self.1, self.2)
    }
}

/// The reply to a PUT of an object.
pub(crate) fn put(state: &State, received: &Received<'_>, now: SystemTime, faults: &[Fault]) -> Reply {
    let outcome = if faults.iter().all(|fault| fault.request_effect() == RequestEffect::Applied) {
        take(state, received, now)
    } else {
        Ok(Reply::new(200, "application/xml", ""))
    };
    for fault in faults {
        if let Fault::Error { code, .. } = fault {
            return refusal(403, code, "the emulator was asked to answer with this error");
        }
    }
    outcome.unwrap_or_else(|refused| refused.reply())
}

fn take(state: &State, received: &Received<'_>, now: SystemTime) -> Result<Reply, Refused> {
    if received.body.len() > LARGEST_OBJECT {
        return Err(TOO_LARGE);
    }
    let digest = Md5::digest(received.body);
    let mut store = locked(&state.store);
    let stored = stored(&mut store, received, now)?;
    if header(received, "content-md5").is_some_and(|given| given != STANDARD.encode(digest).as_bytes()) {
        return Err(Refused(400, "BadDigest", "Content-MD5 is not that of the body"));
    }
    if stored.upload.file_id.is_some() {
        return Err(Refused(403, "AccessDenied", "the upload has been committed; apply for another"));
    }
    stored.upload.object = Some(received.body.to_vec().into());
    Ok(Reply::new(200, "application/xml", "").with("etag", format!("\"{}\"", hexadecimal(&digest))))
}

/// The upload of a request, if its signature is right. It covers no body.
fn stored<'a>(store: &'a mut Store, received: &Received<'_>, now: SystemTime) -> Result<&'a mut Stored, Refused> {
    let path = decoded(received.path);
    let stored = store.uploads.at(path.strip_prefix(ROOT).unwrap_or_default()).ok_or(Refused(
        404,
        "NoSuchKey",
        "nobody has applied for an upload to this place",
    ))?;
    verify(received, &path, &stored.keys, now)?;
    Ok(stored)
}

/// Why a request is refused whatever its body is.
pub(crate) fn refuse_head(state: &State, received: &Received<'_>, now: SystemTime) -> Option<Reply> {
    stored(&mut locked(&state.store), received, now).err().map(|refused| refused.reply())
}

const TOO_LARGE: Refused = Refused(400, "EntityTooLarge", "the emulator keeps objects of at most 256 MiB");

/// The reply to a request whose body was too large to be kept.
pub(crate) fn refuse_size() -> Reply {
    TOO_LARGE.reply()
}

fn refusal(status: u16, code: &str, message: &str) -> Reply {
    Reply::new(status, "application/xml", format!("<Error><Code>{code}</Code><Message>{message}</Message></Error>"))
}

/// Checks the signature of a request to `path`, which is decoded.
fn verify(received: &Received<'_>, path: &str, keys: &TemporaryKeys, now: SystemTime) -> Result<(), Refused> {
    const DENIED: Refused = Refused(403, "AccessDenied", "the Authorization header is missing or not understood");
    let text = |name: &str| header(received, name).and_then(|value| str::from_utf8(value).ok());
    let authorization = text("authorization").ok_or(DENIED)?;
    let member = |name: &str| {
        authorization
            .split('&')
            .filter_map(|pair| pair.split_once('='))
            .find(|(it, _)| *it == name)
            .map(|(_, value)| value)
    };
    let given = |name: &str| member(name).ok_or(DENIED);

    if given("q-sign-algorithm")? != "sha1" || given("q-sign-time")? != given("q-key-time")? {
        return Err(DENIED);
    }
    if given("q-ak")? != keys.secret_id || text("x-cos-security-token") != Some(&keys.token) {
        return Err(Refused(403, "InvalidAccessKeyId", "the secret id and the token are not those of this upload"));
    }
    let time = given("q-sign-time")?;
    let (from, until) = time.split_once(';').ok_or(DENIED)?;
    let (from, until): (u64, u64) = (from.parse().map_err(|_| DENIED)?, until.parse().map_err(|_| DENIED)?);
    let seconds = now.duration_since(SystemTime::UNIX_EPOCH).map_or(0, |since| since.as_secs());
    if now >= keys.expire || seconds > until {
        return Err(Refused(403, "AccessDenied", "Request has expired"));
    }
    if seconds < from {
        return Err(Refused(403, "RequestTimeTooSkewed", "the signature is not valid yet"));
    }

    let names: Vec<&str> = given("q-header-list")?.split(';').collect();
    // A signature that leaves out the host could be played elsewhere.
    if !names.contains(&"host") || !names.is_sorted() || !given("q-url-param-list")?.is_empty() {
        return Err(DENIED);
    }
    let mut headers = Vec::new();
    for name in names {
        headers.push(format!("{name}={}", encoded(text(name).ok_or(DENIED)?)));
    }
    let request = format!("{}\n{path}\n\n{}\n", received.method.to_lowercase(), headers.join("&"));
    let to_sign = format!("sha1\n{time}\n{}\n", hexadecimal(&Sha1::digest(request)));
    let key = keyed(keys.secret_key.as_bytes(), time);
    if given("q-signature")? != keyed(key.as_bytes(), &to_sign) {
        return Err(Refused(403, "SignatureDoesNotMatch", "the signature is not that of what came"));
    }
    Ok(())
}

fn keyed(key: &[u8], text: &str) -> String {
    let mut mac = Hmac::<Sha1>::new_from_slice(key).expect("HMAC takes a key of any length");
    mac.update(text.as_bytes());
    hexadecimal(&mac.finalize().into_bytes())
}

fn hexadecimal(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn encoded(text: &str) -> String {
    text.bytes().fold(String::new(), |mut encoded, byte| {
        if byte.is_ascii_alphanumeric() || b"-_.~".contains(&byte) {
            encoded.push(char::from(byte));
        } else {
            write!(encoded, "%{byte:02X}").expect("a String takes any text");
        }
        encoded
    })
}

/// A path without its percent-encoding; what is wrong in it stays as it is.
fn decoded(path: &str) -> String {
    let (mut bytes, mut rest) = (Vec::new(), path.as_bytes());
    while let Some((&byte, after)) = rest.split_first() {
        let digits = after.get(..2).filter(|digits| byte == b'%' && digits.iter().all(u8::is_ascii_hexdigit));
        let digits = digits.and_then(|digits| str::from_utf8(digits).ok());
        let value = digits.and_then(|digits| u8::from_str_radix(digits, 16).ok());
        bytes.push(value.unwrap_or(byte));
        rest = if value.is_some() { &after[2..] } else { after };
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    const NOON: u64 = 1_764_072_000;

    fn vector() -> serde_json::Value {
        let vectors: Vec<serde_json::Value> =
            serde_json::from_str(include_str!("../../signer/cos/vectors.json")).expect("a list");
        vectors.into_iter().find(|vector| vector["name"] == "upload").expect("it is there")
    }

    /// What is said of the vendor's own upload with one thing changed.
    fn judged(
        change: impl FnOnce(&mut Vec<(String, String)>, &mut String, &mut TemporaryKeys, &mut u64),
    ) -> &'static str {
        let vector = vector();
        let text = |key: &str| vector[key].as_str().expect("a text").to_owned();
        let mut headers: Vec<(String, String)> = vector["headers"]
            .as_object()
            .expect("an object")
            .iter()
            .map(|(name, value)| (name.clone(), value.as_str().expect("a text").to_owned()))
            .collect();
        headers.push(("Authorization".to_owned(), text("authorization")));
        let token = vector["headers"]["x-cos-security-token"].as_str().expect("a text").to_owned();
        let expire = SystemTime::UNIX_EPOCH + Duration::from_secs(NOON + 1800);
        let mut keys = TemporaryKeys { secret_id: text("secret_id"), secret_key: text("secret_key"), token, expire };
        let (mut path, mut now) = (text("path"), NOON + 60);
        change(&mut headers, &mut path, &mut keys, &mut now);
        let headers: Vec<(&str, &[u8])> =
            headers.iter().map(|(name, value)| (name.as_str(), value.as_bytes())).collect();
        let received = Received { method: "PUT", path: &path, query: "", headers: &headers, body: b"" };
        match verify(&received, &path, &keys, SystemTime::UNIX_EPOCH + Duration::from_secs(now)) {
            Ok(()) => "taken",
            Err(Refused(_, code, _)) => code,
        }
    }

    #[test]
    fn the_vendors_own_signature_is_taken_and_each_change_is_refused() {
        assert_eq!(judged(|_, _, _, _| {}), "taken");
        for index in 0..5 {
            let code = judged(|headers, _, _, _| headers[index].1.push('x'));
            assert!(["SignatureDoesNotMatch", "InvalidAccessKeyId"].contains(&code), "{index}: {code}");
            assert_ne!(judged(|headers, _, _, _| drop(headers.remove(index))), "taken");
        }
        assert_eq!(judged(|headers, _, _, _| headers.clear()), "AccessDenied");
        assert_eq!(judged(|_, path, _, _| path.push('x')), "SignatureDoesNotMatch");
        assert_eq!(judged(|_, _, keys, _| keys.secret_key.push('x')), "SignatureDoesNotMatch");
        assert_eq!(judged(|_, _, keys, _| keys.secret_id.push('x')), "InvalidAccessKeyId");
        assert_eq!(judged(|_, _, _, now| *now = NOON - 1), "RequestTimeTooSkewed");
        assert_eq!(judged(|_, _, _, now| *now = NOON + 1800), "AccessDenied");
    }

    #[test]
    fn a_path_is_decoded_once() {
        for (path, expected) in [("/a%20b", "/a b"), ("/%2525", "/%25"), ("/%", "/%"), ("/%+f%4", "/%+f%4")] {
            assert_eq!(decoded(path), expected);
        }
    }
}
