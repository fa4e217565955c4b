//! `issues.list` and `issues.get`.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::Timestamp;
use crate::items::{ItemEvent, ItemLink, ItemSort, Thread};
use crate::project::ProjectInfo;

/// Parameters of `issues.list`. An issue has to fit all that is given. User
/// names, labels and milestones are compared without regard to case; where it
/// says so, `none` and `any` are no names but mean just that.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ListIssues {
    /// A full path or an unambiguous suffix of one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub project: Option<String>,
    /// A host's key in the config.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub host: Option<String>,
    /// URLs of the checkout's git remotes, used where `project` is absent.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub remotes: Vec<String>,
    /// Absent: opened ones.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub state: Option<IssueState>,
    /// The author's user name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub author: Option<String>,
    /// An assignee's user name, `none` or `any`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub assignee: Option<String>,
    /// It has all of these labels; `none` or `any`, alone.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub labels: Vec<String>,
    /// The milestone's title, `none` or `any`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub milestone: Option<String>,
    /// Changed at this instant or later.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub since: Option<Timestamp>,
    /// Its title and description have all of these words and `"phrases"`, and
    /// none of the `-excluded` ones.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub search: Option<String>,
    /// Absent: by the last change.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sort: Option<ItemSort>,
    /// The oldest first.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub reverse: bool,
    /// At most so many, 1 to 1,000; absent: 20.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub limit: Option<u32>,
    /// `next_cursor` of the page before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cursor: Option<String>,
}

/// Which issues are listed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum IssueState {
    /// Open.
    #[default]
    Opened,
    /// Closed.
    Closed,
    /// Either.
    All,
}

impl IssueState {
    /// The name on the wire; all but `all` are GitLab's.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Opened => "opened",
            Self::Closed => "closed",
            Self::All => "all",
        }
    }
}

/// The answer of `issues.list`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct IssueList {
    /// The project that answers.
    pub project: ProjectInfo,
    /// In the order that was asked for.
    pub issues: Vec<Issue>,
    /// How many there are in all.
    pub total: u64,
    /// How many come after this page.
    pub remaining: u64,
    /// Gives the next page; absent on the last.
    pub next_cursor: Option<String>,
}

/// An issue, as far as a list shows it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Issue {
    /// Its iid.
    pub iid: u64,
    /// Its title; text from GitLab.
    pub title: String,
    /// `opened` or `closed`.
    pub state: String,
    /// `issue`, `incident`, `task` and the like.
    pub issue_type: Option<String>,
    /// The work item's status, where the host has such a thing.
    pub status: Option<String>,
    /// For members alone.
    pub confidential: bool,
    /// The author's user name.
    pub author: Option<String>,
    /// User names, sorted.
    pub assignees: Vec<String>,
    /// Names, sorted.
    pub labels: Vec<String>,
    /// The milestone's title.
    pub milestone: Option<String>,
    /// How many notes of people it has.
    pub notes: u64,
    /// `YYYY-MM-DD`.
    pub due_date: Option<String>,
    /// When it was opened.
    pub created_at: Option<Timestamp>,
    /// When it last changed.
    pub updated_at: Timestamp,
    /// When it was closed.
    pub closed_at: Option<Timestamp>,
    /// Its page.
    pub web_url: Option<String>,
    /// Something of it (threads, events, status) is not fetched yet.
    pub incomplete: bool,
}

/// Parameters of `issues.get`: the issue by `iid` or by `reference`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct GetIssue {
    /// Its iid.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub iid: Option<u64>,
    /// `123`, `#123`, `group/project#123` or a web address with any anchor,
    /// tab or query, which names host and project too.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reference: Option<String>,
    /// A full path or an unambiguous suffix of one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub project: Option<String>,
    /// A host's key in the config.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub host: Option<String>,
    /// URLs of the checkout's git remotes, used where `project` is absent.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub remotes: Vec<String>,
    /// Characters of the description, and of each note, 1 to 1,000,000;
    /// absent: 1,000.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub body_limit: Option<u32>,
    /// Notes of each thread, 1 to 1,000; absent: 20.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub note_limit: Option<u32>,
    /// At most so many threads, 1 to 1,000; absent: 20.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub limit: Option<u32>,
    /// `next_cursor` of the page before: more threads.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cursor: Option<String>,
}

/// The answer of `issues.get`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct IssueDetail {
    /// The project that answers.
    pub project: ProjectInfo,
    /// What a list shows of it.
    #[serde(flatten)]
    pub issue: Issue,
    /// The beginning of its description, in Markdown; text from GitLab.
    pub description: String,
    /// The description goes on.
    pub description_truncated: bool,
    /// Who closed it.
    pub closed_by: Option<String>,
    /// Thumbs up.
    pub upvotes: u64,
    /// Thumbs down.
    pub downvotes: u64,
    /// Items of its task lists, and how many of them are ticked.
    pub task_count: u64,
    /// See `task_count`.
    pub task_completed_count: u64,
    /// Merge requests that close it when they are merged, newest first, at
    /// most 100.
    pub closed_by_merge_requests: Vec<ItemLink>,
    /// A page of its threads, in their order.
    pub threads: Vec<Thread>,
    /// How many threads there are in all.
    pub threads_total: u64,
    /// How many threads come after this page.
    pub threads_remaining: u64,
    /// Gives the next page of threads; absent on the last.
    pub next_cursor: Option<String>,
    /// What happened to it, newest first, at most 50.
    pub events: Vec<ItemEvent>,
    /// How many events there are in all.
    pub events_total: u64,
    /// When GitLab was last asked for it in full; absent while only a list has
    /// shown it.
    pub fetched_at: Option<Timestamp>,
    /// What of it is still owed, by the names of a run's stages; empty where
    /// it is whole.
    pub owed: Vec<String>,
}
