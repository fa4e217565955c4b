//! What people do to issues, and to issues and merge requests alike.

use std::collections::BTreeSet;

use super::{
    EventAction, Issuable, Issue, ItemKind, ItemRef, ItemState, MilestoneEvent, NewNote, Result,
    StateEvent, Upstream, UpstreamError, UserId, WorkItemStatus,
};
use crate::Moment;

/// An issue about to be opened.
#[derive(Clone, Debug)]
pub struct NewIssue {
    /// Who opens it.
    pub author_id: UserId,
    /// One line.
    pub title: String,
    /// Markdown.
    pub description: Option<String>,
    /// Hidden from guests.
    pub confidential: bool,
    /// Labels of the project, by global id. No events are written for them.
    pub label_ids: BTreeSet<u64>,
}

impl NewIssue {
    /// An issue without labels.
    pub fn new(author_id: UserId, title: impl Into<String>) -> Self {
        Self {
            author_id,
            title: title.into(),
            description: None,
            confidential: false,
            label_ids: BTreeSet::new(),
        }
    }
}

impl Upstream {
    /// Opens an issue.
    pub fn create_issue(&mut self, project_id: u64, new: NewIssue) -> Result<ItemRef> {
        let now = self.now();
        let project = self.project_mut(project_id)?;
        let iid = project.next_issue_iid;
        self.insert_issue(project_id, iid, new, now)
    }

    /// An issue with a given iid and time of creation, for imported histories.
    /// An issue that is there already is replaced.
    pub fn insert_issue(
        &mut self,
        project_id: u64,
        iid: u64,
        new: NewIssue,
        created_at: Moment,
    ) -> Result<ItemRef> {
        self.project(project_id)?;
        self.last_ids.issue += 1;
        let common = Issuable {
            label_ids: new.label_ids,
            description: new.description,
            ..Issuable::new(
                self.last_ids.issue,
                ItemRef::issue(project_id, iid),
                new.title,
                new.author_id,
                created_at,
            )
        };
        let issue = Issue {
            common,
            issue_type: "issue".to_owned(),
            confidential: new.confidential,
            due_date: None,
            severity: "UNKNOWN".to_owned(),
            weight: None,
            moved_to_id: None,
            merge_requests_count: 0,
            status: None,
        };
        let project = self.project_mut(project_id)?;
        project.next_issue_iid = project.next_issue_iid.max(iid + 1);
        project.issues.insert(iid, issue);
        Ok(ItemRef::issue(project_id, iid))
    }

    /// A new title. Saves the record and writes a system note.
    pub fn set_title(&mut self, at: ItemRef, by: UserId, title: impl Into<String>) -> Result<()> {
        let title = title.into();
        let item = self.item_mut(at)?;
        let body = format!("changed title from **{}** to **{title}**", item.title);
        item.title = title;
        self.save_with_note(at, by, body)
    }

    /// A new description. Saves the record and writes a system note.
    pub fn set_description(
        &mut self,
        at: ItemRef,
        by: UserId,
        description: impl Into<String>,
    ) -> Result<()> {
        self.item_mut(at)?.description = Some(description.into());
        self.save_with_note(at, by, "changed the description")
    }

    /// Assigns exactly these people. GitLab touches the record here, it does
    /// not save it.
    pub fn assign(&mut self, at: ItemRef, by: UserId, assignees: Vec<UserId>) -> Result<()> {
        self.item_mut(at)?.assignee_ids = assignees;
        self.add_note(at, NewNote::system(by, "changed the assignees"))?;
        Ok(())
    }

    /// Sets or unsets the milestone: an event, and the record is saved.
    pub fn set_milestone(
        &mut self,
        at: ItemRef,
        by: UserId,
        milestone_id: Option<u64>,
    ) -> Result<()> {
        let now = self.now();
        if let Some(id) = milestone_id
            && !self.project(at.project_id)?.milestones.contains_key(&id)
        {
            return Err(UpstreamError::NoLabelOrMilestone(id));
        }
        let before = self.item(at)?.milestone_id;
        for (id, action) in [
            (before, EventAction::Remove),
            (milestone_id, EventAction::Add),
        ] {
            if let Some(id) = id.filter(|_| before != milestone_id) {
                let event_id = self.next_event_id();
                let item = self.item_mut(at)?;
                item.milestone_events.push(MilestoneEvent {
                    id: event_id,
                    user_id: Some(by),
                    created_at: now,
                    milestone_id: id,
                    action,
                    state: item.state.as_str().to_owned(),
                });
            }
        }
        let item = self.item_mut(at)?;
        item.milestone_id = milestone_id;
        item.save(now);
        Ok(())
    }

    /// Closes an issue or a merge request: an event, and the record is saved.
    pub fn close(&mut self, at: ItemRef, by: UserId) -> Result<()> {
        let now = self.now();
        let item = self.item_mut(at)?;
        if item.state != ItemState::Opened {
            return Err(not_possible("close", at, "it is not open"));
        }
        item.state = ItemState::Closed;
        item.closed_at = Some(now);
        item.closed_by = Some(by);
        item.save(now);
        self.record_state(at, Some(by), "closed", None, now)
    }

    /// Opens it again: an event, and the record is saved.
    pub fn reopen(&mut self, at: ItemRef, by: UserId) -> Result<()> {
        let now = self.now();
        let item = self.item_mut(at)?;
        if item.state != ItemState::Closed {
            return Err(not_possible("reopen", at, "it is not closed"));
        }
        item.state = ItemState::Opened;
        item.closed_at = None;
        item.closed_by = None;
        item.save(now);
        self.record_state(at, Some(by), "reopened", None, now)
    }

    /// A thumb up on the item itself. Does not bump it.
    pub fn upvote(&mut self, at: ItemRef) -> Result<()> {
        self.item_mut(at)?.upvotes += 1;
        Ok(())
    }

    /// Locks or unlocks the discussion. Saves the record.
    pub fn lock_discussion(&mut self, at: ItemRef, by: UserId, locked: bool) -> Result<()> {
        self.item_mut(at)?.discussion_locked = Some(locked);
        let body = if locked {
            "locked the discussion"
        } else {
            "unlocked the discussion"
        };
        self.save_with_note(at, by, body)
    }

    /// Books time on it, in seconds. Saves the record.
    pub fn spend_time(&mut self, at: ItemRef, by: UserId, seconds: u64) -> Result<()> {
        self.item_mut(at)?.total_time_spent += seconds;
        self.save_with_note(at, by, format!("added {} of time spent", human(seconds)))
    }

    /// Sets the due date (`YYYY-MM-DD`). Saves the record.
    pub fn set_due_date(
        &mut self,
        project_id: u64,
        iid: u64,
        by: UserId,
        due_date: Option<String>,
    ) -> Result<()> {
        let body = due_date.as_deref().map_or_else(
            || "removed due date".to_owned(),
            |date| format!("changed due date to {date}"),
        );
        self.issue_mut(project_id, iid)?.due_date = due_date;
        self.save_with_note(ItemRef::issue(project_id, iid), by, body)
    }

    /// Makes an issue confidential or visible. Saves the record.
    pub fn set_confidential(
        &mut self,
        project_id: u64,
        iid: u64,
        by: UserId,
        confidential: bool,
    ) -> Result<()> {
        self.issue_mut(project_id, iid)?.confidential = confidential;
        let body = if confidential {
            "made the issue confidential"
        } else {
            "made the issue visible to everyone"
        };
        self.save_with_note(ItemRef::issue(project_id, iid), by, body)
    }

    /// Sets the workflow status. Saves the record and writes a system note.
    pub fn set_status(
        &mut self,
        project_id: u64,
        iid: u64,
        by: UserId,
        status: WorkItemStatus,
    ) -> Result<()> {
        let body = format!("set status to **{}**", status.name);
        self.issue_mut(project_id, iid)?.status = Some(status);
        self.save_with_note(ItemRef::issue(project_id, iid), by, body)
    }

    /// Deletes an issue or a merge request: it is gone without a trace.
    pub fn delete_item(&mut self, at: ItemRef) -> Result<()> {
        self.item(at)?;
        let project = self.project_mut(at.project_id)?;
        match at.kind {
            ItemKind::Issue => drop(project.issues.remove(&at.iid)),
            ItemKind::MergeRequest => drop(project.merge_requests.remove(&at.iid)),
        }
        Ok(())
    }

    /// Appends a state event.
    pub fn record_state(
        &mut self,
        at: ItemRef,
        user_id: Option<UserId>,
        state: &str,
        source_merge_request_id: Option<u64>,
        created_at: Moment,
    ) -> Result<()> {
        let id = self.next_event_id();
        self.item_mut(at)?.state_events.push(StateEvent {
            id,
            user_id,
            created_at,
            state: state.to_owned(),
            source_commit: None,
            source_merge_request_id,
        });
        Ok(())
    }

    /// What every save of the record does: bump, then a system note, whose
    /// touch finds the record just bumped.
    pub(super) fn save_with_note(
        &mut self,
        at: ItemRef,
        by: UserId,
        body: impl Into<String>,
    ) -> Result<()> {
        let now = self.now();
        self.item_mut(at)?.save(now);
        self.add_note(at, NewNote::system(by, body))?;
        Ok(())
    }
}

impl Issuable {
    pub(super) fn new(
        id: u64,
        at: ItemRef,
        title: String,
        author_id: UserId,
        created_at: Moment,
    ) -> Self {
        Self {
            id,
            iid: at.iid,
            project_id: at.project_id,
            title,
            description: None,
            state: ItemState::Opened,
            created_at,
            updated_at: created_at,
            closed_at: None,
            closed_by: None,
            author_id,
            assignee_ids: Vec::new(),
            label_ids: BTreeSet::new(),
            milestone_id: None,
            upvotes: 0,
            downvotes: 0,
            discussion_locked: None,
            time_estimate: 0,
            total_time_spent: 0,
            discussions: Vec::new(),
            label_events: Vec::new(),
            state_events: Vec::new(),
            milestone_events: Vec::new(),
        }
    }
}

pub(super) fn not_possible(what: &'static str, item: ItemRef, why: &'static str) -> UpstreamError {
    UpstreamError::NotPossible { what, item, why }
}

fn human(seconds: u64) -> String {
    format!("{}h {}m", seconds / 3600, seconds % 3600 / 60)
}
