//! What `lore` says of itself in robot mode, besides its commands' answers.

use lore_proto::{COMMIT, PROTOCOL, SCHEMA, VERSION};
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
    /// The commit that it is of, where the build was told.
    commit: Option<&'static str>,
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
            commit: COMMIT,
            protocol: PROTOCOL,
            schema: SCHEMA,
        }
    }
}
