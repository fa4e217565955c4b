//! The best hits so far.

use std::cmp::Ordering;
use std::collections::BinaryHeap;

use super::Hit;

/// At most `k` hits; a better one drives the worst out.
pub(super) struct Best {
    k: usize,
    /// The worst on top.
    heap: BinaryHeap<Ranked>,
    threshold: f32,
}

/// Ordered so that the worse hit is the greater.
struct Ranked(Hit);

impl Best {
    pub(super) fn new(k: usize) -> Self {
        Self {
            k,
            heap: BinaryHeap::with_capacity(k),
            threshold: if k == 0 {
                f32::INFINITY
            } else {
                f32::NEG_INFINITY
            },
        }
    }

    /// Whatever is less similar need not be looked at.
    pub(super) fn threshold(&self) -> f32 {
        self.threshold
    }

    /// Whether `hit` is among the best so far.
    pub(super) fn admits(&self, hit: &Hit) -> bool {
        if self.heap.len() < self.k {
            return true;
        }
        let worst = self.heap.peek();
        worst.is_some_and(|worst| order(hit, &worst.0) == Ordering::Less)
    }

    /// Takes `hit` in; it has to be admitted.
    pub(super) fn put(&mut self, hit: Hit) {
        if self.heap.len() == self.k {
            self.heap.pop();
        }
        self.heap.push(Ranked(hit));
        if self.heap.len() == self.k
            && let Some(worst) = self.heap.peek()
        {
            self.threshold = worst.0.similarity;
        }
    }

    /// All of them, the best first.
    pub(super) fn into_sorted(self) -> Vec<Hit> {
        let sorted = self.heap.into_sorted_vec();
        sorted.into_iter().map(|ranked| ranked.0).collect()
    }
}

/// The more similar first, then the lower id.
fn order(a: &Hit, b: &Hit) -> Ordering {
    b.similarity.total_cmp(&a.similarity).then(a.id.cmp(&b.id))
}

impl Ord for Ranked {
    fn cmp(&self, other: &Self) -> Ordering {
        order(&self.0, &other.0)
    }
}

impl PartialOrd for Ranked {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Ranked {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl Eq for Ranked {}
