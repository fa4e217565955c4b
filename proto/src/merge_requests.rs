//! `mergeRequests.list` and `mergeRequests.get`.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::Timestamp;
use crate::file_history::ChangeType;
use crate::items::{ItemEvent, ItemLink, ItemSort, Thread};
use crate::project::ProjectInfo;

/// Parameters of `mergeRequests.list`. A merge request has to fit all that is
/// given. User names, labels and milestones are compared without regard to
/// case; where it says so, `none` and `any` are no names but mean just that.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ListMergeRequests {
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
    pub state: Option<MergeRequestState>,
    /// The author's user name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub author: Option<String>,
    /// An assignee's user name, `none` or `any`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub assignee: Option<String>,
    /// A reviewer's user name, `none` or `any`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reviewer: Option<String>,
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
    /// Only drafts, or none of them; absent: both.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub draft: Option<bool>,
    /// Only those with unresolved threads.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub unresolved: bool,
    /// The branch that it comes from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source_branch: Option<String>,
    /// The branch that it goes to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub target_branch: Option<String>,
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

/// Which merge requests are listed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum MergeRequestState {
    /// Open.
    #[default]
    Opened,
    /// Closed without a merge.
    Closed,
    /// Merged.
    Merged,
    /// Being merged.
    Locked,
    /// Any.
    All,
}

impl MergeRequestState {
    /// The name on the wire; all but `all` are GitLab's.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Opened => "opened",
            Self::Closed => "closed",
            Self::Merged => "merged",
            Self::Locked => "locked",
            Self::All => "all",
        }
    }
}

/// The answer of `mergeRequests.list`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct MergeRequestList {
    /// The project that answers.
    pub project: ProjectInfo,
    /// In the order that was asked for.
    pub merge_requests: Vec<MergeRequest>,
    /// How many there are in all.
    pub total: u64,
    /// How many come after this page.
    pub remaining: u64,
    /// Gives the next page; absent on the last.
    pub next_cursor: Option<String>,
}

/// A merge request, as far as a list shows it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct MergeRequest {
    /// Its iid.
    pub iid: u64,
    /// Its title; text from GitLab.
    pub title: String,
    /// `opened`, `closed`, `merged` or `locked`.
    pub state: String,
    /// Marked as a draft.
    pub draft: bool,
    /// The author's user name.
    pub author: Option<String>,
    /// User names, sorted.
    pub assignees: Vec<String>,
    /// User names, sorted.
    pub reviewers: Vec<String>,
    /// Names, sorted.
    pub labels: Vec<String>,
    /// The milestone's title.
    pub milestone: Option<String>,
    /// The branch that it comes from.
    pub source_branch: Option<String>,
    /// The branch that it goes to.
    pub target_branch: Option<String>,
    /// How many notes of people it has.
    pub notes: u64,
    /// How many of its threads are not resolved.
    pub unresolved_threads: u64,
    /// When it was opened.
    pub created_at: Option<Timestamp>,
    /// When it last changed.
    pub updated_at: Timestamp,
    /// When it was merged.
    pub merged_at: Option<Timestamp>,
    /// When it was closed.
    pub closed_at: Option<Timestamp>,
    /// Its page.
    pub web_url: Option<String>,
    /// Something of it (threads, events, files, links) is not fetched yet.
    pub incomplete: bool,
}

/// Parameters of `mergeRequests.get`: the merge request by `iid` or by
/// `reference`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct GetMergeRequest {
    /// Its iid.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub iid: Option<u64>,
    /// `123`, `!123`, `group/project!123` or a web address with any anchor,
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
    /// Only threads that are not resolved.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub unresolved: bool,
    /// Only threads on this file, by its name before or after the change.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub path: Option<String>,
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

/// The answer of `mergeRequests.get`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct MergeRequestDetail {
    /// The project that answers.
    pub project: ProjectInfo,
    /// What a list shows of it.
    #[serde(flatten)]
    pub merge_request: MergeRequest,
    /// The beginning of its description, in Markdown; text from GitLab.
    pub description: String,
    /// The description goes on.
    pub description_truncated: bool,
    /// Who merged it.
    pub merged_by: Option<String>,
    /// Who closed it.
    pub closed_by: Option<String>,
    /// What stands between it and a merge, in GitLab's words, such as
    /// `discussions_not_resolved`.
    pub detailed_merge_status: Option<String>,
    /// It does not merge as it is.
    pub has_conflicts: Option<bool>,
    /// The newest commit of its branch.
    pub sha: Option<String>,
    /// The commit that landed.
    pub commit_sha: Option<String>,
    /// Thumbs up.
    pub upvotes: u64,
    /// Thumbs down.
    pub downvotes: u64,
    /// Items of its task lists, and how many of them are ticked.
    pub task_count: u64,
    /// See `task_count`.
    pub task_completed_count: u64,
    /// Issues that it closes when it is merged, at most 100.
    pub closes: Vec<ItemLink>,
    /// A page of its threads: the unresolved ones first, then in their order.
    pub threads: Vec<Thread>,
    /// How many threads there are in all that fit what was asked for.
    pub threads_total: u64,
    /// How many threads come after this page.
    pub threads_remaining: u64,
    /// Gives the next page of threads; absent on the last.
    pub next_cursor: Option<String>,
    /// The files that it changes, by name, at most 100.
    pub files: Vec<ChangedFile>,
    /// How many files there are in all.
    pub files_total: u64,
    /// False where GitLab cut the list and it could not be completed.
    pub files_complete: bool,
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

/// A file that a merge request changes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ChangedFile {
    /// The name before.
    pub old_path: String,
    /// The name after.
    pub new_path: String,
    /// How.
    pub change_type: ChangeType,
    /// Lines that came; absent where GitLab left the text out.
    pub additions: Option<u64>,
    /// Lines that went; likewise.
    pub deletions: Option<u64>,
}
