//! Reads files by their URLs: https, from public addresses only, without credentials.

use std::fmt;
use std::net::IpAddr;
use std::time::Duration;

use ::url::{Host, Url};
use bytes::Bytes;
use http::Version;
use http::header::{HeaderValue, IF_RANGE, LOCATION, RANGE, TRANSFER_ENCODING};
use reqwest::{Method, Request, Response};

use crate::http_client::{HttpClient, send_error};
use crate::public_only::{NotPublic, is_public};
use crate::reply::{next_piece, within};
use crate::url::{self, is_loopback};
use crate::{SendError, SendErrorKind, Sent};

const MOST_REDIRECTS: usize = 5;

/// Which file to read, from where on.
#[doc(hidden)]
#[derive(Clone, Copy)]
#[expect(clippy::exhaustive_structs, reason = "callers make values of it")]
pub struct FileRequest<'a> {
    /// Where it is. Plain http is taken as https, except on this machine.
    pub url: &'a str,
    /// The first byte that is wanted; 0 for the whole file.
    pub offset: u64,
    /// The strong ETag of what lies before `offset`: a server whose file is another one by now sends it whole.
    pub etag: Option<&'a str>,
    /// The longest wait for the head and for each piece of the body.
    pub idle: Duration,
    /// Whether the file may be on this machine, which is so where an emulator serves it.
    pub loopback: bool,
}

impl FileRequest<'_> {
    /// Whether the file may be read, as far as the text of its address shows. Nothing is looked up.
    ///
    /// # Errors
    ///
    /// [`SendErrorKind::Refused`] when it must not.
    pub fn check(&self) -> Result<(), SendError> {
        judge(&self.parsed()?, self.loopback)
    }

    fn request_to(&self, url: Url) -> Result<Request, SendError> {
        let mut request = Request::new(Method::GET, url);
        if self.offset > 0 {
            let value = |text: &str| HeaderValue::from_str(text).map_err(|_| refused("the ETag cannot be a header"));
            request.headers_mut().insert(RANGE, value(&format!("bytes={}-", self.offset))?);
            if let Some(etag) = self.etag {
                request.headers_mut().insert(IF_RANGE, value(etag)?);
            }
        }
        Ok(request)
    }

    fn parsed(&self) -> Result<Url, SendError> {
        let mut url = url::parse(self.url).map_err(|problem| refused(&format!("the address {problem}")))?;
        // Some addresses come as plain http although their servers speak https.
        if url.scheme() == "http" && url.port().is_none() && !is_loopback(&url) {
            url.set_scheme("https").map_err(|()| refused("the address is not a URL"))?;
        }
        Ok(url)
    }
}

impl fmt::Debug for FileRequest<'_> {
    /// Leaves out the address, which may be a presigned one.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("FileRequest")
            .field("offset", &self.offset)
            .field("etag", &self.etag)
            .field("idle", &self.idle)
            .field("loopback", &self.loopback)
            .finish_non_exhaustive()
    }
}

impl HttpClient {
    /// Starts to read a file, with no credentials attached.
    ///
    /// Follows up to five redirects, but none to plain http and none from elsewhere to this machine. A host
    /// must have a public address, and is connected to by that very address; where a proxy is used, the proxy looks
    /// its name up.
    ///
    /// # Errors
    ///
    /// When there is no reply, or [`SendErrorKind::Refused`] when the file must not be read. Any status is a reply: look at
    /// [`Fetched::status`].
    #[doc(hidden)]
    pub async fn fetch(&self, file: FileRequest<'_>) -> Result<Fetched, SendError> {
        let mut url = file.parsed()?;
        for _ in 0..=MOST_REDIRECTS {
            judge(&url, file.loopback)?;
            let client = self.for_file(&url)?;
            let request = file.request_to(url.clone())?;
            let response = within(file.idle, async { client.execute(request).await.map_err(send_error) }).await?;
            let target = response.headers().get(LOCATION).filter(|_| response.status().is_redirection());
            let Some(target) = target else {
                return Ok(Fetched { response, idle: file.idle });
            };
            let target = str::from_utf8(target.as_bytes()).map_err(|_| "is not text");
            let next = target
                .and_then(|target| url::join(&url, target))
                .map_err(|problem| refused(&format!("a redirect leads to an address that {problem}")))?;
            judge_redirect(&url, &next)?;
            url = next;
        }
        Err(refused("there are more than five redirects"))
    }
}

/// Whether a redirect may be followed, before the address that it leads to is checked by itself.
fn judge_redirect(from: &Url, to: &Url) -> Result<(), SendError> {
    if from.scheme() == "https" && to.scheme() != "https" {
        return Err(refused("a redirect leads from https to http"));
    }
    if is_loopback(to) && !is_loopback(from) {
        return Err(refused("a redirect leads to this machine"));
    }
    Ok(())
}

/// Whether a URL may be asked for, as far as its text shows. Names are checked when they are looked up.
fn judge(url: &Url, loopback: bool) -> Result<(), SendError> {
    if is_loopback(url) {
        return if loopback { Ok(()) } else { Err(refused("the address is on this machine")) };
    }
    if url.scheme() != "https" {
        return Err(refused("the address is plain http; only https is read"));
    }
    let address: IpAddr = match url.host() {
        Some(Host::Ipv4(address)) => address.into(),
        Some(Host::Ipv6(address)) => address.into(),
        Some(Host::Domain(_)) | None => return Ok(()),
    };
    if is_public(address) { Ok(()) } else { Err(refused(&NotPublic(address.to_string()).to_string())) }
}

fn refused(reason: &str) -> SendError {
    SendError::new(SendErrorKind::Refused, Sent::No, reason)
}

/// A file that is being read.
#[doc(hidden)]
pub struct Fetched {
    response: Response,
    idle: Duration,
}

impl Fetched {
    /// The HTTP status: 200 for the whole file, 206 from the offset on.
    #[must_use]
    pub fn status(&self) -> u16 {
        self.response.status().as_u16()
    }

    /// How many bytes are to come, if the server said so.
    #[must_use]
    pub fn content_length(&self) -> Option<u64> {
        self.response.content_length()
    }

    /// Whether the end of the body can be distinguished from a connection that broke.
    #[must_use]
    pub fn shows_its_end(&self) -> bool {
        self.content_length().is_some()
            || self.response.version() >= Version::HTTP_2
            || self.response.headers().contains_key(TRANSFER_ENCODING)
    }

    /// A header by its name, if it is there and text.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        self.response.headers().get(name)?.to_str().ok()
    }

    /// The next piece of the body; none after the last.
    ///
    /// # Errors
    ///
    /// When the connection breaks, or stays silent for longer than the idle time.
    pub async fn chunk(&mut self) -> Result<Option<Bytes>, SendError> {
        within(self.idle, next_piece(&mut self.response)).await
    }
}

impl fmt::Debug for Fetched {
    /// Leaves out the address, which may be a presigned one.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Fetched")
            .field("status", &self.status())
            .field("content_length", &self.content_length())
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_judged_by_its_text_first() {
        let check = |url, loopback| {
            let file = FileRequest { url, offset: 0, etag: None, idle: Duration::ZERO, loopback };
            file.check().map_err(|error| (error.kind(), error.sent()))
        };
        for url in ["https://films.example/v.mp4?sign=a", "http://films.example/v.mp4", "https://1.1.1.1:8443/"] {
            assert_eq!(check(url, false), Ok(()), "{url}");
        }
        for url in ["http://127.0.0.1:9/", "https://[::1]/", "http://localhost/"] {
            assert_eq!(check(url, true), Ok(()), "{url}");
            assert_eq!(check(url, false), Err((SendErrorKind::Refused, Sent::No)), "{url}");
        }
        for url in
            ["", "/etc/passwd", "file:///etc/passwd", "ftp://films.example/", "data:,a", "https://a@films.example/"]
                .into_iter()
                .chain(["http://films.example:8080/", "http://10.0.0.1/", "https://0x0a.1/", "https://167772161/"])
                .chain(["https://[::ffff:a00:1]/", "https://169.254.169.254/", "https://%31%30.0.0.1/"])
        {
            assert_eq!(check(url, true), Err((SendErrorKind::Refused, Sent::No)), "{url}");
        }
    }

    #[test]
    fn a_redirect_leads_neither_to_plain_http_nor_from_elsewhere_to_this_machine() {
        let follows = |from: &str, to: &str| judge_redirect(&from.parse().unwrap(), &to.parse().unwrap()).is_ok();
        assert!(follows("https://films.example/a", "https://films.example/b"));
        assert!(follows("http://127.0.0.1:9/a", "http://localhost:8/b"));
        assert!(!follows("https://films.example/a", "http://films.example/b"));
        for here in ["https://127.0.0.1/", "https://localhost:9/", "https://[::1]/"] {
            assert!(!follows("https://films.example/a", here), "{here}");
        }
        assert!(!follows("http://films.example/a", "http://127.0.0.1/"));
    }
}
