//! All that is known of one issue or merge request beside its row in a list.

mod links;
mod threads;

use jiff::Timestamp;
use lore_proto::items::ItemEvent;
use lore_proto::merge_requests::ChangedFile;
use rusqlite::{Connection, params};

use super::StoreError;
use super::convert::optional_timestamp;
use super::source::SourceType;

pub use links::{closed_by, closes};
pub use threads::{
    Note, Scope, Thread, ThreadPlace, note_count, notes, resolution, thread_count, threads,
};

/// What an issue or a merge request has beside its row in a list.
#[derive(Debug, Clone, PartialEq, Eq)]
#[allow(missing_docs)] // The names are those of the wire's details.
pub struct Details {
    pub description: String,
    pub description_truncated: bool,
    pub closed_by: Option<String>,
    pub upvotes: u64,
    pub downvotes: u64,
    pub task_count: u64,
    pub task_completed_count: u64,
    pub fetched_at: Option<Timestamp>,
}

/// What only a merge request has.
#[derive(Debug, Clone, PartialEq, Eq)]
#[allow(missing_docs)] // The names are those of the wire's details.
pub struct MergeDetails {
    pub merged_by: Option<String>,
    pub detailed_merge_status: Option<String>,
    pub has_conflicts: Option<bool>,
    pub sha: Option<String>,
    pub commit_sha: Option<String>,
    pub files_complete: bool,
}

/// The details of an item, with at most `body_limit` characters of its
/// description.
pub fn details(
    connection: &Connection,
    source: SourceType,
    id: i64,
    body_limit: u32,
) -> Result<Details, StoreError> {
    let table = match source {
        SourceType::Issue => "issues",
        SourceType::MergeRequest => "merge_requests",
    };
    Ok(connection
        .prepare_cached(&format!(
            "SELECT substr(coalesce(x.description, ''), 1, ?2),
                 length(coalesce(x.description, '')) > ?2, u.username, x.upvotes, x.downvotes,
                 x.task_count, x.task_completed_count, x.last_seen_at
             FROM {table} x LEFT JOIN users u ON u.id = x.closed_by_id WHERE x.id = ?1"
        ))?
        .query_row(params![id, body_limit], |row| {
            Ok(Details {
                description: row.get(0)?,
                description_truncated: row.get(1)?,
                closed_by: row.get(2)?,
                upvotes: row.get(3)?,
                downvotes: row.get(4)?,
                task_count: row.get(5)?,
                task_completed_count: row.get(6)?,
                fetched_at: optional_timestamp(row.get(7)?)?,
            })
        })?)
}

/// What only a merge request has. The commit that landed is that of the merge,
/// else of the squash, else the head that was fast-forwarded to.
pub fn merge_details(connection: &Connection, id: i64) -> Result<MergeDetails, StoreError> {
    Ok(connection
        .prepare_cached(
            "SELECT u.username, x.detailed_merge_status, x.has_conflicts, x.sha,
                 coalesce(x.merge_commit_sha, x.squash_commit_sha,
                     CASE x.state WHEN 'merged' THEN x.sha END), x.changes_complete
             FROM merge_requests x LEFT JOIN users u ON u.id = x.merge_user_id WHERE x.id = ?1",
        )?
        .query_row([id], |row| {
            Ok(MergeDetails {
                merged_by: row.get(0)?,
                detailed_merge_status: row.get(1)?,
                has_conflicts: row.get(2)?,
                sha: row.get(3)?,
                commit_sha: row.get(4)?,
                files_complete: row.get(5)?,
            })
        })?)
}

/// The newest `limit` events of an item, and how many there are in all.
pub fn events(
    connection: &Connection,
    source: SourceType,
    id: i64,
    limit: u32,
) -> Result<(Vec<ItemEvent>, u64), StoreError> {
    let column = item_column(source);
    let events = connection
        .prepare_cached(&format!(
            "SELECT e.kind, e.action, e.label_name, e.milestone_title, u.username, e.created_at
             FROM resource_events e LEFT JOIN users u ON u.id = e.user_id
             WHERE e.{column} = ?1
             ORDER BY e.created_at DESC, e.kind, e.gitlab_id DESC LIMIT ?2"
        ))?
        .query_map(params![id, limit], |row| {
            Ok(ItemEvent {
                kind: row.get(0)?,
                action: row.get(1)?,
                label: row.get(2)?,
                milestone: row.get(3)?,
                user: row.get(4)?,
                created_at: optional_timestamp(row.get(5)?)?,
            })
        })?
        .collect::<Result<_, _>>()?;
    let total = connection
        .prepare_cached(&format!(
            "SELECT count(*) FROM resource_events WHERE {column} = ?1"
        ))?
        .query_row([id], |row| row.get(0))?;
    Ok((events, total))
}

/// The first `limit` files of a merge request by name, and how many there are
/// in all.
pub fn files(
    connection: &Connection,
    id: i64,
    limit: u32,
) -> Result<(Vec<ChangedFile>, u64), StoreError> {
    let files = connection
        .prepare_cached(
            "SELECT old_path, new_path, change_type, additions, deletions FROM mr_file_changes
             WHERE merge_request_id = ?1 ORDER BY new_path, old_path, id LIMIT ?2",
        )?
        .query_map(params![id, limit], |row| {
            let change_type = row.get_ref(2)?.as_str().map_err(rusqlite::Error::from)?;
            Ok(ChangedFile {
                old_path: row.get(0)?,
                new_path: row.get(1)?,
                change_type: lore_proto::file_history::ChangeType::from_name(change_type),
                additions: row.get(3)?,
                deletions: row.get(4)?,
            })
        })?
        .collect::<Result<_, _>>()?;
    let total = connection
        .prepare_cached("SELECT count(*) FROM mr_file_changes WHERE merge_request_id = ?1")?
        .query_row([id], |row| row.get(0))?;
    Ok((files, total))
}

fn item_column(source: SourceType) -> &'static str {
    match source {
        SourceType::Issue => "issue_id",
        SourceType::MergeRequest => "merge_request_id",
    }
}
