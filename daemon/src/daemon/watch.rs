//! What the daemon notices by itself: an edited config, a database that can be
//! opened again.

use std::sync::{Arc, Weak};
use std::time::Duration;

use super::Daemon;

/// How often it is looked. A look is one call of the system, which works for
/// every editor, link and file system; being told by the system does not.
const EVERY: Duration = Duration::from_secs(5);

/// Looks again and again, for as long as there is a daemon.
pub(crate) async fn run(daemon: Weak<Daemon>) {
    loop {
        tokio::time::sleep(EVERY).await;
        let Some(daemon) = daemon.upgrade() else {
            return;
        };
        daemon.notice_changes().await;
    }
}

impl Daemon {
    /// Takes up what changed around the daemon.
    pub async fn notice_changes(self: &Arc<Self>) {
        self.notice_config_change().await;
        self.retry_mirror().await;
        if let Ok(mirror) = self.mirror.now() {
            // Ends of runs that a full disk did not take.
            mirror.engine.ledger().close_at_next_chance().await;
        }
    }
}
