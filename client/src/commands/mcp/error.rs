//! A failure as an agent reads it: a result that says so, with the code, what
//! happened and what to do next. Errors of the protocol are for messages that
//! make no sense.

use lore_proto::{ErrorCode, WireError};
use rmcp::model::{CallToolResult, ContentBlock};
use serde_json::{Value, json};

use crate::failure::Failure;

/// The most that the details of an error take, in bytes of JSON.
const MAX_DETAILS: usize = 6_000;

/// The error of a failure. stdout is not written by the code that fails here,
/// so that a closed pipe does not occur.
pub(super) fn wire(failure: Failure) -> WireError {
    match failure {
        Failure::Error(error) => error,
        Failure::ClosedPipe => WireError::new(ErrorCode::Cancelled, "the agent has gone"),
    }
}

/// The result that says no. Without `structuredContent`, which would have to
/// keep the schema of the tool's answers.
pub(super) fn result(error: &WireError) -> CallToolResult {
    CallToolResult::error(vec![ContentBlock::text(to_value(error).to_string())])
}

/// As the text of a result, or as the data of an error of the protocol.
pub(super) fn to_value(error: &WireError) -> Value {
    let mut body = json!({
        "code": error.code,
        "message": error.message,
        "retryable": error.retryable,
        "next_step": next_step(error),
    });
    let mut add = |name: &str, value: Value| {
        if let Some(body) = body.as_object_mut() {
            body.insert(name.to_owned(), value);
        }
    };
    if error.details.as_object().is_some_and(|d| !d.is_empty()) {
        match bounded(&error.details) {
            Some(details) => add("details", details),
            None => add("details_truncated", Value::Bool(true)),
        }
    }
    if !error.actions.is_empty() {
        add("commands", json!(error.actions));
    }
    json!({ "error": body })
}

/// What an agent can do with its tools; `commands` are for a shell.
fn next_step(error: &WireError) -> String {
    let step = match error.code {
        ErrorCode::AmbiguousProject | ErrorCode::ProjectUnknown | ErrorCode::HostUnknown => {
            "call again with `project` (and `host`) as details name them; the tool `status` lists \
             what is mirrored"
        }
        ErrorCode::NotFound => {
            "check the name; what is new on GitLab can be brought here with the tool `sync`, \
             naming exactly this issue or merge request"
        }
        ErrorCode::SurgicalPreflightFailed => {
            "nothing was written; details.failures says which item failed and why; call `sync` \
             again without those"
        }
        ErrorCode::Cancelled => "call again where that was not intended",
        ErrorCode::Network
        | ErrorCode::Timeout
        | ErrorCode::GitlabUnavailable
        | ErrorCode::GitlabRateLimited => {
            "the mirror can be read all the same; call this again later"
        }
        // Not the call but its words, whichever rule they break.
        code if code.exit_code() == ErrorCode::Usage.exit_code() => {
            "correct the arguments by the tool's input schema and the message, and call again"
        }
        code if code.retryable() => "call again; where it stays, tell the user",
        _ => "only the user can cure this: tell them the message and the commands",
    };
    step.to_owned()
}

/// Details within the bound: long lists and texts in them are cut, and where
/// that is not enough there are none.
fn bounded(details: &Value) -> Option<Value> {
    let mut details = details.clone();
    if details.to_string().len() > MAX_DETAILS {
        cut(&mut details);
    }
    (details.to_string().len() <= MAX_DETAILS).then_some(details)
}

fn cut(value: &mut Value) {
    match value {
        Value::Array(items) => {
            items.truncate(10);
            items.iter_mut().for_each(cut);
        }
        Value::Object(fields) => fields.values_mut().for_each(cut),
        Value::String(text) if text.len() > 200 => {
            *text = super::fit::shorten(text, 200);
        }
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_says_the_code_and_what_an_agent_can_do() {
        let error = WireError::new(ErrorCode::AmbiguousProject, "several fit")
            .details(json!({"candidates": ["a", "b"]}));
        let told = &to_value(&error)["error"];
        assert_eq!(told["code"], "AMBIGUOUS_PROJECT");
        assert_eq!(told["details"]["candidates"][1], "b");
        assert!(told["next_step"].as_str().unwrap().contains("`project`"));
    }

    #[test]
    fn what_is_wrong_with_the_arguments_is_for_the_agent_to_correct() {
        for code in ErrorCode::ALL {
            let step = next_step(&WireError::new(*code, "no"));
            assert_eq!(
                step.contains("correct the arguments"),
                code.exit_code() == 2,
                "{code}: {step}"
            );
        }
    }

    #[test]
    fn huge_details_do_not_make_a_huge_error() {
        let many: Vec<String> = (0..1_000).map(|n| format!("group/{n}")).collect();
        let error = WireError::new(ErrorCode::Internal, "x").details(json!({"all": many}));
        let told = to_value(&error);
        assert_eq!(
            told["error"]["details"]["all"].as_array().unwrap().len(),
            10
        );
        let wide: serde_json::Map<String, Value> =
            (0..1_000).map(|n| (format!("key{n}"), json!(n))).collect();
        let error = WireError::new(ErrorCode::Internal, "x").details(wide.into());
        assert_eq!(to_value(&error)["error"]["details_truncated"], true);
    }
}
