//! Projects as both sides name them.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::Timestamp;

/// A mirrored project.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ProjectInfo {
    /// The host's key in the config.
    pub host: String,
    /// The full path, `group/sub/project`.
    pub path: String,
    /// GitLab's numeric id; absent until the first contact.
    pub id: Option<u64>,
    /// The project's page.
    pub web_url: Option<String>,
}

/// How current the mirror of one project is (contract §5).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Freshness {
    /// The project's full path.
    pub project: String,
    /// When the last sync that reached the end of the project's lists ended.
    pub last_synced_at: Option<Timestamp>,
    /// Whole seconds since then.
    pub age_seconds: Option<u64>,
    /// False while the first sync has not ended or something is owed.
    pub complete: bool,
}

/// Which project a request is about: both empty means the only configured one.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ProjectSelector {
    /// A full path or an unambiguous suffix of one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub project: Option<String>,
    /// A host's key in the config.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub host: Option<String>,
}

/// A read's answer: the data, which is the same bytes on an unchanged mirror,
/// and beside it how current it is.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[schemars(rename = "{T}Read")]
pub struct Read<T> {
    /// What was asked for.
    pub data: T,
    /// How current the mirror it comes from is; absent where no project is
    /// concerned.
    pub freshness: Option<Freshness>,
    /// What the reader should know about this answer.
    #[serde(default)]
    pub warnings: Vec<String>,
}

/// The answer of `projects.list`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ProjectList {
    /// The configured projects, by host, then path.
    pub projects: Vec<ProjectInfo>,
}

/// Parameters of `projects.resolve`: from what a client knows to one project.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ResolveProject {
    /// A full path or an unambiguous suffix of one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub project: Option<String>,
    /// A host's key in the config.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub host: Option<String>,
    /// URLs of the current checkout's git remotes, most telling first; used
    /// where `project` is absent.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub remotes: Vec<String>,
}
