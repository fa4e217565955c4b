//! Reading what stands around a body: status codes, headers, error bodies.

use std::time::Duration;

use jiff::Timestamp;
use jiff::fmt::rfc2822::DateTimeParser;
use reqwest::StatusCode;
use reqwest::header::{CONTENT_TYPE, DATE, HeaderMap, LOCATION, RETRY_AFTER};
use serde_json::Value;

use super::error::{Failure, MissingKind};

/// How much of an error body or a web page is looked at, in bytes.
pub(super) const ERROR_BODY_LIMIT: usize = 64 * 1024;

/// The longest text of a server that stands in an error, in characters.
const SHOWN_LENGTH: usize = 200;

/// The failure that an unsuccessful answer stands for. `has_token` says
/// whether the request carried one.
pub(super) fn failure_of(
    status: StatusCode,
    headers: &HeaderMap,
    body: &[u8],
    has_token: bool,
) -> Failure {
    let body = ErrorBody::read(headers, body);
    let reason = body.words(status);
    match status.as_u16() {
        401 if !has_token => Failure::TokenMissing,
        401 => Failure::Unauthorized { reason },
        403 => {
            let lower = reason.to_ascii_lowercase();
            Failure::Forbidden {
                licence_gate: lower.contains("license") || lower.contains("licence"),
                reason,
            }
        }
        404 | 410 => Failure::NotFound {
            kind: body.missing_kind(),
            hint: reason,
        },
        408 => Failure::ServerTimeout,
        429 => Failure::RateLimited {
            retry_after: rate_limit_wait(headers),
        },
        300..=399 => moved(headers),
        status @ 500.. => Failure::Unavailable { status },
        status => Failure::BadRequest { status, reason },
    }
}

/// An error body in any of GitLab's shapes.
struct ErrorBody {
    /// The value of `message`.
    message: Option<String>,
    /// The value of `error`, or the plain text.
    error: Option<String>,
    /// Whether `error` stood in JSON.
    is_json: bool,
}

impl ErrorBody {
    fn read(headers: &HeaderMap, body: &[u8]) -> Self {
        let mut read = Self {
            message: None,
            error: None,
            is_json: false,
        };
        if let Ok(Value::Object(object)) = serde_json::from_slice(body) {
            read.is_json = true;
            read.message = object.get("message").and_then(flat_text);
            let described = ["error", "error_description", "scope"]
                .iter()
                .filter_map(|key| object.get(*key).and_then(flat_text))
                .collect::<Vec<_>>();
            if !described.is_empty() {
                read.error = Some(described.join(": "));
            } else if read.message.is_none() {
                read.error = object.get("errors").and_then(flat_text);
            }
        } else if !is_html(headers, body) {
            read.error = Some(String::from_utf8_lossy(body).into_owned());
        }
        read
    }

    fn words(&self, status: StatusCode) -> String {
        self.message
            .as_deref()
            .or(self.error.as_deref())
            .map(printable)
            .filter(|words| !words.is_empty())
            .unwrap_or_else(|| {
                status
                    .canonical_reason()
                    .unwrap_or("no reason given")
                    .into()
            })
    }

    /// `{"message":"404 Project Not Found"}`: the project;
    /// `{"message":"404 Not found"}` (or one that names another record): the
    /// record; `{"error":"404 Not Found"}`: the route.
    fn missing_kind(&self) -> MissingKind {
        if let Some(message) = &self.message {
            let lower = message.to_ascii_lowercase();
            return if lower.contains("project not found") {
                MissingKind::Project
            } else if lower.contains("not found") {
                MissingKind::Record
            } else {
                MissingKind::Unknown
            };
        }
        match &self.error {
            Some(error) if self.is_json && error.to_ascii_lowercase().contains("not found") => {
                MissingKind::Route
            }
            _ => MissingKind::Unknown,
        }
    }
}

/// The text in a value that may be a text, a list or an object of texts.
fn flat_text(value: &Value) -> Option<String> {
    match value {
        Value::Null => None,
        Value::String(text) => Some(text.clone()),
        Value::Array(list) => Some(
            list.iter()
                .filter_map(flat_text)
                .collect::<Vec<_>>()
                .join("; "),
        ),
        Value::Object(object) => object
            .get("error")
            .or_else(|| object.get("message"))
            .and_then(flat_text)
            .or_else(|| {
                let all = object
                    .iter()
                    .filter_map(|(key, value)| Some(format!("{key}: {}", flat_text(value)?)))
                    .collect::<Vec<_>>();
                Some(all.join("; "))
            }),
        other => Some(other.to_string()),
    }
}

/// A server's text, fit for an error: one line, no control characters, short.
pub(super) fn printable(text: &str) -> String {
    let mut shown: String = text
        .chars()
        .map(|c| {
            if c.is_control() || is_invisible(c) {
                ' '
            } else {
                c
            }
        })
        .take(SHOWN_LENGTH + 1)
        .collect();
    if shown.chars().count() > SHOWN_LENGTH {
        shown.pop();
        shown.push('…');
    }
    shown.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// Characters that turn or hide text on a screen.
fn is_invisible(c: char) -> bool {
    matches!(c, '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{feff}')
}

fn moved(headers: &HeaderMap) -> Failure {
    let location = headers.get(LOCATION).and_then(|value| value.to_str().ok());
    let shown = location.map(|location| {
        let bare = location.split(['?', '#']).next().unwrap_or_default();
        let without_credentials = match bare.split_once("//") {
            Some((scheme, rest)) => {
                let (authority, path) = rest.split_once('/').unwrap_or((rest, ""));
                let host = authority.rsplit('@').next().unwrap_or_default();
                format!("{scheme}//{host}/{path}")
            }
            None => bare.to_owned(),
        };
        printable(&without_credentials)
    });
    let project_id = location
        .filter(|location| location.contains("/api/v4/projects/"))
        .and_then(|location| location.split("/api/v4/projects/").nth(1))
        .and_then(|rest| rest.split(['/', '?', '#']).next())
        .and_then(|number| number.parse().ok());
    Failure::Moved {
        location: shown,
        project_id,
    }
}

/// Whether the body is a web page, by its content type or its first byte.
pub(super) fn is_html(headers: &HeaderMap, body: &[u8]) -> bool {
    is_declared_html(headers) || body.trim_ascii_start().first() == Some(&b'<')
}

/// Whether the content type says that the body is a web page.
pub(super) fn is_declared_html(headers: &HeaderMap) -> bool {
    headers
        .get(CONTENT_TYPE)
        .and_then(|value| value.to_str().ok())
        .is_some_and(|kind| {
            let kind = kind.trim_start().to_ascii_lowercase();
            kind.starts_with("text/html") || kind.starts_with("application/xhtml")
        })
}

/// A guess from the page's text, for a better message only.
pub(super) fn looks_like_login_page(body: &[u8]) -> bool {
    let head = &body[..body.len().min(ERROR_BODY_LIMIT)];
    let text = String::from_utf8_lossy(head).to_ascii_lowercase();
    [
        "sign_in", "sign in", "signin", "log in", "login", "saml", "sso", "password",
    ]
    .iter()
    .any(|word| text.contains(word))
}

/// The server's clock.
pub(super) fn server_date(headers: &HeaderMap) -> Option<Timestamp> {
    http_date(headers.get(DATE)?.to_str().ok()?)
}

fn http_date(text: &str) -> Option<Timestamp> {
    // `GMT` is RFC 2822's obsolete zone, which the parser knows.
    DateTimeParser::new().parse_timestamp(text).ok()
}

/// GitLab's name for the request in its own logs.
pub(super) fn correlation_id(headers: &HeaderMap) -> Option<Box<str>> {
    let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
    let from_meta = text("x-gitlab-meta")
        .and_then(|meta| serde_json::from_str::<Value>(meta).ok())
        .and_then(|meta| meta.get("correlation_id")?.as_str().map(printable));
    from_meta
        .or_else(|| text("x-request-id").map(printable))
        .filter(|id| !id.is_empty())
        .map(String::into_boxed_str)
}

/// A header that is a whole number.
pub(super) fn number(headers: &HeaderMap, name: &str) -> Option<u64> {
    headers.get(name)?.to_str().ok()?.trim().parse().ok()
}

/// How long a 429 asks to wait: `Retry-After` in seconds or as a date, else
/// until `RateLimit-Reset`. Dates are compared with the server's own clock.
fn rate_limit_wait(headers: &HeaderMap) -> Option<Duration> {
    let date = server_date(headers);
    let until = |instant: Timestamp| {
        let wait = instant.duration_since(date?);
        Some(Duration::try_from(wait).unwrap_or(Duration::ZERO))
    };
    let asked = headers
        .get(RETRY_AFTER)
        .and_then(|value| value.to_str().ok())
        .and_then(|text| {
            let text = text.trim();
            match text.parse::<f64>() {
                Ok(seconds) => Duration::try_from_secs_f64(seconds.max(0.0)).ok(),
                Err(_) => until(http_date(text)?),
            }
        });
    asked.or_else(|| until(reset_at(headers)?))
}

/// The request budget that `RateLimit-*` headers speak of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct RateHeaders {
    pub(super) limit: u64,
    pub(super) remaining: u64,
    /// By the server's clock.
    pub(super) reset_at: Timestamp,
}

/// The budget, where all three headers are there. `RateLimit-Reset` is an
/// absolute time in Unix seconds.
pub(super) fn rate_headers(headers: &HeaderMap) -> Option<RateHeaders> {
    Some(RateHeaders {
        limit: number(headers, "ratelimit-limit").filter(|limit| *limit > 0)?,
        remaining: number(headers, "ratelimit-remaining")?,
        reset_at: reset_at(headers)?,
    })
}

fn reset_at(headers: &HeaderMap) -> Option<Timestamp> {
    let seconds = number(headers, "ratelimit-reset")?;
    Timestamp::from_second(i64::try_from(seconds).ok()?).ok()
}
