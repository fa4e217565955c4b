//! Items that have to be looked at again at a certain time: GitLab may tell of
//! a change up to a minute late, so what was fetched right after a change is
//! fetched once more, without waiting for the timer's next sync.

use std::collections::HashMap;
use std::sync::{Arc, Weak};
use std::time::Duration;

use jiff::Timestamp;
use tokio::sync::Notify;
use tokio::time::Instant;

use super::Daemon;
use super::syncs::named;

/// From one sync for rechecks to the next at least, so that an item that
/// cannot be had is not asked for without end.
const PAUSE: Duration = Duration::from_secs(30);
/// The longest time between two such syncs of a project whose items stay due,
/// since its host is away, say.
const LONGEST_PAUSE: Duration = Duration::from_hours(1);
/// The longest sleep before the clock is looked at again; see the timer.
const LONGEST_SLEEP: Duration = Duration::from_mins(5);

/// Syncs a project when one of its items is due, for as long as there is a
/// daemon. Where nothing is due it sleeps until something was `synced`.
pub(crate) async fn run(daemon: Weak<Daemon>, synced: Arc<Notify>) {
    let mut tried = Tried::default();
    loop {
        let wait = match daemon.upgrade() {
            None => return,
            Some(daemon) => match next(&daemon, &tried).await {
                None => tried.next().map(|left| left.min(LONGEST_SLEEP)),
                Some((at, project)) => {
                    let now = daemon.clock.now();
                    if at <= now {
                        tried.again(project.clone(), at);
                        daemon.timed_sync(Some(project)).await;
                        Some(PAUSE)
                    } else {
                        let left = Duration::try_from(at.duration_since(now)).unwrap_or_default();
                        let others = tried.next().unwrap_or(LONGEST_SLEEP);
                        Some(left.min(others).min(LONGEST_SLEEP))
                    }
                }
            },
        };
        let paused = wait == Some(PAUSE);
        tokio::select! {
            () = sleep(wait) => {}
            // Right after a sync for rechecks, its own end does not cut the
            // pause short.
            () = synced.notified(), if !paused => {}
        }
    }
}

/// A host and a project's path.
type Named = (String, String);

/// The projects that were synced for what was due in them, and when each may be
/// again: those that cannot be had must not keep the others from their turn.
#[derive(Default)]
struct Tried(HashMap<Named, Try>);

struct Try {
    /// What was due.
    at: Timestamp,
    /// When the next one may be.
    until: Instant,
    waits: Duration,
}

impl Tried {
    /// Notes a try for what is due since `at`; the next one waits, twice as
    /// long where the last try was for the same and left it due.
    fn again(&mut self, project: Named, at: Timestamp) {
        let waits = match self.0.get(&project) {
            Some(before) if before.at == at => (before.waits * 2).min(LONGEST_PAUSE),
            _ => PAUSE,
        };
        let until = Instant::now() + waits;
        self.0.insert(project, Try { at, until, waits });
    }

    fn may(&self, project: &Named) -> bool {
        self.0
            .get(project)
            .is_none_or(|before| before.until <= Instant::now())
    }

    /// How long until the next of them may be tried again.
    fn next(&self) -> Option<Duration> {
        let now = Instant::now();
        let waits = self.0.values().map(|before| before.until);
        let next = waits.filter(|until| *until > now).min()?;
        Some(next - now)
    }
}

/// The next item that is due, and its project; none while the timer is off.
async fn next(daemon: &Daemon, tried: &Tried) -> Option<(Timestamp, Named)> {
    let ready = daemon.ready().ok()?;
    ready.config.sync.interval?;
    let mut projects = named(&ready.config);
    projects.retain(|project| tried.may(project));
    match ready.engine.next_recheck(projects).await {
        Ok(next) => next,
        Err(error) => {
            tracing::warn!(%error, "it is unknown which items are due");
            None
        }
    }
}

async fn sleep(wait: Option<Duration>) {
    match wait {
        Some(wait) => tokio::time::sleep(wait).await,
        None => std::future::pending().await,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_project_that_stays_due_waits_longer_each_time_and_keeps_no_other_back() {
        let named = |path: &str| ("h".to_owned(), path.to_owned());
        let (away, other) = (named("away"), named("other"));
        let due = Timestamp::UNIX_EPOCH;
        let mut tried = Tried::default();
        let mut waits = Vec::new();
        for _ in 0..9 {
            assert!(tried.may(&away));
            tried.again(away.clone(), due);
            assert!(!tried.may(&away) && tried.may(&other));
            let wait = tried.next().unwrap();
            waits.push(wait.as_secs());
            tokio::time::advance(wait).await;
        }
        assert_eq!(waits, [30, 60, 120, 240, 480, 960, 1920, 3600, 3600]);
        // What is due by now is another item: the last one was had.
        tried.again(away, due + jiff::SignedDuration::from_mins(1));
        assert_eq!(tried.next(), Some(PAUSE));
    }
}
