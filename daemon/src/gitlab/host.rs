//! What the client has to know of one GitLab instance.

use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

use reqwest::header::{AUTHORIZATION, HeaderName, HeaderValue};
use url::Url;

use super::error::Failure;

/// One GitLab instance, as configured.
#[derive(Debug, Clone)]
pub struct HostConfig {
    /// The key in the config; the name in errors.
    pub host: String,
    /// Where the instance is: `https://host[:port][/relative-root]`. A
    /// trailing slash or `/api/v4` does no harm.
    pub base_url: Url,
    /// Without one, requests are anonymous.
    pub token: Option<Token>,
    /// PEM certificates trusted besides the platform's.
    pub ca_file: Option<PathBuf>,
    /// A PEM certificate chain to show to servers that ask for one; needs
    /// `client_key`.
    pub client_cert: Option<PathBuf>,
    /// The PEM private key of `client_cert`.
    pub client_key: Option<PathBuf>,
    /// Requests at once for background work.
    pub max_concurrent_requests: usize,
    /// Requests at once for interactive work; they stand apart.
    pub max_interactive_requests: usize,
    /// The longest that one attempt may take, from the start of connecting to
    /// the end of the body.
    pub request_timeout: Duration,
    /// Attempts after the first.
    pub max_retries: u32,
    /// The wait before the first retry; each further one is twice as long, up
    /// to half a minute. A 429 that does not say how long pauses the host for
    /// four times as much at first, up to a minute.
    pub first_backoff: Duration,
    /// The largest body accepted, in bytes after decompression. A raw diff,
    /// which is read as a stream, may have sixteen times as much.
    pub max_body_bytes: usize,
    /// Sent with every request.
    pub user_agent: String,
}

impl HostConfig {
    /// A config with the defaults of contract §3.
    pub fn new(host: impl Into<String>, base_url: Url) -> Self {
        Self {
            host: host.into(),
            base_url,
            token: None,
            ca_file: None,
            client_cert: None,
            client_key: None,
            max_concurrent_requests: 8,
            max_interactive_requests: 64,
            request_timeout: Duration::from_secs(30),
            max_retries: 4,
            first_backoff: Duration::from_millis(250),
            max_body_bytes: 64 * 1024 * 1024,
            user_agent: concat!("lore/", env!("CARGO_PKG_VERSION")).to_owned(),
        }
    }
}

/// A secret that GitLab accepts in a header. It cannot be printed.
#[derive(Clone, PartialEq, Eq)]
pub struct Token {
    secret: String,
    form: TokenForm,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum TokenForm {
    Bearer,
    Job,
}

impl Token {
    /// A personal, project, group or OAuth token. White space around it, as
    /// files and commands leave it, is taken off. Its form is not checked:
    /// administrators choose prefixes.
    pub fn new(secret: impl AsRef<str>) -> Self {
        Self {
            secret: secret.as_ref().trim().to_owned(),
            form: TokenForm::Bearer,
        }
    }

    /// A CI job token. GitLab accepts it on few routes.
    pub fn job(secret: impl AsRef<str>) -> Self {
        Self {
            form: TokenForm::Job,
            ..Self::new(secret)
        }
    }

    /// Whether there is nothing in it.
    pub fn is_empty(&self) -> bool {
        self.secret.is_empty()
    }

    /// The header that carries it. Every kind of access token works as a
    /// bearer token, and generic HTTP machinery knows `Authorization` for a
    /// secret, which it does not know of `PRIVATE-TOKEN`.
    pub(super) fn header(&self) -> Result<(HeaderName, HeaderValue), Failure> {
        let (name, text) = match self.form {
            TokenForm::Bearer => (AUTHORIZATION, format!("Bearer {}", self.secret)),
            TokenForm::Job => (HeaderName::from_static("job-token"), self.secret.clone()),
        };
        if self.secret.is_empty() {
            return Err(Failure::TokenMissing);
        }
        let mut value = HeaderValue::try_from(text).map_err(|_| Failure::Setup {
            key: "token",
            reason: "it has characters that no token has".into(),
        })?;
        value.set_sensitive(true);
        Ok((name, value))
    }

    /// `text` with every occurrence of the token replaced, for words that
    /// come back from a server.
    pub(super) fn redact(&self, text: &str) -> String {
        if self.secret.len() < 4 {
            return text.to_owned();
        }
        text.replace(&self.secret, "[redacted]")
    }
}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[redacted]")
    }
}

impl fmt::Display for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[redacted]")
    }
}

#[cfg(test)]
mod tests {
    use super::{HostConfig, Token};

    #[test]
    fn a_token_cannot_be_printed() {
        let token = Token::new("glpat-very-secret");
        let mut config = HostConfig::new("h", "https://h".parse().unwrap());
        config.token = Some(token.clone());
        let (name, value) = token.header().unwrap();
        for shown in [
            format!("{token:?}"),
            format!("{token}"),
            format!("{config:?}"),
            format!("{name:?} {value:?}"),
        ] {
            assert!(!shown.contains("very-secret"), "{shown}");
        }
    }

    #[test]
    fn a_token_is_trimmed_and_sent_as_bearer() {
        let (name, value) = Token::new(" abcd\n").header().unwrap();
        assert_eq!(name, "authorization");
        assert_eq!(value.to_str().unwrap(), "Bearer abcd");
    }

    #[test]
    fn a_token_with_control_characters_is_refused_without_being_shown() {
        let failure = Token::new("abc\u{7}defg").header().unwrap_err();
        assert!(!failure.to_string().contains("defg"), "{failure}");
    }

    #[test]
    fn a_token_that_a_server_echoes_is_redacted() {
        assert_eq!(
            Token::new("s3cret").redact("bad token s3cret!"),
            "bad token [redacted]!"
        );
    }
}
