//! Whom the client trusts, and how it shows who it is.

mod issuer;

use std::path::Path;
use std::sync::Arc;

use rustls::ClientConfig;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls_platform_verifier::Verifier;

pub(super) use self::issuer::Distrust;
use self::issuer::NamingIssuer;
use super::error::Failure;
use super::host::HostConfig;

/// A TLS configuration that trusts the platform's authorities (on Linux also
/// those of `SSL_CERT_FILE` and `SSL_CERT_DIR`) and those of `ca_file`.
///
/// The provider is passed explicitly: a process-wide default would be a hidden
/// dependency between the daemon's parts.
pub(super) fn client_config(host: &HostConfig) -> Result<ClientConfig, Failure> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let extra = match &host.ca_file {
        Some(path) => certificates(path, "ca_file")?,
        None => Vec::new(),
    };
    let builder = ClientConfig::builder_with_provider(Arc::clone(&provider))
        .with_safe_default_protocol_versions()
        .map_err(|error| setup("url", error.to_string()))?;
    let builder = if host.base_url.scheme() == "https" {
        let key = if extra.is_empty() { "url" } else { "ca_file" };
        let verifier = Verifier::new_with_extra_roots(extra, provider).map_err(|error| {
            setup(
                key,
                format!(
                    "no authority to trust ({error}); install the system's CA certificates \
                     or name a `ca_file`"
                ),
            )
        })?;
        builder
            .dangerous()
            .with_custom_certificate_verifier(Arc::new(NamingIssuer(Arc::new(verifier))))
    } else {
        // Never asked on plain HTTP, and a machine without any authorities
        // must be able to use it.
        builder.with_root_certificates(rustls::RootCertStore::empty())
    };
    let mut config = match (&host.client_cert, &host.client_key) {
        (None, None) => builder.with_no_client_auth(),
        (Some(cert), Some(key)) => builder
            .with_client_auth_cert(certificates(cert, "client_cert")?, private_key(key)?)
            .map_err(|error| setup("client_cert", error.to_string()))?,
        (Some(_), None) => return Err(setup("client_key", "`client_cert` needs it".into())),
        (None, Some(_)) => return Err(setup("client_cert", "`client_key` needs it".into())),
    };
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    Ok(config)
}

fn certificates(path: &Path, key: &'static str) -> Result<Vec<CertificateDer<'static>>, Failure> {
    let unusable = |reason: String| setup(key, format!("{}: {reason}", path.display()));
    let certificates = CertificateDer::pem_file_iter(path)
        .and_then(Iterator::collect::<Result<Vec<_>, _>>)
        .map_err(|error| unusable(error.to_string()))?;
    if certificates.is_empty() {
        return Err(unusable("there is no PEM certificate in it".into()));
    }
    Ok(certificates)
}

fn private_key(path: &Path) -> Result<PrivateKeyDer<'static>, Failure> {
    PrivateKeyDer::from_pem_file(path)
        .map_err(|error| setup("client_key", format!("{}: {error}", path.display())))
}

fn setup(key: &'static str, reason: String) -> Failure {
    Failure::Setup { key, reason }
}
