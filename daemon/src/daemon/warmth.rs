//! Keeps the connections that surgical syncs used from growing cold.
//!
//! A server closes a connection that is idle for about a minute, and opening
//! one costs as much time again as the sync itself. Whoever syncs one merge
//! request soon syncs another, so the connections of the last surgical sync
//! are touched every so often for a while. Where nobody syncs, nothing wakes.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::Duration;

use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;
use tokio::sync::Notify;
use tokio::time::Instant;

use super::Daemon;

/// From one touch to the next: less than the minute after which nginx and
/// GitLab's own proxy close.
const EVERY: Duration = Duration::from_secs(45);
/// How long after a surgical sync its connections are kept.
const FOR: Duration = Duration::from_mins(20);

/// Which hosts are kept warm.
#[derive(Debug, Default)]
pub(crate) struct Warmth {
    hosts: Mutex<BTreeMap<String, Warm>>,
    changed: Notify,
}

#[derive(Debug, Clone, Copy)]
struct Warm {
    connections: usize,
    until: Instant,
}

/// Keeps warm what a daemon's syncs used, for as long as there is a daemon.
pub(crate) async fn run(daemon: Weak<Daemon>, warmth: Arc<Warmth>) {
    let touch = move |host: String, connections| {
        let client = daemon.upgrade().and_then(|it| it.hosts.made(&host));
        async move {
            if let Some(client) = client {
                let standing = client.warm(connections).await;
                tracing::trace!(host, standing, "connections kept warm");
            }
        }
        .boxed()
    };
    warmth.keep(touch).await;
}

impl Warmth {
    /// A surgical sync has used that many connections of a host.
    pub(super) fn used(&self, host: &str, connections: usize) {
        let until = Instant::now() + FOR;
        let mut hosts = self.hosts.lock().unwrap_or_else(PoisonError::into_inner);
        let warm = hosts
            .entry(host.to_owned())
            .or_insert(Warm { connections, until });
        warm.connections = warm.connections.max(connections);
        warm.until = until;
        drop(hosts);
        self.changed.notify_one();
    }

    /// Touches what is kept warm, again and again; never ends.
    pub(super) async fn keep(&self, touch: impl Fn(String, usize) -> BoxFuture<'static, ()>) {
        loop {
            let warm = self.warm(Instant::now());
            if warm.is_empty() {
                self.changed.notified().await;
            } else {
                for (host, connections) in warm {
                    touch(host, connections).await;
                }
            }
            tokio::time::sleep(EVERY).await;
        }
    }

    /// The hosts to touch, and with how many connections; forgets those whose
    /// time is over.
    fn warm(&self, now: Instant) -> Vec<(String, usize)> {
        let mut hosts = self.hosts.lock().unwrap_or_else(PoisonError::into_inner);
        hosts.retain(|_, warm| warm.until > now);
        hosts
            .iter()
            .map(|(host, warm)| (host.clone(), warm.connections))
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn connections_are_touched_for_a_while_and_then_nothing_wakes() {
        let warmth = Arc::new(Warmth::default());
        let touched: Arc<Mutex<Vec<(String, usize)>>> = Arc::default();
        let task = tokio::spawn({
            let (warmth, touched) = (Arc::clone(&warmth), Arc::clone(&touched));
            async move {
                let touch = |host, connections| {
                    touched.lock().unwrap().push((host, connections));
                    std::future::ready(()).boxed()
                };
                warmth.keep(touch).await;
            }
        });
        let count = || touched.lock().unwrap().len();
        // Time flies while everything waits.
        tokio::time::sleep(Duration::from_hours(1)).await;
        assert_eq!(count(), 0);
        warmth.used("h", 8);
        warmth.used("h", 3);
        tokio::time::sleep(Duration::from_mins(10)).await;
        let touches = count();
        assert!((12..=14).contains(&touches), "{touches}");
        assert_eq!(touched.lock().unwrap()[0], ("h".to_owned(), 8));
        tokio::time::sleep(Duration::from_hours(1)).await;
        let touches = count();
        assert!((25..=27).contains(&touches), "{touches}");
        tokio::time::sleep(Duration::from_hours(5)).await;
        assert_eq!(count(), touches);
        task.abort();
    }
}
