//! Jobs: a queue with two priorities, run to an end that is always told.
//!
//! This room knows that jobs exist and not what they do. [`Scheduler`] is the
//! handle to the one task that owns the queue; [`Timer`] submits background
//! work; [`Work`] is what a job does.

mod follow;
mod scheduler;
mod table;
mod timer;

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use futures_util::future::BoxFuture;
use lore_proto::jobs::{JobState, Priority};
use lore_proto::{ErrorCode, WireError};
use serde_json::Value;
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

pub use follow::{FollowAll, FollowJob};
pub use scheduler::{Scheduler, SchedulerLimits};
pub use timer::{OnTimer, Timer, TimerSchedule};

use crate::events::EventLog;

/// What a job does.
pub trait Work: Send + 'static {
    /// Runs to the end. It has to select on `cx.cancel` wherever it waits, and
    /// to end soon once that fires, with an outcome of code
    /// [`ErrorCode::Cancelled`]. What the outcome reports has to be durable
    /// by then: the job's subscribers are told right after. A panic fails the
    /// job and nothing else.
    fn run(self: Box<Self>, cx: JobContext) -> BoxFuture<'static, Outcome>;
}

/// What a running job has of the outside; clones share it.
#[derive(Debug, Clone)]
pub struct JobContext {
    /// The job.
    pub job_id: u64,
    /// Where it tells what it does.
    pub events: EventLog,
    /// Fires once the job shall end early.
    pub cancel: CancellationToken,
    interactive: Arc<AtomicBool>,
    claims: Arc<Claims>,
}

/// What a job has for itself, and who is told when it gives some of it back.
#[derive(Debug, Default)]
struct Claims {
    names: Mutex<Vec<String>>,
    freed: Arc<Notify>,
}

impl JobContext {
    /// The context of a job that starts with `priority`.
    pub fn new(priority: Priority, events: EventLog, cancel: CancellationToken) -> Self {
        Self {
            job_id: events.job_id(),
            events,
            cancel,
            interactive: Arc::new(AtomicBool::new(priority == Priority::Interactive)),
            claims: Arc::default(),
        }
    }

    fn claiming(mut self, names: Vec<String>, freed: Arc<Notify>) -> Self {
        self.claims = Arc::new(Claims {
            names: Mutex::new(names),
            freed,
        });
        self
    }

    /// Gives back one of [`Submission::exclusive`] before the job ends, so
    /// that a job that waits for just that can start.
    pub fn release(&self, name: &str) {
        self.claims
            .names
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .retain(|claimed| claimed != name);
        self.claims.freed.notify_one();
    }

    /// What of [`Submission::exclusive`] the job still has.
    fn claimed(&self) -> Vec<String> {
        let names = self.claims.names.lock();
        names.unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Who waits for the job now: a background job becomes interactive when
    /// an interactive request joins it.
    pub fn priority(&self) -> Priority {
        if self.interactive.load(Ordering::Relaxed) {
            Priority::Interactive
        } else {
            Priority::Background
        }
    }

    fn raise(&self) {
        self.interactive.store(true, Ordering::Relaxed);
    }
}

/// How a job ended. A job that failed or was cancelled may have a result too:
/// the runs that it got to.
#[derive(Debug, Clone, PartialEq)]
pub struct Outcome {
    /// The whole result.
    pub result: Option<Value>,
    /// Why it did not succeed; absent where it did. The code
    /// [`ErrorCode::Cancelled`] makes the job cancelled, any other failed.
    pub error: Option<WireError>,
}

impl Outcome {
    /// The job did what it was asked for.
    pub fn succeeded(result: Value) -> Self {
        Self {
            result: Some(result),
            error: None,
        }
    }

    /// It did not.
    pub fn failed(error: WireError) -> Self {
        Self {
            result: None,
            error: Some(error),
        }
    }

    /// Somebody ended it.
    pub fn cancelled() -> Self {
        Self::failed(WireError::new(
            ErrorCode::Cancelled,
            "the job was cancelled",
        ))
    }

    /// Adds what it got to.
    #[must_use]
    pub fn with_result(mut self, result: Value) -> Self {
        self.result = Some(result);
        self
    }

    /// The job's last state.
    pub fn state(&self) -> JobState {
        match &self.error {
            None => JobState::Succeeded,
            Some(error) if error.code == ErrorCode::Cancelled => JobState::Cancelled,
            Some(_) => JobState::Failed,
        }
    }
}

impl From<Result<Value, WireError>> for Outcome {
    fn from(result: Result<Value, WireError>) -> Self {
        result.map_or_else(Self::failed, Self::succeeded)
    }
}

/// A request for a job.
pub struct Submission {
    /// What it is: `sync`.
    pub kind: &'static str,
    /// What it is about, for a person: `sync group/project`.
    pub title: String,
    /// Who waits for it.
    pub priority: Priority,
    /// Requests with the same key are one job while it is queued or runs;
    /// absent: the request is like no other.
    pub key: Option<String>,
    /// Names of what the job needs for itself: two jobs that share one never
    /// run at once, and start in the order of their requests. The job can give
    /// one back before its end: [`JobContext::release`].
    pub exclusive: Vec<String>,
    /// The runs it will have, one a project.
    pub run_ids: Vec<String>,
    /// What it does; dropped unrun where the request joins a job.
    pub work: Box<dyn Work>,
}

impl std::fmt::Debug for Submission {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Submission")
            .field("kind", &self.kind)
            .field("title", &self.title)
            .field("priority", &self.priority)
            .field("key", &self.key)
            .field("exclusive", &self.exclusive)
            .field("run_ids", &self.run_ids)
            .finish_non_exhaustive()
    }
}

/// What became of a [`Submission`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Submitted {
    /// The job: a new one, or the one that was joined.
    pub job_id: u64,
    /// True where an identical request was already queued or running.
    pub joined: bool,
    /// The number of this request among those that the job is done for.
    pub asker: u64,
    /// The job's runs, which are not the submission's where it joined.
    pub run_ids: Vec<String>,
}
