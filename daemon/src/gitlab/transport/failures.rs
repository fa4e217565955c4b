//! What errors of the connection and of reading stand for.

use std::error::Error as _;
use std::time::Duration;

use reqwest::header::HeaderMap;
use serde::de::DeserializeOwned;

use crate::gitlab::answer::{is_html, looks_like_login_page, printable};
use crate::gitlab::error::Failure;
use crate::gitlab::throttle::Outcome;
use crate::gitlab::tls::Distrust;

/// Reads a whole body as JSON, telling a web page, an answer that broke off,
/// one that is no JSON and one of another form apart.
pub(in crate::gitlab) fn read_json<T: DeserializeOwned>(
    body: &[u8],
    headers: &HeaderMap,
) -> Result<T, Failure> {
    serde_json::from_slice(body).map_err(|error| {
        if is_html(headers, body) {
            return Failure::NotJson {
                looks_like_login_page: looks_like_login_page(body),
            };
        }
        let reason = printable(&error.to_string());
        match error.classify() {
            serde_json::error::Category::Eof => Failure::Truncated {
                received: body.len(),
                reason,
            },
            serde_json::error::Category::Data => Failure::BadPayload {
                reason,
                malformed: false,
            },
            serde_json::error::Category::Syntax | serde_json::error::Category::Io => {
                Failure::BadPayload {
                    reason,
                    malformed: true,
                }
            }
        }
    })
}

pub(super) fn outcome_of(failure: &Failure) -> Outcome {
    match failure {
        Failure::TokenMissing | Failure::Unauthorized { .. } => Outcome::Answered(401),
        Failure::Forbidden { .. } => Outcome::Answered(403),
        Failure::NotFound { .. } => Outcome::Answered(404),
        Failure::RateLimited { .. } => Outcome::Answered(429),
        Failure::ServerTimeout => Outcome::Answered(408),
        Failure::Unavailable { status } | Failure::BadRequest { status, .. } => {
            Outcome::Answered(*status)
        }
        Failure::Moved { .. } => Outcome::Answered(301),
        Failure::NotJson { .. } | Failure::BadPayload { .. } | Failure::BodyTooLarge { .. } => {
            Outcome::Answered(200)
        }
        Failure::Timeout { .. } => Outcome::Overloaded,
        Failure::Setup { .. }
        | Failure::Network { .. }
        | Failure::Tls { .. }
        | Failure::Truncated { .. }
        | Failure::Cancelled => Outcome::Unanswered,
    }
}

/// What an error before the first byte of an answer stands for.
pub(super) fn connection_failure(error: &reqwest::Error, timeout: Duration) -> Failure {
    if error.is_timeout() {
        return Failure::Timeout {
            after: timeout,
            connecting: error.is_connect(),
        };
    }
    let reason = chain(error);
    match tls_cause(error) {
        Some(cause) => match distrust(cause) {
            Some(distrust) => Failure::Tls {
                unknown_issuer: distrust.unknown_issuer(),
                reason: printable(&distrust.to_string()),
            },
            None => Failure::Tls {
                unknown_issuer: false,
                reason: printable(&cause.to_string()),
            },
        },
        None => Failure::Network { reason },
    }
}

/// What our own verifier says of a certificate.
fn distrust(error: &rustls::Error) -> Option<&Distrust> {
    match error {
        rustls::Error::InvalidCertificate(rustls::CertificateError::Other(other)) => {
            other.0.downcast_ref()
        }
        _ => None,
    }
}

fn tls_cause(error: &reqwest::Error) -> Option<&rustls::Error> {
    let mut cause = error.source();
    while let Some(current) = cause {
        if let Some(found) = current.downcast_ref::<rustls::Error>() {
            return Some(found);
        }
        // An I/O error's source skips what it wraps, which may be another one.
        cause = match current.downcast_ref::<std::io::Error>() {
            Some(wrapper) => wrapper
                .get_ref()
                .map(|wrapped| wrapped as &(dyn std::error::Error + 'static)),
            None => current.source(),
        };
    }
    None
}

/// The causes of an error, outermost first, without its URL.
pub(super) fn chain(error: &reqwest::Error) -> String {
    let mut words: Vec<String> = Vec::new();
    let mut cause = error.source();
    while let Some(current) = cause {
        let text = current.to_string();
        if words.last() != Some(&text) {
            words.push(text);
        }
        cause = current.source();
    }
    if words.is_empty() {
        words.push("the connection failed".into());
    }
    printable(&words.join(": "))
}
