//! `lore sync`: brings the mirror up to date, and follows that.

mod board;
mod follow;
mod summary;
mod surgical;
mod watch;

use clap::Args;
use lore_proto::daemon::HelloReply;
use lore_proto::db::DbStarted;
use lore_proto::jobs::JobState;
use lore_proto::methods::{Method, SyncStart};
use lore_proto::sync::{CompletionStatus, RunResult, SyncOutcome, SyncRequest, SyncStarted};
use lore_proto::{ErrorCode, WireError};
use schemars::JsonSchema;
use serde_json::value::RawValue;

use super::{Facts, Reply, Run};
use crate::checkout::Checkout;
use crate::context::Context;
use crate::failure::Failure;
use crate::interrupt::Interrupt;
use crate::link::{Connection, parse_result};
use crate::output::robot::Document;
use crate::output::{Page, sanitise};

pub(super) use board::Board;
use follow::{Ended, Job, follow};
pub(super) use summary::outcome as outcome_page;
pub(super) use surgical::outcome as surgical_page;
use watch::Watcher;
pub(super) use watch::Watching;

/// Bring the mirror, or exactly the named items of it, up to date
#[derive(Debug, Args)]
#[allow(clippy::struct_excessive_bools)] // Independent flags of the command.
#[command(after_help = "Examples:
  lore sync
  lore sync --mr 789 --issue 12     exactly these, in about a round trip
  lore sync https://gitlab.example.com/group/project/-/merge_requests/789
  lore sync -p group/project --full
  lore sync --robot --events        one JSON event a line, the result last
  lore sync --detach                start it and go")]
pub(crate) struct Sync {
    #[command(flatten)]
    targets: surgical::Targets,
    /// Look at every item again, and find what was deleted, moved or hidden
    #[arg(long)]
    full: bool,
    /// Only say what would be done
    #[arg(long)]
    dry_run: bool,
    /// Leave out state, label and milestone events
    #[arg(long)]
    no_events: bool,
    /// Leave out the diffs of merge requests
    #[arg(long)]
    no_file_changes: bool,
    /// Leave out the status of work items
    #[arg(long)]
    no_status: bool,
    /// Leave out what search needs; a later sync makes up for it
    #[arg(long)]
    no_docs: bool,
    /// Leave out the vectors, by which search finds meanings
    #[arg(long)]
    no_embed: bool,
    /// Do not wait for the end
    #[arg(long, conflicts_with = "events")]
    detach: bool,
    /// Write each event as a line of JSON, and the result as the last line
    #[arg(long)]
    events: bool,
}

/// `data` of the robot document.
#[derive(JsonSchema)]
#[schemars(rename = "SyncAnswer", untagged)]
#[allow(dead_code)] // It is written by the daemon, and here for its schema.
enum Answer {
    /// Of the configured projects.
    Standard(SyncOutcome),
    /// Of named issues and merge requests.
    Surgical(Box<RunResult>),
    /// With `--detach` or `--dry-run`.
    Started(SyncStarted),
}

impl Run for Sync {
    const FACTS: &'static [Facts] = &[Facts::write::<Answer>("sync").asks_gitlab()];

    fn name(&self) -> &'static str {
        "sync"
    }

    fn gives_document(&self, asked: bool) -> bool {
        // The last line of `--events` is one.
        asked || self.events
    }

    fn run(self, context: &mut Context) -> Result<Reply, Failure> {
        let mut request = SyncRequest {
            project: context.project()?,
            host: context.globals.host.clone(),
            full: self.full,
            dry_run: self.dry_run,
            no_events: self.no_events,
            no_file_changes: self.no_file_changes,
            no_status: self.no_status,
            no_docs: self.no_docs,
            no_embed: self.no_embed,
            ..SyncRequest::default()
        };
        self.targets.fill(&mut request);
        if request.is_surgical() && request.project.is_none() {
            let here = std::env::current_dir()
                .map_err(|error| Failure::io("finding the current folder", &error))?;
            request.remotes = context.remotes(Checkout::around(&here).as_ref());
        }
        if self.dry_run || self.detach {
            return start_only(context, &request);
        }
        let (status, outcome) = start_and_follow::<SyncStart>(context, &request, self.events)?;
        if context.printer.robot {
            return status.map(|()| Reply::Document(Document::new(outcome)));
        }
        let view = context.printer.view();
        let page = if request.is_surgical() {
            parse_result::<RunResult>("sync", &outcome).map(|run| surgical_page(&run, &view))
        } else {
            parse_result::<SyncOutcome>("sync", &outcome).map(|runs| outcome_page(&runs, &view))
        };
        if let Ok(page) = page {
            context.printer.out(&page)?;
        }
        status.map(|()| Reply::Shown)
    }
}

/// Starts a sync, or joins an identical one, and follows it to its end. Gives
/// how it ended and the outcome as the daemon wrote it (`null` where it wrote
/// none).
pub(super) fn start_and_follow<M>(
    context: &mut Context,
    request: &M::Params,
    events: bool,
) -> Result<(Result<(), Failure>, Box<RawValue>), Failure>
where
    M: Method<Result = SyncStarted>,
{
    // Ctrl+C during the start of the daemon ends the process; from here on it
    // cancels the job.
    let ready = context.connect()?;
    let interrupt =
        Interrupt::watch().map_err(|error| Failure::io("watching for Ctrl+C", &error))?;
    let mut watcher = Watcher::new(context.printer, interrupt, events);
    let followed = follow_over::<M>(context, ready, request, &mut watcher);
    watcher.clear();
    let followed = followed?;
    Ok((followed.verdict, followed.outcome))
}

/// A job that was followed to its end.
pub(super) struct Followed {
    /// Which.
    pub(super) job: Job,
    /// Whether somebody else had asked for it before.
    pub(super) joined: bool,
    /// How it ended.
    pub(super) verdict: Result<(), Failure>,
    /// The outcome as the daemon wrote it; `null` where it wrote none.
    pub(super) outcome: Box<RawValue>,
}

/// As [`start_and_follow`], for any watcher.
pub(super) fn run_and_follow<M>(
    context: &mut Context,
    request: &M::Params,
    watcher: &mut dyn Watching,
) -> Result<Followed, Failure>
where
    M: Method<Result = SyncStarted>,
{
    let ready = context.connect()?;
    follow_over::<M>(context, ready, request, watcher)
}

fn follow_over<M>(
    context: &mut Context,
    (mut connection, hello): (Connection, HelloReply),
    request: &M::Params,
    watcher: &mut dyn Watching,
) -> Result<Followed, Failure>
where
    M: Method<Result = SyncStarted>,
{
    let started = connection.call::<M>(request).map_err(WireError::from)?;
    let job_id = started.job_id.ok_or_else(|| {
        WireError::new(
            ErrorCode::ProtocolMismatch,
            "the daemon started a sync and named no job to follow",
        )
        .action("lore daemon restart")
    })?;
    if started.joined {
        watcher.say("an identical sync was already asked for; following that one");
    }
    let job = Job {
        id: job_id,
        asker: started.asker,
        run_ids: started.run_ids,
        daemon: hello.pid,
    };
    let ended = follow(context, connection, &job, watcher)?;
    let outcome = ended
        .result
        .clone()
        .unwrap_or_else(|| RawValue::NULL.to_owned());
    Ok(Followed {
        verdict: verdict(&ended, &job),
        joined: started.joined,
        outcome,
        job,
    })
}

/// Follows a job of another kind to its end.
pub(super) fn follow_started(
    context: &mut Context,
    connection: Connection,
    hello: &HelloReply,
    started: DbStarted,
    interrupt: &Interrupt,
) -> Result<Ended, Failure> {
    let job = Job {
        id: started.job_id,
        asker: started.asker,
        run_ids: Vec::new(),
        daemon: hello.pid,
    };
    let mut watcher = Watcher::new(context.printer, interrupt.clone(), false);
    let ended = follow(context, connection, &job, &mut watcher);
    watcher.clear();
    ended
}

/// Asks for a dry run, or for a sync that is not followed.
fn start_only(context: &mut Context, request: &SyncRequest) -> Result<Reply, Failure> {
    context.answer::<SyncStart>(request, |started, view| match &started.plan {
        Some(plan) => summary::plan(plan, view),
        None => detached(started),
    })
}

fn detached(started: &SyncStarted) -> String {
    let verb = if started.joined { "Joined" } else { "Started" };
    let job = started
        .job_id
        .map_or_else(|| "a job".to_owned(), |id| format!("job {id}"));
    let mut page = Page::default();
    page.line(format_args!("{verb} {job}."));
    for run_id in &started.run_ids {
        page.line(format_args!(
            "  lore sync-runs --run-id {}",
            sanitise::line(run_id)
        ));
    }
    page.into_text()
}

/// Whether a job that ended did so well; if not, the error with the whole
/// outcome in its details.
fn verdict(ended: &Ended, job: &Job) -> Result<(), Failure> {
    let outcome = ended.result.as_ref().and_then(|raw| outcome_of(raw));
    let failed = outcome
        .as_ref()
        .is_some_and(|o| o.completion_status == CompletionStatus::Failed);
    let cancelled = outcome
        .as_ref()
        .is_some_and(|o| o.completion_status == CompletionStatus::Cancelled);
    let mut error = match ended.state {
        JobState::Cancelled => cancelled_error(job),
        _ if cancelled => cancelled_error(job),
        JobState::Succeeded if !failed => return Ok(()),
        _ => match (&ended.error, &outcome) {
            (Some(error), _) => error.clone(),
            (None, Some(outcome)) => failed_error(outcome),
            (None, None) => WireError::new(
                ErrorCode::Internal,
                format!("job {} failed and the daemon did not say why", job.id),
            )
            .action("lore daemon logs"),
        },
    };
    if let Some(raw) = &ended.result
        && let Ok(result) = serde_json::from_str(raw.get())
        && let Some(details) = error.details.as_object_mut()
    {
        details.insert("result".to_owned(), result);
    }
    Err(Failure::Error(error))
}

/// The outcome of a job, which for a surgical sync is one run.
fn outcome_of(raw: &RawValue) -> Option<SyncOutcome> {
    if let Ok(outcome) = serde_json::from_str::<SyncOutcome>(raw.get()) {
        return Some(outcome);
    }
    let run = serde_json::from_str::<RunResult>(raw.get()).ok()?;
    Some(SyncOutcome {
        completion_status: run.completion_status?,
        runs: vec![run],
    })
}

fn cancelled_error(job: &Job) -> WireError {
    let mut error = WireError::new(ErrorCode::Cancelled, "the sync was cancelled")
        .details(serde_json::json!({ "job_id": job.id, "run_ids": job.run_ids }));
    if let [run_id] = job.run_ids.as_slice() {
        error = error.action(format!("lore sync-runs --run-id {run_id}"));
    }
    error.action("lore sync")
}

/// The error of runs that failed while others may have succeeded: the first
/// one's code, and everybody's cures.
fn failed_error(outcome: &SyncOutcome) -> WireError {
    let failed: Vec<&RunResult> = outcome
        .runs
        .iter()
        .filter(|run| run.completion_status == Some(CompletionStatus::Failed))
        .collect();
    let Some(first) = failed.first() else {
        return WireError::new(ErrorCode::Internal, "the sync failed without a failed run")
            .action("lore sync-runs");
    };
    let why = first.error_message.as_deref().unwrap_or("no message");
    let message = if outcome.runs.len() == 1 {
        format!("the sync of `{}` failed: {why}", first.project)
    } else {
        format!(
            "the sync of {} of {} projects failed; `{}`: {why}",
            failed.len(),
            outcome.runs.len(),
            first.project
        )
    };
    let mut error = WireError::new(first.error_code.unwrap_or(ErrorCode::Internal), message);
    for action in failed.iter().flat_map(|run| &run.recovery_actions) {
        if !error.actions.contains(action) {
            error.actions.push(action.clone());
        }
    }
    error
}

#[cfg(test)]
mod tests;
