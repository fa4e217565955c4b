//! `fileHistory.get`: the merge requests behind a file.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::Timestamp;
use crate::project::ProjectInfo;

/// Parameters of `fileHistory.get`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[allow(clippy::struct_excessive_bools)] // Independent flags of the command.
pub struct FileHistoryParams {
    /// Relative to the repository root, with `/` between its parts.
    pub path: String,
    /// A full path or an unambiguous suffix of one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub project: Option<String>,
    /// A host's key in the config.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub host: Option<String>,
    /// URLs of the checkout's git remotes, used where `project` is absent.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub remotes: Vec<String>,
    /// Add the review threads on the file.
    #[serde(default)]
    pub discussions: bool,
    /// Merged merge requests only.
    #[serde(default)]
    pub merged: bool,
    /// This path alone.
    #[serde(default)]
    pub no_follow_renames: bool,
    /// At most so many merge requests, 1 to 1,000; absent: 20.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub limit: Option<u32>,
    /// `next_cursor` of the page before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cursor: Option<String>,
}

/// How a merge request touched a file.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum ChangeType {
    /// The file is new.
    Added,
    /// Its content changed.
    Modified,
    /// It got another name, with or without another content.
    Renamed,
    /// It went.
    Deleted,
    /// Its mode alone changed.
    ModeChanged,
}

impl ChangeType {
    /// The name on the wire and in `mr_file_changes.change_type`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Added => "added",
            Self::Modified => "modified",
            Self::Renamed => "renamed",
            Self::Deleted => "deleted",
            Self::ModeChanged => "mode_changed",
        }
    }

    /// The change type of that name; an unknown one counts as modified, so
    /// that a newer daemon's rows stay readable.
    pub fn from_name(name: &str) -> Self {
        match name {
            "added" => Self::Added,
            "renamed" => Self::Renamed,
            "deleted" => Self::Deleted,
            "mode_changed" => Self::ModeChanged,
            _ => Self::Modified,
        }
    }
}

/// The answer of `fileHistory.get`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct FileHistory {
    /// The project that answers.
    pub project: ProjectInfo,
    /// The path that was asked for, normalised.
    pub path: String,
    /// All names of the file (contract §4), newest rename first.
    pub chain: Vec<ChainName>,
    /// The chain has more than 50 names and was cut.
    pub chain_truncated: bool,
    /// Newest first, by merge, then update time, then iid.
    pub merge_requests: Vec<FileMergeRequest>,
    /// How many there are in all.
    pub total: u64,
    /// How many come after this page.
    #[serde(default)]
    pub remaining: u64,
    /// Gives the next page; absent on the last.
    pub next_cursor: Option<String>,
    /// Merge requests whose file list GitLab cut, so that this answer may lack
    /// them; empty where it is complete.
    pub possibly_missing: Vec<u64>,
}

/// One name in the rename chain.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ChainName {
    /// The name.
    pub path: String,
    /// The rename that connects it to the asked path; absent for that path.
    pub renamed: Option<Rename>,
}

/// A rename in a merged merge request.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Rename {
    /// The name before.
    pub from: String,
    /// The name after.
    pub to: String,
    /// The merge request.
    pub merge_request_iid: u64,
    /// When it was merged.
    pub at: Option<Timestamp>,
}

/// A merge request that touched the file.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct FileMergeRequest {
    /// Its iid.
    pub iid: u64,
    /// Its title; text from GitLab.
    pub title: String,
    /// `opened`, `closed`, `merged` or `locked`.
    pub state: String,
    /// Marked as a draft.
    pub draft: bool,
    /// Its author's username.
    pub author: Option<String>,
    /// Its page.
    pub web_url: Option<String>,
    /// Where it goes.
    pub target_branch: Option<String>,
    /// When it was opened.
    pub created_at: Option<Timestamp>,
    /// When it last changed.
    pub updated_at: Timestamp,
    /// When it was merged.
    pub merged_at: Option<Timestamp>,
    /// The commit that landed.
    pub commit_sha: Option<String>,
    /// How it touched the file; more than one entry where it touched it under
    /// several of its names.
    pub changes: Vec<FileChange>,
    /// The review threads on the file; absent unless asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub discussions: Option<Vec<FileDiscussion>>,
}

/// One touch of one name.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
pub struct FileChange {
    /// The name in the chain by which the merge request counts.
    pub path: String,
    /// How.
    pub change_type: ChangeType,
    /// The name before.
    pub old_path: String,
    /// The name after.
    pub new_path: String,
}

/// A review thread on the file.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct FileDiscussion {
    /// GitLab's id of the thread.
    pub discussion_id: String,
    /// Whether it can be resolved and is; absent where it cannot.
    pub resolved: Option<bool>,
    /// The name of the file it was written on.
    pub path: String,
    /// The line, in the new file, else in the old one; absent for a note on
    /// the whole file or on an image.
    pub line: Option<u32>,
    /// `new` or `old`, by which `line` counts.
    pub side: Option<String>,
    /// Its notes, in order.
    pub notes: Vec<FileNote>,
    /// Where to read it.
    pub web_url: Option<String>,
}

/// One note of a thread.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct FileNote {
    /// GitLab's id.
    pub note_id: u64,
    /// Its author's username.
    pub author: Option<String>,
    /// When it was written.
    pub created_at: Option<Timestamp>,
    /// The beginning of its text; text from GitLab.
    pub body: String,
    /// The text goes on.
    pub body_truncated: bool,
}
