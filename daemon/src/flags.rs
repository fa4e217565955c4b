//! The words of the daemon's command line.

use std::path::PathBuf;

use clap::Parser;

/// Mirrors GitLab projects and answers `lore` over a local socket, until it
/// is told to stop. `lore` starts it by itself.
#[derive(Debug, Parser)]
#[command(name = "lored", version = lore_proto::this_build())]
pub(crate) struct Flags {
    /// The config file, as `LORE_CONFIG` names it
    #[arg(long, value_name = "FILE")]
    pub(crate) config: Option<PathBuf>,
    /// The socket to serve on, as `LORE_SOCKET` names it
    #[arg(long, value_name = "PATH")]
    pub(crate) socket: Option<PathBuf>,
    /// Log to stderr instead of the log file
    #[arg(long)]
    pub(crate) log_stderr: bool,
}
