//! `setup.check` and `setup.write`: what `lore init` asks of the daemon.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{Timestamp, WireError};

/// A token on its way from a prompt to the daemon. It cannot be printed.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(transparent)]
pub struct Secret(String);

impl Secret {
    /// Wraps what must not be shown.
    pub fn new(secret: impl Into<String>) -> Self {
        Self(secret.into())
    }

    /// The secret itself, for the one place that needs it.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl std::fmt::Debug for Secret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("[redacted]")
    }
}

/// Where a host's token comes from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum TokenSource {
    /// An environment variable of the daemon.
    Env(String),
    /// A file of mode 0600.
    File(String),
    /// A command that prints it.
    Command(Vec<String>),
    /// The token itself, to be kept by the daemon in a file of mode 0600.
    Value(Secret),
}

/// Parameters of `setup.check` and `setup.write`: one host and its projects.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Setup {
    /// The host's key in the config, `gitlab.example.com`.
    pub host: String,
    /// Its URL; absent: `https://<host>`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub url: Option<String>,
    /// Where its token comes from; absent: what the config has, else
    /// `GITLAB_TOKEN`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub token: Option<TokenSource>,
    /// Full paths.
    pub projects: Vec<String>,
    /// A PEM file with the authority that signed the host's certificate.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ca_file: Option<String>,
}

/// The answer of both.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct SetupReport {
    /// The config file, written by `setup.write` alone.
    pub config: String,
    /// True where the file was written.
    pub written: bool,
    /// GitLab's version, where it says so.
    pub gitlab_version: Option<String>,
    /// Whom the token belongs to.
    pub username: Option<String>,
    /// What the token may do, where that can be known.
    pub scopes: Vec<String>,
    /// The day the token ends, `YYYY-MM-DD`.
    pub expires_at: Option<String>,
    /// GitLab's clock less this machine's, in seconds.
    pub clock_skew_seconds: Option<i64>,
    /// Each project.
    pub projects: Vec<ProjectCheck>,
    /// When it was checked.
    pub checked_at: Timestamp,
}

/// One project of a [`SetupReport`].
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ProjectCheck {
    /// The path that was asked for.
    pub asked: String,
    /// The path as GitLab spells it; absent where it cannot be read.
    pub path: Option<String>,
    /// GitLab's numeric id.
    pub id: Option<u64>,
    /// Why it cannot be read.
    pub error: Option<WireError>,
}
