//! What came back for an item of the queue, written in one transaction that
//! also takes it off the queue.

use std::time::Duration;

use jiff::Timestamp;
use rusqlite::Transaction;

use super::reconcile::DOUBT;
use super::task::{Fetched, Task, next_attempt};
use super::{SyncError, after};
use crate::ingest::{self, Asked, Dependent, DependentWritten, write_dependent};
use crate::store::projects::ProjectRow;
use crate::store::rechecks::{self, Reason};
use crate::store::{SourceType, Stage, items, queue};
use crate::sync::fetch::Primary;
use crate::sync::settle;

/// Looks at a merge request whose diff GitLab has not computed, 15 s, 30 s, …
/// apart; one that stays so is left until it moves.
const MAX_UNPREPARED: u32 = 10;

/// Writes an item's answers; the notes written, the sets that were stale, and
/// the iid where the file list stays cut.
pub(super) fn write_fetched(
    tx: &Transaction<'_>,
    project: &ProjectRow,
    fetched: &Fetched,
    now: Timestamp,
) -> Result<(u64, u64, Option<i64>), SyncError> {
    let Task { owed, iid, .. } = &fetched.task;
    let (source, id, iid) = (owed.source, owed.id, *iid);
    if items::iid_of(tx, source, id)?.is_none() {
        queue::remove(tx, source, id)?;
        return Ok((0, 0, None));
    }
    let (mut notes, mut stale, mut cut) = (0, 0, None);
    let mut done = fetched.absent;
    if let Some(primary) = &fetched.primary {
        let asked = Asked::at(primary.started_at, now);
        let written = match &primary.value {
            Primary::Issue(issue) => ingest::issue(tx, project, issue, asked)?,
            Primary::MergeRequest(payload) => ingest::merge_request(tx, project, payload, asked)?,
        };
        stale += u64::from(written.is_stale());
        done = done.with(Stage::Item);
    }
    for answer in &fetched.dependents {
        if let Dependent::Diffs {
            files: Some(_),
            complete: false,
            ..
        } = answer.value
        {
            cut = Some(iid);
        }
        let written = write_dependent(
            tx,
            project,
            source,
            id,
            &answer.value,
            Asked::at(answer.started_at, now),
        )?;
        match written {
            DependentWritten::Stored(discussions) => notes += discussions.notes,
            DependentWritten::Stale => stale += 1,
        }
        done = done.with(answer.value.stage());
    }
    if fetched.unprepared {
        done = done.with(Stage::Diffs);
        look_again_when_prepared(tx, project.id, iid, now)?;
    } else if done.has(Stage::Diffs) {
        rechecks::remove(tx, project.id, source, iid, Reason::Unprepared)?;
    }
    if fetched.is_missing() {
        // Nothing more is to be had of it until that is clear.
        queue::remove(tx, source, id)?;
        let due = after(now, DOUBT);
        rechecks::put_once(tx, project.id, source, iid, Reason::Missing, due, now)?;
        return Ok((notes, stale, cut));
    }
    queue::complete(tx, owed, done)?;
    if let Some((_, failure)) = fetched.failures.first() {
        let next = next_attempt(owed, now);
        queue::fail(tx, owed, failure.code(), &failure.message(), next)?;
    }
    settle_later(tx, project.id, fetched, now)?;
    Ok((notes, stale, cut))
}

/// Puts an item on the list again whose answers were read within GitLab's
/// minute of silence.
fn settle_later(
    tx: &Transaction<'_>,
    project: i64,
    fetched: &Fetched,
    now: Timestamp,
) -> Result<(), SyncError> {
    let Task { owed, iid, .. } = &fetched.task;
    let read_at = fetched
        .dependents
        .iter()
        .map(|answer| answer.server_date.unwrap_or(answer.started_at))
        .min();
    let (Some(read_at), Some((_, updated_at))) =
        (read_at, items::iid_of(tx, owed.source, owed.id)?)
    else {
        return Ok(());
    };
    if let Some(due) = settle::recheck_at(updated_at, read_at, now) {
        rechecks::put(tx, project, owed.source, *iid, Reason::Unsettled, due, now)?;
    }
    Ok(())
}

fn look_again_when_prepared(
    tx: &Transaction<'_>,
    project: i64,
    iid: i64,
    now: Timestamp,
) -> Result<(), SyncError> {
    let source = SourceType::MergeRequest;
    let wait = |attempts: u32| after(now, Duration::from_secs(15) * (1 << attempts.min(10)));
    let known = rechecks::get(tx, project, source, iid, Reason::Unprepared)?;
    match known {
        None => rechecks::put(tx, project, source, iid, Reason::Unprepared, wait(0), now)?,
        Some(recheck) if recheck.attempts >= MAX_UNPREPARED => {
            rechecks::remove(tx, project, source, iid, Reason::Unprepared)?;
        }
        Some(recheck) => rechecks::postpone(tx, project, &recheck, wait(recheck.attempts + 1))?,
    }
    Ok(())
}
