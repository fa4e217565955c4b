//! Issues and merge requests.

use std::collections::BTreeSet;

use super::{
    Commit, DiffVersion, Discussion, LabelEvent, MilestoneEvent, Note, StateEvent, UserId,
};
use crate::Moment;

/// Which of a project's two iid sequences.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ItemKind {
    /// Issues, incidents and tasks.
    Issue,
    /// Merge requests.
    MergeRequest,
}

impl ItemKind {
    /// The name in `noteable_type` and `resource_type`.
    pub const fn type_name(self) -> &'static str {
        match self {
            Self::Issue => "Issue",
            Self::MergeRequest => "MergeRequest",
        }
    }

    /// The name in URLs.
    pub const fn collection(self) -> &'static str {
        match self {
            Self::Issue => "issues",
            Self::MergeRequest => "merge_requests",
        }
    }
}

/// Names one issue or merge request.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ItemRef {
    /// Global id of the project.
    pub project_id: u64,
    /// Which sequence.
    pub kind: ItemKind,
    /// Number within the project and the sequence.
    pub iid: u64,
}

impl ItemRef {
    /// An issue.
    pub const fn issue(project_id: u64, iid: u64) -> Self {
        Self {
            project_id,
            kind: ItemKind::Issue,
            iid,
        }
    }

    /// A merge request.
    pub const fn merge_request(project_id: u64, iid: u64) -> Self {
        Self {
            project_id,
            kind: ItemKind::MergeRequest,
            iid,
        }
    }
}

/// State of an issue or a merge request.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ItemState {
    /// Spelt `opened`.
    Opened,
    /// Closed without a merge.
    Closed,
    /// Merge requests only.
    Merged,
    /// Merge requests only, for the moment of merging.
    Locked,
}

impl ItemState {
    /// GitLab's word for it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Opened => "opened",
            Self::Closed => "closed",
            Self::Merged => "merged",
            Self::Locked => "locked",
        }
    }
}

/// What issues and merge requests have in common.
#[derive(Clone, Debug, PartialEq)]
pub struct Issuable {
    /// Global id, from one sequence for issues and another for merge requests.
    pub id: u64,
    /// Number within the project.
    pub iid: u64,
    /// Global id of the project.
    pub project_id: u64,
    /// One line.
    pub title: String,
    /// Markdown.
    pub description: Option<String>,
    /// Open, closed, merged.
    pub state: ItemState,
    /// When it was made.
    pub created_at: Moment,
    /// The sync key; see the throttled touch.
    pub updated_at: Moment,
    /// When it was closed.
    pub closed_at: Option<Moment>,
    /// Who closed it.
    pub closed_by: Option<UserId>,
    /// Who made it.
    pub author_id: UserId,
    /// In the order they were assigned.
    pub assignee_ids: Vec<UserId>,
    /// Labels of the project, by global id.
    pub label_ids: BTreeSet<u64>,
    /// Milestone of the project, by global id.
    pub milestone_id: Option<u64>,
    /// Thumbs up.
    pub upvotes: u64,
    /// Thumbs down.
    pub downvotes: u64,
    /// `None` means false.
    pub discussion_locked: Option<bool>,
    /// Seconds.
    pub time_estimate: u64,
    /// Seconds.
    pub total_time_spent: u64,
    /// Threads and single notes, in any order.
    pub discussions: Vec<Discussion>,
    /// Labels added and removed, ascending id.
    pub label_events: Vec<LabelEvent>,
    /// Closed, reopened, merged, ascending id.
    pub state_events: Vec<StateEvent>,
    /// Milestones set and unset, ascending id.
    pub milestone_events: Vec<MilestoneEvent>,
}

impl Issuable {
    /// All notes of all discussions.
    pub fn notes(&self) -> impl Iterator<Item = &Note> {
        self.discussions
            .iter()
            .flat_map(|discussion| &discussion.notes)
    }

    /// The discussion of that id.
    pub fn discussion(&self, id: &str) -> Option<&Discussion> {
        self.discussions
            .iter()
            .find(|discussion| discussion.id == id)
    }

    /// GitLab's touch: bumps `updated_at` unless it is less than a minute old.
    pub(crate) fn touch(&mut self, now: Moment) {
        if self.updated_at + std::time::Duration::from_mins(1) <= now {
            self.updated_at = now;
        }
    }

    /// A save of the record: always bumps `updated_at`.
    pub(crate) fn save(&mut self, now: Moment) {
        self.updated_at = now;
    }
}

/// An issue.
#[derive(Clone, Debug, PartialEq)]
pub struct Issue {
    /// What merge requests have too.
    pub common: Issuable,
    /// `issue`, `incident`, `task`, `test_case`, ...
    pub issue_type: String,
    /// Hidden from guests.
    pub confidential: bool,
    /// `YYYY-MM-DD`.
    pub due_date: Option<String>,
    /// `UNKNOWN`, `LOW`, ...
    pub severity: String,
    /// Planning weight (licensed installations).
    pub weight: Option<u64>,
    /// Global id of the issue it was moved to.
    pub moved_to_id: Option<u64>,
    /// How many merge requests mention or close it.
    pub merge_requests_count: u64,
    /// Workflow status (licensed installations); GraphQL alone shows it.
    pub status: Option<WorkItemStatus>,
}

/// Workflow status of an issue.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WorkItemStatus {
    /// Opaque global id.
    pub id: String,
    /// `To do`, `In progress`, ...
    pub name: String,
    /// `TRIAGE`, `TO_DO`, `IN_PROGRESS`, `DONE`, `CANCELED`.
    pub category: String,
    /// `#rrggbb`.
    pub color: String,
    /// Name of the icon.
    pub icon_name: String,
    /// Rank within its category.
    pub position: u64,
}

impl WorkItemStatus {
    /// The system-defined "In progress".
    pub fn in_progress() -> Self {
        Self::system(2, "In progress", "IN_PROGRESS", "#1f75cb", "status-running")
    }

    /// The system-defined "To do".
    pub fn to_do() -> Self {
        Self::system(1, "To do", "TO_DO", "#737278", "status-waiting")
    }

    /// The system-defined "Done".
    pub fn done() -> Self {
        Self::system(3, "Done", "DONE", "#108548", "status-success")
    }

    fn system(number: u64, name: &str, category: &str, color: &str, icon_name: &str) -> Self {
        Self {
            id: format!("gid://gitlab/WorkItems::Statuses::SystemDefined::Status/{number}"),
            name: name.to_owned(),
            category: category.to_owned(),
            color: color.to_owned(),
            icon_name: icon_name.to_owned(),
            position: 0,
        }
    }
}

/// A merge request.
#[derive(Clone, Debug, PartialEq)]
pub struct MergeRequest {
    /// What issues have too.
    pub common: Issuable,
    /// Branch of the source project.
    pub source_branch: String,
    /// Branch of this project.
    pub target_branch: String,
    /// `None` when the fork was deleted.
    pub source_project_id: Option<u64>,
    /// Not ready for review.
    pub draft: bool,
    /// When it was merged.
    pub merged_at: Option<Moment>,
    /// Who merged it.
    pub merged_by: Option<UserId>,
    /// `None` until merged, and for fast-forward merges.
    pub merge_commit_sha: Option<String>,
    /// Set when squashed.
    pub squash_commit_sha: Option<String>,
    /// Who was asked for a review.
    pub reviewer_ids: Vec<UserId>,
    /// Who approved.
    pub approved_by: Vec<UserId>,
    /// The deprecated `merge_status`; moves without `updated_at`.
    pub merge_status: String,
    /// One per push, oldest first.
    pub versions: Vec<DiffVersion>,
    /// Newest first.
    pub commits: Vec<Commit>,
    /// What its merge closes.
    pub closes: Vec<ClosingLink>,
}

impl MergeRequest {
    /// The newest version that GitLab has worked out by `now`. `None` while
    /// the merge request is being prepared.
    pub fn ready_version(&self, now: Moment) -> Option<&DiffVersion> {
        self.versions
            .iter()
            .rev()
            .find(|version| version.ready_at <= now)
    }

    /// When the first version was worked out, if it has been by `now`.
    pub fn prepared_at(&self, now: Moment) -> Option<Moment> {
        self.versions
            .first()
            .map(|version| version.ready_at)
            .filter(|ready_at| *ready_at <= now)
    }
}

/// What the merge of a merge request closes.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum ClosingLink {
    /// An issue of this or another project.
    Issue {
        /// Project of the issue.
        project_id: u64,
        /// The issue's iid.
        iid: u64,
    },
    /// A ticket of an external tracker.
    External {
        /// `PROJ-123`.
        id: String,
        /// As GitLab shows it.
        title: String,
    },
}
