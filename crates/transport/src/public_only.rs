//! Name look-up for files, which drops every address that is not public, so that no URL leads into a private network.

use std::collections::HashSet;
use std::error::Error;
use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::sync::{Arc, Mutex, PoisonError};

use reqwest::dns::{Addrs, Name, Resolve, Resolving};

/// The operating system's name look-up.
pub(crate) struct SystemResolver;

impl Resolve for SystemResolver {
    fn resolve(&self, name: Name) -> Resolving {
        Box::pin(async move {
            let found: Vec<_> = tokio::net::lookup_host((name.as_str(), 0)).await?.collect();
            Ok(Box::new(found.into_iter()) as Addrs)
        })
    }
}

/// Passes on the public addresses of the hosts that files are read from. A connection goes to one of these very addresses, so an
/// answer that changes between two look-ups changes nothing.
///
/// Other names are those of proxies, which may be anywhere.
#[derive(Clone)]
pub(crate) struct PublicOnly {
    resolver: Arc<dyn Resolve>,
    hosts: Arc<Mutex<HashSet<String>>>,
}

impl PublicOnly {
    pub(crate) fn new(resolver: Arc<dyn Resolve>) -> Self {
        Self { resolver, hosts: Arc::default() }
    }

    /// Files are read from `host` from now on. It is never removed: a connection may be opened after its request was dropped.
    pub(crate) fn add(&self, host: &str) {
        let mut hosts = self.hosts.lock().unwrap_or_else(PoisonError::into_inner);
        if !hosts.contains(host) {
            hosts.insert(host.to_owned());
        }
    }
}

impl Resolve for PublicOnly {
    fn resolve(&self, name: Name) -> Resolving {
        let host = name.as_str().to_owned();
        let is_file_host = self.hosts.lock().unwrap_or_else(PoisonError::into_inner).contains(&host);
        let found = self.resolver.resolve(name);
        Box::pin(async move {
            let found = found.await?;
            if !is_file_host {
                return Ok(found);
            }
            let public: Vec<_> = found.filter(|address| is_public(address.ip())).collect();
            if public.is_empty() { Err(NotPublic(host).into()) } else { Ok(Box::new(public.into_iter()) as Addrs) }
        })
    }
}

/// A host, by its name, that has only addresses of a private network.
#[derive(Debug)]
pub(crate) struct NotPublic(pub(crate) String);

impl fmt::Display for NotPublic {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "the host {} has no public address", self.0)
    }
}

impl Error for NotPublic {}

/// Whether an address is one of the public internet (the special-purpose registries of RFC 6890). The metadata
/// services of clouds are link-local.
pub(crate) fn is_public(address: IpAddr) -> bool {
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

#[cfg(test)]
mod tests {
    use std::net::SocketAddr;

    use super::*;

    #[test]
    fn public_addresses_are_known() {
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
    /// Answers each look-up with the next of these addresses.
    struct Scripted(Mutex<Vec<Vec<IpAddr>>>);

    impl Resolve for Scripted {
        fn resolve(&self, _: Name) -> Resolving {
            let found = self.0.lock().unwrap().remove(0).into_iter().map(|address| SocketAddr::new(address, 0));
            Box::pin(std::future::ready(Ok(Box::new(found.collect::<Vec<_>>().into_iter()) as Addrs)))
        }
    }

    async fn looked_up(resolver: &PublicOnly, host: &str) -> Result<Vec<IpAddr>, String> {
        let found = resolver.resolve(host.parse().unwrap()).await;
        found.map(|found| found.map(|address| address.ip()).collect()).map_err(|error| error.to_string())
    }

    #[tokio::test]
    async fn a_file_host_keeps_its_public_addresses_only_however_its_answer_changes() {
        let (public, private): (IpAddr, IpAddr) = ([1, 1, 1, 1].into(), [169, 254, 169, 254].into());
        let script = vec![vec![private, public], vec![private], vec![public], vec![private]];
        let resolver = PublicOnly::new(Arc::new(Scripted(Mutex::new(script))));
        resolver.add("films.example");
        assert_eq!(looked_up(&resolver, "films.example").await, Ok(vec![public]));
        assert_eq!(looked_up(&resolver, "films.example").await, Err(NotPublic("films.example".to_owned()).to_string()));
        assert_eq!(looked_up(&resolver, "films.example").await, Ok(vec![public]));
        assert_eq!(looked_up(&resolver, "proxy.internal").await, Ok(vec![private]));
    }
}
