//! Merge requests.

use serde_json::{Value, json};

use super::{Render, only, set};
use crate::options::Tier;
use crate::upstream::{Commit, ItemKind, ItemState, MergeRequest, Project};

/// What `view=simple` leaves.
const SIMPLE: &[&str] = &[
    "id",
    "iid",
    "project_id",
    "title",
    "description",
    "state",
    "created_at",
    "updated_at",
    "web_url",
];

impl Render<'_> {
    /// The merge request as it stands in a list.
    pub(crate) fn merge_request(
        &self,
        project: &Project,
        merge_request: &MergeRequest,
        label_details: bool,
    ) -> Value {
        let item = &merge_request.common;
        let mut value = self.issuable(project, item, ItemKind::MergeRequest, label_details);
        let version = merge_request.ready_version(self.now);
        let merge_user = self.user_or_null(merge_request.merged_by);
        let merge_status = self.merge_status(merge_request);
        let resolved = item
            .discussions
            .iter()
            .all(|discussion| !discussion.resolvable() || discussion.resolved());
        for (key, field) in [
            ("draft", json!(merge_request.draft)),
            ("work_in_progress", json!(merge_request.draft)),
            ("merged_by", merge_user.clone()),
            ("merge_user", merge_user),
            ("merged_at", self.time_or_null(merge_request.merged_at)),
            ("target_branch", json!(merge_request.target_branch)),
            ("source_branch", json!(merge_request.source_branch)),
            ("source_project_id", json!(merge_request.source_project_id)),
            ("target_project_id", json!(project.id)),
            (
                "reviewers",
                Value::Array(self.users(&merge_request.reviewer_ids)),
            ),
            ("merge_status", json!(merge_status)),
            (
                "detailed_merge_status",
                json!(self.detailed_merge_status(merge_request)),
            ),
            ("merge_after", Value::Null),
            ("sha", json!(version.map(|version| &version.head_sha))),
            ("merge_commit_sha", json!(merge_request.merge_commit_sha)),
            ("squash_commit_sha", json!(merge_request.squash_commit_sha)),
            ("squash", json!(merge_request.squash_commit_sha.is_some())),
            (
                "squash_on_merge",
                json!(merge_request.squash_commit_sha.is_some()),
            ),
            ("should_remove_source_branch", Value::Null),
            ("force_remove_source_branch", json!(true)),
            (
                "prepared_at",
                self.time_or_null(merge_request.prepared_at(self.now)),
            ),
            ("merge_when_pipeline_succeeds", json!(false)),
            ("has_conflicts", json!(merge_status == "cannot_be_merged")),
            ("blocking_discussions_resolved", json!(resolved)),
            ("reference", json!(format!("!{}", item.iid))),
            (
                "web_url",
                json!(self.merge_request_url(project, merge_request)),
            ),
        ] {
            set(&mut value, key, field);
        }
        let fork = merge_request.source_project_id != Some(project.id);
        if fork {
            set(&mut value, "allow_collaboration", false);
            set(&mut value, "allow_maintainer_to_push", false);
        }
        if self.options.tier != Tier::Ce {
            set(&mut value, "approvals_before_merge", Value::Null);
        }
        self.finish(value)
    }

    /// The merge request as `view=simple` shows it.
    pub(crate) fn simple_merge_request(
        &self,
        project: &Project,
        merge_request: &MergeRequest,
    ) -> Value {
        only(self.merge_request(project, merge_request, false), SIMPLE)
    }

    /// The merge request as its own endpoint shows it.
    pub(crate) fn single_merge_request(
        &self,
        project: &Project,
        merge_request: &MergeRequest,
    ) -> Value {
        let mut value = self.merge_request(project, merge_request, false);
        let version = merge_request.ready_version(self.now);
        let changes = version.map(|version| {
            let files = version.files.len();
            match self.options.diff_file_limit {
                Some(limit) if files > limit => format!("{limit}+"),
                _ => files.to_string(),
            }
        });
        let refs = version.map(|version| {
            json!({
                "base_sha": version.base_sha,
                "head_sha": version.head_sha,
                "start_sha": version.start_sha,
            })
        });
        for (key, field) in [
            ("subscribed", json!(false)),
            ("changes_count", json!(changes)),
            ("diff_refs", json!(refs)),
            ("latest_build_started_at", Value::Null),
            ("latest_build_finished_at", Value::Null),
            ("first_deployed_to_production_at", Value::Null),
            ("pipeline", Value::Null),
            ("head_pipeline", Value::Null),
            ("merge_error", Value::Null),
            ("first_contribution", json!(false)),
            ("user", json!({ "can_merge": false })),
        ] {
            set(&mut value, key, field);
        }
        value
    }

    pub(crate) fn commit(&self, project: &Project, commit: &Commit) -> Value {
        let at = commit.authored_at.rfc3339(commit.utc_offset);
        let short: String = commit.id.chars().take(8).collect();
        self.finish(json!({
            "id": commit.id,
            "short_id": short,
            "title": commit.title,
            "message": commit.message,
            "author_name": commit.author_name,
            "author_email": commit.author_email,
            "authored_date": at,
            "committer_name": commit.author_name,
            "committer_email": commit.author_email,
            "committed_date": at,
            "created_at": at,
            "parent_ids": commit.parent_ids,
            "trailers": {},
            "extended_trailers": {},
            "web_url": format!("{}/-/commit/{}", self.project_url(project), commit.id),
        }))
    }

    /// What `approvals` answers; CE says less.
    pub(crate) fn approvals(&self, project: &Project, merge_request: &MergeRequest) -> Value {
        let by: Vec<Value> = merge_request
            .approved_by
            .iter()
            .map(|id| json!({ "user": self.user(*id) }))
            .collect();
        let mut value = json!({
            "approved": !by.is_empty(),
            "approved_by": by,
            "user_has_approved": false,
            "user_can_approve": false,
        });
        if self.options.tier != Tier::Ce {
            let item = &merge_request.common;
            for (key, field) in [
                ("id", json!(item.id)),
                ("iid", json!(item.iid)),
                ("project_id", json!(project.id)),
                ("title", json!(item.title)),
                ("state", json!(item.state.as_str())),
                ("created_at", self.time(item.created_at)),
                ("updated_at", self.time(item.updated_at)),
                ("approvals_required", json!(0)),
                ("approvals_left", json!(0)),
            ] {
                set(&mut value, key, field);
            }
        }
        self.finish(value)
    }

    pub(crate) fn reviewers(&self, merge_request: &MergeRequest) -> Value {
        let reviewers: Vec<Value> = merge_request
            .reviewer_ids
            .iter()
            .map(|id| {
                let approved = merge_request.approved_by.contains(id);
                let state = if approved { "approved" } else { "unreviewed" };
                self.finish(json!({
                    "user": self.user(*id),
                    "state": state,
                    "created_at": self.time(merge_request.common.created_at),
                }))
            })
            .collect();
        Value::Array(reviewers)
    }

    /// The deprecated `merge_status`.
    pub(crate) fn merge_status<'m>(&self, merge_request: &'m MergeRequest) -> &'m str {
        if merge_request.ready_version(self.now).is_none() {
            "preparing"
        } else if merge_request.merge_status == "preparing" {
            "unchecked"
        } else {
            &merge_request.merge_status
        }
    }

    fn detailed_merge_status(&self, merge_request: &MergeRequest) -> &'static str {
        match self.merge_status(merge_request) {
            "preparing" => "preparing",
            _ if merge_request.common.state != ItemState::Opened => "not_open",
            _ if merge_request.draft => "draft_status",
            "cannot_be_merged" => "conflict",
            "can_be_merged" => "mergeable",
            "checking" => "checking",
            _ => "unchecked",
        }
    }

    fn merge_request_url(&self, project: &Project, merge_request: &MergeRequest) -> String {
        format!(
            "{}/-/merge_requests/{}",
            self.project_url(project),
            merge_request.common.iid
        )
    }
}
