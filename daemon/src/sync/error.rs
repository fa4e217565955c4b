//! What ends a run.

use lore_proto::{ErrorCode, WireError};

use crate::gitlab::GitLabError;
use crate::store::StoreError;

/// Why a run, or a part of it, could not go on.
#[derive(Debug, thiserror::Error)]
pub enum SyncError {
    /// The database refused.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// GitLab did not give what was asked for.
    #[error(transparent)]
    GitLab(#[from] GitLabError),
    /// Somebody ended the run.
    #[error("the run was cancelled")]
    Cancelled,
    /// An error that already has its form for clients.
    #[error(transparent)]
    Other(#[from] WireError),
}

impl SyncError {
    /// The stable name of the cause.
    pub fn code(&self) -> ErrorCode {
        match self {
            Self::Store(error) => error.code(),
            Self::GitLab(error) => error.code(),
            Self::Cancelled => ErrorCode::Cancelled,
            Self::Other(error) => error.code,
        }
    }

    /// Whether a failed request means that all others of the run will fail.
    pub(super) fn is_fatal(error: &GitLabError) -> bool {
        matches!(
            error.code(),
            ErrorCode::Cancelled | ErrorCode::GitlabUnauthorized | ErrorCode::TokenMissing
        )
    }

    /// Whether everything else that this run would ask would fail likewise.
    pub fn ends_the_run(&self) -> bool {
        match self {
            Self::Store(_) | Self::Cancelled | Self::Other(_) => true,
            Self::GitLab(error) => Self::is_fatal(error),
        }
    }

    /// The error as clients see it.
    pub fn to_wire(&self) -> WireError {
        match self {
            Self::Store(error) => error.to_wire(),
            Self::GitLab(error) => {
                WireError::new(error.code(), format!("{error}; {}", error.advice()))
                    .action("lore status")
            }
            Self::Cancelled => WireError::new(ErrorCode::Cancelled, self.to_string()),
            Self::Other(error) => error.clone(),
        }
    }
}
