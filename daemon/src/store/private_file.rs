//! Files that nobody else may read, from the moment they exist.

use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;

use super::StoreError;
use super::error::open_error;

/// Makes an empty file that only its owner may read, unless there is one.
/// SQLite gives `-wal` and `-shm` the mode of the database.
pub(super) fn create_private(path: &Path) -> Result<(), StoreError> {
    std::fs::OpenOptions::new()
        .read(true)
        .write(true)
        .create(true)
        .truncate(false)
        .mode(0o600)
        .open(path)
        .map(drop)
        .map_err(open_error(path))
}
