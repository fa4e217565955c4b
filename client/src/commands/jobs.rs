//! `lore jobs`: the scheduler's queue.

use clap::{Args, Subcommand};
use lore_proto::daemon::Nothing;
use lore_proto::jobs::{CancelJob, Cancelled, JobInfo, JobList, JobState, Priority};
use lore_proto::methods::{JobsCancel, JobsList};

use super::wording::paint_run_word;
use super::{Facts, Reply, Run};
use crate::context::Context;
use crate::failure::Failure;
use crate::output::table::{Cell, Table};
use crate::output::{View, sanitise, time};

/// Show running, queued and recently ended jobs
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  lore jobs
  lore jobs cancel 12")]
pub(crate) struct Jobs {
    #[command(subcommand)]
    action: Option<Action>,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// Cancel a job
    #[command(after_help = "Example:\n  lore jobs cancel 12")]
    Cancel {
        /// The job's number, as `lore jobs` shows it
        #[arg(value_name = "ID")]
        job_id: u64,
    },
}

impl Run for Jobs {
    const FACTS: &'static [Facts] = &[
        Facts::read::<JobList>("jobs"),
        Facts::write::<Cancelled>("jobs cancel"),
    ];

    fn name(&self) -> &'static str {
        match self.action {
            None => "jobs",
            Some(Action::Cancel { .. }) => "jobs cancel",
        }
    }

    fn run(self, context: &mut Context) -> Result<Reply, Failure> {
        match self.action {
            None => context.answer::<JobsList>(&Nothing {}, list),
            Some(Action::Cancel { job_id }) => {
                let ask = CancelJob {
                    job_id,
                    asker: None,
                };
                context.answer::<JobsCancel>(&ask, |done, _| cancelled(*done))
            }
        }
    }
}

/// A job's state in a word.
pub(super) fn state_name(state: JobState) -> &'static str {
    match state {
        JobState::Queued => "queued",
        JobState::Running => "running",
        JobState::Succeeded => "succeeded",
        JobState::Failed => "failed",
        JobState::Cancelled => "cancelled",
    }
}

fn list(list: &JobList, view: &View) -> String {
    if list.jobs.is_empty() {
        return "No jobs. `lore sync` starts one.\n".to_owned();
    }
    table(&list.jobs, view)
}

/// Jobs under each other.
pub(super) fn table(jobs: &[JobInfo], view: &View) -> String {
    let mut table = Table::new(&["ID", "STATE", "JOB", "SINCE", "ASKED BY"], &[(2, 8)]);
    for job in jobs {
        let since = job.finished_at.or(job.started_at).unwrap_or(job.queued_at);
        table.row(vec![
            Cell::new(job.job_id.to_string()),
            Cell::new(state_name(job.state)).painted(paint_run_word),
            Cell::new(sanitise::line(&job.title)),
            Cell::new(time::ago(since, view.now)),
            Cell::new(match job.priority {
                Priority::Interactive => "you",
                Priority::Background => "the timer",
            }),
        ]);
    }
    table.render(view)
}

fn cancelled(done: Cancelled) -> String {
    let Cancelled {
        job_id,
        cancelled,
        state,
        ..
    } = done;
    if cancelled {
        format!(
            "Job {job_id} was {} and is being cancelled.\n",
            state_name(state)
        )
    } else {
        format!("Job {job_id} had already ended ({}).\n", state_name(state))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn jobs_are_listed_with_what_they_wait_for_or_since_when_they_run() {
        let job = JobInfo {
            job_id: 3,
            kind: "sync".into(),
            title: "sync group/project".into(),
            state: JobState::Running,
            priority: Priority::Background,
            run_ids: vec![],
            queued_at: "2026-06-15T11:00:00Z".parse().unwrap(),
            started_at: Some("2026-06-15T11:58:00Z".parse().unwrap()),
            finished_at: None,
            last_seq: 4,
            result: None,
            error: None,
        };
        assert_eq!(
            list(
                &JobList { jobs: vec![job] },
                &View::plain("2026-06-15T12:00:00Z")
            ),
            "\
ID  STATE    JOB                 SINCE          ASKED BY
3   running  sync group/project  2 minutes ago  the timer
"
        );
    }

    #[test]
    fn cancelling_says_whether_there_was_still_something_to_cancel() {
        let done = |cancelled, state| {
            super::cancelled(Cancelled {
                job_id: 3,
                cancelled,
                left: false,
                state,
            })
        };
        assert!(done(true, JobState::Running).contains("is being cancelled"));
        assert!(done(false, JobState::Failed).contains("already ended (failed)"));
    }
}
