//! `projects` and `project_paths`.

use jiff::Timestamp;
use rusqlite::{Connection, OptionalExtension, Row, Transaction, params};

use super::StoreError;
use super::convert::{millis, optional_timestamp};
use crate::gitlab::models::{Project, ProjectId};

/// A mirrored project.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProjectRow {
    /// This database's id.
    pub id: i64,
    /// The host's key in the config.
    pub host: String,
    /// GitLab's id.
    pub gitlab_id: ProjectId,
    /// The current full path.
    pub path: String,
    /// The project's page.
    pub web_url: Option<String>,
    /// When the last complete sync ended.
    pub last_synced_at: Option<Timestamp>,
    /// When all items were last enumerated.
    pub last_reconciled_at: Option<Timestamp>,
    /// Since when GitLab hides the project.
    pub access_lost_at: Option<Timestamp>,
}

const COLUMNS: &str = "p.id, p.host, p.gitlab_id, p.path_with_namespace, p.web_url, \
     p.last_synced_at, p.last_reconciled_at, p.access_lost_at";

fn read(row: &Row<'_>) -> rusqlite::Result<ProjectRow> {
    Ok(ProjectRow {
        id: row.get(0)?,
        host: row.get(1)?,
        gitlab_id: ProjectId(row.get(2)?),
        path: row.get(3)?,
        web_url: row.get(4)?,
        last_synced_at: optional_timestamp(row.get(5)?)?,
        last_reconciled_at: optional_timestamp(row.get(6)?)?,
        access_lost_at: optional_timestamp(row.get(7)?)?,
    })
}

/// Whether another host has a project of that path too.
pub fn is_elsewhere(connection: &Connection, host: &str, path: &str) -> Result<bool, StoreError> {
    Ok(connection
        .prepare_cached(
            "SELECT EXISTS (SELECT 1 FROM project_paths WHERE path = ?2 AND host <> ?1)",
        )?
        .query_row([host, path], |row| row.get(0))?)
}

/// The project that `path` names or once named, without regard to case.
pub fn by_path(
    connection: &Connection,
    host: &str,
    path: &str,
) -> Result<Option<ProjectRow>, StoreError> {
    let sql = format!(
        "SELECT {COLUMNS} FROM project_paths q JOIN projects p ON p.id = q.project_id \
         WHERE q.host = ?1 AND q.path = ?2"
    );
    Ok(connection
        .prepare_cached(&sql)?
        .query_row(params![host, path], read)
        .optional()?)
}

/// The project with this database's id `id`.
pub fn by_id(connection: &Connection, id: i64) -> Result<Option<ProjectRow>, StoreError> {
    let sql = format!("SELECT {COLUMNS} FROM projects p WHERE p.id = ?1");
    Ok(connection
        .prepare_cached(&sql)?
        .query_row([id], read)
        .optional()?)
}

/// Writes what GitLab says of a project, under its numeric id: a renamed or
/// transferred one keeps its rows. `asked` is the path by which it was asked
/// for; both paths find it from here on.
pub fn upsert(
    tx: &Transaction<'_>,
    host: &str,
    asked: &str,
    project: &Project,
    seen_at: Timestamp,
) -> Result<ProjectRow, StoreError> {
    let id: i64 = tx
        .prepare_cached(
            "INSERT INTO projects (host, gitlab_id, path_with_namespace, name, description, web_url,
                 default_branch, visibility, archived, issues_enabled, merge_requests_enabled,
                 last_seen_at)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12)
             ON CONFLICT (host, gitlab_id) DO UPDATE SET
                 path_with_namespace = excluded.path_with_namespace, name = excluded.name,
                 description = excluded.description, web_url = excluded.web_url,
                 default_branch = excluded.default_branch, visibility = excluded.visibility,
                 archived = excluded.archived, issues_enabled = excluded.issues_enabled,
                 merge_requests_enabled = excluded.merge_requests_enabled,
                 last_seen_at = excluded.last_seen_at, access_lost_at = NULL
             RETURNING id",
        )?
        .query_row(
            params![
                host,
                project.id.0,
                project.path_with_namespace,
                project.name,
                project.description,
                (!project.web_url.is_empty()).then_some(&project.web_url),
                project.default_branch,
                project.visibility,
                project.archived,
                project.issues_enabled.unwrap_or(true),
                project.merge_requests_enabled.unwrap_or(true),
                millis(seen_at),
            ],
            |row| row.get(0),
        )?;
    let sql = format!("SELECT {COLUMNS} FROM projects p WHERE p.id = ?1");
    let row = tx.prepare_cached(&sql)?.query_row([id], read)?;
    // A path can pass to another project; the last answer is right.
    let mut name = tx.prepare_cached(
        "INSERT INTO project_paths (host, path, project_id) VALUES (?1, ?2, ?3)
         ON CONFLICT (host, path) DO UPDATE SET path = excluded.path, project_id = excluded.project_id",
    )?;
    name.execute(params![host, asked, row.id])?;
    name.execute(params![host, row.path, row.id])?;
    Ok(row)
}

/// Notes the end of a run that reached the end of both lists.
pub fn set_synced(tx: &Transaction<'_>, id: i64, at: Timestamp) -> Result<(), StoreError> {
    tx.prepare_cached(
        "UPDATE projects SET last_synced_at = ?2, first_synced_at = coalesce(first_synced_at, ?2),
             access_lost_at = NULL WHERE id = ?1",
    )?
    .execute(params![id, millis(at)])?;
    Ok(())
}

/// Notes that all items were enumerated.
pub fn set_reconciled(tx: &Transaction<'_>, id: i64, at: Timestamp) -> Result<(), StoreError> {
    tx.prepare_cached("UPDATE projects SET last_reconciled_at = ?2 WHERE id = ?1")?
        .execute(params![id, millis(at)])?;
    Ok(())
}

/// Notes that GitLab hides the project; keeps the first such time. Nothing is
/// deleted: access comes back.
pub fn set_access_lost(tx: &Transaction<'_>, id: i64, at: Timestamp) -> Result<(), StoreError> {
    tx.prepare_cached(
        "UPDATE projects SET access_lost_at = coalesce(access_lost_at, ?2) WHERE id = ?1",
    )?
    .execute(params![id, millis(at)])?;
    Ok(())
}

/// Gives the items of a renamed or transferred project their new references
/// and addresses; GitLab changes them without moving `updated_at`.
pub fn rename_items(
    tx: &Transaction<'_>,
    before: &ProjectRow,
    now: &ProjectRow,
) -> Result<(), StoreError> {
    for (sql, sign) in [
        (
            "UPDATE issues SET reference = ?2 || ?3 || iid, web_url = CASE WHEN substr(web_url, 1,
                 length(?4)) = ?4 THEN ?5 || substr(web_url, length(?4) + 1) ELSE web_url END
             WHERE project_id = ?1",
            "#",
        ),
        (
            "UPDATE merge_requests SET reference = ?2 || ?3 || iid, web_url = CASE WHEN substr(web_url, 1,
                 length(?4)) = ?4 THEN ?5 || substr(web_url, length(?4) + 1) ELSE web_url END
             WHERE project_id = ?1",
            "!",
        ),
    ] {
        tx.prepare_cached(sql)?.execute(params![
            now.id,
            now.path,
            sign,
            before.web_url.as_deref().unwrap_or("\u{0}"),
            now.web_url.as_deref().unwrap_or(""),
        ])?;
    }
    Ok(())
}
