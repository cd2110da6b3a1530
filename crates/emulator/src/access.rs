//! Who may use the control surface: programs on this machine, and no web page of another site.

use std::net::{IpAddr, SocketAddr};

use vod_aigc_signer::Received;

use crate::exchange::{Reply, problem};

/// Refuses a request whose `Host` or `Origin` is neither this machine, nor where the emulator listens, nor one of
/// `names`. A web page sends its own Origin, and one whose name was rebound to this machine (DNS rebinding) sends that
/// name as Host. A request without these headers comes from no browser.
pub(crate) fn check(received: &Received<'_>, listening: &[SocketAddr], names: &[String]) -> Result<(), Reply> {
    for (name, value) in received.headers {
        let is_host = name.eq_ignore_ascii_case("host");
        if !is_host && !name.eq_ignore_ascii_case("origin") {
            continue;
        }
        let text = str::from_utf8(value).unwrap_or_default();
        // An origin is a scheme and an authority, or `null`.
        let authority = if is_host { Some(text) } else { text.split_once("://").map(|(_, authority)| authority) };
        if !authority.is_some_and(|authority| is_allowed(authority, is_host, listening, names)) {
            let name = if is_host { "Host" } else { "Origin" };
            let shown: String = text.chars().filter(|c| !c.is_control()).take(100).collect();
            return Err(problem(
                403,
                &format!(
                    "the {name} {shown:?} is refused at /_emulator/*; use a loopback address such as \
                     http://127.0.0.1 or the address that the emulator listens on, or allow the name with \
                     Builder::allow_host or --allow-host"
                ),
            ));
        }
    }
    Ok(())
}

fn is_allowed(authority: &str, is_host: bool, listening: &[SocketAddr], names: &[String]) -> bool {
    let (host, port) = split(authority);
    if names.iter().any(|name| name.eq_ignore_ascii_case(host)) {
        return true;
    }
    let lower = host.to_ascii_lowercase();
    let lower = lower.strip_suffix('.').unwrap_or(&lower);
    if lower == "localhost" || lower.ends_with(".localhost") {
        return true;
    }
    let Ok(ip) = host.parse::<IpAddr>().map(|ip| ip.to_canonical()) else { return false };
    ip.is_loopback()
        || listening.iter().any(|address| {
            let own = address.ip().to_canonical();
            // A name can be rebound and an address cannot. Other ports of this machine may serve other pages.
            (own == ip || own.is_unspecified()) && (is_host || port == Some(address.port()))
        })
}

/// The host without brackets, and the port.
fn split(authority: &str) -> (&str, Option<u16>) {
    if let Some((host, rest)) = authority.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
        return (host, rest.strip_prefix(':').and_then(|port| port.parse().ok()));
    }
    match authority.rsplit_once(':') {
        Some((host, port)) => (host, port.parse().ok()),
        None => (authority, None),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn checked(name: &str, value: &str, listening: &str) -> bool {
        let headers = [(name, value.as_bytes())];
        let received = Received { method: "GET", path: "/_emulator/health", query: "", headers: &headers, body: b"" };
        let listening = [listening.parse().expect("an address")];
        check(&received, &listening, &["emulator".to_owned()]).is_ok()
    }

    #[test]
    fn this_machine_and_the_own_address_are_allowed() {
        for host in
            ["localhost", "LOCALHOST:1", "a.localhost:80", "127.0.0.1:4000", "127.9.9.9", "[::1]:4000", "emulator:8080"]
        {
            assert!(checked("Host", host, "127.0.0.1:4000"), "{host}");
            assert!(checked("Origin", &format!("http://{host}"), "127.0.0.1:4000"), "{host}");
        }
        assert!(checked("host", "192.0.2.7:4000", "192.0.2.7:4000"));
        assert!(checked("origin", "http://192.0.2.7:4000", "192.0.2.7:4000"));
        assert!(checked("Host", "192.0.2.7:4000", "0.0.0.0:4000"));
        assert!(checked("Host", "[2001:db8::1]", "[::]:4000"));
    }

    #[test]
    fn everything_else_is_refused() {
        for host in [
            "evil.example",
            "evil.example:4000",
            "127.0.0.1.evil.example",
            "localhost.evil.example",
            "192.0.2.7",
            "",
            "[::1",
        ] {
            assert!(!checked("Host", host, "127.0.0.1:4000"), "{host}");
            assert!(!checked("Origin", &format!("http://{host}"), "127.0.0.1:4000"), "{host}");
        }
        assert!(!checked("Origin", "null", "127.0.0.1:4000"));
        assert!(!checked("Origin", "localhost", "127.0.0.1:4000"));
        assert!(!checked("Host", "evil.example", "0.0.0.0:4000"), "the name may be rebound");
        assert!(!checked("Origin", "http://192.0.2.7:1", "0.0.0.0:4000"), "another server's page");
    }
}
