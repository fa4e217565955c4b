//! One item of the queue: what fetching it takes, and what came back.

use std::time::Duration;

use jiff::Timestamp;

use super::after;
use crate::gitlab::MissingKind;
use crate::ingest::Dependent;
use crate::store::queue::Owed;
use crate::store::{LONGEST_WAIT, Stage, Stages};
use crate::sync::fetch::{Answer, Primary, StageFailure, StoredDiff};

/// The longest time between two background attempts at an item.
const MAX_WAIT: Duration = Duration::from_hours(6);
const _: () = assert!(MAX_WAIT.as_secs() < LONGEST_WAIT.as_secs());

/// When background runs try a failed item again: 30 s, 1 min, … 6 h.
pub(super) fn next_attempt(owed: &Owed, now: Timestamp) -> Timestamp {
    let wait = Duration::from_secs(30)
        .saturating_mul(1 << owed.attempts.min(10))
        .min(MAX_WAIT);
    after(now, wait)
}

/// One item of the queue with what fetching it takes.
#[derive(Clone)]
pub(super) struct Task {
    pub(super) owed: Owed,
    pub(super) iid: i64,
    pub(super) stored_diff: StoredDiff,
}

/// What came back for an item.
pub(super) struct Fetched {
    pub(super) task: Task,
    pub(super) primary: Option<Answer<Primary>>,
    pub(super) dependents: Vec<Answer<Dependent>>,
    pub(super) failures: Vec<(Stage, StageFailure)>,
    /// Stages that this instance does not have.
    pub(super) absent: Stages,
    /// GitLab has not computed the diff yet.
    pub(super) unprepared: bool,
}

impl Fetched {
    pub(super) fn take(&mut self, stage: Stage, answer: Result<Answer<Dependent>, StageFailure>) {
        match answer {
            Ok(answer) => self.dependents.push(answer),
            // An older version or another edition has no such route, or the
            // licence none of the feature: there is nothing to be had.
            Err(failure)
                if failure.missing() == Some(MissingKind::Route)
                    || matches!(&failure, StageFailure::GitLab(error) if error.is_licence_gate()) =>
            {
                self.absent = self.absent.with(stage);
            }
            Err(failure) => self.failures.push((stage, failure)),
        }
    }

    /// The item itself seems to be gone, by the answer to any of its parts.
    pub(super) fn is_missing(&self) -> bool {
        self.primary.is_none()
            && self.failures.iter().any(|(_, failure)| {
                matches!(
                    failure.missing(),
                    Some(MissingKind::Record | MissingKind::Unknown)
                )
            })
    }
}
