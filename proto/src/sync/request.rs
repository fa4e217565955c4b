//! What is asked for: a sync, and what a dry run says of it.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Requested, RunMode};
use crate::Timestamp;

/// Parameters of `sync.start`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
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
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct SyncStarted {
    /// The job to follow with `jobs.subscribe` or `jobs.get`; absent for a
    /// dry run, which is answered at once.
    pub job_id: Option<u64>,
    /// True where an identical request was already queued or running and this
    /// one joined it.
    pub joined: bool,
    /// The number of this request among those that the job is done for, for
    /// `jobs.cancel`; absent for a dry run.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub asker: Option<u64>,
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
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
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
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
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
