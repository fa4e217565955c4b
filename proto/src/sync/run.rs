//! A run, while it goes on and after.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{CompletionStatus, EntityType, Phase, RunMode, RunStatus};
use crate::{ErrorCode, Timestamp};

/// The targets of a surgical run; empty for a standard one.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Requested {
    /// Issue iids.
    pub issues: Vec<u64>,
    /// Merge request iids.
    pub merge_requests: Vec<u64>,
}

/// What a run counted (contract §8).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
#[allow(missing_docs)] // The names are the contract's and say all there is.
pub struct Counters {
    pub issues_fetched: u64,
    pub issues_ingested: u64,
    pub mrs_fetched: u64,
    pub mrs_ingested: u64,
    pub discussions_fetched: u64,
    pub notes_ingested: u64,
    pub resource_events_fetched: u64,
    pub mr_diffs_fetched: u64,
    pub closes_issues_fetched: u64,
    pub statuses_enriched: u64,
    pub docs_regenerated: u64,
    pub docs_embedded: u64,
    pub skipped_stale: u64,
    pub warnings: u64,
    /// Requests behind the answers that were used, their retries included.
    /// Those of a call that failed count in the host's budget alone.
    pub requests: u64,
    /// Items found gone upstream and taken out of the mirror.
    pub deleted: u64,
}

/// Milliseconds spent in each phase; 0 for one that was not entered.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
#[allow(missing_docs)] // One field a phase.
pub struct StageTimings {
    pub preflight: u64,
    pub fetch: u64,
    pub ingest: u64,
    pub dependents: u64,
    pub docs: u64,
    pub embed: u64,
}

/// Something of one item that could not be had.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct DependentFailure {
    /// The stage, such as `discussions` or `diffs`.
    pub stage: String,
    /// Why.
    pub code: ErrorCode,
    /// A sentence for a person.
    pub message: String,
}

/// One thing that a surgical sync found changed in an item since the mirror
/// last saw it. Values are text from GitLab.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct EntityChange {
    /// `new`, `title`, `state`, `draft`, `head`, `labels`, `assignees`,
    /// `reviewers`, `milestone`, `description`, `notes`, `threads_unresolved`,
    /// `file_changes` or `events`.
    pub what: String,
    /// The value before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from: Option<String>,
    /// The value now.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub to: Option<String>,
}

/// What became of one item of a run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct EntityOutcome {
    /// Issue or merge request.
    pub entity_type: EntityType,
    /// Its iid.
    pub iid: u64,
    /// Its payload arrived.
    pub fetched: bool,
    /// Its payload was written.
    pub ingested: bool,
    /// The mirror already had something newer.
    pub stale_skipped: bool,
    /// What could not be had of it.
    pub dependent_failures: Vec<DependentFailure>,
    /// Its title; of a surgical run, while its result is fresh.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub title: Option<String>,
    /// What changed in it; of a surgical run, while its result is fresh.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub changes: Vec<EntityChange>,
}

/// One failed stage of one item.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct EntityFailure {
    /// Issue or merge request.
    pub entity_type: EntityType,
    /// Its iid.
    pub iid: u64,
    /// The stage, such as `primary`, `discussions` or `diffs`.
    pub stage: String,
    /// Why.
    pub code: ErrorCode,
    /// A sentence for a person.
    pub message: String,
}

/// A run, while it goes on and after (contract §8).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct RunResult {
    /// Names this run for ever.
    pub run_id: String,
    /// Standard or surgical.
    pub mode: RunMode,
    /// The project's host, by its name in the config; empty from a daemon of
    /// before it was told.
    #[serde(default)]
    pub host: String,
    /// The project's full path when the run started.
    pub project: String,
    /// Where it stands.
    pub status: RunStatus,
    /// What it is doing, or how it ended.
    pub phase: Phase,
    /// How it ended; absent while it goes on.
    pub completion_status: Option<CompletionStatus>,
    /// The targets of a surgical run.
    pub requested: Requested,
    /// The run whose failures this one repeats.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retry_of: Option<String>,
    /// When the run started.
    pub started_at: Timestamp,
    /// When it ended.
    pub finished_at: Option<Timestamp>,
    /// When it was cancelled.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cancelled_at: Option<Timestamp>,
    /// From start to end, or to the last heartbeat while it goes on.
    pub elapsed_ms: u64,
    /// Time in each phase.
    pub stage_timings_ms: StageTimings,
    /// What it counted.
    pub counters: Counters,
    /// What became of each item that a surgical run named, or that a standard
    /// run could not finish.
    pub entity_outcomes: Vec<EntityOutcome>,
    /// Every failed stage.
    pub entity_failures: Vec<EntityFailure>,
    /// Warnings, for a person.
    #[serde(default)]
    pub warnings: Vec<String>,
    /// Why the run failed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error_code: Option<ErrorCode>,
    /// The failure in a sentence.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error_message: Option<String>,
    /// Commands that help, ready to paste.
    pub recovery_actions: Vec<String>,
    /// The command that repeats what failed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub suggested_retry_command: Option<String>,
}

/// The answer of a standard `lore sync`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct SyncOutcome {
    /// The worst of the runs'.
    pub completion_status: CompletionStatus,
    /// One a project.
    pub runs: Vec<RunResult>,
}
