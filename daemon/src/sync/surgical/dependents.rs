//! What was fetched of the items' dependents becomes rows, in short
//! transactions.

use std::collections::BTreeMap;
use std::time::Duration;

use lore_proto::ErrorCode;
use lore_proto::sync::{EntityChange, EntityStatus};
use rusqlite::Transaction;

use super::answers::{Answers, Dependents};
use super::write::{NO_LIMIT, PrimaryWritten, document_of};
use super::{Item, Reached, Run};
use crate::ingest::{Asked, Dependent, DependentWritten, write_dependent};
use crate::store::dirty::{self, Marked};
use crate::store::items::{self, ItemSnapshot};
use crate::store::projects::ProjectRow;
use crate::store::rechecks::{self, Reason};
use crate::store::{Stage, StoreError};
use crate::sync::{SyncError, settle};

/// The name of the stage that stands for all dependents of an item.
pub(super) const DEPENDENTS: &str = "dependents";

/// What the dependents' transactions leave to the stages after them.
#[derive(Default)]
pub(super) struct DependentsWritten {
    pub(super) changes: Changes,
    /// What this run owes documents: its items and their threads.
    pub(super) marked: Vec<Marked>,
}

/// Of each item, its title and what changed in it.
pub(super) type Changes = Vec<(Item, String, Vec<EntityChange>)>;

/// Rows that one transaction writes, unless a single item has more: about as
/// long as a page of a standard run takes.
const ROWS_AT_ONCE: u64 = 2_000;

/// How long a merge request may take to be prepared before it is looked at
/// again.
const PREPARING: Duration = Duration::from_secs(15);

/// An item whose dependents are to be written.
struct Pending {
    item: Item,
    id: i64,
    stale: bool,
    keeps_owing: bool,
    answers: Answers,
}

/// What became of one item's dependents.
struct Outcome {
    ended: Ended,
    after: ItemSnapshot,
    marked: Vec<Marked>,
}

impl Run {
    /// Writes the items' dependents. One that fails leaves the others alone.
    /// What they mark anew of the item's own document is this run's, too.
    pub(super) async fn write_dependents(
        &self,
        project: &ProjectRow,
        primaries: &BTreeMap<Item, PrimaryWritten>,
        mut dependents: Dependents,
    ) -> Result<DependentsWritten, SyncError> {
        let mut written = DependentsWritten::default();
        let mut waiting = primaries.iter().peekable();
        while waiting.peek().is_some() {
            let (mut batch, mut rows) = (Vec::new(), 0);
            while rows < ROWS_AT_ONCE
                && let Some((item, primary)) = waiting.next()
            {
                let answers = dependents.remove(item).unwrap_or_default();
                self.report_failures(*item, &answers);
                rows += answers.rows();
                batch.push(Pending {
                    item: *item,
                    id: primary.id,
                    stale: primary.stale,
                    keeps_owing: (primary.owed_before || primary.moved) && !self.is_whole(),
                    answers,
                });
            }
            let all: Vec<Item> = batch.iter().map(|pending| pending.item).collect();
            let (row, now) = (project.clone(), self.engine.clock().now());
            let outcomes = self
                .write(move |tx| {
                    let write = |pending| in_savepoint(tx, || write_one(tx, &row, pending, now));
                    batch.iter().map(write).collect::<Result<Vec<_>, _>>()
                })
                .await;
            match outcomes {
                Ok(outcomes) => {
                    for (item, outcome) in all.into_iter().zip(outcomes) {
                        self.dependents_ended(item, &primaries[&item], outcome, &mut written);
                    }
                }
                Err(SyncError::Cancelled) => return Err(SyncError::Cancelled),
                Err(error) => {
                    for item in all {
                        self.dependents_failed(item, &primaries[&item], &error, &mut written);
                    }
                }
            }
        }
        Ok(written)
    }

    fn dependents_ended(
        &self,
        item: Item,
        primary: &PrimaryWritten,
        outcome: Result<Outcome, SyncError>,
        written: &mut DependentsWritten,
    ) {
        let outcome = match outcome {
            Ok(outcome) => outcome,
            Err(error) => return self.dependents_failed(item, primary, &error, written),
        };
        written.marked.extend(outcome.marked);
        self.reached(item, Reached::End);
        self.count_written(&outcome.ended);
        for (stage, stale) in outcome.ended.stages {
            let status = if stale {
                EntityStatus::SkippedStale
            } else {
                EntityStatus::Ok
            };
            self.ledger.entity(
                item.source.entity(),
                item.iid.unsigned_abs(),
                stage.as_str(),
                status,
                None,
            );
        }
        let seen = outcome.after.changes_since(primary.before.as_ref());
        written.changes.push((item, outcome.after.title, seen));
    }

    fn dependents_failed(
        &self,
        item: Item,
        primary: &PrimaryWritten,
        error: &SyncError,
        written: &mut DependentsWritten,
    ) {
        written.marked.extend(primary.marked);
        self.ledger.entity(
            item.source.entity(),
            item.iid.unsigned_abs(),
            DEPENDENTS,
            EntityStatus::Failed,
            Some((error.code(), error.to_string())),
        );
    }

    fn report_failures(&self, item: Item, answers: &Answers) {
        for (stage, failure) in &answers.failures {
            let status = match failure.code() {
                ErrorCode::Timeout => EntityStatus::Timeout,
                _ => EntityStatus::Failed,
            };
            self.ledger.entity(
                item.source.entity(),
                item.iid.unsigned_abs(),
                stage.as_str(),
                status,
                Some((failure.code(), failure.message())),
            );
        }
    }

    fn count_written(&self, ended: &Ended) {
        self.ledger.count(|counters| {
            counters.notes_ingested += ended.notes;
            counters.skipped_stale +=
                ended.stages.iter().filter(|(_, stale)| *stale).count() as u64;
            counters.requests += ended.requests;
            for (stage, rows) in &ended.fetched {
                match stage {
                    Stage::Discussions => counters.discussions_fetched += rows,
                    Stage::StateEvents | Stage::LabelEvents | Stage::MilestoneEvents => {
                        counters.resource_events_fetched += rows;
                    }
                    Stage::Diffs => counters.mr_diffs_fetched += rows,
                    Stage::ClosesIssues => counters.closes_issues_fetched += rows,
                    Stage::Status => counters.statuses_enriched += rows,
                    Stage::Item => {}
                }
            }
        });
        if let Some(iid) = ended.cut {
            self.ledger.warn(
                ErrorCode::GitlabBadPayload,
                format!("GitLab cut the file list of !{iid}, and it could not be completed"),
            );
        }
    }
}

/// Does `work`, or undoes all of it where it fails. The outer error: SQLite has
/// given up the whole transaction, as it does when the disk is full.
fn in_savepoint<T>(
    tx: &Transaction<'_>,
    work: impl FnOnce() -> Result<T, SyncError>,
) -> Result<Result<T, SyncError>, SyncError> {
    let run = |sql: &str| -> Result<(), StoreError> {
        tx.prepare_cached(sql)?.execute([])?;
        Ok(())
    };
    run("SAVEPOINT item")?;
    match work() {
        Ok(done) => {
            run("RELEASE item")?;
            Ok(Ok(done))
        }
        Err(error) => {
            if tx.is_autocommit() {
                return Err(error);
            }
            run("ROLLBACK TO item")?;
            run("RELEASE item")?;
            Ok(Err(error))
        }
    }
}

fn write_one(
    tx: &Transaction<'_>,
    project: &ProjectRow,
    pending: &Pending,
    now: jiff::Timestamp,
) -> Result<Outcome, SyncError> {
    let Pending {
        item,
        id,
        stale,
        keeps_owing,
        answers,
    } = pending;
    let ended = write_answers(tx, project, *item, *id, answers)?;
    remember(tx, project.id, *item, *id, answers, *keeps_owing, now)?;
    let after = items::snapshot(tx, item.source, *id)?;
    let mut marked = dirty::threads_of(tx, item.source, *id)?;
    if !stale {
        marked.extend(dirty::marking(tx, document_of(*item, *id))?);
    }
    Ok(Outcome {
        ended,
        after,
        marked,
    })
}

/// What a transaction of one item's dependents did.
#[derive(Default)]
struct Ended {
    /// The stages written, and whether the mirror had something newer.
    stages: Vec<(Stage, bool)>,
    fetched: Vec<(Stage, u64)>,
    notes: u64,
    requests: u64,
    cut: Option<i64>,
}

fn write_answers(
    tx: &Transaction<'_>,
    project: &ProjectRow,
    item: Item,
    id: i64,
    answers: &Answers,
) -> Result<Ended, SyncError> {
    let mut ended = Ended::default();
    for answer in &answers.sets {
        let stage = answer.value.stage();
        if let Dependent::Diffs {
            complete: false, ..
        } = answer.value
        {
            ended.cut = Some(item.iid);
        }
        // A set of this run is never older than its own question.
        let written = write_dependent(
            tx,
            project,
            item.source,
            id,
            &answer.value,
            Asked {
                at: answer.started_at,
                not_after: answer.started_at,
                not_beyond: NO_LIMIT,
            },
        )?;
        let stale = written == DependentWritten::Stale;
        if let DependentWritten::Stored(discussions) = written {
            ended.notes += discussions.notes;
        }
        ended.requests += u64::from(answer.requests);
        ended.fetched.push((stage, rows(&answer.value)));
        ended.stages.push((stage, stale));
    }
    Ok(ended)
}

/// What the next standard run has to look at again: what could not be had, a
/// diff that is not computed yet, and answers read within GitLab's minute of
/// silence. None of it goes through the queue of standard runs. `keeps_owing`:
/// this run left out what an earlier one may owe.
fn remember(
    tx: &Transaction<'_>,
    project: i64,
    item: Item,
    id: i64,
    answers: &Answers,
    keeps_owing: bool,
    now: jiff::Timestamp,
) -> Result<(), SyncError> {
    let Item { source, iid } = item;
    if answers.failures.is_empty() && !keeps_owing {
        rechecks::remove(tx, project, source, iid, Reason::Incomplete)?;
    } else {
        rechecks::put(tx, project, source, iid, Reason::Incomplete, now, now)?;
    }
    rechecks::remove(tx, project, source, iid, Reason::Missing)?;
    if answers.unprepared {
        let due = now.checked_add(PREPARING).unwrap_or(now);
        rechecks::put_once(tx, project, source, iid, Reason::Unprepared, due, now)?;
    }
    let read_at = answers
        .sets
        .iter()
        .map(|answer| answer.server_date.unwrap_or(answer.started_at))
        .min();
    if let (Some(read_at), Some((_, updated_at))) = (read_at, items::iid_of(tx, source, id)?)
        && let Some(due) = settle::recheck_at(updated_at, read_at, now)
    {
        rechecks::put(tx, project, source, iid, Reason::Unsettled, due, now)?;
    }
    Ok(())
}

impl Answers {
    /// Rows that are to be written, about.
    fn rows(&self) -> u64 {
        self.sets.iter().map(|answer| rows(&answer.value)).sum()
    }
}

fn rows(dependent: &Dependent) -> u64 {
    let rows = match dependent {
        Dependent::Discussions(list) => list.len(),
        Dependent::StateEvents(list) => list.len(),
        Dependent::LabelEvents(list) => list.len(),
        Dependent::MilestoneEvents(list) => list.len(),
        Dependent::Diffs { files, .. } => files.as_ref().map_or(0, Vec::len),
        Dependent::ClosesIssues(list) => list.len(),
        Dependent::Status(status) => usize::from(status.status.is_some()),
    };
    rows as u64
}
