//! What the end-to-end tests stand on.
//!
//! [`Checker`] compares a mirror's tables with the state of the simulator that
//! it mirrors; [`Mirror`] is a simulator, a database and the sync engine
//! between them in one process, on one virtual clock.

mod checker;
mod clock;
mod mirror;

pub use checker::{COMPARED_TABLES, Checker, Differences, broken_invariants, not_compared};
pub use clock::SharedClock;
pub use mirror::{HOST, Mirror, MirrorBuilder, Outcome};
