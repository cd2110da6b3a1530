//! Where callbacks may go: to this machine only.

use std::error::Error;
use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use hyper::Uri;
use serde::Deserialize;

/// The URL that callbacks are posted to: `http`, and a loopback address or `localhost`, because the emulator must not
/// send anything to other machines.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub struct CallbackUrl(Uri);

impl CallbackUrl {
    /// Reads one, for example `http://127.0.0.1:8080/vod`.
    ///
    /// # Errors
    ///
    /// When it is no such URL.
    pub fn new(url: impl AsRef<str>) -> Result<Self, InvalidCallbackUrl> {
        let url = url.as_ref();
        let refused = || InvalidCallbackUrl(url.to_owned());
        let uri: Uri = url.parse().map_err(|_| refused())?;
        let new = Self(uri);
        if new.0.scheme_str() != Some("http") || new.addresses().is_empty() {
            return Err(refused());
        }
        Ok(new)
    }

    /// The addresses to connect to, the first that answers being the right one.
    pub(crate) fn addresses(&self) -> Vec<SocketAddr> {
        let port = self.0.port_u16().unwrap_or(80);
        let host = self.0.host().unwrap_or_default();
        // No name is looked up: one that means another machine must not be reached.
        let ips: Vec<IpAddr> = if host.eq_ignore_ascii_case("localhost") {
            vec![Ipv4Addr::LOCALHOST.into(), Ipv6Addr::LOCALHOST.into()]
        } else {
            host.trim_matches(['[', ']']).parse().ok().into_iter().collect()
        };
        let loopback = ips.into_iter().filter(|ip| ip.to_canonical().is_loopback());
        loopback.map(|ip| SocketAddr::new(ip, port)).collect()
    }

    /// Host and port, as the header says them.
    pub(crate) fn authority(&self) -> &str {
        self.0.authority().map_or("", |authority| authority.as_str())
    }

    /// Path and query.
    pub(crate) fn path(&self) -> &str {
        self.0.path_and_query().map_or("/", |path| path.as_str())
    }
}

impl fmt::Display for CallbackUrl {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(formatter)
    }
}

impl TryFrom<String> for CallbackUrl {
    type Error = InvalidCallbackUrl;

    fn try_from(url: String) -> Result<Self, Self::Error> {
        Self::new(url)
    }
}

/// A text that is no URL for callbacks of the emulator.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InvalidCallbackUrl(String);

impl fmt::Display for InvalidCallbackUrl {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            formatter,
            "{:?} is no URL for callbacks; write http:// with a loopback address, such as http://127.0.0.1:8080/vod",
            self.0
        )
    }
}

impl Error for InvalidCallbackUrl {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_this_machine_gets_callbacks() {
        for url in ["http://127.0.0.1:8080/vod?a=b", "http://localhost", "http://[::1]:1/", "http://127.9.9.9"] {
            assert!(CallbackUrl::new(url).is_ok(), "{url}");
        }
        for url in [
            "https://127.0.0.1/",
            "http://192.0.2.7/",
            "http://0.0.0.0/",
            "http://localhost.example/",
            "/vod",
            "",
            "http:///",
        ] {
            let error = CallbackUrl::new(url).expect_err(url).to_string();
            assert!(error.contains("loopback"), "{error}");
        }
    }
}
