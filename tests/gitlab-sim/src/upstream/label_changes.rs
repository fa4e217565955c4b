//! Labels and milestones: on items, and the records themselves.

use super::{
    Audience, EventAction, ItemRef, Label, LabelEvent, Milestone, Result, Upstream, UpstreamError,
    UserId,
};

/// A milestone about to be made.
#[derive(Clone, Debug, Default)]
pub struct NewMilestone {
    /// Title.
    pub title: String,
    /// `YYYY-MM-DD`.
    pub due_date: Option<String>,
    /// The group it belongs to, instead of the project.
    pub group_id: Option<u64>,
}

impl Upstream {
    /// A new label of the project, or of the group `group_id`.
    pub fn create_label(
        &mut self,
        project_id: u64,
        name: impl Into<String>,
        group_id: Option<u64>,
    ) -> Result<u64> {
        self.project(project_id)?;
        let now = self.now();
        self.last_ids.label += 1;
        let id = self.last_ids.label;
        let label = Label {
            id,
            name: name.into(),
            color: format!("#{:06x}", id.wrapping_mul(2_654_435_761) & 0x00ff_ffff),
            description: None,
            priority: None,
            group_id,
            updated_at: now,
        };
        self.project_mut(project_id)?.labels.insert(id, label);
        Ok(id)
    }

    /// Adds labels: one event each, and a touch.
    pub fn add_labels(&mut self, at: ItemRef, by: UserId, labels: &[u64]) -> Result<()> {
        self.change_labels(at, by, labels, EventAction::Add)
    }

    /// Removes labels: one event each, and a touch.
    pub fn remove_labels(&mut self, at: ItemRef, by: UserId, labels: &[u64]) -> Result<()> {
        self.change_labels(at, by, labels, EventAction::Remove)
    }

    /// Renames a label. No item that carries it is touched.
    pub fn rename_label(
        &mut self,
        project_id: u64,
        label_id: u64,
        name: impl Into<String>,
    ) -> Result<()> {
        let now = self.now();
        let label = self
            .project_mut(project_id)?
            .labels
            .get_mut(&label_id)
            .ok_or(UpstreamError::NoLabelOrMilestone(label_id))?;
        label.name = name.into();
        label.updated_at = now;
        Ok(())
    }

    /// Deletes a label: it vanishes from every item without touching it, and
    /// its events show null.
    pub fn delete_label(&mut self, project_id: u64, label_id: u64) -> Result<()> {
        let project = self.project_mut(project_id)?;
        project
            .labels
            .remove(&label_id)
            .ok_or(UpstreamError::NoLabelOrMilestone(label_id))?;
        for issue in project.issues.values_mut() {
            issue.common.label_ids.remove(&label_id);
        }
        for merge_request in project.merge_requests.values_mut() {
            merge_request.common.label_ids.remove(&label_id);
        }
        Ok(())
    }

    /// A new milestone.
    pub fn create_milestone(&mut self, project_id: u64, new: NewMilestone) -> Result<u64> {
        let now = self.now();
        self.last_ids.milestone += 1;
        let id = self.last_ids.milestone;
        let project = self.project_mut(project_id)?;
        let iid = 1 + project
            .milestones
            .values()
            .filter(|other| other.group_id == new.group_id)
            .map(|other| other.iid)
            .max()
            .unwrap_or(0);
        let milestone = Milestone {
            id,
            iid,
            title: new.title,
            description: String::new(),
            state: "active".to_owned(),
            created_at: now,
            updated_at: now,
            due_date: new.due_date,
            start_date: None,
            group_id: new.group_id,
        };
        project.milestones.insert(id, milestone);
        Ok(id)
    }

    /// Renames a milestone. No item that has it is touched.
    pub fn rename_milestone(
        &mut self,
        project_id: u64,
        milestone_id: u64,
        title: impl Into<String>,
    ) -> Result<()> {
        let now = self.now();
        let milestone = self
            .project_mut(project_id)?
            .milestones
            .get_mut(&milestone_id)
            .ok_or(UpstreamError::NoLabelOrMilestone(milestone_id))?;
        milestone.title = title.into();
        milestone.updated_at = now;
        Ok(())
    }

    /// Deletes a milestone: it vanishes from every item without touching it,
    /// and its events show null.
    pub fn delete_milestone(&mut self, project_id: u64, milestone_id: u64) -> Result<()> {
        let project = self.project_mut(project_id)?;
        project
            .milestones
            .remove(&milestone_id)
            .ok_or(UpstreamError::NoLabelOrMilestone(milestone_id))?;
        let issues = project.issues.values_mut().map(|issue| &mut issue.common);
        let merge_requests = project
            .merge_requests
            .values_mut()
            .map(|merge_request| &mut merge_request.common);
        for item in issues.chain(merge_requests) {
            item.milestone_id = item.milestone_id.filter(|id| *id != milestone_id);
        }
        Ok(())
    }

    /// Appends a label event and changes the item's labels accordingly,
    /// without touching it.
    pub fn record_label(
        &mut self,
        at: ItemRef,
        event: (Option<UserId>, u64, EventAction),
        created_at: crate::Moment,
    ) -> Result<()> {
        let (user_id, label_id, action) = event;
        let id = self.next_event_id();
        let item = self.item_mut(at)?;
        match action {
            EventAction::Add => item.label_ids.insert(label_id),
            EventAction::Remove => item.label_ids.remove(&label_id),
        };
        item.label_events.push(LabelEvent {
            id,
            user_id,
            created_at,
            label_id,
            action,
            audience: Audience::Everyone,
        });
        Ok(())
    }

    fn change_labels(
        &mut self,
        at: ItemRef,
        by: UserId,
        labels: &[u64],
        action: EventAction,
    ) -> Result<()> {
        let now = self.now();
        let known = &self.project(at.project_id)?.labels;
        if let Some(unknown) = labels.iter().find(|id| !known.contains_key(id)) {
            return Err(UpstreamError::NoLabelOrMilestone(*unknown));
        }
        let mut changed = false;
        for label in labels {
            let has = self.item(at)?.label_ids.contains(label);
            if has == (action == EventAction::Remove) {
                self.record_label(at, (Some(by), *label, action), now)?;
                changed = true;
            }
        }
        if changed {
            self.item_mut(at)?.touch(now);
        }
        Ok(())
    }
}
