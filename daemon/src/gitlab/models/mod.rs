//! What GitLab answers, as types.
//!
//! GitLab adds and removes fields every month and self-managed instances are
//! years apart, so unknown fields are ignored, a field that may be missing or
//! null has a default, and open enumerations stay strings. Only what identifies
//! an item, and the two times of issues and merge requests that every guard
//! against stale answers rests on, are required.

mod discussion;
mod event;
mod issue;
mod lenient;
mod merge_request;
mod project;
mod status;

pub use discussion::{Discussion, LinePosition, LineRange, Note, Position};
pub use event::{LabelEvent, MilestoneEvent, StateEvent};
pub use issue::{
    AppliedLabel, ClosesIssue, EnumeratedItem, Issue, IssueLinks, Label, Milestone, References,
    TaskCompletion, TimeStats, User,
};
pub use merge_request::{ChangeKind, Diff, DiffRefs, MergeRequest};
pub use project::{Namespace, Project, TokenInfo, Version};
pub use status::{WorkItemStatus, WorkflowStatus};

use std::fmt;

use serde::{Deserialize, Serialize};

/// The instance-wide number of a project; it survives renames and transfers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct ProjectId(pub i64);

/// The number of an issue or a merge request within its project, as in `#17`
/// and `!8`. Issues (with incidents, tasks and other work items) and merge
/// requests count separately.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Iid(pub i64);

impl fmt::Display for ProjectId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl fmt::Display for Iid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// Which of the two kinds of item with discussions and events is meant.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Noteable {
    /// An issue, an incident, a task: everything in the issue number space.
    Issue,
    /// A merge request.
    MergeRequest,
}

impl Noteable {
    /// The segment that stands for this kind in API routes and web addresses.
    pub fn route(self) -> &'static str {
        match self {
            Self::Issue => "issues",
            Self::MergeRequest => "merge_requests",
        }
    }
}
