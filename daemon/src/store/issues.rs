//! `issues`.

use rusqlite::{OptionalExtension, Transaction, named_params, params};

use super::StoreError;
use super::convert::{millis, optional_millis};
use super::people::{optional_user, user};
use super::projects::ProjectRow;
use crate::gitlab::models::{Issue, WorkflowStatus};

/// Writes all columns of an issue, status and `last_seen_at` apart, and gives
/// this database's id. Guards are the caller's.
pub fn upsert(
    tx: &Transaction<'_>,
    project: &ProjectRow,
    issue: &Issue,
    milestone: Option<i64>,
) -> Result<i64, StoreError> {
    let author = optional_user(tx, &project.host, issue.author.as_ref())?;
    let closed_by = issue
        .closed_by
        .as_ref()
        .map(|person| user(tx, &project.host, person))
        .transpose()?;
    Ok(tx
        .prepare_cached(
            "INSERT INTO issues (project_id, gitlab_id, iid, title, description, state, issue_type,
                 confidential, author_id, closed_by_id, milestone_id, created_at, updated_at, closed_at,
                 due_date, start_date, weight, severity, health_status, discussion_locked,
                 user_notes_count, merge_requests_count, upvotes, downvotes, time_estimate,
                 total_time_spent, task_count, task_completed_count, moved_to_gitlab_id, reference,
                 web_url)
             VALUES (:project, :gitlab_id, :iid, :title, :description, :state, :issue_type,
                 :confidential, :author, :closed_by, :milestone, :created_at, :updated_at, :closed_at,
                 :due_date, :start_date, :weight, :severity, :health_status, :discussion_locked,
                 :user_notes_count, :merge_requests_count, :upvotes, :downvotes, :time_estimate,
                 :total_time_spent, :task_count, :task_completed_count, :moved_to, :reference,
                 :web_url)
             ON CONFLICT (project_id, iid) DO UPDATE SET gitlab_id = excluded.gitlab_id,
                 title = excluded.title, description = excluded.description, state = excluded.state,
                 issue_type = excluded.issue_type, confidential = excluded.confidential,
                 author_id = excluded.author_id, closed_by_id = excluded.closed_by_id,
                 milestone_id = excluded.milestone_id, created_at = excluded.created_at,
                 updated_at = excluded.updated_at, closed_at = excluded.closed_at,
                 due_date = excluded.due_date, start_date = excluded.start_date,
                 weight = excluded.weight, severity = excluded.severity,
                 health_status = excluded.health_status,
                 discussion_locked = excluded.discussion_locked,
                 user_notes_count = excluded.user_notes_count,
                 merge_requests_count = excluded.merge_requests_count, upvotes = excluded.upvotes,
                 downvotes = excluded.downvotes, time_estimate = excluded.time_estimate,
                 total_time_spent = excluded.total_time_spent, task_count = excluded.task_count,
                 task_completed_count = excluded.task_completed_count,
                 moved_to_gitlab_id = excluded.moved_to_gitlab_id, reference = excluded.reference,
                 web_url = excluded.web_url
             RETURNING id",
        )?
        .query_row(
            named_params! {
                ":project": project.id,
                ":gitlab_id": issue.id,
                ":iid": issue.iid.0,
                ":title": issue.title,
                ":description": issue.description,
                ":state": issue.state,
                ":issue_type": issue.issue_type,
                ":confidential": issue.confidential,
                ":author": author,
                ":closed_by": closed_by,
                ":milestone": milestone,
                ":created_at": millis(issue.created_at),
                ":updated_at": millis(issue.updated_at),
                ":closed_at": optional_millis(issue.closed_at),
                ":due_date": issue.due_date,
                ":start_date": issue.start_date,
                ":weight": issue.weight,
                ":severity": issue.severity,
                ":health_status": issue.health_status,
                ":discussion_locked": issue.discussion_locked,
                ":user_notes_count": issue.user_notes_count,
                ":merge_requests_count": issue.merge_requests_count,
                ":upvotes": issue.upvotes,
                ":downvotes": issue.downvotes,
                ":time_estimate": issue.time_stats.time_estimate,
                ":total_time_spent": issue.time_stats.total_time_spent,
                ":task_count": issue.task_completion_status.count,
                ":task_completed_count": issue.task_completion_status.completed_count,
                ":moved_to": issue.moved_to_id,
                ":reference": issue.references.as_ref().map(|r| &r.full),
                ":web_url": issue.web_url,
            },
            |row| row.get(0),
        )?)
}

/// Sets an issue's work item status; `None` clears it.
pub fn set_status(
    tx: &Transaction<'_>,
    issue: i64,
    status: Option<&WorkflowStatus>,
) -> Result<(), StoreError> {
    tx.prepare_cached(
        "UPDATE issues SET status_name = ?2, status_category = ?3, status_color = ?4 WHERE id = ?1",
    )?
    .execute(params![
        issue,
        status.map(|s| &s.name),
        status.and_then(|s| s.category.as_ref()),
        status.and_then(|s| s.color.as_ref()),
    ])?;
    Ok(())
}

/// This database's id of the issue `iid`.
pub fn id_of(tx: &Transaction<'_>, project: i64, iid: i64) -> Result<Option<i64>, StoreError> {
    Ok(tx
        .prepare_cached("SELECT id FROM issues WHERE project_id = ?1 AND iid = ?2")?
        .query_row([project, iid], |row| row.get(0))
        .optional()?)
}
