//! Projects and what belongs to them.

use std::collections::BTreeMap;

use super::{Issue, MergeRequest};
use crate::Moment;

/// Who may see a project at all.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Visibility {
    /// Members only.
    Private,
    /// Everybody who is signed in.
    Internal,
    /// Everybody.
    Public,
}

impl Visibility {
    /// GitLab's word for it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Private => "private",
            Self::Internal => "internal",
            Self::Public => "public",
        }
    }
}

/// A project with everything in it.
#[derive(Clone, Debug, PartialEq)]
pub struct Project {
    /// Global id; survives renames and transfers.
    pub id: u64,
    /// Display name.
    pub name: String,
    /// Full path, any depth.
    pub path_with_namespace: String,
    /// Paths it had before, which redirect as long as nobody takes them.
    pub former_paths: Vec<String>,
    /// What it is about.
    pub description: Option<String>,
    /// `None` for an empty repository.
    pub default_branch: Option<String>,
    /// Archived projects stay readable.
    pub archived: bool,
    /// Who may see it.
    pub visibility: Visibility,
    /// When it was made.
    pub created_at: Moment,
    /// Coarse, as GitLab's is.
    pub last_activity_at: Moment,
    /// With an external tracker, closing links name its tickets.
    pub issues_enabled: bool,
    /// Whether merge requests are switched on.
    pub merge_requests_enabled: bool,
    /// By global id.
    pub labels: BTreeMap<u64, Label>,
    /// By global id.
    pub milestones: BTreeMap<u64, Milestone>,
    /// By iid.
    pub issues: BTreeMap<u64, Issue>,
    /// By iid.
    pub merge_requests: BTreeMap<u64, MergeRequest>,
    /// The next issue's iid. Deleted iids are not used again.
    pub next_issue_iid: u64,
    /// The next merge request's iid.
    pub next_merge_request_iid: u64,
}

impl Project {
    /// The last segment of the path.
    pub fn path(&self) -> &str {
        self.path_with_namespace
            .rsplit_once('/')
            .map_or(self.path_with_namespace.as_str(), |(_, path)| path)
    }

    /// The path without its last segment.
    pub fn namespace(&self) -> &str {
        self.path_with_namespace
            .rsplit_once('/')
            .map_or("", |(namespace, _)| namespace)
    }

    /// The label of that title.
    pub fn label_named(&self, title: &str) -> Option<&Label> {
        self.labels.values().find(|label| label.name == title)
    }
}

/// A label. Issues carry its id, so that a rename shows at once everywhere.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Label {
    /// Global id.
    pub id: u64,
    /// Title; `scope::value` for scoped ones.
    pub name: String,
    /// `#rrggbb`.
    pub color: String,
    /// Free text.
    pub description: Option<String>,
    /// Rank among the prioritised labels.
    pub priority: Option<u64>,
    /// The group it is inherited from; `None` for a label of the project.
    pub group_id: Option<u64>,
    /// When the record was last saved; part of GitLab's cache keys.
    pub updated_at: Moment,
}

/// A milestone of the project or of a group above it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Milestone {
    /// Global id.
    pub id: u64,
    /// Number within its project or group.
    pub iid: u64,
    /// Title.
    pub title: String,
    /// Markdown.
    pub description: String,
    /// `active` or `closed`.
    pub state: String,
    /// When it was made.
    pub created_at: Moment,
    /// When it was last saved.
    pub updated_at: Moment,
    /// `YYYY-MM-DD`.
    pub due_date: Option<String>,
    /// `YYYY-MM-DD`.
    pub start_date: Option<String>,
    /// The group it belongs to; `None` for a milestone of the project.
    pub group_id: Option<u64>,
}
