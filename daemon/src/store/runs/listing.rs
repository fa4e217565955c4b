//! Which runs, page by page. Newest first means by start, then by run id, both
//! falling.

use jiff::Timestamp;
use lore_proto::sync::{Phase, RunMode, RunStatus};
use rusqlite::types::Value;
use rusqlite::{Connection, params_from_iter};

use super::read::{COLUMNS, RunRow, run};
use crate::store::StoreError;
use crate::store::convert::millis;

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
    let legs = legs(scope, &mut values);
    counted(connection, legs, values)
}

/// How many runs of `scope` come after a place.
pub fn count_after(
    connection: &Connection,
    scope: &RunScope,
    after: &RunPosition,
) -> Result<u64, StoreError> {
    let mut values = Vec::new();
    let mut legs = legs(scope, &mut values);
    bound(&mut legs, &mut values, after);
    counted(connection, legs, values)
}

fn counted(
    connection: &Connection,
    legs: Vec<String>,
    values: Vec<Value>,
) -> Result<u64, StoreError> {
    let legs: Vec<String> = legs
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
        bound(&mut legs, &mut values, after);
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

/// Leaves of `legs` what comes after a place.
fn bound(legs: &mut [String], values: &mut Vec<Value>, after: &RunPosition) {
    values.push(millis(after.started_at).into());
    let at = values.len();
    values.push(after.run_id.clone().into());
    let id = values.len();
    for leg in legs {
        // The first term bounds the walk of the index, the second decides
        // ties.
        *leg = format!(
            "{leg} AND r.started_at <= ?{at} AND (r.started_at < ?{at} OR r.run_id < ?{id})"
        );
    }
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
