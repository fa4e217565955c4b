//! How many clients are connected, told by the one who lets them in.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use tokio::sync::Semaphore;

/// Places for clients, some of them taken. Clones share them.
#[derive(Debug, Clone)]
pub struct Connections {
    free: Arc<Semaphore>,
    max: usize,
    ever: Arc<AtomicUsize>,
}

impl Connections {
    /// So many places, all free.
    pub(crate) fn new(max: usize) -> Self {
        Self {
            free: Arc::new(Semaphore::new(max)),
            max,
            ever: Arc::default(),
        }
    }

    /// How many clients are connected.
    pub fn count(&self) -> usize {
        self.max.saturating_sub(self.free.available_permits())
    }

    /// How many clients have come so far.
    pub fn ever(&self) -> usize {
        self.ever.load(Ordering::Relaxed)
    }

    /// One more has come; gives its number, from 1.
    pub(crate) fn another(&self) -> usize {
        self.ever.fetch_add(1, Ordering::Relaxed) + 1
    }

    /// The places, for the one who gives them out.
    pub(crate) fn places(&self) -> &Arc<Semaphore> {
        &self.free
    }
}
