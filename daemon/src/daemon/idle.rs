//! The end of a daemon that has nothing to do and is started again by the
//! first client: one whose socket a service manager keeps.

use std::sync::Weak;
use std::time::Duration;

use super::Daemon;
use crate::connections::Connections;

/// How often it is looked whether there is anything to do.
const EVERY: Duration = Duration::from_mins(1);
/// How many looks in a row have to find nothing.
const LOOKS: u32 = 10;

/// Looks again and again, and asks for the end once nobody has wanted anything
/// for long enough.
pub(crate) async fn run(daemon: Weak<Daemon>) {
    let mut idle_looks = 0;
    let mut clients_before = None;
    loop {
        tokio::time::sleep(EVERY).await;
        let Some(daemon) = daemon.upgrade() else {
            return;
        };
        let clients = daemon.connections.get().map(Connections::ever);
        let idle = daemon.has_nothing_to_do().await && clients == clients_before;
        clients_before = clients;
        idle_looks = if idle { idle_looks + 1 } else { 0 };
        if idle_looks == LOOKS {
            tracing::info!("nobody wants anything; the next client starts lored again");
            daemon.request_stop(None);
            return;
        }
    }
}

impl Daemon {
    /// True while there is no client, no job and no timer. A config that
    /// cannot be read may yet turn out to want a timer.
    async fn has_nothing_to_do(&self) -> bool {
        let timed = self
            .settings
            .current()
            .map_or(true, |config| config.sync.interval.is_some());
        let connected = self.connections.get().is_none_or(|it| it.count() > 0);
        if timed || connected {
            return false;
        }
        let jobs = self.scheduler.list().await;
        jobs.iter().all(|job| job.finished_at.is_some())
    }
}
