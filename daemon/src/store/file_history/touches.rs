//! Renames, and merge requests that touched a file.

use std::ops::ControlFlow;

use jiff::Timestamp;
use lore_proto::file_history::{ChangeType, FileChange};
use rusqlite::{Connection, Params, params};

use crate::store::StoreError;
use crate::store::convert::{optional_timestamp, timestamp};

/// A rename in a merged merge request, seen from one of its two names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rename {
    /// The other name.
    pub other: String,
    /// The merge request.
    pub iid: u64,
    /// When it was merged.
    pub merged_at: Option<Timestamp>,
    /// The same for the order, in epoch milliseconds: where GitLab does not
    /// tell, the last update.
    pub at: i64,
}

/// A merge request that touched a file, with its place in the order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Touch {
    /// When it was merged, else when it last changed, in epoch milliseconds.
    pub at: i64,
    /// When it last changed, in epoch milliseconds.
    pub updated_at: i64,
    /// Its iid.
    pub iid: u64,
    /// This database's id.
    pub id: i64,
}

/// What an answer says of a merge request.
#[derive(Debug, Clone, PartialEq, Eq)]
#[allow(missing_docs)] // The names are those of `FileMergeRequest`.
pub struct MergeRequest {
    pub iid: u64,
    pub title: String,
    pub state: String,
    pub draft: bool,
    pub author: Option<String>,
    pub web_url: Option<String>,
    pub target_branch: Option<String>,
    pub created_at: Option<Timestamp>,
    pub updated_at: Timestamp,
    pub merged_at: Option<Timestamp>,
    pub commit_sha: Option<String>,
}

pub(super) const EARLIER_NAMES: &str = "
    SELECT c.old_path, m.iid, m.merged_at, coalesce(m.merged_at, m.updated_at) AS at
    FROM mr_file_changes c CROSS JOIN merge_requests m ON m.id = c.merge_request_id
    WHERE c.project_id = ?1 AND c.new_path = ?2 AND c.old_path <> c.new_path
      AND c.change_type = 'renamed' AND m.state = 'merged'
    ORDER BY at DESC, m.iid DESC, c.old_path";

pub(super) const LATER_NAMES: &str = "
    SELECT c.new_path, m.iid, m.merged_at, coalesce(m.merged_at, m.updated_at) AS at
    FROM mr_file_changes c CROSS JOIN merge_requests m ON m.id = c.merge_request_id
    WHERE c.project_id = ?1 AND c.old_path = ?2 AND c.old_path <> c.new_path
      AND c.change_type = 'renamed' AND m.state = 'merged'
    ORDER BY at DESC, m.iid DESC, c.new_path";

pub(super) const TOUCHING: &str = "
    WITH touched (id) AS (
      SELECT c.merge_request_id FROM json_each(?2) n
        CROSS JOIN mr_file_changes c ON c.project_id = ?1 AND c.new_path = n.value
      UNION
      SELECT c.merge_request_id FROM json_each(?2) n
        CROSS JOIN mr_file_changes c ON c.project_id = ?1 AND c.old_path = n.value
          AND c.old_path <> c.new_path)
    SELECT coalesce(m.merged_at, m.updated_at), m.updated_at, m.iid, m.id
    FROM touched CROSS JOIN merge_requests m ON m.id = touched.id
    WHERE ?3 = 0 OR m.state = 'merged'";

pub(super) const CHANGES: &str = "
    SELECT c.old_path, c.new_path, c.change_type, n.value
    FROM json_each(?2) n CROSS JOIN mr_file_changes c
      ON c.project_id = ?1 AND c.new_path = n.value AND c.merge_request_id = ?3
    UNION ALL
    SELECT c.old_path, c.new_path, c.change_type, n.value
    FROM json_each(?2) n CROSS JOIN mr_file_changes c
      ON c.project_id = ?1 AND c.old_path = n.value AND c.old_path <> c.new_path
        AND c.merge_request_id = ?3";

pub(super) const POSSIBLY_MISSING: &str = "
    SELECT m.iid FROM merge_requests m
    WHERE m.project_id = ?1 AND m.changes_complete = 0 AND (?3 = 0 OR m.state = 'merged')
      AND NOT EXISTS (SELECT 1 FROM json_each(?2) n CROSS JOIN mr_file_changes c
        ON c.project_id = ?1 AND c.new_path = n.value AND c.merge_request_id = m.id)
      AND NOT EXISTS (SELECT 1 FROM json_each(?2) n CROSS JOIN mr_file_changes c
        ON c.project_id = ?1 AND c.old_path = n.value AND c.old_path <> c.new_path
          AND c.merge_request_id = m.id)
    ORDER BY m.iid DESC LIMIT ?4";

pub(super) const IS_KNOWN: &str = "
    SELECT EXISTS (SELECT 1 FROM mr_file_changes WHERE project_id = ?1 AND new_path = ?2)
      OR EXISTS (SELECT 1 FROM mr_file_changes
        WHERE project_id = ?1 AND old_path = ?2 AND old_path <> new_path)";

pub(super) const KNOWN_NEW_PATHS: &str = "SELECT DISTINCT new_path FROM mr_file_changes WHERE project_id = ?1 ORDER BY new_path LIMIT ?2";

pub(super) const KNOWN_OLD_PATHS: &str = "SELECT DISTINCT old_path FROM mr_file_changes
    WHERE project_id = ?1 AND old_path <> new_path ORDER BY old_path LIMIT ?2";

/// At most `limit` names that `name` had before, each by its newest rename,
/// newest first.
pub fn earlier_names(
    connection: &Connection,
    project: i64,
    name: &str,
    limit: usize,
) -> Result<Vec<Rename>, StoreError> {
    renames(connection, EARLIER_NAMES, params![project, name], limit)
}

/// At most `limit` names that `name` got later, each by its newest rename,
/// newest first.
pub fn later_names(
    connection: &Connection,
    project: i64,
    name: &str,
    limit: usize,
) -> Result<Vec<Rename>, StoreError> {
    renames(connection, LATER_NAMES, params![project, name], limit)
}

fn renames(
    connection: &Connection,
    sql: &str,
    params: impl Params,
    limit: usize,
) -> Result<Vec<Rename>, StoreError> {
    let mut statement = connection.prepare_cached(sql)?;
    let mut rows = statement.query(params)?;
    let mut found: Vec<Rename> = Vec::new();
    while found.len() < limit
        && let Some(row) = rows.next()?
    {
        let other: String = row.get(0)?;
        // The same rename comes again with every branch it is picked to.
        if found.iter().all(|rename| rename.other != other) {
            found.push(Rename {
                other,
                iid: row.get(1)?,
                merged_at: optional_timestamp(row.get(2)?)?,
                at: row.get(3)?,
            });
        }
    }
    Ok(found)
}

/// Calls `each` with every merge request that touched one of `names`, in no
/// order.
pub fn touching(
    connection: &Connection,
    project: i64,
    names: &str,
    merged_only: bool,
    mut each: impl FnMut(Touch),
) -> Result<(), StoreError> {
    let mut statement = connection.prepare_cached(TOUCHING)?;
    let mut rows = statement.query(params![project, names, merged_only])?;
    while let Some(row) = rows.next()? {
        each(Touch {
            at: row.get(0)?,
            updated_at: row.get(1)?,
            iid: row.get(2)?,
            id: row.get(3)?,
        });
    }
    Ok(())
}

/// The merge request with this database's id `id`.
pub fn merge_request(connection: &Connection, id: i64) -> Result<MergeRequest, StoreError> {
    // The commit that landed: of the merge, else of the squash, else the head
    // that was fast-forwarded to.
    Ok(connection
        .prepare_cached(
            "SELECT m.iid, m.title, m.state, m.draft, u.username, m.web_url, m.target_branch,
                 m.created_at, m.updated_at, m.merged_at,
                 coalesce(m.merge_commit_sha, m.squash_commit_sha,
                     CASE m.state WHEN 'merged' THEN m.sha END)
             FROM merge_requests m LEFT JOIN users u ON u.id = m.author_id WHERE m.id = ?1",
        )?
        .query_row([id], |row| {
            Ok(MergeRequest {
                iid: row.get(0)?,
                title: row.get(1)?,
                state: row.get(2)?,
                draft: row.get(3)?,
                author: row.get(4)?,
                web_url: row.get(5)?,
                target_branch: row.get(6)?,
                created_at: optional_timestamp(row.get(7)?)?,
                updated_at: timestamp(row.get(8)?)?,
                merged_at: optional_timestamp(row.get(9)?)?,
                commit_sha: row.get(10)?,
            })
        })?)
}

/// How the merge request touched `names`, in a fixed order. An entry whose two
/// paths are both among them counts once, by the new one.
pub fn changes(
    connection: &Connection,
    project: i64,
    names: &str,
    merge_request: i64,
) -> Result<Vec<FileChange>, StoreError> {
    let mut statement = connection.prepare_cached(CHANGES)?;
    let mut rows = statement.query(params![project, names, merge_request])?;
    let mut found: Vec<FileChange> = Vec::new();
    while let Some(row) = rows.next()? {
        let kind = row.get_ref(2)?;
        let change = FileChange {
            old_path: row.get(0)?,
            new_path: row.get(1)?,
            change_type: ChangeType::from_name(kind.as_str().map_err(rusqlite::Error::from)?),
            path: row.get(3)?,
        };
        // The entries by new path come first.
        let same = |other: &FileChange| {
            (&other.old_path, &other.new_path, other.change_type)
                == (&change.old_path, &change.new_path, change.change_type)
        };
        if !found.iter().any(same) {
            found.push(change);
        }
    }
    found.sort_unstable();
    Ok(found)
}

/// At most `limit` iids, newest first, of merge requests whose file list GitLab
/// cut and of which it is not known that they touched one of `names`.
pub fn possibly_missing(
    connection: &Connection,
    project: i64,
    names: &str,
    merged_only: bool,
    limit: usize,
) -> Result<Vec<u64>, StoreError> {
    let iids = connection
        .prepare_cached(POSSIBLY_MISSING)?
        .query_map(params![project, names, merged_only, limit], |row| {
            row.get(0)
        })?
        .collect::<Result<_, _>>()?;
    Ok(iids)
}

/// Whether any merge request has an entry for `path`.
pub fn is_known(connection: &Connection, project: i64, path: &str) -> Result<bool, StoreError> {
    Ok(connection
        .prepare_cached(IS_KNOWN)?
        .query_row(params![project, path], |row| row.get(0))?)
}

/// Calls `each` with the project's known paths, present ones before names that
/// were left, at most `limit` of either, until it breaks.
pub fn each_known_path(
    connection: &Connection,
    project: i64,
    limit: u32,
    mut each: impl FnMut(&str) -> ControlFlow<()>,
) -> Result<(), StoreError> {
    for sql in [KNOWN_NEW_PATHS, KNOWN_OLD_PATHS] {
        let mut statement = connection.prepare_cached(sql)?;
        let mut rows = statement.query(params![project, limit])?;
        while let Some(row) = rows.next()? {
            let path = row.get_ref(0)?;
            if each(path.as_str().map_err(rusqlite::Error::from)?).is_break() {
                return Ok(());
            }
        }
    }
    Ok(())
}
