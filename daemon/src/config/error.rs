//! Why a config cannot be used.

use std::path::{Path, PathBuf};

use lore_proto::{ErrorCode, WireError};
use serde_json::json;
use thiserror::Error;

/// Why a config cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum ConfigError {
    /// There is no such file.
    #[error("there is no config file `{}`; `lore init` writes one", path.display())]
    NotFound {
        /// The file.
        path: PathBuf,
    },
    /// The file is there and cannot be read.
    #[error("the config file `{}` cannot be read: {reason}", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// Why.
        reason: String,
    },
    /// The file was read and has a mistake.
    #[error("{}:{line}: {message}", path.display())]
    Invalid {
        /// The file.
        path: PathBuf,
        /// The line of the mistake, from 1.
        line: usize,
        /// What is wrong, and what would be right.
        message: String,
    },
}

impl ConfigError {
    /// The file that it is about.
    pub fn path(&self) -> &Path {
        match self {
            Self::NotFound { path }
            | Self::Unreadable { path, .. }
            | Self::Invalid { path, .. } => path,
        }
    }

    /// The error as it crosses the wire.
    pub fn to_wire(&self) -> WireError {
        let file = self.path().display().to_string();
        match self {
            Self::NotFound { .. } => WireError::new(ErrorCode::ConfigNotFound, self.to_string())
                .details(json!({ "file": file }))
                .action("lore init"),
            Self::Unreadable { reason, .. } => {
                WireError::new(ErrorCode::ConfigInvalid, self.to_string())
                    .details(json!({ "file": file, "reason": reason }))
                    .action(format!("ls -l {}", shell_word(&file)))
            }
            Self::Invalid { line, message, .. } => {
                WireError::new(ErrorCode::ConfigInvalid, self.to_string())
                    .details(json!({ "file": file, "line": line, "reason": message }))
                    .action(format!("${{EDITOR:-vi}} +{line} {}", shell_word(&file)))
                    .action("lore daemon reload")
            }
        }
    }
}

/// `word` as a POSIX shell reads it back unchanged.
pub(crate) fn shell_word(word: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "/._-+:@%".contains(c);
    if !word.is_empty() && word.chars().all(plain) {
        word.to_owned()
    } else {
        format!("'{}'", word.replace('\'', r"'\''"))
    }
}
