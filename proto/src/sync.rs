//! Sync requests and the result of a run, which is also the ledger's view.

use serde::{Deserialize, Serialize};

use crate::{ErrorCode, Timestamp};

/// Parameters of `sync.start`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[allow(clippy::struct_excessive_bools)] // Each is an independent flag of the command.
pub struct SyncRequest {
    /// A full path or an unambiguous suffix of one; absent means all
    /// configured projects.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub project: Option<String>,
    /// A host's key in the config.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub host: Option<String>,
    /// Look at every item again, and find what was deleted, moved or hidden.
    #[serde(default)]
    pub full: bool,
    /// Say what would be done; no request, no write.
    #[serde(default)]
    pub dry_run: bool,
    /// Leave out state, label and milestone events.
    #[serde(default)]
    pub no_events: bool,
    /// Leave out merge requests' diffs.
    #[serde(default)]
    pub no_file_changes: bool,
    /// Leave out work item status.
    #[serde(default)]
    pub no_status: bool,
    /// Leave out documents: what changed is found by search after a later sync.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub no_docs: bool,
    /// Leave out vectors.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub no_embed: bool,
    /// Exactly these issues: a surgical sync.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub issues: Vec<u64>,
    /// Exactly these merge requests: a surgical sync.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub merge_requests: Vec<u64>,
    /// Addresses of issues.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub issue_urls: Vec<String>,
    /// Addresses of merge requests.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub merge_request_urls: Vec<String>,
    /// Addresses of either, or references such as `group/project!12`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub urls: Vec<String>,
    /// Check that the targets are there and may be read; write no content.
    #[serde(default)]
    pub preflight_only: bool,
    /// URLs of the current checkout's git remotes: the project of targets that
    /// name none.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub remotes: Vec<String>,
}

impl SyncRequest {
    /// Whether it names issues or merge requests.
    pub fn is_surgical(&self) -> bool {
        !(self.issues.is_empty()
            && self.merge_requests.is_empty()
            && self.issue_urls.is_empty()
            && self.merge_request_urls.is_empty()
            && self.urls.is_empty())
    }
}

/// The answer of `sync.start`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SyncStarted {
    /// The job to follow with `jobs.subscribe` or `jobs.get`; absent for a
    /// dry run, which is answered at once.
    pub job_id: Option<u64>,
    /// True where an identical request was already queued or running and this
    /// one joined it.
    pub joined: bool,
    /// One run a project; empty for a dry run.
    pub run_ids: Vec<String>,
    /// The run of a surgical sync, which has one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub run_id: Option<String>,
    /// A dry run's plan.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub plan: Option<SyncPlan>,
}

/// What a dry run would do.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SyncPlan {
    /// Standard or surgical.
    pub mode: RunMode,
    /// One entry a project.
    pub projects: Vec<ProjectPlan>,
    /// The targets of a surgical sync.
    #[serde(default)]
    pub requested: Requested,
}

/// What a dry run would do for one project.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProjectPlan {
    /// The project's full path.
    pub project: String,
    /// Issues changed since this instant would be listed; absent: all.
    pub issues_updated_after: Option<Timestamp>,
    /// Merge requests changed since this instant would be listed; absent: all.
    pub merge_requests_updated_after: Option<Timestamp>,
    /// Items owed from earlier runs that would be fetched now.
    pub queued_dependents: u64,
    /// Items due to be looked at again.
    pub due_rechecks: u64,
    /// Whether all items would be enumerated to find what is gone.
    pub reconcile: bool,
}

/// The two kinds of run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum RunMode {
    /// Everything that changed in a project.
    Standard,
    /// Exactly the named issues and merge requests.
    Surgical,
}

/// Where a run stands (contract §8).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum RunStatus {
    /// Not ended.
    Running,
    /// Ended, with or without warnings.
    Succeeded,
    /// Ended by an error.
    Failed,
    /// Ended by somebody.
    Cancelled,
}

/// What a run is doing, in order (contract §8).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Phase {
    /// Access, identity and lists.
    Preflight,
    /// What the network still owes.
    Fetch,
    /// Primaries are written.
    Ingest,
    /// Discussions, events, diffs and links.
    Dependents,
    /// Rows to documents.
    Docs,
    /// Documents to vectors.
    Embed,
    /// Ended well.
    Done,
    /// Ended by an error.
    Failed,
    /// Ended by somebody.
    Cancelled,
}

/// How a run ended (contract §8).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CompletionStatus {
    /// All of it was done.
    Succeeded,
    /// It ended, and something is owed or was left out.
    SucceededWithWarnings,
    /// It did not.
    Failed,
    /// Somebody ended it.
    Cancelled,
}

macro_rules! wire_names {
    ($type:ident { $( $variant:ident = $name:literal ),+ $(,)? }) => {
        impl $type {
            /// Every value, in the order of the contract.
            pub const ALL: &[Self] = &[ $( Self::$variant, )+ ];

            /// The name on the wire and in the database.
            pub fn as_str(self) -> &'static str {
                match self { $( Self::$variant => $name, )+ }
            }
        }
        impl std::fmt::Display for $type {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(self.as_str())
            }
        }
        impl std::str::FromStr for $type {
            type Err = ();
            fn from_str(name: &str) -> Result<Self, ()> {
                match name { $( $name => Ok(Self::$variant), )+ _ => Err(()) }
            }
        }
    };
}

wire_names!(RunMode { Standard = "standard", Surgical = "surgical" });
wire_names!(RunStatus {
    Running = "running",
    Succeeded = "succeeded",
    Failed = "failed",
    Cancelled = "cancelled",
});
wire_names!(Phase {
    Preflight = "preflight",
    Fetch = "fetch",
    Ingest = "ingest",
    Dependents = "dependents",
    Docs = "docs",
    Embed = "embed",
    Done = "done",
    Failed = "failed",
    Cancelled = "cancelled",
});
wire_names!(CompletionStatus {
    Succeeded = "succeeded",
    SucceededWithWarnings = "succeeded_with_warnings",
    Failed = "failed",
    Cancelled = "cancelled",
});
wire_names!(EntityType { Issue = "issue", MergeRequest = "merge_request" });
wire_names!(EntityStatus {
    Ok = "ok",
    Failed = "failed",
    SkippedStale = "skipped_stale",
    Timeout = "timeout",
    Cancelled = "cancelled",
});

/// The two kinds of item that lore mirrors.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum EntityType {
    /// An issue, incident or task: one iid space.
    Issue,
    /// A merge request.
    MergeRequest,
}

impl EntityType {
    /// GitLab's reference sign, `#` or `!`.
    pub fn sigil(self) -> char {
        match self {
            Self::Issue => '#',
            Self::MergeRequest => '!',
        }
    }
}

/// How one stage of one item ended, in the ledger.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum EntityStatus {
    /// Done.
    Ok,
    /// An error.
    Failed,
    /// The mirror already has something newer.
    SkippedStale,
    /// No answer within the item's time.
    Timeout,
    /// The run was cancelled first.
    Cancelled,
}

/// The targets of a surgical run; empty for a standard one.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Requested {
    /// Issue iids.
    pub issues: Vec<u64>,
    /// Merge request iids.
    pub merge_requests: Vec<u64>,
}

/// What a run counted (contract §8).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
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
    /// Requests sent to GitLab, retries included.
    pub requests: u64,
    /// Items found gone upstream and taken out of the mirror.
    pub deleted: u64,
}

/// Milliseconds spent in each phase; 0 for one that was not entered.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
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
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
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
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
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
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
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
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
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
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RunResult {
    /// Names this run for ever.
    pub run_id: String,
    /// Standard or surgical.
    pub mode: RunMode,
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
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SyncOutcome {
    /// The worst of the runs'.
    pub completion_status: CompletionStatus,
    /// One a project.
    pub runs: Vec<RunResult>,
}
