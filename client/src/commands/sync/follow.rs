//! A job from its start to its end, over a connection that may break.

use std::borrow::Cow;
use std::time::{Duration, Instant};

use lore_proto::events::{Event, SubscribeJobs};
use lore_proto::jobs::{CancelJob, JobRef, JobState};
use lore_proto::methods::{JobsCancel, JobsGet};
use lore_proto::{ErrorCode, WireError};
use serde::Deserialize;
use serde_json::value::RawValue;

use super::watch::Watching;
use crate::context::Context;
use crate::failure::Failure;
use crate::link::{CallError, Connection, Notice};

/// How long one look at the socket takes: so often Ctrl+C is noticed and the
/// progress is drawn again.
const LOOK: Duration = Duration::from_millis(100);

/// After so long without an event the daemon is asked whether the job goes on.
const SILENCE: Duration = Duration::from_secs(30);

/// The job that is followed.
#[derive(Debug)]
pub(in crate::commands) struct Job {
    /// Its number.
    pub(in crate::commands) id: u64,
    /// The number of our request among those that it is done for; absent where
    /// the daemon gave none.
    pub(super) asker: Option<u64>,
    /// Its runs.
    pub(in crate::commands) run_ids: Vec<String>,
    /// The process that does it: job numbers mean nothing to another one.
    pub(super) daemon: u32,
}

/// How a job ended.
#[derive(Debug, Deserialize)]
pub(in crate::commands) struct Ended {
    /// In one of the terminal states.
    pub(super) state: JobState,
    /// The whole result, as the daemon wrote it.
    #[serde(default)]
    pub(in crate::commands) result: Option<Box<RawValue>>,
    /// Why it failed.
    #[serde(default)]
    pub(in crate::commands) error: Option<WireError>,
}

/// What every event has.
#[derive(Deserialize)]
struct Head<'a> {
    seq: u64,
    #[serde(borrow)]
    kind: Cow<'a, str>,
}

/// Follows `job` to its end. Ctrl+C cancels the job, unless others want it too,
/// and is then waited for; a second one leaves at once.
pub(super) fn follow(
    context: &mut Context,
    connection: Connection,
    job: &Job,
    watcher: &mut dyn Watching,
) -> Result<Ended, Failure> {
    let mut follower = Follower {
        connection,
        job,
        last_seq: None,
        heard: Instant::now(),
        reconnected: false,
        cancelling: false,
    };
    let mut step = follower.subscribe();
    loop {
        step = match step {
            Ok(Some(ended)) => return Ok(ended),
            Ok(None) => follower.listen(watcher),
            Err(Stop::Failed(failure)) => return Err(failure),
            Err(Stop::Call(CallError::Refused(error))) => return Err(error.into()),
            Err(Stop::Call(lost)) => follower.reconnect(context, lost),
        };
    }
}

struct Follower<'a> {
    connection: Connection,
    job: &'a Job,
    last_seq: Option<u64>,
    heard: Instant,
    /// Since the last event: a connection that breaks twice without bringing
    /// anything is given up.
    reconnected: bool,
    cancelling: bool,
}

/// Why following stopped: for good, or because a call brought nothing.
enum Stop {
    Failed(Failure),
    Call(CallError),
}

impl From<CallError> for Stop {
    fn from(error: CallError) -> Self {
        Self::Call(error)
    }
}

impl From<Failure> for Stop {
    fn from(failure: Failure) -> Self {
        Self::Failed(failure)
    }
}

impl Follower<'_> {
    fn subscribe(&mut self) -> Result<Option<Ended>, Stop> {
        self.connection.subscribe(&SubscribeJobs {
            job_id: Some(self.job.id),
            after_seq: self.last_seq,
        })?;
        self.heard = Instant::now();
        if self.cancelling {
            self.cancel()?;
        }
        Ok(None)
    }

    /// One look at the socket.
    fn listen(&mut self, watcher: &mut dyn Watching) -> Result<Option<Ended>, Stop> {
        if watcher.interrupted() {
            if self.cancelling {
                return Err(Stop::Failed(left(self.job).into()));
            }
            self.cancelling = true;
            watcher.say("cancelling; Ctrl+C again leaves at once");
            self.cancel()?;
        }
        let notice = self.connection.next_event(LOOK)?;
        watcher.tick()?;
        let raw = match notice {
            Notice::Event(raw) => raw,
            Notice::Quiet if self.heard.elapsed() < SILENCE => return Ok(None),
            Notice::Quiet => return self.ask(),
        };
        self.heard = Instant::now();
        self.reconnected = false;
        let Ok(head) = serde_json::from_str::<Head<'_>>(raw.get()) else {
            return Ok(None);
        };
        if self.last_seq.is_some_and(|last| head.seq <= last) && head.kind != "lagged" {
            // Sent again after a reconnection.
            return Ok(None);
        }
        self.last_seq = Some(self.last_seq.unwrap_or(0).max(head.seq));
        // An event that a newer daemon knows and this client does not goes to
        // `--events` and is otherwise left out.
        let event = (head.kind != "finished")
            .then(|| serde_json::from_str::<Event>(raw.get()).ok())
            .flatten();
        watcher.event(&raw, event.as_ref())?;
        if head.kind == "finished" {
            let ended = serde_json::from_str(raw.get()).map_err(|error| {
                let error = WireError::new(
                    ErrorCode::ProtocolMismatch,
                    format!("the daemon's last event does not have the known form: {error}"),
                );
                Stop::Failed(error.action("lore daemon restart").into())
            })?;
            return Ok(Some(ended));
        }
        Ok(None)
    }

    fn cancel(&mut self) -> Result<(), Stop> {
        let done = self.connection.call::<JobsCancel>(&CancelJob {
            job_id: self.job.id,
            asker: self.job.asker,
        })?;
        if done.left {
            return Err(Stop::Failed(left_to_others(self.job).into()));
        }
        Ok(())
    }

    /// Asks how the job stands, since its events do not tell.
    fn ask(&mut self) -> Result<Option<Ended>, Stop> {
        let job_id = self.job.id;
        let raw = self.connection.call_raw::<JobsGet>(&JobRef { job_id })?;
        self.heard = Instant::now();
        let ended: Option<Ended> = serde_json::from_str(raw.get()).ok();
        Ok(ended.filter(|ended| ended.state.is_terminal()))
    }

    /// A new connection to the same daemon, once.
    fn reconnect(&mut self, context: &mut Context, lost: CallError) -> Result<Option<Ended>, Stop> {
        if self.reconnected {
            return Err(Stop::Failed(lost_for_good(self.job, lost).into()));
        }
        self.reconnected = true;
        match context.connect_to_running() {
            Ok((connection, hello)) if hello.pid == self.job.daemon => {
                self.connection = connection;
                self.subscribe()
            }
            Ok((_, hello)) => Err(Stop::Failed(restarted(self.job, hello.pid).into())),
            Err(Failure::Error(_)) => Err(Stop::Failed(lost_for_good(self.job, lost).into())),
            Err(closed) => Err(Stop::Failed(closed)),
        }
    }
}

/// The second Ctrl+C.
fn left(job: &Job) -> WireError {
    with_runs(
        WireError::new(
            ErrorCode::Cancelled,
            format!(
                "left before job {} had ended; it is being cancelled",
                job.id
            ),
        ),
        job,
    )
}

/// Ctrl+C, where the job is not ours alone.
fn left_to_others(job: &Job) -> WireError {
    let message = format!(
        "left; job {}, which the timer or somebody else asked for too, goes on",
        job.id
    );
    with_runs(WireError::new(ErrorCode::Cancelled, message), job)
        .action("lore jobs")
        .action(format!("lore jobs cancel {}", job.id))
}

fn lost_for_good(job: &Job, lost: CallError) -> WireError {
    let cause = WireError::from(lost);
    with_runs(
        WireError::new(
            cause.code,
            format!(
                "job {} can no longer be followed: {}",
                job.id, cause.message
            ),
        ),
        job,
    )
    .action("lore daemon logs")
}

fn restarted(job: &Job, pid: u32) -> WireError {
    with_runs(
        WireError::new(
            ErrorCode::Interrupted,
            format!(
                "the daemon that did job {} (pid {}) has ended; another one (pid {pid}) runs now",
                job.id, job.daemon
            ),
        ),
        job,
    )
    .action("lore sync")
}

fn with_runs(mut error: WireError, job: &Job) -> WireError {
    error = error.details(serde_json::json!({ "job_id": job.id, "run_ids": job.run_ids }));
    for run_id in &job.run_ids {
        error = error.action(format!("lore sync-runs --run-id {run_id}"));
    }
    error
}
