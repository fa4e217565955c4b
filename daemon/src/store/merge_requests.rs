//! `merge_requests`.

use rusqlite::{OptionalExtension, Transaction, named_params, params};

use super::StoreError;
use super::convert::{millis, optional_millis};
use super::people::optional_user;
use super::projects::ProjectRow;
use crate::gitlab::models::{DiffRefs, MergeRequest};

/// Writes all columns of a merge request, `last_seen_at` and those that speak
/// of its file changes apart, and gives this database's id. What only the
/// single answer has (`changes_count`, `diff_refs`) is left as stored where
/// `payload_is_full` is false. Guards are the caller's.
pub fn upsert(
    tx: &Transaction<'_>,
    project: &ProjectRow,
    merge_request: &MergeRequest,
    milestone: Option<i64>,
    payload_is_full: bool,
) -> Result<i64, StoreError> {
    let author = optional_user(tx, &project.host, merge_request.author.as_ref())?;
    let merge_user = optional_user(tx, &project.host, merge_request.who_merged())?;
    let closed_by = optional_user(tx, &project.host, merge_request.closed_by.as_ref())?;
    let id = tx
        .prepare_cached(
            "INSERT INTO merge_requests (project_id, gitlab_id, iid, title, description, state, draft,
                 author_id, merge_user_id, closed_by_id, milestone_id, source_branch, target_branch,
                 source_project_gitlab_id, created_at, updated_at, merged_at, closed_at, prepared_at,
                 detailed_merge_status, has_conflicts, blocking_discussions_resolved, sha,
                 merge_commit_sha, squash_commit_sha, squash, auto_merge, discussion_locked,
                 user_notes_count, upvotes, downvotes, time_estimate, total_time_spent, task_count,
                 task_completed_count, reference, web_url)
             VALUES (:project, :gitlab_id, :iid, :title, :description, :state, :draft, :author,
                 :merge_user, :closed_by, :milestone, :source_branch, :target_branch, :source_project,
                 :created_at, :updated_at, :merged_at, :closed_at, :prepared_at,
                 :detailed_merge_status, :has_conflicts, :blocking_discussions_resolved, :sha,
                 :merge_commit_sha, :squash_commit_sha, :squash, :auto_merge, :discussion_locked,
                 :user_notes_count, :upvotes, :downvotes, :time_estimate, :total_time_spent,
                 :task_count, :task_completed_count, :reference, :web_url)
             ON CONFLICT (project_id, iid) DO UPDATE SET gitlab_id = excluded.gitlab_id,
                 title = excluded.title, description = excluded.description, state = excluded.state,
                 draft = excluded.draft, author_id = excluded.author_id,
                 merge_user_id = excluded.merge_user_id, closed_by_id = excluded.closed_by_id,
                 milestone_id = excluded.milestone_id, source_branch = excluded.source_branch,
                 target_branch = excluded.target_branch,
                 source_project_gitlab_id = excluded.source_project_gitlab_id,
                 created_at = excluded.created_at, updated_at = excluded.updated_at,
                 merged_at = excluded.merged_at, closed_at = excluded.closed_at,
                 prepared_at = excluded.prepared_at,
                 detailed_merge_status = excluded.detailed_merge_status,
                 has_conflicts = excluded.has_conflicts,
                 blocking_discussions_resolved = excluded.blocking_discussions_resolved,
                 sha = excluded.sha, merge_commit_sha = excluded.merge_commit_sha,
                 squash_commit_sha = excluded.squash_commit_sha, squash = excluded.squash,
                 auto_merge = excluded.auto_merge, discussion_locked = excluded.discussion_locked,
                 user_notes_count = excluded.user_notes_count, upvotes = excluded.upvotes,
                 downvotes = excluded.downvotes, time_estimate = excluded.time_estimate,
                 total_time_spent = excluded.total_time_spent, task_count = excluded.task_count,
                 task_completed_count = excluded.task_completed_count,
                 reference = excluded.reference, web_url = excluded.web_url
             RETURNING id",
        )?
        .query_row(
            named_params! {
                ":project": project.id,
                ":gitlab_id": merge_request.id,
                ":iid": merge_request.iid.0,
                ":title": merge_request.title,
                ":description": merge_request.description,
                ":state": merge_request.state,
                ":draft": merge_request.is_draft(),
                ":author": author,
                ":merge_user": merge_user,
                ":closed_by": closed_by,
                ":milestone": milestone,
                ":source_branch": merge_request.source_branch,
                ":target_branch": merge_request.target_branch,
                ":source_project": merge_request.source_project_id.map(|id| id.0),
                ":created_at": millis(merge_request.created_at),
                ":updated_at": millis(merge_request.updated_at),
                ":merged_at": optional_millis(merge_request.merged_at),
                ":closed_at": optional_millis(merge_request.closed_at),
                ":prepared_at": optional_millis(merge_request.prepared_at),
                ":detailed_merge_status": merge_request.detailed_merge_status,
                ":has_conflicts": merge_request.has_conflicts,
                ":blocking_discussions_resolved": merge_request.blocking_discussions_resolved,
                ":sha": merge_request.sha,
                ":merge_commit_sha": merge_request.merge_commit_sha,
                ":squash_commit_sha": merge_request.squash_commit_sha,
                ":squash": merge_request.squash,
                ":auto_merge": merge_request.merge_when_pipeline_succeeds,
                ":discussion_locked": merge_request.discussion_locked,
                ":user_notes_count": merge_request.user_notes_count,
                ":upvotes": merge_request.upvotes,
                ":downvotes": merge_request.downvotes,
                ":time_estimate": merge_request.time_stats.time_estimate,
                ":total_time_spent": merge_request.time_stats.total_time_spent,
                ":task_count": merge_request.task_completion_status.count,
                ":task_completed_count": merge_request.task_completion_status.completed_count,
                ":reference": merge_request.references.as_ref().map(|r| &r.full),
                ":web_url": merge_request.web_url,
            },
            |row| row.get(0),
        )?;
    if payload_is_full {
        let refs = merge_request.diff_refs.as_ref();
        tx.prepare_cached(
            "UPDATE merge_requests SET changes_count = ?2, diff_base_sha = ?3, diff_start_sha = ?4,
                 diff_head_sha = ?5 WHERE id = ?1",
        )?
        .execute(params![
            id,
            (!merge_request.changes_count.is_empty()).then_some(&merge_request.changes_count),
            refs.and_then(|r| r.base_sha.as_ref()),
            refs.and_then(|r| r.start_sha.as_ref()),
            refs.and_then(|r| r.head_sha.as_ref()),
        ])?;
    }
    Ok(id)
}

/// The shas that name one state of a merge request's file changes, as
/// `merge_requests.changes_of` holds them; `None` until GitLab has prepared
/// the diff.
pub fn diff_identity(refs: Option<&DiffRefs>) -> Option<String> {
    let refs = refs?;
    // The base may be missing on odd data; head and start tell states apart.
    let head = refs.head_sha.as_deref()?;
    Some(format!(
        "{}:{}:{head}",
        refs.base_sha.as_deref().unwrap_or(""),
        refs.start_sha.as_deref().unwrap_or("")
    ))
}

/// Which state of its file changes is stored, and whether all of it is.
pub fn stored_changes(
    tx: &rusqlite::Connection,
    merge_request: i64,
) -> Result<Option<(Option<String>, bool)>, StoreError> {
    Ok(tx
        .prepare_cached("SELECT changes_of, changes_complete FROM merge_requests WHERE id = ?1")?
        .query_row([merge_request], |row| Ok((row.get(0)?, row.get(1)?)))
        .optional()?)
}
