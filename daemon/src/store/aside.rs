//! Moving a database out of the way, so that a new one can take its place.
//!
//! A database is up to three files, and no system renames three files at once.
//! What is under way stands in a marker beside them, so that the next start
//! finishes what a crash broke off; the database's own file goes last, and no
//! new one is made while the marker stands. A log without its database, which
//! SQLite would replay into a new one, is never left behind.

use std::io;
use std::path::{Path, PathBuf};

use super::StoreError;
use crate::files;

/// What SQLite keeps beside a database's file, and the file itself, in the
/// order in which they are moved.
const PARTS: [&str; 4] = ["-wal", "-shm", "-journal", ""];

/// What was moved.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Moved {
    /// Where the database's file is now.
    pub to: PathBuf,
    /// How much of the disk all of it takes, in bytes.
    pub bytes: u64,
}

/// Moves the closed database `path` aside, to a name that carries `stamp` and
/// that nothing has yet. None where there was no database. Blocks.
///
/// # Errors
/// A file could not be moved; [`finish`] goes on with it.
pub fn move_aside(path: &Path, stamp: &str) -> Result<Option<Moved>, StoreError> {
    let finished = finish(path)?;
    if !PARTS.iter().any(|part| is_there(&with_suffix(path, part))) {
        return Ok(finished);
    }
    let marker = marker(path);
    let stamp = free_stamp(path, stamp);
    files::replace(&marker, stamp.as_bytes()).map_err(move_error(path))?;
    finish(path)
}

/// Finishes a move that a crash or a full disk broke off; what it moved in the
/// end, none where nothing was under way. Blocks.
pub fn finish(path: &Path) -> Result<Option<Moved>, StoreError> {
    let marker = marker(path);
    let stamp = match std::fs::read_to_string(&marker) {
        Ok(stamp) => stamp,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(move_error(path)(error)),
    };
    // Somebody may have written into the marker what is no part of a name.
    let stamp: String = stamp
        .chars()
        .filter(|it| it.is_ascii_alphanumeric() || *it == '-')
        .collect();
    // The database goes last, so that one which is there already is of an
    // earlier move.
    let stamp = if is_there(path) && is_there(&aside(path, &stamp)) {
        free_stamp(path, &stamp)
    } else {
        stamp
    };
    let to = aside(path, &stamp);
    for part in PARTS {
        let (from, to) = (with_suffix(path, part), with_suffix(&to, part));
        match std::fs::rename(&from, &to) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                return Err(move_error(&from)(error));
            }
            _ => {}
        }
    }
    sync_folder(path)?;
    std::fs::remove_file(&marker).map_err(move_error(path))?;
    sync_folder(path)?;
    let length = |part| std::fs::metadata(with_suffix(&to, part)).map_or(0, |it| it.len());
    let bytes = PARTS.into_iter().map(length).sum();
    Ok(to.exists().then_some(Moved { to, bytes }))
}

/// `stamp`, with a number where a database that was moved aside before has it:
/// it may be the only one that somebody wants back.
fn free_stamp(path: &Path, stamp: &str) -> String {
    let numbered = (2..).map(|number: u32| format!("{stamp}-{number}"));
    std::iter::once(stamp.to_owned())
        .chain(numbered)
        .find(|stamp| {
            let to = aside(path, stamp);
            !PARTS.iter().any(|part| is_there(&with_suffix(&to, part)))
        })
        .unwrap_or_default()
}

fn aside(path: &Path, stamp: &str) -> PathBuf {
    with_suffix(path, &format!(".{stamp}.aside"))
}

fn is_there(path: &Path) -> bool {
    path.symlink_metadata().is_ok()
}

fn move_error(path: &Path) -> impl FnOnce(io::Error) -> StoreError {
    let path = path.to_path_buf();
    move |source| StoreError::Move { path, source }
}

fn marker(path: &Path) -> PathBuf {
    with_suffix(path, ".moving")
}

fn with_suffix(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(suffix);
    PathBuf::from(name)
}

/// Makes what happened to names in the folder of `path` outlive a power cut.
fn sync_folder(path: &Path) -> Result<(), StoreError> {
    let folder = path.parent().unwrap_or(Path::new("."));
    std::fs::File::open(folder)
        .and_then(|folder| folder.sync_all())
        .map_err(move_error(path))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn files(folder: &Path) -> Vec<String> {
        let entries = std::fs::read_dir(folder).unwrap();
        let mut names: Vec<_> = entries
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        names.sort();
        names
    }

    #[test]
    fn a_database_goes_with_all_its_files() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("lore.db");
        assert_eq!(move_aside(&path, "S").unwrap(), None);
        for part in ["", "-wal", "-shm"] {
            std::fs::write(with_suffix(&path, part), "12345").unwrap();
        }
        let moved = move_aside(&path, "S").unwrap().unwrap();
        assert_eq!(
            (moved.to, moved.bytes),
            (folder.path().join("lore.db.S.aside"), 15)
        );
        assert_eq!(
            files(folder.path()),
            [
                "lore.db.S.aside",
                "lore.db.S.aside-shm",
                "lore.db.S.aside-wal"
            ]
        );
    }

    #[test]
    fn a_database_that_was_moved_aside_is_never_moved_over() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("lore.db");
        let mut moved = Vec::new();
        for content in ["first", "second", "third"] {
            std::fs::write(&path, content).unwrap();
            std::fs::write(with_suffix(&path, "-wal"), content).unwrap();
            moved.push((content, move_aside(&path, "S").unwrap().unwrap().to));
        }
        // By hand, or by a lore that did not look.
        std::fs::write(&path, "fourth").unwrap();
        std::fs::write(marker(&path), "S").unwrap();
        moved.push(("fourth", finish(&path).unwrap().unwrap().to));
        for (content, to) in moved {
            assert_eq!(std::fs::read_to_string(&to).unwrap(), content);
            let log = std::fs::read_to_string(with_suffix(&to, "-wal"));
            assert_eq!(log.ok().as_deref().unwrap_or("fourth"), content);
        }
    }

    #[test]
    fn a_move_that_broke_off_anywhere_is_finished_and_a_new_database_stays() {
        for moved_before in 0..3 {
            let folder = tempfile::tempdir().unwrap();
            let path = folder.path().join("lore.db");
            for part in ["-wal", "-shm", ""].iter().skip(moved_before) {
                std::fs::write(with_suffix(&path, part), "x").unwrap();
            }
            std::fs::write(marker(&path), "S").unwrap();
            assert!(finish(&path).unwrap().is_some());
            assert!(!path.exists() && !with_suffix(&path, "-wal").exists());
            // From here on nothing is under way.
            std::fs::write(&path, "new").unwrap();
            std::fs::write(with_suffix(&path, "-wal"), "new").unwrap();
            assert_eq!(finish(&path).unwrap(), None);
            assert_eq!(std::fs::read_to_string(&path).unwrap(), "new");
        }
    }
}
