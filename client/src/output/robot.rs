//! The one document of robot mode (contract §5).

use lore_proto::WireError;
use lore_proto::envelope::{ErrorBody, Failure, Meta, Success};
use lore_proto::project::Freshness;
use serde_json::value::RawValue;

use super::sanitise;

/// What a command has to say in robot mode.
#[derive(Debug)]
pub(crate) struct Document {
    /// The answer, as the daemon wrote it where it comes from there.
    pub(crate) data: Box<RawValue>,
    /// How current the mirror is; on reads.
    pub(crate) freshness: Option<Freshness>,
    /// What the caller should know.
    pub(crate) warnings: Vec<String>,
}

impl Document {
    /// A document of `data` alone.
    pub(crate) fn new(data: Box<RawValue>) -> Self {
        Self {
            data,
            freshness: None,
            warnings: Vec::new(),
        }
    }
}

/// A yes as one line of JSON with its line end.
pub(crate) fn success(document: Document, mut meta: Meta) -> String {
    meta.freshness = document.freshness;
    meta.warnings.extend(document.warnings);
    write(&Success {
        ok: true,
        data: document.data,
        meta,
    })
}

/// A no as one line of JSON with its line end.
pub(crate) fn failure(error: &WireError, meta: Meta) -> String {
    let mut body = ErrorBody::from(error);
    if !body.details.is_object() {
        body.details = serde_json::json!({});
    }
    write(&Failure {
        ok: false,
        error: body,
        meta,
    })
}

/// An event of `--events` as one line of JSON with its line end.
pub(crate) fn event(raw: &RawValue) -> String {
    format!("{{\"event\":{}}}\n", sanitise::json(raw.get()))
}

fn write(document: &impl serde::Serialize) -> String {
    let mut line = match serde_json::to_string(document) {
        Ok(line) => sanitise::json(&line).into_owned(),
        // Strings, numbers and JSON that has been parsed before always
        // serialise; should that ever change, there is still a document.
        Err(error) => serde_json::json!({
            "ok": false,
            "error": {
                "code": "INTERNAL",
                "message": format!("the answer could not be written as JSON: {error}"),
                "retryable": false,
                "details": {},
                "actions": [],
            },
            "meta": {"schema": lore_proto::SCHEMA, "command": "", "elapsed_ms": 0, "warnings": []},
        })
        .to_string(),
    };
    line.push('\n');
    line
}

/// What a command has done in the end.
pub(crate) enum Reply {
    /// Robot mode: this is to be written.
    Document(Document),
    /// Everything has been written.
    Shown,
}

#[cfg(test)]
mod tests {
    use super::*;
    use lore_proto::ErrorCode;

    #[test]
    fn the_daemons_bytes_go_through_unchanged() {
        let raw = r#"{"b":1.10,"a":[ ]}"#;
        let data = RawValue::from_string(raw.to_owned()).unwrap();
        let line = success(Document::new(data), Meta::new("x", 3));
        assert_eq!(
            line,
            format!(
                "{{\"ok\":true,\"data\":{raw},\"meta\":{{\"schema\":\"lore/v1\",\"command\":\"x\",\"elapsed_ms\":3,\"warnings\":[]}}}}\n"
            )
        );
    }

    #[test]
    fn an_error_without_details_still_has_an_object_there() {
        let mut error = WireError::new(ErrorCode::Network, "no");
        error.details = serde_json::Value::Null;
        let line = failure(&error, Meta::new("x", 0));
        let document: serde_json::Value = serde_json::from_str(&line).unwrap();
        assert_eq!(document["ok"], false);
        assert_eq!(document["error"]["details"], serde_json::json!({}));
        assert_eq!(document["error"]["retryable"], true);
    }
}
