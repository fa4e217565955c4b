//! Resource events: what happened to an item's state, labels and milestone.
//! They never change once written. `resource_id` is the instance-wide number.

use jiff::Timestamp;
use serde::Deserialize;

use super::issue::{Label, Milestone, User};
use super::lenient::{null_as_default, optional_timestamp};

/// The item was closed, reopened, merged or locked. The first opening is not
/// recorded.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct StateEvent {
    /// Instance-wide number among state events.
    pub id: i64,
    /// Who did it; null for deleted accounts and the system.
    pub user: Option<User>,
    /// When.
    #[serde(default, deserialize_with = "optional_timestamp")]
    pub created_at: Option<Timestamp>,
    /// `Issue` or `MergeRequest`.
    #[serde(default, deserialize_with = "null_as_default")]
    pub resource_type: String,
    /// The item's instance-wide number.
    pub resource_id: Option<i64>,
    /// `closed`, `reopened`, `merged`, `locked`, `opened`.
    #[serde(default, deserialize_with = "null_as_default")]
    pub state: String,
    /// The commit that closed the issue.
    pub source_commit: Option<String>,
    /// The instance-wide number of the merge request that closed the issue.
    pub source_merge_request_id: Option<i64>,
}

/// A label was added or removed.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct LabelEvent {
    /// Instance-wide number among label events.
    pub id: i64,
    /// Who did it; null for deleted accounts and the system.
    pub user: Option<User>,
    /// When.
    #[serde(default, deserialize_with = "optional_timestamp")]
    pub created_at: Option<Timestamp>,
    /// `Issue` or `MergeRequest`.
    #[serde(default, deserialize_with = "null_as_default")]
    pub resource_type: String,
    /// The item's instance-wide number.
    pub resource_id: Option<i64>,
    /// Null once the label was deleted.
    pub label: Option<Label>,
    /// `add` or `remove`.
    #[serde(default, deserialize_with = "null_as_default")]
    pub action: String,
}

/// A milestone was set or taken off.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct MilestoneEvent {
    /// Instance-wide number among milestone events.
    pub id: i64,
    /// Who did it; null for deleted accounts and the system.
    pub user: Option<User>,
    /// When.
    #[serde(default, deserialize_with = "optional_timestamp")]
    pub created_at: Option<Timestamp>,
    /// `Issue` or `MergeRequest`.
    #[serde(default, deserialize_with = "null_as_default")]
    pub resource_type: String,
    /// The item's instance-wide number.
    pub resource_id: Option<i64>,
    /// Null once the milestone was deleted.
    pub milestone: Option<Milestone>,
    /// `add` or `remove`.
    #[serde(default, deserialize_with = "null_as_default")]
    pub action: String,
    /// The item's state at that time; newer instances only.
    pub state: Option<String>,
}
