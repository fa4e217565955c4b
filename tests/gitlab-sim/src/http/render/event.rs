//! Resource events.

use serde_json::{Value, json};

use super::Render;
use crate::Moment;
use crate::upstream::{
    Issuable, ItemKind, LabelEvent, MilestoneEvent, Project, StateEvent, UserId,
};

impl Render<'_> {
    pub(crate) fn state_event(&self, item: (ItemKind, &Issuable), event: &StateEvent) -> Value {
        let mut value = self.event(item, event.id, event.user_id, event.created_at);
        super::set(&mut value, "state", event.state.as_str());
        super::set(&mut value, "source_commit", event.source_commit.clone());
        super::set(
            &mut value,
            "source_merge_request_id",
            event.source_merge_request_id,
        );
        self.finish(value)
    }

    /// The label is null once it was deleted.
    pub(crate) fn label_event(
        &self,
        project: &Project,
        item: (ItemKind, &Issuable),
        event: &LabelEvent,
    ) -> Value {
        let mut value = self.event(item, event.id, event.user_id, event.created_at);
        let label = project.labels.get(&event.label_id);
        super::set(&mut value, "label", label.map(|label| self.label(label)));
        super::set(&mut value, "action", event.action.as_str());
        self.finish(value)
    }

    /// The milestone is null once it was deleted.
    pub(crate) fn milestone_event(
        &self,
        project: &Project,
        item: (ItemKind, &Issuable),
        event: &MilestoneEvent,
    ) -> Value {
        let mut value = self.event(item, event.id, event.user_id, event.created_at);
        let milestone = project
            .milestones
            .get(&event.milestone_id)
            .map(|milestone| self.milestone(project, milestone));
        super::set(&mut value, "milestone", milestone);
        super::set(&mut value, "action", event.action.as_str());
        super::set(&mut value, "state", event.state.as_str());
        self.finish(value)
    }

    fn event(
        &self,
        (kind, item): (ItemKind, &Issuable),
        id: u64,
        user_id: Option<UserId>,
        created_at: Moment,
    ) -> Value {
        json!({
            "id": id,
            "user": self.user_or_null(user_id),
            "created_at": self.time(created_at),
            "resource_type": kind.type_name(),
            "resource_id": item.id,
        })
    }
}
