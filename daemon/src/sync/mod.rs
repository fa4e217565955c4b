//! Sync runs: the order of phases, locks, freshness, time budgets.

mod ledger;
pub mod recorder;

pub use ledger::{Ledger, Publish, new_run_id};
pub use recorder::{NewRun, RunHandle, RunRecorder, Trigger};
