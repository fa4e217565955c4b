//! Sync runs: the order of phases, locks, freshness, time budgets.
//!
//! [`Engine`] is what the outside holds. A standard run (`standard`) walks a
//! project's lists and drains what they owe; a [`surgical`] one asks for
//! exactly the named items. Everything that either asks for one item goes
//! through `fetch`, and everything that it learns is written by
//! [`crate::ingest`] under the sync lock of [`Locks`], one short transaction at
//! a time, never across the network.

mod engine;
mod error;
mod fetch;
mod hosts;
mod ledger;
mod locks;
pub mod recorder;
mod settle;
mod stages;
mod standard;
pub mod surgical;
mod waits;

pub use engine::{Engine, ProjectTarget, SyncWork};
pub use error::SyncError;
pub use hosts::Hosts;
pub use ledger::{Ledger, Publish, new_run_id};
pub use locks::{Guard, Lock, Locks};
pub use recorder::{NewRun, RunHandle, RunRecorder, Trigger};
pub use standard::first_sync_requests;
