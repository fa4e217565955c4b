//! From GitLab's payloads to rows, inside a transaction that is handed in.
//!
//! Every write of an item or of one of its dependents passes a guard here: an
//! answer to an older question never replaces an answer to a newer one. The
//! caller learns what happened and what is owed now; it holds the sync lock.

mod dependents;
mod listed;

use jiff::Timestamp;
use rusqlite::Transaction;

pub use dependents::{Dependent, DependentWritten, write_dependent};
pub use listed::{ListMode, Listed, listed_issue, listed_merge_request};

use crate::gitlab::models::{AppliedLabel, Issue, MergeRequest, Milestone};
use crate::store::people::{Part, set_people};
use crate::store::projects::ProjectRow;
use crate::store::{SourceType, StoreError, issues, items, labels, merge_requests};

/// What became of an item's payload.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Written {
    /// The item was not stored before; its id in this database.
    New(i64),
    /// The stored item was replaced; its id in this database.
    Updated(i64),
    /// The stored item is newer; its id in this database.
    Stale(i64),
}

impl Written {
    /// The item's id in this database.
    pub fn id(self) -> i64 {
        match self {
            Self::New(id) | Self::Updated(id) | Self::Stale(id) => id,
        }
    }

    /// Whether the payload was left out.
    pub fn is_stale(self) -> bool {
        matches!(self, Self::Stale(_))
    }
}

/// When a full payload was asked for, by this machine's clock.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Asked {
    /// The start of the request: what `last_seen_at` becomes.
    pub at: Timestamp,
    /// A stored payload of the same `updated_at` that was asked for after this
    /// instant is not replaced. A run gives its own beginning, so that its own
    /// writes never make it stale.
    pub not_after: Timestamp,
    /// A stored time beyond this one guards nothing: it was taken from a clock
    /// that has been set back since.
    pub not_beyond: Timestamp,
}

/// How far GitLab's clock may be ahead of this machine's, in milliseconds.
const CLOCK_SKEW: i64 = 24 * 60 * 60 * 1_000;

impl Asked {
    /// The guard of a single request, whose answer is written at `now`.
    pub fn at(at: Timestamp, now: Timestamp) -> Self {
        Self {
            at,
            not_after: at,
            not_beyond: now,
        }
    }

    /// The latest that GitLab's clock may be, in milliseconds.
    fn clock_limit(self) -> i64 {
        self.not_beyond.as_millisecond().saturating_add(CLOCK_SKEW)
    }

    /// Whether what is stored was asked for later, in milliseconds.
    fn is_older_than(self, stored: i64) -> bool {
        (self.not_after.as_millisecond() + 1..=self.not_beyond.as_millisecond()).contains(&stored)
    }
}

/// Writes the full payload of one issue, unless the mirror has something newer.
pub fn issue(
    tx: &Transaction<'_>,
    project: &ProjectRow,
    issue: &Issue,
    asked: Asked,
) -> Result<Written, StoreError> {
    let stored = items::stored(tx, SourceType::Issue, project.id, issue.iid.0)?;
    if let Some(stored) = &stored
        && is_stale(stored, issue.updated_at, asked)
    {
        return Ok(Written::Stale(stored.id));
    }
    let id = write_issue(tx, project, issue)?;
    items::set_last_seen(tx, SourceType::Issue, id, asked.at)?;
    Ok(match stored {
        None => Written::New(id),
        Some(_) => Written::Updated(id),
    })
}

/// Writes the full payload of one merge request, unless the mirror has
/// something newer.
pub fn merge_request(
    tx: &Transaction<'_>,
    project: &ProjectRow,
    merge_request: &MergeRequest,
    asked: Asked,
) -> Result<Written, StoreError> {
    let stored = items::stored(
        tx,
        SourceType::MergeRequest,
        project.id,
        merge_request.iid.0,
    )?;
    if let Some(stored) = &stored
        && is_stale(stored, merge_request.updated_at, asked)
    {
        return Ok(Written::Stale(stored.id));
    }
    let id = write_merge_request(tx, project, merge_request, true)?;
    items::set_last_seen(tx, SourceType::MergeRequest, id, asked.at)?;
    Ok(match stored {
        None => Written::New(id),
        Some(_) => Written::Updated(id),
    })
}

/// The guard against older answers: GitLab's time of the last change decides,
/// and where it is the same, the time of asking.
fn is_stale(stored: &items::StoredItem, updated_at: Timestamp, asked: Asked) -> bool {
    match stored.updated_at.cmp(&updated_at.as_millisecond()) {
        // A time that has not come yet is no time of a change: GitLab's clock
        // was wrong once, and must not keep its later answers out.
        std::cmp::Ordering::Greater if stored.updated_at > asked.clock_limit() => false,
        std::cmp::Ordering::Greater => true,
        std::cmp::Ordering::Less => false,
        std::cmp::Ordering::Equal => stored
            .last_seen_at
            .is_some_and(|seen| asked.is_older_than(seen)),
    }
}

fn write_issue(
    tx: &Transaction<'_>,
    project: &ProjectRow,
    issue: &Issue,
) -> Result<i64, StoreError> {
    let milestone = milestone(tx, project, issue.milestone.as_ref())?;
    let id = issues::upsert(tx, project, issue, milestone)?;
    labels(tx, project, SourceType::Issue, id, &issue.labels)?;
    set_people(tx, &project.host, Part::IssueAssignee, id, &issue.assignees)?;
    Ok(id)
}

fn write_merge_request(
    tx: &Transaction<'_>,
    project: &ProjectRow,
    payload: &MergeRequest,
    is_full: bool,
) -> Result<i64, StoreError> {
    let milestone = milestone(tx, project, payload.milestone.as_ref())?;
    let id = merge_requests::upsert(tx, project, payload, milestone, is_full)?;
    labels(tx, project, SourceType::MergeRequest, id, &payload.labels)?;
    set_people(
        tx,
        &project.host,
        Part::MergeRequestAssignee,
        id,
        &payload.assignees,
    )?;
    set_people(
        tx,
        &project.host,
        Part::MergeRequestReviewer,
        id,
        &payload.reviewers,
    )?;
    Ok(id)
}

fn milestone(
    tx: &Transaction<'_>,
    project: &ProjectRow,
    milestone: Option<&Milestone>,
) -> Result<Option<i64>, StoreError> {
    milestone
        .map(|milestone| labels::upsert_milestone(tx, project.id, milestone))
        .transpose()
}

fn labels(
    tx: &Transaction<'_>,
    project: &ProjectRow,
    source: SourceType,
    id: i64,
    applied: &[AppliedLabel],
) -> Result<(), StoreError> {
    labels::set_labels(tx, project.id, source, id, applied)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stale(stored: &str, seen: &str, answer: &str) -> bool {
        let at = |time: &str| time.parse::<Timestamp>().unwrap();
        let stored = items::StoredItem {
            id: 1,
            updated_at: at(stored).as_millisecond(),
            last_seen_at: Some(at(seen).as_millisecond()),
            counters: items::ItemCounters::default(),
        };
        let asked = Asked::at(at("2026-11-21T12:00:00Z"), at("2026-11-21T12:00:05Z"));
        is_stale(&stored, at(answer), asked)
    }

    #[test]
    fn the_later_change_stays_and_of_one_change_what_was_asked_for_later() {
        let (noon, before) = ("2026-11-21T12:00:00Z", "2026-11-21T11:00:00Z");
        assert!(stale(noon, before, before));
        assert!(!stale(before, before, noon));
        assert!(stale(before, "2026-11-21T12:00:03Z", before));
        assert!(!stale(before, before, before));
        // GitLab's clock may be ahead of this one.
        assert!(stale("2026-11-21T18:00:00Z", before, noon));
    }

    #[test]
    fn a_change_in_the_future_does_not_keep_later_answers_out() {
        let before = "2026-11-21T11:00:00Z";
        assert!(!stale("2030-01-01T00:00:00Z", before, before));
    }
}
