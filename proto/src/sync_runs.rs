//! `syncRuns.list` and `syncRuns.get`: the run ledger.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::sync::{RunMode, RunResult, RunStatus};

/// Parameters of `syncRuns.list`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ListRuns {
    /// At most so many, 1 to 1,000; absent: 20.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub limit: Option<u32>,
    /// Only runs in one of these states; empty: any.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub states: Vec<RunStatus>,
    /// Only runs of this mode.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mode: Option<RunMode>,
    /// Only runs of this project: a full path or an unambiguous suffix of one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub project: Option<String>,
    /// A host's key in the config.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub host: Option<String>,
    /// `next_cursor` of the page before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cursor: Option<String>,
}

/// The answer of `syncRuns.list`, newest first.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct RunList {
    /// Without the items of each run; `syncRuns.get` has them.
    pub runs: Vec<RunResult>,
    /// How many there are in all.
    pub total: u64,
    /// How many come after this page.
    #[serde(default)]
    pub remaining: u64,
    /// Gives the next page; absent on the last.
    pub next_cursor: Option<String>,
}

/// Parameters of `syncRuns.get`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RunRef {
    /// The run, whole or by an unambiguous beginning of at least 4 characters.
    pub run_id: String,
}
