//! Who issued a certificate that is not trusted: "unknown issuer" alone sends
//! nobody to the right administrator.

use std::fmt;
use std::sync::Arc;

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{CertificateError, DigitallySignedStruct, Error, OtherError, SignatureScheme};
use x509_cert::Certificate;
use x509_cert::der::Decode as _;

/// A verifier that adds the issuer's name to its refusals.
#[derive(Debug)]
pub(super) struct NamingIssuer(pub(super) Arc<dyn ServerCertVerifier>);

/// Why a certificate is refused, and who issued it.
#[derive(Debug)]
pub(in crate::gitlab) struct Distrust {
    cause: CertificateError,
    issuer: String,
}

impl Distrust {
    /// Whether the issuer is not known here, so that naming its authority
    /// would cure it.
    pub(in crate::gitlab) fn unknown_issuer(&self) -> bool {
        matches!(
            self.cause,
            CertificateError::UnknownIssuer | CertificateError::Other(_)
        )
    }
}

impl fmt::Display for Distrust {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { cause, issuer } = self;
        match cause {
            CertificateError::UnknownIssuer => {
                write!(
                    f,
                    "the certificate was issued by `{issuer}`, which nobody here trusts"
                )
            }
            _ => write!(
                f,
                "the certificate issued by `{issuer}` is refused: {cause}"
            ),
        }
    }
}

impl std::error::Error for Distrust {}

impl ServerCertVerifier for NamingIssuer {
    fn verify_server_cert(
        &self,
        certificate: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        name: &ServerName<'_>,
        ocsp: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        let verified = self
            .0
            .verify_server_cert(certificate, intermediates, name, ocsp, now);
        verified.map_err(|error| match error {
            Error::InvalidCertificate(cause) => {
                // The chain's last certificate was issued by who is missing.
                let last = intermediates.last().unwrap_or(certificate);
                let issuer = issuer_of(last).unwrap_or_else(|| "an unreadable name".to_owned());
                let distrust = Distrust { cause, issuer };
                CertificateError::Other(OtherError(Arc::new(distrust))).into()
            }
            other => other,
        })
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.0
            .verify_tls12_signature(message, certificate, signature)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.0
            .verify_tls13_signature(message, certificate, signature)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.supported_verify_schemes()
    }
}

fn issuer_of(certificate: &CertificateDer<'_>) -> Option<String> {
    let certificate = Certificate::from_der(certificate).ok()?;
    let name = certificate.tbs_certificate().issuer().to_string();
    (!name.is_empty()).then_some(name)
}
