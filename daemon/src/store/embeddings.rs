//! `embedding_models` and `embeddings`: which documents have vectors of which
//! model, and the vectors.

use std::ops::Range;

use jiff::Timestamp;
use rusqlite::{Connection, OptionalExtension, Transaction, params};

use super::StoreError;
use super::convert::millis;
use super::documents::DocumentId;
use super::due::horizon;
use super::status;

/// A model may fail at one document in so many.
const FORGIVEN: u64 = 20;

/// What is embedded of a document.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Embeddable {
    /// The document.
    pub document: DocumentId,
    /// Tells whether it was written anew meanwhile.
    pub content_hash: Vec<u8>,
    /// See `documents.title`.
    pub title: String,
    /// See `documents.body`.
    pub body: String,
}

/// The vector of a piece of a document.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Piece {
    /// Its bytes in the body.
    pub at: Range<usize>,
    /// One byte a component.
    pub vector: Vec<u8>,
}

/// The row of a model, made where there is none.
pub fn model(
    tx: &Transaction<'_>,
    identity: &str,
    provider: &str,
    model: &str,
    dimension: usize,
) -> Result<i64, StoreError> {
    if let Some(id) = find_model(tx, identity)? {
        return Ok(id);
    }
    Ok(tx
        .prepare_cached(
            "INSERT INTO embedding_models (identity, provider, model, dimension)
             VALUES (?1, ?2, ?3, ?4) RETURNING id",
        )?
        .query_row(params![identity, provider, model, dimension], |row| {
            row.get(0)
        })?)
}

/// The row of a model that was used before.
pub fn find_model(connection: &Connection, identity: &str) -> Result<Option<i64>, StoreError> {
    Ok(connection
        .prepare_cached("SELECT id FROM embedding_models WHERE identity = ?1")?
        .query_row([identity], |row| row.get(0))
        .optional()?)
}

/// Documents of a project without vectors of `model` that are due at `now`. The
/// parts of the union are what makes it cost as much as there is to do: with
/// `OR`, SQLite looks at every document.
pub fn due(
    connection: &Connection,
    project: i64,
    model: i64,
    now: Timestamp,
    limit: u32,
) -> Result<Vec<DocumentId>, StoreError> {
    Ok(connection
        .prepare_cached(
            "SELECT id FROM (
                 SELECT id FROM documents WHERE project_id = ?1 AND embedded_with IS NULL
                 UNION ALL SELECT id FROM documents WHERE project_id = ?1 AND embedded_with < ?2
                 UNION ALL SELECT id FROM documents WHERE project_id = ?1 AND embedded_with > ?2) d
             WHERE NOT EXISTS (SELECT 1 FROM embedding_failures f
                 WHERE f.document_id = d.id AND f.model_id = ?2 AND f.next_attempt_at > ?3
                     AND f.next_attempt_at <= ?4)
             LIMIT ?5",
        )?
        .query_map(
            params![project, model, millis(now), horizon(now), limit],
            |row| row.get(0),
        )?
        .collect::<Result<_, _>>()?)
}

/// What is to be embedded of those of `documents` that have no vectors of
/// `model`.
pub fn embeddable(
    connection: &Connection,
    documents: &[DocumentId],
    model: i64,
) -> Result<Vec<Embeddable>, StoreError> {
    let mut statement = connection.prepare_cached(
        "SELECT id, content_hash, title, body FROM documents
         WHERE id = ?1 AND embedded_with IS NOT ?2",
    )?;
    let mut all = Vec::with_capacity(documents.len());
    for id in documents {
        let one = statement
            .query_row(params![id, model], |row| {
                Ok(Embeddable {
                    document: row.get(0)?,
                    content_hash: row.get(1)?,
                    title: row.get(2)?,
                    body: row.get(3)?,
                })
            })
            .optional()?;
        all.extend(one);
    }
    Ok(all)
}

/// Takes the vectors of `model` that stand from an earlier time, before another
/// model was in use, as those of their documents: a vector goes with the text
/// that it is of. What has none costs nothing.
pub fn adopt(tx: &Transaction<'_>, project: i64, model: i64) -> Result<usize, StoreError> {
    Ok(tx
        .prepare_cached(
            "UPDATE documents SET embedded_with = ?2 WHERE id IN (
                 SELECT id FROM documents WHERE project_id = ?1 AND embedded_with < ?2
                 UNION ALL SELECT id FROM documents WHERE project_id = ?1 AND embedded_with > ?2)
             AND EXISTS (SELECT 1 FROM embeddings e
                 WHERE e.document_id = documents.id AND e.model_id = ?2)",
        )?
        .execute([project, model])?)
}

/// Stores the vectors of a document, unless it has them, was written anew or
/// went since it was read. Vectors of other models stay: they are searched
/// until this model has all.
pub fn put(
    tx: &Transaction<'_>,
    model: i64,
    of: &Embeddable,
    pieces: &[Piece],
) -> Result<bool, StoreError> {
    let project: Option<i64> = tx
        .prepare_cached(
            "UPDATE documents SET embedded_with = ?3
             WHERE id = ?1 AND content_hash = ?2 AND embedded_with IS NOT ?3
             RETURNING project_id",
        )?
        .query_row(params![of.document, of.content_hash, model], |row| {
            row.get(0)
        })
        .optional()?;
    let Some(project) = project else {
        return Ok(false);
    };
    tx.prepare_cached("DELETE FROM embeddings WHERE document_id = ?1 AND model_id = ?2")?
        .execute(params![of.document, model])?;
    let mut insert = tx.prepare_cached(
        "INSERT INTO embeddings (project_id, document_id, model_id, piece, body_from, body_to, vector)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
    )?;
    for (number, piece) in (0i64..).zip(pieces) {
        insert.execute(params![
            project,
            of.document,
            model,
            number,
            piece.at.start,
            piece.at.end,
            piece.vector
        ])?;
    }
    tx.prepare_cached("DELETE FROM embedding_failures WHERE document_id = ?1 AND model_id = ?2")?
        .execute(params![of.document, model])?;
    Ok(true)
}

/// How often `model` has failed at a document.
pub fn attempts(
    connection: &Connection,
    model: i64,
    document: DocumentId,
) -> Result<u32, StoreError> {
    Ok(connection
        .prepare_cached(
            "SELECT attempts FROM embedding_failures WHERE document_id = ?1 AND model_id = ?2",
        )?
        .query_row(params![document, model], |row| row.get(0))
        .optional()?
        .unwrap_or(0))
}

/// Notes that `model` could not embed a document; it is due again at `next`.
pub fn fail(
    tx: &Transaction<'_>,
    model: i64,
    document: DocumentId,
    message: &str,
    next: Timestamp,
) -> Result<(), StoreError> {
    tx.prepare_cached(
        "INSERT INTO embedding_failures
             (document_id, model_id, attempts, next_attempt_at, error_message)
         SELECT id, ?4, 1, ?2, ?3 FROM documents WHERE id = ?1
         ON CONFLICT (document_id, model_id) DO UPDATE SET attempts = attempts + 1,
             next_attempt_at = excluded.next_attempt_at, error_message = excluded.error_message",
    )?
    .execute(params![document, millis(next), message, model])?;
    Ok(())
}

/// Documents of a project, and how many of them have no vectors of `model`.
pub fn coverage(
    connection: &Connection,
    project: i64,
    model: Option<i64>,
) -> Result<(u64, u64), StoreError> {
    let all = status::counts(connection, project)?.documents;
    let without = match model {
        Some(model) => without_vectors(connection, project, model)?,
        None => all,
    };
    Ok((all, without))
}

/// Documents of a project that have no vectors of `model`; the cost is theirs.
pub fn without_vectors(
    connection: &Connection,
    project: i64,
    model: i64,
) -> Result<u64, StoreError> {
    Ok(connection
        .prepare_cached(
            "SELECT (SELECT count(*) FROM documents WHERE project_id = ?1 AND embedded_with IS NULL)
                 + (SELECT count(*) FROM documents WHERE project_id = ?1 AND embedded_with < ?2)
                 + (SELECT count(*) FROM documents WHERE project_id = ?1 AND embedded_with > ?2)",
        )?
        .query_row([project, model], |row| row.get(0))?)
}

/// Whether every document of a project has vectors of `model`, or nearly every
/// one where `model` failed at the rest: a model that fails at more is no
/// substitute for the one before it.
pub fn is_complete(connection: &Connection, project: i64, model: i64) -> Result<bool, StoreError> {
    let waits: bool = connection
        .prepare_cached(
            "SELECT EXISTS (SELECT 1 FROM (
                 SELECT id FROM documents WHERE project_id = ?1 AND embedded_with IS NULL
                 UNION ALL SELECT id FROM documents WHERE project_id = ?1 AND embedded_with < ?2
                 UNION ALL SELECT id FROM documents WHERE project_id = ?1 AND embedded_with > ?2) d
                 WHERE NOT EXISTS (SELECT 1 FROM embedding_failures f
                     WHERE f.document_id = d.id AND f.model_id = ?2))",
        )?
        .query_row([project, model], |row| row.get(0))?;
    if waits {
        return Ok(false);
    }
    let failed = without_vectors(connection, project, model)?;
    let documents = status::counts(connection, project)?.documents;
    Ok(failed <= documents.div_ceil(FORGIVEN))
}

/// The model, and its identity, that was added last of those that a project has
/// vectors of.
pub fn newest_model(
    connection: &Connection,
    project: i64,
) -> Result<Option<(i64, String)>, StoreError> {
    Ok(connection
        .prepare_cached(
            "SELECT id, identity FROM embedding_models m WHERE EXISTS (
                 SELECT 1 FROM embeddings e WHERE e.project_id = ?1 AND e.model_id = m.id)
             ORDER BY id DESC LIMIT 1",
        )?
        .query_row([project], |row| Ok((row.get(0)?, row.get(1)?)))
        .optional()?)
}

/// Whether a project has any vector of `model`.
pub fn has_any(connection: &Connection, project: i64, model: i64) -> Result<bool, StoreError> {
    Ok(connection
        .prepare_cached(
            "SELECT EXISTS (SELECT 1 FROM embeddings WHERE project_id = ?1 AND model_id = ?2)",
        )?
        .query_row([project, model], |row| row.get(0))?)
}

/// Drops the vectors of other models of up to `limit` documents of a project,
/// once `model` has all: a document never keeps some of a model's. False when
/// none is left.
pub fn drop_others(
    tx: &Transaction<'_>,
    project: i64,
    model: i64,
    limit: u32,
) -> Result<bool, StoreError> {
    let dropped = tx
        .prepare_cached(
            "DELETE FROM embeddings WHERE model_id <> ?2 AND document_id IN (
                 SELECT DISTINCT document_id FROM (
                     SELECT document_id FROM embeddings WHERE project_id = ?1 AND model_id < ?2
                     UNION ALL
                     SELECT document_id FROM embeddings WHERE project_id = ?1 AND model_id > ?2)
                 LIMIT ?3)",
        )?
        .execute(params![project, model, limit])?;
    Ok(dropped > 0)
}
