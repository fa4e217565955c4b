//! One lane's concurrency: how many requests at once, adapted to what the
//! server takes.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use tokio::sync::{Semaphore, SemaphorePermit};
use tokio::time::Instant;

use crate::gitlab::error::Failure;

pub(super) struct LaneGate {
    permits: Semaphore,
    max: usize,
    floor: usize,
    adapted: Mutex<Adapted>,
    in_flight: AtomicUsize,
}

struct Adapted {
    limit: usize,
    /// Permits to be withheld as they come back.
    debt: usize,
    successes: usize,
    halved_at: Option<Instant>,
}

impl LaneGate {
    pub(super) fn new(max: usize, floor: usize) -> Self {
        let max = max.min(Semaphore::MAX_PERMITS);
        Self {
            permits: Semaphore::new(max),
            max,
            floor,
            adapted: Mutex::new(Adapted {
                limit: max,
                debt: 0,
                successes: 0,
                halved_at: None,
            }),
            in_flight: AtomicUsize::new(0),
        }
    }

    /// Waits for a place in the lane, first come, first served.
    pub(super) async fn enter(&self) -> Result<LanePermit<'_>, Failure> {
        // The semaphore is never closed.
        let permit = self
            .permits
            .acquire()
            .await
            .map_err(|_| Failure::Cancelled)?;
        self.in_flight.fetch_add(1, Ordering::Relaxed);
        Ok(LanePermit {
            gate: self,
            permit: Some(permit),
        })
    }

    pub(super) fn in_flight(&self) -> usize {
        self.in_flight.load(Ordering::Relaxed)
    }

    pub(super) fn limit(&self) -> usize {
        self.adapted().limit
    }

    /// Halves the concurrency, once for all requests that were under way
    /// together.
    pub(super) fn overloaded(&self, started: Instant) {
        let mut adapted = self.adapted();
        if adapted.halved_at.is_some_and(|at| started <= at) {
            return;
        }
        let halved = (adapted.limit / 2).max(self.floor).min(adapted.limit);
        let cut = adapted.limit - halved;
        let taken = self.permits.forget_permits(cut);
        adapted.debt += cut - taken;
        adapted.limit = halved;
        adapted.successes = 0;
        adapted.halved_at = Some(Instant::now());
    }

    /// Raises the concurrency by one after as many successes as it is wide.
    pub(super) fn succeeded(&self) {
        let mut adapted = self.adapted();
        if adapted.limit >= self.max {
            return;
        }
        adapted.successes += 1;
        if adapted.successes >= adapted.limit {
            adapted.successes = 0;
            adapted.limit += 1;
            if adapted.debt > 0 {
                adapted.debt -= 1;
            } else {
                self.permits.add_permits(1);
            }
        }
    }

    fn adapted(&self) -> MutexGuard<'_, Adapted> {
        self.adapted.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A place in a lane; given back when dropped.
pub(super) struct LanePermit<'a> {
    gate: &'a LaneGate,
    permit: Option<SemaphorePermit<'a>>,
}

impl Drop for LanePermit<'_> {
    fn drop(&mut self) {
        self.gate.in_flight.fetch_sub(1, Ordering::Relaxed);
        let mut adapted = self.gate.adapted();
        if adapted.debt > 0 {
            adapted.debt -= 1;
            if let Some(permit) = self.permit.take() {
                permit.forget();
            }
        }
    }
}
