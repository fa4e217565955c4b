//! Merge requests and their file changes.

use jiff::Timestamp;
use serde::Deserialize;

use super::issue::{AppliedLabel, Milestone, References, TaskCompletion, TimeStats, User};
use super::lenient::{null_as_default, optional_timestamp, timestamp};
use super::{Iid, ProjectId};

/// The three commits that define a merge request's diff. Any may be null on
/// odd data, and all are until GitLab has prepared the merge request.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash, Deserialize)]
#[serde(default)]
pub struct DiffRefs {
    /// The merge base.
    pub base_sha: Option<String>,
    /// The head of the source branch.
    pub head_sha: Option<String>,
    /// The head of the target branch when the version was made.
    pub start_sha: Option<String>,
}

impl DiffRefs {
    /// Whether all three commits are known: only then can two be compared to
    /// tell that a diff has not changed.
    pub fn is_complete(&self) -> bool {
        self.base_sha.is_some() && self.head_sha.is_some() && self.start_sha.is_some()
    }
}

/// A merge request. From a list, everything but the identity, `updated_at`
/// and `state` may be hours old (GitLab caches the rendered elements); from
/// `view=simple` most fields are absent.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[expect(clippy::struct_excessive_bools, reason = "the flags are GitLab's")]
pub struct MergeRequest {
    /// The instance-wide number.
    pub id: i64,
    /// The number within the project.
    pub iid: Iid,
    /// The project it belongs to (the target project).
    pub project_id: ProjectId,
    /// The title, with a `Draft:` prefix where there is one.
    #[serde(default, deserialize_with = "null_as_default")]
    pub title: String,
    /// Markdown, up to 1 MiB.
    pub description: Option<String>,
    /// `opened`, `closed`, `merged`, or `locked` while it is being merged.
    #[serde(default, deserialize_with = "null_as_default")]
    pub state: String,
    /// Whether it is a draft, in the spelling of newer instances.
    pub draft: Option<bool>,
    /// Whether it is a draft, in the spelling of older instances.
    pub work_in_progress: Option<bool>,
    /// When it was created.
    #[serde(deserialize_with = "timestamp")]
    pub created_at: Timestamp,
    /// When it was last changed; a change within 60 s of the previous one may
    /// leave it as it is.
    #[serde(deserialize_with = "timestamp")]
    pub updated_at: Timestamp,
    /// When it was merged; null on some imported ones.
    #[serde(default, deserialize_with = "optional_timestamp")]
    pub merged_at: Option<Timestamp>,
    /// When it was closed without a merge.
    #[serde(default, deserialize_with = "optional_timestamp")]
    pub closed_at: Option<Timestamp>,
    /// Who merged it, or armed auto-merge on an open one.
    pub merge_user: Option<User>,
    /// Who merged it, in the spelling of older instances.
    pub merged_by: Option<User>,
    /// Who closed it.
    pub closed_by: Option<User>,
    /// The author; the Ghost User for deleted accounts.
    pub author: Option<User>,
    /// The assignees.
    #[serde(default, deserialize_with = "null_as_default")]
    pub assignees: Vec<User>,
    /// The reviewers.
    #[serde(default, deserialize_with = "null_as_default")]
    pub reviewers: Vec<User>,
    /// The project of the source branch; null when the fork was deleted.
    pub source_project_id: Option<ProjectId>,
    /// The same as `project_id`.
    pub target_project_id: Option<ProjectId>,
    /// May no longer exist.
    #[serde(default, deserialize_with = "null_as_default")]
    pub source_branch: String,
    /// May no longer exist.
    #[serde(default, deserialize_with = "null_as_default")]
    pub target_branch: String,
    /// Labels, sorted by title.
    #[serde(default, deserialize_with = "null_as_default")]
    pub labels: Vec<AppliedLabel>,
    /// The milestone.
    pub milestone: Option<Milestone>,
    /// The ways to write its name.
    pub references: Option<References>,
    /// The web page.
    #[serde(default, deserialize_with = "null_as_default")]
    pub web_url: String,
    /// Time tracking.
    #[serde(default, deserialize_with = "null_as_default")]
    pub time_stats: TimeStats,
    /// Checkboxes.
    #[serde(default, deserialize_with = "null_as_default")]
    pub task_completion_status: TaskCompletion,
    /// Whether only members may comment.
    #[serde(default, deserialize_with = "null_as_default")]
    pub discussion_locked: bool,
    /// Comments, system notes not counted.
    #[serde(default, deserialize_with = "null_as_default")]
    pub user_notes_count: i64,
    /// Thumbs up.
    #[serde(default, deserialize_with = "null_as_default")]
    pub upvotes: i64,
    /// Thumbs down.
    #[serde(default, deserialize_with = "null_as_default")]
    pub downvotes: i64,
    /// Deprecated by `detailed_merge_status`, which older instances lack.
    pub merge_status: Option<String>,
    /// `mergeable`, `draft_status`, `conflict`, …
    pub detailed_merge_status: Option<String>,
    /// Not reliable on every version.
    pub has_conflicts: Option<bool>,
    /// Whether every thread that must be resolved is.
    pub blocking_discussions_resolved: Option<bool>,
    /// The head of the source branch as of the latest diff version.
    pub sha: Option<String>,
    /// Null for fast-forward merges.
    pub merge_commit_sha: Option<String>,
    /// Set when the commits were squashed.
    pub squash_commit_sha: Option<String>,
    /// Whether the commits are squashed on merge.
    #[serde(default, deserialize_with = "null_as_default")]
    pub squash: bool,
    /// Whether auto-merge is armed.
    #[serde(default, deserialize_with = "null_as_default")]
    pub merge_when_pipeline_succeeds: bool,
    /// When GitLab had computed the first diff; null before.
    #[serde(default, deserialize_with = "optional_timestamp")]
    pub prepared_at: Option<Timestamp>,
    /// How many files changed, as text: `"7"`, or `"1000+"` where GitLab cut
    /// the diff. From the single endpoint only; null or empty until prepared.
    #[serde(default, deserialize_with = "null_as_default")]
    pub changes_count: String,
    /// From the single endpoint only; null until prepared.
    pub diff_refs: Option<DiffRefs>,
    /// Why the last merge failed.
    pub merge_error: Option<String>,
    /// Whether an importer created it.
    #[serde(default, deserialize_with = "null_as_default")]
    pub imported: bool,
    /// The importer, or `none`.
    pub imported_from: Option<String>,
}

impl MergeRequest {
    /// Whether it is a draft, whichever way the instance says so.
    pub fn is_draft(&self) -> bool {
        self.draft.or(self.work_in_progress).unwrap_or_default()
    }

    /// Who merged it (or armed auto-merge on an open one), whichever way the
    /// instance says so.
    pub fn who_merged(&self) -> Option<&User> {
        self.merge_user.as_ref().or(self.merged_by.as_ref())
    }

    /// Whether GitLab says that its list of changed files is cut.
    pub fn changes_are_cut(&self) -> bool {
        self.changes_count.trim_end().ends_with('+')
    }

    /// The commit that landed in the target branch, if it was merged.
    pub fn landed_commit(&self) -> Option<&str> {
        if self.state != "merged" {
            return None;
        }
        self.merge_commit_sha
            .as_deref()
            .or(self.squash_commit_sha.as_deref())
            .or(self.sha.as_deref())
    }
}

/// One file of a merge request's diff.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
pub struct Diff {
    /// The path before; equal to `new_path` unless renamed.
    pub old_path: String,
    /// The path after; equal to `old_path` unless renamed.
    pub new_path: String,
    /// Octal, `"0"` where the file did not exist before.
    pub a_mode: Option<String>,
    /// Octal, `"0"` where the file does not exist after.
    pub b_mode: Option<String>,
    /// Whether the file was added.
    #[serde(default, deserialize_with = "null_as_default")]
    pub new_file: bool,
    /// Whether the file was renamed, its content changed or not.
    #[serde(default, deserialize_with = "null_as_default")]
    pub renamed_file: bool,
    /// Whether the file was deleted.
    #[serde(default, deserialize_with = "null_as_default")]
    pub deleted_file: bool,
    /// Newer instances only.
    pub generated_file: Option<bool>,
    /// Whether the text was left out over the collapse limit; `None` where
    /// the instance does not say.
    pub collapsed: Option<bool>,
    /// Whether the text was left out over the hard limit; `None` where the
    /// instance does not say.
    pub too_large: Option<bool>,
    /// The hunks, without file headers; empty for binary files, pure renames
    /// and text that was left out.
    #[serde(default, deserialize_with = "null_as_default")]
    pub diff: String,
}

/// How a merge request changed a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ChangeKind {
    /// The file is new.
    Added,
    /// The file is gone.
    Deleted,
    /// The file has another name, its content changed or not.
    Renamed,
    /// Only the file's mode changed.
    ModeChanged,
    /// The content changed.
    Modified,
}

impl Diff {
    /// How the file was changed. The flags are not exclusive, so their order
    /// matters: deleted, added, renamed, mode, modified.
    pub fn change_kind(&self) -> ChangeKind {
        if self.deleted_file {
            ChangeKind::Deleted
        } else if self.new_file {
            ChangeKind::Added
        } else if self.renamed_file {
            ChangeKind::Renamed
        } else if self.a_mode != self.b_mode && self.diff.is_empty() {
            ChangeKind::ModeChanged
        } else {
            ChangeKind::Modified
        }
    }
}
