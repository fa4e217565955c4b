//! Resource events: what happened to labels, states and milestones.

use super::{Audience, UserId};
use crate::Moment;

/// Added or removed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EventAction {
    /// Now there.
    Add,
    /// No longer there.
    Remove,
}

impl EventAction {
    /// GitLab's word for it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Add => "add",
            Self::Remove => "remove",
        }
    }
}

/// A label was added or removed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LabelEvent {
    /// Global id.
    pub id: u64,
    /// `None` for deleted and system actors.
    pub user_id: Option<UserId>,
    /// When.
    pub created_at: Moment,
    /// Which label; shown as null once the label is deleted.
    pub label_id: u64,
    /// Added or removed.
    pub action: EventAction,
    /// Who can see it.
    pub audience: Audience,
}

/// Closed, reopened or merged. The first opening is not recorded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StateEvent {
    /// Global id.
    pub id: u64,
    /// `None` for deleted and system actors.
    pub user_id: Option<UserId>,
    /// When.
    pub created_at: Moment,
    /// `closed`, `reopened`, `merged`.
    pub state: String,
    /// The commit that closed it.
    pub source_commit: Option<String>,
    /// Global id of the merge request that closed it.
    pub source_merge_request_id: Option<u64>,
}

/// A milestone was set or unset.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MilestoneEvent {
    /// Global id.
    pub id: u64,
    /// `None` for deleted and system actors.
    pub user_id: Option<UserId>,
    /// When.
    pub created_at: Moment,
    /// Which milestone; shown as null once it is deleted.
    pub milestone_id: u64,
    /// Set or unset.
    pub action: EventAction,
    /// State of the item then.
    pub state: String,
}
