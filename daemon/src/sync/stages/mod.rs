//! The last two stages of a run: documents, then their vectors.
//!
//! Each has two entries: what is due in a project, for a standard run, and
//! exactly what the caller names, for a surgical one.

pub(super) mod docs;

use super::{Engine, RunHandle};
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
