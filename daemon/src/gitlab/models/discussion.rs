//! Discussions, their notes, and where in a diff a note stands.

use jiff::Timestamp;
use serde::Deserialize;

use super::issue::User;
use super::lenient::{null_as_default, optional_timestamp};
use super::{Iid, ProjectId};

/// A thread, or a single comment or system note in the shape of one.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub struct Discussion {
    /// 40 hexadecimal digits.
    pub id: String,
    /// True for a plain comment or a system note: exactly one note, no thread.
    #[serde(default, deserialize_with = "null_as_default")]
    pub individual_note: bool,
    /// The notes, oldest first.
    #[serde(default, deserialize_with = "null_as_default")]
    pub notes: Vec<Note>,
}

/// A comment, a system note, or a comment on a line of a diff.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[expect(clippy::struct_excessive_bools, reason = "the flags are GitLab's")]
pub struct Note {
    /// The instance-wide number.
    pub id: i64,
    /// `DiscussionNote`, `DiffNote`, `LegacyDiffNote`, …; null for a plain one.
    #[serde(rename = "type")]
    pub note_type: Option<String>,
    /// Markdown.
    #[serde(default, deserialize_with = "null_as_default")]
    pub body: String,
    /// The author; the Ghost User for deleted accounts.
    pub author: Option<User>,
    /// When it was written.
    #[serde(default, deserialize_with = "optional_timestamp")]
    pub created_at: Option<Timestamp>,
    /// When it was last edited.
    #[serde(default, deserialize_with = "optional_timestamp")]
    pub updated_at: Option<Timestamp>,
    /// Whether GitLab wrote it.
    #[serde(default, deserialize_with = "null_as_default")]
    pub system: bool,
    /// The instance-wide number of the issue or merge request.
    pub noteable_id: Option<i64>,
    /// The issue's or merge request's number in its project.
    pub noteable_iid: Option<Iid>,
    /// `Issue`, `MergeRequest`, …
    pub noteable_type: Option<String>,
    /// Newer instances only.
    pub project_id: Option<ProjectId>,
    /// Whether it belongs to a thread that can be resolved.
    #[serde(default, deserialize_with = "null_as_default")]
    pub resolvable: bool,
    /// Present only where `resolvable`.
    pub resolved: Option<bool>,
    /// Who resolved it.
    pub resolved_by: Option<User>,
    /// When it was resolved.
    #[serde(default, deserialize_with = "optional_timestamp")]
    pub resolved_at: Option<Timestamp>,
    /// The commit a note on a merge request's commit belongs to.
    pub commit_id: Option<String>,
    /// Where a `DiffNote` stands.
    pub position: Option<Position>,
    /// Whether only members with enough access see it, in the old spelling.
    #[serde(default, deserialize_with = "null_as_default")]
    pub confidential: bool,
    /// Whether only members with enough access see it.
    #[serde(default, deserialize_with = "null_as_default")]
    pub internal: bool,
    /// Whether an importer created it.
    #[serde(default, deserialize_with = "null_as_default")]
    pub imported: bool,
}

impl Note {
    /// Whether only members with enough access see the note, whichever of the
    /// two flags the instance sends.
    pub fn is_internal(&self) -> bool {
        self.internal || self.confidential
    }
}

/// The place of a `DiffNote` in the diff version it was written on.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(default)]
pub struct Position {
    /// The merge base of that version.
    pub base_sha: Option<String>,
    /// The target branch's head at that version.
    pub start_sha: Option<String>,
    /// The source branch's head at that version.
    pub head_sha: Option<String>,
    /// The file before.
    pub old_path: Option<String>,
    /// The file after.
    pub new_path: Option<String>,
    /// `text`, `image` or `file`.
    pub position_type: Option<String>,
    /// Set on removed and context lines.
    pub old_line: Option<i64>,
    /// Set on added and context lines.
    pub new_line: Option<i64>,
    /// The first and the last line of a note on several lines.
    pub line_range: Option<LineRange>,
    /// Of the image, in pixels.
    pub width: Option<f64>,
    /// Of the image, in pixels.
    pub height: Option<f64>,
    /// In the image, in pixels.
    pub x: Option<f64>,
    /// In the image, in pixels.
    pub y: Option<f64>,
}

/// The lines of a note on several lines.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct LineRange {
    /// The first line.
    pub start: Option<LinePosition>,
    /// The last line.
    pub end: Option<LinePosition>,
}

/// One end of a [`LineRange`].
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct LinePosition {
    /// `sha1(path)_<old>_<new>`.
    pub line_code: Option<String>,
    /// `new`, `old`, or null on a context line.
    #[serde(rename = "type")]
    pub line_type: Option<String>,
    /// The line before.
    pub old_line: Option<i64>,
    /// The line after.
    pub new_line: Option<i64>,
}
