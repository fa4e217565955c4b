//! The tools: a table of what agents can call, and how each is answered.

mod items;
mod reads;
mod sync;

use std::sync::Arc;

use lore_proto::WireError;
use rmcp::model::{Tool, ToolAnnotations};
use schemars::JsonSchema;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use super::answer::Answer;
use super::arguments;
use super::call::Call;
use super::fit::Rows;
use super::schema;
use crate::failure::Failure;

use items::{GetIssue, GetMergeRequest};
pub(super) use items::{issue, merge_request};
use reads::FileHistory;
pub(super) use reads::{file_history, project_status};

/// The rows of a list that says how long it is by `total`.
const fn rows(field: &'static str) -> Rows {
    Rows {
        field,
        total: "total",
    }
}

/// A tool, by its type.
pub(super) trait Offer {
    /// What it is called by.
    const NAME: &'static str;
    /// What a person sees.
    const TITLE: &'static str;
    /// When to use it, and what it costs.
    const DESCRIPTION: &'static str;
    /// What it takes.
    type Arguments: DeserializeOwned + JsonSchema;

    /// The schema of `data`, with references into the schemas of robot mode.
    fn data() -> Value;

    /// Whether it only reads the mirror.
    fn reads() -> bool {
        true
    }

    /// Answers a call.
    fn answer(arguments: Self::Arguments, call: &mut Call) -> Result<Answer, Failure>;
}

/// A tool, as an entry of the table.
pub(super) struct Entry {
    /// What it is called by.
    pub(super) name: &'static str,
    /// Its description for the agent.
    pub(super) describe: fn() -> Result<Tool, WireError>,
    /// Answers a call.
    pub(super) answer: fn(Value, &mut Call) -> Result<Answer, Failure>,
}

/// Every tool, the most telling first.
pub(super) const TOOLS: &[Entry] = &[
    entry::<FileHistory>(),
    entry::<reads::Search>(),
    entry::<GetMergeRequest>(),
    entry::<GetIssue>(),
    entry::<items::ListMergeRequests>(),
    entry::<items::ListIssues>(),
    entry::<sync::Sync>(),
    entry::<reads::SyncRuns>(),
    entry::<reads::Status>(),
];

const fn entry<T: Offer>() -> Entry {
    Entry {
        name: T::NAME,
        describe: describe::<T>,
        answer: answer::<T>,
    }
}

fn answer<T: Offer>(arguments: Value, call: &mut Call) -> Result<Answer, Failure> {
    T::answer(arguments::read(arguments)?, call)
}

fn describe<T: Offer>() -> Result<Tool, WireError> {
    let annotations = ToolAnnotations::with_title(T::TITLE)
        .read_only(T::reads())
        .destructive(false)
        .idempotent(true)
        // The mirror is this machine's own; GitLab is not.
        .open_world(!T::reads());
    Ok(Tool::new(
        T::NAME,
        T::DESCRIPTION,
        Arc::new(schema::input::<T::Arguments>()),
    )
    .with_title(T::TITLE)
    .with_raw_output_schema(Arc::new(schema::output(&T::data())?))
    .with_annotations(annotations))
}

/// A reference to a definition of robot mode's schemas.
fn defined(name: &str) -> Value {
    json!({ "$ref": format!("#/$defs/{name}") })
}
