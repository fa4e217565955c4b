//! Who may write content now: the sync lock and the embed lock.
//!
//! Fair within a priority, and an interactive waiter goes before every
//! background one. A guard is held around one transaction and never across the
//! network, so that no wait is longer than one write.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use lore_proto::daemon::LockInfo;
use lore_proto::jobs::Priority;
use tokio::sync::oneshot;
use tokio_util::sync::CancellationToken;

use super::SyncError;

/// Both locks. Clones share them.
#[derive(Debug, Clone)]
pub struct Locks {
    /// Held to write mirrored rows and documents.
    pub sync: Lock,
    /// Held to write vectors.
    pub embed: Lock,
}

impl Default for Locks {
    fn default() -> Self {
        Self {
            sync: Lock::new("sync"),
            embed: Lock::new("embed"),
        }
    }
}

impl Locks {
    /// Both, for `daemon.status`.
    pub fn info(&self) -> Vec<LockInfo> {
        vec![self.sync.info(), self.embed.info()]
    }
}

/// One lock. Clones share it.
#[derive(Debug, Clone)]
pub struct Lock {
    name: &'static str,
    state: Arc<Mutex<State>>,
}

#[derive(Debug, Default)]
struct State {
    held_by: Option<String>,
    interactive: VecDeque<Waiter>,
    background: VecDeque<Waiter>,
}

#[derive(Debug)]
struct Waiter {
    holder: String,
    turn: oneshot::Sender<Guard>,
}

/// The right to write; dropping it passes it on.
#[derive(Debug)]
#[must_use = "the lock is held only while its guard lives"]
pub struct Guard {
    /// `None` once it was passed on.
    lock: Option<Lock>,
}

impl Lock {
    fn new(name: &'static str) -> Self {
        Self {
            name,
            state: Arc::default(),
        }
    }

    /// Waits for the turn of `holder`, a run id, or for `cancel`.
    pub async fn acquire(
        &self,
        priority: Priority,
        holder: &str,
        cancel: &CancellationToken,
    ) -> Result<Guard, SyncError> {
        let turn = {
            let mut state = self.state();
            if state.held_by.is_none() {
                state.held_by = Some(holder.to_owned());
                return Ok(self.guard());
            }
            let (turn, mine) = oneshot::channel();
            let waiter = Waiter {
                holder: holder.to_owned(),
                turn,
            };
            match priority {
                Priority::Interactive => state.interactive.push_back(waiter),
                Priority::Background => state.background.push_back(waiter),
            }
            mine
        };
        tokio::select! {
            biased;
            () = cancel.cancelled() => Err(SyncError::Cancelled),
            // The sender is only dropped with the guard in it.
            guard = turn => guard.map_err(|_| SyncError::Cancelled),
        }
    }

    fn info(&self) -> LockInfo {
        let state = self.state();
        let waiting = |queue: &VecDeque<Waiter>| {
            queue
                .iter()
                .filter(|waiter| !waiter.turn.is_closed())
                .count()
        };
        LockInfo {
            name: self.name.to_owned(),
            held_by: state.held_by.clone(),
            waiting: (waiting(&state.interactive) + waiting(&state.background)) as u64,
        }
    }

    fn guard(&self) -> Guard {
        Guard {
            lock: Some(self.clone()),
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Guard {
    fn drop(&mut self) {
        let Some(lock) = self.lock.take() else { return };
        loop {
            let waiter = {
                let mut state = lock.state();
                let next = state
                    .interactive
                    .pop_front()
                    .or_else(|| state.background.pop_front());
                state.held_by = next.as_ref().map(|waiter| waiter.holder.clone());
                next
            };
            let Some(waiter) = waiter else { return };
            match waiter.turn.send(lock.guard()) {
                Ok(()) => return,
                // That one stopped waiting; its guard must not pass the lock
                // on a second time.
                Err(mut guard) => guard.lock = None,
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn order_of(log: &Arc<Mutex<Vec<&'static str>>>) -> Vec<&'static str> {
        log.lock().unwrap().clone()
    }

    #[tokio::test(start_paused = true)]
    async fn an_interactive_waiter_goes_before_background_ones_that_came_earlier() {
        let lock = Lock::new("sync");
        let cancel = CancellationToken::new();
        let held = lock
            .acquire(Priority::Background, "a", &cancel)
            .await
            .unwrap();
        let log = Arc::new(Mutex::new(Vec::new()));
        let mut tasks = Vec::new();
        for (name, priority) in [
            ("first background", Priority::Background),
            ("second background", Priority::Background),
            ("interactive", Priority::Interactive),
        ] {
            let (lock, cancel, log) = (lock.clone(), cancel.clone(), log.clone());
            tasks.push(tokio::spawn(async move {
                let _guard = lock.acquire(priority, name, &cancel).await.unwrap();
                log.lock().unwrap().push(name);
            }));
            tokio::task::yield_now().await;
        }
        assert_eq!(lock.info().waiting, 3);
        drop(held);
        for task in tasks {
            task.await.unwrap();
        }
        assert_eq!(
            order_of(&log),
            ["interactive", "first background", "second background"]
        );
        assert_eq!(lock.info().held_by, None);
    }

    #[tokio::test(start_paused = true)]
    async fn a_waiter_that_was_cancelled_does_not_keep_the_lock() {
        let lock = Lock::new("sync");
        let live = CancellationToken::new();
        let held = lock
            .acquire(Priority::Background, "a", &live)
            .await
            .unwrap();
        let gone = CancellationToken::new();
        let waiting = {
            let (lock, gone) = (lock.clone(), gone.clone());
            tokio::spawn(async move {
                lock.acquire(Priority::Background, "b", &gone)
                    .await
                    .map(drop)
            })
        };
        tokio::task::yield_now().await;
        gone.cancel();
        assert!(matches!(waiting.await.unwrap(), Err(SyncError::Cancelled)));
        drop(held);
        drop(
            lock.acquire(Priority::Background, "c", &live)
                .await
                .unwrap(),
        );
        assert_eq!(lock.info().held_by, None);
    }
}
