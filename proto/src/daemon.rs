//! The daemon itself: handshake, status, shutdown, reload.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::Timestamp;
use crate::jobs::JobInfo;
use crate::project::ProjectInfo;

/// Parameters of `daemon.hello`, the first request of a client. Unknown ones
/// are passed over: a handshake has to be readable across versions, or nobody
/// could say that the versions do not fit.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Hello {
    /// The protocol that the client speaks ([`crate::PROTOCOL`]).
    pub protocol: u32,
    /// The client's version, for messages.
    pub client_version: String,
    /// The data folder that the client was told to use; the daemon refuses
    /// where it owns another.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub data_dir: Option<String>,
    /// Likewise the config file.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub config: Option<String>,
}

/// The answer of `daemon.hello`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct HelloReply {
    /// The protocol that the daemon speaks.
    pub protocol: u32,
    /// The daemon's version.
    pub version: String,
    /// Its process.
    pub pid: u32,
    /// Its data folder.
    pub data_dir: String,
    /// Its config file.
    pub config: String,
    /// Why it serves `daemon.*`, set-up and doctor only; absent when it serves
    /// everything.
    pub degraded: Option<String>,
}

/// Where things are.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[allow(missing_docs)] // The names say all there is.
pub struct PlacesInfo {
    pub config: String,
    pub data_dir: String,
    pub database: String,
    pub socket: String,
    pub log_dir: String,
}

/// The answer of `daemon.status`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct DaemonStatus {
    /// The daemon's version.
    pub version: String,
    /// The protocol it speaks.
    pub protocol: u32,
    /// Its process.
    pub pid: u32,
    /// When it started.
    pub started_at: Timestamp,
    /// Whole seconds since then.
    pub uptime_seconds: u64,
    /// Why it serves less than everything.
    pub degraded: Option<String>,
    /// Where things are.
    pub places: PlacesInfo,
    /// The schema's version; absent where the database cannot be opened.
    pub schema_version: Option<u32>,
    /// Configured projects, by host, then path.
    pub projects: Vec<ProjectStatus>,
    /// Queued and running jobs.
    pub jobs: Vec<JobInfo>,
    /// Who may write content now.
    pub locks: Vec<LockInfo>,
    /// Each host's request budget.
    pub hosts: Vec<HostStatus>,
    /// When the timer fires next; absent when it is off.
    pub next_timer_at: Option<Timestamp>,
    /// Clients connected now, this one included.
    pub connections: u64,
    /// Where texts become vectors; absent where the config wants none.
    #[serde(default)]
    pub embedding: Option<EmbeddingInfo>,
    /// What a person should know, with the cure.
    pub warnings: Vec<StatusWarning>,
}

/// Where texts become vectors, in `daemon.status`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct EmbeddingInfo {
    /// `builtin`, `ollama` or `openai`.
    pub provider: String,
    /// The server that texts of issues and merge requests are sent to, as
    /// scheme, host and port; absent where they stay in the daemon.
    pub sent_to: Option<String>,
}

/// One project in `daemon.status`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ProjectStatus {
    /// Which.
    #[serde(flatten)]
    pub project: ProjectInfo,
    /// When the last complete sync ended.
    pub last_synced_at: Option<Timestamp>,
    /// Whole seconds since then.
    pub age_seconds: Option<u64>,
    /// False while the first sync has not ended or something is owed.
    pub complete: bool,
    /// How many are mirrored.
    pub issues: u64,
    /// How many are mirrored.
    pub merge_requests: u64,
    /// How many are mirrored.
    pub notes: u64,
    /// Items whose dependents are still owed.
    pub pending_dependents: u64,
    /// Items that will be looked at again soon.
    pub pending_rechecks: u64,
    /// How the last run ended: a completion status, or `running`.
    pub last_run: Option<String>,
}

/// One lock in `daemon.status`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct LockInfo {
    /// `sync` or `embed`.
    pub name: String,
    /// Who holds it: a run id.
    pub held_by: Option<String>,
    /// How many wait for it.
    pub waiting: u64,
}

/// One host in `daemon.status`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct HostStatus {
    /// Its key in the config.
    pub host: String,
    /// Where it is.
    pub url: String,
    /// Where its token comes from, never what it is; absent where none is
    /// known.
    pub token_source: Option<String>,
    /// Requests a minute, where the host says so.
    pub limit: Option<u64>,
    /// What is left of them.
    pub remaining: Option<u64>,
    /// When they are refilled.
    pub reset_at: Option<Timestamp>,
    /// No request before this instant.
    pub paused_until: Option<Timestamp>,
    /// Requests since the daemon started.
    pub requests_total: u64,
    /// Requests under way.
    pub in_flight: u64,
}

/// Something that a person should know, with the cure.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct StatusWarning {
    /// The cause's name.
    pub code: crate::ErrorCode,
    /// A sentence for a person.
    pub message: String,
    /// Commands that cure it.
    pub actions: Vec<String>,
}

/// Parameters of `daemon.shutdown`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Shutdown {
    /// Wait at most so long for running jobs to reach their end; absent:
    /// 10,000.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub grace_ms: Option<u64>,
}

/// The answer of `daemon.shutdown`, given before it happens.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ShuttingDown {
    /// The process that will end.
    pub pid: u32,
}

/// The answer of `daemon.reload`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Reloaded {
    /// The file that was read.
    pub config: String,
    /// Configured projects, by host, then path.
    pub projects: Vec<ProjectInfo>,
}

/// Parameters of a method that takes none.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Nothing {}
