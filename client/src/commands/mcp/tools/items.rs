//! The tools of issues and merge requests: one, or a list.

use lore_proto::methods::{IssuesGet, IssuesList, MergeRequestsGet, MergeRequestsList};
use lore_proto::{issues, merge_requests};
use serde_json::Value;

use super::{Offer, defined, rows};
use crate::commands::mcp::answer::Answer;
use crate::commands::mcp::arguments::{self as given, Bounded as _, Paged as _, instant};
use crate::commands::mcp::call::{Call, file, is_whole};
use crate::commands::mcp::fit::{Budget, Rows, Shape, Side, fit};
use crate::failure::Failure;

const THREADS: Option<Rows> = Some(Rows {
    field: "threads",
    total: "threads_total",
});

/// `get_issue`.
pub(in crate::commands::mcp) struct GetIssue;

impl Offer for GetIssue {
    const NAME: &'static str = "get_issue";
    const TITLE: &'static str = "Issue with its threads";
    const DESCRIPTION: &'static str = "One issue: description, labels, people, what closes it, its \
        threads in order (paged by cursor) and its last events. Reads the local mirror: \
        milliseconds, no network; where it must be current, call sync with this issue first.";
    type Arguments = given::GetIssue;

    fn data() -> Value {
        defined("IssueDetail")
    }

    fn answer(arguments: given::GetIssue, call: &mut Call) -> Result<Answer, Failure> {
        let budget = arguments.budget()?;
        issue(arguments, budget, call)
    }
}

/// The same within any budget.
pub(in crate::commands::mcp) fn issue(
    arguments: given::GetIssue,
    budget: Budget,
    call: &mut Call,
) -> Result<Answer, Failure> {
    const SHAPE: Shape = Shape {
        rows: THREADS,
        sides: &[
            Side::new("closed_by_merge_requests", 10),
            Side::new("events", 10).of("events_total"),
        ],
        once: &["description"],
    };
    let page = arguments.page();
    let named = is_whole(&arguments.reference);
    let project = call.project_of(named, arguments.project, arguments.host)?;
    let mut params = issues::GetIssue {
        iid: None,
        reference: Some(arguments.reference),
        project: project.project,
        host: project.host,
        remotes: project.remotes,
        body_limit: arguments.body_chars,
        note_limit: None,
        limit: None,
        cursor: arguments.cursor,
    };
    fit(&SHAPE, page, budget, |limit| {
        params.limit = limit;
        call.read::<IssuesGet>(&params)
    })
}

/// `get_merge_request`.
pub(in crate::commands::mcp) struct GetMergeRequest;

impl Offer for GetMergeRequest {
    const NAME: &'static str = "get_merge_request";
    const TITLE: &'static str = "Merge request with its threads";
    const DESCRIPTION: &'static str = "One merge request: description, state, people, changed \
        files (names, not the diff), what it closes, and its review threads, unresolved first \
        (paged by cursor; unresolved and file narrow them). Use to answer a review. Reads the \
        local mirror: milliseconds, no network; where it must be current, call sync with this \
        merge request first.";
    type Arguments = given::GetMergeRequest;

    fn data() -> Value {
        defined("MergeRequestDetail")
    }

    fn answer(arguments: given::GetMergeRequest, call: &mut Call) -> Result<Answer, Failure> {
        let budget = arguments.budget()?;
        merge_request(arguments, budget, call)
    }
}

/// The same within any budget.
pub(in crate::commands::mcp) fn merge_request(
    arguments: given::GetMergeRequest,
    budget: Budget,
    call: &mut Call,
) -> Result<Answer, Failure> {
    const SHAPE: Shape = Shape {
        rows: THREADS,
        sides: &[
            Side::new("closes", 8),
            Side::new("files", 25).of("files_total"),
            Side::new("events", 8).of("events_total"),
        ],
        once: &["description"],
    };
    let page = arguments.page();
    let named = is_whole(&arguments.reference);
    let project = call.project_of(named, arguments.project, arguments.host)?;
    let mut params = merge_requests::GetMergeRequest {
        iid: None,
        reference: Some(arguments.reference),
        project: project.project,
        host: project.host,
        remotes: project.remotes,
        unresolved: arguments.unresolved,
        path: arguments.file.as_deref().map(file).transpose()?,
        body_limit: arguments.body_chars,
        note_limit: None,
        limit: None,
        cursor: arguments.cursor,
    };
    fit(&SHAPE, page, budget, |limit| {
        params.limit = limit;
        call.read::<MergeRequestsGet>(&params)
    })
}

/// `list_issues`.
pub(super) struct ListIssues;

impl Offer for ListIssues {
    const NAME: &'static str = "list_issues";
    const TITLE: &'static str = "List issues";
    const DESCRIPTION: &'static str = "Issues of a project by filters, changed last first, without \
        their texts. For words in descriptions and threads use search. Reads the local mirror: \
        milliseconds, no network.";
    type Arguments = given::ListIssues;

    fn data() -> Value {
        defined("IssueList")
    }

    fn answer(arguments: given::ListIssues, call: &mut Call) -> Result<Answer, Failure> {
        const SHAPE: Shape = Shape {
            rows: Some(rows("issues")),
            sides: &[],
            once: &[],
        };
        let (budget, page) = (arguments.budget()?, arguments.page());
        let project = call.project(arguments.project, arguments.host)?;
        let mut params = issues::ListIssues {
            project: project.project,
            host: project.host,
            remotes: project.remotes,
            state: arguments.state,
            author: arguments.author,
            assignee: arguments.assignee,
            labels: arguments.labels,
            milestone: arguments.milestone,
            since: instant(arguments.since.as_deref(), call.now())?,
            search: arguments.search,
            sort: arguments.sort,
            reverse: arguments.reverse,
            limit: None,
            cursor: arguments.cursor,
        };
        fit(&SHAPE, page, budget, |limit| {
            params.limit = limit;
            call.read::<IssuesList>(&params)
        })
    }
}

/// `list_merge_requests`.
pub(super) struct ListMergeRequests;

impl Offer for ListMergeRequests {
    const NAME: &'static str = "list_merge_requests";
    const TITLE: &'static str = "List merge requests";
    const DESCRIPTION: &'static str = "Merge requests of a project by filters, changed last first, \
        without their texts. For words in descriptions and threads use search; for those of a file \
        use file_history. Reads the local mirror: milliseconds, no network.";
    type Arguments = given::ListMergeRequests;

    fn data() -> Value {
        defined("MergeRequestList")
    }

    fn answer(arguments: given::ListMergeRequests, call: &mut Call) -> Result<Answer, Failure> {
        const SHAPE: Shape = Shape {
            rows: Some(rows("merge_requests")),
            sides: &[],
            once: &[],
        };
        let (budget, page) = (arguments.budget()?, arguments.page());
        let project = call.project(arguments.project, arguments.host)?;
        let mut params = merge_requests::ListMergeRequests {
            project: project.project,
            host: project.host,
            remotes: project.remotes,
            state: arguments.state,
            author: arguments.author,
            assignee: arguments.assignee,
            reviewer: arguments.reviewer,
            labels: arguments.labels,
            milestone: arguments.milestone,
            since: instant(arguments.since.as_deref(), call.now())?,
            search: arguments.search,
            draft: arguments.draft,
            unresolved: arguments.unresolved,
            source_branch: arguments.source_branch,
            target_branch: arguments.target_branch,
            sort: arguments.sort,
            reverse: arguments.reverse,
            limit: None,
            cursor: arguments.cursor,
        };
        fit(&SHAPE, page, budget, |limit| {
            params.limit = limit;
            call.read::<MergeRequestsList>(&params)
        })
    }
}
