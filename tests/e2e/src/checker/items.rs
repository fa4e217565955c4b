//! Projects, labels, milestones, issues and merge requests with what is tied
//! to them.

use gitlab_sim::Tier;
use gitlab_sim::upstream::{
    Access, DiffVersion, Issuable, Issue, ItemKind, MergeRequest, Milestone, Project,
};

use super::table::{Cell, Table};
use super::{View, label_of, milestone_of};

pub(super) fn tables(view: &View<'_>, projects: &[&Project]) -> Vec<Table> {
    let mut all = Items::default();
    for project in projects {
        all.add_project(view, project);
        for issue in project.issues.values() {
            if view.viewer.sees_issue(project, issue) {
                all.add_issue(view, project, issue);
            }
        }
        if view.viewer.sees_merge_requests(project) {
            for merge_request in project.merge_requests.values() {
                all.add_merge_request(view, project, merge_request);
            }
        }
    }
    vec![
        all.projects,
        all.labels,
        all.milestones,
        all.issues,
        all.merge_requests,
        all.issue_labels,
        all.merge_request_labels,
        all.issue_assignees,
        all.merge_request_assignees,
        all.reviewers,
    ]
}

/// Names an item in keys: `42 issue 7`.
pub(super) fn key(project: &Project, kind: ItemKind, iid: u64) -> String {
    let kind = match kind {
        ItemKind::Issue => "issue",
        ItemKind::MergeRequest => "merge_request",
    };
    format!("{} {kind} {iid}", project.id)
}

struct Items {
    projects: Table,
    labels: Table,
    milestones: Table,
    issues: Table,
    merge_requests: Table,
    issue_labels: Table,
    merge_request_labels: Table,
    issue_assignees: Table,
    merge_request_assignees: Table,
    reviewers: Table,
}

impl Default for Items {
    fn default() -> Self {
        Self {
            projects: Table::new("projects"),
            labels: Table::new("labels"),
            milestones: Table::new("milestones"),
            issues: Table::new("issues"),
            merge_requests: Table::new("merge_requests"),
            issue_labels: Table::new("issue_labels"),
            merge_request_labels: Table::new("merge_request_labels"),
            issue_assignees: Table::new("issue_assignees"),
            merge_request_assignees: Table::new("merge_request_assignees"),
            reviewers: Table::new("merge_request_reviewers"),
        }
    }
}

impl Items {
    fn add_project(&mut self, view: &View<'_>, project: &Project) {
        self.projects.expect(
            format!("{} {}", view.host, project.id),
            [
                ("path_with_namespace", (&project.path_with_namespace).into()),
                ("name", (&project.name).into()),
                ("description", project.description.as_ref().into()),
                ("web_url", view.project_url(project).into()),
                ("default_branch", project.default_branch.as_ref().into()),
                ("visibility", project.visibility.as_str().into()),
                ("archived", project.archived.into()),
                ("issues_enabled", project.issues_enabled.into()),
                (
                    "merge_requests_enabled",
                    project.merge_requests_enabled.into(),
                ),
                ("access_lost", Cell::Int(0)),
            ],
        );
        for label in project.labels.values() {
            self.labels.expect(
                format!("{} {}", project.id, label.id),
                [
                    ("name", (&label.name).into()),
                    ("color", (&label.color).into()),
                    // The simulator's only one.
                    ("text_color", "#FFFFFF".into()),
                    ("description", label.description.as_ref().into()),
                    ("is_project_label", label.group_id.is_none().into()),
                ],
            );
        }
        for milestone in project.milestones.values() {
            self.milestones.expect(
                format!("{} {}", project.id, milestone.id),
                [
                    ("iid", milestone.iid.into()),
                    ("group_gitlab_id", milestone.group_id.into()),
                    ("title", (&milestone.title).into()),
                    ("description", (&milestone.description).into()),
                    ("state", (&milestone.state).into()),
                    ("due_date", milestone.due_date.as_ref().into()),
                    ("start_date", milestone.start_date.as_ref().into()),
                    ("web_url", milestone_url(view, project, milestone).into()),
                ],
            );
        }
    }

    fn add_issue(&mut self, view: &View<'_>, project: &Project, issue: &Issue) {
        let item = &issue.common;
        let key = key(project, ItemKind::Issue, item.iid);
        let segment = if view.options.work_item_urls {
            "work_items"
        } else {
            "issues"
        };
        let licensed = !matches!(view.options.tier, Tier::Ce | Tier::Free);
        // Incidents and test cases have no such widget.
        let has_status = view.shows_status() && matches!(&*issue.issue_type, "issue" | "task");
        let status = issue.status.as_ref().filter(|_| has_status);
        let (tasks, done) = checkboxes(item);
        self.issues.expect(
            key.clone(),
            [
                ("gitlab_id", item.id.into()),
                ("title", (&item.title).into()),
                ("description", item.description.as_ref().into()),
                ("state", item.state.as_str().into()),
                ("issue_type", (&issue.issue_type).into()),
                ("confidential", issue.confidential.into()),
                ("author", view.author(item.author_id)),
                ("closed_by", view.user(item.closed_by)),
                ("milestone", milestone_id(project, item)),
                ("created_at", item.created_at.into()),
                ("updated_at", item.updated_at.into()),
                ("closed_at", item.closed_at.into()),
                ("due_date", issue.due_date.as_ref().into()),
                ("start_date", Cell::Null),
                ("weight", issue.weight.filter(|_| licensed).into()),
                ("severity", (&issue.severity).into()),
                ("health_status", Cell::Null),
                (
                    "discussion_locked",
                    item.discussion_locked.unwrap_or(false).into(),
                ),
                ("user_notes_count", notes_count(view, project, item)),
                ("merge_requests_count", issue.merge_requests_count.into()),
                ("upvotes", item.upvotes.into()),
                ("downvotes", item.downvotes.into()),
                ("time_estimate", item.time_estimate.into()),
                ("total_time_spent", item.total_time_spent.into()),
                ("task_count", tasks.into()),
                ("task_completed_count", done.into()),
                ("moved_to_gitlab_id", issue.moved_to_id.into()),
                ("status_name", status.map(|s| &s.name).into()),
                ("status_category", status.map(|s| &s.category).into()),
                ("status_color", status.map(|s| &s.color).into()),
                (
                    "reference",
                    format!("{}#{}", project.path_with_namespace, item.iid).into(),
                ),
                (
                    "web_url",
                    format!("{}/-/{segment}/{}", view.project_url(project), item.iid).into(),
                ),
            ],
        );
        add_labels(&mut self.issue_labels, &key, project, item);
        add_people(&mut self.issue_assignees, &key, view, &item.assignee_ids);
    }

    fn add_merge_request(&mut self, view: &View<'_>, project: &Project, payload: &MergeRequest) {
        let item = &payload.common;
        let key = key(project, ItemKind::MergeRequest, item.iid);
        let version = payload.ready_version(view.now);
        let settled = item
            .discussions
            .iter()
            .all(|discussion| !discussion.resolvable() || discussion.resolved());
        let (tasks, done) = checkboxes(item);
        self.merge_requests.expect(
            key.clone(),
            [
                ("gitlab_id", item.id.into()),
                ("title", (&item.title).into()),
                ("description", item.description.as_ref().into()),
                ("state", item.state.as_str().into()),
                ("draft", payload.draft.into()),
                ("author", view.author(item.author_id)),
                ("merge_user", view.user(payload.merged_by)),
                ("closed_by", view.user(item.closed_by)),
                ("milestone", milestone_id(project, item)),
                ("source_branch", (&payload.source_branch).into()),
                ("target_branch", (&payload.target_branch).into()),
                ("source_project_gitlab_id", payload.source_project_id.into()),
                ("created_at", item.created_at.into()),
                ("updated_at", item.updated_at.into()),
                ("merged_at", payload.merged_at.into()),
                ("closed_at", item.closed_at.into()),
                ("prepared_at", payload.prepared_at(view.now).into()),
                ("blocking_discussions_resolved", settled.into()),
                ("sha", version.map(|v| &v.head_sha).into()),
                ("merge_commit_sha", payload.merge_commit_sha.as_ref().into()),
                (
                    "squash_commit_sha",
                    payload.squash_commit_sha.as_ref().into(),
                ),
                ("squash", payload.squash_commit_sha.is_some().into()),
                ("auto_merge", Cell::Int(0)),
                (
                    "discussion_locked",
                    item.discussion_locked.unwrap_or(false).into(),
                ),
                ("user_notes_count", notes_count(view, project, item)),
                ("upvotes", item.upvotes.into()),
                ("downvotes", item.downvotes.into()),
                ("time_estimate", item.time_estimate.into()),
                ("total_time_spent", item.total_time_spent.into()),
                ("task_count", tasks.into()),
                ("task_completed_count", done.into()),
                ("changes_count", changes_count(view, version)),
                ("diff_base_sha", version.map(|v| &v.base_sha).into()),
                ("diff_head_sha", version.map(|v| &v.head_sha).into()),
                ("diff_start_sha", version.map(|v| &v.start_sha).into()),
                (
                    "changes_of",
                    version
                        .map(|v| format!("{}:{}:{}", v.base_sha, v.start_sha, v.head_sha))
                        .into(),
                ),
                ("changes_complete", changes_complete(view, version).into()),
                (
                    "reference",
                    format!("{}!{}", project.path_with_namespace, item.iid).into(),
                ),
                (
                    "web_url",
                    format!(
                        "{}/-/merge_requests/{}",
                        view.project_url(project),
                        item.iid
                    )
                    .into(),
                ),
            ],
        );
        add_labels(&mut self.merge_request_labels, &key, project, item);
        add_people(
            &mut self.merge_request_assignees,
            &key,
            view,
            &item.assignee_ids,
        );
        add_people(&mut self.reviewers, &key, view, &payload.reviewer_ids);
    }
}

/// Whether GitLab shows fewer files than the version has.
pub(super) fn is_cut(view: &View<'_>, version: &DiffVersion) -> bool {
    let limit = view.options.diff_file_limit;
    limit.is_some_and(|limit| version.files.len() > limit)
}

/// Whether the mirror can have all files of the version.
pub(super) fn changes_complete(view: &View<'_>, version: Option<&DiffVersion>) -> bool {
    let whole = view.options.raw_diffs || view.options.access_raw_diffs;
    version.is_none_or(|version| whole || !is_cut(view, version))
}

fn changes_count(view: &View<'_>, version: Option<&DiffVersion>) -> Cell {
    version
        .map(|version| match view.options.diff_file_limit {
            Some(limit) if is_cut(view, version) => format!("{limit}+"),
            _ => version.files.len().to_string(),
        })
        .into()
}

fn milestone_id(project: &Project, item: &Issuable) -> Cell {
    item.milestone_id
        .and_then(|id| milestone_of(project, id))
        .map(|milestone| milestone.id)
        .into()
}

fn milestone_url(view: &View<'_>, project: &Project, milestone: &Milestone) -> String {
    let owner = if milestone.group_id.is_some() {
        format!("{}/groups/{}", view.base, project.namespace())
    } else {
        view.project_url(project)
    };
    format!("{owner}/-/milestones/{}", milestone.iid)
}

fn notes_count(view: &View<'_>, project: &Project, item: &Issuable) -> Cell {
    let member = view.viewer.access(project) == Access::Member;
    item.notes()
        .filter(|note| !note.system && (member || !note.internal))
        .count()
        .into()
}

/// Markdown checkboxes: all, and the ticked ones.
fn checkboxes(item: &Issuable) -> (usize, usize) {
    let text = item.description.as_deref().unwrap_or_default();
    let done = text.matches("- [x]").count();
    (done + text.matches("- [ ]").count(), done)
}

fn add_labels(table: &mut Table, key: &str, project: &Project, item: &Issuable) {
    for label in item
        .label_ids
        .iter()
        .filter_map(|id| label_of(project, *id))
    {
        table.expect(format!("{key} label {}", label.id), []);
    }
}

fn add_people(table: &mut Table, key: &str, view: &View<'_>, people: &[u64]) {
    for person in people {
        table.expect(format!("{key} user {}", view.author(*person)), []);
    }
}
