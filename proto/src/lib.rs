//! The wire of lore: what `lored` and its clients say to each other.
//!
//! Requests and results are plain data with by-name JSON forms; nothing here
//! knows SQLite, GitLab, sockets or terminals. [`methods`] pairs each JSON-RPC
//! method with its parameters and its result, so that both ends agree by type.

pub mod auth;
pub mod daemon;
pub mod db;
pub mod doctor;
pub mod envelope;
pub mod error;
pub mod events;
pub mod file_history;
pub mod issues;
pub mod items;
pub mod jobs;
pub mod merge_requests;
pub mod methods;
pub mod openrpc;
pub mod places;
pub mod project;
pub mod search;
pub mod setup;
pub mod sync;
pub mod sync_runs;

pub use error::{ErrorCode, WireError};
pub use jiff::Timestamp;

/// The version of the protocol that this build speaks. A client and a daemon
/// of different numbers refuse each other in the handshake
/// ([`methods::DaemonHello`]).
pub const PROTOCOL: u32 = 1;

/// The name of the schema that every robot document carries (contract §5).
pub const SCHEMA: &str = "lore/v1";

/// The version of this build, with the commit where the build knew it.
pub const VERSION: &str = env!("CARGO_PKG_VERSION");
