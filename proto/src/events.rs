//! What a job tells the world while it goes on.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::jobs::{JobInfo, JobState};
use crate::sync::{EntityStatus, EntityType, Phase};
use crate::{ErrorCode, Timestamp, WireError};

/// One event of a job. `seq` grows by one within a job and starts at 1;
/// progress is coalesced, so that a late subscriber sees gaps there alone.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Event {
    /// The event's number within its job.
    pub seq: u64,
    /// When it happened.
    pub at: Timestamp,
    /// The job.
    pub job_id: u64,
    /// The run it is about, where it is about one.
    pub run_id: Option<String>,
    /// What happened.
    #[serde(flatten)]
    pub body: EventBody,
}

/// What happened.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "kind", rename_all = "lowercase")]
pub enum EventBody {
    /// The job waits for its turn.
    Queued {},
    /// The job began.
    Started {},
    /// A run entered a phase.
    Phase {
        /// The phase that begins.
        phase: Phase,
        /// The run's project.
        project: String,
    },
    /// How far a phase is; a later one of the same `what` replaces it.
    Progress {
        /// The run's project.
        project: String,
        /// What is counted: `issues`, `merge_requests`, `dependents`, …
        what: String,
        /// Done so far.
        done: u64,
        /// Of how many, where that is known.
        total: Option<u64>,
    },
    /// A stage of one item ended.
    Entity {
        /// Issue or merge request.
        entity_type: EntityType,
        /// Its iid.
        iid: u64,
        /// The stage, such as `primary`, `discussions`.
        stage: String,
        /// How.
        status: EntityStatus,
        /// Why, where it failed.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        code: Option<ErrorCode>,
        /// The failure in a sentence.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        message: Option<String>,
    },
    /// The job waits for something outside, such as a rate limit.
    Waiting {
        /// What for: `rate_limit`.
        reason: String,
        /// For about how long.
        seconds: u64,
    },
    /// Something that a person should know and that does not stop the job.
    Warning {
        /// The cause's name.
        code: ErrorCode,
        /// A sentence for a person.
        message: String,
    },
    /// This subscriber was too slow: events were left out for it.
    Lagged {
        /// How many.
        lost: u64,
        /// The job as it is now.
        job: Box<JobInfo>,
    },
    /// The job ended; nothing follows.
    Finished {
        /// How.
        state: JobState,
        /// The whole result: a [`crate::sync::SyncOutcome`] of a standard
        /// sync.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        result: Option<Value>,
        /// Why it failed.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        error: Option<WireError>,
    },
}

/// Parameters of `jobs.subscribe`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct SubscribeJobs {
    /// One job; absent: all, from now on, without end.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub job_id: Option<u64>,
    /// Leave out events up to this number; only with `job_id`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub after_seq: Option<u64>,
}
