//! `documents`, and the rows that they are rendered from.

use rusqlite::types::{FromSql, FromSqlError, FromSqlResult, ToSql, ToSqlOutput, ValueRef};
use rusqlite::{Connection, OptionalExtension, Transaction, params};

use super::StoreError;
use super::source::SourceType;

/// The id of a row of `documents`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct DocumentId(pub i64);

/// What a document is made of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum SourceKind {
    /// An issue without its threads.
    Issue,
    /// A merge request without its threads.
    MergeRequest,
    /// A thread.
    Discussion,
}

impl SourceKind {
    /// The name in the tables.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Issue => "issue",
            Self::MergeRequest => "merge_request",
            Self::Discussion => "discussion",
        }
    }
}

impl From<SourceType> for SourceKind {
    fn from(source: SourceType) -> Self {
        match source {
            SourceType::Issue => Self::Issue,
            SourceType::MergeRequest => Self::MergeRequest,
        }
    }
}

impl ToSql for SourceKind {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(ToSqlOutput::from(self.as_str()))
    }
}

impl FromSql for SourceKind {
    fn column_result(value: ValueRef<'_>) -> FromSqlResult<Self> {
        match value.as_str()? {
            "issue" => Ok(Self::Issue),
            "merge_request" => Ok(Self::MergeRequest),
            "discussion" => Ok(Self::Discussion),
            _ => Err(FromSqlError::InvalidType),
        }
    }
}

impl ToSql for DocumentId {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        self.0.to_sql()
    }
}

impl FromSql for DocumentId {
    fn column_result(value: ValueRef<'_>) -> FromSqlResult<Self> {
        i64::column_result(value).map(Self)
    }
}

/// An issue, a merge request or a discussion by this database's id.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Source {
    /// Which kind.
    pub kind: SourceKind,
    /// The row's id.
    pub id: i64,
}

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

/// A rendered document. `Source` and parents are its place, the rest its text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewDocument {
    /// What it is of.
    pub source: Source,
    /// The project.
    pub project_id: i64,
    /// The issue that it belongs to.
    pub issue_id: Option<i64>,
    /// The merge request that it belongs to.
    pub merge_request_id: Option<i64>,
    /// See the table.
    pub title: String,
    /// See the table.
    pub body: String,
    /// See the table.
    pub labels: String,
    /// See the table.
    pub people: String,
    /// See the table.
    pub refs: String,
    /// The author's row.
    pub author_id: Option<i64>,
    /// Confidential issue or internal thread.
    pub confidential: bool,
    /// Epoch milliseconds.
    pub created_at: Option<i64>,
    /// Epoch milliseconds.
    pub updated_at: Option<i64>,
    /// Of all that is text.
    pub content_hash: [u8; 16],
}

/// What became of a rendered document.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Put {
    /// Its words were not stored like this before: the index wants them.
    Written(DocumentId),
    /// The stored text is the same; at most its times were written.
    Unchanged(DocumentId),
}

impl Put {
    /// The document.
    pub fn id(self) -> DocumentId {
        match self {
            Self::Written(id) | Self::Unchanged(id) => id,
        }
    }
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

/// The document of a source.
pub fn id_of(connection: &Connection, source: Source) -> Result<Option<DocumentId>, StoreError> {
    Ok(connection
        .prepare_cached("SELECT id FROM documents WHERE source_type = ?1 AND source_id = ?2")?
        .query_row(params![source.kind, source.id], |row| row.get(0))
        .optional()?)
}

/// Stores a document. Vectors of another title or body go; those of an equal
/// text stay whatever else changed.
pub fn put(tx: &Transaction<'_>, document: &NewDocument) -> Result<Put, StoreError> {
    let stored = tx
        .prepare_cached(
            "SELECT id, content_hash = ?3, title = ?4 AND body = ?5 FROM documents
             WHERE source_type = ?1 AND source_id = ?2",
        )?
        .query_row(
            params![
                document.source.kind,
                document.source.id,
                document.content_hash,
                document.title,
                document.body
            ],
            |row| {
                let same: (bool, bool) = (row.get(1)?, row.get(2)?);
                Ok((row.get::<_, DocumentId>(0)?, same))
            },
        )
        .optional()?;
    let Some((id, (same, same_text))) = stored else {
        return insert(tx, document).map(Put::Written);
    };
    tx.prepare_cached(
        "UPDATE documents SET author_id = ?2, confidential = ?3, created_at = ?4, updated_at = ?5
         WHERE id = ?1 AND (author_id IS NOT ?2 OR confidential <> ?3 OR created_at IS NOT ?4
             OR updated_at IS NOT ?5)",
    )?
    .execute(params![
        id,
        document.author_id,
        document.confidential,
        document.created_at,
        document.updated_at
    ])?;
    if same {
        return Ok(Put::Unchanged(id));
    }
    tx.prepare_cached(
        "UPDATE documents SET title = ?2, body = ?3, labels = ?4, people = ?5, refs = ?6,
             content_hash = ?7, embedded_with = iif(?8, embedded_with, NULL) WHERE id = ?1",
    )?
    .execute(params![
        id,
        document.title,
        document.body,
        document.labels,
        document.people,
        document.refs,
        document.content_hash,
        same_text
    ])?;
    if !same_text {
        tx.prepare_cached("DELETE FROM embeddings WHERE document_id = ?1")?
            .execute([id])?;
        tx.prepare_cached("DELETE FROM embedding_failures WHERE document_id = ?1")?
            .execute([id])?;
    }
    Ok(Put::Written(id))
}

fn insert(tx: &Transaction<'_>, document: &NewDocument) -> Result<DocumentId, StoreError> {
    let discussion = (document.source.kind == SourceKind::Discussion).then_some(document.source.id);
    Ok(tx
        .prepare_cached(
            "INSERT INTO documents (project_id, source_type, source_id, issue_id, merge_request_id,
                 discussion_id, title, body, labels, people, refs, author_id, confidential,
                 created_at, updated_at, content_hash)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16)
             RETURNING id",
        )?
        .query_row(
            params![
                document.project_id,
                document.source.kind,
                document.source.id,
                document.issue_id,
                document.merge_request_id,
                discussion,
                document.title,
                document.body,
                document.labels,
                document.people,
                document.refs,
                document.author_id,
                document.confidential,
                document.created_at,
                document.updated_at,
                document.content_hash
            ],
            |row| row.get(0),
        )?)
}

/// Removes the document of a source, with its words and vectors. False where
/// there was none.
pub fn remove(tx: &Transaction<'_>, source: Source) -> Result<bool, StoreError> {
    Ok(tx
        .prepare_cached("DELETE FROM documents WHERE source_type = ?1 AND source_id = ?2")?
        .execute(params![source.kind, source.id])?
        > 0)
}
