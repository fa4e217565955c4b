//! `search.query`: issues and merge requests by words and by meaning.
//!
//! Two lists are made, by words ([`lexical`]) and by meaning ([`vectors`]);
//! [`fuse`] makes one of them, and [`page`] what is shown.

mod fuse;
mod lexical;
mod meaning;
mod page;
mod parse;
mod recency;
mod snippet;
#[cfg(test)]
mod tests;
mod vectors;
mod words;

use std::sync::Arc;
use std::time::{Duration, Instant};

use jiff::Timestamp;
use lore_proto::project::{ProjectInfo, Read};
use lore_proto::search::{SearchMode, SearchParams, SearchResults};
use lore_proto::{ErrorCode, WireError};
use rusqlite::Connection;

use self::fuse::{Weight, fuse};
use self::lexical::Lexical;
use self::meaning::Meaning;
use self::page::Page;
use self::parse::Query;
use self::vectors::Nearest;
use super::items::find;
use super::project;
use crate::embedding::{EmbedError, EmbedInput, Provider};
use crate::store::{Database, SourceType, StoreError, search_index};

pub use self::vectors::Vectors;
pub(super) use self::words::all_words;

/// The page size where none is asked for.
const DEFAULT_LIMIT: u32 = 20;
/// The largest page.
const MAX_LIMIT: u32 = 100;
/// How long SQLite may work on one search.
const PATIENCE: Duration = Duration::from_secs(5);
/// Steps of SQLite's machine between two looks at the clock.
const STEPS: i32 = 10_000;

/// Where the vector of a query comes from, or why there is none.
pub type Embedder = Result<Option<Arc<dyn Provider>>, EmbedError>;

/// What a search needs of the daemon.
#[derive(Debug, Clone)]
pub struct Searcher {
    /// The mirror.
    pub db: Database,
    /// The vectors in memory.
    pub vectors: Vectors,
    /// Where the vector of a query comes from.
    pub embedder: Embedder,
}

impl Searcher {
    /// Searches `asked`, which stands for the selectors in `params`, for the
    /// query or for what is near to `like`, an item by its iid, which stands for
    /// `params.like`.
    ///
    /// # Errors
    /// `USAGE` for a query, a limit or a cursor that does not fit; `NOT_FOUND`
    /// for a project that is not mirrored yet and for an item to be compared
    /// with that is not there; `TIMEOUT` where SQLite takes too long; in a purely
    /// semantic search `EMBEDDER_UNAVAILABLE` and its like.
    pub async fn query(
        &self,
        asked: &ProjectInfo,
        like: Option<(SourceType, u64)>,
        params: SearchParams,
        now: Timestamp,
    ) -> Result<Read<SearchResults>, WireError> {
        let limit = page_size(params.limit)?;
        let prepared = {
            let (asked, params) = (asked.clone(), params.clone());
            self.db
                .read(move |connection| prepare(connection, &asked, like, &params))
                .await?
        };
        let wanted = params.mode.unwrap_or(SearchMode::Hybrid);
        let meaning = match (&prepared.text, wanted) {
            (Some(text), SearchMode::Hybrid | SearchMode::Semantic) => {
                self.meaning(prepared.query.filters.project, text).await
            }
            _ => Meaning::default(),
        };
        let meaning = match wanted {
            SearchMode::Semantic => meaning.demanded()?,
            SearchMode::Hybrid | SearchMode::Lexical => meaning,
        };
        let vectors = self.vectors.clone();
        let asked = asked.clone();
        let read = self
            .db
            .read(move |connection| {
                bounded(connection, || {
                    let row = project::mirrored(connection, &asked)?;
                    let page = Page {
                        asked: &asked,
                        row: &row,
                        params: &params,
                        like,
                        limit,
                        now,
                        vectors: &vectors,
                    };
                    answer(connection, prepared, &page, wanted, meaning)
                })
            })
            .await;
        self.vectors.drop_when_idle();
        read
    }
}

fn page_size(limit: Option<u32>) -> Result<usize, WireError> {
    match limit {
        None => Ok(DEFAULT_LIMIT as usize),
        Some(limit @ 1..=MAX_LIMIT) => Ok(limit as usize),
        Some(limit) => Err(usage(format!(
            "the limit is {limit}; it has to be from 1 to {MAX_LIMIT}"
        ))),
    }
}

/// A query that is known to have something to search for.
struct Prepared {
    query: Query,
    /// What is embedded of it; `None` where it has filters alone.
    text: Option<EmbedInput>,
    weight: Weight,
}

fn prepare(
    connection: &Connection,
    asked: &ProjectInfo,
    like: Option<(SourceType, u64)>,
    params: &SearchParams,
) -> Result<Prepared, WireError> {
    let row = project::mirrored(connection, asked)?;
    let mut query = parse::parse(params, row.id)?;
    if let Some((source, iid)) = like {
        let item = find(connection, asked, &row, source, iid)?;
        query.filters.except = Some((source, item));
        let text = search_index::own_text(connection, source, item)?;
        let Some((title, body)) = text else {
            return Err(without_text(connection, asked, source, iid)?);
        };
        let first = crate::documents::pieces(&body).swap_remove(0);
        let text = body[first].to_owned();
        query.add_words(&title)?;
        return Ok(Prepared {
            query,
            text: Some(EmbedInput::document(title, text)),
            weight: Weight::like(),
        });
    }
    let text = query.text.trim();
    if text.is_empty() && query.excluded.is_empty() && query.filters.is_empty() {
        return Err(usage(
            "there is nothing to search for: give words or a filter such as `label:bug`".into(),
        ));
    }
    Ok(Prepared {
        text: (!text.is_empty()).then(|| EmbedInput::query(text)),
        weight: Weight::of(query.shape),
        query,
    })
}

fn without_text(
    connection: &Connection,
    asked: &ProjectInfo,
    source: SourceType,
    iid: u64,
) -> Result<WireError, StoreError> {
    let sigil = source.entity().sigil();
    let error = WireError::new(
        ErrorCode::NotFound,
        format!(
            "{sigil}{iid} of `{}` is not searchable yet; the next sync makes it so",
            asked.path
        ),
    );
    let selector = project::selector(connection, asked)?;
    Ok(project::with_sync_command(error, selector.as_deref()))
}

fn answer(
    connection: &Connection,
    prepared: Prepared,
    page: &Page<'_>,
    wanted: SearchMode,
    meaning: Meaning,
) -> Result<Read<SearchResults>, WireError> {
    let Prepared {
        mut query, weight, ..
    } = prepared;
    lexical::expand(connection, &mut query)?;
    let words = || {
        if wanted == SearchMode::Semantic && meaning.vector.is_some() {
            return Ok(Lexical::default());
        }
        lexical::list(connection, &query)
    };
    let (nearest, by_words) = match &meaning.vector {
        Some((model, vector)) => {
            let filters = &query.filters;
            let (mut nearest, by_words) = page
                .vectors
                .nearest(connection, filters, *model, vector, words)?;
            lexical::keep_matching(connection, &query, &mut nearest.found)?;
            (nearest, by_words)
        }
        None => (Nearest::default(), words()),
    };
    let by_words = by_words?;
    let (mode, weight) = match (&meaning.vector, wanted) {
        (None, _) => (SearchMode::Lexical, Weight::words()),
        (Some(_), SearchMode::Semantic) => (SearchMode::Semantic, Weight::meaning()),
        (Some(_), _) => (SearchMode::Hybrid, weight),
    };
    let mut fused = fuse(&by_words.found, &nearest.found, weight);
    if page.params.recent {
        recency::prefer(connection, &mut fused)?;
    }
    page.read(
        connection,
        &query,
        &page::Ranked {
            fused,
            mode,
            weight,
            lexical: by_words,
            nearest,
            meaning,
        },
    )
}

/// Ends SQLite's work where it takes longer than a person waits.
pub(super) fn bounded<T>(
    connection: &Connection,
    work: impl FnOnce() -> Result<T, WireError>,
) -> Result<T, WireError> {
    let until = Instant::now() + PATIENCE;
    connection
        .progress_handler(STEPS, Some(move || Instant::now() >= until))
        .map_err(StoreError::Sqlite)?;
    let watch = Watch(connection);
    let result = work();
    drop(watch);
    if result.is_err() && Instant::now() >= until {
        return Err(WireError::new(
            ErrorCode::Timeout,
            format!(
                "the search took longer than {} s and was ended; use fewer or rarer words, or a filter",
                PATIENCE.as_secs()
            ),
        ));
    }
    result
}

/// Takes the watch off a connection that others will use, even after a panic.
struct Watch<'c>(&'c Connection);

impl Drop for Watch<'_> {
    fn drop(&mut self) {
        if let Err(error) = self.0.progress_handler(0, None::<fn() -> bool>) {
            tracing::warn!(%error, "the watch over a search stays on its connection");
        }
    }
}

fn usage(message: String) -> WireError {
    WireError::new(ErrorCode::Usage, message)
}

/// What an item is called among hits.
type Item = (SourceType, i64);
