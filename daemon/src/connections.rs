//! How many clients are connected, told by the one who lets them in.

use std::sync::Arc;

use tokio::sync::Semaphore;

/// Places for clients, some of them taken. Clones share them.
#[derive(Debug, Clone)]
pub struct Connections {
    free: Arc<Semaphore>,
    max: usize,
}

impl Connections {
    /// So many places, all free.
    pub(crate) fn new(max: usize) -> Self {
        Self {
            free: Arc::new(Semaphore::new(max)),
            max,
        }
    }

    /// How many clients are connected.
    pub fn count(&self) -> usize {
        self.max.saturating_sub(self.free.available_permits())
    }

    /// The places, for the one who gives them out.
    pub(crate) fn places(&self) -> &Arc<Semaphore> {
        &self.free
    }
}
