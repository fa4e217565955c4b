//! How the service is spoken to: TLS, proxies, and what an answer says of the
//! next attempt.

use std::sync::Arc;
use std::time::Duration;

use reqwest::header::RETRY_AFTER;
use url::{Host, Url};

use crate::embedding::error::EmbedError;
use crate::embedding::provider::setup;

/// How much of an error answer is read.
const MAX_ERROR_BYTES: usize = 16 * 1024;
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);

pub(super) fn retry_after(response: &reqwest::Response) -> Option<Duration> {
    let seconds = response.headers().get(RETRY_AFTER)?.to_str().ok()?;
    Some(Duration::from_secs(seconds.trim().parse().ok()?))
}

/// The first bytes of an error answer; what breaks off only shortens it.
pub(super) async fn beginning(mut response: reqwest::Response) -> Vec<u8> {
    let mut body = Vec::new();
    while let Ok(Some(chunk)) = response.chunk().await {
        body.extend_from_slice(&chunk);
        if body.len() >= MAX_ERROR_BYTES {
            body.truncate(MAX_ERROR_BYTES);
            break;
        }
    }
    body
}

/// Texts go where the config says and nowhere else, so no redirect is
/// followed, and no proxy stands before a service on this machine.
pub(super) fn client(url: &Url) -> Result<reqwest::Client, EmbedError> {
    let mut builder = reqwest::Client::builder()
        .tls_backend_preconfigured(tls(url)?)
        .user_agent(concat!("lore/", env!("CARGO_PKG_VERSION")))
        .redirect(reqwest::redirect::Policy::none())
        .referer(false)
        .connect_timeout(CONNECT_TIMEOUT)
        .tcp_nodelay(true);
    if is_loopback(url) {
        builder = builder.no_proxy();
    }
    builder
        .build()
        .map_err(|error| setup("url", error.to_string()))
}

fn tls(url: &Url) -> Result<rustls::ClientConfig, EmbedError> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let builder = rustls::ClientConfig::builder_with_provider(Arc::clone(&provider))
        .with_safe_default_protocol_versions()
        .map_err(|error| setup("url", error.to_string()))?;
    let builder = if url.scheme() == "https" {
        let verifier = rustls_platform_verifier::Verifier::new(provider).map_err(|error| {
            let reason =
                format!("no authority to trust ({error}); install the system's CA certificates");
            setup("url", reason)
        })?;
        builder
            .dangerous()
            .with_custom_certificate_verifier(Arc::new(verifier))
    } else {
        // Never asked on plain HTTP, and a machine without any authorities
        // must be able to use it.
        builder.with_root_certificates(rustls::RootCertStore::empty())
    };
    let mut config = builder.with_no_client_auth();
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    Ok(config)
}

fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(Host::Domain(name)) => name == "localhost" || name.ends_with(".localhost"),
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        None => false,
    }
}
