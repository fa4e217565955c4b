//! How much of a project is mirrored.

use rusqlite::Connection;

use super::StoreError;

/// How many notes are mirrored, system notes included.
pub fn note_count(connection: &Connection, project: i64) -> Result<u64, StoreError> {
    Ok(connection
        .prepare_cached("SELECT count(*) FROM notes WHERE project_id = ?1")?
        .query_row([project], |row| row.get(0))?)
}
