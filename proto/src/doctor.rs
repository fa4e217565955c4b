//! `doctor.run`: what may be wrong, each with its cure.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{ErrorCode, Timestamp};

/// Parameters of `doctor.run`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct AskDoctor {
    /// Ask neither GitLab nor an embedding service.
    #[serde(default)]
    pub offline: bool,
    /// Names of variables that are set where the question comes from and that
    /// decide how GitLab is reached; the daemon may have been started from
    /// elsewhere.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub variables: Vec<String>,
}

/// The variables that decide how GitLab is reached.
pub const VARIABLES: &[&str] = &[
    "HTTPS_PROXY",
    "https_proxy",
    "HTTP_PROXY",
    "http_proxy",
    "ALL_PROXY",
    "all_proxy",
    "NO_PROXY",
    "no_proxy",
    "SSL_CERT_FILE",
    "SSL_CERT_DIR",
    "GITLAB_TOKEN",
];

/// How a check went.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum CheckState {
    /// As it should be.
    Ok,
    /// It could not be looked at, for a reason that the message says.
    Skipped,
    /// It works, and something about it deserves a look.
    Warning,
    /// It does not work.
    Failed,
}

/// One thing that was looked at.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Finding {
    /// What was looked at: `config`, `folder`, `socket`, `daemon`, `database`,
    /// `disk`, `token`, `host`, `tls`, `clock`, `project`, `embedding`.
    pub check: String,
    /// Of which host, project or path, where there are several.
    pub subject: Option<String>,
    /// How it went.
    pub state: CheckState,
    /// A sentence for a person.
    pub message: String,
    /// The cause's name, where something is wrong.
    pub code: Option<ErrorCode>,
    /// Commands that cure it, ready to paste.
    pub actions: Vec<String>,
}

impl Finding {
    /// Something that is as it should be.
    pub fn ok(check: &str, message: impl Into<String>) -> Self {
        Self {
            check: check.to_owned(),
            subject: None,
            state: CheckState::Ok,
            message: message.into(),
            code: None,
            actions: Vec::new(),
        }
    }

    /// Something that could not be looked at.
    pub fn skipped(check: &str, message: impl Into<String>) -> Self {
        Self {
            state: CheckState::Skipped,
            ..Self::ok(check, message)
        }
    }

    /// Something that deserves a look.
    pub fn warning(check: &str, message: impl Into<String>) -> Self {
        Self {
            state: CheckState::Warning,
            ..Self::ok(check, message)
        }
    }

    /// Something that does not work.
    pub fn failed(check: &str, error: crate::WireError) -> Self {
        Self {
            state: CheckState::Failed,
            code: Some(error.code),
            actions: error.actions,
            ..Self::ok(check, error.message)
        }
    }

    /// Of what.
    #[must_use]
    pub fn of(mut self, subject: impl Into<String>) -> Self {
        self.subject = Some(subject.into());
        self
    }

    /// Adds a command that cures it.
    #[must_use]
    pub fn action(mut self, command: impl Into<String>) -> Self {
        self.actions.push(command.into());
        self
    }
}

/// The answer of `doctor.run`, and the `data` of `lore doctor`, which adds
/// what the client sees for itself.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Diagnosis {
    /// False where a check failed.
    pub healthy: bool,
    /// When it was looked at.
    pub checked_at: Timestamp,
    /// Everything that was looked at.
    pub findings: Vec<Finding>,
}

impl Diagnosis {
    /// What was found, at `checked_at`.
    pub fn new(findings: Vec<Finding>, checked_at: Timestamp) -> Self {
        Self {
            healthy: !findings.iter().any(|f| f.state == CheckState::Failed),
            checked_at,
            findings,
        }
    }
}
