//! Discussions and notes.

use super::UserId;
use crate::Moment;

/// Who can see a note or a label event. GitLab applies this after paging.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Audience {
    /// Whoever sees the item.
    Everyone,
    /// Not guests.
    Members,
    /// Those who can see that other project: a cross-reference from it, or a
    /// label of its group.
    Project(u64),
}

/// A thread, or a note that stands alone.
#[derive(Clone, Debug, PartialEq)]
pub struct Discussion {
    /// Forty hexadecimal digits.
    pub id: String,
    /// A plain comment or a system note: exactly one note, no replies.
    pub individual_note: bool,
    /// In the order they were written.
    pub notes: Vec<Note>,
}

impl Discussion {
    /// Whether it can be resolved: threads of merge requests can.
    pub fn resolvable(&self) -> bool {
        self.notes.iter().any(|note| note.resolvable)
    }

    /// Whether every resolvable note in it is resolved.
    pub fn resolved(&self) -> bool {
        self.resolvable()
            && self
                .notes
                .iter()
                .filter(|note| note.resolvable)
                .all(|note| note.resolved)
    }

    /// Where it stands among the discussions of its item.
    pub(crate) fn order(&self) -> (Moment, u64) {
        let created_at = self.notes.iter().map(|note| note.created_at).min();
        let id = self.notes.iter().map(|note| note.id).min();
        (created_at.unwrap_or_default(), id.unwrap_or_default())
    }
}

/// What `type` of a note says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NoteType {
    /// `null`: a plain comment or a system note.
    Plain,
    /// Part of a thread.
    Discussion,
    /// On a line, an image or a file of a diff.
    Diff,
}

impl NoteType {
    /// As in JSON.
    pub const fn as_str(self) -> Option<&'static str> {
        match self {
            Self::Plain => None,
            Self::Discussion => Some("DiscussionNote"),
            Self::Diff => Some("DiffNote"),
        }
    }
}

/// A comment or a system note.
#[derive(Clone, Debug, PartialEq)]
#[expect(clippy::struct_excessive_bools, reason = "GitLab's own fields")]
pub struct Note {
    /// Global id.
    pub id: u64,
    /// Plain, thread or diff note.
    pub note_type: NoteType,
    /// Markdown; English prose for system notes.
    pub body: String,
    /// Who wrote it.
    pub author_id: UserId,
    /// When it was written.
    pub created_at: Moment,
    /// When it was last edited or touched.
    pub updated_at: Moment,
    /// Written by GitLab.
    pub system: bool,
    /// For members only.
    pub internal: bool,
    /// Who can see it.
    pub audience: Audience,
    /// Whether it can be resolved.
    pub resolvable: bool,
    /// Whether it is.
    pub resolved: bool,
    /// By whom.
    pub resolved_by: Option<UserId>,
    /// When.
    pub resolved_at: Option<Moment>,
    /// Where on the diff, for diff notes.
    pub position: Option<Position>,
}

/// Where a diff note stands.
#[derive(Clone, Debug, PartialEq)]
pub struct Position {
    /// Of the version that was commented on.
    pub base_sha: String,
    /// Of the version that was commented on.
    pub start_sha: String,
    /// Of the version that was commented on.
    pub head_sha: String,
    /// Path before.
    pub old_path: String,
    /// Path after.
    pub new_path: String,
    /// Text, image or whole file.
    pub place: Place,
}

/// What of the file a diff note is about.
#[derive(Clone, Debug, PartialEq)]
pub enum Place {
    /// A line, or several.
    Text {
        /// `None` on an added line.
        old_line: Option<u64>,
        /// `None` on a removed line.
        new_line: Option<u64>,
        /// First and last line of a comment on several.
        line_range: Option<(LinePoint, LinePoint)>,
    },
    /// A point on an image.
    Image {
        /// Pixels.
        width: u64,
        /// Pixels.
        height: u64,
        /// Pixels from the left; can be a fraction.
        x: f64,
        /// Pixels from the top; can be a fraction.
        y: f64,
    },
    /// The whole file.
    File,
}

/// One end of a comment on several lines.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LinePoint {
    /// `None` on an added line.
    pub old_line: Option<u64>,
    /// `None` on a removed line.
    pub new_line: Option<u64>,
}
