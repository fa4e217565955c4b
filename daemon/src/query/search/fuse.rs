//! Two lists into one.
//!
//! Equal weights are the wrong default whatever the model: where a person
//! types what they mean, words alone are nearly always right, and meaning is a
//! second voice that finds what was said in other words. Both voices are taken
//! by their scores, not by their ranks: a score tells a clear first from one of
//! many alike, so that where one list is sure and the other is not, the sure
//! one decides. `lore-bench search-quality` has the figures: on the queries
//! that the constants were chosen with, no weight and softening of reciprocal
//! ranks did better on any set; on the others, both together are nowhere below
//! words alone, and above them on one set beyond doubt.

use std::collections::HashMap;

use super::Item;
use super::lexical::by_item;
use super::parse::Shape;
use crate::store::search_index::Found;

/// How much meaning counts in plain words and sentences, which were measured to
/// want the same.
const PLAIN: f64 = 0.3;
/// In a query of identifiers, quotes and prefixes: whoever types these wants
/// them.
const NAMES: f64 = 0.2;
/// In the search for what is like an item.
const LIKE: f64 = 0.5;

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
        } else {
            (PLAIN, "words first, meaning as a second voice")
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
    /// What its age took of the score; absent where age does not count.
    pub(super) recency: Option<f64>,
}

/// Both lists in one, the best first; ties are broken by the item, the newest
/// first, so that the order is the same every time.
pub(super) fn fuse(lexical: &[Found], semantic: &[Found], weight: Weight) -> Vec<Fused> {
    let lexical: HashMap<_, _> = by_item(lexical);
    let semantic: HashMap<_, _> = by_item(semantic);
    // BM25 has a zero, a word that is not there. Cosines have none: what the
    // last of the list has is what any text has.
    let words = Scale::between(0.0, lexical.values());
    let last = |least: f64, (_, score): &(usize, f64)| least.min(*score);
    let meaning = Scale::between(
        semantic.values().fold(f64::INFINITY, last),
        semantic.values(),
    );
    let mut fused: Vec<Fused> = lexical
        .keys()
        .chain(semantic.keys().filter(|item| !lexical.contains_key(item)))
        .map(|item| {
            let (lexical, semantic) = (lexical.get(item).copied(), semantic.get(item).copied());
            Fused {
                item: *item,
                score: (1.0 - weight.semantic) * words.of(lexical)
                    + weight.semantic * meaning.of(semantic),
                lexical,
                semantic,
                recency: None,
            }
        })
        .collect();
    sort(&mut fused);
    fused
}

/// The best first.
pub(super) fn sort(fused: &mut [Fused]) {
    fused.sort_by(|a, b| {
        b.score
            .total_cmp(&a.score)
            .then_with(|| b.item.cmp(&a.item))
    });
}

/// Scores of a list as numbers from 0 to 1.
#[derive(Debug, Clone, Copy)]
struct Scale {
    least: f64,
    most: f64,
}

impl Scale {
    fn between<'a>(least: f64, places: impl Iterator<Item = &'a (usize, f64)>) -> Self {
        let most = places.fold(least, |most, (_, score)| most.max(*score));
        Self { least, most }
    }

    /// 0 for what the list has not, 1 for its first.
    fn of(self, place: Option<(usize, f64)>) -> f64 {
        match place {
            None => 0.0,
            // All alike.
            Some(_) if self.most <= self.least => 1.0,
            Some((_, score)) => (score - self.least) / (self.most - self.least),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::{DocumentId, SourceType};

    fn list(scores: &[(i64, f64)]) -> Vec<Found> {
        let found = scores.iter().map(|(id, score)| Found {
            document: DocumentId(*id),
            item: (SourceType::Issue, *id),
            is_thread: false,
            score: *score,
        });
        found.collect()
    }

    fn order(fused: &[Fused]) -> Vec<i64> {
        fused.iter().map(|hit| hit.item.1).collect()
    }

    #[test]
    fn the_surer_list_decides() {
        let plain = Weight::of(Shape::default());
        // Words hardly tell 1 from 2; meaning does.
        let unsure = list(&[(1, 9.0), (2, 8.9), (3, 2.0)]);
        let nearest = list(&[(2, 0.9), (1, 0.5), (4, 0.4)]);
        assert_eq!(order(&fuse(&unsure, &nearest, plain))[0], 2);
        // Words are sure of 1.
        let sure = list(&[(1, 9.0), (2, 3.0)]);
        assert_eq!(order(&fuse(&sure, &nearest, plain))[0], 1);
    }

    #[test]
    fn one_list_alone_keeps_its_order_and_equals_have_a_fixed_one() {
        let words = list(&[(1, 3.0), (2, 2.0), (3, 1.0)]);
        assert_eq!(order(&fuse(&words, &[], Weight::words())), [1, 2, 3]);
        let alike = list(&[(1, 1.0), (2, 1.0)]);
        assert_eq!(order(&fuse(&alike, &[], Weight::words())), [2, 1]);
    }

    #[test]
    fn scores_are_from_0_to_1() {
        let words = list(&[(1, 30.0), (2, 0.1)]);
        let nearest = list(&[(1, -0.2), (3, -0.3)]);
        for hit in fuse(&words, &nearest, Weight::like()) {
            assert!((0.0..=1.0).contains(&hit.score), "{hit:?}");
        }
    }
}
