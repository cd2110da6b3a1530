//! Where requests go: https everywhere, plain http on loopback only.

use std::error::Error;
use std::fmt;
use std::str::FromStr;

use ::url::{Position, Url};
use http::HeaderValue;

use crate::url::{self, is_loopback};

/// The root of one API server.
///
/// Parses from a host name (`vod.tencentcloudapi.com`, taken as https) or a URL without a path
/// (`http://127.0.0.1:8080`). Plain http is for loopback hosts, where an emulator listens.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Endpoint {
    url: Url,
    host: HeaderValue,
}

impl Endpoint {
    /// The public endpoint of a service, for example `https://vod.tencentcloudapi.com/`.
    ///
    /// # Errors
    ///
    /// When the service is not a host name label.
    pub fn of_service(service: &str) -> Result<Self, InvalidEndpoint> {
        format!("{service}.tencentcloudapi.com").parse()
    }

    /// What every action is posted to: scheme, host, port unless it is the scheme's own, and the path `/`.
    #[must_use]
    pub fn url(&self) -> &Url {
        &self.url
    }

    /// Whether it is on this machine.
    #[must_use]
    pub fn is_loopback(&self) -> bool {
        is_loopback(&self.url)
    }

    /// The value of the `Host` header: the host, and the port unless it is the scheme's own.
    #[must_use]
    pub fn host(&self) -> &str {
        &self.url[Position::BeforeHost..Position::AfterPort]
    }

    /// The same as a header holds it; a clone of it copies nothing.
    pub(crate) fn host_value(&self) -> &HeaderValue {
        &self.host
    }
}

impl FromStr for Endpoint {
    type Err = InvalidEndpoint;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let error = |problem| InvalidEndpoint { problem };
        let with_scheme = if text.contains("://") { text.to_owned() } else { format!("https://{text}") };
        let url = url::parse(&with_scheme).map_err(error)?;
        if url.scheme() != "https" && !is_loopback(&url) {
            return Err(error("has the scheme http, which is for loopback hosts only; use https"));
        }
        if url.path() != "/" || url.query().is_some() || url.fragment().is_some() {
            return Err(error("has a path, a query or a fragment; leave it out"));
        }
        let host = HeaderValue::from_str(&url[Position::BeforeHost..Position::AfterPort]);
        Ok(Self { host: host.map_err(|_| error("is not a URL with a host"))?, url })
    }
}

impl fmt::Display for Endpoint {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}://{}", self.url.scheme(), self.host())
    }
}

/// Why a text is not an endpoint. The text itself is not repeated, because it may hold a password.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InvalidEndpoint {
    problem: &'static str,
}

impl fmt::Display for InvalidEndpoint {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "the endpoint cannot be used: it {}", self.problem)
    }
}

impl Error for InvalidEndpoint {}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, url: &str, host: &str) {
        let endpoint: Endpoint = text.parse().expect("a valid endpoint");
        assert_eq!((endpoint.url().as_str(), endpoint.host()), (url, host), "{text}");
    }

    fn check_refused(text: &str, sentence: &str) {
        let error = text.parse::<Endpoint>().expect_err("an invalid endpoint").to_string();
        assert!(error.contains(sentence), "{text}: {error}");
    }

    #[test]
    fn a_host_name_is_taken_as_https() {
        let host = "vod.tencentcloudapi.com";
        check(host, "https://vod.tencentcloudapi.com/", host);
        check("https://vod.tencentcloudapi.com:443/", "https://vod.tencentcloudapi.com/", host);
        check("VOD.tencentcloudapi.com:8443", "https://vod.tencentcloudapi.com:8443/", "vod.tencentcloudapi.com:8443");
    }

    #[test]
    fn plain_http_is_for_loopback_only() {
        check("http://127.0.0.1:9", "http://127.0.0.1:9/", "127.0.0.1:9");
        check("http://localhost:9", "http://localhost:9/", "localhost:9");
        check("http://[::1]:9", "http://[::1]:9/", "[::1]:9");
        for text in ["http://vod.tencentcloudapi.com", "http://localhost.example.com", "http://127.0.0.1.nip.io"] {
            check_refused(text, "use https");
        }
    }

    #[test]
    fn an_endpoint_is_only_a_server() {
        check_refused("https://vod.tencentcloudapi.com/v2", "path");
        check_refused("https://vod.tencentcloudapi.com/?a=b", "query");
        check_refused("ftp://127.0.0.1", "scheme");
        check_refused("", "host");
    }

    #[test]
    fn a_password_in_an_endpoint_is_refused_and_not_repeated() {
        let error = "https://user:canary@vod.tencentcloudapi.com".parse::<Endpoint>().expect_err("a password");
        assert!(!format!("{error} {error:?}").contains("canary"), "{error:?}");
        assert!(error.to_string().contains("password"), "{error}");
    }
}
