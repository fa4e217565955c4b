//! The JSON that GitLab makes of its records.

mod diff;
mod event;
mod issue;
mod merge_request;
mod note;
mod project;

pub(crate) use diff::raw_diff;

use serde_json::{Map, Value, json};

use crate::Moment;
use crate::options::Options;
use crate::upstream::{
    Access, Issuable, ItemKind, Label, Milestone, Project, Upstream, UserId, Viewer,
};

/// Turns records into JSON, for one caller at one moment.
pub(crate) struct Render<'a> {
    pub(crate) upstream: &'a Upstream,
    pub(crate) viewer: Viewer<'a>,
    pub(crate) options: &'a Options,
    /// Scheme, host and relative root of `web_url`.
    pub(crate) base: &'a str,
    pub(crate) now: Moment,
}

impl Render<'_> {
    pub(crate) fn time(&self, moment: Moment) -> Value {
        Value::String(moment.rfc3339(self.options.utc_offset))
    }

    fn time_or_null(&self, moment: Option<Moment>) -> Value {
        moment.map_or(Value::Null, |moment| self.time(moment))
    }

    /// A user; the ghost for one who was deleted.
    pub(crate) fn user(&self, id: UserId) -> Value {
        let ghost = (999_999, "ghost", "Ghost User", "active", None);
        let (id, username, name, state, avatar) =
            self.upstream.users.get(&id).map_or(ghost, |user| {
                (
                    user.id,
                    user.username.as_str(),
                    user.name.as_str(),
                    user.state.as_str(),
                    user.avatar_url.as_deref(),
                )
            });
        self.finish(json!({
            "id": id,
            "username": username,
            "public_email": null,
            "name": name,
            "state": state,
            "locked": false,
            "avatar_url": avatar,
            "web_url": format!("{}/{username}", self.base),
        }))
    }

    /// A user; null for nobody and for one who was deleted.
    fn user_or_null(&self, id: Option<UserId>) -> Value {
        id.filter(|id| self.upstream.users.contains_key(id))
            .map_or(Value::Null, |id| self.user(id))
    }

    fn users(&self, ids: &[UserId]) -> Vec<Value> {
        ids.iter().map(|id| self.user(*id)).collect()
    }

    /// The label as it stands in an event or, with details, on an item.
    pub(crate) fn label(&self, label: &Label) -> Value {
        self.finish(json!({
            "id": label.id,
            "name": label.name,
            "description": label.description,
            "description_html": label.description.as_deref().unwrap_or_default(),
            "text_color": "#FFFFFF",
            "color": label.color,
        }))
    }

    /// The label as it stands in the collection of a project.
    pub(crate) fn listed_label(&self, label: &Label) -> Value {
        let mut value = self.label(label);
        set(&mut value, "subscribed", false);
        set(&mut value, "priority", label.priority);
        set(&mut value, "is_project_label", label.group_id.is_none());
        value
    }

    pub(crate) fn milestone(&self, project: &Project, milestone: &Milestone) -> Value {
        let expired = milestone
            .due_date
            .as_deref()
            .is_some_and(|due| *due < *self.now.date());
        let mut value = json!({
            "id": milestone.id,
            "iid": milestone.iid,
            "title": milestone.title,
            "description": milestone.description,
            "state": milestone.state,
            "created_at": self.time(milestone.created_at),
            "updated_at": self.time(milestone.updated_at),
            "due_date": milestone.due_date,
            "start_date": milestone.start_date,
            "expired": expired,
        });
        let (key, id, url) = match milestone.group_id {
            None => (
                "project_id",
                project.id,
                format!(
                    "{}/-/milestones/{}",
                    self.project_url(project),
                    milestone.iid
                ),
            ),
            Some(group) => (
                "group_id",
                group,
                format!(
                    "{}/groups/{}/-/milestones/{}",
                    self.base,
                    project.namespace(),
                    milestone.iid
                ),
            ),
        };
        set(&mut value, key, id);
        set(&mut value, "web_url", url);
        self.finish(value)
    }

    pub(crate) fn project_url(&self, project: &Project) -> String {
        format!("{}/{}", self.base, project.path_with_namespace)
    }

    fn api_url(&self, project: &Project) -> String {
        format!("{}/api/v4/projects/{}", self.base, project.id)
    }

    /// Fields that issues and merge requests share.
    fn issuable(
        &self,
        project: &Project,
        item: &Issuable,
        kind: ItemKind,
        label_details: bool,
    ) -> Value {
        let mut labels: Vec<&Label> = item
            .label_ids
            .iter()
            .filter_map(|id| project.labels.get(id))
            .collect();
        labels.sort_by(|one, other| one.name.cmp(&other.name));
        let labels: Vec<Value> = labels
            .into_iter()
            .map(|label| {
                if label_details {
                    self.label(label)
                } else {
                    Value::from(label.name.as_str())
                }
            })
            .collect();
        let milestone = item
            .milestone_id
            .and_then(|id| project.milestones.get(&id))
            .map_or(Value::Null, |milestone| self.milestone(project, milestone));
        let assignees = self.users(&item.assignee_ids);
        let sigil = match kind {
            ItemKind::Issue => '#',
            ItemKind::MergeRequest => '!',
        };
        let short = format!("{sigil}{}", item.iid);
        let (tasks, done) = checkboxes(item.description.as_deref().unwrap_or_default());
        json!({
            "id": item.id,
            "iid": item.iid,
            "project_id": item.project_id,
            "title": item.title,
            "description": item.description,
            "state": item.state.as_str(),
            "created_at": self.time(item.created_at),
            "updated_at": self.time(item.updated_at),
            "closed_at": self.time_or_null(item.closed_at),
            "closed_by": self.user_or_null(item.closed_by),
            "labels": labels,
            "milestone": milestone,
            "assignee": assignees.first(),
            "assignees": assignees,
            "author": self.user(item.author_id),
            "user_notes_count": self.user_notes_count(project, item),
            "upvotes": item.upvotes,
            "downvotes": item.downvotes,
            "discussion_locked": item.discussion_locked,
            "references": {
                "short": short,
                "relative": short,
                "full": format!("{}{short}", project.path_with_namespace),
            },
            "time_stats": {
                "time_estimate": item.time_estimate,
                "total_time_spent": item.total_time_spent,
                "human_time_estimate": human_duration(item.time_estimate),
                "human_total_time_spent": human_duration(item.total_time_spent),
            },
            "task_completion_status": { "count": tasks, "completed_count": done },
            "imported": false,
            "imported_from": "none",
        })
    }

    /// Notes that people wrote, without those this caller may not see.
    fn user_notes_count(&self, project: &Project, item: &Issuable) -> usize {
        let member = self.viewer.access(project) == Access::Member;
        item.notes()
            .filter(|note| !note.system && (member || !note.internal))
            .count()
    }

    /// Adds the field that no client knows.
    fn finish(&self, mut value: Value) -> Value {
        if self.options.extra_fields {
            set(
                &mut value,
                "field_of_the_future",
                json!({ "depth": [1, null] }),
            );
        }
        value
    }
}

/// Sets a key of an object.
pub(crate) fn set(value: &mut Value, key: &str, to: impl Into<Value>) {
    if let Value::Object(map) = value {
        map.insert(key.to_owned(), to.into());
    }
}

/// Takes keys out of an object.
fn remove(value: &mut Value, keys: &[&str]) {
    if let Value::Object(map) = value {
        for key in keys {
            map.remove(*key);
        }
    }
}

/// The object with only these keys.
fn only(value: Value, keys: &[&str]) -> Value {
    let Value::Object(map) = value else {
        return value;
    };
    let kept: Map<String, Value> = map
        .into_iter()
        .filter(|(key, _)| keys.contains(&key.as_str()))
        .collect();
    Value::Object(kept)
}

/// Markdown checkboxes: all, and the ticked ones.
fn checkboxes(markdown: &str) -> (usize, usize) {
    let done = markdown.matches("- [x]").count();
    (done + markdown.matches("- [ ]").count(), done)
}

fn human_duration(seconds: u64) -> Option<String> {
    (seconds > 0).then(|| {
        let parts = [
            (seconds / 3600, 'h'),
            (seconds % 3600 / 60, 'm'),
            (seconds % 60, 's'),
        ];
        let parts: Vec<String> = parts
            .iter()
            .filter(|(count, _)| *count > 0)
            .map(|(count, unit)| format!("{count}{unit}"))
            .collect();
        parts.join(" ")
    })
}
