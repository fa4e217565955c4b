//! The tools that read the mirror: histories, search, runs, its state.

use lore_proto::daemon::Nothing;
use lore_proto::file_history::FileHistoryParams;
use lore_proto::methods::{
    FileHistoryGet, GetDaemonStatus, SearchQuery, SyncRunsGet, SyncRunsList,
};
use lore_proto::search::SearchParams;
use lore_proto::sync_runs::{ListRuns, RunRef};
use lore_proto::{ErrorCode, WireError};
use serde_json::{Value, json};

use super::{Offer, defined, rows};
use crate::commands::mcp::answer::Answer;
use crate::commands::mcp::arguments::{self as given, Bounded as _, Paged as _, instant};
use crate::commands::mcp::call::{Call, file};
use crate::commands::mcp::fit::{Budget, Page, Shape, Side, fit};
use crate::failure::Failure;

const LISTED: Page = Page {
    limit: None,
    goes_on: false,
};

/// `file_history`.
pub(in crate::commands::mcp) struct FileHistory;

impl Offer for FileHistory {
    const NAME: &'static str = "file_history";
    const TITLE: &'static str = "File history";
    const DESCRIPTION: &'static str = "Why is this file as it is? The merge requests that touched \
        it, newest first, under all names it ever had, with the review threads on it where \
        discussions is true. Use before changing code you did not write. Reads the local mirror: \
        milliseconds, no network.";
    type Arguments = given::FileHistory;

    fn data() -> Value {
        defined("FileHistory")
    }

    fn answer(arguments: given::FileHistory, call: &mut Call) -> Result<Answer, Failure> {
        let budget = arguments.budget()?;
        file_history(arguments, budget, call)
    }
}

/// The same within any budget.
pub(in crate::commands::mcp) fn file_history(
    arguments: given::FileHistory,
    budget: Budget,
    call: &mut Call,
) -> Result<Answer, Failure> {
    const SHAPE: Shape = Shape {
        rows: Some(rows("merge_requests")),
        sides: &[Side::new("chain", 20), Side::new("possibly_missing", 5)],
        once: &[],
    };
    let page = arguments.page();
    let project = call.project(arguments.project, arguments.host)?;
    let mut params = FileHistoryParams {
        path: file(&arguments.path)?,
        project: project.project,
        host: project.host,
        remotes: project.remotes,
        discussions: arguments.discussions,
        merged: arguments.merged,
        no_follow_renames: arguments.no_follow_renames,
        limit: None,
        cursor: arguments.cursor,
    };
    fit(&SHAPE, page, budget, |limit| {
        params.limit = limit;
        call.read::<FileHistoryGet>(&params)
    })
}

/// `search`.
pub(super) struct Search;

impl Offer for Search {
    const NAME: &'static str = "search";
    const TITLE: &'static str = "Search issues, merge requests and threads";
    const DESCRIPTION: &'static str = "Find issues, merge requests and review threads by words and \
        by meaning, best first, with passages. Use for \"has this been discussed or tried \
        before?\". Reads the local mirror: milliseconds, no network but that of an embedding \
        service where one is configured.";
    type Arguments = given::Search;

    fn data() -> Value {
        defined("SearchResults")
    }

    fn answer(arguments: given::Search, call: &mut Call) -> Result<Answer, Failure> {
        const SHAPE: Shape = Shape {
            rows: Some(rows("hits")),
            sides: &[],
            once: &[],
        };
        let (budget, page) = (arguments.budget()?, arguments.page());
        if arguments.query.trim().is_empty() && arguments.like.is_none() {
            return Err(Failure::usage(
                "one of the arguments `query` and `like` is needed",
            ));
        }
        let project = call.project(arguments.project, arguments.host)?;
        let mut params = SearchParams {
            query: arguments.query,
            like: arguments.like,
            project: project.project,
            host: project.host,
            remotes: project.remotes,
            mode: arguments.mode,
            types: arguments.types,
            author: arguments.author,
            labels: arguments.labels,
            state: arguments.state,
            path: arguments.path,
            since: instant(arguments.since.as_deref(), call.now())?,
            no_confidential: arguments.no_confidential,
            recent: arguments.recent,
            explain: false,
            limit: None,
            cursor: arguments.cursor,
        };
        fit(&SHAPE, page, budget, |limit| {
            params.limit = Some(limit.unwrap_or(10));
            call.read::<SearchQuery>(&params)
        })
    }
}

/// `sync_runs`.
pub(super) struct SyncRuns;

/// The lists of a run, each with its share.
const RUN_SIDES: &[Side] = &[
    Side::new("entity_outcomes", 30),
    Side::new("entity_failures", 30),
    Side::new("warnings", 10),
    Side::new("recovery_actions", 10),
];

impl Offer for SyncRuns {
    const NAME: &'static str = "sync_runs";
    const TITLE: &'static str = "Sync runs";
    const DESCRIPTION: &'static str = "The ledger of all syncs, newest first, or with run_id one of \
        them with its items: when it ran, how it ended, what failed and how to repeat it. Use \
        after sync with wait=false, or where the mirror seems stale. Reads the local mirror: \
        milliseconds, no network.";
    type Arguments = given::SyncRuns;

    fn data() -> Value {
        json!({ "type": "object", "anyOf": [defined("RunList"), defined("RunResult")] })
    }

    fn answer(arguments: given::SyncRuns, call: &mut Call) -> Result<Answer, Failure> {
        const LIST: Shape = Shape {
            rows: Some(rows("runs")),
            sides: &[],
            once: &[],
        };
        const ONE: Shape = Shape {
            rows: None,
            sides: RUN_SIDES,
            once: &[],
        };
        let (budget, page) = (arguments.budget()?, arguments.page());
        if let Some(run_id) = arguments.run_id {
            let run = RunRef { run_id };
            return fit(&ONE, LISTED, budget, |_| call.read::<SyncRunsGet>(&run));
        }
        let mut params = ListRuns {
            limit: None,
            states: arguments.states,
            mode: arguments.mode,
            project: match arguments.project {
                Some(project) => Some(project),
                None => call.context.project()?,
            },
            host: arguments.host.or_else(|| call.context.globals.host.clone()),
            cursor: arguments.cursor,
        };
        fit(&LIST, page, budget, |limit| {
            params.limit = limit;
            call.read::<SyncRunsList>(&params)
        })
    }
}

/// `status`.
pub(super) struct Status;

impl Offer for Status {
    const NAME: &'static str = "status";
    const TITLE: &'static str = "Mirror status";
    const DESCRIPTION: &'static str = "Which projects are mirrored, how current and complete each \
        is, what runs now, what is wrong and its cure. Call first, or where another tool says that \
        a project is unknown or ambiguous. Milliseconds, no network.";
    type Arguments = given::Status;

    fn data() -> Value {
        defined("DaemonStatus")
    }

    fn answer(arguments: given::Status, call: &mut Call) -> Result<Answer, Failure> {
        const SHAPE: Shape = Shape {
            rows: None,
            sides: &[
                Side::new("projects", 40),
                Side::new("jobs", 15),
                Side::new("hosts", 10),
                Side::new("warnings", 10),
                Side::new("locks", 5),
            ],
            once: &[],
        };
        let budget = arguments.budget()?;
        fit(&SHAPE, LISTED, budget, |_| status(call))
    }
}

fn status(call: &mut Call) -> Result<Answer, Failure> {
    let status = call.context.ask::<GetDaemonStatus>(&Nothing {})?;
    serde_json::to_value(status)
        .map(Answer::of)
        .map_err(|error| WireError::new(ErrorCode::Internal, error.to_string()).into())
}

/// One project, as `status` shows it.
pub(in crate::commands::mcp) fn project_status(
    host: &str,
    path: &str,
    call: &mut Call,
) -> Result<Answer, Failure> {
    let Answer { mut data, .. } = status(call)?;
    let projects = data.get_mut("projects").and_then(Value::as_array_mut);
    let is_it = |project: &&mut Value| project["host"] == host && project["path"] == path;
    match projects.and_then(|projects| projects.iter_mut().find(is_it)) {
        Some(project) => Ok(Answer::of(project.take())),
        None => Err(WireError::new(
            ErrorCode::ProjectUnknown,
            "no configured project has this address; resources/list has those that are",
        )
        .into()),
    }
}
