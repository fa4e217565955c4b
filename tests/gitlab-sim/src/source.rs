//! Upstreams made from recorded histories.

mod corpus;
mod git;

pub use corpus::load_corpus;
pub use git::load_git;

use std::collections::BTreeMap;
use std::path::PathBuf;

use crate::upstream::{Upstream, UserId};

/// A recorded history could not be read.
#[derive(Debug, thiserror::Error)]
pub enum SourceError {
    /// A file is missing or unreadable.
    #[error("cannot read {path}: {source}")]
    Read {
        /// The file.
        path: PathBuf,
        /// What the system says.
        source: std::io::Error,
    },
    /// A file is there, but not what it should be.
    #[error("{path}, line {line}: {problem}")]
    Format {
        /// The file.
        path: PathBuf,
        /// From 1; 0 for the file as a whole.
        line: usize,
        /// What is wrong.
        problem: String,
    },
    /// The program `git` failed or is not there.
    #[error("git {command} in {path} failed: {problem}")]
    Git {
        /// The subcommand.
        command: String,
        /// The repository.
        path: PathBuf,
        /// What it said.
        problem: String,
    },
    /// The upstream refused what was read.
    #[error(transparent)]
    Upstream(#[from] crate::upstream::UpstreamError),
}

/// Users by their names, made as they come up.
#[derive(Default)]
struct People {
    by_username: BTreeMap<String, UserId>,
}

impl People {
    fn id(&mut self, upstream: &mut Upstream, username: &str, name: &str) -> UserId {
        if let Some(id) = self.by_username.get(username) {
            return *id;
        }
        let id = upstream.add_user(username, name);
        self.by_username.insert(username.to_owned(), id);
        id
    }
}
