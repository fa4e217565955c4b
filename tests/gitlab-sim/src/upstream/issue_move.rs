//! Moving an issue to another project.

use std::collections::BTreeMap;

use super::item_changes::not_possible;
use super::{
    Discussion, Issue, ItemRef, ItemState, NewIssue, NewNote, Note, Result, Upstream, UserId,
    hex_id,
};

/// Old ids to the ids of the same names in the other project.
struct CarriedNames {
    labels: BTreeMap<u64, u64>,
    milestones: BTreeMap<u64, u64>,
}

impl Upstream {
    /// Moves an issue: the old one is closed and points to the new one, which
    /// carries copies of notes and events under new ids. Labels and milestones
    /// come along where the other project has them under the same name.
    pub fn move_issue(
        &mut self,
        project_id: u64,
        iid: u64,
        to_project: u64,
        by: UserId,
    ) -> Result<ItemRef> {
        let now = self.now();
        let at = ItemRef::issue(project_id, iid);
        let old = self.issue(project_id, iid)?.clone();
        if old.moved_to_id.is_some() {
            return Err(not_possible("move", at, "it was moved before"));
        }
        let from_path = self.project(project_id)?.path_with_namespace.clone();
        let names = self.carried_names(&old, project_id, to_project)?;
        let new = self.create_issue(
            to_project,
            NewIssue {
                author_id: old.common.author_id,
                title: old.common.title.clone(),
                description: old.common.description.clone(),
                confidential: old.confidential,
                label_ids: names.labels.values().copied().collect(),
            },
        )?;
        self.copy_activity(&old, new, &names)?;
        self.add_note(
            new,
            NewNote::system(by, format!("moved from {from_path}#{iid}")),
        )?;

        let new_id = self.item(new)?.id;
        let to_path = self.project(to_project)?.path_with_namespace.clone();
        self.issue_mut(project_id, iid)?.moved_to_id = Some(new_id);
        self.item_mut(at)?.save(now);
        if old.common.state == ItemState::Opened {
            self.close(at, by)?;
        }
        let body = format!("moved to {to_path}#{}", new.iid);
        self.add_note(at, NewNote::system(by, body))?;
        Ok(new)
    }

    fn carried_names(&self, old: &Issue, from: u64, to: u64) -> Result<CarriedNames> {
        let (from, to) = (self.project(from)?, self.project(to)?);
        let label = |id: u64| {
            let name = &from.labels.get(&id)?.name;
            Some((id, to.label_named(name)?.id))
        };
        let milestone = |id: u64| {
            let title = &from.milestones.get(&id)?.title;
            let other = to.milestones.values().find(|other| other.title == *title)?;
            Some((id, other.id))
        };
        let carried = &old.common;
        Ok(CarriedNames {
            labels: carried
                .label_ids
                .iter()
                .filter_map(|id| label(*id))
                .collect(),
            milestones: carried
                .milestone_id
                .into_iter()
                .filter_map(milestone)
                .collect(),
        })
    }

    fn copy_activity(&mut self, old: &Issue, new: ItemRef, names: &CarriedNames) -> Result<()> {
        let mut copy = old.common.clone();
        for discussion in &mut copy.discussions {
            *discussion = Discussion {
                notes: discussion
                    .notes
                    .iter()
                    .map(|note| Note {
                        id: self.next_note_id(),
                        ..note.clone()
                    })
                    .collect(),
                id: hex_id(self.last_ids.note, 0xd15c),
                individual_note: discussion.individual_note,
            };
        }
        for event in &mut copy.label_events {
            event.id = self.next_event_id();
            event.label_id = *names.labels.get(&event.label_id).unwrap_or(&0);
        }
        for event in &mut copy.state_events {
            event.id = self.next_event_id();
        }
        for event in &mut copy.milestone_events {
            event.id = self.next_event_id();
            event.milestone_id = *names.milestones.get(&event.milestone_id).unwrap_or(&0);
        }
        let issue = self.issue_mut(new.project_id, new.iid)?;
        issue.issue_type.clone_from(&old.issue_type);
        issue.due_date.clone_from(&old.due_date);
        issue.weight = old.weight;
        let item = &mut issue.common;
        item.discussions = copy.discussions;
        item.label_events = copy.label_events;
        item.state_events = copy.state_events;
        item.milestone_events = copy.milestone_events;
        item.assignee_ids = copy.assignee_ids;
        item.milestone_id = copy
            .milestone_id
            .and_then(|id| names.milestones.get(&id).copied());
        Ok(())
    }
}
