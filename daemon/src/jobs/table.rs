//! What the scheduler's task owns: every job, and which may start next.
//! Nothing here waits or spawns, so that each step can be tested by itself.

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use lore_proto::events::EventBody;
use lore_proto::jobs::{Cancelled, JobInfo, JobState, Priority};
use lore_proto::{ErrorCode, WireError};
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

use super::follow::{JobIndex, JobView};
use super::{JobContext, Outcome, SchedulerLimits, Submission, Submitted, Work};
use crate::clock::Clock;

/// The number of the request that a job was made for.
const FIRST_ASKER: u64 = 1;

pub(super) struct JobTable {
    clock: Arc<dyn Clock>,
    limits: SchedulerLimits,
    jobs: BTreeMap<u64, Job>,
    last_id: u64,
    index: Arc<JobIndex>,
    /// Rung by a running job that gives back an exclusive name.
    freed: Arc<Notify>,
    /// Why no more jobs are taken.
    closed: bool,
}

struct Job {
    info: JobInfo,
    view: JobView,
    key: Option<String>,
    /// Whose requests it is done for, by the number that each was given.
    askers: BTreeSet<u64>,
    last_asker: u64,
    /// Absent once it started.
    work: Option<Box<dyn Work>>,
    cx: JobContext,
}

/// A job that shall run now.
pub(super) struct Start {
    pub(super) work: Box<dyn Work>,
    pub(super) cx: JobContext,
}

impl JobTable {
    pub(super) fn new(limits: SchedulerLimits, index: Arc<JobIndex>) -> Self {
        Self {
            clock: Arc::clone(&index.clock),
            limits,
            jobs: BTreeMap::new(),
            last_id: 0,
            index,
            freed: Arc::default(),
            closed: false,
        }
    }

    /// What tells that another job may be able to start.
    pub(super) fn freed(&self) -> Arc<Notify> {
        Arc::clone(&self.freed)
    }

    /// Queues a job, or joins the request to an identical one.
    pub(super) fn submit(&mut self, submission: Submission) -> Result<Submitted, WireError> {
        if self.closed {
            return Err(stopping());
        }
        if let Some(job) = self.identical(&submission) {
            if submission.priority > job.info.priority {
                job.info.priority = submission.priority;
                job.view.show(&job.info);
                job.cx.raise();
            }
            job.last_asker += 1;
            job.askers.insert(job.last_asker);
            return Ok(Submitted {
                job_id: job.info.job_id,
                joined: true,
                asker: job.last_asker,
                run_ids: job.info.run_ids.clone(),
            });
        }
        if self.count(JobState::Queued) >= self.limits.max_queued {
            let message = format!(
                "{} jobs wait already, and the queue takes no more; wait for them or cancel some",
                self.limits.max_queued
            );
            return Err(WireError::new(ErrorCode::Usage, message).action("lore jobs"));
        }
        self.last_id += 1;
        let job_id = self.last_id;
        let info = JobInfo {
            job_id,
            kind: submission.kind.to_owned(),
            title: submission.title,
            state: JobState::Queued,
            priority: submission.priority,
            run_ids: submission.run_ids.clone(),
            queued_at: self.clock.now(),
            started_at: None,
            finished_at: None,
            last_seq: 0,
            result: None,
            error: None,
        };
        let view = self.index.add(&info);
        view.log.publish(None, EventBody::Queued {});
        let log = view.log.clone();
        let job = Job {
            info,
            view,
            key: submission.key,
            askers: BTreeSet::from([FIRST_ASKER]),
            last_asker: FIRST_ASKER,
            work: Some(submission.work),
            cx: JobContext::new(submission.priority, log, CancellationToken::new())
                .claiming(submission.exclusive, Arc::clone(&self.freed)),
        };
        self.jobs.insert(job_id, job);
        Ok(Submitted {
            job_id,
            joined: false,
            asker: FIRST_ASKER,
            run_ids: submission.run_ids,
        })
    }

    /// Takes the next job that may run: interactive before background, older
    /// before newer; one that shares an exclusive name with a running job, or
    /// with one that goes before it, waits.
    pub(super) fn start_next(&mut self) -> Option<Start> {
        let running = self.in_state(JobState::Running);
        if running.clone().count() >= self.limits.max_running {
            return None;
        }
        let mut taken: HashSet<String> = running.flat_map(|job| job.cx.claimed()).collect();
        let mut queued: Vec<&Job> = self.in_state(JobState::Queued).collect();
        queued.sort_by_key(|job| (std::cmp::Reverse(job.info.priority), job.info.job_id));
        let next = queued.into_iter().find(|job| {
            let wanted = job.cx.claimed();
            let free = !wanted.iter().any(|name| taken.contains(name));
            taken.extend(wanted);
            free
        })?;
        let job_id = next.info.job_id;
        let now = self.clock.now();
        let job = self.jobs.get_mut(&job_id)?;
        let work = job.work.take()?;
        job.info.state = JobState::Running;
        job.info.started_at = Some(now);
        job.view.show(&job.info);
        job.cx.events.publish(None, EventBody::Started {});
        Some(Start {
            work,
            cx: job.cx.clone(),
        })
    }

    /// Writes down how a job ended, and then tells its subscribers.
    pub(super) fn end(&mut self, job_id: u64, outcome: Outcome) {
        let now = self.clock.now();
        let Some(job) = self.jobs.get_mut(&job_id) else {
            return;
        };
        if job.info.state.is_terminal() {
            return;
        }
        let state = outcome.state();
        job.info.state = state;
        job.info.finished_at = Some(now);
        job.info.result.clone_from(&outcome.result);
        job.info.error.clone_from(&outcome.error);
        job.view.show(&job.info);
        job.work = None;
        // Whatever of the job is still about, such as a task of its own, ends.
        job.cx.cancel.cancel();
        job.cx.events.publish(
            None,
            EventBody::Finished {
                state,
                result: outcome.result,
                error: outcome.error,
            },
        );
        self.forget_old(now);
    }

    /// Ends a queued job; tells a running one to end. What `asker` takes back
    /// is its own request alone, and that as often as it likes.
    pub(super) fn cancel(&mut self, job_id: u64, asker: Option<u64>) -> Option<Cancelled> {
        let job = self.jobs.get_mut(&job_id)?;
        let state = job.info.state;
        if let Some(asker) = asker {
            job.askers.remove(&asker);
            if !job.askers.is_empty() && !state.is_terminal() && !job.cx.cancel.is_cancelled() {
                return Some(Cancelled {
                    job_id,
                    cancelled: false,
                    left: true,
                    state,
                });
            }
        }
        match state {
            JobState::Queued => self.end(job_id, Outcome::cancelled()),
            JobState::Running => job.cx.cancel.cancel(),
            JobState::Succeeded | JobState::Failed | JobState::Cancelled => {}
        }
        Some(Cancelled {
            job_id,
            cancelled: !state.is_terminal(),
            left: false,
            state,
        })
    }

    /// Takes no more jobs and cancels the queued ones.
    pub(super) fn close(&mut self) {
        self.closed = true;
        for job_id in self.ids_in(JobState::Queued) {
            self.cancel(job_id, None);
        }
    }

    /// Tells every running job to end.
    pub(super) fn cancel_running(&mut self) {
        for job_id in self.ids_in(JobState::Running) {
            self.cancel(job_id, None);
        }
    }

    /// Nothing happens to any job any more.
    pub(super) fn end_index(&self) {
        self.index.end();
    }

    /// Ends, in the books, what did not end by itself.
    pub(super) fn abandon_running(&mut self) {
        for job_id in self.ids_in(JobState::Running) {
            self.end(job_id, Outcome::cancelled());
        }
    }

    pub(super) fn get(&self, job_id: u64) -> Option<JobInfo> {
        self.jobs.get(&job_id).map(Job::info)
    }

    /// Running, then queued in their turn, then ended ones, latest first;
    /// without results.
    pub(super) fn list(&mut self) -> Vec<JobInfo> {
        self.forget_old(self.clock.now());
        let mut jobs: Vec<JobInfo> = self.jobs.values().map(Job::info).collect();
        for job in &mut jobs {
            job.result = None;
        }
        jobs.sort_by_key(|job| match job.state {
            JobState::Running => (
                0,
                std::cmp::Reverse(Priority::Interactive),
                as_key(job.job_id),
            ),
            JobState::Queued => (1, std::cmp::Reverse(job.priority), as_key(job.job_id)),
            _ => (
                2,
                std::cmp::Reverse(Priority::Interactive),
                -as_key(job.job_id),
            ),
        });
        jobs
    }

    pub(super) fn running(&self) -> usize {
        self.count(JobState::Running)
    }

    fn identical(&mut self, submission: &Submission) -> Option<&mut Job> {
        let key = submission.key.as_ref()?;
        self.jobs.values_mut().find(|job| {
            // One that was told to end is no answer to a new request.
            job.key.as_ref() == Some(key)
                && !job.info.state.is_terminal()
                && !job.cx.cancel.is_cancelled()
        })
    }

    /// Drops what ended long ago, and the oldest of what ended, until what is
    /// kept for late subscribers is within its bounds. The latest end stays.
    fn forget_old(&mut self, now: Timestamp) {
        let mut ended: Vec<(Timestamp, u64, usize)> = self
            .jobs
            .values()
            .filter_map(|job| {
                let at = job.info.finished_at?;
                Some((at, job.info.job_id, job.cx.events.len()))
            })
            .collect();
        ended.sort_unstable_by(|a, b| b.cmp(a));
        let mut events = 0;
        for (index, (at, job_id, len)) in ended.into_iter().enumerate() {
            events += len;
            let age = Duration::try_from(now.duration_since(at)).unwrap_or_default();
            let keep = index < self.limits.max_ended
                && age <= self.limits.keep_ended
                && events <= self.limits.max_ended_events;
            if index > 0 && !keep {
                self.jobs.remove(&job_id);
                self.index.remove(job_id);
            }
        }
    }

    fn in_state(&self, state: JobState) -> impl Iterator<Item = &Job> + Clone {
        self.jobs
            .values()
            .filter(move |job| job.info.state == state)
    }

    fn ids_in(&self, state: JobState) -> Vec<u64> {
        self.in_state(state).map(|job| job.info.job_id).collect()
    }

    fn count(&self, state: JobState) -> usize {
        self.in_state(state).count()
    }
}

impl Job {
    fn info(&self) -> JobInfo {
        JobInfo {
            last_seq: self.cx.events.last_seq(),
            ..self.info.clone()
        }
    }
}

fn as_key(job_id: u64) -> i64 {
    i64::try_from(job_id).unwrap_or(i64::MAX)
}

pub(super) fn stopping() -> WireError {
    WireError::new(
        ErrorCode::DaemonUnavailable,
        "lored is stopping and takes no more jobs; ask again once it runs",
    )
    .action("lore daemon start")
}

#[cfg(test)]
mod tests;
