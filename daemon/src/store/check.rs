//! Looking for damage.

use std::path::Path;
use std::time::Duration;

use rusqlite::{Connection, InterruptHandle, OpenFlags};

use super::StoreError;
use super::error::said;

/// Problems that are told of each check.
const MAX_PROBLEMS: usize = 20;

/// Which checks are run.
pub const QUICK: &[&str] = &["quick_check"];
/// All that there are: pages, rows and constraints; then the agreement of
/// indexes with their tables; then rows that point nowhere.
pub const THOROUGH: &[&str] = &["quick_check", "integrity_check", "foreign_key_check"];

/// A database file that is looked at, on a connection of its own.
#[derive(Debug)]
pub struct Checker(Connection);

impl Checker {
    /// Opens the file, read-only. Blocks.
    pub fn open(path: &Path) -> Result<Self, StoreError> {
        let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let connection = Connection::open_with_flags(path, flags)?;
        connection.busy_timeout(Duration::from_secs(5))?;
        Ok(Self(connection))
    }

    /// What ends a check early, from another thread.
    pub fn interrupt(&self) -> InterruptHandle {
        self.0.get_interrupt_handle()
    }

    /// Runs one check, and gives what it finds in SQLite's words, the first
    /// twenty; a file that cannot be read far enough is a finding too. Blocks.
    ///
    /// # Errors
    /// It could not be run: the database is locked, or it was interrupted.
    pub fn run(&self, check: &'static str) -> Result<Vec<String>, StoreError> {
        let found = if check == "foreign_key_check" {
            self.rows("PRAGMA foreign_key_check", |row| {
                let table: String = row.get(0)?;
                let parent: String = row.get(2)?;
                Ok(format!("a row of `{table}` points to no row of `{parent}`"))
            })
        } else {
            let sql = format!("PRAGMA {check}({MAX_PROBLEMS})");
            self.rows(&sql, |row| row.get(0))
        };
        match found {
            Ok(problems) => Ok(problems.into_iter().filter(|it| it != "ok").collect()),
            Err(error) => {
                let error = StoreError::from(error);
                match (error.code(), &error) {
                    (lore_proto::ErrorCode::DatabaseCorrupt, StoreError::Sqlite(source)) => {
                        Ok(vec![said(source)])
                    }
                    _ if self.0.is_interrupted() => Err(StoreError::Cancelled),
                    _ => Err(error),
                }
            }
        }
    }

    fn rows(
        &self,
        sql: &str,
        read: impl Fn(&rusqlite::Row<'_>) -> rusqlite::Result<String>,
    ) -> rusqlite::Result<Vec<String>> {
        let mut statement = self.0.prepare(sql)?;
        let rows = statement.query_map([], |row| read(row))?;
        rows.take(MAX_PROBLEMS).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::Database;
    use std::io::{Seek as _, SeekFrom, Write as _};

    fn all(path: &Path) -> Vec<String> {
        let checker = Checker::open(path).unwrap();
        let found = THOROUGH.iter().map(|check| checker.run(check).unwrap());
        found.flatten().collect()
    }

    #[test]
    fn a_whole_database_has_no_problem_and_damage_of_each_kind_is_told() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("lore.db");
        drop(Database::open(&path).unwrap());
        assert_eq!(all(&path), Vec::<String>::new());

        let connection = Connection::open(&path).unwrap();
        connection
            .execute_batch(
                "PRAGMA foreign_keys = off;
                 CREATE TABLE a (id INTEGER PRIMARY KEY); CREATE TABLE b (a REFERENCES a(id));
                 INSERT INTO b VALUES (7);",
            )
            .unwrap();
        drop(connection);
        assert_eq!(all(&path), ["a row of `b` points to no row of `a`"]);

        let mut file = std::fs::File::options().write(true).open(&path).unwrap();
        file.seek(SeekFrom::Start(4096 * 3)).unwrap();
        file.write_all(&[0xff; 4096 * 4]).unwrap();
        drop(file);
        assert!(
            !Checker::open(&path)
                .unwrap()
                .run("quick_check")
                .unwrap()
                .is_empty()
        );

        std::fs::write(
            &path,
            "this is no database at all, whatever its name".repeat(100),
        )
        .unwrap();
        let found = Checker::open(&path).unwrap().run("quick_check").unwrap();
        assert!(found[0].contains("not a database"), "{found:?}");
    }
}
