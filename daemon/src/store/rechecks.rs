//! `rechecks`: items to be looked at again at a certain time.

use jiff::Timestamp;
use rusqlite::types::{FromSql, FromSqlError, FromSqlResult, ToSql, ToSqlOutput, ValueRef};
use rusqlite::{Connection, Transaction, params};

use super::StoreError;
use super::convert::{millis, optional_timestamp};
use super::due::horizon;
use super::source::SourceType;

/// Why an item is to be looked at again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Reason {
    /// It was fetched within GitLab's 60 seconds of silence after a change, in
    /// which a further change does not move `updated_at`.
    Unsettled,
    /// A merge request whose diff GitLab had not computed yet.
    Unprepared,
    /// It was not found; it is believed gone when it is not found again.
    Missing,
    /// A list showed an element that could not be read.
    Broken,
    /// A surgical sync could not get all of it.
    Incomplete,
}

impl Reason {
    fn as_str(self) -> &'static str {
        match self {
            Self::Unsettled => "unsettled",
            Self::Unprepared => "unprepared",
            Self::Missing => "missing",
            Self::Broken => "broken",
            Self::Incomplete => "incomplete",
        }
    }
}

impl ToSql for Reason {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(ToSqlOutput::from(self.as_str()))
    }
}

impl FromSql for Reason {
    fn column_result(value: ValueRef<'_>) -> FromSqlResult<Self> {
        match value.as_str()? {
            "unsettled" => Ok(Self::Unsettled),
            "unprepared" => Ok(Self::Unprepared),
            "missing" => Ok(Self::Missing),
            "broken" => Ok(Self::Broken),
            "incomplete" => Ok(Self::Incomplete),
            _ => Err(FromSqlError::InvalidType),
        }
    }
}

/// One item of the list.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Recheck {
    /// Issue or merge request.
    pub source: SourceType,
    /// Its iid.
    pub iid: i64,
    /// Why.
    pub reason: Reason,
    /// How often it was looked at for this reason.
    pub attempts: u32,
}

/// Puts an item on the list. One that is there for the same reason keeps its
/// attempts and takes the new time.
pub fn put(
    tx: &Transaction<'_>,
    project: i64,
    source: SourceType,
    iid: i64,
    reason: Reason,
    due_at: Timestamp,
    now: Timestamp,
) -> Result<(), StoreError> {
    tx.prepare_cached(
        "INSERT INTO rechecks (project_id, source_type, iid, reason, due_at, queued_at)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6)
         ON CONFLICT (project_id, source_type, iid, reason) DO UPDATE SET due_at = excluded.due_at",
    )?
    .execute(params![
        project,
        source,
        iid,
        reason,
        millis(due_at),
        millis(now)
    ])?;
    Ok(())
}

/// Puts an item on the list unless it is there for that reason.
pub fn put_once(
    tx: &Transaction<'_>,
    project: i64,
    source: SourceType,
    iid: i64,
    reason: Reason,
    due_at: Timestamp,
    now: Timestamp,
) -> Result<(), StoreError> {
    tx.prepare_cached(
        "INSERT INTO rechecks (project_id, source_type, iid, reason, due_at, queued_at)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6) ON CONFLICT DO NOTHING",
    )?
    .execute(params![
        project,
        source,
        iid,
        reason,
        millis(due_at),
        millis(now)
    ])?;
    Ok(())
}

/// Counts one more look and sets the time of the next.
pub fn postpone(
    tx: &Transaction<'_>,
    project: i64,
    recheck: &Recheck,
    due_at: Timestamp,
) -> Result<(), StoreError> {
    tx.prepare_cached(
        "UPDATE rechecks SET attempts = attempts + 1, due_at = ?5
         WHERE project_id = ?1 AND source_type = ?2 AND iid = ?3 AND reason = ?4",
    )?
    .execute(params![
        project,
        recheck.source,
        recheck.iid,
        recheck.reason,
        millis(due_at)
    ])?;
    Ok(())
}

/// Takes an item off the list, for one reason.
pub fn remove(
    tx: &Transaction<'_>,
    project: i64,
    source: SourceType,
    iid: i64,
    reason: Reason,
) -> Result<(), StoreError> {
    tx.prepare_cached(
        "DELETE FROM rechecks WHERE project_id = ?1 AND source_type = ?2 AND iid = ?3 AND reason = ?4",
    )?
    .execute(params![project, source, iid, reason])?;
    Ok(())
}

/// What is due in the project by `now`, earliest first.
pub fn due(
    connection: &Connection,
    project: i64,
    now: Timestamp,
) -> Result<Vec<Recheck>, StoreError> {
    Ok(connection
        .prepare_cached(
            "SELECT source_type, iid, reason, attempts FROM rechecks
             WHERE project_id = ?1 AND (due_at <= ?2 OR due_at > ?3)
             ORDER BY due_at, source_type, iid",
        )?
        .query_map(params![project, millis(now), horizon(now)], |row| {
            Ok(Recheck {
                source: row.get(0)?,
                iid: row.get(1)?,
                reason: row.get(2)?,
                attempts: row.get(3)?,
            })
        })?
        .collect::<Result<_, _>>()?)
}

/// When the next item of the project is due, seen from `now`.
pub fn next_due(
    connection: &Connection,
    project: i64,
    now: Timestamp,
) -> Result<Option<Timestamp>, StoreError> {
    let at: Option<i64> = connection
        .prepare_cached(
            "SELECT min(iif(due_at > ?3, ?2, due_at)) FROM rechecks WHERE project_id = ?1",
        )?
        .query_row(params![project, millis(now), horizon(now)], |row| {
            row.get(0)
        })?;
    Ok(optional_timestamp(at)?)
}

/// How many items of the project are on the list.
pub fn count(connection: &Connection, project: i64) -> Result<u64, StoreError> {
    Ok(connection
        .prepare_cached("SELECT count(*) FROM rechecks WHERE project_id = ?1")?
        .query_row([project], |row| row.get(0))?)
}

/// The entry of an item for one reason, if there is one.
pub fn get(
    connection: &Connection,
    project: i64,
    source: SourceType,
    iid: i64,
    reason: Reason,
) -> Result<Option<Recheck>, StoreError> {
    use rusqlite::OptionalExtension;
    Ok(connection
        .prepare_cached(
            "SELECT attempts FROM rechecks
             WHERE project_id = ?1 AND source_type = ?2 AND iid = ?3 AND reason = ?4",
        )?
        .query_row(params![project, source, iid, reason], |row| {
            Ok(Recheck {
                source,
                iid,
                reason,
                attempts: row.get(0)?,
            })
        })
        .optional()?)
}
