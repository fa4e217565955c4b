//! A run's rows as clients see them (contract §8).

use lore_proto::ErrorCode;
use lore_proto::sync::{
    CompletionStatus, DependentFailure, EntityFailure, EntityOutcome, EntityStatus, RunResult,
};
use rusqlite::Connection;

use super::read::{self, PRIMARY_STAGES, RunRow, StoredEntity};
use super::recovery;
use crate::store::StoreError;

/// The run with its items.
pub fn with_entities(connection: &Connection, row: RunRow) -> Result<RunResult, StoreError> {
    let entities = read::entities(connection, &row.run_id)?;
    let recovery_actions = recovery::actions(&row, &entities);
    let refused = row.error_code == Some(ErrorCode::SurgicalPreflightFailed);
    let writes = !row.options.preflight_only && !refused;
    let mut result = without_entities(row);
    result.recovery_actions = recovery_actions;
    result.entity_failures = entities.iter().filter_map(failure).collect();
    result.entity_outcomes = outcomes(&entities, writes);
    Ok(result)
}

/// The run with empty lists of items, as `syncRuns.list` gives it.
pub fn without_entities(row: RunRow) -> RunResult {
    let recovery_actions = recovery::actions(&row, &[]);
    let suggested_retry_command = recovery::retry_command(&row);
    let until = row.finished_at.unwrap_or(row.heartbeat_at);
    let elapsed = until.as_millisecond() - row.started_at.as_millisecond();
    RunResult {
        run_id: row.run_id,
        mode: row.mode,
        host: row.host,
        project: row.project,
        status: row.status,
        phase: row.phase,
        completion_status: row.completion,
        requested: row.requested,
        retry_of: row.retry_of,
        started_at: row.started_at,
        finished_at: row.finished_at,
        cancelled_at: row.cancelled_at,
        // A clock that was set back gives 0 rather than nonsense.
        elapsed_ms: u64::try_from(elapsed).unwrap_or(0),
        stage_timings_ms: row.timings,
        counters: row.counters,
        entity_outcomes: Vec::new(),
        entity_failures: Vec::new(),
        warnings: row.warnings,
        error_code: row.error_code,
        error_message: row.error_message,
        recovery_actions,
        suggested_retry_command,
    }
}

/// How a run stands in one word: a completion status, or `running`.
pub fn state_name(completion: Option<CompletionStatus>) -> &'static str {
    completion.map_or("running", CompletionStatus::as_str)
}

/// One outcome an item; `rows` are in the order of items. A run that only looks
/// `writes` nothing.
fn outcomes(rows: &[StoredEntity], writes: bool) -> Vec<EntityOutcome> {
    rows.chunk_by(|a, b| (a.entity_type, a.iid) == (b.entity_type, b.iid))
        .filter_map(|rows| {
            let first = rows.first()?;
            let primary = rows.iter().find(|row| is_primary(row));
            // Where the ledger has nothing of the item itself, only something
            // that hangs on it went wrong.
            let status = primary.map_or(EntityStatus::Ok, |row| row.status);
            Some(EntityOutcome {
                entity_type: first.entity_type,
                iid: first.iid,
                fetched: matches!(status, EntityStatus::Ok | EntityStatus::SkippedStale),
                ingested: writes && status == EntityStatus::Ok,
                stale_skipped: status == EntityStatus::SkippedStale,
                title: None,
                changes: Vec::new(),
                dependent_failures: rows
                    .iter()
                    .filter(|row| !is_primary(row))
                    .filter_map(failure)
                    .map(|failure| DependentFailure {
                        stage: failure.stage,
                        code: failure.code,
                        message: failure.message,
                    })
                    .collect(),
            })
        })
        .collect()
}

fn is_primary(row: &StoredEntity) -> bool {
    PRIMARY_STAGES.contains(&row.stage.as_str())
}

fn failure(row: &StoredEntity) -> Option<EntityFailure> {
    let (code, message) = match row.status {
        EntityStatus::Ok | EntityStatus::SkippedStale => return None,
        EntityStatus::Failed => (ErrorCode::Internal, "it failed"),
        EntityStatus::Timeout => (ErrorCode::Timeout, "no answer within the time allowed"),
        EntityStatus::Cancelled => (ErrorCode::Cancelled, "the run was cancelled first"),
    };
    Some(EntityFailure {
        entity_type: row.entity_type,
        iid: row.iid,
        stage: row.stage.clone(),
        code: row.code.unwrap_or(code),
        message: row.message.clone().unwrap_or_else(|| message.to_owned()),
    })
}
