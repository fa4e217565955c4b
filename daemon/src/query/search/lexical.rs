//! The list by words: which documents to rank, within a bounded time.
//!
//! BM25 looks at every document that has any of the words, and a common word
//! is in most of them while it tells next to nothing. So how common each word
//! is is asked first, up to a bound; the rare ones decide what is ranked.

use std::collections::HashMap;
use std::hash::BuildHasher;

use rusqlite::Connection;

use super::Item;
use super::parse::{Query, Unit};
use crate::store::StoreError;
use crate::store::search_filter::Filters;
use crate::store::search_index::{self, Found, words_with_prefix};

/// Documents that words may bring into the ranking, all together.
const RANKED: u32 = 10_000;
/// Documents that the list has at most.
pub(super) const LIST: u32 = 200;

/// The list by words, the best first.
#[derive(Debug, Default)]
pub(super) struct Lexical {
    pub(super) found: Vec<Found>,
    /// More may match than the list has.
    pub(super) is_full: bool,
}

/// Fills in the words that prefixes stand for.
pub(super) fn expand(connection: &Connection, query: &mut Query) -> Result<(), StoreError> {
    for unit in query.wanted.iter_mut().chain(&mut query.required) {
        let Some(prefix) = &unit.prefix else { continue };
        unit.expanded = words_with_prefix(connection, prefix)?;
        // Stems may be shorter than what was typed: `cachi*` means `caching`,
        // which is indexed as `cach`.
        for cut in 1..=2 {
            let chars: Vec<char> = prefix.chars().collect();
            if chars.len() > 3 + cut {
                unit.expanded
                    .push(chars[..chars.len() - cut].iter().collect());
            }
        }
    }
    Ok(())
}

/// The documents that match best.
pub(super) fn list(connection: &Connection, query: &Query) -> Result<Lexical, StoreError> {
    let filters = &query.filters;
    if query.wanted.is_empty() && query.required.is_empty() {
        if query.excluded.is_empty() && filters.is_empty() {
            return Ok(Lexical::default());
        }
        let mut found = search_index::newest(connection, None, filters, LIST)?;
        let is_full = found.len() >= LIST as usize;
        keep_matching(connection, query, &mut found)?;
        score_by_place(&mut found);
        return Ok(Lexical { found, is_full });
    }
    let words = Words::of(connection, &query.wanted)?;
    if query.required.is_empty() && words.known.is_empty() {
        return Ok(Lexical::default());
    }
    let rare = &words.known[..words.rare];
    if query.required.is_empty() && !rare.is_empty() {
        let expression = without(any(rare.iter().copied()), &query.excluded);
        return Ok(full(search_index::best(
            connection,
            &expression,
            filters,
            LIST,
        )?));
    }
    let must = if query.required.is_empty() {
        // Nothing but common words: what has all of them.
        all(words.known.iter().copied())
    } else {
        all(&query.required)
    };
    let must = without(must, &query.excluded);
    if search_index::count_up_to(connection, &must, RANKED)? >= RANKED {
        return common(connection, &must, filters);
    }
    let expression = if rare.is_empty() {
        must
    } else {
        format!("({must}) OR (({must}) AND {})", any(rare.iter().copied()))
    };
    Ok(full(search_index::best(
        connection,
        &expression,
        filters,
        LIST,
    )?))
}

/// The wanted words.
struct Words<'q> {
    /// Those that any document has, the rarest first.
    known: Vec<&'q Unit>,
    /// How many of these, from the front, bring no more documents than are
    /// ranked.
    rare: usize,
}

impl<'q> Words<'q> {
    fn of(connection: &Connection, wanted: &'q [Unit]) -> Result<Self, StoreError> {
        if search_index::at_most(connection)? <= u64::from(RANKED) {
            // No word can be too common: none is counted.
            return Ok(Self {
                known: wanted.iter().collect(),
                rare: wanted.len(),
            });
        }
        let mut counted = Vec::with_capacity(wanted.len());
        for unit in wanted {
            let count = search_index::count_up_to(connection, &unit.expression(), RANKED)?;
            if count > 0 {
                counted.push((count, unit));
            }
        }
        counted.sort_by_key(|(count, _)| *count);
        let mut left = RANKED;
        let is_rare = |(place, (count, _)): &(usize, &(u32, _))| {
            let fits = *count < RANKED && (*count <= left || *place == 0);
            left = left.saturating_sub(*count);
            fits
        };
        let rare = counted.iter().enumerate().take_while(is_rare).count();
        Ok(Self {
            known: counted.into_iter().map(|(_, unit)| unit).collect(),
            rare,
        })
    }
}

/// Leaves of `found` what has every phrase and no exclusion of the query.
pub(super) fn keep_matching(
    connection: &Connection,
    query: &Query,
    found: &mut Vec<Found>,
) -> Result<(), StoreError> {
    if !query.required.is_empty() {
        let having = search_index::matching(connection, &all(&query.required), found)?;
        found.retain(|hit| having.contains(&hit.document));
    }
    if !query.excluded.is_empty() {
        let having = search_index::matching(connection, &any(&query.excluded), found)?;
        found.retain(|hit| !having.contains(&hit.document));
    }
    Ok(())
}

/// The newest that have the words in their title, then the newest of all.
fn common(connection: &Connection, must: &str, filters: &Filters) -> Result<Lexical, StoreError> {
    let titled = format!("title : ({must})");
    let mut found = search_index::newest(connection, Some(&titled), filters, LIST)?;
    if found.len() < LIST as usize {
        for other in search_index::newest(connection, Some(must), filters, LIST)? {
            if !found.iter().any(|known| known.document == other.document) {
                found.push(other);
            }
        }
        found.truncate(LIST as usize);
    }
    score_by_place(&mut found);
    Ok(full(found))
}

/// Where no words tell which is better, the order does.
fn score_by_place(found: &mut [Found]) {
    let count = found.len();
    for (place, hit) in found.iter_mut().enumerate() {
        #[expect(clippy::cast_precision_loss, reason = "at most a few hundred")]
        let score = (count - place) as f64 / count as f64;
        hit.score = score;
    }
}

fn full(found: Vec<Found>) -> Lexical {
    Lexical {
        is_full: found.len() >= LIST as usize,
        found,
    }
}

fn any<'a>(units: impl IntoIterator<Item = &'a Unit>) -> String {
    joined(units, " OR ")
}

fn all<'a>(units: impl IntoIterator<Item = &'a Unit>) -> String {
    joined(units, " AND ")
}

fn joined<'a>(units: impl IntoIterator<Item = &'a Unit>, by: &str) -> String {
    let parts: Vec<String> = units.into_iter().map(Unit::expression).collect();
    format!("({})", parts.join(by))
}

fn without(expression: String, excluded: &[Unit]) -> String {
    if excluded.is_empty() {
        return expression;
    }
    format!("({expression} NOT {})", any(excluded))
}

/// The place of each item in a list of documents, from 0, with its best score.
pub(super) fn by_item<S: BuildHasher + Default>(found: &[Found]) -> HashMap<Item, (usize, f64), S> {
    let mut places = HashMap::default();
    for hit in found {
        let next = places.len();
        places.entry(hit.item).or_insert((next, hit.score));
    }
    places
}
