//! The rows that documents are rendered from.

use rusqlite::{Connection, OptionalExtension};

use super::StoreError;
use super::source::SourceType;

/// What an item's document is rendered from.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ItemRows {
    /// The project.
    pub project_id: i64,
    /// The title.
    pub title: String,
    /// Markdown.
    pub description: String,
    /// Names, sorted.
    pub labels: Vec<String>,
    /// Author, assignees and reviewers, each once: user name and full name.
    pub people: Vec<(String, Option<String>)>,
    /// The author's row.
    pub author_id: Option<i64>,
    /// `group/project#12`.
    pub reference: Option<String>,
    /// The milestone's title.
    pub milestone: Option<String>,
    /// Source and target branch.
    pub branches: Vec<String>,
    /// An issue's flag.
    pub confidential: bool,
    /// Epoch milliseconds.
    pub created_at: Option<i64>,
    /// Epoch milliseconds.
    pub updated_at: Option<i64>,
}

/// What a thread's document is rendered from.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ThreadRows {
    /// The project.
    pub project_id: i64,
    /// The issue that it hangs on.
    pub issue_id: Option<i64>,
    /// The merge request that it hangs on.
    pub merge_request_id: Option<i64>,
    /// The notes of people, in order.
    pub notes: Vec<NoteRow>,
}

/// A note of a thread.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct NoteRow {
    /// Markdown.
    pub body: String,
    /// The author's row.
    pub author_id: Option<i64>,
    /// The author's user name.
    pub author: Option<String>,
    /// For members alone.
    pub internal: bool,
    /// Epoch milliseconds.
    pub created_at: Option<i64>,
    /// Epoch milliseconds.
    pub updated_at: Option<i64>,
    /// The file that it stands at.
    pub path: Option<String>,
    /// The line, in the new file, else in the old one.
    pub line: Option<i64>,
}

/// The rows of an issue or a merge request; `None` where there is none.
pub fn item_rows(
    connection: &Connection,
    source: SourceType,
    id: i64,
) -> Result<Option<ItemRows>, StoreError> {
    let sql = match source {
        SourceType::Issue => {
            "SELECT i.project_id, i.title, i.description, i.author_id, i.reference, m.title,
                 NULL, NULL, i.confidential, i.created_at, i.updated_at
             FROM issues i LEFT JOIN milestones m ON m.id = i.milestone_id WHERE i.id = ?1"
        }
        SourceType::MergeRequest => {
            "SELECT i.project_id, i.title, i.description, i.author_id, i.reference, m.title,
                 i.source_branch, i.target_branch, 0, i.created_at, i.updated_at
             FROM merge_requests i LEFT JOIN milestones m ON m.id = i.milestone_id WHERE i.id = ?1"
        }
    };
    let row = connection
        .prepare_cached(sql)?
        .query_row([id], |row| {
            let branches: [Option<String>; 2] = [row.get(6)?, row.get(7)?];
            Ok(ItemRows {
                project_id: row.get(0)?,
                title: row.get(1)?,
                description: row.get::<_, Option<String>>(2)?.unwrap_or_default(),
                author_id: row.get(3)?,
                reference: row.get(4)?,
                milestone: row.get(5)?,
                branches: branches.into_iter().flatten().collect(),
                confidential: row.get(8)?,
                created_at: row.get(9)?,
                updated_at: row.get(10)?,
                ..ItemRows::default()
            })
        })
        .optional()?;
    let Some(mut rows) = row else {
        return Ok(None);
    };
    let (labels, people) = match source {
        SourceType::Issue => (
            "SELECT DISTINCT l.name FROM issue_labels x JOIN labels l ON l.id = x.label_id
             WHERE x.issue_id = ?1 ORDER BY l.name",
            "SELECT u.username, u.name FROM (
                 SELECT 0 AS part, author_id AS user_id FROM issues WHERE id = ?1
                 UNION ALL SELECT 1, user_id FROM issue_assignees WHERE issue_id = ?1) p
             JOIN users u ON u.id = p.user_id GROUP BY u.id ORDER BY min(p.part), u.username, u.id",
        ),
        SourceType::MergeRequest => (
            "SELECT DISTINCT l.name FROM merge_request_labels x JOIN labels l ON l.id = x.label_id
             WHERE x.merge_request_id = ?1 ORDER BY l.name",
            "SELECT u.username, u.name FROM (
                 SELECT 0 AS part, author_id AS user_id FROM merge_requests WHERE id = ?1
                 UNION ALL SELECT 1, user_id FROM merge_request_assignees WHERE merge_request_id = ?1
                 UNION ALL SELECT 2, user_id FROM merge_request_reviewers WHERE merge_request_id = ?1) p
             JOIN users u ON u.id = p.user_id GROUP BY u.id ORDER BY min(p.part), u.username, u.id",
        ),
    };
    rows.labels = connection
        .prepare_cached(labels)?
        .query_map([id], |row| row.get(0))?
        .collect::<Result<_, _>>()?;
    rows.people = connection
        .prepare_cached(people)?
        .query_map([id], |row| Ok((row.get(0)?, row.get(1)?)))?
        .collect::<Result<_, _>>()?;
    Ok(Some(rows))
}

/// The rows of a thread; `None` where there is none. System notes are left out.
pub fn thread_rows(connection: &Connection, id: i64) -> Result<Option<ThreadRows>, StoreError> {
    let thread = connection
        .prepare_cached(
            "SELECT project_id, issue_id, merge_request_id FROM discussions WHERE id = ?1",
        )?
        .query_row([id], |row| {
            Ok(ThreadRows {
                project_id: row.get(0)?,
                issue_id: row.get(1)?,
                merge_request_id: row.get(2)?,
                notes: Vec::new(),
            })
        })
        .optional()?;
    let Some(mut thread) = thread else {
        return Ok(None);
    };
    thread.notes = connection
        .prepare_cached(
            "SELECT n.body, n.author_id, u.username, n.internal, n.created_at, n.updated_at,
                 coalesce(p.new_path, p.old_path), coalesce(p.new_line, p.old_line)
             FROM notes n LEFT JOIN users u ON u.id = n.author_id
                 LEFT JOIN note_positions p ON p.note_id = n.id
             WHERE n.discussion_id = ?1 AND n.system = 0 ORDER BY n.position, n.id",
        )?
        .query_map([id], |row| {
            Ok(NoteRow {
                body: row.get(0)?,
                author_id: row.get(1)?,
                author: row.get(2)?,
                internal: row.get(3)?,
                created_at: row.get(4)?,
                updated_at: row.get(5)?,
                path: row.get(6)?,
                line: row.get(7)?,
            })
        })?
        .collect::<Result<_, _>>()?;
    Ok(Some(thread))
}
