//! The project that a read is about.

use std::borrow::Cow;

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
        match selector(connection, asked) {
            Ok(selector) => with_sync_command(error, selector.as_deref()).action("lore status"),
            Err(error) => error.into(),
        }
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
    let warnings = renamed(asked, row).into_iter();
    warnings.chain(hidden(asked, row)).collect()
}

/// That the project has another path now.
pub(super) fn renamed(asked: &ProjectInfo, row: &ProjectRow) -> Option<String> {
    let old = !row.path.eq_ignore_ascii_case(&asked.path);
    old.then(|| {
        format!(
            "`{}` is called `{}` on {} now; the config has the old path, which still works",
            asked.path, row.path, asked.host
        )
    })
}

/// That GitLab shows the project no more.
pub(super) fn hidden(asked: &ProjectInfo, row: &ProjectRow) -> Option<String> {
    let since = row.access_lost_at?;
    Some(format!(
        "{} has hidden `{}` from this token since {}; the mirror keeps what it had",
        asked.host,
        asked.path,
        since.strftime("%Y-%m-%d %H:%M UTC")
    ))
}

/// The words by which a command names the project: its host too where another
/// one has the path as well. `None` for a path that no shell can take.
pub(super) fn selector(
    connection: &Connection,
    project: &ProjectInfo,
) -> Result<Option<String>, StoreError> {
    let elsewhere = projects::is_elsewhere(connection, &project.host, &project.path)?;
    let quoted = |word: &str| shlex::try_quote(word).ok().map(Cow::into_owned);
    let words = || {
        let path = quoted(&project.path)?;
        if elsewhere {
            return Some(format!("-p {path} --host {}", quoted(&project.host)?));
        }
        Some(format!("-p {path}"))
    };
    Ok(words())
}

/// `error` with the command that brings the project of the `selector` up to
/// date.
pub(super) fn with_sync_command(error: WireError, selector: Option<&str>) -> WireError {
    match selector {
        Some(words) => error.action(format!("lore sync {words}")),
        None => error,
    }
}

/// Whole seconds from `then` to `now`; 0 where the clock was set back.
pub(super) fn age(then: Timestamp, now: Timestamp) -> u64 {
    u64::try_from(now.as_second() - then.as_second()).unwrap_or(0)
}
