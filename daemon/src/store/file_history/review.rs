//! Review threads on a file.

use jiff::Timestamp;
use rusqlite::{Connection, params};

use crate::store::StoreError;
use crate::store::convert::optional_timestamp;

/// A thread, with the place of its first diff note on the file.
#[derive(Debug, Clone, PartialEq, Eq)]
#[allow(missing_docs)] // The names are those of `discussions` and `note_positions`.
pub struct Thread {
    /// This database's id.
    pub id: i64,
    /// GitLab's id.
    pub gitlab_id: String,
    pub resolvable: bool,
    pub resolved: bool,
    /// GitLab's id of that note.
    pub note_id: u64,
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
    /// Its author's username.
    pub author: Option<String>,
    /// When it was written.
    pub created_at: Option<Timestamp>,
    /// The beginning of its text.
    pub body: String,
    /// The text goes on.
    pub truncated: bool,
}

pub(super) const THREADS: &str = "
    SELECT d.id, d.gitlab_id, d.resolvable, d.resolved, n.gitlab_id, p.old_path, p.new_path,
      p.old_line, p.new_line
    FROM discussions d
      CROSS JOIN notes n ON n.discussion_id = d.id
      CROSS JOIN note_positions p ON p.note_id = n.id
    WHERE d.merge_request_id = ?1 AND n.system = 0 AND n.note_type = 'DiffNote'
      AND (p.new_path IN (SELECT value FROM json_each(?2))
        OR p.old_path IN (SELECT value FROM json_each(?2)))
    ORDER BY d.position, d.id, n.position, n.id";

pub(super) const NOTES: &str = "
    SELECT n.gitlab_id, u.username, n.created_at, substr(n.body, 1, ?2), length(n.body) > ?2
    FROM notes n LEFT JOIN users u ON u.id = n.author_id
    WHERE n.discussion_id = ?1 AND n.system = 0
    ORDER BY n.position, n.id";

/// The merge request's threads that begin, or go on, on one of `names`, in the
/// order of the merge request.
pub fn threads(
    connection: &Connection,
    merge_request: i64,
    names: &str,
) -> Result<Vec<Thread>, StoreError> {
    let mut statement = connection.prepare_cached(THREADS)?;
    let mut rows = statement.query(params![merge_request, names])?;
    let mut found: Vec<Thread> = Vec::new();
    while let Some(row) = rows.next()? {
        let id = row.get(0)?;
        if found.last().is_some_and(|thread| thread.id == id) {
            continue;
        }
        found.push(Thread {
            id,
            gitlab_id: row.get(1)?,
            resolvable: row.get(2)?,
            resolved: row.get(3)?,
            note_id: row.get(4)?,
            old_path: row.get(5)?,
            new_path: row.get(6)?,
            old_line: row.get(7)?,
            new_line: row.get(8)?,
        });
    }
    Ok(found)
}

/// The notes of a thread in their order, system notes apart, each with at most
/// `snippet` characters of its text.
pub fn notes(
    connection: &Connection,
    discussion: i64,
    snippet: u32,
) -> Result<Vec<Note>, StoreError> {
    let mut statement = connection.prepare_cached(NOTES)?;
    let mut rows = statement.query(params![discussion, snippet])?;
    let mut found = Vec::new();
    while let Some(row) = rows.next()? {
        found.push(Note {
            note_id: row.get(0)?,
            author: row.get(1)?,
            created_at: optional_timestamp(row.get(2)?)?,
            body: row.get(3)?,
            truncated: row.get(4)?,
        });
    }
    Ok(found)
}
