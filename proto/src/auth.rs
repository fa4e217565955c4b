//! `auth.login`, `auth.status`, `auth.logout`: tokens.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::WireError;
use crate::setup::Secret;

/// Where a token is kept.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum TokenStore {
    /// A file that only its owner may read.
    #[default]
    File,
    /// The desktop's keyring.
    Keyring,
}

/// Parameters of `auth.login`: a token that is tried and then kept.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Login {
    /// The host's key in the config, `gitlab.example.com`; it need not be
    /// there yet. Absent: the only configured host.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub host: Option<String>,
    /// Where the host is; absent: what the config says, else
    /// `https://<host>`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub url: Option<String>,
    /// The token.
    pub token: Secret,
    /// Where it shall be kept.
    #[serde(default)]
    pub store: TokenStore,
}

/// Parameters of `auth.status`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct AskStatus {
    /// One host; absent: all configured ones.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub host: Option<String>,
    /// Do not ask GitLab.
    #[serde(default)]
    pub offline: bool,
}

/// Parameters of `auth.logout`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Logout {
    /// The host's key in the config; absent: the only configured host.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub host: Option<String>,
}

/// The answer of `auth.status`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct AuthStatus {
    /// The hosts, by name.
    pub hosts: Vec<HostToken>,
}

/// One host's token: everything but the token itself. Also the answer of
/// `auth.login`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct HostToken {
    /// The host's key in the config.
    pub host: String,
    /// Where it is.
    pub url: String,
    /// False where the config does not name the host, so that nothing of it is
    /// mirrored.
    pub configured: bool,
    /// Where the token comes from; absent where none was found.
    pub source: Option<String>,
    /// Whom it belongs to; absent where GitLab was not asked or did not say.
    pub username: Option<String>,
    /// What it may do, where GitLab says so.
    pub scopes: Vec<String>,
    /// The day it ends, `YYYY-MM-DD`, where GitLab says so.
    pub expires_at: Option<String>,
    /// Whole days until then; negative once it is over.
    pub expires_in_days: Option<i64>,
    /// What is wrong with it, or with the way to the host.
    pub error: Option<WireError>,
    /// What a person should know: a token that ends soon, one that may do more
    /// than reading.
    pub warnings: Vec<String>,
}

/// The answer of `auth.logout`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct LoggedOut {
    /// The host.
    pub host: String,
    /// True where a token was kept and is no longer.
    pub removed: bool,
    /// Where a token is still found; absent where none is.
    pub remaining_source: Option<String>,
}
