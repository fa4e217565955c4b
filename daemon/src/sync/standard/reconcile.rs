//! What no cursor shows: items that are gone, and children that changed
//! without moving their parent.

use std::collections::BTreeSet;
use std::time::Duration;

use jiff::Timestamp;

use super::walk::Walked;
use super::{Run, SyncError, after};
use crate::ingest::ListMode;
use crate::store::projects::{self, ProjectRow};
use crate::store::rechecks::{self, Reason};
use crate::store::{SourceType, Stage, Stages, items, queue};

/// An item that an enumeration lacks is asked for after this time; lists and
/// items may come from replicas that lag.
pub(super) const DOUBT: Duration = Duration::from_mins(3);

/// Whether all items of a project have to be enumerated again; after a clock
/// was set back, when the last time was is not known, and they have to.
pub(in crate::sync) fn is_due(project: &ProjectRow, now: Timestamp, every: Duration) -> bool {
    project
        .last_reconciled_at
        .is_some_and(|last| last > now || now >= after(last, every))
}

impl Run {
    /// Compares what was enumerated with what is stored, and queues the share
    /// of items whose children are to be looked at in full.
    pub(super) async fn reconcile(
        &self,
        project: &ProjectRow,
        walked: &Walked,
        mode: ListMode,
    ) -> Result<(), SyncError> {
        let now = self.now();
        for (source, seen) in &walked.enumerated {
            let (id, source, seen) = (project.id, *source, seen.clone());
            let missing = self
                .write(move |tx| {
                    let stored = items::iids(tx, source, id)?;
                    let absent: BTreeSet<i64> = stored.difference(&seen).copied().collect();
                    for iid in &absent {
                        let due = after(now, DOUBT);
                        rechecks::put_once(tx, id, source, *iid, Reason::Missing, due, now)?;
                    }
                    Ok(absent.len())
                })
                .await?;
            if missing > 0 {
                tracing::info!(
                    project = project.path,
                    source = source.as_str(),
                    missing,
                    "items are missing upstream; to be confirmed"
                );
            }
            if mode == ListMode::Reconcile {
                self.sweep(project, source, now).await?;
            }
        }
        // A list that the token may not read is no reason to enumerate the
        // other in every run.
        if walked.complete {
            let id = project.id;
            self.write(move |tx| Ok(projects::set_reconciled(tx, id, now)?))
                .await?;
        }
        Ok(())
    }

    /// Queues the items whose children were looked at longest ago: as many as
    /// bring everyone's turn within `children_sweep_days`.
    async fn sweep(
        &self,
        project: &ProjectRow,
        source: SourceType,
        now: Timestamp,
    ) -> Result<(), SyncError> {
        let since = project
            .last_reconciled_at
            .and_then(|last| Duration::try_from(now.duration_since(last)).ok())
            .unwrap_or_default()
            .max(self.settings.full_reconcile);
        let share = since.as_secs_f64() / self.settings.children_sweep.as_secs_f64().max(1.0);
        let id = project.id;
        self.write(move |tx| {
            let count = items::count(tx, source, id)?;
            // Both are far below 2^52; a part of an item counts as one.
            #[allow(
                clippy::cast_precision_loss,
                clippy::cast_possible_truncation,
                clippy::cast_sign_loss
            )]
            let quota = (count as f64 * share.min(1.0)).ceil() as u64;
            let stalest = items::stalest(tx, source, id, now, quota)?;
            let stages = Stages::dependents_of(source).with(Stage::Item);
            Ok(queue::mark_all(tx, id, source, &stalest, stages, now)?)
        })
        .await
    }
}
