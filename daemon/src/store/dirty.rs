//! `dirty_sources`: what has to be rendered again.
//!
//! Triggers of the schema mark a source whenever something changes that its
//! document is made of, so that no writer can forget to.

use jiff::Timestamp;
use rusqlite::{Connection, OptionalExtension, Transaction, params};

use super::StoreError;
use super::convert::millis;
use super::documents::{Source, SourceKind};
use super::due::horizon;
use super::source::SourceType;

/// A marking of a source. Numbers grow with every marking of any source.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Marked {
    /// What was marked.
    pub source: Source,
    /// Which marking this is.
    pub generation: i64,
}

/// A source that is due.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Due {
    /// The marking.
    pub marked: Marked,
    /// How often it failed.
    pub attempts: u32,
}

/// Marks a source, or gives it a newer marking.
pub fn mark(tx: &Transaction<'_>, project: i64, source: Source) -> Result<(), StoreError> {
    tx.prepare_cached(
        "INSERT INTO mark_dirty (source_type, source_id, project_id) VALUES (?1, ?2, ?3)",
    )?
    .execute(params![source.kind, source.id, project])?;
    Ok(())
}

/// The marking that a source bears now. Asked in the transaction that wrote
/// the source, it is the one that this write made, or an older one where the
/// write changed nothing.
pub fn marking(connection: &Connection, source: Source) -> Result<Option<Marked>, StoreError> {
    Ok(connection
        .prepare_cached(
            "SELECT generation FROM dirty_sources WHERE source_type = ?1 AND source_id = ?2",
        )?
        .query_row(params![source.kind, source.id], |row| {
            Ok(Marked {
                source,
                generation: row.get(0)?,
            })
        })
        .optional()?)
}

/// The markings that the threads of an item bear now. As with [`marking`],
/// asked in the transaction that wrote them.
pub fn threads_of(
    connection: &Connection,
    item: SourceType,
    id: i64,
) -> Result<Vec<Marked>, StoreError> {
    let sql = match item {
        SourceType::Issue => {
            "SELECT d.id, s.generation FROM discussions d JOIN dirty_sources s
                 ON s.source_type = 'discussion' AND s.source_id = d.id
             WHERE d.issue_id = ?1 ORDER BY d.position, d.id"
        }
        SourceType::MergeRequest => {
            "SELECT d.id, s.generation FROM discussions d JOIN dirty_sources s
                 ON s.source_type = 'discussion' AND s.source_id = d.id
             WHERE d.merge_request_id = ?1 ORDER BY d.position, d.id"
        }
    };
    Ok(connection
        .prepare_cached(sql)?
        .query_map([id], |row| {
            Ok(Marked {
                source: Source {
                    kind: SourceKind::Discussion,
                    id: row.get(0)?,
                },
                generation: row.get(1)?,
            })
        })?
        .collect::<Result<_, _>>()?)
}

/// The marked sources of a project that are due at `now`, the last marked
/// first, at most `limit`.
pub fn due(
    connection: &Connection,
    project: i64,
    now: Timestamp,
    limit: u32,
) -> Result<Vec<Due>, StoreError> {
    Ok(connection
        .prepare_cached(
            "SELECT source_type, source_id, generation, attempts FROM dirty_sources
             WHERE project_id = ?1 AND (next_attempt_at <= ?2 OR next_attempt_at > ?3)
             ORDER BY generation DESC LIMIT ?4",
        )?
        .query_map(params![project, millis(now), horizon(now), limit], |row| {
            Ok(Due {
                marked: Marked {
                    source: Source {
                        kind: row.get(0)?,
                        id: row.get(1)?,
                    },
                    generation: row.get(2)?,
                },
                attempts: row.get(3)?,
            })
        })?
        .collect::<Result<_, _>>()?)
}

/// How many sources of a project are marked.
pub fn count(connection: &Connection, project: i64) -> Result<u64, StoreError> {
    Ok(connection
        .prepare_cached("SELECT count(*) FROM dirty_sources WHERE project_id = ?1")?
        .query_row([project], |row| row.get(0))?)
}

/// Takes a marking off, and an older one of the same source with it; a newer
/// one stays.
pub fn absorb(tx: &Transaction<'_>, marked: Marked) -> Result<(), StoreError> {
    tx.prepare_cached(
        "DELETE FROM dirty_sources
         WHERE source_type = ?1 AND source_id = ?2 AND generation <= ?3",
    )?
    .execute(params![
        marked.source.kind,
        marked.source.id,
        marked.generation
    ])?;
    Ok(())
}

/// Notes that a source could not be rendered; it is due again at `next`.
pub fn fail(
    tx: &Transaction<'_>,
    marked: Marked,
    message: &str,
    next: Timestamp,
) -> Result<(), StoreError> {
    tx.prepare_cached(
        "UPDATE dirty_sources SET attempts = attempts + 1, next_attempt_at = ?4, error_message = ?5
         WHERE source_type = ?1 AND source_id = ?2 AND generation = ?3",
    )?
    .execute(params![
        marked.source.kind,
        marked.source.id,
        marked.generation,
        millis(next),
        message
    ])?;
    Ok(())
}
