//! Who may serve: the lock on the data folder, and private folders.

use std::fs::{DirBuilder, File, OpenOptions, TryLockError};
use std::io::{self, Read as _, Seek as _, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, MetadataExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

use lore_proto::{ErrorCode, WireError};
use serde_json::json;
use thiserror::Error;

/// Why this process cannot serve from its places.
#[derive(Debug, Error)]
pub enum OwnerError {
    /// Another process holds the lock of the data folder.
    #[error("another lored{} owns `{}` already", pid.map(|pid| format!(" (process {pid})")).unwrap_or_default(), data_dir.display())]
    Owned {
        /// The data folder.
        data_dir: PathBuf,
        /// The other process, where it is known.
        pid: Option<u32>,
    },
    /// A folder that others can write to, or that belongs to somebody else.
    #[error("the folder `{}` {reason}, so what lies in it cannot be trusted", path.display())]
    Unsafe {
        /// The folder.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
        /// The command that cures it, where one does.
        cure: Option<String>,
    },
    /// The system refused.
    #[error("{doing} `{}`: {source}", path.display())]
    Io {
        /// What was tried: "cannot make the folder".
        doing: &'static str,
        /// With what.
        path: PathBuf,
        /// The cause.
        source: io::Error,
    },
}

impl OwnerError {
    /// The error as a person meets it.
    pub fn to_wire(&self) -> WireError {
        match self {
            Self::Owned { pid, .. } => WireError::new(ErrorCode::DatabaseLocked, self.to_string())
                .details(json!({ "pid": pid }))
                .action("lore daemon status"),
            Self::Unsafe { path, cure, .. } => {
                let error = WireError::new(ErrorCode::Io, self.to_string())
                    .details(json!({ "path": path.display().to_string() }));
                match cure {
                    Some(cure) => error.action(cure),
                    None => error,
                }
            }
            Self::Io { path, source, .. } => {
                let code = match source.kind() {
                    io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => {
                        ErrorCode::DiskFull
                    }
                    _ => ErrorCode::Io,
                };
                WireError::new(code, self.to_string())
                    .details(json!({ "path": path.display().to_string() }))
            }
        }
    }

    pub(super) fn io(doing: &'static str, path: &Path) -> impl FnOnce(io::Error) -> Self {
        let path = path.to_path_buf();
        move |source| Self::Io {
            doing,
            path,
            source,
        }
    }
}

/// The OS lock that says: this process owns the data folder. The system lets
/// go of it when the process ends, however it ends. The file is never removed,
/// since whoever holds the lock of a removed file holds nothing.
#[derive(Debug)]
pub struct OwnerLock {
    _file: File,
}

impl OwnerLock {
    /// Takes the lock `path`, or says who has it.
    pub fn acquire(path: &Path) -> Result<Self, OwnerError> {
        let mut file = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .mode(0o600)
            .open(path)
            .map_err(OwnerError::io("cannot open the lock", path))?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                let mut pid = String::new();
                // Only for the message: a pid in a file may be of the past.
                let _ = file.take(16).read_to_string(&mut pid);
                let data_dir = path.parent().unwrap_or(path).to_path_buf();
                let pid = pid.trim().parse().ok();
                return Err(OwnerError::Owned { data_dir, pid });
            }
            Err(TryLockError::Error(source)) => {
                return Err(OwnerError::io("cannot take the lock", path)(source));
            }
        }
        let note = |file: &mut File| -> io::Result<()> {
            file.set_len(0)?;
            file.rewind()?;
            writeln!(file, "{}", std::process::id())
        };
        // On a full disk the lock still holds; only messages say less.
        if let Err(error) = note(&mut file) {
            tracing::warn!(%error, "the process id could not be written into the lock");
        }
        Ok(Self { _file: file })
    }
}

/// Makes `path` and what is missing above it, 0700, or checks that it is a
/// folder of this user's (or root's) that nobody else can write to.
pub fn private_folder(path: &Path) -> Result<(), OwnerError> {
    let metadata = match std::fs::metadata(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            DirBuilder::new()
                .recursive(true)
                .mode(0o700)
                .create(path)
                .map_err(OwnerError::io("cannot make the folder", path))?;
            std::fs::metadata(path)
        }
        found => found,
    };
    let metadata = metadata.map_err(OwnerError::io("cannot look at the folder", path))?;
    let unsafe_because = |reason: String, cure| {
        let path = path.to_path_buf();
        Err(OwnerError::Unsafe { path, reason, cure })
    };
    if !metadata.is_dir() {
        return unsafe_because("is no folder".to_owned(), None);
    }
    let owner = metadata.uid();
    if owner != own_uid() && owner != 0 {
        return unsafe_because(format!("belongs to user {owner}"), None);
    }
    if metadata.mode() & 0o022 != 0 {
        let reason = format!(
            "can be written by others (mode {:04o})",
            metadata.mode() & 0o7777
        );
        return unsafe_because(reason, Some(format!("chmod go-w '{}'", path.display())));
    }
    Ok(())
}

/// The user that this process acts as.
pub(super) fn own_uid() -> u32 {
    rustix::process::geteuid().as_raw()
}

/// Whether a peer that acts as `peer` may talk to a daemon of `own`: the same
/// user, and root, who can do anything anyway. An unknown one may not.
pub(super) fn may_talk(peer: Option<u32>, own: u32) -> bool {
    peer.is_some_and(|peer| peer == own || peer == 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_same_user_and_root_may_talk() {
        assert!(may_talk(Some(1000), 1000));
        assert!(may_talk(Some(0), 1000));
        assert!(!may_talk(Some(1001), 1000));
        assert!(!may_talk(None, 1000));
        assert!(!may_talk(Some(1000), 0));
    }

    #[test]
    fn one_process_owns_a_data_folder_at_a_time() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("lored.lock");
        let first = OwnerLock::acquire(&path).unwrap();
        let refused = OwnerLock::acquire(&path).unwrap_err();
        let own = Some(std::process::id());
        assert!(
            matches!(refused, OwnerError::Owned { pid, .. } if pid == own),
            "{refused}"
        );
        assert_eq!(refused.to_wire().code, ErrorCode::DatabaseLocked);
        drop(first);
        OwnerLock::acquire(&path).unwrap();
        assert_eq!(std::fs::metadata(&path).unwrap().mode() & 0o777, 0o600);
    }

    #[test]
    fn a_folder_that_others_can_write_to_is_refused_with_the_cure() {
        use std::os::unix::fs::PermissionsExt as _;
        let folder = tempfile::tempdir().unwrap();
        let made = folder.path().join("a/b");
        private_folder(&made).unwrap();
        assert_eq!(std::fs::metadata(&made).unwrap().mode() & 0o777, 0o700);
        std::fs::set_permissions(&made, std::fs::Permissions::from_mode(0o770)).unwrap();
        let error = private_folder(&made).unwrap_err().to_wire();
        assert_eq!(error.code, ErrorCode::Io);
        assert!(error.actions[0].starts_with("chmod go-w "), "{error:?}");
    }
}
