//! How much of each configured project is mirrored, and how current that is.

use jiff::Timestamp;
use lore_proto::daemon::{ProjectStatus, StatusWarning};
use lore_proto::project::ProjectInfo;
use lore_proto::{ErrorCode, WireError};
use rusqlite::Connection;

use super::project;
use crate::store::runs::result::state_name;
use crate::store::runs::{ProjectScope, listing};
use crate::store::{Database, StoreError, projects, queue, rechecks, status};

/// The status of the configured projects, by host, then path.
pub async fn projects(
    db: &Database,
    configured: &[ProjectInfo],
    now: Timestamp,
) -> Result<Vec<ProjectStatus>, WireError> {
    let mut configured = configured.to_vec();
    configured.sort_by(|a, b| (&a.host, &a.path).cmp(&(&b.host, &b.path)));
    db.read(move |connection| {
        configured
            .iter()
            .map(|asked| Ok(one(connection, asked, now)?))
            .collect()
    })
    .await
}

/// What a person should know of the configured projects themselves.
pub async fn warnings(
    db: &Database,
    configured: &[ProjectInfo],
) -> Result<Vec<StatusWarning>, WireError> {
    let configured = configured.to_vec();
    db.read(move |connection| {
        let mut warnings = Vec::new();
        for asked in &configured {
            let Some(row) = projects::by_path(connection, &asked.host, &asked.path)? else {
                continue;
            };
            let hidden = project::hidden(asked, &row).map(|message| StatusWarning {
                code: ErrorCode::GitlabNotFound,
                message,
                actions: vec!["lore auth status".to_owned()],
            });
            let renamed = project::renamed(asked, &row).map(|message| StatusWarning {
                code: ErrorCode::ConfigInvalid,
                message,
                actions: Vec::new(),
            });
            warnings.extend(hidden.into_iter().chain(renamed));
        }
        Ok(warnings)
    })
    .await
}

fn one(
    connection: &Connection,
    asked: &ProjectInfo,
    now: Timestamp,
) -> Result<ProjectStatus, StoreError> {
    let row = projects::by_path(connection, &asked.host, &asked.path)?;
    let scope = ProjectScope {
        id: row.as_ref().map(|row| row.id),
        host: asked.host.clone(),
        path: asked.path.clone(),
    };
    let last_run = listing::latest(connection, &scope)?;
    let last_run = last_run.map(|run| state_name(run.completion).to_owned());
    let Some(row) = row else {
        return Ok(ProjectStatus {
            project: asked.clone(),
            last_synced_at: None,
            age_seconds: None,
            complete: false,
            issues: 0,
            merge_requests: 0,
            notes: 0,
            pending_dependents: 0,
            pending_rechecks: 0,
            last_run,
        });
    };
    let freshness = project::freshness(connection, &asked.path, &row, now)?;
    let counts = status::counts(connection, row.id)?;
    Ok(ProjectStatus {
        project: project::info(asked, &row),
        last_synced_at: freshness.last_synced_at,
        age_seconds: freshness.age_seconds,
        complete: freshness.complete,
        issues: counts.issues,
        merge_requests: counts.merge_requests,
        notes: counts.notes,
        pending_dependents: queue::count(connection, row.id)?,
        pending_rechecks: rechecks::count(connection, row.id)?,
        last_run,
    })
}

#[cfg(test)]
mod tests;
