//! `users`, and the tables that say who has a part in an item.

use rusqlite::{OptionalExtension, Transaction, params};

use super::StoreError;
use crate::gitlab::models::User;

/// This database's id of a user, whose row is made or brought up to date.
pub fn user(tx: &Transaction<'_>, host: &str, user: &User) -> Result<i64, StoreError> {
    let known = tx
        .prepare_cached(
            "SELECT id, username = ?3 AND name IS ?4 AND state IS ?5 AND web_url IS ?6
             FROM users WHERE host = ?1 AND gitlab_id = ?2",
        )?
        .query_row(
            params![
                host,
                user.id,
                user.username,
                user.name,
                user.state,
                user.web_url
            ],
            |row| Ok((row.get::<_, i64>(0)?, row.get::<_, bool>(1)?)),
        )
        .optional()?;
    if let Some((id, true)) = known {
        return Ok(id);
    }
    Ok(tx
        .prepare_cached(
            "INSERT INTO users (host, gitlab_id, username, name, state, web_url)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6)
             ON CONFLICT (host, gitlab_id) DO UPDATE SET username = excluded.username,
                 name = excluded.name, state = excluded.state, web_url = excluded.web_url
             RETURNING id",
        )?
        .query_row(
            params![
                host,
                user.id,
                user.username,
                user.name,
                user.state,
                user.web_url
            ],
            |row| row.get(0),
        )?)
}

/// The same for a user that may be absent.
pub fn optional_user(
    tx: &Transaction<'_>,
    host: &str,
    person: Option<&User>,
) -> Result<Option<i64>, StoreError> {
    person.map(|person| user(tx, host, person)).transpose()
}

/// Which link table of people.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Part {
    /// `issue_assignees`.
    IssueAssignee,
    /// `merge_request_assignees`.
    MergeRequestAssignee,
    /// `merge_request_reviewers`.
    MergeRequestReviewer,
}

/// Makes the item's people of that part exactly these.
pub fn set_people(
    tx: &Transaction<'_>,
    host: &str,
    part: Part,
    item: i64,
    people: &[User],
) -> Result<(), StoreError> {
    let ids = people
        .iter()
        .map(|person| user(tx, host, person))
        .collect::<Result<Vec<_>, _>>()?;
    let (list, insert, delete) = match part {
        Part::IssueAssignee => (
            "SELECT user_id FROM issue_assignees WHERE issue_id = ?1",
            "INSERT INTO issue_assignees (issue_id, user_id) VALUES (?1, ?2)",
            "DELETE FROM issue_assignees WHERE issue_id = ?1 AND user_id = ?2",
        ),
        Part::MergeRequestAssignee => (
            "SELECT user_id FROM merge_request_assignees WHERE merge_request_id = ?1",
            "INSERT INTO merge_request_assignees (merge_request_id, user_id) VALUES (?1, ?2)",
            "DELETE FROM merge_request_assignees WHERE merge_request_id = ?1 AND user_id = ?2",
        ),
        Part::MergeRequestReviewer => (
            "SELECT user_id FROM merge_request_reviewers WHERE merge_request_id = ?1",
            "INSERT INTO merge_request_reviewers (merge_request_id, user_id) VALUES (?1, ?2)",
            "DELETE FROM merge_request_reviewers WHERE merge_request_id = ?1 AND user_id = ?2",
        ),
    };
    set_links(tx, list, insert, delete, item, ids)
}

/// Makes the second column of a link table hold exactly `wanted` for `item`,
/// with writes for the differences alone.
pub(super) fn set_links(
    tx: &Transaction<'_>,
    list: &str,
    insert: &str,
    delete: &str,
    item: i64,
    mut wanted: Vec<i64>,
) -> Result<(), StoreError> {
    wanted.sort_unstable();
    wanted.dedup();
    let mut stored = tx
        .prepare_cached(list)?
        .query_map([item], |row| row.get::<_, i64>(0))?
        .collect::<Result<Vec<_>, _>>()?;
    stored.sort_unstable();
    for id in wanted.iter().filter(|id| stored.binary_search(id).is_err()) {
        tx.prepare_cached(insert)?.execute([item, *id])?;
    }
    for id in stored.iter().filter(|id| wanted.binary_search(id).is_err()) {
        tx.prepare_cached(delete)?.execute([item, *id])?;
    }
    Ok(())
}
