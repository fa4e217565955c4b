//! Elements of list pages: which of them are news, and what is owed for them.

use jiff::Timestamp;
use rusqlite::Transaction;

use super::{Asked, is_stale, write_issue, write_merge_request};
use crate::gitlab::models::{Issue, MergeRequest};
use crate::store::items::{self, ItemCounters, StoredItem};
use crate::store::projects::ProjectRow;
use crate::store::{SourceType, Stage, Stages, StoreError, queue};

/// How far a list is trusted and how much is fetched for its elements.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ListMode {
    /// What changed: an element that the mirror has is passed over, unless its
    /// counters moved.
    Changes,
    /// Every element is compared again, without its dependents.
    Reconcile,
    /// Every element is owed in full.
    Everything,
}

/// What a list element was.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Listed {
    /// Not stored before.
    New,
    /// Newer than the stored one, or different from it.
    Changed,
    /// The mirror has it.
    Known,
}

/// Writes an issue as a list shows it; issue lists are not cached by GitLab,
/// so that their payload is the issue. `asked_at`: the start of the page's
/// request. `last_seen_at` is left alone.
pub fn listed_issue(
    tx: &Transaction<'_>,
    project: &ProjectRow,
    issue: &Issue,
    mode: ListMode,
    asked_at: Timestamp,
    now: Timestamp,
) -> Result<Listed, StoreError> {
    let stored = items::stored(tx, SourceType::Issue, project.id, issue.iid.0)?;
    let counters = ItemCounters {
        user_notes_count: issue.user_notes_count,
        upvotes: issue.upvotes,
        downvotes: issue.downvotes,
        labels: count(issue.labels.len()),
        merge_requests_count: issue.merge_requests_count,
    };
    let (listed, write) = judge(
        stored.as_ref(),
        issue.updated_at,
        counters,
        mode,
        Asked::at(asked_at, now),
    );
    let id = match (write, stored) {
        (false, Some(stored)) => stored.id,
        _ => write_issue(tx, project, issue)?,
    };
    if owes(listed, mode) {
        queue::mark(
            tx,
            project.id,
            SourceType::Issue,
            id,
            Stages::dependents_of(SourceType::Issue),
            issue.updated_at.as_millisecond(),
            now,
        )?;
    }
    Ok(listed)
}

/// Writes a merge request as a list shows it, and queues it to be fetched
/// alone: a list lacks `diff_refs`, and GitLab may serve one from a cache.
pub fn listed_merge_request(
    tx: &Transaction<'_>,
    project: &ProjectRow,
    merge_request: &MergeRequest,
    mode: ListMode,
    asked_at: Timestamp,
    now: Timestamp,
) -> Result<Listed, StoreError> {
    let source = SourceType::MergeRequest;
    let stored = items::stored(tx, source, project.id, merge_request.iid.0)?;
    let counters = ItemCounters {
        user_notes_count: merge_request.user_notes_count,
        upvotes: merge_request.upvotes,
        downvotes: merge_request.downvotes,
        labels: count(merge_request.labels.len()),
        merge_requests_count: 0,
    };
    let (listed, write) = judge(
        stored.as_ref(),
        merge_request.updated_at,
        counters,
        mode,
        Asked::at(asked_at, now),
    );
    let id = match (write, stored) {
        (false, Some(stored)) => stored.id,
        _ => write_merge_request(tx, project, merge_request, false)?,
    };
    let stages = if owes(listed, mode) {
        Stages::dependents_of(source).with(Stage::Item)
    } else if mode == ListMode::Reconcile {
        // The answer about one merge request is the only one that is never
        // cached and that has all its fields.
        Stages::of(&[Stage::Item, Stage::Diffs])
    } else {
        Stages::NONE
    };
    queue::mark(
        tx,
        project.id,
        source,
        id,
        stages,
        merge_request.updated_at.as_millisecond(),
        now,
    )?;
    Ok(listed)
}

fn owes(listed: Listed, mode: ListMode) -> bool {
    listed != Listed::Known || mode == ListMode::Everything
}

/// What an element is, and whether its payload is to be written.
fn judge(
    stored: Option<&StoredItem>,
    updated_at: Timestamp,
    counters: ItemCounters,
    mode: ListMode,
    asked: Asked,
) -> (Listed, bool) {
    let Some(stored) = stored else {
        return (Listed::New, true);
    };
    if is_stale(stored, updated_at, asked) {
        return (Listed::Known, false);
    }
    if stored.updated_at < updated_at.as_millisecond() || stored.counters != counters {
        return (Listed::Changed, true);
    }
    (Listed::Known, mode != ListMode::Changes)
}

fn count(len: usize) -> i64 {
    i64::try_from(len).unwrap_or(i64::MAX)
}
