//! `resource_events`.

use rusqlite::{Transaction, params};

use super::StoreError;
use super::convert::optional_millis;
use super::people::optional_user;
use super::projects::ProjectRow;
use super::source::SourceType;
use crate::gitlab::models::{LabelEvent, MilestoneEvent, StateEvent, User};

/// One event of any of the three kinds, as the table has it.
#[derive(Debug)]
pub struct ResourceEvent<'a> {
    gitlab_id: i64,
    user: Option<&'a User>,
    created_at: Option<i64>,
    action: &'a str,
    label: Option<(i64, &'a str)>,
    milestone: Option<(i64, &'a str)>,
    source_commit: Option<&'a str>,
    source_merge_request: Option<i64>,
}

impl<'a> From<&'a StateEvent> for ResourceEvent<'a> {
    fn from(event: &'a StateEvent) -> Self {
        Self {
            gitlab_id: event.id,
            user: event.user.as_ref(),
            created_at: optional_millis(event.created_at),
            action: &event.state,
            label: None,
            milestone: None,
            source_commit: event.source_commit.as_deref(),
            source_merge_request: event.source_merge_request_id,
        }
    }
}

impl<'a> From<&'a LabelEvent> for ResourceEvent<'a> {
    fn from(event: &'a LabelEvent) -> Self {
        Self {
            gitlab_id: event.id,
            user: event.user.as_ref(),
            created_at: optional_millis(event.created_at),
            action: &event.action,
            label: event
                .label
                .as_ref()
                .map(|label| (label.id, label.name.as_str())),
            milestone: None,
            source_commit: None,
            source_merge_request: None,
        }
    }
}

impl<'a> From<&'a MilestoneEvent> for ResourceEvent<'a> {
    fn from(event: &'a MilestoneEvent) -> Self {
        Self {
            gitlab_id: event.id,
            user: event.user.as_ref(),
            created_at: optional_millis(event.created_at),
            action: &event.action,
            label: None,
            milestone: event
                .milestone
                .as_ref()
                .map(|milestone| (milestone.id, milestone.title.as_str())),
            source_commit: None,
            source_merge_request: None,
        }
    }
}

/// Which list of events.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EventKind {
    /// Closings, reopenings, merges.
    State,
    /// Labels put on and taken off.
    Label,
    /// Milestones set and taken off.
    Milestone,
}

impl EventKind {
    fn as_str(self) -> &'static str {
        match self {
            Self::State => "state",
            Self::Label => "label",
            Self::Milestone => "milestone",
        }
    }
}

/// Makes the item's events of that kind exactly these, which have to be all of
/// them. Events do not change, but the label or milestone that one names can
/// be renamed or deleted, so that rows are rewritten where they differ.
pub fn replace<'a, E>(
    tx: &Transaction<'_>,
    project: &ProjectRow,
    source: SourceType,
    item: i64,
    kind: EventKind,
    events: &'a [E],
) -> Result<(), StoreError>
where
    ResourceEvent<'a>: From<&'a E>,
{
    let sql = match source {
        SourceType::Issue => {
            "SELECT gitlab_id, label_name, milestone_title FROM resource_events
             WHERE issue_id = ?1 AND kind = ?2"
        }
        SourceType::MergeRequest => {
            "SELECT gitlab_id, label_name, milestone_title FROM resource_events
             WHERE merge_request_id = ?1 AND kind = ?2"
        }
    };
    let mut stored: std::collections::HashMap<i64, (Option<String>, Option<String>)> = tx
        .prepare_cached(sql)?
        .query_map(params![item, kind.as_str()], |row| {
            Ok((row.get(0)?, (row.get(1)?, row.get(2)?)))
        })?
        .collect::<Result<_, _>>()?;
    for event in events.iter().map(ResourceEvent::from) {
        let known = stored.remove(&event.gitlab_id);
        let same = known.is_some_and(|(label, milestone)| {
            label.as_deref() == event.label.map(|(_, name)| name)
                && milestone.as_deref() == event.milestone.map(|(_, title)| title)
        });
        if !same {
            write(tx, project, source, item, kind, &event)?;
        }
    }
    for gone in stored.into_keys() {
        tx.prepare_cached(
            "DELETE FROM resource_events WHERE project_id = ?1 AND kind = ?2 AND gitlab_id = ?3",
        )?
        .execute(params![project.id, kind.as_str(), gone])?;
    }
    Ok(())
}

fn write(
    tx: &Transaction<'_>,
    project: &ProjectRow,
    source: SourceType,
    item: i64,
    kind: EventKind,
    event: &ResourceEvent<'_>,
) -> Result<(), StoreError> {
    let user = optional_user(tx, &project.host, event.user)?;
    let (issue, merge_request) = match source {
        SourceType::Issue => (Some(item), None),
        SourceType::MergeRequest => (None, Some(item)),
    };
    tx.prepare_cached(
        "INSERT INTO resource_events (project_id, issue_id, merge_request_id, kind, gitlab_id,
             user_id, created_at, action, label_gitlab_id, label_name, milestone_gitlab_id,
             milestone_title, source_commit, source_merge_request_gitlab_id)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14)
         ON CONFLICT (project_id, kind, gitlab_id) DO UPDATE SET issue_id = excluded.issue_id,
             merge_request_id = excluded.merge_request_id, user_id = excluded.user_id,
             created_at = excluded.created_at, action = excluded.action,
             label_gitlab_id = excluded.label_gitlab_id, label_name = excluded.label_name,
             milestone_gitlab_id = excluded.milestone_gitlab_id,
             milestone_title = excluded.milestone_title, source_commit = excluded.source_commit,
             source_merge_request_gitlab_id = excluded.source_merge_request_gitlab_id",
    )?
    .execute(params![
        project.id,
        issue,
        merge_request,
        kind.as_str(),
        event.gitlab_id,
        user,
        event.created_at,
        event.action,
        event.label.map(|(id, _)| id),
        event.label.map(|(_, name)| name),
        event.milestone.map(|(id, _)| id),
        event.milestone.map(|(_, title)| title),
        event.source_commit,
        event.source_merge_request,
    ])?;
    Ok(())
}
