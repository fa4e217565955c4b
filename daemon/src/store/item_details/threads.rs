//! Threads of an item: what is not resolved first.

use jiff::Timestamp;
use rusqlite::types::Value;
use rusqlite::{Connection, OptionalExtension, params, params_from_iter};

use super::item_column;
use crate::store::StoreError;
use crate::store::convert::optional_timestamp;
use crate::store::source::SourceType;

/// Which threads of which item. Those that hold nothing but GitLab's own notes
/// never count.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Scope {
    /// Issue or merge request.
    pub source: SourceType,
    /// This database's id of it.
    pub item: i64,
    /// Only those that are not resolved.
    pub unresolved: bool,
    /// Only those on this file, by either of its names.
    pub path: Option<String>,
}

/// A thread's place in the order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ThreadPlace {
    /// 0 for what is not resolved, else 1.
    pub rank: i64,
    /// The place in the item's list.
    pub position: i64,
    /// This database's id.
    pub id: i64,
}

/// A thread, with the place in the diff of its first note that has one.
#[derive(Debug, Clone, PartialEq, Eq)]
#[allow(missing_docs)] // The names are those of `discussions` and `note_positions`.
pub struct Thread {
    pub place: ThreadPlace,
    /// GitLab's id.
    pub gitlab_id: String,
    pub resolvable: bool,
    pub resolved: bool,
    /// GitLab's id of its first note.
    pub first_note: u64,
    pub old_path: Option<String>,
    pub new_path: Option<String>,
    pub old_line: Option<u32>,
    pub new_line: Option<u32>,
}

/// A note, with the beginning of its text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Note {
    /// GitLab's id.
    pub note_id: u64,
    /// Its author's user name.
    pub author: Option<String>,
    /// When it was written.
    pub created_at: Option<Timestamp>,
    /// For members alone.
    pub internal: bool,
    /// The beginning of its text.
    pub body: String,
    /// The text goes on.
    pub truncated: bool,
}

const RANK: &str = "CASE WHEN d.resolvable = 1 AND d.resolved = 0 THEN 0 ELSE 1 END";

impl Scope {
    /// Joined by `AND`, with the values of its parameters.
    fn condition(&self, after: Option<ThreadPlace>) -> (String, Vec<Value>) {
        let mut sql = format!(
            "d.{} = ? AND EXISTS (SELECT 1 FROM notes n
                 WHERE n.discussion_id = d.id AND n.system = 0)",
            item_column(self.source)
        );
        let mut values = vec![Value::from(self.item)];
        if self.unresolved {
            sql.push_str(" AND d.resolvable = 1 AND d.resolved = 0");
        }
        if let Some(path) = &self.path {
            sql.push_str(
                " AND EXISTS (SELECT 1 FROM notes n JOIN note_positions p ON p.note_id = n.id
                     WHERE n.discussion_id = d.id AND n.system = 0
                         AND (p.new_path = ? OR p.old_path = ?))",
            );
            values.extend([path.clone().into(), path.clone().into()]);
        }
        if let Some(after) = after {
            sql = format!("{sql} AND ({RANK}, d.position, d.id) > (?, ?, ?)");
            values.extend([after.rank.into(), after.position.into(), after.id.into()]);
        }
        (sql, values)
    }
}

/// At most `limit` threads behind `after`.
pub fn threads(
    connection: &Connection,
    scope: &Scope,
    after: Option<ThreadPlace>,
    limit: u32,
) -> Result<Vec<Thread>, StoreError> {
    let (sql, mut values) = scope.condition(after);
    values.push(limit.into());
    let mut statement = connection.prepare_cached(&format!(
        "SELECT {RANK}, d.position, d.id, d.gitlab_id, d.resolvable, d.resolved,
             (SELECT n.gitlab_id FROM notes n WHERE n.discussion_id = d.id AND n.system = 0
                 ORDER BY n.position, n.id LIMIT 1)
         FROM discussions d WHERE {sql} ORDER BY 1, 2, 3 LIMIT ?"
    ))?;
    let mut threads = statement
        .query_map(params_from_iter(values), |row| {
            Ok(Thread {
                place: ThreadPlace {
                    rank: row.get(0)?,
                    position: row.get(1)?,
                    id: row.get(2)?,
                },
                gitlab_id: row.get(3)?,
                resolvable: row.get(4)?,
                resolved: row.get(5)?,
                first_note: row.get(6)?,
                old_path: None,
                new_path: None,
                old_line: None,
                new_line: None,
            })
        })?
        .collect::<Result<Vec<_>, _>>()?;
    for thread in &mut threads {
        let place = connection
            .prepare_cached(
                "SELECT p.old_path, p.new_path, p.old_line, p.new_line
                 FROM notes n JOIN note_positions p ON p.note_id = n.id
                 WHERE n.discussion_id = ?1 AND n.system = 0
                 ORDER BY n.position, n.id LIMIT 1",
            )?
            .query_row([thread.place.id], |row| {
                Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?))
            })
            .optional()?;
        if let Some((old_path, new_path, old_line, new_line)) = place {
            thread.old_path = old_path;
            thread.new_path = new_path;
            thread.old_line = old_line;
            thread.new_line = new_line;
        }
    }
    Ok(threads)
}

/// How many threads are in the scope, behind `after` where that is given.
pub fn thread_count(
    connection: &Connection,
    scope: &Scope,
    after: Option<ThreadPlace>,
) -> Result<u64, StoreError> {
    let (sql, values) = scope.condition(after);
    Ok(connection
        .prepare_cached(&format!("SELECT count(*) FROM discussions d WHERE {sql}"))?
        .query_row(params_from_iter(values), |row| row.get(0))?)
}

/// The first `limit` notes of a thread, GitLab's own apart, each with at most
/// `body_limit` characters of its text.
pub fn notes(
    connection: &Connection,
    thread: i64,
    limit: u32,
    body_limit: u32,
) -> Result<Vec<Note>, StoreError> {
    let notes = connection
        .prepare_cached(
            "SELECT n.gitlab_id, u.username, n.created_at, n.internal, substr(n.body, 1, ?3),
                 length(n.body) > ?3
             FROM notes n LEFT JOIN users u ON u.id = n.author_id
             WHERE n.discussion_id = ?1 AND n.system = 0
             ORDER BY n.position, n.id LIMIT ?2",
        )?
        .query_map(params![thread, limit, body_limit], |row| {
            Ok(Note {
                note_id: row.get(0)?,
                author: row.get(1)?,
                created_at: optional_timestamp(row.get(2)?)?,
                internal: row.get(3)?,
                body: row.get(4)?,
                truncated: row.get(5)?,
            })
        })?
        .collect::<Result<_, _>>()?;
    Ok(notes)
}

/// How many notes a thread has, GitLab's own apart.
pub fn note_count(connection: &Connection, thread: i64) -> Result<u64, StoreError> {
    Ok(connection
        .prepare_cached("SELECT count(*) FROM notes WHERE discussion_id = ?1 AND system = 0")?
        .query_row([thread], |row| row.get(0))?)
}

/// Who resolved a thread last, and when, as far as GitLab says.
pub fn resolution(
    connection: &Connection,
    thread: i64,
) -> Result<(Option<String>, Option<Timestamp>), StoreError> {
    let found = connection
        .prepare_cached(
            "SELECT u.username, n.resolved_at FROM notes n LEFT JOIN users u
                 ON u.id = n.resolved_by_id
             WHERE n.discussion_id = ?1 AND n.resolved = 1
             ORDER BY n.resolved_at DESC, n.position, n.id LIMIT 1",
        )?
        .query_row([thread], |row| {
            Ok((row.get(0)?, optional_timestamp(row.get(1)?)?))
        })
        .optional()?;
    Ok(found.unwrap_or_default())
}
