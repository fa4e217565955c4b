//! What can go wrong with the database.

use std::path::PathBuf;

use lore_proto::{ErrorCode, WireError};
use rusqlite::ErrorCode as Sqlite;

/// Why the database did not do as it was told.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The file or its folder could not be opened.
    #[error("cannot open the database `{}`: {source}", path.display())]
    Open {
        /// The database file.
        path: PathBuf,
        /// The cause.
        source: std::io::Error,
    },
    /// A newer lore has written this database.
    #[error(
        "the database has schema version {found}, and this lored knows versions up to {known}: \
         install the newer lore that wrote it; nothing was changed"
    )]
    SchemaTooNew {
        /// The database's `user_version`.
        found: u32,
        /// The newest that this build knows.
        known: u32,
    },
    /// The file is an SQLite database of another program.
    #[error("`{}` is a database of another program (application id {found:#x})", path.display())]
    NotOurs {
        /// The file.
        path: PathBuf,
        /// Its application id.
        found: i32,
    },
    /// The file is damaged, or no database at all.
    #[error(
        "the database `{}` is damaged ({}); everything in it can be had from GitLab again: move \
         it aside and sync", path.display(), said(source)
    )]
    Damaged {
        /// The file.
        path: PathBuf,
        /// SQLite's words.
        source: rusqlite::Error,
    },
    /// A migration failed; the database is as it was before it.
    #[error("migration {version} ({name}) failed: {source}")]
    Migration {
        /// Its number.
        version: u32,
        /// Its name.
        name: &'static str,
        /// The cause.
        source: rusqlite::Error,
    },
    /// SQLite refused.
    #[error("{}", said(.0))]
    Sqlite(#[from] rusqlite::Error),
    /// No reader became free in time.
    #[error("no database reader became free: {0}")]
    Pool(#[from] r2d2::Error),
    /// Stored data do not have the form that this build wrote.
    #[error("the database holds an unreadable {what}: {why}")]
    Unreadable {
        /// What was read.
        what: &'static str,
        /// What is wrong with it.
        why: String,
    },
    /// The database is being closed.
    #[error("the database is closed; the daemon is stopping")]
    Closed,
    /// A closure panicked; its transaction was rolled back.
    #[error("a database task panicked; nothing of it was written")]
    Panicked,
}

impl StoreError {
    /// Tells which file it is where SQLite calls the one at `path` damaged.
    pub(super) fn at(self, path: &std::path::Path) -> Self {
        match self {
            Self::Sqlite(source) if sqlite_code(&source) == ErrorCode::DatabaseCorrupt => {
                Self::Damaged {
                    path: path.to_path_buf(),
                    source,
                }
            }
            other => other,
        }
    }

    /// The stable name of the cause.
    pub fn code(&self) -> ErrorCode {
        match self {
            Self::Open { source, .. } => io_code(source),
            Self::SchemaTooNew { .. } => ErrorCode::SchemaTooNew,
            Self::Damaged { .. } => ErrorCode::DatabaseCorrupt,
            Self::NotOurs { .. } | Self::Unreadable { .. } => ErrorCode::Database,
            Self::Migration { source, .. } => match sqlite_code(source) {
                code @ (ErrorCode::DiskFull
                | ErrorCode::Io
                | ErrorCode::DatabaseCorrupt
                | ErrorCode::DatabaseLocked) => code,
                _ => ErrorCode::MigrationFailed,
            },
            Self::Sqlite(source) => sqlite_code(source),
            Self::Pool(_) => ErrorCode::DatabaseLocked,
            Self::Closed => ErrorCode::DaemonUnavailable,
            Self::Panicked => ErrorCode::Internal,
        }
    }

    /// The error as clients see it, with what to do next.
    pub fn to_wire(&self) -> WireError {
        let code = self.code();
        let error = WireError::new(code, self.to_string());
        if let Self::Damaged { path, .. } = self {
            let path = path.to_string_lossy();
            let aside = format!("{path}.damaged");
            let error = error.action("lore daemon stop");
            return match shlex::try_join(["mv", path.as_ref(), aside.as_str()]) {
                Ok(command) => error.action(command).action("lore sync"),
                Err(_) => error,
            };
        }
        match code {
            ErrorCode::DatabaseLocked => error.action("lore status"),
            ErrorCode::SchemaTooNew => error.action("lore --version").action("lored --version"),
            ErrorCode::DaemonUnavailable => error.action("lore daemon start"),
            _ => error.action("lore daemon logs"),
        }
    }
}

impl From<StoreError> for WireError {
    fn from(error: StoreError) -> Self {
        error.to_wire()
    }
}

/// The stable name of an I/O error's cause.
fn io_code(error: &std::io::Error) -> ErrorCode {
    match error.kind() {
        std::io::ErrorKind::StorageFull | std::io::ErrorKind::QuotaExceeded => ErrorCode::DiskFull,
        _ => ErrorCode::Io,
    }
}

/// SQLite's words without the statement, which tells a person nothing.
fn said(error: &rusqlite::Error) -> String {
    match error {
        rusqlite::Error::SqlInputError { msg, .. } => msg.clone(),
        other => other.to_string(),
    }
}

fn sqlite_code(error: &rusqlite::Error) -> ErrorCode {
    match error.sqlite_error_code() {
        Some(Sqlite::DiskFull) => ErrorCode::DiskFull,
        Some(Sqlite::DatabaseCorrupt | Sqlite::NotADatabase) => ErrorCode::DatabaseCorrupt,
        Some(Sqlite::DatabaseBusy | Sqlite::DatabaseLocked) => ErrorCode::DatabaseLocked,
        Some(
            Sqlite::SystemIoFailure
            | Sqlite::CannotOpen
            | Sqlite::ReadOnly
            | Sqlite::PermissionDenied,
        ) => ErrorCode::Io,
        _ => ErrorCode::Database,
    }
}
