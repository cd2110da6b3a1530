//! Addresses: where requests may go, and where files may come from.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::sync::Arc;
use std::time::Duration;

use proptest::prelude::*;
use vod_aigc_transport::reqwest::dns::{Addrs, Name, Resolve, Resolving};
use vod_aigc_transport::{Endpoint, FileRequest, HttpClient, SendErrorKind, Sent};

use super::{block_on, cases};

/// Finds one address for every host.
struct Always(IpAddr);

impl Resolve for Always {
    fn resolve(&self, _: Name) -> Resolving {
        Box::pin(std::future::ready(Ok(Box::new(std::iter::once((self.0, 0_u16).into())) as Addrs)))
    }
}

/// How the read of a file that must not be read ends, where every host has this address.
fn refusal(url: &str, found: IpAddr) -> Option<(SendErrorKind, Sent)> {
    let http = HttpClient::new().resolver(Arc::new(Always(found)));
    let file = FileRequest { url, offset: 0, etag: None, idle: Duration::from_secs(5), loopback: false };
    block_on(http.fetch(file)).err().map(|error| (error.kind(), error.sent()))
}

/// An address of a network that is not the public one.
fn inner_v4() -> impl Strategy<Value = Ipv4Addr> {
    any::<[u8; 4]>().prop_flat_map(|[a, b, c, d]| {
        prop::sample::select(vec![
            Ipv4Addr::new(10, b, c, d),
            Ipv4Addr::new(127, b, c, d),
            Ipv4Addr::new(169, 254, c, d),
            Ipv4Addr::new(172, 16 + b % 16, c, d),
            Ipv4Addr::new(192, 168, c, d),
            Ipv4Addr::new(100, 64 + b % 64, c, d),
            Ipv4Addr::new(224 + a % 32, b, c, d),
            Ipv4Addr::new(0, b, c, d),
        ])
    })
}

fn inner_v6() -> impl Strategy<Value = Ipv6Addr> {
    (any::<u128>(), inner_v4()).prop_flat_map(|(bits, v4)| {
        let below = |prefix: u128, length: u32| Ipv6Addr::from_bits(prefix << 112 | bits >> length);
        prop::sample::select(vec![
            Ipv6Addr::LOCALHOST,
            Ipv6Addr::UNSPECIFIED,
            v4.to_ipv6_mapped(),
            below(0xfe80, 16),
            below(0xfd00, 16),
            below(0xff02, 16),
        ])
    })
}

/// One of the ways in which a URL may spell an IPv4 address.
fn spelling(address: Ipv4Addr, way: u8) -> String {
    let [a, b, c, d] = address.octets();
    match way {
        0 => address.to_string(),
        1 => address.to_bits().to_string(),
        2 => format!("{:#x}", address.to_bits()),
        3 => format!("{a:#o}.{b:#x}.{c}.{d}").replace("0o", "0"),
        4 => format!("{a}.{}", u32::from_be_bytes([0, b, c, d])),
        5 => format!("{address}."),
        _ => format!("[::ffff:{address}]"),
    }
}

proptest! {
    #![proptest_config(cases(256))]

    #[test]
    fn any_text_is_an_endpoint_or_an_error(text in prop_oneof![any::<String>(), "(https?|ftp|file)://[a-z0-9.:@/?#\\[\\]-]{0,30}", "[a-z0-9.-]{1,20}(:[0-9]{1,6})?"]) {
        if let Ok(endpoint) = text.parse::<Endpoint>() {
            let host = endpoint.host();
            prop_assert!(!host.is_empty() && !host.contains(['@', '/', '?', '#', ' ']), "{}", host);
            prop_assert_eq!(endpoint.to_string().parse::<Endpoint>(), Ok(endpoint.clone()));
            let name = host.rsplit_once(':').map_or(host, |(name, port)| if port.contains(']') { host } else { name });
            let address = name.trim_matches(['[', ']']).parse::<IpAddr>();
            let is_local = name == "localhost" || address.is_ok_and(|it| it.is_loopback());
            prop_assert!(endpoint.url().scheme() == "https" || is_local, "{}", endpoint.url());
        }
    }

    #[test]
    fn plain_http_goes_to_this_machine_only(bits: u32, port: u16) {
        let address = Ipv4Addr::from_bits(bits);
        let accepted = format!("http://{address}:{port}").parse::<Endpoint>().is_ok();
        prop_assert_eq!(accepted, address.is_loopback());
    }

    #[test]
    fn a_password_in_an_endpoint_is_never_repeated(name in "[a-z]{0,8}", host in "[a-z]{1,8}(/[a-z]{0,4})?") {
        let error = format!("https://{name}:canary@{host}").parse::<Endpoint>().expect_err("it holds a password");
        let shown = format!("{error} {error:?}");
        prop_assert!(!shown.contains("canary"), "{}", shown);
    }
}

proptest! {
    #![proptest_config(cases(48))]

    #[test]
    fn no_file_is_read_from_an_inner_address_however_it_is_spelt(address in inner_v4(), way in 0_u8..7, scheme in "https?", port in prop::option::of(1_u16..)) {
        let port = port.map(|port| format!(":{port}")).unwrap_or_default();
        let url = format!("{scheme}://{}{port}/a.mp4", spelling(address, way));
        prop_assert_eq!(refusal(&url, address.into()), Some((SendErrorKind::Refused, Sent::No)), "{}", url);
    }

    #[test]
    fn no_file_is_read_from_an_inner_address_of_the_new_kind(address in inner_v6()) {
        let url = format!("https://[{address}]/a.mp4");
        prop_assert_eq!(refusal(&url, address.into()), Some((SendErrorKind::Refused, Sent::No)), "{}", url);
    }

    #[test]
    fn no_file_is_read_from_a_host_whose_address_is_an_inner_one(v4 in inner_v4(), v6 in inner_v6(), host in "[a-z]{1,8}\\.example") {
        let url = format!("https://{host}/a.mp4");
        for found in [IpAddr::from(v4), v6.into()] {
            prop_assert_eq!(refusal(&url, found).map(|(kind, _)| kind), Some(SendErrorKind::Refused), "{}", found);
        }
    }

    #[test]
    fn no_file_is_read_by_another_scheme_or_with_a_password(scheme in "ftp|file|data|gopher|javascript|ws|unix", user in "[a-z]{1,4}(:[a-z]{1,4})?") {
        let address = IpAddr::from(Ipv4Addr::LOCALHOST);
        let expected = Some((SendErrorKind::Refused, Sent::No));
        prop_assert_eq!(refusal(&format!("{scheme}://media.example/a.mp4"), address), expected);
        prop_assert_eq!(refusal(&format!("https://{user}@media.example/a.mp4"), address), expected);
    }
}
