//! Error codes: one list for robot documents, JSON-RPC and the run ledger.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

macro_rules! error_codes {
    ($(
        #[doc = $doc:literal]
        $variant:ident = $name:literal, exit $exit:literal, rpc $rpc:literal, retryable $retry:literal,
            cure $cure:literal;
    )+) => {
        /// Why something failed, by a name that scripts may rely on
        /// (contract §6).
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
        pub enum ErrorCode {
            $( #[doc = $doc] #[serde(rename = $name)] $variant, )+
        }

        impl ErrorCode {
            /// Every code, in the order of the contract's table.
            pub const ALL: &[Self] = &[ $( Self::$variant, )+ ];

            /// The stable upper-case name.
            pub fn as_str(self) -> &'static str {
                match self { $( Self::$variant => $name, )+ }
            }

            /// What it means, in a sentence.
            pub fn meaning(self) -> &'static str {
                match self { $( Self::$variant => $doc.trim_ascii(), )+ }
            }

            /// What to do about it where the error itself suggests nothing:
            /// words for a person or an agent, after "To cure it:".
            pub fn cure(self) -> &'static str {
                match self { $( Self::$variant => $cure, )+ }
            }

            /// The exit status of a `lore` process that ends with this code.
            pub fn exit_code(self) -> u8 {
                match self { $( Self::$variant => $exit, )+ }
            }

            /// The number in `error.code` over JSON-RPC: one a code, below
            /// the range -32768…-32000 that JSON-RPC 2.0 reserves.
            pub fn rpc_code(self) -> i32 {
                match self { $( Self::$variant => $rpc, )+ }
            }

            /// Whether the same request may succeed later without anyone
            /// changing anything.
            pub fn retryable(self) -> bool {
                match self { $( Self::$variant => $retry, )+ }
            }
        }

        impl std::str::FromStr for ErrorCode {
            type Err = ();
            fn from_str(name: &str) -> Result<Self, ()> {
                match name { $( $name => Ok(Self::$variant), )+ _ => Err(()) }
            }
        }
    };
}

error_codes! {
    /// A defect in lore.
    Internal = "INTERNAL", exit 1, rpc -31001, retryable false,
        cure "report it, with the end of `lore daemon logs`";
    /// Words of the command line or parameters that do not fit.
    Usage = "USAGE", exit 2, rpc -31002, retryable false,
        cure "read the help of the command or the schema of the method";
    /// Stages that cannot be combined.
    ScopeConflict = "SCOPE_CONFLICT", exit 2, rpc -31003, retryable false,
        cure "add `--no-embed` to `--no-docs`, or leave both out";
    /// Targets of several projects in one command.
    MixedProjects = "MIXED_PROJECTS", exit 2, rpc -31004, retryable false,
        cure "one sync for each project";
    /// A URL that contradicts `-p` or `--host`.
    TargetConflict = "TARGET_CONFLICT", exit 2, rpc -31005, retryable false,
        cure "leave out `-p` and `--host`, or give the URL of that project";
    /// More than 100 targets.
    TooManyTargets = "TOO_MANY_TARGETS", exit 2, rpc -31006, retryable false,
        cure "at most 100 targets a sync; a sync without targets takes what changed";
    /// A URL that names no issue or merge request.
    BadUrl = "BAD_URL", exit 2, rpc -31007, retryable false,
        cure "paste the address of an issue or a merge request";
    /// The config file has an error.
    ConfigInvalid = "CONFIG_INVALID", exit 3, rpc -31008, retryable false,
        cure "mend the line that the message names, then `lore daemon reload`";
    /// There is no config file.
    ConfigNotFound = "CONFIG_NOT_FOUND", exit 3, rpc -31009, retryable false,
        cure "`lore init`";
    /// No token is known for the host.
    TokenMissing = "TOKEN_MISSING", exit 4, rpc -31010, retryable false,
        cure "`lore init --host HOST`, or set the variable that the config names where the daemon sees it";
    /// GitLab answered 401.
    GitlabUnauthorized = "GITLAB_UNAUTHORIZED", exit 5, rpc -31011, retryable false,
        cure "a token that is valid: `lore init --host HOST`";
    /// GitLab answered 403.
    GitlabForbidden = "GITLAB_FORBIDDEN", exit 5, rpc -31012, retryable false,
        cure "a token with the scope `read_api`, of a user who may see the project";
    /// GitLab answered 404.
    GitlabNotFound = "GITLAB_NOT_FOUND", exit 6, rpc -31013, retryable false,
        cure "check the number or the path; a private project looks the same to a token without access";
    /// Not every target of a surgical sync could be read.
    SurgicalPreflightFailed = "SURGICAL_PREFLIGHT_FAILED", exit 6, rpc -31014, retryable false,
        cure "see `details.failures`: each has its own code and cure; nothing was written";
    /// GitLab answered 429 and the wait is longer than allowed.
    GitlabRateLimited = "GITLAB_RATE_LIMITED", exit 7, rpc -31015, retryable true,
        cure "wait as long as the message says, then repeat it";
    /// GitLab could not be reached.
    Network = "NETWORK", exit 8, rpc -31016, retryable true,
        cure "check the address, the proxy and the network, then repeat it";
    /// No answer within the time allowed.
    Timeout = "TIMEOUT", exit 8, rpc -31017, retryable true,
        cure "repeat it; `lore status` shows what is under way";
    /// GitLab answered 5xx after all retries.
    GitlabUnavailable = "GITLAB_UNAVAILABLE", exit 8, rpc -31018, retryable true,
        cure "repeat it later: the fault is on the side of the GitLab server";
    /// Another process holds the database or its owner lock.
    DatabaseLocked = "DATABASE_LOCKED", exit 9, rpc -31019, retryable true,
        cure "stop the other process that the message names, or give each its own LORE_DATA_DIR";
    /// The database refused.
    Database = "DATABASE", exit 10, rpc -31020, retryable false,
        cure "see `lore daemon logs`";
    /// The database file is damaged.
    DatabaseCorrupt = "DATABASE_CORRUPT", exit 10, rpc -31021, retryable false,
        cure "move the file aside as the message says; the mirror is fetched anew";
    /// A migration could not be applied; the database is as it was.
    MigrationFailed = "MIGRATION_FAILED", exit 10, rpc -31022, retryable false,
        cure "free space or restore rights, then `lore daemon restart`; the database is as it was";
    /// The database was written by a newer lore.
    SchemaTooNew = "SCHEMA_TOO_NEW", exit 10, rpc -31023, retryable false,
        cure "upgrade lore, or give this version its own LORE_DATA_DIR";
    /// A file or folder could not be read or written.
    Io = "IO", exit 12, rpc -31024, retryable false,
        cure "check the path and its rights";
    /// No space is left.
    DiskFull = "DISK_FULL", exit 12, rpc -31025, retryable false,
        cure "free space, then repeat it";
    /// GitLab's answer does not have the form it should have.
    GitlabBadPayload = "GITLAB_BAD_PAYLOAD", exit 13, rpc -31026, retryable false,
        cure "check that the URL is a GitLab and no login page or proxy stands before it";
    /// GitLab's answer is of another project than the one asked for.
    ProjectMismatch = "PROJECT_MISMATCH", exit 13, rpc -31027, retryable false,
        cure "check the path: another project answers under it now";
    /// The embedding service does not answer.
    EmbedderUnavailable = "EMBEDDER_UNAVAILABLE", exit 14, rpc -31028, retryable true,
        cure "start the embedding service, or search with `--mode lexical`";
    /// The embedding service has no such model.
    EmbedderModelMissing = "EMBEDDER_MODEL_MISSING", exit 14, rpc -31029, retryable false,
        cure "install the model that the config names, or name another";
    /// The mirror has nothing by that name.
    NotFound = "NOT_FOUND", exit 17, rpc -31030, retryable false,
        cure "check the name; what is new upstream is there after `lore sync`";
    /// Several configured projects fit.
    AmbiguousProject = "AMBIGUOUS_PROJECT", exit 18, rpc -31031, retryable false,
        cure "give one of `details.candidates` with `-p`";
    /// No configured project fits.
    ProjectUnknown = "PROJECT_UNKNOWN", exit 18, rpc -31032, retryable false,
        cure "check `-p` against `lore status`, or add the project with `lore init`";
    /// No configured host fits.
    HostUnknown = "HOST_UNKNOWN", exit 18, rpc -31033, retryable false,
        cure "check `--host` against `lore status`, or add the host with `lore init`";
    /// No daemon answers.
    DaemonUnavailable = "DAEMON_UNAVAILABLE", exit 21, rpc -31034, retryable true,
        cure "`lore daemon start`, then `lore daemon logs` where it does not stay";
    /// Client and daemon are of different protocol versions.
    ProtocolMismatch = "PROTOCOL_MISMATCH", exit 21, rpc -31035, retryable false,
        cure "`lore daemon restart`, or upgrade the older of the two";
    /// Somebody cancelled it.
    Cancelled = "CANCELLED", exit 130, rpc -31036, retryable true,
        cure "repeat it, where that was not intended";
    /// The daemon died during the run (ledger only).
    Interrupted = "INTERRUPTED", exit 1, rpc -31037, retryable true,
        cure "`lore sync`: the next run takes up what was left";
}

impl std::fmt::Display for ErrorCode {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.as_str())
    }
}

/// An error as it crosses the wire: what happened, to what, what to do next.
/// It never carries a token, and `actions` never carry text from GitLab.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct WireError {
    /// The stable name of the cause.
    pub code: ErrorCode,
    /// One sentence for a person.
    pub message: String,
    /// Whether the same request may succeed later.
    pub retryable: bool,
    /// Facts about this case; an object, empty where there are none.
    #[serde(default)]
    #[schemars(with = "serde_json::Map<String, Value>")]
    pub details: Value,
    /// Commands that cure it, ready to paste.
    #[serde(default)]
    pub actions: Vec<String>,
    /// Another exit status than the code's own (contract §6, preflight).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub exit_code: Option<u8>,
}

impl WireError {
    /// An error of `code` with a sentence for a person and nothing else.
    pub fn new(code: ErrorCode, message: impl Into<String>) -> Self {
        Self {
            code,
            message: message.into(),
            retryable: code.retryable(),
            details: Value::Object(serde_json::Map::new()),
            actions: Vec::new(),
            exit_code: None,
        }
    }

    /// Adds a command that cures it.
    #[must_use]
    pub fn action(mut self, command: impl Into<String>) -> Self {
        self.actions.push(command.into());
        self
    }

    /// Sets the facts about this case; `details` has to be a JSON object.
    #[must_use]
    pub fn details(mut self, details: Value) -> Self {
        self.details = details;
        self
    }

    /// The exit status of a `lore` process that ends with this error.
    pub fn exit_status(&self) -> u8 {
        self.exit_code.unwrap_or_else(|| self.code.exit_code())
    }
}

/// `error.data` over JSON-RPC, whatever the number in `error.code`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ErrorData {
    /// The stable name of the cause.
    pub code: ErrorCode,
    /// The exit status of a `lore` process that ends with this error.
    pub exit_code: u8,
    /// Whether the same request may succeed later.
    pub retryable: bool,
    /// Facts about this case.
    #[schemars(with = "serde_json::Map<String, Value>")]
    pub details: Value,
    /// Commands that cure it, ready to paste.
    pub actions: Vec<String>,
}

impl From<&WireError> for ErrorData {
    fn from(error: &WireError) -> Self {
        Self {
            code: error.code,
            exit_code: error.exit_status(),
            retryable: error.retryable,
            details: error.details.clone(),
            actions: error.actions.clone(),
        }
    }
}

impl std::fmt::Display for WireError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}: {}", self.code, self.message)
    }
}

impl std::error::Error for WireError {}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    #[test]
    fn every_code_has_its_own_rpc_number_outside_the_reserved_range() {
        let numbers: HashSet<i32> = ErrorCode::ALL.iter().map(|c| c.rpc_code()).collect();
        assert_eq!(numbers.len(), ErrorCode::ALL.len());
        assert!(numbers.iter().all(|n| !(-32768..=-32000).contains(n)));
    }

    #[test]
    fn a_code_reads_back_from_its_name_and_serialises_as_it() {
        for code in ErrorCode::ALL {
            assert_eq!(code.as_str().parse(), Ok(*code));
            assert_eq!(serde_json::to_value(code).unwrap(), code.as_str());
        }
    }
}
