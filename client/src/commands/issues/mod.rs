//! `lore issues`: a list by filters, or one issue with its threads.

mod render;

use clap::{Args, ValueEnum};
use lore_proto::issues::{GetIssue, IssueDetail, IssueList, IssueState, ListIssues};
use lore_proto::items::ItemSort;
use lore_proto::methods::{IssuesGet, IssuesList, ProjectsResolve};
use lore_proto::project::ResolveProject;
use lore_proto::sync::SyncRequest;
use schemars::JsonSchema;

use super::items::{WebPage, limits, open, read_item};
use super::reads::{ReadFlags, Whose, instant};
use super::{Facts, Reply, Run};
use crate::checkout::Checkout;
use crate::context::Context;
use crate::failure::Failure;
use crate::link::parse_result;

/// List issues, or show one with its threads
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  lore issues                       open ones, changed last first
  lore issues --label bug --assignee none --since 2w
  lore issues 12
  lore issues 'https://gitlab.example.com/group/project/-/issues/12#note_7' --web")]
pub(crate) struct Issues {
    /// Show this one: 12, #12, group/project#12, or its web address
    #[arg(value_name = "REF", conflicts_with_all = ["state", "author", "assignee", "labels", "milestone", "since", "search", "sort", "reverse"])]
    reference: Option<String>,
    /// Only issues in this state
    #[arg(long, value_enum, value_name = "STATE", default_value = "opened")]
    state: State,
    /// Only what this user opened
    #[arg(long, value_name = "USER")]
    author: Option<String>,
    /// Only what this user is to do; `none` and `any` mean just that
    #[arg(long, value_name = "USER")]
    assignee: Option<String>,
    /// Only with this label (`none`, `any`); repeated: with all of them
    #[arg(long = "label", value_name = "LABEL")]
    labels: Vec<String>,
    /// Only of this milestone; `none` and `any` mean just that
    #[arg(long, value_name = "TITLE")]
    milestone: Option<String>,
    /// Only those changed since then: 2d, 1w, 2026-01-31
    #[arg(long, value_name = "WHEN")]
    since: Option<String>,
    /// Only with all these words in title and description
    #[arg(long, value_name = "WORDS")]
    search: Option<String>,
    /// By the last change or by the opening, newest first
    #[arg(long, value_enum, value_name = "BY", default_value = "updated")]
    sort: Sort,
    /// The oldest first
    #[arg(long)]
    reverse: bool,
    /// At most so many issues; of one issue, threads
    #[arg(short = 'n', long, value_name = "N", default_value_t = 20, value_parser = clap::value_parser!(u32).range(1..=1_000))]
    limit: u32,
    /// Of one issue: every text and thread whole
    #[arg(long, requires = "reference")]
    full: bool,
    /// Open it in the browser; the list, where none is named
    #[arg(long)]
    web: bool,
    #[command(flatten)]
    read: ReadFlags,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum State {
    #[value(alias = "open")]
    Opened,
    Closed,
    All,
}

/// What `lore issues` and `lore mrs` sort by.
#[derive(Debug, Clone, Copy, ValueEnum)]
pub(super) enum Sort {
    Updated,
    Created,
}

impl From<Sort> for ItemSort {
    fn from(sort: Sort) -> Self {
        match sort {
            Sort::Updated => Self::Updated,
            Sort::Created => Self::Created,
        }
    }
}

impl From<State> for IssueState {
    fn from(state: State) -> Self {
        match state {
            State::Opened => Self::Opened,
            State::Closed => Self::Closed,
            State::All => Self::All,
        }
    }
}

/// `data`, by what was asked for.
#[derive(JsonSchema)]
#[schemars(rename = "Issues", untagged)]
#[allow(dead_code)] // The daemon's bytes go through; this is their form.
enum Answer {
    /// The list.
    List(IssueList),
    /// One of them.
    One(Box<IssueDetail>),
    /// With `--web`: its page.
    Web(WebPage),
}

/// The fields of a row that `--fields` may name.
const FIELDS: &[&str] = &[
    "iid",
    "title",
    "state",
    "issue_type",
    "status",
    "confidential",
    "author",
    "assignees",
    "labels",
    "milestone",
    "notes",
    "due_date",
    "created_at",
    "updated_at",
    "closed_at",
    "web_url",
    "incomplete",
];

/// The other fields of one issue.
const MORE_FIELDS: &[&str] = &[
    "project",
    "description",
    "description_truncated",
    "closed_by",
    "upvotes",
    "downvotes",
    "task_count",
    "task_completed_count",
    "closed_by_merge_requests",
    "threads",
    "threads_total",
    "threads_remaining",
    "next_cursor",
    "events",
    "events_total",
    "fetched_at",
    "owed",
];

impl Run for Issues {
    const FACTS: &'static [Facts] = &[Facts::read::<Answer>("issues")
        .rows("issues")
        .writes_with(&["max-age"])];

    fn name(&self) -> &'static str {
        "issues"
    }

    fn run(mut self, context: &mut Context) -> Result<Reply, Failure> {
        let here = Checkout::here();
        let project = ResolveProject {
            project: context.project()?,
            host: context.globals.host.clone(),
            remotes: context.remotes(here.as_ref()),
        };
        match self.reference.take() {
            Some(reference) => self.one(context, reference, project),
            None => self.list(context, project),
        }
    }
}

impl Issues {
    fn list(self, context: &mut Context, project: ResolveProject) -> Result<Reply, Failure> {
        let fields = self.read.fields(context, Some("issues"), FIELDS)?;
        if self.web {
            let project = context.ask::<ProjectsResolve>(&project)?;
            let url = project.web_url.map(|url| format!("{url}/-/issues"));
            return open(context, url.as_deref(), None);
        }
        let now = context.printer.view().now;
        let since = self.since.map(|text| instant("--since", &text, now));
        let state = IssueState::from(self.state);
        let params = ListIssues {
            project: project.project.clone(),
            host: project.host.clone(),
            remotes: project.remotes.clone(),
            state: Some(state),
            author: self.author,
            assignee: self.assignee,
            labels: self.labels,
            milestone: self.milestone,
            since: since.transpose()?,
            search: self.search,
            sort: Some(self.sort.into()),
            reverse: self.reverse,
            limit: Some(self.limit),
            cursor: self.read.cursor.clone(),
        };
        self.read.bring_up_to_date(context, &Whose::One(project))?;
        context.answer_read::<IssuesList, IssueList>(
            &params,
            fields.as_ref(),
            |list, freshness, view| render::list(list, state, freshness, view),
        )
    }

    fn one(
        self,
        context: &mut Context,
        reference: String,
        project: ResolveProject,
    ) -> Result<Reply, Failure> {
        let known: Vec<&str> = FIELDS.iter().chain(MORE_FIELDS).copied().collect();
        let fields = self.read.fields(context, None, &known)?;
        let (body_limit, note_limit) = limits(context.printer.robot, self.full);
        let request = SyncRequest {
            project: project.project.clone(),
            host: project.host.clone(),
            remotes: project.remotes.clone(),
            issue_urls: vec![reference.clone()],
            ..SyncRequest::default()
        };
        let params = GetIssue {
            iid: None,
            reference: Some(reference),
            project: project.project,
            host: project.host,
            remotes: project.remotes,
            body_limit,
            note_limit,
            limit: Some(self.limit),
            cursor: self.read.cursor.clone(),
        };
        let oldest = self.read.oldest(context)?;
        let read = read_item::<IssuesGet, _>(context, &params, oldest, &request)?;
        if self.web {
            let issue: IssueDetail =
                parse_result("issues", &read.data).map_err(lore_proto::WireError::from)?;
            return open(context, issue.issue.web_url.as_deref(), read.freshness);
        }
        context.show_read(read, fields.as_ref(), |issue, freshness, view| {
            render::one(issue, self.full, freshness, view)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_field_of_a_row_and_of_one_issue_can_be_chosen() {
        let names = |value: serde_json::Value| -> Vec<String> {
            let mut names: Vec<String> = value.as_object().unwrap().keys().cloned().collect();
            names.sort_unstable();
            names
        };
        let issue = render::tests::detail();
        let mut known = FIELDS.to_vec();
        known.sort_unstable();
        assert_eq!(names(serde_json::to_value(&issue.issue).unwrap()), known);
        known.extend(MORE_FIELDS);
        known.sort_unstable();
        assert_eq!(names(serde_json::to_value(&issue).unwrap()), known);
    }
}
