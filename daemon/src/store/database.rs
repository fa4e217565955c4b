//! One writer, several readers, and nothing of SQLite on the async threads.

use std::path::{Path, PathBuf};
use std::sync::mpsc;
use std::sync::{Arc, Mutex, PoisonError, RwLock};
use std::time::Duration;

use r2d2_sqlite::SqliteConnectionManager;
use rusqlite::config::DbConfig;
use rusqlite::{Connection, OpenFlags, Transaction, TransactionBehavior};
use tokio::sync::oneshot;

use super::private_file::create_private;
use super::{StoreError, backup, migrations};

/// How long a statement waits for another process's lock.
const BUSY_TIMEOUT: Duration = Duration::from_secs(5);
/// How long a read waits for a free reader.
const READER_TIMEOUT: Duration = Duration::from_secs(10);
const STATEMENT_CACHE: usize = 128;

type Task = Box<dyn FnOnce(&mut Connection) + Send>;

/// The mirror's database. Clones share it.
///
/// Writes go to one thread that owns the only writing connection, so that they
/// never wait for each other inside SQLite; reads go to a pool of read-only
/// connections. Dropping the last clone closes both.
#[derive(Clone)]
pub struct Database {
    inner: Arc<Inner>,
}

struct Inner {
    path: PathBuf,
    /// Absent once it is closed, as are the others.
    writer: Mutex<Option<mpsc::Sender<Task>>>,
    writer_thread: Mutex<Option<std::thread::JoinHandle<()>>>,
    readers: RwLock<Option<r2d2::Pool<SqliteConnectionManager>>>,
}

impl std::fmt::Debug for Database {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Database")
            .field("path", &self.inner.path)
            .finish_non_exhaustive()
    }
}

impl Database {
    /// Opens the database at `path`, makes it where there is none, and brings
    /// it to the newest schema. The file is 0600 from the moment it exists.
    /// Blocks; to be called before serving.
    pub fn open(path: &Path) -> Result<Self, StoreError> {
        create_private(path)?;
        let mut writer = Connection::open_with_flags(
            path,
            OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX,
        )?;
        set_up_writer(&mut writer, path).map_err(|error| error.at(path))?;
        let manager = SqliteConnectionManager::file(path)
            .with_flags(OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX)
            .with_init(|connection| {
                set_up_any(connection)?;
                connection.pragma_update(None, "query_only", true)?;
                connection.pragma_update(None, "mmap_size", 256 << 20)
            });
        let readers = r2d2::Pool::builder()
            .max_size(8)
            // Readers are made when they are needed: start-up stays short.
            .min_idle(Some(0))
            .test_on_check_out(false)
            .idle_timeout(Some(Duration::from_mins(10)))
            .connection_timeout(READER_TIMEOUT)
            .error_handler(Box::new(QuietErrors))
            .build(manager)?;
        let (sender, tasks) = mpsc::channel::<Task>();
        let writer_thread = std::thread::Builder::new()
            .name("lore-writer".into())
            .spawn(move || {
                for task in tasks {
                    // A panic in a closure rolls its transaction back and is
                    // reported to the one who asked; the writer lives on.
                    let run = std::panic::AssertUnwindSafe(|| task(&mut writer));
                    if std::panic::catch_unwind(run).is_err() {
                        tracing::error!("a write task panicked; it was rolled back");
                    }
                }
                if let Err(error) = writer.execute_batch("PRAGMA optimize") {
                    tracing::debug!(%error, "optimize at close");
                }
            })
            .map_err(|source| StoreError::Open {
                path: path.to_path_buf(),
                source,
            })?;
        Ok(Self {
            inner: Arc::new(Inner {
                path: path.to_path_buf(),
                writer: Mutex::new(Some(sender)),
                writer_thread: Mutex::new(Some(writer_thread)),
                readers: RwLock::new(Some(readers)),
            }),
        })
    }

    /// Where the file is.
    pub fn path(&self) -> &Path {
        &self.inner.path
    }

    /// Runs `work` in one IMMEDIATE transaction on the writer: committed where
    /// it returns `Ok`, rolled back where it returns `Err` or panics. A caller
    /// that stops waiting does not stop it.
    pub async fn write<T, E, F>(&self, work: F) -> Result<T, E>
    where
        T: Send + 'static,
        E: From<StoreError> + Send + 'static,
        F: FnOnce(&Transaction<'_>) -> Result<T, E> + Send + 'static,
    {
        let (reply, answer) = oneshot::channel();
        let task: Task = Box::new(move |connection| {
            let result = in_transaction(connection, work);
            // Nobody may be waiting any more; the write stands all the same.
            drop(reply.send(result));
        });
        let writer = self.inner.writer.lock();
        let sent = writer
            .unwrap_or_else(PoisonError::into_inner)
            .as_ref()
            .is_some_and(|writer| writer.send(task).is_ok());
        if !sent {
            return Err(StoreError::Closed.into());
        }
        answer
            .await
            .unwrap_or_else(|_| Err(StoreError::Panicked.into()))
    }

    /// Runs `work` on a read-only connection, in one read transaction: all its
    /// statements see the same state.
    pub async fn read<T, E, F>(&self, work: F) -> Result<T, E>
    where
        T: Send + 'static,
        E: From<StoreError> + Send + 'static,
        F: FnOnce(&Connection) -> Result<T, E> + Send + 'static,
    {
        let readers = self.inner.readers.read();
        let readers = readers.unwrap_or_else(PoisonError::into_inner).clone();
        let Some(readers) = readers else {
            return Err(StoreError::Closed.into());
        };
        tokio::task::spawn_blocking(move || {
            let mut connection = readers.get().map_err(StoreError::Pool)?;
            let tx = connection.transaction().map_err(StoreError::Sqlite)?;
            work(&tx)
        })
        .await
        .unwrap_or_else(|_| Err(StoreError::Panicked.into()))
    }

    /// Ends it for all who share it: writes that were asked for are done,
    /// reads under way end with what they have, and whoever asks from here on
    /// is told that it is closed. Blocks.
    pub fn close(&self) {
        self.inner.close();
    }

    /// The schema version of the open database.
    pub async fn schema_version(&self) -> Result<u32, StoreError> {
        self.read(|connection| Ok(migrations::version(connection)?))
            .await
    }
}

impl Inner {
    fn close(&self) {
        // The readers first: only the last connection folds the write-ahead
        // log into the database, and a read-only one cannot.
        let readers = self.readers.write();
        drop(readers.unwrap_or_else(PoisonError::into_inner).take());
        // Ends the writer's loop; waiting for it lets the last write and the
        // checkpoint of the closing connection finish.
        let writer = self.writer.lock();
        drop(writer.unwrap_or_else(PoisonError::into_inner).take());
        let thread = self.writer_thread.lock();
        let thread = thread.unwrap_or_else(PoisonError::into_inner).take();
        if let Some(thread) = thread
            && thread.thread().id() != std::thread::current().id()
            && thread.join().is_err()
        {
            tracing::error!("the database writer panicked");
        }
    }
}

impl Drop for Inner {
    fn drop(&mut self) {
        self.close();
    }
}

fn in_transaction<T, E: From<StoreError>>(
    connection: &mut Connection,
    work: impl FnOnce(&Transaction<'_>) -> Result<T, E>,
) -> Result<T, E> {
    let tx = connection
        .transaction_with_behavior(TransactionBehavior::Immediate)
        .map_err(StoreError::Sqlite)?;
    let value = work(&tx)?;
    tx.commit().map_err(StoreError::Sqlite)?;
    Ok(value)
}

fn set_up_any(connection: &Connection) -> rusqlite::Result<()> {
    connection.busy_timeout(BUSY_TIMEOUT)?;
    connection.set_prepared_statement_cache_capacity(STATEMENT_CACHE);
    // A plan may otherwise depend on the value of a `LIMIT ?`, and a statement
    // of the cache is prepared anew whenever that is bound.
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true)?;
    Ok(())
}

fn set_up_writer(connection: &mut Connection, path: &Path) -> Result<(), StoreError> {
    set_up_any(connection)?;
    let found: i32 = connection.pragma_query_value(None, "application_id", |row| row.get(0))?;
    let tables: u32 =
        connection.query_row("SELECT count(*) FROM sqlite_schema", [], |row| row.get(0))?;
    if found != migrations::APPLICATION_ID && tables > 0 {
        return Err(StoreError::NotOurs {
            path: path.to_path_buf(),
            found,
        });
    }
    connection.pragma_update(None, "journal_mode", "wal")?;
    // WAL with NORMAL loses no consistency in a crash; the last commits before
    // a power cut may be missing, and the next sync fetches them again.
    connection.pragma_update(None, "synchronous", "normal")?;
    connection.pragma_update(None, "foreign_keys", true)?;
    connection.pragma_update(None, "journal_size_limit", 64 << 20)?;
    connection.pragma_update(None, "cache_size", -16_000)?;
    if let Some(version) = migrations::outdated(connection)? {
        let copy = backup::before_migration(connection, path, version)?;
        tracing::info!(copy = %copy.display(), "the database was copied before its schema changes");
    }
    migrations::migrate(connection)
}

/// r2d2 prints errors of connections in the background; they reach the caller
/// as a timeout and the log as a warning.
#[derive(Debug)]
struct QuietErrors;

impl r2d2::HandleError<rusqlite::Error> for QuietErrors {
    fn handle_error(&self, error: rusqlite::Error) {
        tracing::warn!(%error, "a database reader could not be opened");
    }
}

#[cfg(test)]
mod tests {
    use rusqlite::StatementStatus;

    use super::*;

    #[tokio::test]
    async fn a_statement_is_not_prepared_anew_for_another_value() {
        let folder = tempfile::tempdir().unwrap();
        let db = Database::open(&folder.path().join("lore.db")).unwrap();
        let prepared_anew = db
            .read(|connection| -> Result<_, StoreError> {
                let mut statement = connection.prepare("SELECT 1 FROM projects LIMIT ?1")?;
                for limit in 1..9 {
                    assert!(!statement.exists([limit])?);
                }
                Ok(statement.get_status(StatementStatus::RePrepare))
            })
            .await
            .unwrap();
        assert_eq!(prepared_anew, 0);
    }
}
