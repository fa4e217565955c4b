//! What was fetched becomes rows: all primaries in one transaction, then each
//! item's dependents in one of its own.

use std::collections::{BTreeMap, HashSet};
use std::time::Duration;

use lore_proto::ErrorCode;
use lore_proto::sync::{EntityChange, EntityStatus};
use rusqlite::Transaction;

use super::fetch::{Answers, Dependents, Primaries};
use super::preflight::STAGE;
use super::{Item, Run};
use crate::ingest::{self, Asked, Dependent, DependentWritten, Written, write_dependent};
use crate::store::dirty::{self, Marked};
use crate::store::items::{self, ItemSnapshot};
use crate::store::projects::ProjectRow;
use crate::store::rechecks::{self, Reason};
use crate::store::{Source, SourceType, Stage};
use crate::sync::fetch::{Answer, Primary};
use crate::sync::{SyncError, settle};

/// Of each item, its title and what changed in it.
pub(super) type Changes = Vec<(Item, String, Vec<EntityChange>)>;

/// What became of a primary.
pub(super) struct PrimaryWritten {
    id: i64,
    before: Option<ItemSnapshot>,
    /// What its document owes to this run.
    pub(super) marked: Option<Marked>,
}

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

    /// Writes all primaries, or none.
    pub(super) async fn write_primaries(
        &self,
        project: &ProjectRow,
        primaries: Primaries,
    ) -> Result<BTreeMap<Item, PrimaryWritten>, SyncError> {
        let (row, began) = (project.clone(), self.began);
        let written = self
            .write(move |tx| {
                let mut all = Vec::with_capacity(primaries.len());
                for (item, primary) in &primaries {
                    let before = items::stored(tx, item.source, row.id, item.iid)?
                        .map(|stored| items::snapshot(tx, item.source, stored.id))
                        .transpose()?;
                    let written = write_primary(tx, &row, primary, began)?;
                    let document = Source {
                        kind: item.source.into(),
                        id: written.id(),
                    };
                    let marked = if written.is_stale() {
                        None
                    } else {
                        dirty::marking(tx, document)?
                    };
                    all.push((*item, before, written, marked));
                }
                Ok(all)
            })
            .await?;
        let mut known = BTreeMap::new();
        for (item, before, outcome, marked) in written {
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
            let id = outcome.id();
            let primary = PrimaryWritten { id, before, marked };
            known.insert(item, primary);
        }
        Ok(known)
    }

    /// Writes each item's dependents. One that fails leaves the others alone.
    /// Gives what changed, and the threads whose documents are owed.
    pub(super) async fn write_dependents(
        &self,
        project: &ProjectRow,
        primaries: &BTreeMap<Item, PrimaryWritten>,
        mut dependents: Dependents,
    ) -> Result<(Changes, Vec<Marked>), SyncError> {
        let mut changes = Vec::with_capacity(primaries.len());
        let mut marked = Vec::new();
        for (item, primary) in primaries {
            let answers = dependents.remove(item).unwrap_or_default();
            self.report_failures(*item, &answers);
            let (row, item, id) = (project.clone(), *item, primary.id);
            let now = self.engine.clock().now();
            let outcome = self
                .write(move |tx| {
                    let ended = write_answers(tx, &row, item, id, &answers, now)?;
                    let after = items::snapshot(tx, item.source, id)?;
                    let threads = dirty::threads_of(tx, item.source, id)?;
                    Ok((ended, after, threads))
                })
                .await;
            match outcome {
                Ok((ended, after, threads)) => {
                    marked.extend(threads);
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
                    changes.push((item, after.title, seen));
                }
                Err(error @ SyncError::Cancelled) => return Err(error),
                Err(error) => self.ledger.entity(
                    item.source.entity(),
                    item.iid.unsigned_abs(),
                    "dependents",
                    EntityStatus::Failed,
                    Some((error.code(), error.to_string())),
                ),
            }
        }
        Ok((changes, marked))
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

fn write_primary(
    tx: &Transaction<'_>,
    project: &ProjectRow,
    primary: &Answer<Primary>,
    began: jiff::Timestamp,
) -> Result<Written, SyncError> {
    let asked = Asked {
        at: primary.started_at,
        not_after: began,
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
    now: jiff::Timestamp,
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
            answer.started_at,
            answer.started_at,
        )?;
        let stale = written == DependentWritten::Stale;
        if let DependentWritten::Stored(discussions) = written {
            ended.notes += discussions.notes;
        }
        ended.requests += u64::from(answer.requests);
        ended.fetched.push((stage, rows(&answer.value)));
        ended.stages.push((stage, stale));
    }
    remember(tx, project.id, item, id, answers, now)?;
    Ok(ended)
}

/// What the next standard run has to look at again: what could not be had, a
/// diff that is not computed yet, and answers read within GitLab's minute of
/// silence. None of it goes through the queue of standard runs.
fn remember(
    tx: &Transaction<'_>,
    project: i64,
    item: Item,
    id: i64,
    answers: &Answers,
    now: jiff::Timestamp,
) -> Result<(), SyncError> {
    let Item { source, iid } = item;
    if answers.failures.is_empty() {
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

impl ItemSnapshot {
    /// What a person would call changed since `before`.
    fn changes_since(&self, before: Option<&Self>) -> Vec<EntityChange> {
        let Some(before) = before else {
            return vec![change("new", None, None)];
        };
        let mut changes = Vec::new();
        for (what, from, to) in [
            ("title", Some(&before.title), Some(&self.title)),
            ("state", Some(&before.state), Some(&self.state)),
            ("head", before.head.as_ref(), self.head.as_ref()),
            (
                "milestone",
                before.milestone.as_ref(),
                self.milestone.as_ref(),
            ),
            ("status", before.status.as_ref(), self.status.as_ref()),
        ] {
            if from != to {
                changes.push(change(what, from.cloned(), to.cloned()));
            }
        }
        if before.draft != self.draft {
            let name = |draft: bool| Some(if draft { "draft" } else { "ready" }.to_owned());
            changes.push(change("draft", name(before.draft), name(self.draft)));
        }
        if before.description != self.description {
            changes.push(change("description", None, None));
        }
        for (what, from, to) in [
            ("labels", &before.labels, &self.labels),
            ("assignees", &before.assignees, &self.assignees),
            ("reviewers", &before.reviewers, &self.reviewers),
        ] {
            let (had, has): (HashSet<_>, HashSet<_>) = (from.iter().collect(), to.iter().collect());
            if had != has {
                changes.push(change(what, Some(from.join(", ")), Some(to.join(", "))));
            }
        }
        for (what, from, to) in [
            ("notes", before.notes, self.notes),
            ("threads_unresolved", before.unresolved, self.unresolved),
            ("file_changes", before.file_changes, self.file_changes),
            ("events", before.events, self.events),
        ] {
            if from != to {
                changes.push(change(what, Some(from.to_string()), Some(to.to_string())));
            }
        }
        changes
    }
}

fn change(what: &str, from: Option<String>, to: Option<String>) -> EntityChange {
    EntityChange {
        what: what.to_owned(),
        from,
        to,
    }
}
