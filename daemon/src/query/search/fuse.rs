//! Two lists into one.
//!
//! Equal weights are the wrong default whatever the model: where a person
//! types an identifier or a few exact words, words alone are nearly always
//! right, and where they describe something, the nearest in meaning find what
//! was said in other words. So the weight follows the query. The figures
//! behind the constants come from `examples/search_quality.rs`.

use std::collections::HashMap;

use super::Item;
use super::lexical::by_item;
use super::parse::Shape;
use crate::store::search_index::Found;

/// Softens the difference between the first places of reciprocal ranks.
const SOFTENING: f64 = 20.0;
/// Of a query that is a sentence.
const SENTENCE: f64 = 0.45;
/// Of a few plain words.
const KEYWORDS: f64 = 0.3;
/// Of a query with identifiers, for the share of its words that are such.
const NAMES: f64 = 0.1;
/// Of the search for what is like an item.
const LIKE: f64 = 0.5;
/// Words from which on a query describes something.
const DESCRIBES: usize = 6;

/// How much meaning counts against words, from 0 to 1, and why.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Weight {
    pub(super) semantic: f64,
    pub(super) reason: &'static str,
}

impl Weight {
    /// For a query of this shape.
    pub(super) fn of(shape: Shape) -> Self {
        let (semantic, reason) = if shape.quoted || shape.prefixed {
            (NAMES, "quotes and prefixes ask for words")
        } else if shape.names > 0 && 2 * shape.names >= shape.words {
            (NAMES, "identifiers and numbers ask for words")
        } else if shape.words >= DESCRIBES || shape.stop_words >= 2 {
            (SENTENCE, "a sentence asks for a meaning")
        } else {
            (KEYWORDS, "a few words ask mostly for themselves")
        };
        Self { semantic, reason }
    }

    /// For the nearest to an item.
    pub(super) fn like() -> Self {
        Self {
            semantic: LIKE,
            reason: "likeness is mostly one of meaning",
        }
    }

    /// For words alone.
    pub(super) fn words() -> Self {
        Self {
            semantic: 0.0,
            reason: "searched by words alone",
        }
    }

    /// For meaning alone.
    pub(super) fn meaning() -> Self {
        Self {
            semantic: 1.0,
            reason: "searched by meaning alone",
        }
    }
}

/// An item in the fused list.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Fused {
    pub(super) item: Item,
    /// From 0 to 1: 1 for the first of both lists.
    pub(super) score: f64,
    /// Its place in each list from 0, and the score there.
    pub(super) lexical: Option<(usize, f64)>,
    pub(super) semantic: Option<(usize, f64)>,
}

/// Both lists in one, the best first; ties are broken by the item, the newest
/// first, so that the order is the same every time.
pub(super) fn fuse(lexical: &[Found], semantic: &[Found], weight: Weight) -> Vec<Fused> {
    let lexical: HashMap<_, _> = by_item(lexical);
    let semantic: HashMap<_, _> = by_item(semantic);
    let mut fused: Vec<Fused> = lexical
        .keys()
        .chain(semantic.keys().filter(|item| !lexical.contains_key(item)))
        .map(|item| {
            let (lexical, semantic) = (lexical.get(item).copied(), semantic.get(item).copied());
            let part =
                |place: Option<(usize, f64)>| place.map_or(0.0, |(place, _)| reciprocal(place));
            Fused {
                item: *item,
                score: (1.0 - weight.semantic) * part(lexical) + weight.semantic * part(semantic),
                lexical,
                semantic,
            }
        })
        .collect();
    fused.sort_by(|a, b| {
        b.score
            .total_cmp(&a.score)
            .then_with(|| b.item.cmp(&a.item))
    });
    fused
}

/// 1 for the first place, less for each that follows.
#[expect(clippy::cast_precision_loss, reason = "places of short lists")]
fn reciprocal(place: usize) -> f64 {
    SOFTENING / (SOFTENING + place as f64)
}
