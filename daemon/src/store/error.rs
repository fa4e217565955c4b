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
    /// The file, or one that belongs to it, could not be moved aside.
    #[error(
        "the database cannot be moved aside for a new one (`{}`: {source}); it is tried again",
        path.display()
    )]
    Move {
        /// The file.
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
        "the database `{}` is damaged ({}); everything in it can be had from GitLab again: \
         `lore db rebuild` moves it aside and mirrors anew", path.display(), said(source)
    )]
    Damaged {
        /// The file.
        path: PathBuf,
        /// SQLite's words.
        source: rusqlite::Error,
    },
    /// There is no room for the copy that is made before a migration.
    #[error(
        "before its schema is changed, a copy of the database is made, which needs {needed} bytes \
         in `{}`, where {free} are free; nothing was changed", folder.display()
    )]
    NoRoom {
        /// The database's folder.
        folder: PathBuf,
        /// What the copy takes, in bytes.
        needed: u64,
        /// What is free there, in bytes.
        free: u64,
    },
    /// A copy was to go into a folder that is not there.
    #[error(
        "the folder `{}` is not there; make it first, or name a file elsewhere", folder.display()
    )]
    NoFolder {
        /// The folder.
        folder: PathBuf,
    },
    /// A file in the place of a copy, or one that must not be replaced.
    #[error("`{}` {reason}", path.display())]
    InTheWay {
        /// The file.
        path: PathBuf,
        /// Why it stays as it is.
        reason: &'static str,
    },
    /// Whoever asked gave up.
    #[error("cancelled; nothing was left behind")]
    Cancelled,
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
    #[error("the database is closed: the daemon is stopping, or the mirror is being rebuilt")]
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
            Self::Open { source, .. } | Self::Move { source, .. } => io_code(source),
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
            Self::NoRoom { .. } => ErrorCode::DiskFull,
            Self::InTheWay { .. } => ErrorCode::Usage,
            Self::NoFolder { .. } => ErrorCode::Io,
            Self::Cancelled => ErrorCode::Cancelled,
            Self::Closed => ErrorCode::DaemonUnavailable,
            Self::Panicked => ErrorCode::Internal,
        }
    }

    /// The error as clients see it, with what to do next.
    pub fn to_wire(&self) -> WireError {
        let code = self.code();
        let message = match (code, self) {
            // SQLite calls some of these an I/O error.
            (ErrorCode::DiskFull, Self::Sqlite(source)) => format!(
                "no space is left on the disk of the database ({}); what is stored is safe, and \
                 syncing goes on where it stopped once there is space",
                said(source)
            ),
            _ => self.to_string(),
        };
        let error = WireError::new(code, message);
        if matches!(self, Self::NoFolder { .. }) {
            // The message says it.
            return error;
        }
        let actions = cures(code).iter();
        actions.fold(error, |error, action| error.action(*action))
    }
}

/// Commands that show or mend what the database failed with.
pub(super) fn cures(code: ErrorCode) -> &'static [&'static str] {
    match code {
        ErrorCode::DatabaseCorrupt => &["lore db check", "lore db rebuild"],
        ErrorCode::DatabaseLocked => &["lore status"],
        ErrorCode::SchemaTooNew => &["lore --version", "lored --version"],
        ErrorCode::DaemonUnavailable => &["lore daemon start"],
        ErrorCode::DiskFull | ErrorCode::Io | ErrorCode::Database => &["lore doctor"],
        ErrorCode::Usage | ErrorCode::Cancelled => &[],
        _ => &["lore daemon logs"],
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

/// A file that an operation on `path` could not deal with.
pub(super) fn open_error(path: &std::path::Path) -> impl FnOnce(std::io::Error) -> StoreError {
    let path = path.to_path_buf();
    move |source| StoreError::Open { path, source }
}

/// SQLite's words without the statement, which tells a person nothing.
pub(super) fn said(error: &rusqlite::Error) -> String {
    match error {
        rusqlite::Error::SqlInputError { msg, .. } => msg.clone(),
        other => other.to_string(),
    }
}

fn sqlite_code(error: &rusqlite::Error) -> ErrorCode {
    // The index of the write-ahead log could not grow. SQLite calls that an
    // I/O error; a full disk is what causes it.
    if let rusqlite::Error::SqliteFailure(failure, _) = error
        && failure.extended_code == rusqlite::ffi::SQLITE_IOERR_SHMSIZE
    {
        return ErrorCode::DiskFull;
    }
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
