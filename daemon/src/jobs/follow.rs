//! Following jobs from the outside: one to its end, or all.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use lore_proto::events::{Event, EventBody};
use lore_proto::jobs::JobInfo;
use tokio::sync::watch;

use crate::clock::Clock;
use crate::events::{Delivery, EventLog, MAX_ITEM_EVENTS, Subscription};

/// What is seen of one job from the outside; clones share it. It outlives the
/// scheduler's memory of the job for as long as somebody reads it.
#[derive(Debug, Clone)]
pub(super) struct JobView {
    pub(super) log: EventLog,
    /// The job without its result, written by the scheduler's task alone.
    summary: Arc<Mutex<JobInfo>>,
}

impl JobView {
    /// Shows `info` from here on.
    pub(super) fn show(&self, info: &JobInfo) {
        let summary = JobInfo {
            result: None,
            ..info.clone()
        };
        *self.summary.lock().unwrap_or_else(PoisonError::into_inner) = summary;
    }

    fn summary(&self) -> JobInfo {
        let summary = self
            .summary
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone();
        JobInfo {
            last_seq: self.log.last_seq(),
            ..summary
        }
    }

    /// What a subscriber of this job is sent for `delivery`.
    fn event(&self, delivery: Delivery, at: &dyn Clock) -> Event {
        match delivery {
            Delivery::Event(event) => (*event).clone(),
            Delivery::Lost { count, seq } => Event {
                seq,
                at: at.now(),
                job_id: self.log.job_id(),
                run_id: None,
                body: EventBody::Lagged {
                    lost: count,
                    job: Box::new(self.summary()),
                },
            },
        }
    }
}

/// The views of all jobs that the scheduler knows.
#[derive(Debug)]
pub(super) struct JobIndex {
    pub(super) clock: Arc<dyn Clock>,
    views: Mutex<BTreeMap<u64, JobView>>,
    /// Marked after each event of any job, and at the end of all.
    changed: watch::Sender<()>,
    /// No event follows.
    ended: AtomicBool,
}

impl JobIndex {
    pub(super) fn new(clock: Arc<dyn Clock>) -> Self {
        Self {
            clock,
            views: Mutex::default(),
            changed: watch::Sender::new(()),
            ended: AtomicBool::new(false),
        }
    }

    /// No event follows: who follows all jobs comes to an end.
    pub(super) fn end(&self) {
        self.ended.store(true, Ordering::Release);
        self.changed.send_replace(());
    }

    /// The view of a new job, whose events are told to those who follow all.
    pub(super) fn add(&self, info: &JobInfo) -> JobView {
        let changed = Some(self.changed.clone());
        let log = EventLog::build(
            info.job_id,
            Arc::clone(&self.clock),
            MAX_ITEM_EVENTS,
            changed,
        );
        let view = JobView {
            log,
            summary: Arc::new(Mutex::new(info.clone())),
        };
        self.views().insert(info.job_id, view.clone());
        view
    }

    pub(super) fn remove(&self, job_id: u64) {
        self.views().remove(&job_id);
    }

    fn after(&self, job_id: u64) -> Vec<JobView> {
        let views = self.views();
        views
            .range(job_id + 1..)
            .map(|(_, view)| view.clone())
            .collect()
    }

    fn views(&self) -> MutexGuard<'_, BTreeMap<u64, JobView>> {
        self.views.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn follow(self: &Arc<Self>, job_id: u64, after_seq: u64) -> Option<FollowJob> {
        let view = self.views().get(&job_id)?.clone();
        Some(FollowJob {
            clock: Arc::clone(&self.clock),
            subscription: view.log.subscribe(after_seq),
            view,
        })
    }

    pub(super) fn follow_all(self: &Arc<Self>) -> FollowAll {
        let changed = self.changed.subscribe();
        let views = self.after(0);
        let newest = views.last().map_or(0, |view| view.log.job_id());
        let going_on = views.into_iter().filter(|view| !view.log.is_finished());
        let jobs = going_on.map(|view| {
            let now = view.log.last_seq();
            (view.log.job_id(), (view.log.subscribe(now), view))
        });
        FollowAll {
            jobs: jobs.collect(),
            changed,
            newest,
            latest: 0,
            index: Arc::clone(self),
        }
    }
}

/// Follows one job; ends after its `finished`.
#[derive(Debug)]
pub struct FollowJob {
    clock: Arc<dyn Clock>,
    subscription: Subscription,
    view: JobView,
}

impl FollowJob {
    /// The next event, waiting for it; none after `finished`. A reader that
    /// was too slow gets a `lagged` in the place of what it lost.
    pub async fn next(&mut self) -> Option<Event> {
        let delivery = self.subscription.next().await?;
        Some(self.view.event(delivery, &*self.clock))
    }
}

/// Follows every job, from now on until the scheduler ends.
#[derive(Debug)]
pub struct FollowAll {
    index: Arc<JobIndex>,
    changed: watch::Receiver<()>,
    jobs: BTreeMap<u64, (Subscription, JobView)>,
    /// The newest job that is followed.
    newest: u64,
    /// The job of the event given last; the next job has its turn then, so
    /// that a chatty one does not hide the others.
    latest: u64,
}

impl FollowAll {
    /// The next event of any job, waiting for it; none once the scheduler has
    /// ended. The events of one job come in their order; those of two may come
    /// in another than they happened.
    pub async fn next(&mut self) -> Option<Event> {
        loop {
            self.changed.mark_unchanged();
            // Before the look at the jobs, whose last events come before it.
            let ended = self.index.ended.load(Ordering::Acquire);
            let event = self.try_next();
            if event.is_some() || ended {
                return event;
            }
            self.changed.changed().await.ok()?;
        }
    }

    fn try_next(&mut self) -> Option<Event> {
        for view in self.index.after(self.newest) {
            self.newest = view.log.job_id();
            self.jobs.insert(self.newest, (view.log.subscribe(0), view));
        }
        let order: Vec<u64> = self
            .jobs
            .range(self.latest + 1..)
            .chain(self.jobs.range(..=self.latest))
            .map(|(job_id, _)| *job_id)
            .collect();
        for job_id in order {
            let (subscription, view) = self.jobs.get_mut(&job_id)?;
            if let Some(delivery) = subscription.try_next() {
                let event = view.event(delivery, &*self.index.clock);
                if subscription.is_over() {
                    self.jobs.remove(&job_id);
                }
                self.latest = job_id;
                return Some(event);
            }
        }
        None
    }
}
