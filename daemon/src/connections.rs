//! How many clients are connected, told by the one who lets them in.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// Places for clients, some of them taken. Clones share them.
#[derive(Debug, Clone, Default)]
pub struct Connections {
    taken: Arc<AtomicUsize>,
    ever: Arc<AtomicUsize>,
}

/// One client's place, which is free again once this is dropped.
#[derive(Debug)]
pub(crate) struct Place(Arc<AtomicUsize>);

impl Connections {
    /// How many clients are connected.
    pub fn count(&self) -> usize {
        self.taken.load(Ordering::Relaxed)
    }

    /// How many clients have come so far.
    pub fn ever(&self) -> usize {
        self.ever.load(Ordering::Relaxed)
    }

    /// One more has come; gives its number, from 1.
    pub(crate) fn another(&self) -> usize {
        self.ever.fetch_add(1, Ordering::Relaxed) + 1
    }

    /// A place, unless `max` are taken.
    pub(crate) fn enter(&self, max: usize) -> Option<Place> {
        let one_more = |taken| (taken < max).then_some(taken + 1);
        self.taken
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, one_more)
            .ok()
            .map(|_| Place(Arc::clone(&self.taken)))
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_is_free_again_once_its_client_has_gone() {
        let connections = Connections::default();
        let first = connections.enter(2).unwrap();
        let second = connections.enter(2).unwrap();
        assert!(connections.enter(2).is_none());
        // The number may change while clients are there.
        let third = connections.enter(3).unwrap();
        drop((first, second));
        assert!(connections.enter(1).is_none());
        drop(third);
        assert_eq!(connections.count(), 0);
    }
}
