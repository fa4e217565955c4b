//! The simulator's clock.

use std::sync::Arc;
use std::time::{Duration, Instant};

use parking_lot::Mutex;

use crate::Moment;

/// The server's time. Clones share one clock.
///
/// It stands still until it is advanced, so that a test decides what falls
/// inside a window of sixty seconds; [`VirtualClock::follow_real_time`] makes
/// it run, for a demonstration.
#[derive(Clone, Debug)]
pub struct VirtualClock {
    state: Arc<Mutex<State>>,
}

#[derive(Debug)]
struct State {
    base: Moment,
    running_since: Option<Instant>,
}

impl State {
    fn now(&self) -> Moment {
        self.running_since
            .map_or(self.base, |since| self.base + since.elapsed())
    }
}

impl VirtualClock {
    /// A clock that stands still at `now`.
    pub fn new(now: Moment) -> Self {
        Self {
            state: Arc::new(Mutex::new(State {
                base: now,
                running_since: None,
            })),
        }
    }

    /// The server's time.
    pub fn now(&self) -> Moment {
        self.state.lock().now()
    }

    /// Moves the clock forward and returns the new time.
    pub fn advance(&self, by: Duration) -> Moment {
        let mut state = self.state.lock();
        state.base = state.base + by;
        state.now()
    }

    /// Sets the clock. A running clock runs on from there.
    pub fn set(&self, now: Moment) {
        let mut state = self.state.lock();
        state.base = now;
        if state.running_since.is_some() {
            state.running_since = Some(Instant::now());
        }
    }

    /// Lets the clock run at the speed of real time from where it stands.
    pub fn follow_real_time(&self) {
        let mut state = self.state.lock();
        state.base = state.now();
        state.running_since = Some(Instant::now());
    }

    /// Stops the clock where it stands.
    pub fn stand_still(&self) {
        let mut state = self.state.lock();
        state.base = state.now();
        state.running_since = None;
    }
}
