//! Copies of the database, made while it is in use.

use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::time::Duration;

use rusqlite::backup::{Backup, StepResult};
use rusqlite::{Connection, OpenFlags};

use super::error::open_error;
use super::private_file::create_private;
use super::{StoreError, migrations};
use crate::files::temporary_beside;

/// Pages a step: a few milliseconds, after which progress is told and a wish
/// to cancel is heard.
const STEP: i32 = 512;
/// The pause after a step that met another process's lock.
const BUSY_PAUSE: Duration = Duration::from_millis(50);
/// Such steps in a row until it is given up.
const MAX_BUSY: u32 = 100;

/// Less free space than this, in bytes, is about to be none.
pub const NONE_LEFT: u64 = 16 << 20;

/// A finished copy.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Copied {
    /// Its length in bytes.
    pub bytes: u64,
    /// The version of its schema.
    pub schema_version: u32,
}

/// Copies the database `from` as it is now to the file `to`, which appears
/// whole or not at all, 0600. Writers go on meanwhile and are not in the copy.
/// `progress` is told the pages done and of how many, and may end it. Blocks.
///
/// # Errors
/// There is a file already and `force` is not set, or the copy fails; then
/// nothing is left behind.
pub fn copy(
    from: &Path,
    to: &Path,
    force: bool,
    progress: impl FnMut(u64, u64) -> ControlFlow<()>,
) -> Result<Copied, StoreError> {
    refuse(from, to, force)?;
    let source = Connection::open_with_flags(
        from,
        OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX,
    )?;
    source.busy_timeout(Duration::from_secs(5))?;
    // One state of the database from the first page to the last: without it,
    // each write of the daemon would begin the copy anew.
    source.execute_batch("BEGIN; SELECT count(*) FROM sqlite_schema;")?;
    let temporary = temporary_beside(to);
    let copied = into_file(&source, &temporary, progress)
        .and_then(|copied| put_in_place(&temporary, to, force).map(|()| copied));
    if copied.is_err() {
        remove(&temporary);
    }
    copied
}

/// The copy that is made before the schema changes: beside the database, named
/// after the version. It replaces those of earlier versions.
pub(super) fn before_migration(
    connection: &Connection,
    path: &Path,
    version: u32,
) -> Result<PathBuf, StoreError> {
    let folder = path.parent().unwrap_or(Path::new("."));
    let pages: u64 = connection.pragma_query_value(None, "page_count", |row| row.get(0))?;
    let page: u64 = connection.pragma_query_value(None, "page_size", |row| row.get(0))?;
    let needed = pages.saturating_mul(page);
    // The migration itself may need as much again for its log.
    if let Some(free) = free_space(folder)
        && free < needed.saturating_mul(2)
    {
        let folder = folder.to_path_buf();
        return Err(StoreError::NoRoom {
            folder,
            needed,
            free,
        });
    }
    let to = named(path, version);
    let temporary = temporary_beside(&to);
    let copied = into_file(connection, &temporary, |_, _| ControlFlow::Continue(()))
        .and_then(|_| std::fs::rename(&temporary, &to).map_err(open_error(&to)));
    if let Err(error) = copied {
        remove(&temporary);
        return Err(error);
    }
    for earlier in 1..version {
        remove(&named(path, earlier));
    }
    Ok(to)
}

/// How much this user may still write to the file system of `folder`, in
/// bytes; none where the system does not say.
pub fn free_space(folder: &Path) -> Option<u64> {
    let stat = rustix::fs::statvfs(folder).ok()?;
    Some(stat.f_bavail.saturating_mul(stat.f_frsize))
}

/// What must not be replaced: the database and what stands beside it ever,
/// another file unless it is wished.
fn refuse(from: &Path, to: &Path, force: bool) -> Result<(), StoreError> {
    let in_the_way = |reason| {
        let path = to.to_path_buf();
        Err(StoreError::InTheWay { path, reason })
    };
    if let Some(folder) = to.parent()
        && !folder.as_os_str().is_empty()
        && !folder.is_dir()
    {
        let folder = folder.to_path_buf();
        return Err(StoreError::NoFolder { folder });
    }
    let real = |path: &Path| std::fs::canonicalize(path.parent().unwrap_or(Path::new(".")));
    let beside = matches!((real(from), real(to)), (Ok(a), Ok(b)) if a == b);
    let own = |name: &str| name.starts_with("lored.") || name == "start.lock";
    let database = from.file_name().unwrap_or_default().to_string_lossy();
    let name = to.file_name().unwrap_or_default().to_string_lossy();
    let part = ["", "-wal", "-shm", "-journal", ".moving"]
        .iter()
        .any(|part| name == format!("{database}{part}"));
    if beside && (part || own(&name)) {
        return in_the_way("belongs to the mirror itself; choose another name");
    }
    match std::fs::symlink_metadata(to) {
        Ok(found) if found.is_dir() => in_the_way("is a folder; name a file in it"),
        Ok(found) if !found.is_file() && !found.is_symlink() => {
            in_the_way("is no regular file; choose another name")
        }
        Ok(_) if !force => in_the_way("is there already; `--force` replaces it"),
        _ => Ok(()),
    }
}

fn into_file(
    source: &Connection,
    temporary: &Path,
    mut progress: impl FnMut(u64, u64) -> ControlFlow<()>,
) -> Result<Copied, StoreError> {
    remove(temporary);
    create_private(temporary)?;
    let mut target = Connection::open(temporary)?;
    {
        let backup = Backup::new(source, &mut target)?;
        let mut busy = 0;
        loop {
            match backup.step(STEP)? {
                StepResult::Done => break,
                StepResult::Busy | StepResult::Locked if busy < MAX_BUSY => {
                    busy += 1;
                    std::thread::sleep(BUSY_PAUSE);
                }
                StepResult::More => busy = 0,
                _ => {
                    let locked = rusqlite::ffi::Error::new(rusqlite::ffi::SQLITE_BUSY);
                    return Err(rusqlite::Error::SqliteFailure(locked, None).into());
                }
            }
            let told = backup.progress();
            let total = u64::try_from(told.pagecount).unwrap_or(0);
            let left = u64::try_from(told.remaining).unwrap_or(0);
            if progress(total.saturating_sub(left), total).is_break() {
                return Err(StoreError::Cancelled);
            }
        }
    }
    // One file that can be carried away and read from anywhere: a database in
    // WAL mode wants to write beside itself.
    target.pragma_update(None, "journal_mode", "delete")?;
    let schema_version = migrations::version(&target)?;
    target.close().map_err(|(_, error)| error)?;
    let file = std::fs::File::open(temporary).map_err(open_error(temporary))?;
    file.sync_all().map_err(open_error(temporary))?;
    let bytes = file.metadata().map_err(open_error(temporary))?.len();
    Ok(Copied {
        bytes,
        schema_version,
    })
}

/// Gives the copy its name; without `force` never over another file, even one
/// that appeared meanwhile.
fn put_in_place(temporary: &Path, to: &Path, force: bool) -> Result<(), StoreError> {
    if force {
        return std::fs::rename(temporary, to).map_err(open_error(to));
    }
    match std::fs::hard_link(temporary, to) {
        Ok(()) => {
            remove(temporary);
            Ok(())
        }
        Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => {
            refuse(temporary, to, false)?;
            // It has gone again.
            std::fs::rename(temporary, to).map_err(open_error(to))
        }
        // A file system without hard links.
        Err(_) => std::fs::rename(temporary, to).map_err(open_error(to)),
    }
}

fn named(path: &Path, version: u32) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(format!(".v{version}.bak"));
    PathBuf::from(name)
}

/// Removes what a copy that failed leaves.
fn remove(path: &Path) {
    for suffix in ["", "-journal", "-wal", "-shm"] {
        let mut name = path.as_os_str().to_owned();
        name.push(suffix);
        // Most often it is not there.
        let _ = std::fs::remove_file(PathBuf::from(name));
    }
}

#[cfg(test)]
mod tests;
