//! The guards: where requests may go, where files may come from, where they may be written.
#![no_main]

use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use libfuzzer_sys::fuzz_target;
use url::{Host, Url};
use vod_aigc_client::check_target;
use vod_aigc_transport::reqwest::dns::{Addrs, Name, Resolve, Resolving};
use vod_aigc_transport::{Endpoint, FileRequest, HttpClient};

/// Finds the metadata service of a cloud behind every name.
struct Metadata;

impl Resolve for Metadata {
    fn resolve(&self, _: Name) -> Resolving {
        Box::pin(std::future::ready(Ok(Box::new(std::iter::once(SocketAddr::from(([169, 254, 169, 254], 0)))) as Addrs)))
    }
}

fuzz_target!(|text: &str| {
    if let Ok(endpoint) = text.parse::<Endpoint>() {
        let url = endpoint.url();
        let local = match url.host().expect("an endpoint has a host") {
            Host::Domain(name) => name == "localhost",
            Host::Ipv4(address) => address.is_loopback(),
            Host::Ipv6(address) => address.is_loopback(),
        };
        assert!(url.scheme() == "https" || (url.scheme() == "http" && local), "{url}");
        assert!(url.username().is_empty() && url.password().is_none() && url.path() == "/", "{url}");
        assert_eq!(endpoint.to_string().parse::<Endpoint>().as_ref(), Ok(&endpoint));
    }

    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    // A public address would really be connected to. Everything else must be refused, names included.
    let is_address = Url::parse(text).is_ok_and(|url| matches!(url.host(), Some(Host::Ipv4(_) | Host::Ipv6(_))));
    let outer = |url: &Url| match url.host() {
        Some(Host::Ipv4(it)) => !(it.is_loopback() || it.is_private() || it.is_link_local()),
        Some(Host::Ipv6(it)) => !(it.is_loopback() || it.is_unicast_link_local() || it.is_unique_local()),
        _ => false,
    };
    if !is_address || Url::parse(text).is_ok_and(|url| !outer(&url)) {
        let http = HttpClient::new().resolver(Arc::new(Metadata));
        let file = FileRequest { url: text, offset: 0, etag: None, idle: Duration::from_secs(5), loopback: false };
        assert!(runtime.block_on(http.fetch(file)).is_err(), "{text:?} was read");
    }

    if runtime.block_on(check_target(Path::new(text))).is_ok() {
        assert!(Path::new(text).file_name().is_some(), "{text:?} names no file");
    }
});
