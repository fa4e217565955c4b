//! What hangs on a merge request: diffs, versions, closing links.

use serde_json::{Value, json};

use super::answer::{Answering, Step};
use super::render::{raw_diff, set};
use super::reply::Reply;
use crate::Route;
use crate::upstream::{ClosingLink, Issuable, MergeRequest, Project};

impl Answering<'_> {
    /// The answer for a route below a merge request.
    pub(super) fn merge_request_part(
        &self,
        project: &Project,
        merge_request: &MergeRequest,
    ) -> Step<Reply> {
        let render = &self.render;
        let query = &self.request.query;
        let ready = merge_request.ready_version(render.now);
        match self.request.target.route {
            Route::Diffs => {
                let files = ready.map_or(&[][..], |version| render.shown_files(version));
                let unidiff = query.flag("unidiff");
                Ok(self.page(files, |file| Some(render.diff(file, unidiff))))
            }
            Route::Changes => {
                let raw = query.flag("access_raw_diffs") && render.options.access_raw_diffs;
                let unidiff = query.flag("unidiff");
                let all = ready.map_or(&[][..], |version| &version.files);
                let shown = match ready {
                    Some(version) if !raw => render.shown_files(version),
                    _ => all,
                };
                let files: Vec<Value> = shown
                    .iter()
                    .map(|file| render.diff(file, unidiff))
                    .collect();
                let mut value = render.single_merge_request(project, merge_request);
                set(&mut value, "overflow", files.len() < all.len());
                set(&mut value, "changes", files);
                Ok(Reply::json(&value))
            }
            Route::RawDiffs if !render.options.raw_diffs => Err(Reply::no_route()),
            Route::RawDiffs => {
                let text = raw_diff(ready.map_or(&[][..], |version| &version.files));
                Ok(Reply::text(200, text))
            }
            Route::DiffVersions => {
                let mut versions: Vec<_> = merge_request
                    .versions
                    .iter()
                    .filter(|version| version.ready_at <= render.now)
                    .collect();
                versions.reverse();
                let id = merge_request.common.id;
                Ok(self.page(&versions, |version| Some(render.diff_version(id, version))))
            }
            Route::DiffVersion => self.diff_version(project, merge_request),
            Route::ClosesIssues => Ok(self.closes_issues(merge_request)),
            Route::Commits => Ok(self.page(&merge_request.commits, |commit| {
                Some(render.commit(project, commit))
            })),
            Route::Approvals => Ok(Reply::json(&render.approvals(project, merge_request))),
            Route::Reviewers => Ok(Reply::json(&render.reviewers(merge_request))),
            _ => Err(Reply::no_route()),
        }
    }

    fn diff_version(&self, project: &Project, merge_request: &MergeRequest) -> Step<Reply> {
        let id: Option<u64> = self
            .request
            .target
            .sub_id
            .as_deref()
            .and_then(|id| id.parse().ok());
        let version = merge_request
            .versions
            .iter()
            .find(|version| Some(version.id) == id && version.ready_at <= self.render.now)
            .ok_or_else(Reply::no_record)?;
        let mut value = self.render.diff_version(merge_request.common.id, version);
        let unidiff = self.request.query.flag("unidiff");
        let files: Vec<Value> = self
            .render
            .shown_files(version)
            .iter()
            .map(|file| self.render.diff(file, unidiff))
            .collect();
        let commits: Vec<Value> = merge_request
            .commits
            .iter()
            .map(|commit| self.render.commit(project, commit))
            .collect();
        set(&mut value, "diffs", files);
        set(&mut value, "commits", commits);
        Ok(Reply::json(&value))
    }

    fn closes_issues(&self, merge_request: &MergeRequest) -> Reply {
        let render = &self.render;
        let visible: Vec<Value> = merge_request
            .closes
            .iter()
            .filter_map(|link| match link {
                ClosingLink::External { id, title } => Some(json!({ "title": title, "id": id })),
                ClosingLink::Issue { project_id, iid } => {
                    let project = render.upstream.projects.get(project_id)?;
                    let issue = project.issues.get(iid)?;
                    let seen = render.viewer.sees_issue(project, issue);
                    seen.then(|| render.basic_issue(project, issue))
                }
            })
            .collect();
        self.page(&visible, |value| Some(value.clone()))
    }

    /// Merge requests that close an issue, of any project.
    pub(super) fn closed_by(&self, project: &Project, issue: &Issuable) -> Reply {
        let render = &self.render;
        let wanted = ClosingLink::Issue {
            project_id: project.id,
            iid: issue.iid,
        };
        let mut found = Vec::new();
        for project in render.upstream.projects.values() {
            if render.viewer.sees_merge_requests(project) {
                found.extend(
                    project
                        .merge_requests
                        .values()
                        .filter(|merge_request| merge_request.closes.contains(&wanted))
                        .map(|merge_request| (project, merge_request)),
                );
            }
        }
        self.page(&found, |(project, merge_request)| {
            Some(render.merge_request(project, merge_request, false))
        })
    }
}
