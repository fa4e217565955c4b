//! The words of a run: modes, phases, states, kinds of item.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The two kinds of run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum RunMode {
    /// Everything that changed in a project.
    Standard,
    /// Exactly the named issues and merge requests.
    Surgical,
}

/// Where a run stands (contract §8).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
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
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, JsonSchema,
)]
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
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
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
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, JsonSchema,
)]
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
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
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
