//! What a walk found becomes rows.

use std::collections::BTreeSet;
use std::sync::Arc;

use lore_proto::ErrorCode;
use lore_proto::sync::EntityStatus;

use super::Walk;
use crate::gitlab::BrokenItem;
use crate::store::SourceType;
use crate::store::cursors::{self, Cursor};
use crate::store::rechecks::{self, Reason};
use crate::sync::SyncError;
use crate::sync::standard::page::{Doubtful, ListPage};

impl Walk<'_> {
    /// Writes a page and the cursor in one transaction.
    pub(super) async fn write(
        &mut self,
        mut list: ListPage,
        doubtful: &Doubtful,
        cursor: Cursor,
    ) -> Result<(), SyncError> {
        for (iid, at) in list.elements() {
            for (instant, iids) in &self.ties {
                if at > *instant && iids.contains(&iid) {
                    self.left.insert(*instant);
                }
            }
        }
        let seen = &mut self.seen;
        let mut fresh = BTreeSet::new();
        for (iid, at) in list.elements() {
            if seen.insert(iid, at) != Some(at) {
                fresh.insert(iid);
            }
        }
        list.retain(|iid, _| fresh.contains(&iid));
        let (source, mode) = (self.source, self.mode);
        let clock = Arc::clone(self.run.engine.clock());
        let project = self.project.clone();
        let again = doubtful.iids();
        let news = self
            .run
            .write(move |tx| {
                let now = clock.now();
                let news = list.write(tx, &project, mode, now)?;
                for iid in again {
                    rechecks::put_once(tx, project.id, source, iid, Reason::Broken, now, now)?;
                }
                cursors::save(tx, project.id, source, &cursor)?;
                Ok(news)
            })
            .await?;
        self.cursor = cursor;
        self.out.changed += news;
        self.report(&doubtful.broken, fresh.len() as u64, news);
        Ok(())
    }

    fn report(&self, broken: &[BrokenItem], fetched: u64, written: u64) {
        let ledger = &self.run.ledger;
        ledger.count(|counters| match self.source {
            SourceType::Issue => {
                counters.issues_fetched += fetched;
                counters.issues_ingested += written;
            }
            SourceType::MergeRequest => counters.mrs_fetched += fetched,
        });
        for element in broken {
            match element.iid {
                Some(iid) => ledger.entity(
                    self.source.entity(),
                    iid.0.unsigned_abs(),
                    "list",
                    EntityStatus::Failed,
                    Some((ErrorCode::GitlabBadPayload, element.reason.clone())),
                ),
                None => ledger.warn(
                    ErrorCode::GitlabBadPayload,
                    format!(
                        "an element of the list of {} could not be read: {}",
                        plural(self.source),
                        element.reason
                    ),
                ),
            }
        }
        ledger.progress(plural(self.source), self.seen.len() as u64, None);
    }
}

pub(super) fn plural(source: SourceType) -> &'static str {
    match source {
        SourceType::Issue => "issues",
        SourceType::MergeRequest => "merge_requests",
    }
}
