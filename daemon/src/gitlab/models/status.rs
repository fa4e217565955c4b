//! The workflow status of work items, which only GraphQL knows.

use serde::Deserialize;

use super::Iid;
use super::lenient::null_as_default;

/// The status of one work item.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WorkItemStatus {
    /// The number within the project.
    pub iid: Iid,
    /// The status; null means "none" only where `has_widget`.
    pub status: Option<WorkflowStatus>,
    /// Whether this item has a status at all on this instance. Without it a
    /// null must not be taken for "cleared".
    pub has_widget: bool,
}

/// A workflow status such as "In progress".
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct WorkflowStatus {
    /// An opaque global id.
    #[serde(default, deserialize_with = "null_as_default")]
    pub id: String,
    /// The name shown.
    #[serde(default, deserialize_with = "null_as_default")]
    pub name: String,
    /// `TRIAGE`, `TO_DO`, `IN_PROGRESS`, `DONE`, `CANCELED` (or `CANCELLED`).
    pub category: Option<String>,
    /// `#rrggbb`.
    pub color: Option<String>,
    /// The icon's name.
    #[serde(rename = "iconName")]
    pub icon_name: Option<String>,
    /// The place among the statuses of its category.
    pub position: Option<i64>,
}
