//! `pending_dependent_fetches`: what is owed for items.

use jiff::Timestamp;
use lore_proto::ErrorCode;
use rusqlite::{Connection, OptionalExtension, Row, Transaction, params};

use super::StoreError;
use super::convert::millis;
use super::due::horizon;
use super::source::{SourceType, Stage, Stages};

/// One item of the queue.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Owed {
    /// Issue or merge request.
    pub source: SourceType,
    /// This database's id of the item.
    pub id: i64,
    /// What is owed.
    pub stages: Stages,
    /// The marking that was read; a later one outlives this fetch.
    pub generation: i64,
    /// Failed attempts so far.
    pub attempts: u32,
}

const STAGE_COLUMNS: &str =
    "item, discussions, state_events, label_events, milestone_events, diffs, closes_issues, status";

fn read(row: &Row<'_>) -> rusqlite::Result<Owed> {
    let mut stages = Stages::NONE;
    for (column, stage) in (4..).zip(Stage::ALL) {
        if row.get(column)? {
            stages = stages.with(stage);
        }
    }
    Ok(Owed {
        source: row.get(0)?,
        id: row.get(1)?,
        generation: row.get(2)?,
        attempts: row.get(3)?,
        stages,
    })
}

/// Queues `stages` of an item, beside what is queued for it already; its
/// attempts begin anew. `sort_key`: the item's `updated_at`.
pub fn mark(
    tx: &Transaction<'_>,
    project: i64,
    source: SourceType,
    id: i64,
    stages: Stages,
    sort_key: i64,
    now: Timestamp,
) -> Result<(), StoreError> {
    if stages.is_empty() {
        return Ok(());
    }
    let owes = Stage::ALL.map(|stage| stages.has(stage));
    tx.prepare_cached(&format!(
        "INSERT INTO pending_dependent_fetches (source_type, source_id, project_id, {STAGE_COLUMNS},
             generation, queued_at, sort_key)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, 1, ?12, ?13)
         ON CONFLICT (source_type, source_id) DO UPDATE SET
             item = max(item, excluded.item), discussions = max(discussions, excluded.discussions),
             state_events = max(state_events, excluded.state_events),
             label_events = max(label_events, excluded.label_events),
             milestone_events = max(milestone_events, excluded.milestone_events),
             diffs = max(diffs, excluded.diffs),
             closes_issues = max(closes_issues, excluded.closes_issues),
             status = max(status, excluded.status), generation = generation + 1,
             queued_at = excluded.queued_at, sort_key = excluded.sort_key, attempts = 0,
             next_attempt_at = 0, error_code = NULL, error_message = NULL"
    ))?
    .execute(params![
        source,
        id,
        project,
        owes[0],
        owes[1],
        owes[2],
        owes[3],
        owes[4],
        owes[5],
        owes[6],
        owes[7],
        millis(now),
        sort_key
    ])?;
    Ok(())
}

/// What of a queue a reader wants.
#[derive(Debug, Clone, Copy)]
pub struct Due {
    /// Rows whose next attempt is due at that time; absent: all.
    pub by: Option<Timestamp>,
    /// Rows that owe any of these.
    pub stages: Stages,
}

/// The project's queue, newest items first, at most `limit` rows that owe one
/// of the wanted stages, past the `skip` ones that are under way.
pub fn due<S: std::hash::BuildHasher>(
    connection: &Connection,
    project: i64,
    due: Due,
    limit: u32,
    under_way: &std::collections::HashSet<(SourceType, i64), S>,
) -> Result<Vec<Owed>, StoreError> {
    let mut statement = connection.prepare_cached(&format!(
        "SELECT source_type, source_id, generation, attempts, {STAGE_COLUMNS}
         FROM pending_dependent_fetches
         WHERE project_id = ?1 AND (next_attempt_at <= ?2 OR next_attempt_at > ?3)
         ORDER BY sort_key DESC, source_type, source_id"
    ))?;
    let (by, beyond) = due
        .by
        .map_or((i64::MAX, i64::MAX), |by| (millis(by), horizon(by)));
    let mut rows = statement.query(params![project, by, beyond])?;
    let mut found = Vec::new();
    while let Some(row) = rows.next()? {
        let owed = read(row)?;
        let wanted = owed.stages.iter().any(|stage| due.stages.has(stage));
        if wanted && !under_way.contains(&(owed.source, owed.id)) {
            found.push(owed);
            if found.len() >= limit as usize {
                break;
            }
        }
    }
    Ok(found)
}

/// Takes `done` off an item's row; the row goes with its last stage. A marking
/// made after `owed` was read stays whole.
pub fn complete(tx: &Transaction<'_>, owed: &Owed, done: Stages) -> Result<(), StoreError> {
    let keeps = Stage::ALL.map(|stage| !done.has(stage));
    tx.prepare_cached(
        "UPDATE pending_dependent_fetches SET item = item AND ?4, discussions = discussions AND ?5,
             state_events = state_events AND ?6, label_events = label_events AND ?7,
             milestone_events = milestone_events AND ?8, diffs = diffs AND ?9,
             closes_issues = closes_issues AND ?10, status = status AND ?11
         WHERE source_type = ?1 AND source_id = ?2 AND generation = ?3",
    )?
    .execute(params![
        owed.source,
        owed.id,
        owed.generation,
        keeps[0],
        keeps[1],
        keeps[2],
        keeps[3],
        keeps[4],
        keeps[5],
        keeps[6],
        keeps[7]
    ])?;
    tx.prepare_cached(
        "DELETE FROM pending_dependent_fetches WHERE source_type = ?1 AND source_id = ?2
             AND NOT (item OR discussions OR state_events OR label_events OR milestone_events
                 OR diffs OR closes_issues OR status)",
    )?
    .execute(params![owed.source, owed.id])?;
    Ok(())
}

/// Notes a failed attempt; background runs leave the row alone until
/// `next_attempt`.
pub fn fail(
    tx: &Transaction<'_>,
    owed: &Owed,
    code: ErrorCode,
    message: &str,
    next_attempt: Timestamp,
) -> Result<(), StoreError> {
    tx.prepare_cached(
        "UPDATE pending_dependent_fetches SET attempts = attempts + 1, next_attempt_at = ?4,
             error_code = ?5, error_message = ?6
         WHERE source_type = ?1 AND source_id = ?2 AND generation = ?3",
    )?
    .execute(params![
        owed.source,
        owed.id,
        owed.generation,
        millis(next_attempt),
        code.as_str(),
        message
    ])?;
    Ok(())
}

/// Takes an item's row off, whatever it owes.
pub fn remove(tx: &Transaction<'_>, source: SourceType, id: i64) -> Result<(), StoreError> {
    tx.prepare_cached(
        "DELETE FROM pending_dependent_fetches WHERE source_type = ?1 AND source_id = ?2",
    )?
    .execute(params![source, id])?;
    Ok(())
}

/// What an item owes.
pub fn of_item(connection: &Connection, source: SourceType, id: i64) -> Result<Stages, StoreError> {
    let owed = connection
        .prepare_cached(&format!(
            "SELECT source_type, source_id, generation, attempts, {STAGE_COLUMNS}
             FROM pending_dependent_fetches WHERE source_type = ?1 AND source_id = ?2"
        ))?
        .query_row(params![source, id], read)
        .optional()?;
    Ok(owed.map_or(Stages::NONE, |owed| owed.stages))
}

/// How many items of the project owe something.
pub fn count(connection: &Connection, project: i64) -> Result<u64, StoreError> {
    Ok(connection
        .prepare_cached("SELECT count(*) FROM pending_dependent_fetches WHERE project_id = ?1")?
        .query_row([project], |row| row.get(0))?)
}

/// Queues these stages for every item of the project, where they are marked
/// anew.
pub fn mark_all(
    tx: &Transaction<'_>,
    project: i64,
    source: SourceType,
    ids: &[i64],
    stages: Stages,
    now: Timestamp,
) -> Result<(), StoreError> {
    let sql = match source {
        SourceType::Issue => "SELECT updated_at FROM issues WHERE id = ?1",
        SourceType::MergeRequest => "SELECT updated_at FROM merge_requests WHERE id = ?1",
    };
    for id in ids {
        let sort_key = tx.prepare_cached(sql)?.query_row([id], |row| row.get(0))?;
        mark(tx, project, source, *id, stages, sort_key, now)?;
    }
    Ok(())
}

/// Takes the status off every row of the project: its host has no such thing.
pub fn forget_status(tx: &Transaction<'_>, project: i64) -> Result<(), StoreError> {
    tx.prepare_cached(
        "UPDATE pending_dependent_fetches SET status = 0 WHERE project_id = ?1 AND status",
    )?
    .execute([project])?;
    tx.prepare_cached(
        "DELETE FROM pending_dependent_fetches WHERE project_id = ?1
             AND NOT (item OR discussions OR state_events OR label_events OR milestone_events
                 OR diffs OR closes_issues OR status)",
    )?
    .execute([project])?;
    Ok(())
}
