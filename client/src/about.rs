//! What `lore` says of itself in robot mode, besides its commands' answers.

use lore_proto::{PROTOCOL, SCHEMA, VERSION};
use schemars::JsonSchema;
use serde::Serialize;

/// `data` of `--help`, and of `lore` alone.
#[derive(Serialize, JsonSchema)]
pub(crate) struct Help<'a> {
    /// The help, as a person reads it.
    pub(crate) help: &'a str,
}

/// `data` of `--version`.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "Version")]
pub(crate) struct ThisBuild {
    /// This build's.
    version: &'static str,
    /// The protocol that it speaks with the daemon.
    protocol: u32,
    /// The schemas that its documents keep.
    schema: &'static str,
}

impl ThisBuild {
    /// What there is to say.
    pub(crate) fn new() -> Self {
        Self {
            version: VERSION,
            protocol: PROTOCOL,
            schema: SCHEMA,
        }
    }
}
