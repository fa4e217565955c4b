//! The task that owns the jobs, and the handle to it.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use lore_proto::jobs::{Cancelled, JobInfo};
use lore_proto::{ErrorCode, WireError};
use tokio::sync::{mpsc, oneshot};
use tokio::task::{Id, JoinError, JoinSet};
use tokio::time::Instant;

use super::follow::{FollowAll, FollowJob, JobIndex};
use super::table::{JobTable, Start, stopping};
use super::{Outcome, Submission, Submitted};
use crate::clock::Clock;

/// What a job gets at least to end by itself once it is told to, whatever the
/// deadline: a run writes down that it was cancelled.
const LAST_WORDS: Duration = Duration::from_secs(1);

/// How much the scheduler takes on and keeps.
#[derive(Debug, Clone, Copy)]
pub struct SchedulerLimits {
    /// Jobs that run at once.
    pub max_running: usize,
    /// Jobs that wait.
    pub max_queued: usize,
    /// Ended jobs that late subscribers still find.
    pub max_ended: usize,
    /// Events of ended jobs, all together.
    pub max_ended_events: usize,
    /// How long an ended job is kept.
    pub keep_ended: Duration,
}

impl Default for SchedulerLimits {
    fn default() -> Self {
        Self {
            max_running: 64,
            max_queued: 1_000,
            max_ended: 200,
            max_ended_events: 50_000,
            keep_ended: Duration::from_hours(1),
        }
    }
}

/// The handle to the scheduler; clones share it. When the last one is dropped,
/// running jobs are told to end.
#[derive(Debug, Clone)]
pub struct Scheduler {
    commands: mpsc::Sender<Command>,
    index: Arc<JobIndex>,
}

enum Command {
    Submit(
        Box<Submission>,
        oneshot::Sender<Result<Submitted, WireError>>,
    ),
    Cancel(u64, Option<u64>, oneshot::Sender<Option<Cancelled>>),
    Get(u64, oneshot::Sender<Option<JobInfo>>),
    List(oneshot::Sender<Vec<JobInfo>>),
    Shutdown {
        grace: Duration,
        deadline: Duration,
        done: oneshot::Sender<()>,
    },
}

impl Scheduler {
    /// Starts the scheduler's task; a Tokio runtime has to be running.
    pub fn start(clock: Arc<dyn Clock>, limits: SchedulerLimits) -> Self {
        // Requests wait here for the task, which never waits for anything.
        let (commands, inbox) = mpsc::channel(256);
        let index = Arc::new(JobIndex::new(clock));
        let table = JobTable::new(limits, Arc::clone(&index));
        tokio::spawn(Owner::new(table).run(inbox));
        Self { commands, index }
    }

    /// Queues a job, or joins an identical one that is queued or runs.
    ///
    /// # Errors
    /// The scheduler is stopping, or its queue is full.
    pub async fn submit(&self, submission: Submission) -> Result<Submitted, WireError> {
        self.ask(|reply| Command::Submit(Box::new(submission), reply))
            .await
            .unwrap_or_else(|| Err(stopping()))
    }

    /// Ends a job: at once where it is queued, else as soon as it can. With an
    /// `asker` it takes that one's request back, which ends the job where it
    /// was the last. None where no such job is known.
    pub async fn cancel(&self, job_id: u64, asker: Option<u64>) -> Option<Cancelled> {
        self.ask(|reply| Command::Cancel(job_id, asker, reply))
            .await
            .flatten()
    }

    /// One job, with its result; none where no such job is known.
    pub async fn get(&self, job_id: u64) -> Option<JobInfo> {
        self.ask(|reply| Command::Get(job_id, reply))
            .await
            .flatten()
    }

    /// All jobs without their results: running, then queued in their turn,
    /// then ended ones, latest first.
    pub async fn list(&self) -> Vec<JobInfo> {
        self.ask(Command::List).await.unwrap_or_default()
    }

    /// Follows one job from the event after `after_seq` on, to its end; none
    /// where no such job is known.
    pub fn follow(&self, job_id: u64, after_seq: u64) -> Option<FollowJob> {
        self.index.follow(job_id, after_seq)
    }

    /// Follows all jobs, from now on.
    pub fn follow_all(&self) -> FollowAll {
        self.index.follow_all()
    }

    /// Takes no more jobs, cancels the queued ones, cancels the running ones
    /// after `grace`, and comes back once all of them ended, or at the latest
    /// after `deadline`, when what still runs is dropped where it stands. From
    /// being cancelled to being dropped a job has a second at least.
    pub async fn shutdown(&self, grace: Duration, deadline: Duration) {
        self.ask(|done| Command::Shutdown {
            grace,
            deadline,
            done,
        })
        .await;
    }

    async fn ask<T>(&self, command: impl FnOnce(oneshot::Sender<T>) -> Command) -> Option<T> {
        let (reply, answer) = oneshot::channel();
        self.commands.send(command(reply)).await.ok()?;
        answer.await.ok()
    }
}

struct Owner {
    table: JobTable,
    tasks: JoinSet<(u64, Outcome)>,
    job_of_task: HashMap<Id, u64>,
    stop: Option<Stop>,
}

struct Stop {
    cancel_at: Instant,
    abandon_at: Instant,
    cancelled: bool,
    done: Vec<oneshot::Sender<()>>,
}

impl Owner {
    fn new(table: JobTable) -> Self {
        Self {
            table,
            tasks: JoinSet::new(),
            job_of_task: HashMap::new(),
            stop: None,
        }
    }

    /// Starts what may start, then waits for the one next thing that happens:
    /// a command, the end of a job or of a part of it, or a moment of the
    /// shutdown.
    async fn run(mut self, mut inbox: mpsc::Receiver<Command>) {
        let freed = self.table.freed();
        loop {
            while let Some(start) = self.table.start_next() {
                self.spawn(start);
            }
            if self.stop.is_some() && self.table.running() == 0 {
                break;
            }
            let moment = self.stop.as_ref().map(Stop::next_moment);
            tokio::select! {
                command = inbox.recv() => match command {
                    Some(command) => self.obey(command),
                    None => break,
                },
                Some(ended) = self.tasks.join_next_with_id() => self.ended(ended),
                () = sleep_until(moment) => self.stop_moment(),
                () = freed.notified() => {}
            }
        }
        self.table.close();
        self.table.cancel_running();
        self.table.end_index();
        // A command that was sent too late gets no answer, which its sender
        // reads as "stopping".
        inbox.close();
        for done in self.stop.into_iter().flat_map(|stop| stop.done) {
            // Whoever asked may have gone.
            let _ = done.send(());
        }
    }

    fn spawn(&mut self, start: Start) {
        let job_id = start.cx.job_id;
        let task = self
            .tasks
            .spawn(async move { (job_id, start.work.run(start.cx).await) });
        self.job_of_task.insert(task.id(), job_id);
    }

    fn ended(&mut self, ended: Result<(Id, (u64, Outcome)), JoinError>) {
        let (task, outcome) = match ended {
            Ok((task, (_, outcome))) => (task, outcome),
            Err(error) => (error.id(), died(&error)),
        };
        if let Some(job_id) = self.job_of_task.remove(&task) {
            self.table.end(job_id, outcome);
        }
    }

    fn obey(&mut self, command: Command) {
        // A reply that nobody waits for any more is no error.
        match command {
            Command::Submit(submission, reply) => {
                let _ = reply.send(self.table.submit(*submission));
            }
            Command::Cancel(job_id, asker, reply) => {
                let _ = reply.send(self.table.cancel(job_id, asker));
            }
            Command::Get(job_id, reply) => {
                let _ = reply.send(self.table.get(job_id));
            }
            Command::List(reply) => {
                let _ = reply.send(self.table.list());
            }
            Command::Shutdown {
                grace,
                deadline,
                done,
            } => self.begin_stop(grace, deadline, done),
        }
    }

    /// A second request may only make it sooner.
    fn begin_stop(&mut self, grace: Duration, deadline: Duration, done: oneshot::Sender<()>) {
        self.table.close();
        let now = Instant::now();
        let (cancel_at, abandon_at) = (now + grace.min(deadline), now + deadline);
        let stop = self.stop.get_or_insert_with(|| Stop {
            cancel_at,
            abandon_at,
            cancelled: false,
            done: Vec::new(),
        });
        stop.cancel_at = stop.cancel_at.min(cancel_at);
        let abandon_at = stop.abandon_at.min(abandon_at);
        stop.abandon_at = abandon_at.max(stop.cancel_at + LAST_WORDS);
        stop.done.push(done);
    }

    fn stop_moment(&mut self) {
        let Some(stop) = &mut self.stop else {
            return;
        };
        let now = Instant::now();
        if now >= stop.cancel_at && !stop.cancelled {
            stop.cancelled = true;
            self.table.cancel_running();
        }
        if now >= stop.abandon_at {
            tracing::warn!(
                jobs = self.table.running(),
                "jobs did not end in time and are dropped"
            );
            self.table.abandon_running();
            self.tasks.abort_all();
        }
    }
}

impl Stop {
    fn next_moment(&self) -> Instant {
        if self.cancelled {
            self.abandon_at
        } else {
            self.cancel_at
        }
    }
}

async fn sleep_until(moment: Option<Instant>) {
    match moment {
        Some(moment) => tokio::time::sleep_until(moment).await,
        None => std::future::pending().await,
    }
}

/// The outcome of a job that ended without one. What the panic said is in the
/// log, where the panic hook wrote it.
fn died(error: &JoinError) -> Outcome {
    if error.is_panic() {
        tracing::error!("a job panicked");
        let message = "the job ended by a defect in lored, whose log says more";
        Outcome::failed(WireError::new(ErrorCode::Internal, message).action("lore daemon logs"))
    } else {
        Outcome::cancelled()
    }
}

#[cfg(test)]
mod tests;
