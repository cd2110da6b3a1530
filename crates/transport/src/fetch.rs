//! Reads files by their URLs: https, from public addresses only, without credentials.

use std::error::Error;
use std::fmt;
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use reqwest::header::{IF_RANGE, LOCATION, RANGE, TRANSFER_ENCODING};
use reqwest::{Client, Response, Url, Version, dns};

use crate::endpoint::is_loopback;
use crate::http_client::{HttpClient, broken, send_error, within};
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

    fn parsed(&self) -> Result<Url, SendError> {
        let mut url = Url::parse(self.url).map_err(|_| refused("the address is not a URL"))?;
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
        let mut url = file.parsed()?;
        for _ in 0..=MOST_REDIRECTS {
            let mut request = self.client_for(&url, file.loopback)?.get(url.clone());
            if file.offset > 0 {
                request = request.header(RANGE, format!("bytes={}-", file.offset));
                if let Some(etag) = file.etag {
                    request = request.header(IF_RANGE, etag);
                }
            }
            let response = within(file.idle, async { request.send().await.map_err(send_error) }).await?;
            let target = response.headers().get(LOCATION).filter(|_| response.status().is_redirection());
            let Some(target) = target else {
                return Ok(Fetched { response, idle: file.idle });
            };
            let next = target.to_str().ok().and_then(|target| url.join(target).ok());
            let next = next.ok_or_else(|| refused("a redirect leads to an address that is not a URL"))?;
            if url.scheme() == "https" && next.scheme() != "https" {
                return Err(refused("a redirect leads from https to http"));
            }
            if is_loopback(&next) && !is_loopback(&url) {
                return Err(refused("a redirect leads to this machine"));
            }
            url = next;
        }
        Err(refused("there are more than five redirects"))
    }

    fn client_for(&self, url: &Url, loopback: bool) -> Result<Client, SendError> {
        judge(url, loopback)?;
        if is_loopback(url) {
            return self.local().cloned();
        }
        let host = url.host_str().unwrap_or_default().to_owned();
        self.guarded(PublicOnly { host, resolver: self.resolver().clone() })
    }
}

/// Whether a URL may be asked for, as far as its text tells.
fn judge(url: &Url, loopback: bool) -> Result<(), SendError> {
    if !matches!(url.scheme(), "http" | "https") {
        return Err(refused("the address is neither http nor https"));
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err(refused("the address holds a user name or a password"));
    }
    if is_loopback(url) {
        return if loopback { Ok(()) } else { Err(refused("the address is on this machine")) };
    }
    if url.scheme() != "https" {
        return Err(refused("the address is plain http; only https is read"));
    }
    let host = url.host_str().unwrap_or_default().trim_start_matches('[').trim_end_matches(']');
    if host.parse().is_ok_and(|address| !is_public(address)) {
        return Err(refused(NotPublic::TEXT));
    }
    Ok(())
}

fn refused(reason: &str) -> SendError {
    SendError::new(SendErrorKind::Refused, Sent::No, reason)
}

/// Resolves one host to its public addresses. Any other name is a proxy's, which may be wherever it is.
pub(crate) struct PublicOnly {
    host: String,
    resolver: Arc<dyn Resolve>,
}

impl dns::Resolve for PublicOnly {
    fn resolve(&self, name: dns::Name) -> dns::Resolving {
        let resolver = self.resolver.clone();
        let guarded = name.as_str().eq_ignore_ascii_case(&self.host);
        Box::pin(async move {
            let mut addresses = resolver.resolve(name.as_str()).await?;
            if guarded {
                addresses.retain(|address| is_public(*address));
                if addresses.is_empty() {
                    return Err(NotPublic.into());
                }
            }
            let addresses: dns::Addrs = Box::new(addresses.into_iter().map(|address| SocketAddr::new(address, 0)));
            Ok(addresses)
        })
    }
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
        within(self.idle, async { self.response.chunk().await.map_err(broken) }).await
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

    #[derive(Debug)]
    struct Fixed(&'static [&'static str]);

    impl Resolve for Fixed {
        fn resolve<'a>(&'a self, _: &'a str) -> BoxFuture<'a, io::Result<Vec<IpAddr>>> {
            Box::pin(async { Ok(self.0.iter().map(|text| text.parse().unwrap()).collect()) })
        }
    }

    /// What remains of these addresses for `host` where a file of films.example is wanted.
    async fn resolved(host: &str, addresses: &'static [&'static str]) -> Result<Vec<String>, String> {
        let guard = PublicOnly { host: "films.example".to_owned(), resolver: Arc::new(Fixed(addresses)) };
        let found = dns::Resolve::resolve(&guard, host.parse().unwrap()).await;
        found.map(|found| found.map(|it| it.ip().to_string()).collect()).map_err(|error| error.to_string())
    }

    #[tokio::test]
    async fn only_public_addresses_of_a_host_are_used() {
        let mixed = &["10.0.0.1", "1.1.1.1", "fd00::1"];
        assert_eq!(resolved("films.example", mixed).await.unwrap(), ["1.1.1.1"]);
        assert_eq!(resolved("Films.Example", &["169.254.169.254"]).await.unwrap_err(), NotPublic::TEXT);
        assert_eq!(resolved("proxy.internal", mixed).await.unwrap().len(), 3, "a proxy may be private");
    }
}
