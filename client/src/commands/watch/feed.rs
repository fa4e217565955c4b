//! The daemon's side of the view: its events as they happen, and answers to
//! what is asked.

use std::io;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::time::Duration;

use lore_proto::daemon::{DaemonStatus, HelloReply, Nothing};
use lore_proto::events::{Event, SubscribeJobs};
use lore_proto::jobs::{CancelJob, Cancelled};
use lore_proto::methods::{
    GetDaemonStatus, JobsCancel, JobsList, SyncRunsGet, SyncRunsList, SyncStart,
};
use lore_proto::sync::{RunResult, SyncRequest, SyncStarted};
use lore_proto::sync_runs::{ListRuns, RunList, RunRef};
use lore_proto::{ErrorCode, WireError};

use super::Message;
use crate::context::Context;
use crate::failure::Failure;
use crate::link::{CallError, Connection, Notice};

/// Runs that are shown and drawn into the chart.
const RUNS: u32 = 100;

/// Jobs whose earlier events are asked for; the daemon grants a connection 64
/// subscriptions, and more jobs than this are not looked at one by one.
const JOBS: usize = 32;

/// One look at the socket. Nothing is done between two, so it is long.
const LOOK: Duration = Duration::from_mins(10);

/// The first and the longest wait before a daemon that went away is looked
/// for again.
const RETRY: [Duration; 2] = [Duration::from_millis(100), Duration::from_secs(2)];

/// Whose runs are shown: `-p` and `--host`.
#[derive(Debug, Clone, Default)]
pub(super) struct Whose {
    pub(super) project: Option<String>,
    pub(super) host: Option<String>,
}

/// What the daemon's connection brings by itself.
#[derive(Debug)]
pub(super) enum News {
    /// A daemon answers, and its jobs are followed from here on.
    Connected,
    /// Something happened to a job.
    Event(Box<Event>),
    /// No daemon answers, or not one that this client can talk to.
    Gone(WireError),
}

/// What can be asked.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Ask {
    /// Status and latest runs.
    Overview,
    /// One run with its items.
    Run(String),
    /// A sync of this project, by host and path, or of all.
    Sync(Option<(String, String)>),
    /// The end of a job.
    Cancel(u64),
}

/// What is answered.
#[derive(Debug)]
pub(super) enum Answer {
    Overview(
        Box<Result<DaemonStatus, WireError>>,
        Result<RunList, WireError>,
    ),
    Run(String, Box<Result<RunResult, WireError>>),
    Sync(Result<SyncStarted, WireError>),
    Cancel(Result<Cancelled, WireError>),
}

/// Starts both threads; they end with the process. Whoever has the sender
/// that is given asks by it.
pub(super) fn start(
    context: &Context,
    first: (Connection, HelloReply),
    whose: Whose,
    sender: &Sender<Message>,
) -> io::Result<Sender<Ask>> {
    // A daemon that somebody stopped stays so.
    let mut quiet = context.another();
    quiet.globals.no_autostart = true;
    let mut listener = Listener {
        context: quiet.another(),
        sender: sender.clone(),
    };
    std::thread::Builder::new()
        .name("events".to_owned())
        .spawn(move || listener.listen(first))?;
    let (asks, wanted) = channel();
    let sender = sender.clone();
    std::thread::Builder::new()
        .name("asks".to_owned())
        .spawn(move || answer_all(&mut quiet, &whose, &wanted, &sender))?;
    Ok(asks)
}

struct Listener {
    context: Context,
    sender: Sender<Message>,
}

impl Listener {
    /// Follows the daemon's jobs, over one connection after the other, until
    /// nobody listens any more.
    fn listen(&mut self, first: (Connection, HelloReply)) {
        let mut connected = Ok(first);
        let [mut wait, longest] = RETRY;
        loop {
            let gone = match connected {
                Ok((mut connection, _)) => match follow(&mut connection) {
                    Ok(()) => {
                        [wait, _] = RETRY;
                        if self.tell(News::Connected).is_none() {
                            return;
                        }
                        match self.pass_on(&mut connection) {
                            None => return,
                            Some(broken) => broken.into(),
                        }
                    }
                    Err(broken) => broken.into(),
                },
                Err(failure) => wire(failure),
            };
            if self.tell(News::Gone(gone)).is_none() {
                return;
            }
            std::thread::sleep(wait);
            wait = (wait * 2).min(longest);
            connected = self.context.connect_to_running();
        }
    }

    /// Passes events on until the connection breaks; `None` where nobody
    /// listens any more.
    fn pass_on(&self, connection: &mut Connection) -> Option<CallError> {
        loop {
            let raw = match connection.next_event(LOOK) {
                Ok(Notice::Event(raw)) => raw,
                Ok(Notice::Quiet) => continue,
                Err(broken) => return Some(broken),
            };
            // Kinds of a newer daemon are passed over.
            if let Ok(event) = serde_json::from_str::<Event>(raw.get()) {
                self.tell(News::Event(Box::new(event)))?;
            }
        }
    }

    /// `None` where nobody listens any more.
    fn tell(&self, news: News) -> Option<()> {
        self.sender.send(Message::News(news)).ok()
    }
}

/// Subscribes to the events of all jobs.
fn follow(connection: &mut Connection) -> Result<(), CallError> {
    connection.subscribe(&SubscribeJobs::default())?;
    // That is from now on; how far those are that go on is in earlier events.
    let jobs = connection.call::<JobsList>(&Nothing {})?.jobs;
    let going_on = jobs.iter().filter(|job| !job.state.is_terminal());
    for job in going_on.take(JOBS) {
        let earlier = SubscribeJobs {
            job_id: Some(job.job_id),
            after_seq: None,
        };
        match connection.subscribe(&earlier) {
            // It has ended and been forgotten since.
            Ok(()) | Err(CallError::Refused(_)) => {}
            Err(broken) => return Err(broken),
        }
    }
    Ok(())
}

/// Answers one ask after the other, each over a connection of its own.
fn answer_all(
    context: &mut Context,
    whose: &Whose,
    wanted: &Receiver<Ask>,
    sender: &Sender<Message>,
) {
    for ask in wanted {
        let answer = match ask {
            Ask::Overview => overview(context, whose),
            Ask::Run(run_id) => {
                let read = context.ask::<SyncRunsGet>(&RunRef {
                    run_id: run_id.clone(),
                });
                Answer::Run(run_id, Box::new(read.map(|read| read.data).map_err(wire)))
            }
            Ask::Sync(project) => {
                let (host, project) = project.unzip();
                let request = SyncRequest {
                    project,
                    host,
                    ..SyncRequest::default()
                };
                Answer::Sync(context.ask::<SyncStart>(&request).map_err(wire))
            }
            Ask::Cancel(job_id) => Answer::Cancel(
                context
                    .ask::<JobsCancel>(&CancelJob {
                        job_id,
                        asker: None,
                    })
                    .map_err(wire),
            ),
        };
        if sender.send(Message::Answer(answer)).is_err() {
            return;
        }
    }
}

fn overview(context: &mut Context, whose: &Whose) -> Answer {
    let status = context.ask::<GetDaemonStatus>(&Nothing {}).map_err(wire);
    let runs = context.ask::<SyncRunsList>(&ListRuns {
        limit: Some(RUNS),
        project: whose.project.clone(),
        host: whose.host.clone(),
        ..ListRuns::default()
    });
    Answer::Overview(Box::new(status), runs.map(|read| read.data).map_err(wire))
}

/// Nothing here writes to stdout, which alone can be a closed pipe.
fn wire(failure: Failure) -> WireError {
    match failure {
        Failure::Error(error) => error,
        Failure::ClosedPipe => WireError::new(ErrorCode::Io, "stdout is closed"),
    }
}
