//! All primaries become rows in one transaction.

use std::collections::BTreeMap;

use lore_proto::sync::EntityStatus;
use rusqlite::Transaction;

use super::answers::Primaries;
use super::preflight::STAGE;
use super::{Item, Reached, Run, Subject};
use crate::ingest::{self, Asked, Written};
use crate::store::dirty::{self, Marked};
use crate::store::items::{self, ItemSnapshot};
use crate::store::projects::{self, ProjectRow};
use crate::store::rechecks::{self, Reason};
use crate::store::{Source, SourceType};
use crate::sync::SyncError;
use crate::sync::fetch::{Answer, Primary};

/// What became of a primary.
pub(super) struct PrimaryWritten {
    pub(super) id: i64,
    pub(super) before: Option<ItemSnapshot>,
    /// An earlier run could not get all of the item.
    pub(super) owed_before: bool,
    /// It is new or has changed, which the next walk does not see any more.
    pub(super) moved: bool,
    /// The mirror had something newer.
    pub(super) stale: bool,
    /// What its document owes to this run.
    pub(super) marked: Option<Marked>,
}

/// A surgical run takes the mirror at its word, whatever time it names: what is
/// skipped for it is reported, and the next standard run puts it right.
pub(super) const NO_LIMIT: jiff::Timestamp = jiff::Timestamp::MAX;

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

    fn primary_ended(&self, item: Item, status: EntityStatus) {
        self.ledger.entity(
            item.source.entity(),
            item.iid.unsigned_abs(),
            STAGE,
            status,
            None,
        );
    }
}

pub(super) fn document_of(item: Item, id: i64) -> Source {
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
