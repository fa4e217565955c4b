//! `rpc.discover`: this interface, described for machines.

use std::borrow::Cow;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// The `OpenRPC` document of this build, as `proto/openrpc.json` keeps it. A
/// test compares the file with the code.
const DOCUMENT: &str = include_str!("../openrpc.json");

/// An `OpenRPC` document (<https://spec.open-rpc.org>).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Document(pub Value);

impl Document {
    /// The document of this build.
    ///
    /// # Errors
    /// The file that was built in is no JSON: a defect that a test excludes.
    pub fn of_this_build() -> serde_json::Result<Self> {
        serde_json::from_str(DOCUMENT)
    }
}

impl JsonSchema for Document {
    fn schema_name() -> Cow<'static, str> {
        "OpenRpcDocument".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "description": "An OpenRPC document (https://spec.open-rpc.org).",
            "type": "object",
            "properties": {
                "openrpc": { "type": "string", "description": "The version of OpenRPC." },
                "info": { "type": "object", "description": "Title and version." },
                "methods": {
                    "type": "array",
                    "items": { "type": "object" },
                    "description": "Each method.",
                },
                "components": { "type": "object", "description": "Named schemas and errors." },
            },
            "required": ["openrpc", "info", "methods"],
        })
    }
}
