//! The one writer of a run's row in the ledger.
//!
//! A [`RunRecorder`] exists exactly as long as its run: one of its `finish_*`
//! consumes it, and dropping it unfinished records a failure, so that no way
//! out of a run leaves its row `running`.

mod state;

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use lore_proto::events::EventBody;
use lore_proto::sync::{Counters, EntityStatus, EntityType, Phase, RunMode, RunResult};
use lore_proto::{ErrorCode, WireError};

use self::state::State;
use super::ledger::{Ledger, Publish};
use crate::store::StoreError;
use crate::store::runs::{End, Ending, EntityRow, record};
pub use crate::store::runs::{NewRun, Trigger};

/// Characters of a sentence that the ledger keeps.
const MAX_MESSAGE: usize = 1_000;

/// Records one run. See the module.
#[derive(Debug)]
pub struct RunRecorder {
    handle: RunHandle,
}

/// Adds to a run's record; shared by the tasks of the run. Nothing here waits.
#[derive(Clone)]
pub struct RunHandle {
    shared: Arc<Shared>,
}

struct Shared {
    ledger: Ledger,
    run_id: String,
    project: String,
    mode: RunMode,
    publish: Publish,
    state: Mutex<State>,
    /// Held while items are on their way to the database, so that the end of
    /// a run is the last of its writes.
    writing: tokio::sync::Mutex<()>,
}

impl RunRecorder {
    /// Writes the row of a run that begins, in phase `preflight`, and says so
    /// to `publish`, which is given every event of the run.
    pub async fn start(ledger: &Ledger, run: NewRun, publish: Publish) -> Result<Self, StoreError> {
        ledger.close_at_next_chance().await;
        let shared = Arc::new(Shared {
            ledger: ledger.clone(),
            run_id: run.run_id.clone(),
            project: run.project.clone(),
            mode: run.mode,
            publish,
            state: Mutex::new(State::new(run.project_id)),
            writing: tokio::sync::Mutex::new(()),
        });
        let now = ledger.now();
        ledger
            .db()
            .write(move |tx| record::insert(tx, &run, now))
            .await?;
        shared.state().ended = false;
        shared.publish_phase(Phase::Preflight);
        Ok(Self {
            handle: RunHandle { shared },
        })
    }

    /// What the run's tasks record through.
    pub fn handle(&self) -> RunHandle {
        self.handle.clone()
    }

    /// Begins `phase`: closes the time of the one before, writes how far the
    /// run is, and publishes it. The phase that goes on is left alone; terminal
    /// phases belong to the `finish_*`.
    pub async fn enter(&self, phase: Phase) -> Result<(), StoreError> {
        let shared = &self.handle.shared;
        {
            let mut state = shared.state();
            let terminal = matches!(phase, Phase::Done | Phase::Failed | Phase::Cancelled);
            if terminal || state.phase == phase {
                return Ok(());
            }
            state.close_phase();
            state.phase = phase;
        }
        shared.flush().await?;
        shared.publish_phase(phase);
        Ok(())
    }

    /// Writes counters, timings, warnings and items, and that the run lives.
    /// What cannot be written now is kept for the next time: a full disk shows
    /// at the end of the run, if it is still full then.
    pub async fn heartbeat(&self) {
        let shared = &self.handle.shared;
        if let Err(error) = shared.flush().await {
            tracing::warn!(run_id = shared.run_id, %error, "heartbeat not written");
        }
    }

    /// Ends the run as succeeded, with warnings where any were recorded or an
    /// item is left failed.
    pub async fn finish_succeeded(self) -> Result<RunResult, StoreError> {
        self.finish(End::Succeeded).await
    }

    /// Ends the run as failed.
    pub async fn finish_failed(self, error: &WireError) -> Result<RunResult, StoreError> {
        let end = End::Failed(error.code, bounded(&error.message));
        self.finish(end).await
    }

    /// Ends the run as cancelled.
    pub async fn finish_cancelled(self) -> Result<RunResult, StoreError> {
        self.finish(End::Cancelled).await
    }

    async fn finish(self, end: End) -> Result<RunResult, StoreError> {
        let shared = &self.handle.shared;
        let _last = shared.writing.lock().await;
        let ending = shared.end(end);
        shared.ledger.close(ending).await
    }
}

impl Drop for RunRecorder {
    fn drop(&mut self) {
        let shared = &self.handle.shared;
        if shared.state().ended {
            return;
        }
        let end = End::Failed(
            ErrorCode::Internal,
            "the run stopped without saying why; the daemon's log has more".to_owned(),
        );
        let ending = shared.end(end);
        tracing::error!(run_id = shared.run_id, "a run was dropped unfinished");
        shared.ledger.close_later(ending);
    }
}

impl RunHandle {
    /// The run's id.
    pub fn run_id(&self) -> &str {
        &self.shared.run_id
    }

    /// Adds to the run's counters; `warnings` is the recorder's own.
    pub fn count(&self, add: impl FnOnce(&mut Counters)) {
        add(&mut self.shared.state().counters);
    }

    /// Records something that a person should know and that does not stop the
    /// run. A failed stage of an item is a warning by itself: see
    /// [`Self::entity`].
    pub fn warn(&self, code: ErrorCode, message: impl Into<String>) {
        let message = bounded(&message.into());
        self.shared.state().warn(&message);
        (self.shared.publish)(EventBody::Warning { code, message });
    }

    /// Records how `stage` of an item ended. A surgical run keeps every one; a
    /// standard run, which can have tens of thousands that went well, those
    /// that did not, and a later success where one had failed before.
    pub fn entity(
        &self,
        entity_type: EntityType,
        iid: u64,
        stage: &'static str,
        status: EntityStatus,
        error: Option<(ErrorCode, String)>,
    ) {
        let row = EntityRow {
            entity_type,
            iid,
            stage,
            status,
            error: error.map(|(code, message)| (code, bounded(&message))),
            at: self.shared.ledger.now(),
        };
        let flush = {
            let mut state = self.shared.state();
            if !state.entity(self.shared.mode, &row) {
                return;
            }
            state.asks_for_a_flush()
        };
        let (code, message) = row.error.unzip();
        (self.shared.publish)(EventBody::Entity {
            entity_type,
            iid,
            stage: stage.to_owned(),
            status,
            code,
            message,
        });
        if flush {
            self.flush_soon();
        }
    }

    /// Publishes how far something is; a later one of the same `what` replaces
    /// it.
    pub fn progress(&self, what: &str, done: u64, total: Option<u64>) {
        (self.shared.publish)(EventBody::Progress {
            project: self.shared.project.clone(),
            what: what.to_owned(),
            done,
            total,
        });
    }

    /// Says which of this database's projects the run is about. The row keeps
    /// the path by which the project is configured.
    pub fn project_known(&self, project_id: i64) {
        self.shared.state().project_id = Some(project_id);
    }

    fn flush_soon(&self) {
        let Ok(runtime) = tokio::runtime::Handle::try_current() else {
            return;
        };
        let shared = Arc::clone(&self.shared);
        runtime.spawn(async move {
            if let Err(error) = shared.flush().await {
                tracing::warn!(run_id = shared.run_id, %error, "items of a run not written");
            }
        });
    }
}

impl fmt::Debug for RunHandle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RunHandle")
            .field("run_id", &self.shared.run_id)
            .field("phase", &self.shared.state().phase)
            .finish_non_exhaustive()
    }
}

impl Shared {
    /// A panic elsewhere leaves counters at worst one short.
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn publish_phase(&self, phase: Phase) {
        (self.publish)(EventBody::Phase {
            phase,
            project: self.project.clone(),
        });
    }

    async fn flush(&self) -> Result<(), StoreError> {
        let _one = self.writing.lock().await;
        let (progress, rows) = {
            let mut state = self.state();
            if state.ended {
                return Ok(());
            }
            state.flush_asked = false;
            (
                state.progress(),
                Arc::new(std::mem::take(&mut state.unwritten)),
            )
        };
        let (run_id, now, written) = (self.run_id.clone(), self.ledger.now(), Arc::clone(&rows));
        let result: Result<(), StoreError> = self
            .ledger
            .db()
            .write(move |tx| {
                record::save(tx, &run_id, &progress, now)?;
                record::put_entities(tx, &run_id, &written)
            })
            .await;
        if result.is_err() {
            let mut state = self.state();
            let newer = std::mem::take(&mut state.unwritten);
            state.unwritten = rows.iter().cloned().chain(newer).collect();
        }
        result
    }

    /// Takes what the last write needs; nothing is recorded after it.
    fn end(&self, end: End) -> Ending {
        let mut state = self.state();
        state.close_phase();
        state.ended = true;
        Ending {
            run_id: self.run_id.clone(),
            progress: state.progress(),
            entities: std::mem::take(&mut state.unwritten),
            end,
            at: self.ledger.now(),
        }
    }
}

/// The beginning of a sentence, as much as the ledger keeps.
fn bounded(message: &str) -> String {
    match message.char_indices().nth(MAX_MESSAGE) {
        Some((end, _)) => format!("{}…", &message[..end]),
        None => message.to_owned(),
    }
}

#[cfg(test)]
mod tests;
