//! The request budget that GitLab announces, and how background work is
//! spread over what is left of it.

use std::time::Duration;

use jiff::Timestamp;
use tokio::time::Instant;

use crate::gitlab::answer::RateHeaders;

/// The longest that a budget is believed to last.
const LONGEST_WINDOW: Duration = Duration::from_hours(1);

#[derive(Debug, Clone, Copy)]
pub(super) struct Quota {
    pub(super) limit: u64,
    pub(super) remaining: u64,
    /// By the server's clock.
    pub(super) reset_at: Timestamp,
    reset: Instant,
}

/// How background requests follow each other.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Spacing {
    /// From one to the next.
    pub(super) until_next: Duration,
    /// Nothing is left but what interactive work may need.
    pub(super) reserved_only: bool,
}

impl Quota {
    /// The budget in an answer of `date` (by the server's clock) that arrived
    /// at `now`.
    pub(super) fn new(rate: RateHeaders, date: Timestamp, now: Instant) -> Self {
        let ahead = Duration::try_from(rate.reset_at.duration_since(date)).unwrap_or_default();
        Self {
            limit: rate.limit,
            remaining: rate.remaining,
            reset_at: rate.reset_at,
            reset: now + ahead.min(LONGEST_WINDOW),
        }
    }

    /// Answers arrive out of order: within a window the smaller number left
    /// is the later one, and an earlier window is history.
    pub(super) fn merge(self, seen: Self) -> Self {
        match seen.reset_at.cmp(&self.reset_at) {
            std::cmp::Ordering::Less => self,
            std::cmp::Ordering::Greater => seen,
            std::cmp::Ordering::Equal => Self {
                remaining: seen.remaining.min(self.remaining),
                ..seen
            },
        }
    }

    /// Whether the window has ended, so that nothing is known any more.
    pub(super) fn is_over(&self, now: Instant) -> bool {
        now >= self.reset
    }

    /// How to space background requests; `None` above a tenth of the limit.
    /// A fiftieth (at least one request) is kept for interactive work.
    pub(super) fn background_spacing(&self, now: Instant) -> Option<Spacing> {
        if self.remaining.saturating_mul(10) >= self.limit {
            return None;
        }
        let left = self.reset.saturating_duration_since(now);
        let reserve = (self.limit / 50).max(1);
        let usable = u32::try_from(self.remaining.saturating_sub(reserve)).unwrap_or(u32::MAX);
        Some(match usable {
            0 => Spacing {
                until_next: left,
                reserved_only: true,
            },
            usable => Spacing {
                until_next: left / usable,
                reserved_only: false,
            },
        })
    }
}
