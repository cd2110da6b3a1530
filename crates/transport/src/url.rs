//! The URLs that requests go to.

use url::{Host, Url};

/// An http or https URL without a user name, as `url` normalises it: every spelling of an IP address becomes the common one,
/// and an international name becomes punycode.
///
/// The error is what is wrong with the text, as the rest of a sentence about it. It repeats nothing of the text, which may hold
/// a password or a signature.
pub(crate) fn parse(text: &str) -> Result<Url, &'static str> {
    checked(Url::parse(text))
}

/// The URL that a `Location` header of `base` names.
pub(crate) fn join(base: &Url, target: &str) -> Result<Url, &'static str> {
    checked(base.join(target))
}

fn checked(parsed: Result<Url, url::ParseError>) -> Result<Url, &'static str> {
    let url = parsed.map_err(|_| "is not a URL with a host")?;
    if !matches!(url.scheme(), "https" | "http") {
        return Err("has another scheme than https or http");
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err("holds a user name or a password");
    }
    Ok(url)
}

/// Whether the host is a loopback address or `localhost`.
pub(crate) fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(Host::Domain(name)) => name == "localhost",
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        None => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_has_one_spelling() {
        for (text, url) in [
            ("HTTPS://Films.Example:443", "https://films.example/"),
            ("https://films.example/名 {1}", "https://films.example/%E5%90%8D%20%7B1%7D"),
            ("https://影片.example/", "https://xn--p3t423b.example/"),
            ("https://167772161/", "https://10.0.0.1/"),
            ("https://0x0a.1/", "https://10.0.0.1/"),
            ("https://%31%30.0.0.1/", "https://10.0.0.1/"),
            ("https://[0:0::1]:9/", "https://[::1]:9/"),
            ("https://a.example\\@10.0.0.1/", "https://a.example/@10.0.0.1/"),
        ] {
            assert_eq!(parse(text).unwrap().as_str(), url, "{text}");
        }
    }

    #[test]
    fn what_is_no_url_of_the_web_is_refused() {
        for text in ["", "/a", "films.example", "https://", "https://a.example:x/", "ftp://a.example/", "file:///a"] {
            assert!(parse(text).is_err(), "{text}: {:?}", parse(text));
        }
        for text in ["https://user@a.example/", "https://:canary@a.example/", "https:user:canary@a.example"] {
            let problem = parse(text).unwrap_err();
            assert!(problem.contains("password") && !problem.contains("canary"), "{text}: {problem}");
        }
        assert!(join(&parse("https://films.example/").unwrap(), "file:///etc/passwd").is_err());
    }

    #[test]
    fn this_machine_is_known_by_name_and_address() {
        for text in ["http://LOCALHOST/", "http://127.9.0.1/", "https://[::1]:9/", "http://0x7f.1/"] {
            assert!(is_loopback(&parse(text).unwrap()), "{text}");
        }
        for text in ["http://localhost.example/", "http://127.0.0.1.nip.io/", "https://[::ffff:127.0.0.1]/"] {
            assert!(!is_loopback(&parse(text).unwrap()), "{text}");
        }
    }
}
