//! What the end-to-end tests stand on.
//!
//! [`Checker`] compares a mirror's tables with the state of the simulator that
//! it mirrors; [`Mirror`] is a simulator, a database and the sync engine
//! between them in one process, on one virtual clock; [`Home`] starts the real
//! `lored` as a process.

#![expect(
    clippy::expect_used,
    reason = "what is wrong with a test's own set-up ends the test"
)]

mod checker;
mod clock;
mod daemon;
mod mirror;

pub use checker::{COMPARED_TABLES, Checker, Differences, broken_invariants, not_compared};
pub use clock::SharedClock;
pub use daemon::{Connected, DaemonProcess, Home, eventually};
pub use mirror::{HOST, Mirror, MirrorBuilder, Outcome};
