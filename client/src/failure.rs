//! How a command ends when it does not end well.

use std::io;

use lore_proto::{ErrorCode, WireError};

/// Why a command stopped.
#[derive(Debug)]
pub(crate) enum Failure {
    /// Something to tell the person or the script about.
    Error(WireError),
    /// Whoever read stdout has gone (`lore … | head`). That is no failure:
    /// they have what they wanted, and there is nobody left to tell.
    ClosedPipe,
}

impl Failure {
    /// Words of the command line that do not fit.
    pub(crate) fn usage(message: impl Into<String>) -> Self {
        Self::Error(WireError::new(ErrorCode::Usage, message))
    }

    /// A write to stdout that failed.
    pub(crate) fn stdout(error: &io::Error) -> Self {
        if error.kind() == io::ErrorKind::BrokenPipe {
            Self::ClosedPipe
        } else {
            Self::Error(WireError::new(
                io_code(error),
                format!("could not write to stdout: {error}"),
            ))
        }
    }

    /// A file or folder that could not be read or written; `doing` says what
    /// was tried on it, as in "creating the folder `…`".
    pub(crate) fn io(doing: impl std::fmt::Display, error: &io::Error) -> Self {
        let message = format!("{doing}: {error}");
        Self::Error(WireError::new(io_code(error), message).action("lore doctor"))
    }
}

impl From<WireError> for Failure {
    fn from(error: WireError) -> Self {
        Self::Error(error)
    }
}

/// The code for a failed operation on this machine's files.
fn io_code(error: &io::Error) -> ErrorCode {
    match error.kind() {
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => ErrorCode::DiskFull,
        _ => ErrorCode::Io,
    }
}
