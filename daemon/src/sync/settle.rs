//! GitLab's throttled touch, and when an answer can be relied on.
//!
//! A note, a label or an assignee moves an item's `updated_at` only where that
//! is at least a minute old (gitlab-api.md §12.1). An answer fetched within
//! that minute may therefore miss a change that no cursor will ever show, so
//! such an item is looked at again once the minute is over.

use jiff::{SignedDuration, Timestamp};

/// GitLab's minute and some slack for replicas and background workers.
pub(super) const SETTLE: SignedDuration = SignedDuration::from_secs(75);

/// When, by this machine's clock, an item has to be looked at again; `None`
/// where its dependents are settled.
///
/// `updated_at`: the item's, by GitLab's clock. `fetched`: the earliest moment
/// at which GitLab may have read the dependents, by its clock. `now`: this
/// machine's clock.
pub(super) fn recheck_at(
    updated_at: Timestamp,
    fetched: Timestamp,
    now: Timestamp,
) -> Option<Timestamp> {
    let settled_at = updated_at.checked_add(SETTLE).ok()?;
    if fetched >= settled_at {
        return None;
    }
    // A clock or a time stamp that is far off must not postpone it for ever.
    let wait = fetched
        .until(settled_at)
        .ok()
        .and_then(|span| SignedDuration::try_from(span).ok())?
        .min(SETTLE);
    // GitLab's Date header has whole seconds.
    now.checked_add(wait + SignedDuration::from_secs(1)).ok()
}

/// Whether an answer that GitLab read at `fetched` holds everything that an item
/// with this `updated_at` tells of, both by GitLab's clock.
pub(super) fn is_settled(updated_at: Timestamp, fetched: Timestamp) -> bool {
    recheck_at(updated_at, fetched, fetched).is_none()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_second(1_700_000_000 + seconds).unwrap()
    }

    #[test]
    fn an_answer_a_minute_and_some_slack_after_the_change_is_settled() {
        assert_eq!(recheck_at(at(0), at(75), at(500)), None);
        assert_eq!(recheck_at(at(0), at(3600), at(0)), None);
    }

    #[test]
    fn an_earlier_one_is_repeated_when_the_minute_is_over_by_this_machines_clock() {
        assert_eq!(recheck_at(at(0), at(5), at(1000)), Some(at(1000 + 71)));
        assert_eq!(recheck_at(at(0), at(74), at(-50)), Some(at(-50 + 2)));
    }

    #[test]
    fn a_change_from_the_future_is_repeated_within_the_slack() {
        assert_eq!(recheck_at(at(9_999), at(0), at(0)), Some(at(76)));
    }
}
