//! `sync_cursors` and `host_features`.

use jiff::Timestamp;
use rusqlite::{Connection, OptionalExtension, Transaction, params};

use super::StoreError;
use super::convert::{millis, optional_millis, optional_timestamp, timestamp};
use super::source::SourceType;

/// How far one list of a project was walked. All times are GitLab's.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Cursor {
    /// Everything up to here was seen; the next walk begins an overlap before.
    pub updated_after: Option<Timestamp>,
    /// The first walk goes back in time: everything after this is stored.
    pub backfill_before: Option<Timestamp>,
    /// The first walk has reached the oldest item.
    pub backfill_done: bool,
    /// Where a forward walk stands that has not ended.
    pub walk_anchor: Option<Timestamp>,
    /// What `updated_after` becomes when that walk ends.
    pub walk_target: Option<Timestamp>,
}

/// The stored cursor; a default one where the list was never walked.
pub fn load(
    connection: &Connection,
    project: i64,
    source: SourceType,
) -> Result<Cursor, StoreError> {
    Ok(connection
        .prepare_cached(
            "SELECT updated_after, backfill_before, backfill_done, walk_anchor, walk_target
             FROM sync_cursors WHERE project_id = ?1 AND source_type = ?2",
        )?
        .query_row(params![project, source], |row| {
            Ok(Cursor {
                updated_after: optional_timestamp(row.get(0)?)?,
                backfill_before: optional_timestamp(row.get(1)?)?,
                backfill_done: row.get(2)?,
                walk_anchor: optional_timestamp(row.get(3)?)?,
                walk_target: optional_timestamp(row.get(4)?)?,
            })
        })
        .optional()?
        .unwrap_or_default())
}

/// Stores the cursor.
pub fn save(
    tx: &Transaction<'_>,
    project: i64,
    source: SourceType,
    cursor: &Cursor,
) -> Result<(), StoreError> {
    tx.prepare_cached(
        "INSERT INTO sync_cursors (project_id, source_type, updated_after, backfill_before,
             backfill_done, walk_anchor, walk_target) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)
         ON CONFLICT (project_id, source_type) DO UPDATE SET updated_after = excluded.updated_after,
             backfill_before = excluded.backfill_before, backfill_done = excluded.backfill_done,
             walk_anchor = excluded.walk_anchor, walk_target = excluded.walk_target",
    )?
    .execute(params![
        project,
        source,
        optional_millis(cursor.updated_after),
        optional_millis(cursor.backfill_before),
        cursor.backfill_done,
        optional_millis(cursor.walk_anchor),
        optional_millis(cursor.walk_target),
    ])?;
    Ok(())
}

/// Whether a host can do something, by the last trial, and when that was.
pub fn feature(
    connection: &Connection,
    host: &str,
    feature: &str,
) -> Result<Option<(bool, Timestamp)>, StoreError> {
    Ok(connection
        .prepare_cached(
            "SELECT supported, checked_at FROM host_features WHERE host = ?1 AND feature = ?2",
        )?
        .query_row([host, feature], |row| {
            Ok((row.get(0)?, timestamp(row.get(1)?)?))
        })
        .optional()?)
}

/// Notes the outcome of a trial.
pub fn set_feature(
    tx: &Transaction<'_>,
    host: &str,
    feature: &str,
    supported: bool,
    at: Timestamp,
) -> Result<(), StoreError> {
    tx.prepare_cached(
        "INSERT INTO host_features (host, feature, supported, checked_at) VALUES (?1, ?2, ?3, ?4)
         ON CONFLICT (host, feature) DO UPDATE SET supported = excluded.supported,
             checked_at = excluded.checked_at",
    )?
    .execute(params![host, feature, supported, millis(at)])?;
    Ok(())
}
