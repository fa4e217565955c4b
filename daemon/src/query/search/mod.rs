//! `search.query`: issues and merge requests by words and by meaning.

mod fuse;
mod lexical;
mod parse;
mod snippet;
#[cfg(test)]
mod tests;

use std::collections::HashSet;
use std::time::{Duration, Instant};

use jiff::Timestamp;
use lore_proto::project::{ProjectInfo, Read};
use lore_proto::search::{
    Explanation, Part, Passage, PassageSource, SearchCoverage, SearchHit, SearchMode, SearchParams,
    SearchResults,
};
use lore_proto::{ErrorCode, WireError};
use rusqlite::Connection;

use self::fuse::{Fused, Weight, fuse};
use self::lexical::Lexical;
use self::parse::{Query, parse};
use super::{cursor, project};
use crate::store::projects::ProjectRow;
use crate::store::search_index::Found;
use crate::store::{Database, StoreError, dirty, search_hits};

/// The page size where none is asked for.
const DEFAULT_LIMIT: u32 = 20;
/// The largest page.
const MAX_LIMIT: u32 = 100;
/// Passages of one hit.
const PASSAGES: usize = 3;
/// How long SQLite may work on one search.
const PATIENCE: Duration = Duration::from_secs(5);
/// Steps of SQLite's machine between two looks at the clock.
const STEPS: i32 = 10_000;

/// Searches `asked`, which stands for the selectors in `params`.
///
/// # Errors
/// `USAGE` for a query, a limit or a cursor that does not fit; `NOT_FOUND` for
/// a project that is not mirrored yet; `TIMEOUT` where SQLite takes too long.
pub async fn query(
    db: &Database,
    asked: &ProjectInfo,
    params: SearchParams,
    now: Timestamp,
) -> Result<Read<SearchResults>, WireError> {
    let limit = page_size(params.limit)?;
    let asked = asked.clone();
    db.read(move |connection| {
        bounded(connection, || {
            let row = project::mirrored(connection, &asked)?;
            let query = parse(&params, row.id)?;
            let search = Search {
                asked: &asked,
                row: &row,
                params: &params,
                limit,
            };
            search.answer(connection, query, now)
        })
    })
    .await
}

fn page_size(limit: Option<u32>) -> Result<usize, WireError> {
    match limit {
        None => Ok(DEFAULT_LIMIT as usize),
        Some(limit @ 1..=MAX_LIMIT) => Ok(limit as usize),
        Some(limit) => Err(WireError::new(
            ErrorCode::Usage,
            format!("the limit is {limit}; it has to be from 1 to {MAX_LIMIT}"),
        )),
    }
}

/// Ends SQLite's work where it takes longer than a person waits.
fn bounded<T>(
    connection: &Connection,
    work: impl FnOnce() -> Result<T, WireError>,
) -> Result<T, WireError> {
    let until = Instant::now() + PATIENCE;
    let watch = |handler| {
        connection
            .progress_handler(STEPS, handler)
            .map_err(StoreError::Sqlite)
    };
    watch(Some(move || Instant::now() >= until))?;
    let result = work();
    watch(None)?;
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

struct Search<'a> {
    asked: &'a ProjectInfo,
    row: &'a ProjectRow,
    params: &'a SearchParams,
    limit: usize,
}

impl Search<'_> {
    fn answer(
        self,
        connection: &Connection,
        mut query: Query,
        now: Timestamp,
    ) -> Result<Read<SearchResults>, WireError> {
        if query.text.trim().is_empty() && query.filters.is_empty() && self.params.like.is_none() {
            return Err(WireError::new(
                ErrorCode::Usage,
                "there is nothing to search for: give words or a filter such as `label:bug`",
            ));
        }
        lexical::expand(connection, &mut query)?;
        let Lexical { found, is_full } = lexical::list(connection, &query)?;
        let weight = Weight::of(query.shape);
        let semantic: Vec<Found> = Vec::new();
        let fused = fuse(&found, &semantic, weight);
        let identity = self.identity();
        let skip = match &self.params.cursor {
            Some(text) => cursor::decode(&identity, text)?
                .parse::<usize>()
                .map_err(|_| cursor::broken())?,
            None => 0,
        };
        let words: HashSet<String> = query
            .wanted
            .iter()
            .chain(&query.required)
            .flat_map(parse::Unit::highlights)
            .cloned()
            .collect();
        let page = fused.iter().skip(skip).take(self.limit);
        let mut hits = Vec::with_capacity(self.limit);
        for hit in page {
            hits.extend(self.hit(connection, hit, &[&found, &semantic], &words, weight)?);
        }
        let next = skip + self.limit;
        Ok(Read {
            data: SearchResults {
                project: project::info(self.asked, self.row),
                mode: SearchMode::Lexical,
                hits,
                total: fused.len() as u64,
                total_is_lower_bound: is_full,
                next_cursor: (next < fused.len())
                    .then(|| cursor::encode(&identity, &next.to_string())),
                coverage: SearchCoverage {
                    waiting: dirty::count(connection, self.row.id)?,
                    ..SearchCoverage::default()
                },
            },
            freshness: Some(project::freshness(
                connection,
                &self.asked.path,
                self.row,
                now,
            )?),
            warnings: project::warnings(self.asked, self.row),
        })
    }

    /// All that decides which hits there are and in what order.
    fn identity(&self) -> String {
        let mut params = self.params.clone();
        params.cursor = None;
        params.limit = None;
        params.explain = false;
        params.remotes.clear();
        format!("search {} {params:?}", self.row.id)
    }

    fn hit(
        &self,
        connection: &Connection,
        hit: &Fused,
        lists: &[&[Found]],
        words: &HashSet<String>,
        weight: Weight,
    ) -> Result<Option<SearchHit>, StoreError> {
        let (source, id) = hit.item;
        let Some(card) = search_hits::item_card(connection, source, id)? else {
            return Ok(None);
        };
        let mut documents: Vec<Found> = Vec::new();
        for found in lists.iter().flat_map(|list| list.iter()) {
            if found.item == hit.item
                && documents.len() < PASSAGES
                && !documents
                    .iter()
                    .any(|known| known.document == found.document)
            {
                documents.push(*found);
            }
        }
        let mut passages = Vec::with_capacity(documents.len());
        for found in documents {
            passages.extend(passage(connection, found, words, card.web_url.as_deref())?);
        }
        Ok(Some(SearchHit {
            entity_type: source.entity(),
            iid: card.iid,
            title: card.title,
            state: card.state,
            author: card.author,
            labels: card.labels,
            confidential: card.confidential,
            created_at: card.created_at,
            updated_at: card.updated_at,
            web_url: card.web_url,
            score: rounded(hit.score),
            passages,
            explain: self.params.explain.then(|| Explanation {
                lexical: hit.lexical.map(part),
                semantic: hit.semantic.map(part),
                semantic_weight: weight.semantic,
                reason: weight.reason.to_owned(),
            }),
        }))
    }
}

fn part((place, score): (usize, f64)) -> Part {
    Part {
        rank: u32::try_from(place + 1).unwrap_or(u32::MAX),
        score: rounded(score),
    }
}

/// More digits say nothing and differ from machine to machine.
fn rounded(score: f64) -> f64 {
    (score * 1e4).round() / 1e4
}

fn passage(
    connection: &Connection,
    found: Found,
    words: &HashSet<String>,
    item_url: Option<&str>,
) -> Result<Option<Passage>, StoreError> {
    let Some(text) = search_hits::text(connection, found.document)? else {
        return Ok(None);
    };
    let (line, highlights) = snippet::snippet(&text.body, words, 0..0);
    let note = text.first_note.map(|note| format!("#note_{note}"));
    Ok(Some(Passage {
        source: if text.is_thread {
            PassageSource::Discussion
        } else {
            PassageSource::Description
        },
        text: line,
        highlights,
        author: text.author,
        created_at: text.created_at,
        confidential: text.confidential,
        path: text.path,
        web_url: item_url.map(|url| format!("{url}{}", note.unwrap_or_default())),
    }))
}
