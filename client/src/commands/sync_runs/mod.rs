//! `lore sync-runs`: the run ledger.

mod render;

use clap::Args;
use lore_proto::methods::{SyncRunsGet, SyncRunsList, SyncRunsRetryFailed};
use lore_proto::project::ResolveProject;
use lore_proto::sync::{RunMode, RunResult, RunStatus};
use lore_proto::sync_runs::{ListRuns, RunList, RunRef};
use schemars::JsonSchema;

use super::reads::{ReadFlags, Whose};
use super::sync::{start_and_follow, surgical_page};
use super::{Facts, Reply, Run};
use crate::context::Context;
use crate::failure::Failure;
use crate::link::parse_result;
use crate::output::robot::Document;
pub(super) use render::run as run_page;

/// Show past and present sync runs, newest first
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  lore sync-runs
  lore sync-runs --state failed --state cancelled -n 5
  lore sync-runs --run-id 01JX8M4T
  lore sync-runs --run-id 01JX8M4T --retry-failed")]
pub(crate) struct SyncRuns {
    /// At most so many runs
    #[arg(short = 'n', long, value_name = "N", default_value_t = 20, value_parser = clap::value_parser!(u32).range(1..=1_000))]
    limit: u32,
    /// Only runs in this state; repeat it for several
    #[arg(long, value_name = "STATE", value_parser = names(RunStatus::ALL, RunStatus::as_str))]
    state: Vec<RunStatus>,
    /// Only runs of this mode
    #[arg(long, value_name = "MODE", value_parser = names(RunMode::ALL, RunMode::as_str))]
    mode: Option<RunMode>,
    /// One run with its items; the beginning of an id is enough
    #[arg(long, value_name = "ID", conflicts_with_all = ["limit", "state", "mode", "cursor", "max_age"])]
    run_id: Option<String>,
    /// Sync again what did not end well in that surgical run
    #[arg(long, requires = "run_id")]
    retry_failed: bool,
    #[command(flatten)]
    read: ReadFlags,
}

/// The fields of a run that `--fields` may name.
const FIELDS: &[&str] = &[
    "run_id",
    "mode",
    "host",
    "project",
    "status",
    "phase",
    "completion_status",
    "requested",
    "retry_of",
    "started_at",
    "finished_at",
    "cancelled_at",
    "elapsed_ms",
    "stage_timings_ms",
    "counters",
    "entity_outcomes",
    "entity_failures",
    "warnings",
    "error_code",
    "error_message",
    "recovery_actions",
    "suggested_retry_command",
];

/// `data` of the robot document.
#[derive(JsonSchema)]
#[schemars(rename = "SyncRunsAnswer", untagged)]
#[allow(dead_code)] // It is written by the daemon, and here for its schema.
enum Answer {
    /// Without `--run-id`.
    List(RunList),
    /// With it; with `--retry-failed`, the new run.
    One(Box<RunResult>),
}

impl Run for SyncRuns {
    const FACTS: &'static [Facts] = &[Facts::read::<Answer>("sync-runs")
        .rows("runs")
        .writes_with(&["retry-failed", "max-age"])];

    fn name(&self) -> &'static str {
        "sync-runs"
    }

    fn run(self, context: &mut Context) -> Result<Reply, Failure> {
        let rows = self.run_id.is_none().then_some("runs");
        let fields = self.read.fields(context, rows, FIELDS)?;
        let fields = fields.as_ref();
        if let Some(run_id) = self.run_id {
            let params = RunRef { run_id };
            if self.retry_failed {
                return retry(context, &params);
            }
            return context.answer_read::<SyncRunsGet, RunResult>(
                &params,
                fields,
                |run, _, view| render::run(run, view),
            );
        }
        let params = ListRuns {
            limit: Some(self.limit),
            states: self.state,
            mode: self.mode,
            project: context.project()?,
            host: context.globals.host.clone(),
            cursor: self.read.cursor.clone(),
        };
        let whose = match &params.project {
            Some(_) => Whose::One(ResolveProject {
                project: params.project.clone(),
                host: params.host.clone(),
                remotes: Vec::new(),
            }),
            None => Whose::All {
                host: params.host.clone(),
            },
        };
        self.read.bring_up_to_date(context, &whose)?;
        context.answer_read::<SyncRunsList, RunList>(&params, fields, |list, _, view| {
            render::list(list, view)
        })
    }
}

/// Starts the run that repeats the failures of another, and follows it.
fn retry(context: &mut Context, params: &RunRef) -> Result<Reply, Failure> {
    let (status, outcome) = start_and_follow::<SyncRunsRetryFailed>(context, params, false)?;
    if context.printer.robot {
        return status.map(|()| Reply::Document(Document::new(outcome)));
    }
    if let Ok(run) = parse_result::<RunResult>("sync-runs", &outcome) {
        let page = surgical_page(&run, &context.printer.view());
        context.printer.out(&page)?;
    }
    status.map(|()| Reply::Shown)
}

/// A parser for the wire's own names, which then stand in help and errors.
fn names<T>(
    all: &'static [T],
    name: fn(T) -> &'static str,
) -> impl clap::builder::TypedValueParser<Value = T>
where
    T: Copy + std::str::FromStr<Err = ()> + Send + Sync + 'static,
{
    use clap::builder::TypedValueParser as _;
    let known = all.iter().map(|value| name(*value));
    clap::builder::PossibleValuesParser::new(known).try_map(|given| {
        given
            .parse::<T>()
            .map_err(|()| "not one of the known names")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_field_of_a_run_can_be_chosen() {
        let run = serde_json::to_value(render::tests::failed_run()).unwrap();
        let mut names: Vec<&str> = run
            .as_object()
            .unwrap()
            .keys()
            .map(String::as_str)
            .collect();
        names.sort_unstable();
        let mut known = FIELDS.to_vec();
        known.sort_unstable();
        assert_eq!(names, known);
    }
}
