//! What was asked of the simulator.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use parking_lot::Mutex;

use crate::{Moment, Route};

/// One request, as it was answered.
#[derive(Clone, Debug)]
pub struct RequestEntry {
    /// Position in the order of arrival, from 1, not reset by `clear`.
    pub number: u64,
    /// `GET`, `POST`, ...
    pub method: String,
    /// Path as sent, still encoded, without the query.
    pub path: String,
    /// Query parameters, decoded, in order.
    pub query: Vec<(String, String)>,
    /// The endpoint.
    pub route: Route,
    /// Global id of the project it was about, where there is one.
    pub project_id: Option<u64>,
    /// The iid in the path.
    pub iid: Option<u64>,
    /// Status of the answer; what a fault made of it, if one was injected.
    pub status: u16,
    /// Parameters that GitLab would ignore: a mistake in the client.
    pub unknown_params: Vec<String>,
    /// The server's time when it arrived.
    pub at: Moment,
    /// Name of the fault that was injected.
    pub fault: Option<&'static str>,
    /// Body of a POST.
    pub body: Option<String>,
    /// The `User-Agent`.
    pub user_agent: Option<String>,
}

impl RequestEntry {
    /// The first value of a query parameter.
    pub fn param(&self, name: &str) -> Option<&str> {
        self.query
            .iter()
            .find(|(known, _)| known == name)
            .map(|(_, value)| value.as_str())
    }
}

/// The log of all requests. Clones share one log.
#[derive(Clone, Debug, Default)]
pub struct RequestLog {
    inner: Arc<Inner>,
}

#[derive(Debug, Default)]
struct Inner {
    entries: Mutex<Vec<RequestEntry>>,
    in_flight: AtomicUsize,
    most_in_flight: AtomicUsize,
}

impl RequestLog {
    /// All requests since the start or the last `clear`, in the order in which
    /// they were answered.
    pub fn entries(&self) -> Vec<RequestEntry> {
        self.inner.entries.lock().clone()
    }

    /// How many there were.
    pub fn len(&self) -> usize {
        self.inner.entries.lock().len()
    }

    /// Whether there were none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// How many of them pass a test.
    pub fn count_where(&self, test: impl Fn(&RequestEntry) -> bool) -> usize {
        self.inner
            .entries
            .lock()
            .iter()
            .filter(|entry| test(entry))
            .count()
    }

    /// How many went to an endpoint.
    pub fn count(&self, route: Route) -> usize {
        self.count_where(|entry| entry.route == route)
    }

    /// Every request with a parameter that GitLab would ignore.
    pub fn with_unknown_params(&self) -> Vec<RequestEntry> {
        let entries = self.inner.entries.lock();
        entries
            .iter()
            .filter(|entry| !entry.unknown_params.is_empty())
            .cloned()
            .collect()
    }

    /// The most requests that were being answered at once.
    pub fn most_in_flight(&self) -> usize {
        self.inner.most_in_flight.load(Ordering::SeqCst)
    }

    /// Forgets all entries and the high-water mark.
    pub fn clear(&self) {
        self.inner.entries.lock().clear();
        self.inner.most_in_flight.store(0, Ordering::SeqCst);
    }

    pub(crate) fn push(&self, entry: RequestEntry) {
        self.inner.entries.lock().push(entry);
    }

    /// Counts a request as in flight until the guard is dropped.
    pub(crate) fn begin(&self) -> InFlight {
        let now = self.inner.in_flight.fetch_add(1, Ordering::SeqCst) + 1;
        self.inner.most_in_flight.fetch_max(now, Ordering::SeqCst);
        InFlight { log: self.clone() }
    }
}

pub(crate) struct InFlight {
    log: RequestLog,
}

impl Drop for InFlight {
    fn drop(&mut self) {
        self.log.inner.in_flight.fetch_sub(1, Ordering::SeqCst);
    }
}
