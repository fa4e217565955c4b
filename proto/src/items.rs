//! What issues and merge requests have in common when they are read: order,
//! threads, events, links.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::Timestamp;

/// What a list is sorted by, newest first unless asked otherwise; items of the
/// same time by iid.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum ItemSort {
    /// The last change.
    #[default]
    Updated,
    /// The opening.
    Created,
}

impl ItemSort {
    /// The name on the wire.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Updated => "updated",
            Self::Created => "created",
        }
    }
}

/// A thread on an issue or merge request; a comment that nobody answered is
/// one too.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Thread {
    /// GitLab's id of the thread.
    pub discussion_id: String,
    /// Whether it can be resolved and is; absent where it cannot.
    pub resolved: Option<bool>,
    /// Who resolved it last.
    pub resolved_by: Option<String>,
    /// When that was.
    pub resolved_at: Option<Timestamp>,
    /// The file that it is on: its name after the change, before it where the
    /// thread is on an old line.
    pub path: Option<String>,
    /// The line, in the new file, else in the old one; absent for a thread on
    /// the whole file, on an image, or on the item as a whole.
    pub line: Option<u32>,
    /// `new` or `old`, by which `line` counts.
    pub side: Option<String>,
    /// Its first notes, in order, without GitLab's own.
    pub notes: Vec<ThreadNote>,
    /// How many notes it has in all.
    pub notes_total: u64,
    /// Where to read it.
    pub web_url: Option<String>,
}

/// One note of a thread.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ThreadNote {
    /// GitLab's id.
    pub note_id: u64,
    /// Its author's user name.
    pub author: Option<String>,
    /// When it was written.
    pub created_at: Option<Timestamp>,
    /// For members alone.
    pub internal: bool,
    /// The beginning of its text, in Markdown; text from GitLab.
    pub body: String,
    /// The text goes on.
    pub body_truncated: bool,
}

/// Something that happened to an item.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ItemEvent {
    /// `state`, `label` or `milestone`.
    pub kind: String,
    /// `add` or `remove`; of state events the new state.
    pub action: Option<String>,
    /// The label; absent where it is gone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub label: Option<String>,
    /// The milestone; absent where it is gone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub milestone: Option<String>,
    /// Who did it.
    pub user: Option<String>,
    /// When.
    pub created_at: Option<Timestamp>,
}

/// An issue that a merge request closes, or a merge request that closes an
/// issue.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ItemLink {
    /// As GitLab writes it: `#12`, `!12`, `group/other#12`, or the name in
    /// another tracker. Of a project that is not mirrored, by its number.
    pub reference: String,
    /// Its iid; absent for another tracker's and where its project is not
    /// mirrored.
    pub iid: Option<u64>,
    /// Its project's full path, where that is mirrored.
    pub project: Option<String>,
    /// Its title; text from GitLab.
    pub title: Option<String>,
    /// Its state, where the mirror knows it.
    pub state: Option<String>,
    /// Its page, where the mirror knows it.
    pub web_url: Option<String>,
}
