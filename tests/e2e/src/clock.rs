//! One virtual time for GitLab and for the machine that mirrors it.

use std::sync::Mutex;
use std::sync::PoisonError;

use gitlab_sim::VirtualClock;
use jiff::{SignedDuration, Timestamp};
use lore_daemon::clock::Clock;

/// The simulator's clock as the daemon reads it, off by a chosen amount: a
/// machine's clock is never exactly GitLab's.
#[derive(Debug)]
pub struct SharedClock {
    server: VirtualClock,
    off_by: Mutex<SignedDuration>,
}

impl SharedClock {
    /// The same time as `server`.
    pub fn new(server: VirtualClock) -> Self {
        Self {
            server,
            off_by: Mutex::new(SignedDuration::ZERO),
        }
    }

    /// From here on this machine's clock is ahead of GitLab's by this much;
    /// behind it where negative.
    pub fn set_off_by(&self, off_by: SignedDuration) {
        *self.off_by.lock().unwrap_or_else(PoisonError::into_inner) = off_by;
    }
}

impl Clock for SharedClock {
    fn now(&self) -> Timestamp {
        let off_by = *self.off_by.lock().unwrap_or_else(PoisonError::into_inner);
        Timestamp::from_microsecond(self.server.now().as_micros())
            .and_then(|now| now.checked_add(off_by))
            .unwrap_or(Timestamp::MAX)
    }
}
