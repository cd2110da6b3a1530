//! Reads files by their URLs: https, from public addresses only, without credentials.

use std::error::Error;
use std::fmt;
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::time::Duration;

use bytes::Bytes;
use http::header::{HeaderValue, IF_RANGE, LOCATION, RANGE, TRANSFER_ENCODING};
use http::uri::Scheme;
use http::{Request, Response, Uri, Version};
use http_body::Body;
use hyper::body::Incoming;

use crate::address::{self, is_loopback};
use crate::http_client::{HttpClient, Payload, send_error};
use crate::reply::{next_piece, within};
use crate::{BoxFuture, SendError, SendErrorKind, Sent};

const MOST_REDIRECTS: usize = 5;

/// Which file to read, from where on.
#[derive(Clone, Copy)]
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
    /// Whether the file may be read, as far as the text of its address tells. Nothing is looked up.
    ///
    /// # Errors
    ///
    /// [`SendErrorKind::Refused`] when it must not.
    pub fn check(&self) -> Result<(), SendError> {
        judge(&self.parsed()?, self.loopback)
    }

    fn request_to(&self, address: Uri) -> Result<Request<Payload>, SendError> {
        let mut request = Request::new(Payload::Whole(Bytes::new()));
        *request.uri_mut() = address;
        if self.offset > 0 {
            let value = |text: &str| HeaderValue::from_str(text).map_err(|_| refused("the ETag cannot be a header"));
            request.headers_mut().insert(RANGE, value(&format!("bytes={}-", self.offset))?);
            if let Some(etag) = self.etag {
                request.headers_mut().insert(IF_RANGE, value(etag)?);
            }
        }
        Ok(request)
    }

    fn parsed(&self) -> Result<Uri, SendError> {
        let address = address::parse(self.url).map_err(unfit)?;
        // Some addresses come as plain http although their servers speak https.
        if address.scheme() != Some(&Scheme::HTTP) || address.port().is_some() || is_loopback(&address) {
            return Ok(address);
        }
        let mut parts = address.into_parts();
        parts.scheme = Some(Scheme::HTTPS);
        Uri::from_parts(parts).map_err(|_| refused("the address is not a URL"))
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

/// Finds the addresses of a host.
pub trait Resolve: fmt::Debug + Send + Sync {
    /// All addresses of `host`.
    fn resolve<'a>(&'a self, host: &'a str) -> BoxFuture<'a, io::Result<Vec<IpAddr>>>;
}

/// The operating system's name look-up.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemResolver;

impl Resolve for SystemResolver {
    fn resolve<'a>(&'a self, host: &'a str) -> BoxFuture<'a, io::Result<Vec<IpAddr>>> {
        Box::pin(async move { Ok(tokio::net::lookup_host((host, 0)).await?.map(|address| address.ip()).collect()) })
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
    pub async fn fetch(&self, file: FileRequest<'_>) -> Result<Fetched, SendError> {
        let mut address = file.parsed()?;
        for _ in 0..=MOST_REDIRECTS {
            judge(&address, file.loopback)?;
            let pool = if is_loopback(&address) { self.local()?.clone() } else { self.guarded()? };
            let request = file.request_to(address.clone())?;
            let response = within(file.idle, async { pool.request(request).await.map_err(send_error) }).await?;
            let target = response.headers().get(LOCATION).filter(|_| response.status().is_redirection());
            let Some(target) = target else {
                return Ok(Fetched { response, idle: file.idle });
            };
            let target = str::from_utf8(target.as_bytes()).map_err(|_| "is not text");
            let next = target
                .and_then(|target| address::join(&address, target))
                .map_err(|problem| refused(&format!("a redirect leads to an address that {problem}")))?;
            judge_redirect(&address, &next)?;
            address = next;
        }
        Err(refused("there are more than five redirects"))
    }
}

/// Whether a redirect may be followed, before the address that it leads to is judged by itself.
fn judge_redirect(from: &Uri, to: &Uri) -> Result<(), SendError> {
    if from.scheme() == Some(&Scheme::HTTPS) && to.scheme() != Some(&Scheme::HTTPS) {
        return Err(refused("a redirect leads from https to http"));
    }
    if is_loopback(to) && !is_loopback(from) {
        return Err(refused("a redirect leads to this machine"));
    }
    Ok(())
}

/// Whether an address may be asked for, as far as its text tells.
fn judge(address: &Uri, loopback: bool) -> Result<(), SendError> {
    if is_loopback(address) {
        return if loopback { Ok(()) } else { Err(refused("the address is on this machine")) };
    }
    if address.scheme() != Some(&Scheme::HTTPS) {
        return Err(refused("the address is plain http; only https is read"));
    }
    if address::ip(address).is_some_and(|address| !is_public(address)) {
        return Err(refused(NotPublic::TEXT));
    }
    Ok(())
}

fn unfit(problem: &str) -> SendError {
    refused(&format!("the address {problem}"))
}

fn refused(reason: &str) -> SendError {
    SendError::new(SendErrorKind::Refused, Sent::No, reason)
}

/// The public ones among the addresses of a host.
pub(crate) fn only_public(mut addresses: Vec<IpAddr>) -> Result<Vec<IpAddr>, NotPublic> {
    addresses.retain(|address| is_public(*address));
    if addresses.is_empty() { Err(NotPublic) } else { Ok(addresses) }
}

/// A host that has only addresses of a private network.
#[derive(Debug)]
pub(crate) struct NotPublic;

impl NotPublic {
    const TEXT: &'static str = "the host has no public address";
}

impl fmt::Display for NotPublic {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(Self::TEXT)
    }
}

impl Error for NotPublic {}

/// Whether an address is one of the public internet (the special-purpose registries of RFC 6890). The metadata
/// services of clouds are link-local.
fn is_public(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => is_public_v4(address),
        IpAddr::V6(address) => is_public_v6(address),
    }
}

fn is_public_v4(address: Ipv4Addr) -> bool {
    let [first, second, third, _] = address.octets();
    let special = address.is_private()
        || address.is_link_local()
        || address.is_documentation()
        || matches!(
            (first, second, third),
            (0 | 127, ..) | (100, 64..=127, _) | (192, 0, 0) | (192, 88, 99) | (198, 18..=19, _)
        );
    // From 224 on are multicast, reserved and broadcast addresses.
    !special && first < 224
}

fn is_public_v6(address: Ipv6Addr) -> bool {
    let embedded = |high: u16, low: u16| {
        let [[first, second], [third, fourth]] = [high.to_be_bytes(), low.to_be_bytes()];
        is_public_v4(Ipv4Addr::new(first, second, third, fourth))
    };
    match address.segments() {
        // An IPv4 address as IPv6, and behind a translator.
        [0, 0, 0, 0, 0, 0xffff, high, low] | [0x64, 0xff9b, 0, 0, 0, 0, high, low] => embedded(high, low),
        // Teredo and other protocol assignments, documentation, 6to4.
        [0x2001, 0..=0x1ff | 0xdb8, ..] | [0x2002, ..] | [0x3fff, 0..=0xfff, ..] => false,
        [first, ..] => first >> 13 == 1,
    }
}

/// A file that is being read.
pub struct Fetched {
    response: Response<Incoming>,
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
        self.response.body().size_hint().exact()
    }

    /// Whether the end of the body can be told from a connection that broke.
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
        within(self.idle, next_piece(self.response.body_mut())).await
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
    fn public_addresses_are_told_from_all_others() {
        for text in ["1.1.1.1", "100.63.0.1", "100.128.0.1", "172.32.0.1", "223.255.255.254", "2606:4700::1111"]
            .into_iter()
            .chain(["::ffff:1.1.1.1", "64:ff9b::101:101", "240e::1"])
        {
            assert!(is_public(text.parse().unwrap()), "{text}");
        }
        for text in ["0.0.0.0", "10.1.2.3", "100.64.0.1", "127.0.0.1", "127.255.0.1", "169.254.169.254", "169.254.0.23"]
            .into_iter()
            .chain(["172.16.0.1", "172.31.255.255", "192.0.0.192", "192.0.2.1", "192.168.0.1", "198.19.0.1"])
            .chain([
                "203.0.113.9",
                "224.0.0.1",
                "255.255.255.255",
                "::",
                "::1",
                "::ffff:10.0.0.1",
                "64:ff9b::a9fe:a9fe",
            ])
            .chain([
                "fc00::1",
                "fd00:ec2::254",
                "fe80::1",
                "fec0::1",
                "ff02::1",
                "2001:db8::1",
                "2002:a00:1::",
                "2001::1",
            ])
            .chain(["::10.0.0.1", "64:ff9b:1::1", "100::1"])
        {
            assert!(!is_public(text.parse().unwrap()), "{text}");
        }
    }

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

    #[test]
    fn only_public_addresses_of_a_host_are_used() {
        let remaining = |addresses: &[&str]| {
            let found = only_public(addresses.iter().map(|text| text.parse().unwrap()).collect());
            found.map_err(|error| error.to_string())
        };
        let public: IpAddr = "1.1.1.1".parse().unwrap();
        assert_eq!(remaining(&["10.0.0.1", "1.1.1.1", "fd00::1"]), Ok(vec![public]));
        assert_eq!(remaining(&["169.254.169.254"]), Err(NotPublic::TEXT.to_owned()));
    }
}
