//! The two kinds of item as the tables name them, and what hangs on each.

use lore_proto::sync::EntityType;
use rusqlite::types::{FromSql, FromSqlError, FromSqlResult, ToSql, ToSqlOutput, ValueRef};

/// An issue or a merge request, as `source_type` and `entity_type` columns
/// have it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum SourceType {
    /// An issue, incident or task.
    Issue,
    /// A merge request.
    MergeRequest,
}

impl SourceType {
    /// Both.
    pub const ALL: [Self; 2] = [Self::Issue, Self::MergeRequest];

    /// The name in the tables.
    pub fn as_str(self) -> &'static str {
        self.entity().as_str()
    }

    /// The same on the wire.
    pub fn entity(self) -> EntityType {
        match self {
            Self::Issue => EntityType::Issue,
            Self::MergeRequest => EntityType::MergeRequest,
        }
    }
}

impl From<EntityType> for SourceType {
    fn from(entity: EntityType) -> Self {
        match entity {
            EntityType::Issue => Self::Issue,
            EntityType::MergeRequest => Self::MergeRequest,
        }
    }
}

impl ToSql for SourceType {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(ToSqlOutput::from(self.as_str()))
    }
}

impl FromSql for SourceType {
    fn column_result(value: ValueRef<'_>) -> FromSqlResult<Self> {
        match value.as_str()? {
            "issue" => Ok(Self::Issue),
            "merge_request" => Ok(Self::MergeRequest),
            _ => Err(FromSqlError::InvalidType),
        }
    }
}

/// One thing that is fetched for an item.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[repr(u8)]
pub enum Stage {
    /// The item itself.
    Item,
    /// Discussions with their notes.
    Discussions,
    /// State events.
    StateEvents,
    /// Label events.
    LabelEvents,
    /// Milestone events.
    MilestoneEvents,
    /// A merge request's file changes.
    Diffs,
    /// The issues that a merge request closes.
    ClosesIssues,
    /// A work item's status.
    Status,
}

impl Stage {
    /// All, in the order of the columns of `pending_dependent_fetches`.
    pub const ALL: [Self; 8] = [
        Self::Item,
        Self::Discussions,
        Self::StateEvents,
        Self::LabelEvents,
        Self::MilestoneEvents,
        Self::Diffs,
        Self::ClosesIssues,
        Self::Status,
    ];

    /// The name in the tables and in the ledger.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Item => "item",
            Self::Discussions => "discussions",
            Self::StateEvents => "state_events",
            Self::LabelEvents => "label_events",
            Self::MilestoneEvents => "milestone_events",
            Self::Diffs => "diffs",
            Self::ClosesIssues => "closes_issues",
            Self::Status => "status",
        }
    }
}

/// A set of stages.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
pub struct Stages(u8);

impl Stages {
    /// None.
    pub const NONE: Self = Self(0);

    /// Exactly these.
    pub fn of(stages: &[Stage]) -> Self {
        stages
            .iter()
            .fold(Self::NONE, |set, stage| set.with(*stage))
    }

    /// Everything that hangs on an item of this kind, the item itself apart.
    pub fn dependents_of(source: SourceType) -> Self {
        let events = [
            Stage::Discussions,
            Stage::StateEvents,
            Stage::LabelEvents,
            Stage::MilestoneEvents,
        ];
        let own: &[Stage] = match source {
            SourceType::Issue => &[Stage::Status],
            SourceType::MergeRequest => &[Stage::Diffs, Stage::ClosesIssues],
        };
        Self::of(&events).union(Self::of(own))
    }

    /// This set and `stage`.
    #[must_use]
    pub fn with(self, stage: Stage) -> Self {
        Self(self.0 | 1 << stage as u8)
    }

    /// What is in either.
    #[must_use]
    pub fn union(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// What is in this one and not in `other`.
    #[must_use]
    pub fn without(self, other: Self) -> Self {
        Self(self.0 & !other.0)
    }

    /// Whether `stage` is in it.
    pub fn has(self, stage: Stage) -> bool {
        self.0 & 1 << stage as u8 != 0
    }

    /// Whether it holds nothing.
    pub fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// Its stages, in order.
    pub fn iter(self) -> impl Iterator<Item = Stage> {
        Stage::ALL.into_iter().filter(move |stage| self.has(*stage))
    }
}
