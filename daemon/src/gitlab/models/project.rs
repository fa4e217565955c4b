//! Projects, and what an instance says about itself and a token.

use jiff::Timestamp;
use serde::Deserialize;

use super::ProjectId;
use super::lenient::{null_as_default, optional_timestamp};

/// A project.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Project {
    /// The instance-wide number; stable across rename and transfer.
    pub id: ProjectId,
    /// The full path in its canonical case, of any depth.
    pub path_with_namespace: String,
    /// The display name.
    #[serde(default, deserialize_with = "null_as_default")]
    pub name: String,
    /// The display name with its groups.
    #[serde(default, deserialize_with = "null_as_default")]
    pub name_with_namespace: String,
    /// Plain text.
    pub description: Option<String>,
    /// The web page; ends with the full path.
    #[serde(default, deserialize_with = "null_as_default")]
    pub web_url: String,
    /// Null for an empty repository or without access to it.
    pub default_branch: Option<String>,
    /// Archived projects can still be read.
    #[serde(default, deserialize_with = "null_as_default")]
    pub archived: bool,
    /// `private`, `internal` or `public`.
    pub visibility: Option<String>,
    /// False where issues are switched off; `None` where GitLab does not say.
    pub issues_enabled: Option<bool>,
    /// False where merge requests are switched off; `None` where GitLab does
    /// not say.
    pub merge_requests_enabled: Option<bool>,
    /// Coarse (up to an hour late): no cursor.
    #[serde(default, deserialize_with = "optional_timestamp")]
    pub last_activity_at: Option<Timestamp>,
    /// `YYYY-MM-DD` on which a soft-deleted project was marked.
    pub marked_for_deletion_on: Option<String>,
    /// The same in the spelling of older instances.
    pub marked_for_deletion_at: Option<String>,
    /// The group or user it belongs to.
    pub namespace: Option<Namespace>,
}

/// The group or user a project belongs to.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Namespace {
    /// The instance-wide number.
    pub id: i64,
    /// The display name.
    #[serde(default, deserialize_with = "null_as_default")]
    pub name: String,
    /// `group` or `user`.
    #[serde(default, deserialize_with = "null_as_default")]
    pub kind: String,
    /// The full path.
    #[serde(default, deserialize_with = "null_as_default")]
    pub full_path: String,
}

/// What GitLab says about the token that asks.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct TokenInfo {
    /// The token's number, not its value.
    pub id: i64,
    /// The name its owner gave it.
    #[serde(default, deserialize_with = "null_as_default")]
    pub name: String,
    /// Whether it works; `None` where the version does not say.
    pub active: Option<bool>,
    /// Whether it was revoked.
    #[serde(default, deserialize_with = "null_as_default")]
    pub revoked: bool,
    /// Whether its permissions are per endpoint, so that `scopes` says nothing.
    #[serde(default, deserialize_with = "null_as_default")]
    pub granular: bool,
    /// `read_api`, `api`, …
    #[serde(default, deserialize_with = "null_as_default")]
    pub scopes: Vec<String>,
    /// Whose it is.
    pub user_id: Option<i64>,
    /// `YYYY-MM-DD`; it stops at the start of that day in UTC.
    pub expires_at: Option<String>,
    /// When it was made.
    #[serde(default, deserialize_with = "optional_timestamp")]
    pub created_at: Option<Timestamp>,
    /// When it was last used; coarse.
    #[serde(default, deserialize_with = "optional_timestamp")]
    pub last_used_at: Option<Timestamp>,
}

/// The version of an instance.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Version {
    /// `18.5.1-ee`, `19.2.0-pre`, …
    pub version: String,
    /// The commit it was built from.
    #[serde(default, deserialize_with = "null_as_default")]
    pub revision: String,
}

impl Version {
    /// `(18, 5)` for `18.5.1-ee`; `None` for what does not start like that.
    pub fn major_minor(&self) -> Option<(u32, u32)> {
        let mut parts = self.version.split(['.', '-']);
        let major = parts.next()?.parse().ok()?;
        let minor = parts.next()?.parse().ok()?;
        Some((major, minor))
    }
}
