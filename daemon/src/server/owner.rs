//! Who may serve: the lock on the data folder, and private folders.

use std::fs::{DirBuilder, File, OpenOptions, TryLockError};
use std::io::{self, Read as _, Seek as _, Write as _};
use std::os::unix::fs::{
    DirBuilderExt as _, MetadataExt as _, OpenOptionsExt as _, PermissionsExt as _,
};
use std::path::{Path, PathBuf};

use lore_proto::{ErrorCode, WireError};
use serde_json::json;
use thiserror::Error;

use crate::config::shell_word;

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
                    .action("lore doctor")
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
    file: File,
}

impl Drop for OwnerLock {
    /// Closing the file alone would not do: the lock belongs to what was
    /// opened, and a program that this process is just starting holds that too
    /// until it runs.
    fn drop(&mut self) {
        if let Err(error) = self.file.unlock() {
            tracing::warn!(%error, "the lock of the data folder is let go of with the process");
        }
    }
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
            // On a file system that became read-only the lock that is there
            // still locks, and a daemon that says so is better than none.
            .or_else(|error| File::open(path).map_err(|_| error))
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
        Ok(Self { file })
    }
}

/// Makes `path` and what is missing above it, 0700, or checks that it is a
/// folder of this user's (or root's) that nobody else can write to. For
/// folders that hold other things too.
pub fn private_folder(path: &Path) -> Result<(), OwnerError> {
    let metadata = folder_at(path)?;
    let owner = metadata.uid();
    if owner != own_uid() && owner != 0 {
        return Err(not_safe(path, format!("belongs to user {owner}"), None));
    }
    writable_by_nobody_else(path, &metadata)
}

/// Makes `path` likewise, or checks that it is this user's and nobody else can
/// look into it. One that others can look into is closed where it holds
/// nothing but lore's own things; closing it may break what else is in there.
pub fn own_folder(path: &Path) -> Result<(), OwnerError> {
    let metadata = folder_at(path)?;
    let owner = metadata.uid();
    if owner != own_uid() {
        return Err(not_safe(path, format!("belongs to user {owner}"), None));
    }
    // What others could have put there is not to be trusted by closing it.
    writable_by_nobody_else(path, &metadata)?;
    let mode = metadata.mode() & 0o7777;
    if mode.trailing_zeros() >= 6 {
        return Ok(());
    }
    let entries =
        std::fs::read_dir(path).map_err(OwnerError::io("cannot read the folder", path))?;
    let foreign = entries.flatten().any(|entry| {
        let name = entry.file_name();
        let name = name.to_string_lossy();
        !name.starts_with("lore") && !OWN_NAMES.contains(&name.as_ref())
    });
    if foreign {
        let reason = format!("can be looked into by others (mode {mode:04o})");
        let cure = format!("chmod 700 {}", shell_word(&path.to_string_lossy()));
        return Err(not_safe(path, reason, Some(cure)));
    }
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o700))
        .map_err(OwnerError::io("cannot close to others the folder", path))
}

/// What lore puts into its folders, beside names that begin with `lore`.
const OWN_NAMES: [&str; 4] = ["start.lock", "logs", "tokens", "config.toml"];

/// The folder `path`, made where it is missing.
fn folder_at(path: &Path) -> Result<std::fs::Metadata, OwnerError> {
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
    if !metadata.is_dir() {
        return Err(not_safe(path, "is no folder".to_owned(), None));
    }
    Ok(metadata)
}

fn writable_by_nobody_else(path: &Path, metadata: &std::fs::Metadata) -> Result<(), OwnerError> {
    let mode = metadata.mode() & 0o7777;
    if mode & 0o022 == 0 {
        return Ok(());
    }
    let reason = format!("can be written by others (mode {mode:04o})");
    let cure = format!("chmod go-w {}", shell_word(&path.to_string_lossy()));
    Err(not_safe(path, reason, Some(cure)))
}

fn not_safe(path: &Path, reason: String, cure: Option<String>) -> OwnerError {
    let path = path.to_path_buf();
    OwnerError::Unsafe { path, reason, cure }
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
    fn a_child_that_is_being_started_does_not_keep_the_lock() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("lored.lock");
        let lock = OwnerLock::acquire(&path).unwrap();
        // What a child has between its start and its program.
        let inherited = lock.file.try_clone().unwrap();
        drop(lock);
        OwnerLock::acquire(&path).unwrap();
        drop(inherited);
    }

    #[test]
    fn a_folder_that_others_can_write_to_is_refused_with_the_cure() {
        let folder = tempfile::tempdir().unwrap();
        let made = folder.path().join("a/b");
        private_folder(&made).unwrap();
        assert_eq!(std::fs::metadata(&made).unwrap().mode() & 0o777, 0o700);
        std::fs::set_permissions(&made, std::fs::Permissions::from_mode(0o770)).unwrap();
        let error = private_folder(&made).unwrap_err().to_wire();
        assert_eq!(error.code, ErrorCode::Io);
        assert!(error.actions[0].starts_with("chmod go-w "), "{error:?}");
    }

    #[test]
    fn a_folder_that_others_can_look_into_is_closed_unless_more_is_in_it() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path();
        let open = || std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o755));
        let mode = || std::fs::metadata(path).unwrap().mode() & 0o777;
        std::fs::write(path.join("lore.db"), "").unwrap();
        open().unwrap();
        own_folder(path).unwrap();
        assert_eq!(mode(), 0o700);
        std::fs::write(path.join("thesis.tex"), "").unwrap();
        open().unwrap();
        let error = own_folder(path).unwrap_err().to_wire();
        assert!(error.actions[0].starts_with("chmod 700 "), "{error:?}");
        assert_eq!(mode(), 0o755);
        // For a folder that is not lore's alone this is well.
        private_folder(path).unwrap();
    }
}
