//! `syncRuns.list` and `syncRuns.get`: the run ledger.

use std::collections::HashSet;

use jiff::Timestamp;
use lore_proto::project::{Freshness, ProjectInfo, Read};
use lore_proto::sync::RunResult;
use lore_proto::sync_runs::{ListRuns, RunList, RunRef};
use lore_proto::{ErrorCode, WireError};
use rusqlite::Connection;
use serde_json::json;

use super::{cursor, page_size, project};
use crate::store::runs::{ProjectScope, RunPosition, RunRow, RunScope, listing, read, result};
use crate::store::{Database, StoreError, projects};

/// The shortest beginning of a run id that is looked for.
const SHORTEST_PREFIX: usize = 4;
/// The length of a run id.
const ID_LENGTH: usize = 26;
/// So many candidates are named where a beginning fits several runs.
const CANDIDATES: u32 = 5;

/// Whose runs are asked for, with names resolved against the config.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum RunsOf {
    /// Everyone's.
    #[default]
    All,
    /// Those of one host's projects; its key in the config.
    Host(String),
    /// Those of one project.
    Project(ProjectInfo),
}

/// A page of the ledger, newest first. `of` stands for `params.project` and
/// `params.host`, which are not looked at here.
///
/// # Errors
/// `USAGE` for a limit or a cursor that does not fit, and what the database
/// says.
pub async fn list(
    db: &Database,
    of: RunsOf,
    params: ListRuns,
    now: Timestamp,
) -> Result<Read<RunList>, WireError> {
    let limit = page_size(params.limit)?;
    db.read(move |connection| page(connection, &of, &params, limit, now))
        .await
}

/// One run with its items. The run may be named by its beginning.
///
/// # Errors
/// `USAGE` for a text that is no run id or fits several runs, `NOT_FOUND` for
/// one that fits none.
pub async fn get(
    db: &Database,
    params: RunRef,
    now: Timestamp,
) -> Result<Read<RunResult>, WireError> {
    let asked = params.run_id.trim().to_ascii_lowercase();
    let plausible = (SHORTEST_PREFIX..=ID_LENGTH).contains(&asked.len())
        && asked.bytes().all(|byte| byte.is_ascii_alphanumeric());
    if !plausible {
        return Err(WireError::new(
            ErrorCode::Usage,
            format!(
                "a run id is {ID_LENGTH} letters and digits; its first {SHORTEST_PREFIX} or more \
                 will do where they fit one run alone"
            ),
        )
        .action("lore sync-runs"));
    }
    db.read(move |connection| {
        let row = find(connection, &asked)?;
        let freshness = freshness_of(connection, &row, now)?;
        Ok(Read {
            data: result::with_entities(connection, row)?,
            freshness,
            warnings: Vec::new(),
        })
    })
    .await
}

fn page(
    connection: &Connection,
    of: &RunsOf,
    params: &ListRuns,
    limit: u32,
    now: Timestamp,
) -> Result<Read<RunList>, WireError> {
    let mirrored = match of {
        RunsOf::Project(asked) => projects::by_path(connection, &asked.host, &asked.path)?,
        RunsOf::All | RunsOf::Host(_) => None,
    };
    let scope = RunScope {
        states: params.states.clone(),
        mode: params.mode,
        project: match of {
            RunsOf::Project(asked) => Some(ProjectScope {
                id: mirrored.as_ref().map(|row| row.id),
                host: asked.host.clone(),
                path: asked.path.clone(),
            }),
            RunsOf::All | RunsOf::Host(_) => None,
        },
        host: match of {
            RunsOf::Host(host) => Some(host.clone()),
            RunsOf::All | RunsOf::Project(_) => None,
        },
    };
    let query = identity(of, params);
    let after = match &params.cursor {
        Some(text) => Some(position(&cursor::decode(&query, text)?)?),
        None => None,
    };
    let mut rows = listing::list(connection, &scope, after.as_ref(), limit + 1)?;
    let more = rows.len() > limit as usize;
    rows.truncate(limit as usize);
    let remaining = match rows.last().filter(|_| more) {
        Some(last) => listing::count_after(connection, &scope, &place_of(last))?,
        None => 0,
    };
    let next_cursor = rows.last().filter(|_| more).map(|last| {
        let place = format!("{} {}", last.started_at.as_millisecond(), last.run_id);
        cursor::encode(&query, &place)
    });
    let freshness = match (of, &mirrored) {
        (RunsOf::Project(asked), Some(row)) => {
            Some(project::freshness(connection, &asked.path, row, now)?)
        }
        _ => stalest(connection, &rows, now)?,
    };
    Ok(Read {
        data: RunList {
            runs: rows.into_iter().map(result::without_entities).collect(),
            total: listing::count(connection, &scope)?,
            remaining,
            next_cursor,
        },
        freshness,
        warnings: Vec::new(),
    })
}

/// All that decides which runs a listing holds.
fn identity(of: &RunsOf, params: &ListRuns) -> String {
    let mut states: Vec<&str> = params.states.iter().map(|state| state.as_str()).collect();
    states.sort_unstable();
    states.dedup();
    let of = match of {
        RunsOf::All => String::new(),
        RunsOf::Host(host) => host.clone(),
        RunsOf::Project(project) => format!("{}\n{}", project.host, project.path),
    };
    format!("runs\n{states:?}\n{:?}\n{of}", params.mode)
}

fn place_of(run: &RunRow) -> RunPosition {
    RunPosition {
        started_at: run.started_at,
        run_id: run.run_id.clone(),
    }
}

fn position(place: &str) -> Result<RunPosition, WireError> {
    let (at, run_id) = place.split_once(' ').ok_or_else(cursor::broken)?;
    let millis = at.parse().map_err(|_| cursor::broken())?;
    Ok(RunPosition {
        started_at: Timestamp::from_millisecond(millis).map_err(|_| cursor::broken())?,
        run_id: run_id.to_owned(),
    })
}

fn find(connection: &Connection, asked: &str) -> Result<RunRow, WireError> {
    let mut ids = read::ids_with_prefix(connection, asked, CANDIDATES + 1)?;
    let row = match ids.as_slice() {
        [id] => read::get(connection, id)?,
        [] => None,
        [..] => {
            let more = if ids.len() > CANDIDATES as usize {
                "more than "
            } else {
                ""
            };
            ids.truncate(CANDIDATES as usize);
            return Err(WireError::new(
                ErrorCode::Usage,
                format!(
                    "`{asked}` is the beginning of {more}{} runs; give more of the id",
                    ids.len()
                ),
            )
            .details(json!({ "candidates": ids }))
            .action("lore sync-runs"));
        }
    };
    row.ok_or_else(|| {
        WireError::new(
            ErrorCode::NotFound,
            format!("the ledger has no run `{asked}`"),
        )
        .action("lore sync-runs")
    })
}

/// Of the projects of these runs, the one that was synced longest ago.
fn stalest(
    connection: &Connection,
    rows: &[RunRow],
    now: Timestamp,
) -> Result<Option<Freshness>, StoreError> {
    let mut seen = HashSet::new();
    let mut stalest: Option<Freshness> = None;
    for run in rows.iter().filter(|run| seen.insert(run.project_id)) {
        let Some(of_run) = freshness_of(connection, run, now)? else {
            continue;
        };
        let before = |known: &Freshness| of_run.last_synced_at < known.last_synced_at;
        if stalest.as_ref().is_none_or(before) {
            stalest = Some(of_run);
        }
    }
    Ok(stalest)
}

fn freshness_of(
    connection: &Connection,
    run: &RunRow,
    now: Timestamp,
) -> Result<Option<Freshness>, StoreError> {
    let Some(id) = run.project_id else {
        return Ok(None);
    };
    projects::by_id(connection, id)?
        .map(|row| project::freshness(connection, &run.project, &row, now))
        .transpose()
}

#[cfg(test)]
mod tests;
