//! What can go wrong between this daemon and a GitLab instance.

use std::fmt;
use std::time::Duration;

use lore_proto::ErrorCode;

/// A request that did not bring what was asked for: what happened
/// ([`Failure`]), and to which request. It never carries a token or a query
/// string, and text from GitLab in it is short and free of control characters.
#[derive(Debug, thiserror::Error)]
#[error("{request}: {failure}")]
pub struct GitLabError {
    /// Which request failed.
    pub request: Box<RequestLabel>,
    /// What happened.
    pub failure: Failure,
    /// GitLab's name for the request in its own logs, where it said.
    pub correlation_id: Option<Box<str>>,
}

/// Names a request without anything secret.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RequestLabel {
    /// The host as the config names it.
    pub host: String,
    /// `GET`, or `POST` for GraphQL.
    pub method: &'static str,
    /// The path with the route's numbers, without the query; empty where no
    /// request was made.
    pub path: String,
}

impl fmt::Display for RequestLabel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.path.is_empty() {
            f.write_str(&self.host)
        } else {
            write!(f, "{}: {} {}", self.host, self.method, self.path)
        }
    }
}

/// What a 404 speaks of. GitLab's three bodies tell them apart, unofficially:
/// a hint, never the only evidence.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MissingKind {
    /// The project is gone, moved, or invisible to this token.
    Project,
    /// The item is gone, moved, or invisible, in a project that is visible.
    Record,
    /// This instance has no such route: an older version, another edition, or
    /// a proxy that rewrites encoded paths.
    Route,
    /// The body does not say.
    Unknown,
}

/// What happened to a request.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Failure {
    /// A setting of the host cannot be used; no request was made.
    #[error("`{key}` cannot be used: {reason}")]
    Setup {
        /// The setting's key in the config.
        key: &'static str,
        /// What is wrong with it.
        reason: String,
    },
    /// GitLab wants a token and none is configured.
    #[error("GitLab wants a token and none is known for this host")]
    TokenMissing,
    /// 401: the token is malformed, expired, revoked or not for this host.
    #[error("GitLab does not accept the token (401): {reason}")]
    Unauthorized {
        /// GitLab's words.
        reason: String,
    },
    /// 403: the token is known, but may not do this.
    #[error("GitLab forbids it (403): {reason}")]
    Forbidden {
        /// GitLab's words.
        reason: String,
        /// Whether the instance's licence is the obstacle, not the token.
        licence_gate: bool,
    },
    /// 404 or 410: missing, moved, or hidden from this token, which look
    /// alike. Never proof of deletion by itself.
    #[error("GitLab does not find it, or hides it from this token (404): {hint}")]
    NotFound {
        /// What seems to be missing.
        kind: MissingKind,
        /// GitLab's words.
        hint: String,
    },
    /// 429, and the wait does not fit the time left or the retries are spent.
    #[error("GitLab limits the rate of requests (429){}", .retry_after.map(|wait| format!("; it asks to wait {} s", wait.as_secs_f64().ceil())).unwrap_or_default())]
    RateLimited {
        /// How long until requests are welcome again.
        retry_after: Option<Duration>,
    },
    /// 5xx after the retries.
    #[error("GitLab answers {status} (unavailable or overloaded)")]
    Unavailable {
        /// The status code.
        status: u16,
    },
    /// 408: GitLab gave up on its own query; a smaller page may pass.
    #[error("GitLab timed out on its own query (408)")]
    ServerTimeout,
    /// No whole answer within the time allowed.
    #[error("no answer within {:.1} s ({})", .after.as_secs_f64(), if *.connecting { "could not connect" } else { "connected, but no whole answer" })]
    Timeout {
        /// The time allowed to the last attempt.
        after: Duration,
        /// Whether not even a connection stood.
        connecting: bool,
    },
    /// The connection could not be made, or broke before an answer began.
    #[error("cannot reach GitLab: {reason}")]
    Network {
        /// The cause, from the outermost to the innermost.
        reason: String,
    },
    /// The server's certificate cannot be trusted, or TLS failed otherwise.
    #[error("no trusted TLS connection: {reason}")]
    Tls {
        /// What is wrong with it.
        reason: String,
        /// Whether the certificate's issuer is unknown here, which `ca_file`
        /// cures.
        unknown_issuer: bool,
    },
    /// A successful answer that is a web page: a login page, a captive
    /// portal, a proxy's notice.
    #[error("GitLab's address answers with a web page instead of data{}", if *.looks_like_login_page { " (a login page, it seems)" } else { "" })]
    NotJson {
        /// Whether the page asks for a login.
        looks_like_login_page: bool,
    },
    /// A successful answer that is not what the API promises.
    #[error("GitLab's answer cannot be read: {reason}")]
    BadPayload {
        /// What does not fit.
        reason: String,
        /// Whether it is not even JSON.
        malformed: bool,
    },
    /// The answer is larger than allowed; reading it was stopped.
    #[error("the answer is larger than {limit} bytes")]
    BodyTooLarge {
        /// The limit in bytes.
        limit: usize,
    },
    /// The answer broke off.
    #[error("the answer broke off after {received} bytes: {reason}")]
    Truncated {
        /// How much arrived, in bytes, after decompression.
        received: usize,
        /// How it broke off.
        reason: String,
    },
    /// Whoever asked gave up.
    #[error("cancelled")]
    Cancelled,
    /// Another 4xx: GitLab refuses the request as such.
    #[error("GitLab refuses the request ({status}): {reason}")]
    BadRequest {
        /// The status code.
        status: u16,
        /// GitLab's words.
        reason: String,
    },
    /// A redirect that is not followed, so that no token goes astray.
    #[error("GitLab's address redirects{}", .location.as_deref().map(|to| format!(" to {to}")).unwrap_or_default())]
    Moved {
        /// Where to, without query and credentials.
        location: Option<String>,
        /// The project's number, where the address is that of a moved
        /// project.
        project_id: Option<i64>,
    },
}

impl GitLabError {
    /// The wire code of the failure (contract §6).
    pub fn code(&self) -> ErrorCode {
        self.failure.code()
    }

    /// Whether the same request may succeed later without anyone changing
    /// anything.
    pub fn is_retryable(&self) -> bool {
        self.failure.is_retryable()
    }

    /// Whether the instance's licence is the obstacle (a 403 that no token
    /// cures).
    pub fn is_licence_gate(&self) -> bool {
        matches!(
            self.failure,
            Failure::Forbidden {
                licence_gate: true,
                ..
            }
        )
    }

    /// Whether whoever asked gave up.
    pub fn is_cancelled(&self) -> bool {
        self.failure == Failure::Cancelled
    }

    /// The kind of a 404.
    pub fn missing(&self) -> Option<MissingKind> {
        match self.failure {
            Failure::NotFound { kind, .. } => Some(kind),
            _ => None,
        }
    }

    /// What a person can do about it, as one sentence.
    pub fn advice(&self) -> String {
        let host = &self.request.host;
        match &self.failure {
            Failure::Setup { key, .. } => {
                format!("Correct `{key}` under [hosts.\"{host}\"] in the config.")
            }
            Failure::TokenMissing => format!("Run `lore auth login --host {host}`."),
            Failure::Unauthorized { .. } => format!(
                "The token may have expired or been revoked: run `lore auth login --host {host}`."
            ),
            Failure::Forbidden {
                licence_gate: true, ..
            } => "This instance's licence does not include the feature.".into(),
            Failure::Forbidden { .. } => {
                "Check that the token has the scope `read_api` and its user may read the project."
                    .into()
            }
            Failure::NotFound {
                kind: MissingKind::Route,
                ..
            } => format!(
                "Check `url` under [hosts.\"{host}\"], a relative-URL install's path included; \
                 older GitLab versions lack some routes."
            ),
            Failure::NotFound { .. } => {
                "Check the path and number, and that the token's user may see it.".into()
            }
            Failure::RateLimited { .. } => {
                "Wait, or lower `max_concurrent_requests` under [sync].".into()
            }
            Failure::Unavailable { .. } | Failure::ServerTimeout => {
                "Try again later; if it lasts, ask the instance's administrator.".into()
            }
            Failure::Timeout { .. } => {
                "Check the network; for a slow instance raise `request_timeout_seconds`.".into()
            }
            Failure::Network { .. } => format!(
                "Check the network, VPN and proxy variables, and `url` under [hosts.\"{host}\"]."
            ),
            Failure::Tls {
                unknown_issuer: true,
                ..
            } => format!(
                "If a private authority issued it, name its certificate file as `ca_file` \
                 under [hosts.\"{host}\"]."
            ),
            Failure::Tls { .. } => {
                format!("Check the instance's certificate and `url` under [hosts.\"{host}\"].")
            }
            Failure::NotJson { .. } | Failure::Moved { .. } => format!(
                "Open the instance in a browser and compare its address with `url` under \
                 [hosts.\"{host}\"]; a login page or proxy may stand before the API."
            ),
            Failure::BadPayload { .. } | Failure::Truncated { .. } => {
                "Try again; if it stays so, a proxy may be changing answers.".into()
            }
            Failure::BodyTooLarge { .. } => "The item is too large to be mirrored.".into(),
            Failure::Cancelled => "Start it again when you like.".into(),
            Failure::BadRequest { .. } => {
                "This GitLab version may not know the request; please report it.".into()
            }
        }
    }
}

impl Failure {
    /// A word for what several failures of one code do not share.
    pub fn cause(&self) -> &'static str {
        match self {
            Self::Setup { .. } => "setting",
            Self::Tls { .. } => "tls",
            Self::NotJson { .. } => "web_page",
            Self::Moved { .. } => "redirect",
            Self::Network { .. } | Self::Timeout { .. } => "connection",
            _ => "answer",
        }
    }

    /// The wire code of the failure (contract §6).
    pub fn code(&self) -> ErrorCode {
        match self {
            Self::Setup { .. } => ErrorCode::ConfigInvalid,
            Self::TokenMissing => ErrorCode::TokenMissing,
            Self::Unauthorized { .. } => ErrorCode::GitlabUnauthorized,
            Self::Forbidden { .. } => ErrorCode::GitlabForbidden,
            Self::NotFound { .. } => ErrorCode::GitlabNotFound,
            Self::RateLimited { .. } => ErrorCode::GitlabRateLimited,
            Self::Unavailable { .. } | Self::ServerTimeout => ErrorCode::GitlabUnavailable,
            Self::Timeout { .. } => ErrorCode::Timeout,
            Self::Network { .. } | Self::Tls { .. } => ErrorCode::Network,
            Self::NotJson { .. }
            | Self::BadPayload { .. }
            | Self::BodyTooLarge { .. }
            | Self::Truncated { .. }
            | Self::BadRequest { .. }
            | Self::Moved { .. } => ErrorCode::GitlabBadPayload,
            Self::Cancelled => ErrorCode::Cancelled,
        }
    }

    /// Whether the same request may succeed later without anyone changing
    /// anything.
    pub fn is_retryable(&self) -> bool {
        match self {
            Self::RateLimited { .. }
            | Self::Unavailable { .. }
            | Self::ServerTimeout
            | Self::Timeout { .. }
            | Self::Network { .. }
            | Self::Truncated { .. }
            | Self::Cancelled => true,
            Self::NotJson {
                looks_like_login_page,
            } => !looks_like_login_page,
            Self::Setup { .. }
            | Self::TokenMissing
            | Self::Unauthorized { .. }
            | Self::Forbidden { .. }
            | Self::NotFound { .. }
            | Self::Tls { .. }
            | Self::BadPayload { .. }
            | Self::BodyTooLarge { .. }
            | Self::BadRequest { .. }
            | Self::Moved { .. } => false,
        }
    }
}
