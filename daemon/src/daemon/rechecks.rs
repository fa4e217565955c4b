//! Items that have to be looked at again at a certain time: GitLab may tell of
//! a change up to a minute late, so what was fetched right after a change is
//! fetched once more, without waiting for the timer's next sync.

use std::sync::{Arc, Weak};
use std::time::Duration;

use jiff::Timestamp;
use tokio::sync::Notify;

use super::Daemon;
use super::syncs::named;

/// From one sync for rechecks to the next at least, so that an item that
/// cannot be had is not asked for without end.
const PAUSE: Duration = Duration::from_secs(30);
/// The longest sleep before the clock is looked at again; see the timer.
const LONGEST_SLEEP: Duration = Duration::from_mins(5);

/// Syncs a project when one of its items is due, for as long as there is a
/// daemon. Where nothing is due it sleeps until something was `synced`.
pub(crate) async fn run(daemon: Weak<Daemon>, synced: Arc<Notify>) {
    loop {
        let wait = match daemon.upgrade() {
            None => return,
            Some(daemon) => match next(&daemon).await {
                None => None,
                Some((at, project)) => {
                    let now = daemon.clock.now();
                    if at <= now {
                        daemon.timed_sync(Some(project)).await;
                        Some(PAUSE)
                    } else {
                        let left = Duration::try_from(at.duration_since(now)).unwrap_or_default();
                        Some(left.min(LONGEST_SLEEP))
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

/// The next item that is due, and its project; none while the timer is off.
async fn next(daemon: &Daemon) -> Option<(Timestamp, (String, String))> {
    let ready = daemon.ready().ok()?;
    ready.config.sync.interval?;
    match ready.engine.next_recheck(named(&ready.config)).await {
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
