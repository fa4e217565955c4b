//! Sync requests and the result of a run, which is also the ledger's view.

mod names;
mod request;
mod run;

pub use names::{CompletionStatus, EntityStatus, EntityType, Phase, RunMode, RunStatus};
pub use request::{ProjectPlan, SyncPlan, SyncRequest, SyncStarted};
pub use run::{
    Counters, DependentFailure, EntityChange, EntityFailure, EntityOutcome, Requested, RunResult,
    StageTimings, SyncOutcome,
};
