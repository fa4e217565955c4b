//! Keeps web pages out, where somebody has put the socket behind a TCP port.

use std::net::{Ipv4Addr, Ipv6Addr};

use hyper::header::{HOST, ORIGIN};
use hyper::http::uri::Authority;
use hyper::{Request, StatusCode, Version};

use super::reply::Refusal;

/// Names that clients of a Unix socket give where a request needs one. No name
/// service gives any of them to somebody else.
const OWN_NAMES: [&str; 3] = ["localhost", "lored", "unix"];

/// Refuses what a browser sends of itself, and a name that somebody else's
/// page may have been made to lead here by.
pub(super) fn check<B>(request: &Request<B>) -> Result<(), Refusal> {
    let headers = request.headers();
    if headers.contains_key(ORIGIN) {
        let message = "a request with the header `Origin` comes from a web page, and those are \
                       not served";
        return Err(Refusal::new(StatusCode::FORBIDDEN, message));
    }
    let mut hosts = headers.get_all(HOST).iter();
    let host = match (hosts.next(), hosts.next()) {
        (Some(host), None) => host.to_str().unwrap_or("?"),
        (None, _) if request.version() < Version::HTTP_11 => "",
        _ => {
            let message = "a request has one header `Host`; `Host: localhost` will do";
            return Err(Refusal::new(StatusCode::BAD_REQUEST, message));
        }
    };
    let target = request.uri().authority().map_or("", Authority::as_str);
    if is_own(host) && is_own(target) {
        return Ok(());
    }
    let message = "this socket is not the `Host` that the request names; `Host: localhost` will do";
    Err(Refusal::new(StatusCode::FORBIDDEN, message))
}

/// Whether `host`, with or without a port, means this machine. So does none.
fn is_own(host: &str) -> bool {
    if host.is_empty() {
        return true;
    }
    let Ok(authority) = host.parse::<Authority>() else {
        return false;
    };
    let name = authority.host();
    let address = name.trim_start_matches('[').trim_end_matches(']');
    !host.contains('@')
        && (OWN_NAMES.iter().any(|own| name.eq_ignore_ascii_case(own))
            || name.parse().is_ok_and(|ip: Ipv4Addr| ip.is_loopback())
            || address.parse().is_ok_and(|ip: Ipv6Addr| ip.is_loopback()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_its_own_or_foreign() {
        for own in [
            "",
            "localhost",
            "LocalHost:80",
            "127.0.0.1",
            "127.8.8.8:1",
            "[::1]",
            "[::1]:80",
            "unix",
            "lored",
        ] {
            assert!(is_own(own), "{own}");
        }
        for foreign in [
            "example.com",
            "localhost.example.com",
            "10.0.0.1",
            "[::2]",
            "localhost@evil.example",
            "evil@localhost",
            "local host",
            "[::1",
            "?",
            "127.0.0.1.evil.example",
        ] {
            assert!(!is_own(foreign), "{foreign}");
        }
    }
}
