//! Rows of the ledger as they are stored.

use jiff::Timestamp;
use lore_proto::sync::{
    CompletionStatus, Counters, EntityStatus, EntityType, Phase, Requested, RunMode, RunStatus,
    StageTimings,
};
use lore_proto::{ErrorCode, sync::SyncRequest};
use rusqlite::{Connection, OptionalExtension, Row, params};
use serde::de::DeserializeOwned;

use crate::store::StoreError;
use crate::store::convert::{optional_timestamp, timestamp};

/// The stages that stand for an item itself; every other stage is one of its
/// dependents.
pub const PRIMARY_STAGES: [&str; 2] = ["item", "primary"];

/// A row of `sync_runs`.
#[derive(Debug, Clone, PartialEq)]
pub struct RunRow {
    /// Unique for ever.
    pub run_id: String,
    /// Standard or surgical.
    pub mode: RunMode,
    /// This database's id of the project, where it is mirrored.
    pub project_id: Option<i64>,
    /// The host's key in the config.
    pub host: String,
    /// The path by which the project was configured.
    pub project: String,
    /// A project of another host has the same path.
    pub path_elsewhere: bool,
    /// What it is doing, or how it ended.
    pub phase: Phase,
    /// Where it stands.
    pub status: RunStatus,
    /// How it ended.
    pub completion: Option<CompletionStatus>,
    /// The request's flags.
    pub options: SyncRequest,
    /// The targets of a surgical run.
    pub requested: Requested,
    /// The run whose failures this one repeats.
    pub retry_of: Option<String>,
    /// When it started.
    pub started_at: Timestamp,
    /// When it last gave a sign of life.
    pub heartbeat_at: Timestamp,
    /// When it ended.
    pub finished_at: Option<Timestamp>,
    /// When it was cancelled.
    pub cancelled_at: Option<Timestamp>,
    /// Time in each phase.
    pub timings: StageTimings,
    /// What it counted.
    pub counters: Counters,
    /// Sentences for a person.
    pub warnings: Vec<String>,
    /// Why it failed.
    pub error_code: Option<ErrorCode>,
    /// The failure in a sentence.
    pub error_message: Option<String>,
    /// Every target of a surgical run ended well, its dependents too: what was
    /// cut short can only be documents and vectors.
    pub settled: bool,
}

/// A row of `sync_run_entities`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct StoredEntity {
    pub(super) entity_type: EntityType,
    pub(super) iid: u64,
    pub(super) stage: String,
    pub(super) status: EntityStatus,
    pub(super) code: Option<ErrorCode>,
    pub(super) message: Option<String>,
}

pub(super) const COLUMNS: &str = "r.run_id, r.mode, r.project_id, r.host, r.project, r.phase, r.status, \
     r.completion_status, r.options, r.requested, r.retry_of, r.started_at, r.heartbeat_at, \
     r.finished_at, r.cancelled_at, r.stage_timings_ms, r.counters, r.warnings, r.error_code, \
     r.error_message, \
     EXISTS (SELECT 1 FROM project_paths q WHERE q.path = r.project AND q.host <> r.host), \
     r.mode = 'surgical' AND (SELECT count(DISTINCT e.entity_type || e.iid) \
             FILTER (WHERE e.stage NOT IN ('item', 'primary')) \
         = json_array_length(r.requested, '$.issues') \
         + json_array_length(r.requested, '$.merge_requests') \
         AND count(*) FILTER (WHERE e.status NOT IN ('ok', 'skipped_stale')) = 0 \
         FROM sync_run_entities e WHERE e.run_id = r.run_id)";

/// The run with exactly this id.
pub fn get(connection: &Connection, run_id: &str) -> Result<Option<RunRow>, StoreError> {
    let sql = format!("SELECT {COLUMNS} FROM sync_runs r WHERE r.run_id = ?1");
    connection
        .prepare_cached(&sql)?
        .query_row([run_id], |row| Ok(run(row)))
        .optional()?
        .transpose()
}

/// At most `limit` ids that begin with `prefix`, newest first. `prefix` has to
/// consist of ASCII letters and digits.
pub fn ids_with_prefix(
    connection: &Connection,
    prefix: &str,
    limit: u32,
) -> Result<Vec<String>, StoreError> {
    // `{` follows `z`: the end of the range of everything with the prefix.
    let ids = connection
        .prepare_cached(
            "SELECT run_id FROM sync_runs WHERE run_id >= ?1 AND run_id < ?1 || '{'
             ORDER BY run_id DESC LIMIT ?2",
        )?
        .query_map(params![prefix, limit], |row| row.get(0))?
        .collect::<Result<_, _>>()?;
    Ok(ids)
}

/// How one stage of an item ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StageEnd {
    /// Issue or merge request.
    pub entity_type: EntityType,
    /// Its iid.
    pub iid: u64,
    /// Whether the stage is the item itself, not one of its dependents.
    pub primary: bool,
    /// How it ended.
    pub status: EntityStatus,
}

/// How each stage of each item of a run ended, in a fixed order.
pub fn stage_ends(connection: &Connection, run_id: &str) -> Result<Vec<StageEnd>, StoreError> {
    Ok(entities(connection, run_id)?
        .into_iter()
        .map(|entity| StageEnd {
            entity_type: entity.entity_type,
            iid: entity.iid,
            primary: PRIMARY_STAGES.contains(&entity.stage.as_str()),
            status: entity.status,
        })
        .collect())
}

/// The items of a run, in a fixed order.
pub(super) fn entities(
    connection: &Connection,
    run_id: &str,
) -> Result<Vec<StoredEntity>, StoreError> {
    let mut statement = connection.prepare_cached(
        "SELECT entity_type, iid, stage, status, error_code, error_message
         FROM sync_run_entities WHERE run_id = ?1 ORDER BY entity_type, iid, stage",
    )?;
    let mut rows = statement.query([run_id])?;
    let mut found = Vec::new();
    while let Some(row) = rows.next()? {
        let code: Option<String> = row.get(4)?;
        found.push(StoredEntity {
            entity_type: named(row, 0, "entity type")?,
            iid: row.get(1)?,
            stage: row.get(2)?,
            status: named(row, 3, "entity status")?,
            code: code.map(|name| error_code(&name)),
            message: row.get(5)?,
        });
    }
    Ok(found)
}

pub(super) fn run(row: &Row<'_>) -> Result<RunRow, StoreError> {
    let completion: Option<String> = row.get(7)?;
    let error: Option<String> = row.get(18)?;
    Ok(RunRow {
        run_id: row.get(0)?,
        mode: named(row, 1, "run mode")?,
        project_id: row.get(2)?,
        host: row.get(3)?,
        project: row.get(4)?,
        path_elsewhere: row.get(20)?,
        phase: named(row, 5, "run phase")?,
        status: named(row, 6, "run status")?,
        completion: completion
            .map(|name| {
                name.parse()
                    .map_err(|()| unknown("completion status", &name))
            })
            .transpose()?,
        // Flags of another version may have other names; the run is what
        // counts.
        options: json(row, 8, "run options").unwrap_or_default(),
        requested: json(row, 9, "run targets")?,
        retry_of: row.get(10)?,
        started_at: timestamp(row.get(11)?)?,
        heartbeat_at: timestamp(row.get(12)?)?,
        finished_at: optional_timestamp(row.get(13)?)?,
        cancelled_at: optional_timestamp(row.get(14)?)?,
        timings: json(row, 15, "stage timings")?,
        counters: json(row, 16, "counters")?,
        warnings: json(row, 17, "run warnings")?,
        error_code: error.map(|name| error_code(&name)),
        error_message: row.get(19)?,
        // Absent where the targets of another version have other names.
        settled: row.get::<_, Option<bool>>(21)?.unwrap_or_default(),
    })
}

/// A code that this build does not know is a newer build's.
fn error_code(name: &str) -> ErrorCode {
    name.parse().unwrap_or(ErrorCode::Internal)
}

fn named<T: std::str::FromStr>(
    row: &Row<'_>,
    column: usize,
    what: &'static str,
) -> Result<T, StoreError> {
    let name: String = row.get(column)?;
    name.parse().map_err(|_| unknown(what, &name))
}

fn json<T: DeserializeOwned>(
    row: &Row<'_>,
    column: usize,
    what: &'static str,
) -> Result<T, StoreError> {
    let text: String = row.get(column)?;
    serde_json::from_str(&text).map_err(|error| StoreError::Unreadable {
        what,
        why: error.to_string(),
    })
}

fn unknown(what: &'static str, name: &str) -> StoreError {
    StoreError::Unreadable {
        what,
        why: format!("`{name}` is not one of its values"),
    }
}
