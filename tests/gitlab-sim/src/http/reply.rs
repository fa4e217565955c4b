//! Answers, and the shapes that GitLab's errors have.

use serde_json::{Value, json};

/// An answer before it is put on the wire.
#[derive(Clone, Debug)]
pub(crate) struct Reply {
    pub(crate) status: u16,
    pub(crate) content_type: &'static str,
    pub(crate) headers: Vec<(&'static str, String)>,
    pub(crate) body: Vec<u8>,
}

pub(crate) const JSON: &str = "application/json";
const HTML: &str = "text/html; charset=utf-8";
const TEXT: &str = "text/plain";

impl Reply {
    pub(crate) fn json(value: &Value) -> Self {
        Self::raw_json(200, value.to_string().into_bytes())
    }

    pub(crate) fn raw_json(status: u16, body: Vec<u8>) -> Self {
        Self {
            status,
            content_type: JSON,
            headers: Vec::new(),
            body,
        }
    }

    pub(crate) fn text(status: u16, text: impl Into<Vec<u8>>) -> Self {
        Self {
            status,
            content_type: TEXT,
            headers: Vec::new(),
            body: text.into(),
        }
    }

    pub(crate) fn html(status: u16, headline: &str) -> Self {
        Self {
            status,
            content_type: HTML,
            headers: Vec::new(),
            body: format!(
                "<!DOCTYPE html>\n<html><head><title>{headline}</title></head>\
                 <body><h1>{status}</h1><h3>{headline}</h3></body></html>\n"
            )
            .into_bytes(),
        }
    }

    #[must_use]
    pub(crate) fn with(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.headers.push((name, value.into()));
        self
    }

    fn error(status: u16, value: &Value) -> Self {
        Self::raw_json(status, value.to_string().into_bytes())
    }

    /// `{"message": ...}`
    pub(crate) fn message(status: u16, message: &str) -> Self {
        Self::error(status, &json!({ "message": message }))
    }

    /// `{"error": ...}`
    pub(crate) fn bare_error(status: u16, error: &str) -> Self {
        Self::error(status, &json!({ "error": error }))
    }

    /// No such route: an old version, or an unencoded slash in a path.
    pub(crate) fn no_route() -> Self {
        Self::bare_error(404, "404 Not Found")
    }

    /// The project is missing, or invisible: byte for byte the same.
    pub(crate) fn no_project() -> Self {
        Self::message(404, "404 Project Not Found")
    }

    /// A record inside a visible project is missing.
    pub(crate) fn no_record() -> Self {
        Self::message(404, "404 Not found")
    }

    pub(crate) fn unauthorized() -> Self {
        Self::message(401, "401 Unauthorized")
    }

    pub(crate) fn invalid_token(description: &str) -> Self {
        Self::error(
            401,
            &json!({ "error": "invalid_token", "error_description": description }),
        )
    }

    pub(crate) fn insufficient_scope(scope: &str) -> Self {
        Self::error(
            403,
            &json!({
                "error": "insufficient_scope",
                "error_description":
                    "The request requires higher privileges than provided by the access token.",
                "scope": scope,
            }),
        )
    }

    pub(crate) fn forbidden() -> Self {
        Self::message(403, "403 Forbidden")
    }

    pub(crate) fn invalid(parameter: &str) -> Self {
        Self::bare_error(400, &format!("{parameter} is invalid"))
    }

    pub(crate) fn invalid_value(parameter: &str) -> Self {
        Self::bare_error(400, &format!("{parameter} does not have a valid value"))
    }
}
