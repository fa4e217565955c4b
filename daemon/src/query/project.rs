//! The project that a read is about.

use jiff::Timestamp;
use lore_proto::project::{Freshness, ProjectInfo};
use lore_proto::{ErrorCode, WireError};
use rusqlite::Connection;

use crate::store::projects::{self, ProjectRow};
use crate::store::{StoreError, queue};

/// The mirrored project that `asked` names.
///
/// # Errors
/// `NOT_FOUND` where nothing of it is mirrored yet.
pub(super) fn mirrored(
    connection: &Connection,
    asked: &ProjectInfo,
) -> Result<ProjectRow, WireError> {
    projects::by_path(connection, &asked.host, &asked.path)?.ok_or_else(|| {
        let error = WireError::new(
            ErrorCode::NotFound,
            format!(
                "`{}` on {} is configured and not mirrored yet",
                asked.path, asked.host
            ),
        );
        with_sync_command(error, asked).action("lore status")
    })
}

/// `asked` with what the mirror adds. The path stays the configured one, since
/// that is what commands take.
pub(super) fn info(asked: &ProjectInfo, row: &ProjectRow) -> ProjectInfo {
    ProjectInfo {
        host: asked.host.clone(),
        path: asked.path.clone(),
        id: u64::try_from(row.gitlab_id.0).ok(),
        web_url: row.web_url.clone().or_else(|| asked.web_url.clone()),
    }
}

/// How current the mirror of `row` is, under the name `path`.
pub(super) fn freshness(
    connection: &Connection,
    path: &str,
    row: &ProjectRow,
    now: Timestamp,
) -> Result<Freshness, StoreError> {
    // A first sync that ended is what sets `last_synced_at`.
    let complete = row.last_synced_at.is_some()
        && row.access_lost_at.is_none()
        && queue::count(connection, row.id)? == 0;
    Ok(Freshness {
        project: path.to_owned(),
        last_synced_at: row.last_synced_at,
        age_seconds: row.last_synced_at.map(|then| age(then, now)),
        complete,
    })
}

/// What a reader should know of the project itself.
pub(super) fn warnings(asked: &ProjectInfo, row: &ProjectRow) -> Vec<String> {
    let mut warnings = Vec::new();
    if !row.path.eq_ignore_ascii_case(&asked.path) {
        warnings.push(format!(
            "`{}` is called `{}` on {} now; the config has the old path",
            asked.path, row.path, asked.host
        ));
    }
    if let Some(since) = row.access_lost_at {
        warnings.push(format!(
            "{} has hidden `{}` from this token since {}; the mirror keeps what it had",
            asked.host,
            asked.path,
            since.strftime("%Y-%m-%d %H:%M UTC")
        ));
    }
    warnings
}

/// `error` with the command that brings the project up to date; left out for a
/// path that no shell can take.
pub(super) fn with_sync_command(error: WireError, project: &ProjectInfo) -> WireError {
    match shlex::try_quote(&project.path) {
        Ok(path) => error.action(format!("lore sync -p {path}")),
        Err(_) => error,
    }
}

/// Whole seconds from `then` to `now`; 0 where the clock was set back.
pub(super) fn age(then: Timestamp, now: Timestamp) -> u64 {
    u64::try_from(now.as_second() - then.as_second()).unwrap_or(0)
}
