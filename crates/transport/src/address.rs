//! The addresses that requests go to: parsed into one spelling, so that their hosts can be judged by their text.

use std::fmt::Write;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use http::Uri;
use http::uri::{Authority, Scheme};

/// An http or https URL with a host and without a user name: scheme and host in lower case, the port only where it is not
/// the scheme's own, an IP address only as it is commonly written, no fragment.
///
/// The error is what is wrong with it, as the rest of a sentence about it. It repeats nothing of the text, which may hold
/// a password or a signature.
pub(crate) fn parse(text: &str) -> Result<Uri, &'static str> {
    let mut parts = escaped(text).parse::<Uri>().map_err(|_| NO_URL)?.into_parts();
    let (Some(scheme), Some(authority)) = (&parts.scheme, &parts.authority) else {
        return Err(NO_URL);
    };
    let own_port = match scheme {
        _ if scheme == &Scheme::HTTPS => 443,
        _ if scheme == &Scheme::HTTP => 80,
        _ => return Err("has another scheme than https or http"),
    };
    if authority.as_str().contains('@') {
        return Err("holds a user name or a password");
    }
    let host = host(authority.host())?;
    let port = authority.as_str()[authority.host().len()..].trim_start_matches(':');
    let authority = match port {
        "" => host,
        _ => match port.parse::<u16>().map_err(|_| NO_URL)? {
            port if port == own_port => host,
            port => format!("{host}:{port}"),
        },
    };
    parts.authority = Some(Authority::try_from(authority).map_err(|_| NO_URL)?);
    Uri::from_parts(parts).map_err(|_| NO_URL)
}

/// Where a `Location` header of `base` leads.
pub(crate) fn join(base: &Uri, target: &str) -> Result<Uri, &'static str> {
    let scheme = base.scheme_str().unwrap_or_default();
    let authority = base.authority().map_or("", Authority::as_str);
    let is_absolute = target.split(['/', '?', '#']).next().is_some_and(|start| start.contains(':'));
    match target.as_bytes() {
        _ if is_absolute => parse(target),
        [b'/', b'/', ..] => parse(&format!("{scheme}:{target}")),
        [b'/', ..] => parse(&format!("{scheme}://{authority}{target}")),
        [] | [b'?' | b'#', ..] => parse(&format!("{scheme}://{authority}{}{target}", base.path())),
        _ => {
            let folder = base.path().rsplit_once('/').map_or("", |(folder, _)| folder);
            parse(&format!("{scheme}://{authority}{folder}/{target}"))
        }
    }
}

/// Whether it names this machine by a loopback address or as `localhost`.
pub(crate) fn is_loopback(address: &Uri) -> bool {
    address.host() == Some("localhost") || ip(address).is_some_and(|address| address.is_loopback())
}

/// The IP address that stands in place of a name.
pub(crate) fn ip(address: &Uri) -> Option<IpAddr> {
    bare(address.host()?).parse().ok()
}

/// A host without the brackets of an IPv6 address.
pub(crate) fn bare(host: &str) -> &str {
    host.trim_start_matches('[').trim_end_matches(']')
}

const NO_URL: &str = "is not a URL with a host";

/// Percent-encodes what no URL may hold as it is.
fn escaped(text: &str) -> String {
    text.bytes().fold(String::with_capacity(text.len()), |mut escaped, byte| {
        if byte.is_ascii_graphic() && !b"\"<>\\^`{|}".contains(&byte) {
            escaped.push(byte.into());
        } else {
            // Writing to a string cannot fail.
            let _ = write!(escaped, "%{byte:02X}");
        }
        escaped
    })
}

fn host(text: &str) -> Result<String, &'static str> {
    if text.starts_with('[') {
        let address: Ipv6Addr = bare(text).parse().map_err(|_| NO_URL)?;
        return Ok(format!("[{address}]"));
    }
    let host = text.to_ascii_lowercase();
    if host.is_empty() {
        return Err(NO_URL);
    }
    if !host.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte)) {
        return Err("has a host with other characters than letters, digits, '-', '_' and '.'; \
                    write an international name in punycode (xn--)");
    }
    // Resolvers read 0x0a.1 and 167772161 as addresses too, and nobody else does.
    let name = host.strip_suffix('.').unwrap_or(&host);
    let last = name.rsplit('.').next().unwrap_or_default();
    let is_number = match last.strip_prefix("0x") {
        Some(digits) => digits.bytes().all(|byte| byte.is_ascii_hexdigit()),
        None => !last.is_empty() && last.bytes().all(|byte| byte.is_ascii_digit()),
    };
    if is_number && host.parse::<Ipv4Addr>().is_err() {
        return Err("has an IPv4 address in an uncommon spelling; write it as four decimal numbers");
    }
    Ok(host)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_has_one_spelling() {
        for (text, address) in [
            ("HTTPS://Films.Example:443", "https://films.example/"),
            ("http://localhost:80/a#b", "http://localhost/a"),
            ("https://films.example:/a", "https://films.example/a"),
            ("https://films.example.:8443/?a=b", "https://films.example.:8443/?a=b"),
            ("https://[0:0::1]:9/", "https://[::1]:9/"),
            ("https://films.example/名 {1}?q=\"", "https://films.example/%E5%90%8D%20%7B1%7D?q=%22"),
            ("https://films.example/a%20b|c", "https://films.example/a%20b%7Cc"),
            ("https://1.2.3.4.example/", "https://1.2.3.4.example/"),
            ("https://xn--fiq228c.example/", "https://xn--fiq228c.example/"),
        ] {
            assert_eq!(parse(text).unwrap(), address, "{text}");
        }
    }

    #[test]
    fn what_could_be_read_in_two_ways_is_refused() {
        for text in ["", "/a", "films.example", "https://", "https:///a", "https:films.example", " https://a.example/"]
            .into_iter()
            .chain(["https://a.example:x/", "https://a.example:65536/", "https://[::1/", "https://[fe80::1%25eth0]/"])
            .chain([
                "ftp://a.example/",
                "https://a@b.example/",
                "https://a.example\\@b.example/",
                "https:\\\\a.example",
            ])
            .chain(["https://影片.example/", "https://%31%30.0.0.1/", "https://a.example\t/", "https://a,b.example/"])
            .chain([
                "https://0x0a.1/",
                "https://167772161/",
                "https://10.1/",
                "https://010.0.0.1/",
                "https://0xA.0xb./",
            ])
            .chain(["https://1.2.3.4./", "https://0x/", "https://a.0x7f/", "https://a.9/"])
        {
            assert!(parse(text).is_err(), "{text}: {:?}", parse(text));
        }
    }

    #[test]
    fn a_location_is_read_from_where_it_stands() {
        let base = parse("https://films.example:8443/a/b?c=d").unwrap();
        for (target, address) in [
            ("http://10.0.0.1/x", "http://10.0.0.1/x"),
            ("//other.example/x", "https://other.example/x"),
            ("/x:y?z", "https://films.example:8443/x:y?z"),
            ("x/y?z=//", "https://films.example:8443/a/x/y?z=//"),
            ("?z:=a", "https://films.example:8443/a/b?z:=a"),
            ("#z", "https://films.example:8443/a/b"),
            ("", "https://films.example:8443/a/b"),
        ] {
            assert_eq!(join(&base, target).unwrap(), address, "{target}");
        }
        assert!(join(&base, "file:///etc/passwd").is_err());
    }

    #[test]
    fn this_machine_is_told_by_name_and_address() {
        for text in ["http://LOCALHOST/", "http://127.9.0.1/", "https://[::1]:9/"] {
            assert!(is_loopback(&parse(text).unwrap()), "{text}");
        }
        for text in ["http://localhost.example/", "http://127.0.0.1.nip.io/", "https://[::ffff:127.0.0.1]/"] {
            assert!(!is_loopback(&parse(text).unwrap()), "{text}");
        }
    }
}
