//! `documents`.

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
