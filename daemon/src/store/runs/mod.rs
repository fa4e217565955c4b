//! `sync_runs` and `sync_run_entities`: the run ledger.
//!
//! [`record`] is what the one writer of a run's row does ([`crate::sync`]'s
//! recorder); [`read`] finds rows, [`listing`] pages of them, and [`result`]
//! makes of them what clients see. [`forget`] bounds them.

pub mod forget;
pub mod listing;
pub mod read;
pub mod record;
mod recovery;
pub mod result;

pub use listing::{ProjectScope, RunPosition, RunScope};
pub use read::RunRow;
pub use record::{End, Ending, EntityRow, NewRun, Progress, Trigger};
