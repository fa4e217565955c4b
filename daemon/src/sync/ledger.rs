//! The run ledger as a whole: run ids, and closing what its recorder cannot.

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use jiff::Timestamp;
use lore_proto::events::EventBody;
use lore_proto::sync::RunResult;
use rand::RngCore;

use crate::clock::Clock;
use crate::store::runs::{Ending, record};
use crate::store::{Database, StoreError};

/// Runs whose end is remembered while the database cannot be written; beyond
/// it the oldest are left to the next start, which closes them as interrupted.
const MAX_UNCLOSED: usize = 1_000;

/// Where the events of a run go. Called from any of its tasks; must not wait.
pub type Publish = Arc<dyn Fn(EventBody) + Send + Sync>;

/// The run ledger. Clones share it.
#[derive(Clone)]
pub struct Ledger {
    db: Database,
    clock: Arc<dyn Clock>,
    unclosed: Arc<Mutex<Vec<Arc<Ending>>>>,
}

impl Ledger {
    /// The ledger in `db`, with times from `clock`.
    pub fn new(db: Database, clock: Arc<dyn Clock>) -> Self {
        Self {
            db,
            clock,
            unclosed: Arc::default(),
        }
    }

    /// Closes every run that a dead daemon left `running`, as failed with
    /// `INTERRUPTED`, and gives how many. To be called at start-up, before the
    /// first run.
    pub async fn close_interrupted(&self) -> Result<usize, StoreError> {
        let now = self.now();
        self.db
            .write(move |tx| record::close_interrupted(tx, now))
            .await
    }

    /// Closes the runs whose end could not be written when they ended, such as
    /// on a full disk, and gives how many are still left. Free where there are
    /// none; every run that starts calls it.
    pub async fn close_at_next_chance(&self) -> usize {
        let waiting = self.unclosed().clone();
        for ending in waiting {
            if let Err(error) = self.write_end(&ending).await {
                tracing::warn!(run_id = ending.run_id, %error, "a run's end is not written yet");
                break;
            }
        }
        self.unclosed().len()
    }

    /// Writes a run's end, and remembers it for later where that fails. The
    /// end outlives a caller that stops waiting.
    pub(super) async fn close(&self, ending: Ending) -> Result<RunResult, StoreError> {
        let ending = self.remember(ending);
        self.write_end(&ending).await
    }

    /// Writes a run's end without waiting for it.
    pub(super) fn close_later(&self, ending: Ending) {
        self.remember(ending);
        // Without a runtime, the next chance or the next start closes it.
        if let Ok(runtime) = tokio::runtime::Handle::try_current() {
            let ledger = self.clone();
            runtime.spawn(async move { ledger.close_at_next_chance().await });
        }
    }

    pub(super) fn db(&self) -> &Database {
        &self.db
    }

    pub(super) fn now(&self) -> Timestamp {
        self.clock.now()
    }

    async fn write_end(&self, ending: &Arc<Ending>) -> Result<RunResult, StoreError> {
        let last = Arc::clone(ending);
        let result = self.db.write(move |tx| record::finish(tx, &last)).await;
        // A row that is gone, with its database, will not come back.
        if matches!(result, Ok(_) | Err(StoreError::Unreadable { .. })) {
            self.unclosed()
                .retain(|waiting| !Arc::ptr_eq(waiting, ending));
        }
        result
    }

    fn remember(&self, ending: Ending) -> Arc<Ending> {
        let ending = Arc::new(ending);
        let mut unclosed = self.unclosed();
        if unclosed.len() >= MAX_UNCLOSED {
            unclosed.remove(0);
        }
        unclosed.push(Arc::clone(&ending));
        ending
    }

    fn unclosed(&self) -> MutexGuard<'_, Vec<Arc<Ending>>> {
        self.unclosed.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for Ledger {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Ledger")
            .field("db", &self.db)
            .field("unclosed", &self.unclosed().len())
            .finish_non_exhaustive()
    }
}

/// An id for a run that starts at `now`: 26 lower-case letters and digits,
/// sorted by time, unique by 80 random bits.
pub fn new_run_id(now: Timestamp, random: &mut dyn RngCore) -> String {
    let millis = u64::try_from(now.as_millisecond()).unwrap_or(0);
    let noise = u128::from(random.next_u64()) << 64 | u128::from(random.next_u64());
    ulid::Ulid::from_parts(millis, noise)
        .to_string()
        .to_ascii_lowercase()
}
