//! An issue or merge request, as far as a list shows it.

use lore_proto::issues::Issue;
use lore_proto::merge_requests::MergeRequest;
use rusqlite::Connection;

use crate::store::StoreError;
use crate::store::convert::{optional_timestamp, timestamp};

const ISSUE: &str = "
    SELECT x.iid, x.title, x.state, x.issue_type, x.status_name, x.confidential, u.username,
      s.title, x.user_notes_count, x.due_date, x.created_at, x.updated_at, x.closed_at, x.web_url,
      EXISTS (SELECT 1 FROM pending_dependent_fetches
        WHERE source_type = 'issue' AND source_id = x.id)
    FROM issues x LEFT JOIN users u ON u.id = x.author_id
      LEFT JOIN milestones s ON s.id = x.milestone_id
    WHERE x.id = ?1";

const MERGE_REQUEST: &str = "
    SELECT x.iid, x.title, x.state, x.draft, u.username, s.title, x.source_branch, x.target_branch,
      x.user_notes_count, x.created_at, x.updated_at, x.merged_at, x.closed_at, x.web_url,
      (SELECT count(*) FROM discussions d
        WHERE d.merge_request_id = x.id AND d.resolvable = 1 AND d.resolved = 0),
      EXISTS (SELECT 1 FROM pending_dependent_fetches
        WHERE source_type = 'merge_request' AND source_id = x.id)
    FROM merge_requests x LEFT JOIN users u ON u.id = x.author_id
      LEFT JOIN milestones s ON s.id = x.milestone_id
    WHERE x.id = ?1";

/// The issue with this database's id `id`.
pub fn issue(connection: &Connection, id: i64) -> Result<Issue, StoreError> {
    let mut issue = connection.prepare_cached(ISSUE)?.query_row([id], |row| {
        Ok(Issue {
            iid: row.get(0)?,
            title: row.get(1)?,
            state: row.get(2)?,
            issue_type: row.get::<_, Option<String>>(3)?.map(|t| t.to_lowercase()),
            status: row.get(4)?,
            confidential: row.get(5)?,
            author: row.get(6)?,
            assignees: Vec::new(),
            labels: Vec::new(),
            milestone: row.get(7)?,
            notes: row.get(8)?,
            due_date: row.get(9)?,
            created_at: optional_timestamp(row.get(10)?)?,
            updated_at: timestamp(row.get(11)?)?,
            closed_at: optional_timestamp(row.get(12)?)?,
            web_url: row.get(13)?,
            incomplete: row.get(14)?,
        })
    })?;
    issue.assignees = names(
        connection,
        "SELECT u.username FROM issue_assignees l JOIN users u ON u.id = l.user_id
         WHERE l.issue_id = ?1 ORDER BY u.username",
        id,
    )?;
    issue.labels = names(
        connection,
        "SELECT DISTINCT l.name FROM issue_labels x JOIN labels l ON l.id = x.label_id
         WHERE x.issue_id = ?1 ORDER BY l.name",
        id,
    )?;
    Ok(issue)
}

/// The merge request with this database's id `id`.
pub fn merge_request(connection: &Connection, id: i64) -> Result<MergeRequest, StoreError> {
    let mut merge_request = connection
        .prepare_cached(MERGE_REQUEST)?
        .query_row([id], |row| {
            Ok(MergeRequest {
                iid: row.get(0)?,
                title: row.get(1)?,
                state: row.get(2)?,
                draft: row.get(3)?,
                author: row.get(4)?,
                assignees: Vec::new(),
                reviewers: Vec::new(),
                labels: Vec::new(),
                milestone: row.get(5)?,
                source_branch: row.get(6)?,
                target_branch: row.get(7)?,
                notes: row.get(8)?,
                created_at: optional_timestamp(row.get(9)?)?,
                updated_at: timestamp(row.get(10)?)?,
                merged_at: optional_timestamp(row.get(11)?)?,
                closed_at: optional_timestamp(row.get(12)?)?,
                web_url: row.get(13)?,
                unresolved_threads: row.get(14)?,
                incomplete: row.get(15)?,
            })
        })?;
    merge_request.assignees = names(
        connection,
        "SELECT u.username FROM merge_request_assignees l JOIN users u ON u.id = l.user_id
         WHERE l.merge_request_id = ?1 ORDER BY u.username",
        id,
    )?;
    merge_request.reviewers = names(
        connection,
        "SELECT u.username FROM merge_request_reviewers l JOIN users u ON u.id = l.user_id
         WHERE l.merge_request_id = ?1 ORDER BY u.username",
        id,
    )?;
    merge_request.labels = names(
        connection,
        "SELECT DISTINCT l.name FROM merge_request_labels x JOIN labels l ON l.id = x.label_id
         WHERE x.merge_request_id = ?1 ORDER BY l.name",
        id,
    )?;
    Ok(merge_request)
}

fn names(connection: &Connection, sql: &str, id: i64) -> Result<Vec<String>, StoreError> {
    let names = connection
        .prepare_cached(sql)?
        .query_map([id], |row| row.get(0))?
        .collect::<Result<_, _>>()?;
    Ok(names)
}
