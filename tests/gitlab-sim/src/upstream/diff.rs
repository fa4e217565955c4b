//! What a merge request changes.

use std::sync::Arc;

use crate::Moment;

/// What one push made: GitLab's diff version.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DiffVersion {
    /// Global id.
    pub id: u64,
    /// Merge base with the target branch.
    pub base_sha: String,
    /// Head of the target branch then.
    pub start_sha: String,
    /// Head of the source branch.
    pub head_sha: String,
    /// When it was pushed.
    pub created_at: Moment,
    /// When GitLab has worked it out: until then the version before it shows,
    /// or none. [`Moment::NEVER`] for one that is stuck.
    pub ready_at: Moment,
    /// All files, past any limit of the API. Shared, since a snapshot of the
    /// upstream would otherwise copy every patch.
    pub files: Arc<[DiffFile]>,
}

/// One file of a diff.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(clippy::struct_excessive_bools, reason = "GitLab's own fields")]
pub struct DiffFile {
    /// Path before; equal to `new_path` unless renamed.
    pub old_path: String,
    /// Path after.
    pub new_path: String,
    /// Octal; `0` when the file is new.
    pub a_mode: String,
    /// Octal; `0` when the file is deleted.
    pub b_mode: String,
    /// Added.
    pub new_file: bool,
    /// Renamed, with or without changes.
    pub renamed_file: bool,
    /// Deleted.
    pub deleted_file: bool,
    /// `None` on installations that do not say.
    pub generated_file: Option<bool>,
    /// The text is left out, over the collapse limit.
    pub collapsed: bool,
    /// The text is left out, over the hard limit.
    pub too_large: bool,
    /// Hunks; empty for binaries, pure renames, collapsed and too large.
    pub diff: String,
}

impl DiffFile {
    /// A change to a file that stays where it is.
    pub fn modified(path: impl Into<String>, diff: impl Into<String>) -> Self {
        let path = path.into();
        Self {
            old_path: path.clone(),
            new_path: path,
            a_mode: "100644".into(),
            b_mode: "100644".into(),
            new_file: false,
            renamed_file: false,
            deleted_file: false,
            generated_file: Some(false),
            collapsed: false,
            too_large: false,
            diff: diff.into(),
        }
    }

    /// A new file.
    pub fn added(path: impl Into<String>, diff: impl Into<String>) -> Self {
        Self {
            a_mode: "0".into(),
            new_file: true,
            ..Self::modified(path, diff)
        }
    }

    /// A file that is gone.
    pub fn deleted(path: impl Into<String>, diff: impl Into<String>) -> Self {
        Self {
            b_mode: "0".into(),
            deleted_file: true,
            ..Self::modified(path, diff)
        }
    }

    /// A rename; an empty `diff` for one without changes.
    pub fn renamed(
        old_path: impl Into<String>,
        new_path: impl Into<String>,
        diff: impl Into<String>,
    ) -> Self {
        Self {
            old_path: old_path.into(),
            renamed_file: true,
            ..Self::modified(new_path, diff)
        }
    }
}

/// A commit of a merge request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Commit {
    /// Forty hexadecimal digits.
    pub id: String,
    /// First line of the message.
    pub title: String,
    /// The whole message.
    pub message: String,
    /// Who wrote it.
    pub author_name: String,
    /// Their address.
    pub author_email: String,
    /// When it was written.
    pub authored_at: Moment,
    /// The offset from UTC where it was written, in seconds: commit dates are
    /// shown in it.
    pub utc_offset: i32,
    /// Empty for a root.
    pub parent_ids: Vec<String>,
}
