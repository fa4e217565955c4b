//! The wish that the daemon ends.

use std::time::Duration;

use tokio::sync::watch;

use super::Daemon;

/// How long running jobs get to end where nobody says otherwise.
pub(crate) const DEFAULT_GRACE: Duration = Duration::from_secs(10);

impl Daemon {
    /// Asks for the end of the daemon; running jobs get `grace` to end. A
    /// second request may only make it shorter.
    pub fn request_stop(&self, grace: Option<Duration>) {
        self.stop.request(grace.unwrap_or(DEFAULT_GRACE));
    }
}

/// The wish that the daemon stops, and the grace for running jobs.
#[derive(Debug)]
pub(crate) struct StopSignal(watch::Sender<Option<Duration>>);

impl StopSignal {
    pub(crate) fn new() -> Self {
        Self(watch::Sender::new(None))
    }

    /// The wish as it is, and as it becomes.
    pub(crate) fn subscribe(&self) -> watch::Receiver<Option<Duration>> {
        self.0.subscribe()
    }

    fn request(&self, grace: Duration) {
        self.0
            .send_modify(|wish| *wish = Some(wish.map_or(grace, |before| before.min(grace))));
    }
}
