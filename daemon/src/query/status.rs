//! How much of each configured project is mirrored, and how current that is.

use jiff::Timestamp;
use lore_proto::WireError;
use lore_proto::daemon::ProjectStatus;
use lore_proto::project::ProjectInfo;
use lore_proto::sync::EntityType;
use rusqlite::Connection;

use super::project;
use crate::store::runs::read::{self, ProjectScope};
use crate::store::runs::result::state_name;
use crate::store::{Database, StoreError, items, projects, queue, rechecks, status};

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
    let last_run = read::latest(connection, &scope)?;
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
    Ok(ProjectStatus {
        project: project::info(asked, &row),
        last_synced_at: freshness.last_synced_at,
        age_seconds: freshness.age_seconds,
        complete: freshness.complete,
        issues: items::count(connection, EntityType::Issue.into(), row.id)?,
        merge_requests: items::count(connection, EntityType::MergeRequest.into(), row.id)?,
        notes: status::note_count(connection, row.id)?,
        pending_dependents: queue::count(connection, row.id)?,
        pending_rechecks: rechecks::count(connection, row.id)?,
        last_run,
    })
}
