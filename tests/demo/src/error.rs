//! What can keep the demo or the benchmark from going on.

use std::io;
use std::path::PathBuf;
use std::time::Duration;

/// Why it ended early.
#[derive(Debug, thiserror::Error)]
pub enum DemoError {
    /// A file, a pipe or a process could not be had.
    #[error("{doing}: {source}")]
    Io {
        /// What was tried: "starting `lore`".
        doing: String,
        /// The cause.
        source: io::Error,
    },
    /// The programs could not be built.
    #[error("`{command}` failed; what it wrote stands above")]
    Build {
        /// The command line.
        command: String,
    },
    /// A program is not where it should be.
    #[error("`{}` is not there; run `cargo build` first, or leave --programs out", path.display())]
    NoProgram {
        /// Where it was looked for.
        path: PathBuf,
    },
    /// A command ended with another status than 0.
    #[error("`{command}` ended with {status}")]
    Failed {
        /// The command line.
        command: String,
        /// How it ended.
        status: String,
    },
    /// A command took too long and was ended.
    #[error("`{command}` took longer than {} seconds and was ended", limit.as_secs())]
    TooLong {
        /// The command line.
        command: String,
        /// What it was allowed.
        limit: Duration,
    },
    /// An answer is not what the mirror should know by then.
    #[error("lore answered wrongly: {0}")]
    Wrong(String),
    /// The simulator refused a change.
    #[error("the simulated GitLab: {0}")]
    Upstream(#[from] gitlab_sim::upstream::UpstreamError),
    /// Ctrl+C, or a signal that means the same.
    #[error("interrupted")]
    Interrupted,
}

impl DemoError {
    /// An error of the system while `doing` something.
    pub fn io(doing: impl Into<String>) -> impl FnOnce(io::Error) -> Self {
        let doing = doing.into();
        move |source| Self::Io { doing, source }
    }
}
