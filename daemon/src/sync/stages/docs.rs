//! Rows to documents, in short transactions under the sync lock.

use lore_proto::ErrorCode;

use super::super::{Guard, SyncError};
use super::Stage;
use crate::documents::{self, Regenerated};
use crate::store::dirty::{self, Marked};
use crate::store::{DocumentId, StoreError};

/// Sources that one transaction renders.
const BATCH: u32 = 100;

/// Renders everything that is due in the project. What cannot be rendered is a
/// warning and stays queued.
pub(in crate::sync) async fn due(stage: Stage<'_>) -> Result<(), SyncError> {
    let project = stage.project;
    let db = stage.engine.db();
    let total = db
        .read(move |connection| dirty::count(connection, project))
        .await?;
    let mut done = 0;
    loop {
        let batch = {
            let _guard = stage.lock_content().await?;
            let now = stage.engine.clock().now();
            db.write(move |tx| documents::regenerate_due(tx, project, now, BATCH))
                .await?
        };
        let Some(batch) = batch else {
            return Ok(());
        };
        stage.record(&batch);
        done += batch.looked_at;
        stage
            .ledger
            .progress("documents", done, Some(total.max(done)));
    }
}

/// Renders exactly these sources, in one transaction, and gives their
/// documents. Markings of other sources stay, and newer ones of these.
pub(in crate::sync) async fn exactly(
    stage: Stage<'_>,
    sources: Vec<Marked>,
) -> Result<Vec<DocumentId>, SyncError> {
    let _guard = stage.lock_content().await?;
    let now = stage.engine.clock().now();
    let done = stage
        .engine
        .db()
        .write(move |tx| -> Result<_, StoreError> { documents::regenerate(tx, &sources, now) })
        .await?;
    stage.record(&done);
    Ok(done.documents)
}

impl Stage<'_> {
    async fn lock_content(&self) -> Result<Guard, SyncError> {
        self.turn(&self.engine.sync_locks().sync).await
    }

    fn record(&self, done: &Regenerated) {
        self.ledger
            .count(|counters| counters.docs_regenerated += done.written);
        for (source, reason) in &done.failed {
            self.ledger.warn(
                ErrorCode::Internal,
                format!(
                    "the document of {} {} could not be made and will be tried again: {reason}",
                    source.kind.as_str(),
                    source.id
                ),
            );
        }
    }
}
