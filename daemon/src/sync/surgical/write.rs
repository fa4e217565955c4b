//! What was fetched becomes rows: all primaries in one transaction, then each
//! item's dependents in one of its own.

use std::collections::BTreeMap;
use std::time::Duration;

use lore_proto::ErrorCode;
use lore_proto::sync::{EntityChange, EntityStatus};
use rusqlite::Transaction;

use super::answers::{Answers, Dependents, Primaries};
use super::preflight::STAGE;
use super::{Item, Reached, Run, Subject};
use crate::ingest::{self, Asked, Dependent, DependentWritten, Written, write_dependent};
use crate::store::dirty::{self, Marked};
use crate::store::items::{self, ItemSnapshot};
use crate::store::projects::{self, ProjectRow};
use crate::store::rechecks::{self, Reason};
use crate::store::{Source, SourceType, Stage};
use crate::sync::fetch::{Answer, Primary};
use crate::sync::{SyncError, settle};

/// What the dependents' transactions leave to the stages after them.
#[derive(Default)]
pub(super) struct DependentsWritten {
    pub(super) changes: Changes,
    /// What this run owes documents: its items and their threads.
    pub(super) marked: Vec<Marked>,
}

/// Of each item, its title and what changed in it.
pub(super) type Changes = Vec<(Item, String, Vec<EntityChange>)>;

/// The name of the stage that stands for all dependents of an item.
pub(super) const DEPENDENTS: &str = "dependents";

/// What became of a primary.
pub(super) struct PrimaryWritten {
    id: i64,
    before: Option<ItemSnapshot>,
    /// An earlier run could not get all of the item.
    owed_before: bool,
    /// It is new or has changed, which the next walk does not see any more.
    moved: bool,
    /// The mirror had something newer.
    stale: bool,
    /// What its document owes to this run.
    marked: Option<Marked>,
}

/// A surgical run takes the mirror at its word, whatever time it names: what is
/// skipped for it is reported, and the next standard run puts it right.
const NO_LIMIT: jiff::Timestamp = jiff::Timestamp::MAX;

/// How long a merge request may take to be prepared before it is looked at
/// again.
const PREPARING: Duration = Duration::from_secs(15);

impl Run {
    /// `--preflight-only`: each target was found and may be read.
    pub(super) fn report_checked(&self, primaries: &Primaries) {
        for (item, _) in primaries {
            self.primary_ended(*item, EntityStatus::Ok);
        }
    }

    /// Writes all primaries, or none; gives the project's row with them. Until
    /// its dependents are written too, each item is on the recheck list: a run
    /// that dies in between owes them.
    pub(super) async fn write_primaries(
        &self,
        subject: Subject,
        primaries: Primaries,
    ) -> Result<(ProjectRow, BTreeMap<Item, PrimaryWritten>), SyncError> {
        let (began, now) = (self.began, self.engine.clock().now());
        let (row, written) = self
            .write(move |tx| {
                let Subject { row, unseen, asked } = subject;
                let row = match unseen {
                    None => row,
                    Some(answer) => {
                        let (project, seen_at) = (&answer.value, answer.started_at);
                        projects::upsert(tx, &row.host, &asked, project, seen_at)?
                    }
                };
                let mut all = Vec::with_capacity(primaries.len());
                for (item, primary) in &primaries {
                    let stored = items::stored(tx, item.source, row.id, item.iid)?;
                    let updated_at = primary.value.updated_at().as_millisecond();
                    let moved = stored
                        .as_ref()
                        .is_none_or(|stored| stored.updated_at < updated_at);
                    let before = stored
                        .map(|stored| items::snapshot(tx, item.source, stored.id))
                        .transpose()?;
                    let owes = Reason::Incomplete;
                    let owed = rechecks::get(tx, row.id, item.source, item.iid, owes)?;
                    rechecks::put(tx, row.id, item.source, item.iid, owes, now, now)?;
                    let outcome = write_primary(tx, &row, primary, began)?;
                    let marked = if outcome.is_stale() {
                        None
                    } else {
                        dirty::marking(tx, document_of(*item, outcome.id()))?
                    };
                    all.push((*item, before, owed.is_some(), moved, outcome, marked));
                }
                Ok((row, all))
            })
            .await?;
        let mut known = BTreeMap::new();
        for (item, before, owed_before, moved, outcome, marked) in written {
            let status = if outcome.is_stale() {
                self.ledger.count(|counters| counters.skipped_stale += 1);
                EntityStatus::SkippedStale
            } else {
                self.ledger.count(|counters| match item.source {
                    SourceType::Issue => counters.issues_ingested += 1,
                    SourceType::MergeRequest => counters.mrs_ingested += 1,
                });
                EntityStatus::Ok
            };
            self.primary_ended(item, status);
            self.reached(item, Reached::Primary);
            let primary = PrimaryWritten {
                id: outcome.id(),
                before,
                owed_before,
                moved,
                stale: outcome.is_stale(),
                marked,
            };
            known.insert(item, primary);
        }
        Ok((row, known))
    }

    /// Writes each item's dependents. One that fails leaves the others alone.
    /// What they mark anew of the item's own document is this run's, too.
    pub(super) async fn write_dependents(
        &self,
        project: &ProjectRow,
        primaries: &BTreeMap<Item, PrimaryWritten>,
        mut dependents: Dependents,
    ) -> Result<DependentsWritten, SyncError> {
        let mut written = DependentsWritten::default();
        for (item, primary) in primaries {
            let answers = dependents.remove(item).unwrap_or_default();
            self.report_failures(*item, &answers);
            let (row, item, id) = (project.clone(), *item, primary.id);
            let now = self.engine.clock().now();
            let stale = primary.stale;
            let keeps_owing = (primary.owed_before || primary.moved) && !self.is_whole();
            let outcome = self
                .write(move |tx| {
                    let ended = write_answers(tx, &row, item, id, &answers)?;
                    remember(tx, row.id, item, id, &answers, keeps_owing, now)?;
                    let after = items::snapshot(tx, item.source, id)?;
                    let mut marked = dirty::threads_of(tx, item.source, id)?;
                    if !stale {
                        marked.extend(dirty::marking(tx, document_of(item, id))?);
                    }
                    Ok((ended, after, marked))
                })
                .await;
            match outcome {
                Ok((ended, after, marked)) => {
                    written.marked.extend(marked);
                    self.reached(item, Reached::End);
                    self.count_written(&ended);
                    for (stage, stale) in ended.stages {
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
                    let seen = after.changes_since(primary.before.as_ref());
                    written.changes.push((item, after.title, seen));
                }
                Err(error @ SyncError::Cancelled) => return Err(error),
                Err(error) => {
                    written.marked.extend(primary.marked);
                    self.ledger.entity(
                        item.source.entity(),
                        item.iid.unsigned_abs(),
                        DEPENDENTS,
                        EntityStatus::Failed,
                        Some((error.code(), error.to_string())),
                    );
                }
            }
        }
        Ok(written)
    }

    fn primary_ended(&self, item: Item, status: EntityStatus) {
        self.ledger.entity(
            item.source.entity(),
            item.iid.unsigned_abs(),
            STAGE,
            status,
            None,
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

fn document_of(item: Item, id: i64) -> Source {
    Source {
        kind: item.source.into(),
        id,
    }
}

fn write_primary(
    tx: &Transaction<'_>,
    project: &ProjectRow,
    primary: &Answer<Primary>,
    began: jiff::Timestamp,
) -> Result<Written, SyncError> {
    let asked = Asked {
        at: primary.started_at,
        not_after: began,
        not_beyond: NO_LIMIT,
    };
    Ok(match &primary.value {
        Primary::Issue(issue) => ingest::issue(tx, project, issue, asked)?,
        Primary::MergeRequest(payload) => ingest::merge_request(tx, project, payload, asked)?,
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
