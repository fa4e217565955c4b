//! Whether GitLab takes the token.

use std::sync::{Mutex, MutexGuard, PoisonError};

use jiff::Timestamp;

use super::error::Failure;

/// A token that GitLab does not accept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Refusal {
    /// When it was refused first.
    pub since: Timestamp,
    /// When it was refused last.
    pub last: Timestamp,
}

/// What the answers said of the token so far.
#[derive(Default)]
pub(super) struct Acceptance {
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    refusal: Option<Refusal>,
    /// How often it was refused, ever.
    count: u64,
    /// GitLab's words at the last refusal.
    reason: String,
}

/// A moment between refusals.
#[derive(Clone, Copy)]
pub(super) struct Mark(u64);

impl Acceptance {
    /// Since when the token is refused.
    pub(super) fn refusal(&self) -> Option<Refusal> {
        self.state().refusal
    }

    /// Now, to tell what came after it.
    pub(super) fn mark(&self) -> Mark {
        Mark(self.state().count)
    }

    /// The failure that another request met after `mark`. Whatever waited for
    /// its turn meanwhile need not be sent.
    pub(super) fn refused_since(&self, mark: Mark) -> Option<Failure> {
        let state = self.state();
        (state.count != mark.0).then(|| Failure::Unauthorized {
            reason: state.reason.clone(),
        })
    }

    /// Notes a request that was refused.
    pub(super) fn refused(&self, reason: &str, now: Timestamp) {
        let mut state = self.state();
        state.refusal = Some(Refusal {
            since: state.refusal.map_or(now, |before| before.since),
            last: now,
        });
        state.count += 1;
        reason.clone_into(&mut state.reason);
    }

    /// Notes a request that was sent after `mark` and taken. It says nothing of
    /// a token that was refused meanwhile.
    pub(super) fn accepted(&self, mark: Mark) {
        let mut state = self.state();
        if state.count == mark.0 {
            state.refusal = None;
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_to_what_was_sent_before_a_refusal_does_not_undo_it() {
        let acceptance = Acceptance::default();
        let now = Timestamp::UNIX_EPOCH;
        let before = acceptance.mark();
        acceptance.refused("revoked", now);
        acceptance.accepted(before);
        assert!(acceptance.refusal().is_some());
        acceptance.accepted(acceptance.mark());
        assert_eq!(acceptance.refusal(), None);
    }
}
