//! Issues.

use serde_json::{Value, json};

use super::{Render, remove, set};
use crate::options::Tier;
use crate::upstream::{Issue, ItemKind, Project};

impl Render<'_> {
    /// The issue as it stands in a list.
    pub(crate) fn issue(&self, project: &Project, issue: &Issue, label_details: bool) -> Value {
        let mut value = self.issuable(project, &issue.common, ItemKind::Issue, label_details);
        let api = format!("{}/issues/{}", self.api_url(project), issue.common.iid);
        let segment = if self.options.work_item_urls {
            "work_items"
        } else {
            "issues"
        };
        let web_url = format!(
            "{}/-/{segment}/{}",
            self.project_url(project),
            issue.common.iid
        );
        for (key, field) in [
            ("type", json!(issue.issue_type.to_uppercase())),
            ("issue_type", json!(issue.issue_type)),
            ("merge_requests_count", json!(issue.merge_requests_count)),
            ("due_date", json!(issue.due_date)),
            ("confidential", json!(issue.confidential)),
            ("severity", json!(issue.severity)),
            ("web_url", json!(web_url)),
            ("moved_to_id", json!(issue.moved_to_id)),
            ("service_desk_reply_to", Value::Null),
            (
                "_links",
                json!({
                    "self": api,
                    "notes": format!("{api}/notes"),
                    "award_emoji": format!("{api}/award_emoji"),
                    "project": self.api_url(project),
                    "closed_as_duplicate_of": null,
                }),
            ),
        ] {
            set(&mut value, key, field);
        }
        let tasks = value["task_completion_status"]["count"].as_u64();
        let done = value["task_completion_status"]["completed_count"].as_u64();
        set(&mut value, "has_tasks", tasks > Some(0));
        if let (Some(tasks @ 1..), Some(done)) = (tasks, done) {
            let status = format!("{done} of {tasks} checklist items completed");
            set(&mut value, "task_status", status);
        }
        if self.options.tier != Tier::Ce {
            set(&mut value, "blocking_issues_count", 0);
            set(&mut value, "epic", Value::Null);
            set(&mut value, "epic_iid", Value::Null);
            set(&mut value, "iteration", Value::Null);
            if self.options.tier != Tier::Free {
                set(&mut value, "weight", issue.weight);
                set(&mut value, "health_status", Value::Null);
            }
        }
        self.finish(value)
    }

    /// The issue as its own endpoint shows it.
    pub(crate) fn single_issue(&self, project: &Project, issue: &Issue) -> Value {
        let mut value = self.issue(project, issue, false);
        set(&mut value, "subscribed", false);
        value
    }

    /// The issue as `closes_issues` shows it: less of it.
    pub(crate) fn basic_issue(&self, project: &Project, issue: &Issue) -> Value {
        let mut value = self.issue(project, issue, false);
        remove(
            &mut value,
            &[
                "references",
                "_links",
                "has_tasks",
                "task_status",
                "severity",
                "moved_to_id",
                "imported",
                "imported_from",
                "service_desk_reply_to",
            ],
        );
        value
    }
}
