//! `documents_fts`: the index over the documents' words.

use std::cmp::Ordering;
use std::collections::{BinaryHeap, HashSet};

use rusqlite::types::Value;
use rusqlite::{Connection, OptionalExtension, Row, Transaction, params, params_from_iter};

use super::StoreError;
use super::documents::DocumentId;
use super::search_filter::{Condition, Filters};
use super::source::SourceType;

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

/// What the words of a column weigh in the ranking: title, body, labels,
/// names, references. Measured by
/// `lore-bench search-quality`.
const WEIGHTS: &str = "4.0, 1.0, 1.5, 2.0, 0.5";
/// Documents at each end of a project that [`newest`] chooses from.
const SAMPLE: u32 = 1_000;
/// A project of at most so many documents is looked through whole, since to
/// come upon them among all that match would take longer.
const SMALL: u32 = 2_000;
/// Words that a prefix stands for.
const MAX_EXPANDED: usize = 30;
/// Words with a prefix that are looked at.
const MAX_SCANNED: u32 = 300;

/// A document that was found, and what it belongs to.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Found {
    /// The document.
    pub document: DocumentId,
    /// The item that it belongs to.
    pub item: (SourceType, i64),
    /// It is a thread on that item.
    pub is_thread: bool,
    /// The higher, the better: BM25.
    pub score: f64,
}

/// How many documents match `expression`, counted up to `cap`.
pub fn count_up_to(connection: &Connection, expression: &str, cap: u32) -> Result<u32, StoreError> {
    Ok(connection
        .prepare_cached(
            "SELECT count(*) FROM (SELECT 1 FROM documents_fts WHERE documents_fts MATCH ?1 LIMIT ?2)",
        )?
        .query_row(params![expression, cap], |row| row.get(0))?)
}

/// No fewer than there are documents of all projects, for next to nothing.
pub fn at_most(connection: &Connection) -> Result<u64, StoreError> {
    Ok(connection
        .prepare_cached("SELECT coalesce(max(id), 0) FROM documents")?
        .query_row([], |row| row.get(0))?)
}

/// The commonest words that begin with `prefix`.
pub fn words_with_prefix(connection: &Connection, prefix: &str) -> Result<Vec<String>, StoreError> {
    // Behind every word with the prefix, whatever its next character.
    let end = format!("{prefix}\u{10ffff}");
    let mut words = connection
        .prepare_cached(
            "SELECT term, doc FROM documents_words WHERE term >= ?1 AND term < ?2 LIMIT ?3",
        )?
        .query_map(params![prefix, end, MAX_SCANNED], |row| {
            Ok((row.get(0)?, row.get(1)?))
        })?
        .collect::<Result<Vec<(String, i64)>, _>>()?;
    words.sort_by(|a, b| b.1.cmp(&a.1).then_with(|| a.0.cmp(&b.0)));
    words.truncate(MAX_EXPANDED);
    Ok(words.into_iter().map(|(word, _)| word).collect())
}

/// The best `limit` documents that match `expression` and the filters, of
/// equally good ones the newest row first.
pub fn best(
    connection: &Connection,
    expression: &str,
    filters: &Filters,
    limit: u32,
) -> Result<Vec<Found>, StoreError> {
    if filters.is_empty() {
        return best_of_project(connection, expression, filters.project, limit);
    }
    let condition = filters.condition();
    let sql = format!(
        "SELECT d.id, d.issue_id, d.merge_request_id, d.source_type = 'discussion',
             -bm25(documents_fts, {WEIGHTS}) AS score
         FROM documents_fts CROSS JOIN documents d ON d.id = documents_fts.rowid
             LEFT JOIN issues i ON i.id = d.issue_id
             LEFT JOIN merge_requests m ON m.id = d.merge_request_id
         WHERE documents_fts MATCH ? AND {}
         ORDER BY score DESC, d.id DESC LIMIT ?",
        condition.sql
    );
    rows(connection, &sql, Some(expression), condition, limit)
}

/// The best of all projects are looked up in `documents` one by one until
/// enough are of `project`: to look up all that match takes longer than to rank
/// them, and so does SQLite's own sorting.
fn best_of_project(
    connection: &Connection,
    expression: &str,
    project: i64,
    limit: u32,
) -> Result<Vec<Found>, StoreError> {
    let ranked = format!(
        "SELECT rowid, -bm25(documents_fts, {WEIGHTS}) FROM documents_fts
         WHERE documents_fts MATCH ?1"
    );
    let ranked = connection
        .prepare_cached(&ranked)?
        .query_map([expression], |row| {
            Ok(Ranked {
                id: row.get(0)?,
                score: row.get(1)?,
            })
        })?
        .collect::<Result<Vec<_>, _>>()?;
    let mut ranked = BinaryHeap::from(ranked);
    let mut look_up = connection.prepare_cached(
        "SELECT id, issue_id, merge_request_id, source_type = 'discussion', ?3
         FROM documents WHERE id = ?1 AND project_id = ?2",
    )?;
    let mut best = Vec::new();
    while best.len() < limit as usize
        && let Some(Ranked { id, score }) = ranked.pop()
    {
        let found = look_up.query_row(params![id, project, score], found);
        best.extend(found.optional()?);
    }
    Ok(best)
}

/// A document by its row; the better, the greater.
#[derive(Debug, Clone, Copy)]
struct Ranked {
    id: i64,
    score: f64,
}

impl Ord for Ranked {
    fn cmp(&self, other: &Self) -> Ordering {
        let by_score = self.score.total_cmp(&other.score);
        by_score.then(self.id.cmp(&other.id))
    }
}

impl PartialOrd for Ranked {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Ranked {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other).is_eq()
    }
}

impl Eq for Ranked {}

/// Documents that match `expression`, where there is one, and the filters,
/// those of the items first that changed last. Of an expression, only the first
/// and the last [`SAMPLE`] documents of the project by row are looked at, which
/// are the newest and the oldest: it is for words so common that ranking all
/// that have them would take long and say little. Fewer than `limit` are all
/// that there are.
pub fn newest(
    connection: &Connection,
    expression: Option<&str>,
    filters: &Filters,
    limit: u32,
) -> Result<Vec<Found>, StoreError> {
    let condition = filters.condition();
    let columns =
        "d.id, d.issue_id, d.merge_request_id, d.source_type = 'discussion', 0.0 AS score";
    let joins = "LEFT JOIN issues i ON i.id = d.issue_id
         LEFT JOIN merge_requests m ON m.id = d.merge_request_id";
    let sql = match expression {
        // A filter may leave few of them, so all are asked.
        Some(_) if !filters.is_empty() => format!(
            "SELECT {columns} FROM documents_fts CROSS JOIN documents d ON d.id = documents_fts.rowid {joins}
             WHERE documents_fts MATCH ?1 AND {}
             ORDER BY coalesce(i.updated_at, m.updated_at) DESC, d.id DESC LIMIT ?",
            condition.sql
        ),
        Some(_) if is_small(connection, filters.project)? => format!(
            "SELECT {columns} FROM documents d
             CROSS JOIN documents_fts ON documents_fts.rowid = d.id {joins}
             WHERE documents_fts MATCH ?1 AND {}
             ORDER BY coalesce(i.updated_at, m.updated_at) DESC, d.id DESC LIMIT ?",
            condition.sql
        ),
        Some(_) => {
            // Documents of other projects between are passed over one by one.
            let end = |order: &str| {
                format!(
                    "SELECT * FROM (SELECT documents_fts.rowid AS id FROM documents_fts
                         CROSS JOIN documents o ON o.id = documents_fts.rowid
                     WHERE documents_fts MATCH ?1 AND o.project_id = ?2
                         AND documents_fts.rowid >= (SELECT min(id) FROM documents WHERE project_id = ?2)
                         AND documents_fts.rowid <= (SELECT max(id) FROM documents WHERE project_id = ?2)
                     ORDER BY documents_fts.rowid {order} LIMIT {SAMPLE})"
                )
            };
            format!(
                "SELECT {columns} FROM ({} UNION {}) f CROSS JOIN documents d ON d.id = f.id {joins}
                 ORDER BY coalesce(i.updated_at, m.updated_at) DESC, d.id DESC LIMIT ?",
                end("DESC"),
                end("ASC"),
            )
        }
        None => format!(
            "SELECT {columns} FROM documents d {joins} WHERE {}
             ORDER BY coalesce(i.updated_at, m.updated_at) DESC, d.id DESC LIMIT ?",
            condition.sql
        ),
    };
    rows(connection, &sql, expression, condition, limit)
}

fn is_small(connection: &Connection, project: i64) -> Result<bool, StoreError> {
    let counted: u32 = connection
        .prepare_cached(
            "SELECT count(*) FROM (SELECT 1 FROM documents WHERE project_id = ?1 LIMIT ?2)",
        )?
        .query_row(params![project, SMALL + 1], |row| row.get(0))?;
    Ok(counted <= SMALL)
}

/// Which of `among` match `expression`.
pub fn matching(
    connection: &Connection,
    expression: &str,
    among: &[Found],
) -> Result<HashSet<DocumentId>, StoreError> {
    let mut statement = connection.prepare_cached(
        "SELECT 1 FROM documents_fts WHERE documents_fts MATCH ?1 AND rowid = ?2",
    )?;
    let mut matching = HashSet::new();
    for found in among {
        if statement.exists(params![expression, found.document])? {
            matching.insert(found.document);
        }
    }
    Ok(matching)
}

/// Title and body of an item's own document.
pub fn own_text(
    connection: &Connection,
    source: SourceType,
    id: i64,
) -> Result<Option<(String, String)>, StoreError> {
    Ok(connection
        .prepare_cached(
            "SELECT title, body FROM documents WHERE source_type = ?1 AND source_id = ?2",
        )?
        .query_row(params![source, id], |row| Ok((row.get(0)?, row.get(1)?)))
        .optional()?)
}

fn rows(
    connection: &Connection,
    sql: &str,
    expression: Option<&str>,
    condition: Condition,
    limit: u32,
) -> Result<Vec<Found>, StoreError> {
    let mut values: Vec<Value> = Vec::with_capacity(condition.values.len() + 2);
    values.extend(expression.map(|text| text.to_owned().into()));
    values.extend(condition.values);
    values.push(limit.into());
    Ok(connection
        .prepare_cached(sql)?
        .query_map(params_from_iter(values), found)?
        .collect::<Result<_, _>>()?)
}

pub(super) fn found(row: &Row<'_>) -> rusqlite::Result<Found> {
    let issue: Option<i64> = row.get(1)?;
    let merge_request: Option<i64> = row.get(2)?;
    Ok(Found {
        document: row.get(0)?,
        item: match (issue, merge_request) {
            (Some(id), _) => (SourceType::Issue, id),
            (None, id) => (SourceType::MergeRequest, id.unwrap_or_default()),
        },
        is_thread: row.get(3)?,
        score: row.get(4)?,
    })
}
