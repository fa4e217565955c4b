//! Schema versions and the way from one to the next.

use rusqlite::{Connection, TransactionBehavior};

use super::StoreError;

/// `lore` in ASCII; tells lore's files from other SQLite databases.
pub(super) const APPLICATION_ID: i32 = 0x6c6f_7265;

struct Migration {
    name: &'static str,
    sql: &'static str,
}

/// In order; the first one makes version 1. A released one is never edited.
const MIGRATIONS: &[Migration] = &[
    Migration {
        name: "mirror",
        sql: include_str!("../../../migrations/001_mirror.sql"),
    },
    Migration {
        name: "documents",
        sql: include_str!("../../../migrations/002_documents.sql"),
    },
    Migration {
        name: "lists",
        sql: include_str!("../../../migrations/003_lists.sql"),
    },
    Migration {
        name: "embedding_failures",
        sql: include_str!("../../../migrations/004_embedding_failures.sql"),
    },
    Migration {
        name: "timed_runs",
        sql: include_str!("../../../migrations/005_timed_runs.sql"),
    },
    Migration {
        name: "counts",
        sql: include_str!("../../../migrations/006_counts.sql"),
    },
];

/// The newest schema that this build knows.
pub fn newest_version() -> u32 {
    u32::try_from(MIGRATIONS.len()).unwrap_or(u32::MAX)
}

/// The schema version of an open database.
pub(super) fn version(connection: &Connection) -> rusqlite::Result<u32> {
    connection.pragma_query_value(None, "user_version", |row| row.get(0))
}

/// The version of a database that holds something and that [`migrate`] would
/// change.
///
/// # Errors
/// The database is of a newer build.
pub(super) fn outdated(connection: &Connection) -> Result<Option<u32>, StoreError> {
    let found = version(connection)?;
    let known = newest_version();
    if found > known {
        return Err(StoreError::SchemaTooNew { found, known });
    }
    Ok((0 < found && found < known).then_some(found))
}

/// Brings a database that is not of a newer build to the newest version, each
/// step in a transaction of its own: a step that fails leaves the version
/// before it.
pub(super) fn migrate(connection: &mut Connection) -> Result<(), StoreError> {
    let found = version(connection)?;
    for (number, migration) in (1u32..).zip(MIGRATIONS).skip(found as usize) {
        let run = || -> rusqlite::Result<()> {
            let tx = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
            tx.execute_batch(migration.sql)?;
            tx.pragma_update(None, "application_id", APPLICATION_ID)?;
            tx.pragma_update(None, "user_version", number)?;
            tx.commit()
        };
        let mut run = run;
        run().map_err(|source| StoreError::Migration {
            version: number,
            name: migration.name,
            source,
        })?;
        tracing::info!(version = number, name = migration.name, "database migrated");
    }
    Ok(())
}
