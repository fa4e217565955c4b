//! The timer: fires background work at its interval.

use std::sync::Arc;
use std::time::Duration;

use futures_util::future::BoxFuture;
use jiff::Timestamp;
use rand::rngs::StdRng;
use rand::{Rng as _, SeedableRng as _};
use tokio::sync::watch;
use tokio::task::JoinHandle;

use crate::clock::Clock;

/// The longest sleep before the clock is looked at again. The time that the
/// machine was suspended does not count for a sleep, so without this a timer
/// would be late by as much.
const LONGEST_SLEEP: Duration = Duration::from_secs(30);

/// When a [`Timer`] fires.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TimerSchedule {
    /// From one time to the next; absent: never.
    pub interval: Option<Duration>,
    /// To the first time, from the timer's start or a change of its interval.
    pub first_after: Duration,
}

/// What a timer calls.
pub trait OnTimer: Send + 'static {
    /// It is time. The next time is planned once this ends, so it should
    /// submit work and not do it.
    fn fire(&mut self) -> BoxFuture<'_, ()>;
}

/// A running timer; dropping it stops it.
#[derive(Debug)]
pub struct Timer {
    schedule: watch::Sender<TimerSchedule>,
    next_at: watch::Receiver<Option<Timestamp>>,
    task: JoinHandle<()>,
}

impl Timer {
    /// Starts a timer; a Tokio runtime has to be running. The seed decides the
    /// jitter of up to a tenth of the interval, which keeps many daemons from
    /// asking one GitLab in the same second.
    pub fn start(
        schedule: TimerSchedule,
        seed: u64,
        clock: Arc<dyn Clock>,
        on_timer: impl OnTimer,
    ) -> Self {
        let (schedule, changes) = watch::channel(schedule);
        let (planned, next_at) = watch::channel(None);
        let jitter = StdRng::seed_from_u64(seed);
        let task = tokio::spawn(run(changes, planned, jitter, clock, on_timer));
        Self {
            schedule,
            next_at,
            task,
        }
    }

    /// When it fires next; none while it is off.
    pub fn next_at(&self) -> Option<Timestamp> {
        *self.next_at.borrow()
    }

    /// Plans anew where the schedule is another than before.
    pub fn reschedule(&self, schedule: TimerSchedule) {
        self.schedule.send_if_modified(|current| {
            let changed = *current != schedule;
            *current = schedule;
            changed
        });
    }

    /// Fires no more.
    pub fn stop(&self) {
        self.task.abort();
    }
}

impl Drop for Timer {
    fn drop(&mut self) {
        self.stop();
    }
}

/// Plan, sleep, fire, plan again from now: times that went by meanwhile, in a
/// suspended machine for one, are caught up on once and not one by one.
async fn run(
    mut changes: watch::Receiver<TimerSchedule>,
    planned: watch::Sender<Option<Timestamp>>,
    mut jitter: StdRng,
    clock: Arc<dyn Clock>,
    mut on_timer: impl OnTimer,
) {
    loop {
        let TimerSchedule {
            interval,
            first_after,
        } = *changes.borrow_and_update();
        let mut wait = first_after;
        while let Some(interval) = interval {
            let due = clock.now().saturating_add(wait).unwrap_or(Timestamp::MAX);
            planned.send_replace(Some(due));
            if !sleep_until(due, wait, &clock, &mut changes).await {
                if changes.has_changed().is_err() {
                    return;
                }
                break;
            }
            on_timer.fire().await;
            wait = spread(interval, &mut jitter);
        }
        if interval.is_none() {
            planned.send_replace(None);
            if changes.changed().await.is_err() {
                return;
            }
        }
    }
}

/// Sleeps until the clock shows `due`; false where the schedule changed first.
/// After a clock was set back it is `wait` from then, and no longer.
async fn sleep_until(
    mut due: Timestamp,
    wait: Duration,
    clock: &Arc<dyn Clock>,
    changes: &mut watch::Receiver<TimerSchedule>,
) -> bool {
    loop {
        let now = clock.now();
        let left = Duration::try_from(due.duration_since(now)).unwrap_or_default();
        if left.is_zero() {
            return true;
        }
        if left > wait {
            due = now.saturating_add(wait).unwrap_or(Timestamp::MAX);
        }
        tokio::select! {
            () = tokio::time::sleep(left.min(wait).min(LONGEST_SLEEP)) => {}
            _ = changes.changed() => return false,
        }
    }
}

/// `interval`, a tenth of it more or less.
fn spread(interval: Duration, jitter: &mut StdRng) -> Duration {
    interval.mul_f64(jitter.random_range(0.9..=1.1))
}

#[cfg(test)]
mod tests;
