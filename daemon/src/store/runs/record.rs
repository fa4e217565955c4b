//! Writing the ledger. Every statement that changes a row asks for one that
//! is still `running`, so that a late write never re-opens a closed run.

use jiff::Timestamp;
use lore_proto::ErrorCode;
use lore_proto::sync::{
    CompletionStatus, Counters, EntityStatus, EntityType, Phase, Requested, RunMode, RunResult,
    RunStatus, StageTimings,
};
use rusqlite::{Transaction, params};
use serde::Serialize;
use serde_json::Value;

use super::{forget, read, result};
use crate::store::StoreError;
use crate::store::convert::millis;

/// Who asked for a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Trigger {
    /// The daemon's timer.
    Timer,
    /// A client.
    Request,
}

impl Trigger {
    /// The name in `sync_runs.trigger`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Timer => "timer",
            Self::Request => "request",
        }
    }
}

/// A run that begins.
#[derive(Debug, Clone, PartialEq)]
pub struct NewRun {
    /// Unique for ever.
    pub run_id: String,
    /// Standard or surgical.
    pub mode: RunMode,
    /// This database's id of the project, where it is known already.
    pub project_id: Option<i64>,
    /// The host's key in the config.
    pub host: String,
    /// The full path by which the project is configured, since that is what
    /// commands take.
    pub project: String,
    /// Who asked.
    pub trigger: Trigger,
    /// The request's flags, an object with the names of
    /// [`lore_proto::sync::SyncRequest`].
    pub options: Value,
    /// The targets of a surgical run.
    pub requested: Requested,
    /// The run whose failures this one repeats.
    pub retry_of: Option<String>,
}

/// How far a run is, as a heartbeat writes it.
#[derive(Debug, Clone, PartialEq)]
pub struct Progress {
    /// This database's id of the project, once it is known.
    pub project_id: Option<i64>,
    /// What it is doing.
    pub phase: Phase,
    /// Time in each phase so far.
    pub timings: StageTimings,
    /// What it counted so far.
    pub counters: Counters,
    /// Sentences for a person.
    pub warnings: Vec<String>,
}

/// How one stage of one item ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EntityRow {
    /// Issue or merge request.
    pub entity_type: EntityType,
    /// Its iid.
    pub iid: u64,
    /// What was done for it, by [`crate::store::runs::read::PRIMARY_STAGES`]
    /// or the name of a set of dependents.
    pub stage: &'static str,
    /// How that ended.
    pub status: EntityStatus,
    /// Why, where it failed.
    pub error: Option<(ErrorCode, String)>,
    /// When.
    pub at: Timestamp,
}

/// How a run ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum End {
    /// It reached its end; the counters say whether with warnings.
    Succeeded,
    /// An error ended it.
    Failed(ErrorCode, String),
    /// Somebody ended it.
    Cancelled,
}

/// All that the last write of a run needs.
#[derive(Debug, Clone, PartialEq)]
pub struct Ending {
    /// The run.
    pub run_id: String,
    /// Its last counters, timings and warnings; the phase gives way to the
    /// terminal one.
    pub progress: Progress,
    /// Items that were not written yet.
    pub entities: Vec<EntityRow>,
    /// How it ended.
    pub end: End,
    /// When.
    pub at: Timestamp,
}

/// Writes the row of a run that begins, in phase `preflight`.
pub fn insert(tx: &Transaction<'_>, run: &NewRun, now: Timestamp) -> Result<(), StoreError> {
    tx.prepare_cached(
        "INSERT INTO sync_runs (run_id, mode, project_id, host, project, phase, status, trigger,
             options, requested, retry_of, started_at, heartbeat_at)
         VALUES (?1, ?2, (SELECT id FROM projects WHERE id = ?3), ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11,
             ?12, ?12)",
    )?
    .execute(params![
        run.run_id,
        run.mode.as_str(),
        run.project_id,
        run.host,
        run.project,
        Phase::Preflight.as_str(),
        RunStatus::Running.as_str(),
        run.trigger.as_str(),
        json(&run.options)?,
        json(&run.requested)?,
        run.retry_of,
        millis(now),
    ])?;
    if run.trigger == Trigger::Timer {
        forget::old_timed(tx, now)?;
    }
    Ok(())
}

/// Writes how far a running run is.
pub fn save(
    tx: &Transaction<'_>,
    run_id: &str,
    progress: &Progress,
    now: Timestamp,
) -> Result<(), StoreError> {
    // A project that is gone by now must not keep the run from being recorded.
    tx.prepare_cached(
        "UPDATE sync_runs SET
             project_id = coalesce((SELECT id FROM projects WHERE id = ?2), project_id),
             phase = ?3, stage_timings_ms = ?4, counters = ?5, warnings = ?6, heartbeat_at = ?7
         WHERE run_id = ?1 AND status = 'running'",
    )?
    .execute(params![
        run_id,
        progress.project_id,
        progress.phase.as_str(),
        json(&progress.timings)?,
        json(&progress.counters)?,
        json(&progress.warnings)?,
        millis(now),
    ])?;
    Ok(())
}

/// Writes items of a run; the last word on a stage of an item stands.
pub fn put_entities(
    tx: &Transaction<'_>,
    run_id: &str,
    rows: &[EntityRow],
) -> Result<(), StoreError> {
    let mut put = tx.prepare_cached(
        "INSERT INTO sync_run_entities (run_id, entity_type, iid, stage, status, error_code,
             error_message, at) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)
         ON CONFLICT (run_id, entity_type, iid, stage) DO UPDATE SET status = excluded.status,
             error_code = excluded.error_code, error_message = excluded.error_message,
             at = excluded.at",
    )?;
    for row in rows {
        let (code, message) = row.error.as_ref().map_or((None, None), |(code, message)| {
            (Some(code.as_str()), Some(message))
        });
        put.execute(params![
            run_id,
            row.entity_type.as_str(),
            row.iid,
            row.stage,
            row.status.as_str(),
            code,
            message,
            millis(row.at),
        ])?;
    }
    Ok(())
}

/// Closes a run and gives what clients see of it. A run that is closed already
/// stays as it is.
pub fn finish(tx: &Transaction<'_>, ending: &Ending) -> Result<RunResult, StoreError> {
    let (status, phase, completion) = match ending.end {
        End::Succeeded if ending.progress.counters.warnings > 0 => (
            RunStatus::Succeeded,
            Phase::Done,
            CompletionStatus::SucceededWithWarnings,
        ),
        End::Succeeded => (
            RunStatus::Succeeded,
            Phase::Done,
            CompletionStatus::Succeeded,
        ),
        End::Failed(..) => (RunStatus::Failed, Phase::Failed, CompletionStatus::Failed),
        End::Cancelled => (
            RunStatus::Cancelled,
            Phase::Cancelled,
            CompletionStatus::Cancelled,
        ),
    };
    let (code, message) = match &ending.end {
        End::Failed(code, message) => (Some(code.as_str()), Some(message)),
        End::Succeeded | End::Cancelled => (None, None),
    };
    save(tx, &ending.run_id, &ending.progress, ending.at)?;
    put_entities(tx, &ending.run_id, &ending.entities)?;
    tx.prepare_cached(
        "UPDATE sync_runs SET status = ?2, phase = ?3, completion_status = ?4, finished_at = ?5,
             cancelled_at = CASE WHEN ?2 = 'cancelled' THEN ?5 END,
             error_code = ?6, error_message = ?7
         WHERE run_id = ?1 AND status = 'running'",
    )?
    .execute(params![
        ending.run_id,
        status.as_str(),
        phase.as_str(),
        completion.as_str(),
        millis(ending.at),
        code,
        message,
    ])?;
    let row = read::get(tx, &ending.run_id)?.ok_or_else(|| StoreError::Unreadable {
        what: "sync run",
        why: format!("the run {} has no row to close", ending.run_id),
    })?;
    result::with_entities(tx, row)
}

/// Closes every run that is still `running` as failed with `INTERRUPTED`, and
/// gives how many. To be called before any run starts: whoever ran them is
/// dead, since one daemon alone owns the database.
pub fn close_interrupted(tx: &Transaction<'_>, now: Timestamp) -> Result<usize, StoreError> {
    let closed = tx
        .prepare_cached(
            "UPDATE sync_runs SET status = ?1, phase = ?2, completion_status = ?3,
                 finished_at = ?4, error_code = ?5, error_message = ?6
             WHERE status = 'running'",
        )?
        .execute(params![
            RunStatus::Failed.as_str(),
            Phase::Failed.as_str(),
            CompletionStatus::Failed.as_str(),
            millis(now),
            ErrorCode::Interrupted.as_str(),
            "the daemon ended before the run did; what it had written stands, and the next sync \
             goes on from there",
        ])?;
    Ok(closed)
}

fn json(value: &impl Serialize) -> Result<String, StoreError> {
    serde_json::to_string(value).map_err(|error| StoreError::Unreadable {
        what: "ledger entry",
        why: error.to_string(),
    })
}
