//! From rows to searchable documents.
//!
//! Each issue, merge request and thread has one document: its text in plain
//! form, in `documents`, and its words in the index. What is only shown beside
//! a hit (state, times, addresses) is not in it, so that closing an issue
//! renders nothing.
//!
//! [`regenerate`] is the entry for exactly the sources that a caller names;
//! [`regenerate_due`] takes what is due from `dirty_sources`. Both run in a
//! transaction that they are handed, under the sync lock.

mod markdown;
mod pieces;
mod render;
pub mod terms;
#[cfg(test)]
mod tests;

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::Duration;

use jiff::Timestamp;
use rusqlite::Transaction;

pub use pieces::{embeddable, pieces};

use crate::store::dirty::{self, Due, Marked};
use crate::store::document_rows::{self, ItemRows, ThreadRows};
use crate::store::documents::{self, NewDocument, Put};
use crate::store::{
    DocumentId, LONGEST_WAIT, Source, SourceKind, SourceType, StoreError, search_index,
};

/// After the first failure of a source; doubled with every other one.
const FIRST_BACKOFF: Duration = Duration::from_mins(1);
/// Doublings of it.
const MAX_DOUBLINGS: u32 = 10;
const _: () = assert!(FIRST_BACKOFF.as_secs() << MAX_DOUBLINGS < LONGEST_WAIT.as_secs());
/// Bytes of text after which a batch ends, so that no transaction is long.
const BATCH_BYTES: usize = 4 << 20;

/// What a regeneration did.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Regenerated {
    /// The documents of the sources, whether their text changed or not, in the
    /// order of the sources.
    pub documents: Vec<DocumentId>,
    /// How many were written, because their text is new.
    pub written: u64,
    /// How many went, because their source has no text any more.
    pub removed: u64,
    /// Sources that could not be rendered, with the reason.
    pub failed: Vec<(Source, String)>,
    /// How many sources were looked at.
    pub looked_at: u64,
}

/// Renders the documents of exactly these sources from their rows as they are
/// now, and takes their markings off. A marking newer than the one named stays:
/// somebody else made it, and will answer for it. A source that is not marked
/// any more is rendered all the same.
pub fn regenerate(
    tx: &Transaction<'_>,
    sources: &[Marked],
    now: Timestamp,
) -> Result<Regenerated, StoreError> {
    let due: Vec<Due> = sources
        .iter()
        .map(|&marked| Due {
            marked,
            attempts: 0,
        })
        .collect();
    regenerate_each(tx, &due, now, usize::MAX)
}

/// Renders up to `limit` marked sources of a project that are due, the last
/// marked first; fewer where they are long. `None` once nothing is due.
pub fn regenerate_due(
    tx: &Transaction<'_>,
    project: i64,
    now: Timestamp,
    limit: u32,
) -> Result<Option<Regenerated>, StoreError> {
    let due = dirty::due(tx, project, now, limit)?;
    if due.is_empty() {
        return Ok(None);
    }
    regenerate_each(tx, &due, now, BATCH_BYTES).map(Some)
}

fn regenerate_each(
    tx: &Transaction<'_>,
    sources: &[Due],
    now: Timestamp,
    bytes: usize,
) -> Result<Regenerated, StoreError> {
    let mut done = Regenerated::default();
    let mut left = bytes;
    for Due { marked, attempts } in sources {
        let source = marked.source;
        done.looked_at += 1;
        match rendered(tx, source)? {
            Ok(Some(document)) => {
                let put = documents::put(tx, &document)?;
                if let Put::Written(id) = put {
                    search_index::put(tx, id, &render::index_words(&document))?;
                    done.written += 1;
                }
                done.documents.push(put.id());
                dirty::absorb(tx, *marked)?;
                left = left.saturating_sub(document.body.len());
                if left == 0 {
                    break;
                }
            }
            Ok(None) => {
                done.removed += u64::from(documents::remove(tx, source)?);
                dirty::absorb(tx, *marked)?;
            }
            Err(reason) => {
                let wait = FIRST_BACKOFF * (1 << (*attempts).min(MAX_DOUBLINGS));
                let next = now.checked_add(wait).unwrap_or(Timestamp::MAX);
                dirty::fail(tx, *marked, &reason, next)?;
                tracing::warn!(?source, reason, "a document could not be rendered");
                done.failed.push((source, reason));
            }
        }
    }
    Ok(done)
}

/// The document of a source as its rows are now; `None` where there is nothing
/// to find. The inner error is of this source alone.
fn rendered(
    tx: &Transaction<'_>,
    source: Source,
) -> Result<Result<Option<NewDocument>, String>, StoreError> {
    let rows = match source.kind {
        SourceKind::Issue => {
            document_rows::item_rows(tx, SourceType::Issue, source.id).map(Rows::Item)
        }
        SourceKind::MergeRequest => {
            document_rows::item_rows(tx, SourceType::MergeRequest, source.id).map(Rows::Item)
        }
        SourceKind::Discussion => document_rows::thread_rows(tx, source.id).map(Rows::Thread),
    };
    let rows = match rows {
        Ok(rows) => rows,
        // A value of a type that no column of ours has, or text that is none.
        Err(StoreError::Sqlite(
            error @ (rusqlite::Error::FromSqlConversionFailure(..)
            | rusqlite::Error::InvalidColumnType(..)
            | rusqlite::Error::Utf8Error(..)),
        )) => return Ok(Err(error.to_string())),
        Err(error) => return Err(error),
    };
    // Rendering reads what people wrote; a defect in it costs one document.
    let render = || match rows {
        Rows::Item(rows) => rows.map(|rows| render::item(source, &rows)),
        Rows::Thread(rows) => rows.and_then(|rows| render::thread(source, &rows)),
    };
    Ok(catch_unwind(AssertUnwindSafe(render))
        .map_err(|_| "rendering ended by a defect in lore".to_owned()))
}

enum Rows {
    Item(Option<ItemRows>),
    Thread(Option<ThreadRows>),
}
