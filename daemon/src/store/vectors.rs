//! The vectors of `embeddings` as a search reads them, and the news of those
//! that are gone.

use std::cell::RefCell;
use std::collections::HashMap;
use std::fmt;
use std::ops::Range;

use rusqlite::types::Value;
use rusqlite::{CachedStatement, Connection, Transaction, params_from_iter};

use super::StoreError;
use super::search_filter::Filters;
use super::search_index::{Found, found};

/// Entries of `removed_embeddings` that are kept for copies in memory.
const REMOVALS_KEPT: i64 = 100_000;

/// Thins out what copies in memory were to be told.
pub fn forget_removals(tx: &Transaction<'_>) -> Result<(), StoreError> {
    tx.prepare_cached(
        "DELETE FROM removed_embeddings
         WHERE id <= (SELECT max(id) FROM removed_embeddings) - ?1",
    )?
    .execute([REMOVALS_KEPT])?;
    Ok(())
}

/// Calls `each` with the id and the bytes of every vector after `after`.
pub fn after(
    connection: &Connection,
    project: i64,
    model: i64,
    after: i64,
    mut each: impl FnMut(i64, &[u8]),
) -> Result<(), StoreError> {
    let mut statement = connection.prepare_cached(
        "SELECT id, vector FROM embeddings
         WHERE project_id = ?1 AND model_id = ?2 AND id > ?3 ORDER BY id",
    )?;
    let mut rows = statement.query([project, model, after])?;
    while let Some(row) = rows.next()? {
        let bytes = row.get_ref(1)?.as_blob().map_err(rusqlite::Error::from)?;
        each(row.get(0)?, bytes);
    }
    Ok(())
}

/// The vectors that went after the entry `after`, as `(entry, vector)`; `None`
/// where entries between were thinned out.
pub fn removed_after(
    connection: &Connection,
    after: i64,
) -> Result<Option<Vec<(i64, i64)>>, StoreError> {
    let removed: Vec<(i64, i64)> = connection
        .prepare_cached(
            "SELECT id, embedding_id FROM removed_embeddings WHERE id > ?1 ORDER BY id",
        )?
        .query_map([after], |row| Ok((row.get(0)?, row.get(1)?)))?
        .collect::<Result<_, _>>()?;
    let gap = removed.first().is_some_and(|(first, _)| *first > after + 1);
    Ok((!gap).then_some(removed))
}

/// The last entry of a removal; 0 where there is none.
pub fn last_removal(connection: &Connection) -> Result<i64, StoreError> {
    Ok(connection
        .prepare_cached("SELECT coalesce(max(id), 0) FROM removed_embeddings")?
        .query_row([], |row| row.get(0))?)
}

/// The documents of vectors and the bytes of their pieces, by vector; those that
/// are gone are left out.
pub fn documents(
    connection: &Connection,
    ids: &[i64],
) -> Result<HashMap<i64, (Found, Range<usize>)>, StoreError> {
    let list: Vec<String> = ids.iter().map(i64::to_string).collect();
    Ok(connection
        .prepare_cached(
            "SELECT d.id, d.issue_id, d.merge_request_id, d.source_type = 'discussion', 0.0,
                 e.body_from, e.body_to, e.id
             FROM json_each(?1) j CROSS JOIN embeddings e ON e.id = j.value
                 CROSS JOIN documents d ON d.id = e.document_id",
        )?
        .query_map([format!("[{}]", list.join(","))], |row| {
            Ok((row.get(7)?, (found(row)?, row.get(5)?..row.get(6)?)))
        })?
        .collect::<Result<_, _>>()?)
}

/// Asks of single vectors whether they pass filters of rows
/// ([`Filters::of_rows`]).
pub struct Lookup<'c> {
    /// Prepared once, since a search asks of a hundred.
    statement: RefCell<CachedStatement<'c>>,
    values: Vec<Value>,
}

impl fmt::Debug for Lookup<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Lookup").finish_non_exhaustive()
    }
}

impl<'c> Lookup<'c> {
    /// For one search.
    pub fn new(connection: &'c Connection, filters: &Filters) -> Result<Self, StoreError> {
        let condition = filters.condition();
        let sql = format!(
            "SELECT 1 FROM embeddings e JOIN documents d ON d.id = e.document_id
                 LEFT JOIN issues i ON i.id = d.issue_id
                 LEFT JOIN merge_requests m ON m.id = d.merge_request_id
             WHERE e.id = ? AND {}",
            condition.sql
        );
        Ok(Self {
            statement: RefCell::new(connection.prepare_cached(&sql)?),
            values: condition.values,
        })
    }

    /// Whether a vector's document passes; one that is gone does not.
    pub fn passes(&self, embedding: i64) -> Result<bool, StoreError> {
        let embedding = Value::from(embedding);
        let values = std::iter::once(&embedding).chain(&self.values);
        let mut statement = self.statement.borrow_mut();
        Ok(statement.exists(params_from_iter(values))?)
    }
}

/// The vectors of `model` that pass the filters, each filter read once.
pub fn passing(
    connection: &Connection,
    filters: &Filters,
    model: i64,
) -> Result<Vec<i64>, StoreError> {
    let condition = filters.condition();
    let sql = format!(
        "SELECT e.id FROM documents d JOIN embeddings e ON e.document_id = d.id
             LEFT JOIN issues i ON i.id = d.issue_id
             LEFT JOIN merge_requests m ON m.id = d.merge_request_id
         WHERE e.model_id = ? AND {}",
        condition.sql
    );
    let values = std::iter::once(Value::from(model)).chain(condition.values);
    Ok(connection
        .prepare_cached(&sql)?
        .query_map(params_from_iter(values), |row| row.get(0))?
        .collect::<Result<_, _>>()?)
}
