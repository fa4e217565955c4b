//! The one document that robot mode prints (contract §5).

use schemars::JsonSchema;
use serde::Serialize;
use serde_json::Value;

use crate::project::Freshness;
use crate::{SCHEMA, WireError};

/// A robot document that says yes.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct Success<T> {
    /// Always true.
    #[schemars(extend("const" = true))]
    pub ok: bool,
    /// What was asked for; the same bytes on an unchanged mirror.
    pub data: T,
    /// About this answer.
    pub meta: Meta,
}

/// A robot document that says no.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct Failure {
    /// Always false.
    #[schemars(extend("const" = false))]
    pub ok: bool,
    /// Why.
    pub error: ErrorBody,
    /// About this answer.
    pub meta: Meta,
}

/// The error of a [`Failure`].
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct ErrorBody {
    /// The stable name of the cause.
    #[schemars(with = "crate::ErrorCode")]
    pub code: String,
    /// One sentence for a person.
    pub message: String,
    /// Whether the same command may succeed later.
    pub retryable: bool,
    /// Facts about this case; an object.
    #[schemars(with = "serde_json::Map<String, Value>")]
    pub details: Value,
    /// Commands that cure it.
    pub actions: Vec<String>,
}

/// About an answer.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct Meta {
    /// The name of the schemas that this document keeps.
    #[schemars(extend("const" = SCHEMA))]
    pub schema: &'static str,
    /// The command that was understood, such as `sync-runs`.
    pub command: String,
    /// The client's own wall time.
    pub elapsed_ms: u64,
    /// How current the mirror is; on reads.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub freshness: Option<Freshness>,
    /// What the caller should know.
    pub warnings: Vec<String>,
}

impl Meta {
    /// The beginnings of a `meta` for `command`.
    pub fn new(command: impl Into<String>, elapsed_ms: u64) -> Self {
        Self {
            schema: SCHEMA,
            command: command.into(),
            elapsed_ms,
            freshness: None,
            warnings: Vec::new(),
        }
    }
}

impl From<&WireError> for ErrorBody {
    fn from(error: &WireError) -> Self {
        Self {
            code: error.code.to_string(),
            message: error.message.clone(),
            retryable: error.retryable,
            details: error.details.clone(),
            actions: error.actions.clone(),
        }
    }
}
