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

use std::sync::LazyLock;

pub use error::{ErrorCode, WireError};
pub use jiff::Timestamp;

/// The version of the protocol that this build speaks. A client and a daemon
/// of different numbers refuse each other in the handshake
/// ([`methods::DaemonHello`]).
pub const PROTOCOL: u32 = 1;

/// The name of the schema that every robot document carries (contract §5).
pub const SCHEMA: &str = "lore/v1";

/// The version of this build.
pub const VERSION: &str = env!("CARGO_PKG_VERSION");

/// The commit that this build is of, where it was told: `1f3a9c0d2b4e`, with
/// `-dirty` behind it where more than the commit was built.
pub const COMMIT: Option<&str> = option_env!("LORE_BUILD_COMMIT");

/// What `--version` says behind a program's name.
pub fn this_build() -> &'static str {
    static SAID: LazyLock<String> = LazyLock::new(|| build_line(COMMIT));
    &SAID
}

fn build_line(commit: Option<&str>) -> String {
    let commit = commit.map_or_else(String::new, |commit| format!("commit {commit}, "));
    format!("{VERSION} ({commit}protocol {PROTOCOL})")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_build_says_its_version_its_commit_and_its_protocol() {
        assert_eq!(
            build_line(Some("1f3a9c0d2b4e")),
            format!("{VERSION} (commit 1f3a9c0d2b4e, protocol {PROTOCOL})")
        );
        assert_eq!(build_line(None), format!("{VERSION} (protocol {PROTOCOL})"));
        assert!(this_build().starts_with(VERSION));
    }
}
