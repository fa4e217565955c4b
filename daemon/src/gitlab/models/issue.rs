//! Issues and what they share with merge requests.

use jiff::Timestamp;
use serde::{Deserialize, Deserializer};

use super::lenient::{null_as_default, optional_timestamp, timestamp};
use super::{Iid, ProjectId};

/// A user as other objects carry it. `username` can change hands; `id` cannot.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct User {
    /// The instance-wide number.
    pub id: i64,
    /// The current login name.
    #[serde(default, deserialize_with = "null_as_default")]
    pub username: String,
    /// The display name.
    #[serde(default, deserialize_with = "null_as_default")]
    pub name: String,
    /// `active`, `blocked`, `deactivated`, …
    #[serde(default, deserialize_with = "null_as_default")]
    pub state: String,
    /// Whether the account is locked; newer instances only.
    pub locked: Option<bool>,
    /// Where the picture is.
    pub avatar_url: Option<String>,
    /// The profile page.
    #[serde(default, deserialize_with = "null_as_default")]
    pub web_url: String,
    /// The address the user shows to everyone.
    pub public_email: Option<String>,
}

/// A label of a project or group.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Label {
    /// The instance-wide number.
    pub id: i64,
    /// The title, with the scope of a scoped label (`priority::2`).
    pub name: String,
    /// Markdown.
    pub description: Option<String>,
    /// `#rrggbb`.
    #[serde(default, deserialize_with = "null_as_default")]
    pub color: String,
    /// `#rrggbb`.
    #[serde(default, deserialize_with = "null_as_default")]
    pub text_color: String,
    /// The rank in the project's list of prioritised labels.
    pub priority: Option<i64>,
    /// False for a label inherited from a group; in label lists only.
    pub is_project_label: Option<bool>,
    /// Newer instances only.
    pub archived: Option<bool>,
}

/// A label on an issue or merge request: its name always, the whole label
/// where the answer carried it (`with_labels_details`).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AppliedLabel {
    /// The label's title.
    pub name: String,
    /// The label itself, when GitLab sent more than its name.
    pub details: Option<Label>,
}

impl<'de> Deserialize<'de> for AppliedLabel {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        #[serde(untagged)]
        enum Form {
            Name(String),
            Details(Label),
        }
        Ok(match Form::deserialize(deserializer)? {
            Form::Name(name) => Self {
                name,
                details: None,
            },
            Form::Details(label) => Self {
                name: label.name.clone(),
                details: Some(label),
            },
        })
    }
}

/// A milestone of a project (`project_id`) or of a group (`group_id`).
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Milestone {
    /// The instance-wide number.
    pub id: i64,
    /// The number within the project or group.
    pub iid: Option<Iid>,
    /// The owning project, unless a group owns it.
    pub project_id: Option<ProjectId>,
    /// The owning group, unless a project owns it.
    pub group_id: Option<i64>,
    /// The title.
    #[serde(default, deserialize_with = "null_as_default")]
    pub title: String,
    /// Markdown.
    pub description: Option<String>,
    /// `active` or `closed`.
    #[serde(default, deserialize_with = "null_as_default")]
    pub state: String,
    /// `YYYY-MM-DD`.
    pub due_date: Option<String>,
    /// `YYYY-MM-DD`.
    pub start_date: Option<String>,
    /// Whether the due date has passed.
    pub expired: Option<bool>,
    /// The web page.
    #[serde(default, deserialize_with = "null_as_default")]
    pub web_url: String,
    /// When it was created.
    #[serde(default, deserialize_with = "optional_timestamp")]
    pub created_at: Option<Timestamp>,
    /// When it was last saved.
    #[serde(default, deserialize_with = "optional_timestamp")]
    pub updated_at: Option<Timestamp>,
}

/// The ways to write an item's name.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct References {
    /// `#17`, `!8`.
    #[serde(deserialize_with = "null_as_default")]
    pub short: String,
    /// As seen from the place that was asked.
    #[serde(deserialize_with = "null_as_default")]
    pub relative: String,
    /// `group/project#17`.
    #[serde(deserialize_with = "null_as_default")]
    pub full: String,
}

/// Time tracking, in seconds.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct TimeStats {
    /// Estimated effort in seconds.
    #[serde(deserialize_with = "null_as_default")]
    pub time_estimate: i64,
    /// Booked effort in seconds.
    #[serde(deserialize_with = "null_as_default")]
    pub total_time_spent: i64,
}

/// The Markdown checkboxes of a description.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct TaskCompletion {
    /// How many there are.
    #[serde(deserialize_with = "null_as_default")]
    pub count: i64,
    /// How many are ticked.
    #[serde(deserialize_with = "null_as_default")]
    pub completed_count: i64,
}

/// The part of an issue's `_links` that says something no other field does.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct IssueLinks {
    /// The API address of the issue this one was closed as a duplicate of.
    pub closed_as_duplicate_of: Option<String>,
}

/// An issue, incident, task or other item of the issue number space.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub struct Issue {
    /// The instance-wide number.
    pub id: i64,
    /// The number within the project.
    pub iid: Iid,
    /// The project it belongs to.
    pub project_id: ProjectId,
    /// The title.
    #[serde(default, deserialize_with = "null_as_default")]
    pub title: String,
    /// Markdown, up to 1 MiB.
    pub description: Option<String>,
    /// `opened` or `closed`.
    #[serde(default, deserialize_with = "null_as_default")]
    pub state: String,
    /// When it was created.
    #[serde(deserialize_with = "timestamp")]
    pub created_at: Timestamp,
    /// When it was last changed; a change within 60 s of the previous one may
    /// leave it as it is.
    #[serde(deserialize_with = "timestamp")]
    pub updated_at: Timestamp,
    /// When it was closed.
    #[serde(default, deserialize_with = "optional_timestamp")]
    pub closed_at: Option<Timestamp>,
    /// Who closed it, where that is known.
    pub closed_by: Option<User>,
    /// Labels, sorted by title.
    #[serde(default, deserialize_with = "null_as_default")]
    pub labels: Vec<AppliedLabel>,
    /// The milestone.
    pub milestone: Option<Milestone>,
    /// The assignees.
    #[serde(default, deserialize_with = "null_as_default")]
    pub assignees: Vec<User>,
    /// The author; the Ghost User for deleted accounts.
    pub author: Option<User>,
    /// `issue`, `incident`, `task`, `test_case`, `ticket`, …
    #[serde(default, deserialize_with = "null_as_default")]
    pub issue_type: String,
    /// Comments, system notes not counted.
    #[serde(default, deserialize_with = "null_as_default")]
    pub user_notes_count: i64,
    /// Related merge requests.
    #[serde(default, deserialize_with = "null_as_default")]
    pub merge_requests_count: i64,
    /// Thumbs up.
    #[serde(default, deserialize_with = "null_as_default")]
    pub upvotes: i64,
    /// Thumbs down.
    #[serde(default, deserialize_with = "null_as_default")]
    pub downvotes: i64,
    /// `YYYY-MM-DD`.
    pub due_date: Option<String>,
    /// `YYYY-MM-DD`; newer instances only.
    pub start_date: Option<String>,
    /// Whether only members with enough access see it.
    #[serde(default, deserialize_with = "null_as_default")]
    pub confidential: bool,
    /// Whether only members may comment.
    #[serde(default, deserialize_with = "null_as_default")]
    pub discussion_locked: bool,
    /// `UNKNOWN`, `LOW`, …; meaningful for incidents.
    pub severity: Option<String>,
    /// The web page. Its form varies, so nothing is read out of it.
    #[serde(default, deserialize_with = "null_as_default")]
    pub web_url: String,
    /// Absent where GitLab sends the short form of an issue.
    pub references: Option<References>,
    /// Time tracking.
    #[serde(default, deserialize_with = "null_as_default")]
    pub time_stats: TimeStats,
    /// Checkboxes.
    #[serde(default, deserialize_with = "null_as_default")]
    pub task_completion_status: TaskCompletion,
    /// The instance-wide number of the issue this one was moved to.
    pub moved_to_id: Option<i64>,
    /// Links, of which one matters.
    #[serde(rename = "_links", default, deserialize_with = "null_as_default")]
    pub links: IssueLinks,
    /// Licensed instances only.
    pub weight: Option<i64>,
    /// Licensed instances only.
    pub health_status: Option<String>,
    /// Whether an importer created it.
    #[serde(default, deserialize_with = "null_as_default")]
    pub imported: bool,
    /// The importer, or `none`.
    pub imported_from: Option<String>,
}

/// An element of a merge request's `closes_issues`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ClosesIssue {
    /// An issue of this instance, possibly of another project.
    Internal {
        /// The issue's project.
        project_id: ProjectId,
        /// The issue's number in its project.
        iid: Iid,
        /// The issue's instance-wide number.
        id: i64,
        /// The issue's title.
        title: String,
    },
    /// An issue of an external tracker.
    External {
        /// The tracker's name for it, as in `PROJ-123`.
        id: String,
        /// Its title, where the tracker told GitLab.
        title: String,
    },
}

impl<'de> Deserialize<'de> for ClosesIssue {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        #[serde(untagged)]
        enum Form {
            Internal {
                id: i64,
                iid: Iid,
                project_id: ProjectId,
                #[serde(default, deserialize_with = "null_as_default")]
                title: String,
            },
            External {
                id: String,
                #[serde(default, deserialize_with = "null_as_default")]
                title: String,
            },
        }
        Ok(match Form::deserialize(deserializer)? {
            Form::Internal {
                id,
                iid,
                project_id,
                title,
            } => Self::Internal {
                project_id,
                iid,
                id,
                title,
            },
            Form::External { id, title } => Self::External { id, title },
        })
    }
}

/// What a sweep over all items needs of each: its identity, and counters that
/// betray a change of children that left `updated_at` alone. A counter that
/// the list does not carry (merge requests with `view=simple`) is `None`.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct EnumeratedItem {
    /// The instance-wide number.
    pub id: i64,
    /// The number within the project.
    pub iid: Iid,
    /// The project it belongs to.
    pub project_id: ProjectId,
    /// `opened`, `closed`, `merged`, `locked`.
    #[serde(default, deserialize_with = "null_as_default")]
    pub state: String,
    /// When it was last changed.
    #[serde(deserialize_with = "timestamp")]
    pub updated_at: Timestamp,
    /// Comments, system notes not counted.
    pub user_notes_count: Option<i64>,
    /// Thumbs up.
    pub upvotes: Option<i64>,
    /// Thumbs down.
    pub downvotes: Option<i64>,
    /// Labels by name.
    pub labels: Option<Vec<AppliedLabel>>,
    /// The milestone.
    pub milestone: Option<Milestone>,
}
