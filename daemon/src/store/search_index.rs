//! `documents_fts`: the index over the documents' words.

use rusqlite::{Transaction, params};

use super::StoreError;
use super::documents::DocumentId;

/// The words of a document, column by column, separated by spaces.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct IndexedWords {
    /// Of the title.
    pub title: String,
    /// Of the body.
    pub body: String,
    /// Of the labels.
    pub labels: String,
    /// Identifiers whole, and references.
    pub names: String,
    /// Of references, milestone, branches and people.
    pub refs: String,
}

/// Puts the words of a document into the index, in place of what it had.
pub fn put(
    tx: &Transaction<'_>,
    document: DocumentId,
    words: &IndexedWords,
) -> Result<(), StoreError> {
    tx.prepare_cached("DELETE FROM documents_fts WHERE rowid = ?1")?
        .execute([document])?;
    tx.prepare_cached(
        "INSERT INTO documents_fts (rowid, title, body, labels, names, refs)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
    )?
    .execute(params![
        document,
        words.title,
        words.body,
        words.labels,
        words.names,
        words.refs
    ])?;
    Ok(())
}
