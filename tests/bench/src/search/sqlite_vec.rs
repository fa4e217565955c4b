//! `sqlite-vec`, the extension with which SQLite searches vectors.

use std::path::Path;

use lore_daemon::embedding::Vector;
use lore_demo::DemoError;
use rusqlite::{Connection, params};

/// Makes every later connection of this process know it. The only unsafe code
/// of lore's repository: SQLite takes an extension as a C function, and the
/// crate declares its own without a signature.
#[expect(unsafe_code, reason = "said above; no program of lore has it")]
fn register() {
    type Init = unsafe extern "C" fn(
        *mut rusqlite::ffi::sqlite3,
        *mut *mut std::ffi::c_char,
        *const rusqlite::ffi::sqlite3_api_routines,
    ) -> std::ffi::c_int;
    // SAFETY: `sqlite3_vec_init` is an entry point of SQLite extensions, whose
    // signature this is, linked statically, and it lives as long as the process.
    unsafe {
        let init =
            std::mem::transmute::<*const (), Init>(sqlite_vec::sqlite3_vec_init as *const ());
        rusqlite::ffi::sqlite3_auto_extension(Some(init));
    }
}

/// A table of vectors of its own.
#[derive(Debug)]
pub(crate) struct VecTable(Connection);

impl VecTable {
    /// Fills one in a new file.
    pub(crate) fn fill<'v>(
        file: &Path,
        dimension: usize,
        vectors: impl Iterator<Item = (i64, &'v [u8])>,
    ) -> Result<Self, DemoError> {
        register();
        let connection = Connection::open(file).map_err(wrong)?;
        connection
            .execute_batch(&format!(
                "PRAGMA journal_mode = off; PRAGMA synchronous = off; PRAGMA mmap_size = 2000000000;
                 CREATE VIRTUAL TABLE v USING vec0 (e int8[{dimension}] distance_metric = cosine);
                 BEGIN"
            ))
            .map_err(wrong)?;
        {
            let mut insert = connection
                .prepare("INSERT INTO v (rowid, e) VALUES (?1, vec_int8(?2))")
                .map_err(wrong)?;
            for (id, bytes) in vectors {
                insert.execute(params![id, bytes]).map_err(wrong)?;
            }
        }
        connection.execute_batch("COMMIT").map_err(wrong)?;
        Ok(Self(connection))
    }

    /// The nearest to a vector.
    pub(crate) fn nearest(&self, query: &Vector, k: usize) -> Result<Vec<i64>, DemoError> {
        let mut statement = self
            .0
            .prepare_cached("SELECT rowid FROM v WHERE e MATCH vec_int8(?1) AND k = ?2")
            .map_err(wrong)?;
        let rows = statement
            .query_map(params![query.to_bytes(), k], |row| row.get(0))
            .map_err(wrong)?;
        rows.collect::<Result<_, _>>().map_err(wrong)
    }
}

#[expect(clippy::needless_pass_by_value, reason = "the form that map_err takes")]
fn wrong(error: rusqlite::Error) -> DemoError {
    DemoError::Wrong(format!("sqlite-vec: {error}"))
}
