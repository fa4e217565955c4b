//! What a job has told the world: one bounded log per job, read by any number
//! of subscribers at their own pace.
//!
//! A publisher never waits: a subscriber holds a position in the shared log
//! and no queue of its own. Progress and waiting are coalesced to the latest,
//! so that a log grows only with what must not be missed; of items and
//! warnings it keeps the newest [`MAX_ITEM_EVENTS`], and a subscriber that
//! needed older ones is told how many it lost.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use lore_proto::events::{Event, EventBody};
use tokio::sync::watch;

use crate::clock::Clock;

/// How many item and warning events a log keeps.
pub const MAX_ITEM_EVENTS: usize = 10_000;

/// The log of one job; clones share it.
#[derive(Debug, Clone)]
pub struct EventLog(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    job_id: u64,
    clock: Arc<dyn Clock>,
    max_items: usize,
    entries: Mutex<Entries>,
    /// Marked after each event, for those who wait for the next.
    changed: watch::Sender<()>,
    /// The same, for those who follow all jobs.
    any_changed: Option<watch::Sender<()>>,
}

#[derive(Debug, Default)]
struct Entries {
    last_seq: u64,
    /// How many lasting events there have been.
    last_ordinal: u64,
    events: BTreeMap<u64, Entry>,
    /// Where the latest event of each coalesced kind is.
    latest: HashMap<Coalesced, u64>,
    /// Where the item and warning events are, oldest first.
    items: std::collections::VecDeque<u64>,
    finished: bool,
}

#[derive(Debug)]
struct Entry {
    event: Arc<Event>,
    /// The event's number among those that no later one replaces; the gaps
    /// that a reader sees in these are what it lost.
    ordinal: Option<u64>,
}

#[derive(Debug, PartialEq, Eq, Hash)]
enum Coalesced {
    Progress { project: String, what: String },
    Waiting,
}

impl EventLog {
    /// An empty log of the job `job_id`.
    pub fn new(job_id: u64, clock: Arc<dyn Clock>) -> Self {
        Self::build(job_id, clock, MAX_ITEM_EVENTS, None)
    }

    pub(crate) fn build(
        job_id: u64,
        clock: Arc<dyn Clock>,
        max_items: usize,
        any_changed: Option<watch::Sender<()>>,
    ) -> Self {
        Self(Arc::new(Shared {
            job_id,
            clock,
            max_items,
            entries: Mutex::default(),
            changed: watch::Sender::new(()),
            any_changed,
        }))
    }

    /// The job whose log this is.
    pub fn job_id(&self) -> u64 {
        self.0.job_id
    }

    /// Appends an event about `run_id`, or about the job as a whole, and gives
    /// it its number and time. What follows a `finished` is left out.
    pub fn publish(&self, run_id: Option<&str>, body: EventBody) {
        {
            let mut entries = self.entries();
            if entries.finished {
                tracing::debug!(job = self.0.job_id, ?body, "event after the end of its job");
                return;
            }
            let event = Event {
                seq: entries.last_seq + 1,
                at: self.0.clock.now(),
                job_id: self.0.job_id,
                run_id: run_id.map(str::to_owned),
                body,
            };
            entries.append(event, self.0.max_items);
        }
        self.0.changed.send_replace(());
        if let Some(any) = &self.0.any_changed {
            any.send_replace(());
        }
    }

    /// The number of the latest event; 0 where there is none.
    pub fn last_seq(&self) -> u64 {
        self.entries().last_seq
    }

    /// True once `finished` was published.
    pub fn is_finished(&self) -> bool {
        self.entries().finished
    }

    /// How many events the log holds.
    pub fn len(&self) -> usize {
        self.entries().events.len()
    }

    /// True where nothing was published yet.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Reads the log from the event after `after_seq` on: 0 means all of it.
    pub fn subscribe(&self, after_seq: u64) -> Subscription {
        let (seq, ordinal) = {
            let entries = self.entries();
            let seq = after_seq.min(entries.last_seq);
            (seq, entries.ordinal_at(seq))
        };
        Subscription {
            changed: self.0.changed.subscribe(),
            log: self.clone(),
            seq,
            ordinal,
        }
    }

    /// Waits until nobody subscribes any more.
    #[cfg(test)]
    pub(crate) async fn unread(&self) {
        self.0.changed.closed().await;
    }

    fn entries(&self) -> MutexGuard<'_, Entries> {
        // Nothing that holds the lock can panic half-way through a change.
        self.0
            .entries
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}

impl Entries {
    fn append(&mut self, event: Event, max_items: usize) {
        let seq = event.seq;
        self.last_seq = seq;
        let coalesced = match &event.body {
            EventBody::Progress { project, what, .. } => Some(Coalesced::Progress {
                project: project.clone(),
                what: what.clone(),
            }),
            EventBody::Waiting { .. } => Some(Coalesced::Waiting),
            _ => None,
        };
        let ordinal = if let Some(kind) = coalesced {
            if let Some(older) = self.latest.insert(kind, seq) {
                self.events.remove(&older);
            }
            None
        } else {
            self.last_ordinal += 1;
            Some(self.last_ordinal)
        };
        match &event.body {
            EventBody::Entity { .. } | EventBody::Warning { .. } => {
                self.items.push_back(seq);
                if self.items.len() > max_items
                    && let Some(oldest) = self.items.pop_front()
                {
                    self.events.remove(&oldest);
                }
            }
            EventBody::Finished { .. } => self.finished = true,
            _ => {}
        }
        let event = Arc::new(event);
        self.events.insert(seq, Entry { event, ordinal });
    }

    /// How many lasting events there were up to `seq`. Where the log has
    /// forgotten that, it is the fewest that there can have been, so that a
    /// reader is never told of fewer losses than it had.
    fn ordinal_at(&self, seq: u64) -> u64 {
        let mut known = self.events.range(..=seq).rev();
        known.find_map(|(_, entry)| entry.ordinal).unwrap_or(0)
    }
}

/// A reader's position in one [`EventLog`].
#[derive(Debug)]
pub struct Subscription {
    log: EventLog,
    changed: watch::Receiver<()>,
    seq: u64,
    ordinal: u64,
}

/// What a [`Subscription`] gives.
#[derive(Debug, Clone)]
pub enum Delivery {
    /// The next event.
    Event(Arc<Event>),
    /// The log no longer had so many that the reader had not seen; what
    /// follows comes after `seq`.
    Lost {
        /// How many.
        count: u64,
        /// The number of the last of them, or of a coalesced event after it.
        seq: u64,
    },
}

impl Subscription {
    /// The job that is followed.
    pub fn job_id(&self) -> u64 {
        self.log.job_id()
    }

    /// The next event, waiting for it; none once the last was given. Nothing
    /// is lost where the future is dropped.
    pub async fn next(&mut self) -> Option<Delivery> {
        loop {
            self.changed.mark_unchanged();
            if let Some(delivery) = self.try_next() {
                return Some(delivery);
            }
            if self.is_over() {
                return None;
            }
            // The sender lives in the log that this subscription holds.
            self.changed.changed().await.ok()?;
        }
    }

    /// The next event that is there already.
    pub fn try_next(&mut self) -> Option<Delivery> {
        let entries = self.log.entries();
        let (seq, entry) = entries.events.range(self.seq + 1..).next()?;
        if let Some(ordinal) = entry.ordinal {
            let missed = ordinal.saturating_sub(self.ordinal + 1);
            // Each lost event had a number of its own in between.
            let count = missed.min(seq.saturating_sub(self.seq + 1));
            self.ordinal = ordinal - 1;
            if count > 0 {
                self.seq = seq - 1;
                return Some(Delivery::Lost {
                    count,
                    seq: self.seq,
                });
            }
            self.ordinal = ordinal;
        }
        self.seq = *seq;
        Some(Delivery::Event(Arc::clone(&entry.event)))
    }

    /// True once the last event of a finished job was given.
    pub fn is_over(&self) -> bool {
        let entries = self.log.entries();
        entries.finished && self.seq >= entries.last_seq
    }
}

#[cfg(test)]
mod tests;
