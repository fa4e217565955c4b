//! Why a call failed, in the words of the wire and in those of JSON-RPC.

use std::io;
use std::time::Duration;

use lore_proto::{ErrorCode, WireError};
use serde::Deserialize;
use serde_json::Value;
use serde_json::value::RawValue;

/// JSON-RPC's own number for a method that is not there.
const METHOD_NOT_FOUND: i64 = -32601;

/// Why a call brought no result.
#[derive(Debug)]
pub(crate) enum CallError {
    /// The connection broke, or what came over it was not the protocol.
    Lost(io::Error),
    /// No answer within the time that this method has.
    Silent {
        /// Which method.
        method: &'static str,
        /// How long it was waited for.
        waited: Duration,
    },
    /// The daemon said no.
    Refused(WireError),
}

impl From<CallError> for WireError {
    fn from(error: CallError) -> Self {
        match error {
            CallError::Refused(error) => error,
            CallError::Lost(cause) => Self::new(
                ErrorCode::DaemonUnavailable,
                format!("the connection to the daemon broke: {}", describe(&cause)),
            )
            .action("lore daemon status")
            .action("lore daemon logs"),
            CallError::Silent { method, waited } => Self::new(
                ErrorCode::Timeout,
                format!(
                    "the daemon did not answer `{method}` within {} seconds",
                    waited.as_secs()
                ),
            )
            .action("lore daemon status")
            .action("lore daemon logs"),
        }
    }
}

/// The error of two builds that do not understand each other.
pub(super) fn protocol_mismatch(message: impl Into<String>) -> WireError {
    WireError::new(ErrorCode::ProtocolMismatch, message).action("lore daemon restart")
}

/// The error of an answer, as it stood before it went on the wire.
pub(super) fn wire_error(raw: &RawValue) -> WireError {
    let Ok(error) = serde_json::from_str::<RpcError>(raw.get()) else {
        return WireError::new(
            ErrorCode::Internal,
            "the daemon answered with an error that does not have the form of JSON-RPC",
        );
    };
    let data = error
        .data
        // What an older daemon does not know has no cure but a newer one,
        // whatever it says itself.
        .filter(|_| error.code != METHOD_NOT_FOUND)
        .and_then(|data| serde_json::from_value::<RpcErrorData>(data).ok());
    let Some(data) = data else {
        return standard_error(error.code, &error.message);
    };
    let known = data.code.parse().ok();
    let code = known.unwrap_or(ErrorCode::Internal);
    WireError {
        code,
        message: if known.is_some() {
            error.message
        } else {
            format!("{}: {}", data.code, error.message)
        },
        retryable: data.retryable.unwrap_or_else(|| code.retryable()),
        details: if data.details.is_object() {
            data.details
        } else {
            Value::Object(serde_json::Map::new())
        },
        actions: data.actions,
        exit_code: data.exit_code.filter(|exit| *exit != code.exit_code()),
    }
}

/// An error of JSON-RPC itself, which knows no codes of ours.
fn standard_error(code: i64, message: &str) -> WireError {
    match code {
        METHOD_NOT_FOUND => protocol_mismatch(format!(
            "the daemon does not know what this `lore` asks ({message}); it is of another version"
        )),
        -32602 => WireError::new(
            ErrorCode::Usage,
            format!("the daemon did not accept the parameters: {message}"),
        ),
        -32009 => WireError::new(
            ErrorCode::DaemonUnavailable,
            format!("the daemon is busy: {message}"),
        )
        .action("lore daemon status"),
        _ => WireError::new(
            ErrorCode::Internal,
            format!("the daemon answered with the JSON-RPC error {code}: {message}"),
        )
        .action("lore daemon logs"),
    }
}

pub(super) fn garbled(error: &serde_json::Error) -> CallError {
    CallError::Lost(io::Error::new(
        io::ErrorKind::InvalidData,
        format!("what answers on the socket does not speak lore's protocol ({error})"),
    ))
}

fn describe(cause: &io::Error) -> String {
    match cause.kind() {
        io::ErrorKind::UnexpectedEof => "it was closed before the answer came".to_owned(),
        io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut => {
            "the daemon does not read what it is sent".to_owned()
        }
        _ => cause.to_string(),
    }
}

#[derive(Deserialize)]
struct RpcError {
    code: i64,
    message: String,
    #[serde(default)]
    data: Option<Value>,
}

#[derive(Deserialize)]
struct RpcErrorData {
    code: String,
    #[serde(default)]
    exit_code: Option<u8>,
    #[serde(default)]
    retryable: Option<bool>,
    #[serde(default)]
    details: Value,
    #[serde(default)]
    actions: Vec<String>,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn raw(text: &str) -> Box<RawValue> {
        RawValue::from_string(text.to_owned()).unwrap()
    }

    #[test]
    fn an_error_of_the_wire_comes_back_as_it_was_sent() {
        let error = wire_error(&raw(
            r#"{"code":-31014,"message":"no","data":{"code":"SURGICAL_PREFLIGHT_FAILED","exit_code":5,"retryable":false,"details":{"total":1},"actions":["lore auth status"]}}"#,
        ));
        assert_eq!(error.code, ErrorCode::SurgicalPreflightFailed);
        assert_eq!(error.exit_status(), 5);
        assert_eq!(error.details["total"], 1);
        assert_eq!(error.actions, ["lore auth status"]);
    }

    #[test]
    fn an_exit_code_that_is_the_codes_own_is_not_kept_as_an_exception() {
        let error = wire_error(&raw(
            r#"{"code":-31030,"message":"no","data":{"code":"NOT_FOUND","exit_code":17,"retryable":false,"details":{},"actions":[]}}"#,
        ));
        assert_eq!(error.exit_code, None);
        assert_eq!(error.exit_status(), 17);
    }

    #[test]
    fn a_code_of_a_newer_daemon_is_named_in_the_message() {
        let error = wire_error(&raw(
            r#"{"code":-31099,"message":"no","data":{"code":"NEW_CAUSE"}}"#,
        ));
        assert_eq!(error.code, ErrorCode::Internal);
        assert!(error.message.contains("NEW_CAUSE"));
        assert!(error.details.is_object());
    }

    #[test]
    fn errors_of_json_rpc_itself_get_codes_of_ours() {
        let code = |number| standard_error(number, "x").code;
        assert_eq!(code(-32601), ErrorCode::ProtocolMismatch);
        assert_eq!(code(-32602), ErrorCode::Usage);
        assert_eq!(code(-32009), ErrorCode::DaemonUnavailable);
        assert_eq!(code(-32603), ErrorCode::Internal);
    }
}
