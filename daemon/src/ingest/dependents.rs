//! What hangs on an item: each set replaced whole, each guarded by the start
//! of its own fetch.

use super::Asked;
use rusqlite::Transaction;

use crate::gitlab::models::{
    ClosesIssue, Diff, Discussion, LabelEvent, MilestoneEvent, StateEvent, WorkItemStatus,
};
use crate::store::discussions::{self, DiscussionsWritten};
use crate::store::projects::ProjectRow;
use crate::store::resource_events::{self, EventKind};
use crate::store::{SourceType, Stage, StoreError, file_changes, issues, items};

/// One set of dependents, which has to be all of it.
#[derive(Debug)]
pub enum Dependent {
    /// Discussions with their notes.
    Discussions(Vec<Discussion>),
    /// State events.
    StateEvents(Vec<StateEvent>),
    /// Label events.
    LabelEvents(Vec<LabelEvent>),
    /// Milestone events.
    MilestoneEvents(Vec<MilestoneEvent>),
    /// File changes.
    Diffs {
        /// The files; `None` where the stored ones are those of this state.
        files: Option<Vec<Diff>>,
        /// The state's shas (`store::merge_requests::diff_identity`).
        identity: Option<String>,
        /// Whether GitLab gave all of them.
        complete: bool,
    },
    /// Closed issues.
    ClosesIssues(Vec<ClosesIssue>),
    /// Status of a work item that has the widget, or says that it has none.
    Status(WorkItemStatus),
}

impl Dependent {
    /// Which stage it answers.
    pub fn stage(&self) -> Stage {
        match self {
            Self::Discussions(_) => Stage::Discussions,
            Self::StateEvents(_) => Stage::StateEvents,
            Self::LabelEvents(_) => Stage::LabelEvents,
            Self::MilestoneEvents(_) => Stage::MilestoneEvents,
            Self::Diffs { .. } => Stage::Diffs,
            Self::ClosesIssues(_) => Stage::ClosesIssues,
            Self::Status(_) => Stage::Status,
        }
    }
}

/// What became of a set of dependents.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum DependentWritten {
    /// It is stored; of discussions, what changed.
    Stored(DiscussionsWritten),
    /// The mirror has the answer to a later question.
    Stale,
}

/// Replaces one set of an item's dependents, unless the stored set was asked
/// for later than this one.
pub fn write_dependent(
    tx: &Transaction<'_>,
    project: &ProjectRow,
    source: SourceType,
    id: i64,
    dependent: &Dependent,
    asked: Asked,
) -> Result<DependentWritten, StoreError> {
    let stage = dependent.stage();
    let stored = items::stage_fetched_at(tx, source, id, stage)?;
    if stored.is_some_and(|at| asked.is_older_than(at)) {
        return Ok(DependentWritten::Stale);
    }
    let mut written = DiscussionsWritten::default();
    match dependent {
        Dependent::Discussions(list) => {
            written = discussions::replace(tx, project, source, id, list)?;
        }
        Dependent::StateEvents(events) => {
            resource_events::replace(tx, project, source, id, EventKind::State, events)?;
        }
        Dependent::LabelEvents(events) => {
            resource_events::replace(tx, project, source, id, EventKind::Label, events)?;
        }
        Dependent::MilestoneEvents(events) => {
            resource_events::replace(tx, project, source, id, EventKind::Milestone, events)?;
        }
        Dependent::Diffs {
            files: Some(files),
            identity,
            complete,
        } => file_changes::replace_changes(
            tx,
            project.id,
            id,
            files,
            identity.as_deref(),
            *complete,
        )?,
        Dependent::ClosesIssues(closes) => file_changes::replace_closes(tx, id, closes)?,
        Dependent::Status(status) if status.has_widget => {
            issues::set_status(tx, id, status.status.as_ref())?;
        }
        // Files that did not move are stored already; a missing widget says
        // nothing about the status (licence, tier).
        Dependent::Diffs { files: None, .. } | Dependent::Status(_) => {}
    }
    items::set_stage_fetched(tx, source, id, stage, asked.at)?;
    Ok(DependentWritten::Stored(written))
}
