//! `lore mrs`: merge requests by filters, or one with its threads.

mod render;

use std::ffi::OsStr;

use clap::{Args, ValueEnum};
use lore_proto::merge_requests::{
    GetMergeRequest, ListMergeRequests, MergeRequestDetail, MergeRequestList, MergeRequestState,
};
use lore_proto::methods::{MergeRequestsGet, MergeRequestsList, ProjectsResolve};
use lore_proto::project::ResolveProject;
use lore_proto::sync::SyncRequest;
use schemars::JsonSchema;

use super::issues::Sort;
use super::items::{WebPage, limits, open, read_item};
use super::reads::{ReadFlags, Whose, instant};
use super::{Facts, Reply, Run};
use crate::checkout::{Checkout, repository_path};
use crate::context::Context;
use crate::failure::Failure;
use crate::link::parse_result;

/// List merge requests, or show one with its threads
#[derive(Debug, Args)]
#[allow(clippy::struct_excessive_bools)] // Independent flags of the command.
#[command(after_help = "Examples:
  lore mrs                          open ones, changed last first
  lore mrs --reviewer mira --not-draft --unresolved
  lore mrs 789                      unresolved threads first
  lore mrs 789 --unresolved --file src/main.rs
  lore mrs 'https://gitlab.example.com/group/project/-/merge_requests/789/diffs' --web")]
pub(crate) struct MergeRequests {
    /// Show this one: 789, !789, group/project!789, or its web address
    #[arg(value_name = "REF", conflicts_with_all = ["state", "author", "assignee", "reviewer", "labels", "milestone", "since", "search", "draft", "not_draft", "source_branch", "target_branch", "sort", "reverse"])]
    reference: Option<String>,
    /// Only merge requests in this state
    #[arg(long, value_enum, value_name = "STATE", default_value = "opened")]
    state: State,
    /// Only what this user opened
    #[arg(long, value_name = "USER")]
    author: Option<String>,
    /// Only what this user is to do; `none` and `any` mean just that
    #[arg(long, value_name = "USER")]
    assignee: Option<String>,
    /// Only what this user is to review; `none` and `any` mean just that
    #[arg(long, value_name = "USER")]
    reviewer: Option<String>,
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
    /// Only drafts
    #[arg(long, conflicts_with = "not_draft")]
    draft: bool,
    /// No drafts
    #[arg(long)]
    not_draft: bool,
    /// Only those with unresolved threads; of one, only these threads
    #[arg(long)]
    unresolved: bool,
    /// Only those from this branch
    #[arg(long, value_name = "BRANCH")]
    source_branch: Option<String>,
    /// Only those into this branch
    #[arg(long, value_name = "BRANCH")]
    target_branch: Option<String>,
    /// By the last change or by the opening, newest first
    #[arg(long, value_enum, value_name = "BY", default_value = "updated")]
    sort: Sort,
    /// The oldest first
    #[arg(long)]
    reverse: bool,
    /// Of one merge request: only threads on this file
    #[arg(long, value_name = "PATH", requires = "reference")]
    file: Option<String>,
    /// At most so many merge requests; of one, threads
    #[arg(short = 'n', long, value_name = "N", default_value_t = 20, value_parser = clap::value_parser!(u32).range(1..=1_000))]
    limit: u32,
    /// Of one merge request: every text and thread whole
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
    Merged,
    Locked,
    All,
}

impl From<State> for MergeRequestState {
    fn from(state: State) -> Self {
        match state {
            State::Opened => Self::Opened,
            State::Closed => Self::Closed,
            State::Merged => Self::Merged,
            State::Locked => Self::Locked,
            State::All => Self::All,
        }
    }
}

/// `data`, by what was asked for.
#[derive(JsonSchema)]
#[schemars(rename = "MergeRequests", untagged)]
#[allow(dead_code)] // The daemon's bytes go through; this is their form.
enum Answer {
    /// The list.
    List(MergeRequestList),
    /// One of them.
    One(Box<MergeRequestDetail>),
    /// With `--web`: its page.
    Web(WebPage),
}

/// The fields of a row that `--fields` may name.
const FIELDS: &[&str] = &[
    "iid",
    "title",
    "state",
    "draft",
    "author",
    "assignees",
    "reviewers",
    "labels",
    "milestone",
    "source_branch",
    "target_branch",
    "notes",
    "unresolved_threads",
    "created_at",
    "updated_at",
    "merged_at",
    "closed_at",
    "web_url",
    "incomplete",
];

/// The other fields of one merge request.
const MORE_FIELDS: &[&str] = &[
    "project",
    "description",
    "description_truncated",
    "merged_by",
    "closed_by",
    "detailed_merge_status",
    "has_conflicts",
    "sha",
    "commit_sha",
    "upvotes",
    "downvotes",
    "task_count",
    "task_completed_count",
    "closes",
    "threads",
    "threads_total",
    "threads_remaining",
    "next_cursor",
    "files",
    "files_total",
    "files_complete",
    "events",
    "events_total",
    "fetched_at",
    "owed",
];

impl Run for MergeRequests {
    const FACTS: &'static [Facts] = &[Facts::read::<Answer>("mrs")
        .rows("merge_requests")
        .writes_with(&["max-age"])];

    fn name(&self) -> &'static str {
        "mrs"
    }

    fn run(mut self, context: &mut Context) -> Result<Reply, Failure> {
        let here = std::env::current_dir().unwrap_or_default();
        let checkout = Checkout::around(&here);
        if let Some(file) = &self.file {
            let top = checkout.as_ref().and_then(|c| c.root.as_deref());
            let path = repository_path(OsStr::new(file), &here, top);
            self.file = Some(path.map_err(|problem| Failure::usage(problem.to_string()))?);
        }
        let project = ResolveProject {
            project: context.project()?,
            host: context.globals.host.clone(),
            remotes: context.remotes(checkout.as_ref()),
        };
        match self.reference.take() {
            Some(reference) => self.one(context, reference, project),
            None => self.list(context, project),
        }
    }
}

impl MergeRequests {
    fn list(self, context: &mut Context, project: ResolveProject) -> Result<Reply, Failure> {
        let fields = self.read.fields(context, Some("merge_requests"), FIELDS)?;
        if self.web {
            let project = context.ask::<ProjectsResolve>(&project)?;
            let url = project.web_url.map(|url| format!("{url}/-/merge_requests"));
            return open(context, url.as_deref(), None);
        }
        let now = context.printer.view().now;
        let since = self.since.map(|text| instant("--since", &text, now));
        let state = MergeRequestState::from(self.state);
        let params = ListMergeRequests {
            project: project.project.clone(),
            host: project.host.clone(),
            remotes: project.remotes.clone(),
            state: Some(state),
            author: self.author,
            assignee: self.assignee,
            reviewer: self.reviewer,
            labels: self.labels,
            milestone: self.milestone,
            since: since.transpose()?,
            search: self.search,
            draft: match (self.draft, self.not_draft) {
                (true, _) => Some(true),
                (_, true) => Some(false),
                _ => None,
            },
            unresolved: self.unresolved,
            source_branch: self.source_branch,
            target_branch: self.target_branch,
            sort: Some(self.sort.into()),
            reverse: self.reverse,
            limit: Some(self.limit),
            cursor: self.read.cursor.clone(),
        };
        self.read.bring_up_to_date(context, &Whose::One(project))?;
        context.answer_read::<MergeRequestsList, MergeRequestList>(
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
            merge_request_urls: vec![reference.clone()],
            ..SyncRequest::default()
        };
        let narrowed = self.unresolved || self.file.is_some();
        let params = GetMergeRequest {
            iid: None,
            reference: Some(reference),
            project: project.project,
            host: project.host,
            remotes: project.remotes,
            unresolved: self.unresolved,
            path: self.file,
            body_limit,
            note_limit,
            limit: Some(self.limit),
            cursor: self.read.cursor.clone(),
        };
        let oldest = self.read.oldest(context)?;
        let read = read_item::<MergeRequestsGet, _>(context, &params, oldest, &request)?;
        if self.web {
            let detail: MergeRequestDetail =
                parse_result("mrs", &read.data).map_err(lore_proto::WireError::from)?;
            return open(
                context,
                detail.merge_request.web_url.as_deref(),
                read.freshness,
            );
        }
        let shown = render::Shown {
            full: self.full,
            narrowed,
        };
        context.show_read(read, fields.as_ref(), |detail, freshness, view| {
            render::one(detail, shown, freshness, view)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_field_of_a_row_and_of_one_merge_request_can_be_chosen() {
        let names = |value: serde_json::Value| -> Vec<String> {
            let mut names: Vec<String> = value.as_object().unwrap().keys().cloned().collect();
            names.sort_unstable();
            names
        };
        let detail = render::tests::detail();
        let mut known = FIELDS.to_vec();
        known.sort_unstable();
        assert_eq!(
            names(serde_json::to_value(&detail.merge_request).unwrap()),
            known
        );
        known.extend(MORE_FIELDS);
        known.sort_unstable();
        assert_eq!(names(serde_json::to_value(&detail).unwrap()), known);
    }
}
