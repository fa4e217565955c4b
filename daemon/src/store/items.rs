//! What issues and merge requests have in common: the guard against older
//! answers, enumeration, deletion.

use std::collections::BTreeSet;

use jiff::Timestamp;
use rusqlite::{Connection, OptionalExtension, Transaction, params};

use super::StoreError;
use super::convert::{millis, timestamp};
use super::source::{SourceType, Stage, Stages};

/// What the guards ask of a stored item.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StoredItem {
    /// This database's id.
    pub id: i64,
    /// GitLab's time of the last change, in epoch milliseconds.
    pub updated_at: i64,
    /// The start of the request whose full payload is stored, in epoch
    /// milliseconds.
    pub last_seen_at: Option<i64>,
    /// Counters that move without `updated_at`.
    pub counters: ItemCounters,
}

/// Counters in list answers that can move while `updated_at` stands still
/// (GitLab's throttled touch, deleted notes, emoji, mentions).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct ItemCounters {
    /// Notes of people.
    pub user_notes_count: i64,
    /// Thumbs up.
    pub upvotes: i64,
    /// Thumbs down.
    pub downvotes: i64,
    /// Labels.
    pub labels: i64,
    /// Merge requests that mention an issue: their notes on it do not touch
    /// it. 0 for a merge request.
    pub merge_requests_count: i64,
}

/// The stored item `iid`, if there is one.
pub fn stored(
    connection: &Connection,
    source: SourceType,
    project: i64,
    iid: i64,
) -> Result<Option<StoredItem>, StoreError> {
    let sql = match source {
        SourceType::Issue => {
            "SELECT id, updated_at, last_seen_at, user_notes_count, upvotes, downvotes,
                 (SELECT count(*) FROM issue_labels WHERE issue_id = issues.id),
                 merge_requests_count
             FROM issues WHERE project_id = ?1 AND iid = ?2"
        }
        SourceType::MergeRequest => {
            "SELECT id, updated_at, last_seen_at, user_notes_count, upvotes, downvotes,
                 (SELECT count(*) FROM merge_request_labels WHERE merge_request_id = merge_requests.id),
                 0
             FROM merge_requests WHERE project_id = ?1 AND iid = ?2"
        }
    };
    Ok(connection
        .prepare_cached(sql)?
        .query_row([project, iid], |row| {
            Ok(StoredItem {
                id: row.get(0)?,
                updated_at: row.get(1)?,
                last_seen_at: row.get(2)?,
                counters: ItemCounters {
                    user_notes_count: row.get(3)?,
                    upvotes: row.get(4)?,
                    downvotes: row.get(5)?,
                    labels: row.get(6)?,
                    merge_requests_count: row.get(7)?,
                },
            })
        })
        .optional()?)
}

/// Notes the start of the request whose full payload is now stored.
pub fn set_last_seen(
    tx: &Transaction<'_>,
    source: SourceType,
    id: i64,
    at: Timestamp,
) -> Result<(), StoreError> {
    let sql = match source {
        SourceType::Issue => "UPDATE issues SET last_seen_at = ?2 WHERE id = ?1",
        SourceType::MergeRequest => "UPDATE merge_requests SET last_seen_at = ?2 WHERE id = ?1",
    };
    tx.prepare_cached(sql)?.execute([id, millis(at)])?;
    Ok(())
}

/// The iid and `updated_at` of the item with this database's id `id`.
pub fn iid_of(
    connection: &Connection,
    source: SourceType,
    id: i64,
) -> Result<Option<(i64, Timestamp)>, StoreError> {
    let sql = match source {
        SourceType::Issue => "SELECT iid, updated_at FROM issues WHERE id = ?1",
        SourceType::MergeRequest => "SELECT iid, updated_at FROM merge_requests WHERE id = ?1",
    };
    Ok(connection
        .prepare_cached(sql)?
        .query_row([id], |row| Ok((row.get(0)?, timestamp(row.get(1)?)?)))
        .optional()?)
}

/// All stored iids.
pub fn iids(
    connection: &Connection,
    source: SourceType,
    project: i64,
) -> Result<BTreeSet<i64>, StoreError> {
    let sql = match source {
        SourceType::Issue => "SELECT iid FROM issues WHERE project_id = ?1",
        SourceType::MergeRequest => "SELECT iid FROM merge_requests WHERE project_id = ?1",
    };
    Ok(connection
        .prepare_cached(sql)?
        .query_map([project], |row| row.get(0))?
        .collect::<Result<_, _>>()?)
}

/// One stored item that is not `iid`, to tell a lost item from lost access.
pub fn another_iid(
    connection: &Connection,
    source: SourceType,
    project: i64,
    iid: i64,
) -> Result<Option<i64>, StoreError> {
    let sql = match source {
        SourceType::Issue => {
            "SELECT iid FROM issues WHERE project_id = ?1 AND iid <> ?2 AND confidential = 0
                 AND NOT EXISTS (SELECT 1 FROM rechecks r WHERE r.project_id = ?1
                     AND r.source_type = 'issue' AND r.iid = issues.iid AND r.reason = 'missing')
             ORDER BY updated_at DESC LIMIT 1"
        }
        SourceType::MergeRequest => {
            "SELECT iid FROM merge_requests WHERE project_id = ?1 AND iid <> ?2
                 AND NOT EXISTS (SELECT 1 FROM rechecks r WHERE r.project_id = ?1
                     AND r.source_type = 'merge_request' AND r.iid = merge_requests.iid
                     AND r.reason = 'missing')
             ORDER BY updated_at DESC LIMIT 1"
        }
    };
    Ok(connection
        .prepare_cached(sql)?
        .query_row([project, iid], |row| row.get(0))
        .optional()?)
}

/// Takes an item out of the mirror with everything that hangs on it. False
/// where there was none.
pub fn delete(
    tx: &Transaction<'_>,
    source: SourceType,
    project: i64,
    iid: i64,
) -> Result<bool, StoreError> {
    let sql = match source {
        SourceType::Issue => "DELETE FROM issues WHERE project_id = ?1 AND iid = ?2",
        SourceType::MergeRequest => "DELETE FROM merge_requests WHERE project_id = ?1 AND iid = ?2",
    };
    let gone = tx.prepare_cached(sql)?.execute([project, iid])? > 0;
    tx.prepare_cached(
        "DELETE FROM rechecks WHERE project_id = ?1 AND source_type = ?2 AND iid = ?3",
    )?
    .execute(params![project, source, iid])?;
    Ok(gone)
}

/// The start of the fetch whose answer is stored for a stage, in epoch
/// milliseconds.
pub fn stage_fetched_at(
    connection: &Connection,
    source: SourceType,
    id: i64,
    stage: Stage,
) -> Result<Option<i64>, StoreError> {
    Ok(connection
        .prepare_cached(
            "SELECT fetched_at FROM dependent_fetches
             WHERE source_type = ?1 AND source_id = ?2 AND stage = ?3",
        )?
        .query_row(params![source, id, stage.as_str()], |row| row.get(0))
        .optional()?)
}

/// Notes the start of the fetch whose answer is now stored for a stage.
pub fn set_stage_fetched(
    tx: &Transaction<'_>,
    source: SourceType,
    id: i64,
    stage: Stage,
    at: Timestamp,
) -> Result<(), StoreError> {
    tx.prepare_cached(
        "INSERT INTO dependent_fetches (source_type, source_id, stage, fetched_at)
         VALUES (?1, ?2, ?3, ?4)
         ON CONFLICT (source_type, source_id, stage) DO UPDATE SET fetched_at = excluded.fetched_at",
    )?
    .execute(params![source, id, stage.as_str(), millis(at)])?;
    Ok(())
}

/// Which stages of an item have ever been fetched.
pub fn fetched_stages(
    connection: &Connection,
    source: SourceType,
    id: i64,
) -> Result<Stages, StoreError> {
    let mut statement = connection.prepare_cached(
        "SELECT stage FROM dependent_fetches WHERE source_type = ?1 AND source_id = ?2",
    )?;
    let mut rows = statement.query(params![source, id])?;
    let mut stages = Stages::NONE;
    while let Some(row) = rows.next()? {
        let name = row.get_ref(0)?.as_str().unwrap_or_default();
        if let Some(stage) = Stage::ALL.into_iter().find(|stage| stage.as_str() == name) {
            stages = stages.with(stage);
        }
    }
    Ok(stages)
}

/// The items whose discussions were fetched longest before `now`, at most
/// `limit`. When those that were fetched after it were fetched nobody knows,
/// since the clock was set back: they come first.
pub fn stalest(
    connection: &Connection,
    source: SourceType,
    project: i64,
    now: Timestamp,
    limit: u64,
) -> Result<Vec<i64>, StoreError> {
    let (after, before) = match source {
        SourceType::Issue => (
            "SELECT i.id FROM issues i JOIN dependent_fetches f
                 ON f.source_type = 'issue' AND f.source_id = i.id AND f.stage = 'discussions'
             WHERE i.project_id = ?1 AND f.fetched_at > ?2 ORDER BY f.fetched_at, i.id LIMIT ?3",
            "SELECT i.id FROM issues i JOIN dependent_fetches f
                 ON f.source_type = 'issue' AND f.source_id = i.id AND f.stage = 'discussions'
             WHERE i.project_id = ?1 AND f.fetched_at < ?2 ORDER BY f.fetched_at, i.id LIMIT ?3",
        ),
        SourceType::MergeRequest => (
            "SELECT m.id FROM merge_requests m JOIN dependent_fetches f
                 ON f.source_type = 'merge_request' AND f.source_id = m.id AND f.stage = 'discussions'
             WHERE m.project_id = ?1 AND f.fetched_at > ?2 ORDER BY f.fetched_at, m.id LIMIT ?3",
            "SELECT m.id FROM merge_requests m JOIN dependent_fetches f
                 ON f.source_type = 'merge_request' AND f.source_id = m.id AND f.stage = 'discussions'
             WHERE m.project_id = ?1 AND f.fetched_at < ?2 ORDER BY f.fetched_at, m.id LIMIT ?3",
        ),
    };
    let mut found: Vec<i64> = Vec::new();
    for sql in [after, before] {
        let left = limit.saturating_sub(found.len() as u64);
        let left = i64::try_from(left).unwrap_or(i64::MAX);
        let mut statement = connection.prepare_cached(sql)?;
        let ids = statement.query_map(params![project, millis(now), left], |row| row.get(0))?;
        for id in ids {
            found.push(id?);
        }
    }
    Ok(found)
}

/// How many items of a kind are stored.
pub fn count(connection: &Connection, source: SourceType, project: i64) -> Result<u64, StoreError> {
    let sql = match source {
        SourceType::Issue => "SELECT count(*) FROM issues WHERE project_id = ?1",
        SourceType::MergeRequest => "SELECT count(*) FROM merge_requests WHERE project_id = ?1",
    };
    Ok(connection
        .prepare_cached(sql)?
        .query_row([project], |row| row.get(0))?)
}

/// What a person would notice of an item, to tell what changed in it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ItemSnapshot {
    /// Its title.
    pub title: String,
    /// Its state.
    pub state: String,
    /// Marked as a draft.
    pub draft: bool,
    /// A merge request's newest commit.
    pub head: Option<String>,
    /// Its milestone's title.
    pub milestone: Option<String>,
    /// A work item's status.
    pub status: Option<String>,
    /// Where an issue was moved to: the reference of the new one where it is
    /// mirrored too, else its instance-wide number.
    pub moved_to: Option<String>,
    /// A SHA-256 of its description.
    pub description: [u8; 32],
    /// Label names, sorted.
    pub labels: Vec<String>,
    /// Assignees' usernames, sorted.
    pub assignees: Vec<String>,
    /// Reviewers' usernames, sorted.
    pub reviewers: Vec<String>,
    /// Notes of people.
    pub notes: i64,
    /// Threads that wait to be resolved.
    pub unresolved: i64,
    /// Files changed.
    pub file_changes: i64,
    /// Resource events.
    pub events: i64,
}

/// The item with this database's id `id` as a person would see it.
pub fn snapshot(
    connection: &Connection,
    source: SourceType,
    id: i64,
) -> Result<ItemSnapshot, StoreError> {
    let sql = match source {
        SourceType::Issue => {
            "SELECT i.title, i.state, 0, NULL, (SELECT title FROM milestones WHERE id = i.milestone_id),
                 i.status_name, i.description,
                 (SELECT json_group_array(name) FROM (SELECT l.name FROM issue_labels j JOIN labels l
                     ON l.id = j.label_id WHERE j.issue_id = i.id ORDER BY l.name)),
                 (SELECT json_group_array(username) FROM (SELECT u.username FROM issue_assignees j
                     JOIN users u ON u.id = j.user_id WHERE j.issue_id = i.id ORDER BY u.username)),
                 '[]',
                 (SELECT count(*) FROM discussions d JOIN notes n ON n.discussion_id = d.id
                     WHERE d.issue_id = i.id AND NOT n.system),
                 (SELECT count(*) FROM discussions d WHERE d.issue_id = i.id AND d.resolvable
                     AND NOT d.resolved),
                 0, (SELECT count(*) FROM resource_events e WHERE e.issue_id = i.id),
                 coalesce(
                     (SELECT n.reference FROM issues n JOIN projects q ON q.id = n.project_id
                         WHERE n.gitlab_id = i.moved_to_gitlab_id AND q.host =
                             (SELECT p.host FROM projects p WHERE p.id = i.project_id)),
                     'the issue with the id ' || i.moved_to_gitlab_id)
             FROM issues i WHERE i.id = ?1"
        }
        SourceType::MergeRequest => {
            "SELECT m.title, m.state, m.draft, m.sha,
                 (SELECT title FROM milestones WHERE id = m.milestone_id), NULL, m.description,
                 (SELECT json_group_array(name) FROM (SELECT l.name FROM merge_request_labels j
                     JOIN labels l ON l.id = j.label_id WHERE j.merge_request_id = m.id ORDER BY l.name)),
                 (SELECT json_group_array(username) FROM (SELECT u.username FROM merge_request_assignees j
                     JOIN users u ON u.id = j.user_id WHERE j.merge_request_id = m.id ORDER BY u.username)),
                 (SELECT json_group_array(username) FROM (SELECT u.username FROM merge_request_reviewers j
                     JOIN users u ON u.id = j.user_id WHERE j.merge_request_id = m.id ORDER BY u.username)),
                 (SELECT count(*) FROM discussions d JOIN notes n ON n.discussion_id = d.id
                     WHERE d.merge_request_id = m.id AND NOT n.system),
                 (SELECT count(*) FROM discussions d WHERE d.merge_request_id = m.id AND d.resolvable
                     AND NOT d.resolved),
                 (SELECT count(*) FROM mr_file_changes c WHERE c.merge_request_id = m.id),
                 (SELECT count(*) FROM resource_events e WHERE e.merge_request_id = m.id), NULL
             FROM merge_requests m WHERE m.id = ?1"
        }
    };
    let names = |row: &rusqlite::Row<'_>, column| -> rusqlite::Result<Vec<String>> {
        let json: String = row.get(column)?;
        Ok(serde_json::from_str(&json).unwrap_or_default())
    };
    Ok(connection.prepare_cached(sql)?.query_row([id], |row| {
        let description: Option<String> = row.get(6)?;
        let description = description.unwrap_or_default();
        Ok(ItemSnapshot {
            title: row.get(0)?,
            state: row.get(1)?,
            draft: row.get(2)?,
            head: row.get(3)?,
            milestone: row.get(4)?,
            status: row.get(5)?,
            description: description_digest(&description),
            labels: names(row, 7)?,
            assignees: names(row, 8)?,
            reviewers: names(row, 9)?,
            notes: row.get(10)?,
            unresolved: row.get(11)?,
            file_changes: row.get(12)?,
            events: row.get(13)?,
            moved_to: row.get(14)?,
        })
    })?)
}

/// Tells whether a description changed without keeping it.
fn description_digest(description: &str) -> [u8; 32] {
    use sha2::{Digest, Sha256};
    Sha256::digest(description.as_bytes()).into()
}
