//! Finding runs. Newest first means by start, then by run id, both falling.

use jiff::Timestamp;
use lore_proto::sync::{
    CompletionStatus, Counters, EntityStatus, EntityType, Phase, Requested, RunMode, RunStatus,
    StageTimings,
};
use lore_proto::{ErrorCode, sync::SyncRequest};
use rusqlite::types::Value;
use rusqlite::{Connection, OptionalExtension, Row, params, params_from_iter};
use serde::de::DeserializeOwned;

use crate::store::StoreError;
use crate::store::convert::{millis, optional_timestamp, timestamp};

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

/// Which project's runs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProjectScope {
    /// This database's id, where the project is mirrored.
    pub id: Option<i64>,
    /// The host's key in the config.
    pub host: String,
    /// The configured path: runs that ended before GitLab told the project's
    /// id have nothing else.
    pub path: String,
}

/// Which runs; the default means all.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct RunScope {
    /// In one of these states; empty: in any.
    pub states: Vec<RunStatus>,
    /// Of this mode.
    pub mode: Option<RunMode>,
    /// Of this project.
    pub project: Option<ProjectScope>,
    /// Of any project of this host; left aside where `project` is set.
    pub host: Option<String>,
}

/// The place of a run in the order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RunPosition {
    /// When it started.
    pub started_at: Timestamp,
    /// Its id.
    pub run_id: String,
}

const COLUMNS: &str = "r.run_id, r.mode, r.project_id, r.host, r.project, r.phase, r.status, \
     r.completion_status, r.options, r.requested, r.retry_of, r.started_at, r.heartbeat_at, \
     r.finished_at, r.cancelled_at, r.stage_timings_ms, r.counters, r.warnings, r.error_code, \
     r.error_message, \
     EXISTS (SELECT 1 FROM project_paths q WHERE q.path = r.project AND q.host <> r.host)";

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

/// At most `limit` runs of `scope` after `after`, newest first.
pub fn list(
    connection: &Connection,
    scope: &RunScope,
    after: Option<&RunPosition>,
    limit: u32,
) -> Result<Vec<RunRow>, StoreError> {
    let (sql, values) = list_statement(scope, after, limit);
    let mut statement = connection.prepare_cached(&sql)?;
    let mut rows = statement.query(params_from_iter(values))?;
    let mut found = Vec::new();
    while let Some(row) = rows.next()? {
        found.push(run(row)?);
    }
    Ok(found)
}

/// How many runs of `scope` there are.
pub fn count(connection: &Connection, scope: &RunScope) -> Result<u64, StoreError> {
    let mut values = Vec::new();
    let legs: Vec<String> = legs(scope, &mut values)
        .into_iter()
        .map(|leg| format!("(SELECT count(*) FROM sync_runs r WHERE {leg})"))
        .collect();
    let total = connection
        .prepare_cached(&format!("SELECT {}", legs.join(" + ")))?
        .query_row(params_from_iter(values), |row| row.get(0))?;
    Ok(total)
}

/// The newest run of a project.
pub fn latest(
    connection: &Connection,
    project: &ProjectScope,
) -> Result<Option<RunRow>, StoreError> {
    let scope = RunScope {
        project: Some(project.clone()),
        ..RunScope::default()
    };
    Ok(list(connection, &scope, None, 1)?.pop())
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

/// The statement of a page, for its plan.
#[cfg(test)]
pub(crate) fn list_sql(scope: &RunScope, after: Option<&RunPosition>) -> String {
    list_statement(scope, after, 1).0
}

/// One ordered walk along an index for each leg, merged by SQLite, so that a
/// page costs what a page holds however long the ledger is.
fn list_statement(
    scope: &RunScope,
    after: Option<&RunPosition>,
    limit: u32,
) -> (String, Vec<Value>) {
    let mut values = Vec::new();
    let mut legs = legs(scope, &mut values);
    if let Some(after) = after {
        values.push(millis(after.started_at).into());
        let at = values.len();
        values.push(after.run_id.clone().into());
        let id = values.len();
        for leg in &mut legs {
            // The first term bounds the walk of the index, the second decides
            // ties.
            *leg = format!(
                "{leg} AND r.started_at <= ?{at} AND (r.started_at < ?{at} OR r.run_id < ?{id})"
            );
        }
    }
    values.push(i64::from(limit).into());
    let legs: Vec<String> = legs
        .into_iter()
        .map(|leg| format!("SELECT {COLUMNS} FROM sync_runs r WHERE {leg}"))
        .collect();
    // By place, since a compound has no names in common: start, then id.
    let sql = format!(
        "{} ORDER BY 12 DESC, 1 DESC LIMIT ?{}",
        legs.join(" UNION ALL "),
        values.len()
    );
    (sql, values)
}

/// Conditions that exclude each other and together mean `scope`. Each begins
/// with what its index begins with; `+` keeps another index out.
fn legs(scope: &RunScope, values: &mut Vec<Value>) -> Vec<String> {
    let mut bind = |value: Value| {
        values.push(value);
        format!("?{}", values.len())
    };
    let mut rest = Vec::new();
    if let Some(project) = &scope.project {
        if let Some(mode) = scope.mode {
            rest.push(format!(
                "+r.mode = {}",
                bind(mode.as_str().to_owned().into())
            ));
        }
        if !scope.states.is_empty() {
            let states: Vec<String> = scope
                .states
                .iter()
                .map(|state| bind(state.as_str().to_owned().into()))
                .collect();
            rest.push(format!("+r.status IN ({})", states.join(", ")));
        }
        let (host, path) = (
            bind(project.host.clone().into()),
            bind(project.path.clone().into()),
        );
        let mut legs = vec![format!(
            "r.project_id IS NULL AND r.host = {host} AND r.project = {path} COLLATE NOCASE"
        )];
        if let Some(id) = project.id {
            legs.push(format!("r.project_id = {}", bind(id.into())));
        }
        return joined(legs, &rest);
    }
    if let Some(host) = &scope.host {
        rest.push(format!("+r.host = {}", bind(host.clone().into())));
    }
    if !scope.states.is_empty() {
        if let Some(mode) = scope.mode {
            rest.push(format!(
                "+r.mode = {}",
                bind(mode.as_str().to_owned().into())
            ));
        }
        let mut states = scope.states.clone();
        states.sort_by_key(|state| state.as_str());
        states.dedup();
        let legs = states
            .iter()
            .flat_map(|state| phases(*state).iter().map(move |phase| (state, phase)))
            .map(|(state, phase)| format!("r.status = '{state}' AND r.phase = '{phase}'"))
            .collect();
        return joined(legs, &rest);
    }
    let leg = match scope.mode {
        Some(mode) => format!("r.mode = {}", bind(mode.as_str().to_owned().into())),
        None => "r.started_at IS NOT NULL".to_owned(),
    };
    joined(vec![leg], &rest)
}

fn joined(legs: Vec<String>, rest: &[String]) -> Vec<String> {
    legs.into_iter()
        .map(|leg| {
            std::iter::once(leg)
                .chain(rest.iter().cloned())
                .collect::<Vec<_>>()
                .join(" AND ")
        })
        .collect()
}

/// The phases of a state: with both, the index on (status, phase, started)
/// gives runs in order.
fn phases(state: RunStatus) -> &'static [Phase] {
    match state {
        RunStatus::Running => &[
            Phase::Preflight,
            Phase::Fetch,
            Phase::Ingest,
            Phase::Dependents,
            Phase::Docs,
            Phase::Embed,
        ],
        RunStatus::Succeeded => &[Phase::Done],
        RunStatus::Failed => &[Phase::Failed],
        RunStatus::Cancelled => &[Phase::Cancelled],
    }
}

fn run(row: &Row<'_>) -> Result<RunRow, StoreError> {
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
