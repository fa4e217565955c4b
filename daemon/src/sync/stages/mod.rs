//! The last two stages of a run: documents, then their vectors.
//!
//! Each has two entries: what is due in a project, for a standard run, and
//! exactly what the caller names, for a surgical one.

pub(super) mod docs;
pub(super) mod embed;
#[cfg(test)]
mod tests;

use super::{Engine, Guard, Lock, RunHandle, SyncError};
use crate::jobs::JobContext;

/// What the stages have of their run.
#[derive(Debug, Clone, Copy)]
pub(super) struct Stage<'a> {
    pub(super) engine: &'a Engine,
    pub(super) ledger: &'a RunHandle,
    pub(super) cx: &'a JobContext,
    /// This database's id of the run's project.
    pub(super) project: i64,
}

impl Stage<'_> {
    /// The next turn at a lock, unless the run was cancelled: a free lock is
    /// given without a look at that.
    async fn turn(&self, lock: &Lock) -> Result<Guard, SyncError> {
        if self.cx.cancel.is_cancelled() {
            return Err(SyncError::Cancelled);
        }
        let (priority, run) = (self.cx.priority(), self.ledger.run_id());
        lock.acquire(priority, run, &self.cx.cancel).await
    }
}
