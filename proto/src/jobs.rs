//! Jobs: what the daemon's scheduler has queued, runs and has run.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::{Timestamp, WireError};

/// Where a job stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum JobState {
    /// Waits for its turn.
    Queued,
    /// Goes on.
    Running,
    /// Ended well.
    Succeeded,
    /// Ended by an error.
    Failed,
    /// Ended by somebody.
    Cancelled,
}

impl JobState {
    /// True once nothing more will happen to the job.
    pub fn is_terminal(self) -> bool {
        matches!(self, Self::Succeeded | Self::Failed | Self::Cancelled)
    }
}

/// Who asked for a job; interactive ones go first.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "lowercase")]
pub enum Priority {
    /// A timer.
    Background,
    /// A person or an agent that waits for it.
    Interactive,
}

/// A job as `jobs.list` and `jobs.get` give it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct JobInfo {
    /// Unique while the daemon lives.
    pub job_id: u64,
    /// What it is: `sync`.
    pub kind: String,
    /// What it is about, for a person: `sync group/project`.
    pub title: String,
    /// Where it stands.
    pub state: JobState,
    /// Interactive or background.
    pub priority: Priority,
    /// Its runs, one a project.
    pub run_ids: Vec<String>,
    /// When it was asked for.
    pub queued_at: Timestamp,
    /// When it began.
    pub started_at: Option<Timestamp>,
    /// When it ended.
    pub finished_at: Option<Timestamp>,
    /// The number of its latest event.
    pub last_seq: u64,
    /// The whole result, once it ended well.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub result: Option<Value>,
    /// Why it failed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<WireError>,
}

/// The answer of `jobs.list`: running, then queued, then recently ended ones.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct JobList {
    /// Without results; `jobs.get` has them.
    pub jobs: Vec<JobInfo>,
}

/// Parameters of `jobs.get`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct JobRef {
    /// The job.
    pub job_id: u64,
}

/// Parameters of `jobs.cancel`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct CancelJob {
    /// The job.
    pub job_id: u64,
    /// The request to take back, by the number that its answer gave it: the
    /// job goes on while others who asked for the same want it. Absent: the
    /// job is cancelled for everybody.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub asker: Option<u64>,
}

/// The answer of `jobs.cancel`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Cancelled {
    /// The job.
    pub job_id: u64,
    /// False where it had already ended, or goes on for others.
    pub cancelled: bool,
    /// True where it goes on for others who asked for it too.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub left: bool,
    /// Where it stood when the request arrived.
    pub state: JobState,
}
