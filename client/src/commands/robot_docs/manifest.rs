//! The whole description.

use std::collections::BTreeMap;

use clap::Command;
use lore_proto::methods::Effect;
use lore_proto::{ErrorCode, PROTOCOL, SCHEMA, VERSION};
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::{Map, Value};

use super::grammar::{self, Argument};
use super::{brief, guide};

/// The schemas of all documents. A test compares the file with the code.
pub(in crate::commands) const SCHEMAS: &str = include_str!("../../../schemas/lore-v1.json");

/// Variables beside the flags.
const VARIABLES: [(&str, &str); 8] = [
    ("LORE_ROBOT", "1: as --robot"),
    ("LORE_NO_AUTOSTART", "1: as --no-autostart"),
    ("LORE_CONFIG", "the config file"),
    ("LORE_DATA_DIR", "the folder of the mirror"),
    ("LORE_SOCKET", "the socket"),
    (
        "LORE_LOG",
        "what the daemon logs, in the syntax of RUST_LOG",
    ),
    ("NO_COLOR", "not empty: no colour"),
    ("FORCE_COLOR", "not empty: colour even into a pipe"),
];

/// Everything that a machine may want to know.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "RobotDocsManifest")]
pub(super) struct Manifest {
    /// The schemas that all documents keep.
    schema: &'static str,
    /// This build's version.
    version: &'static str,
    /// The protocol of the socket; `rpc.discover` there describes its methods.
    protocol: u32,
    /// What to do first, what costs nothing, what to be careful with.
    guide: Vec<String>,
    /// The flags of every command.
    global_flags: Vec<Argument>,
    /// Each command.
    commands: Vec<CommandDocs>,
    /// Variables beside the flags.
    environment: BTreeMap<&'static str, &'static str>,
    /// The error codes of each exit status; 0 is success, with or without
    /// warnings.
    exit_codes: BTreeMap<u8, Vec<ErrorCode>>,
    /// Each error code.
    errors: Vec<ErrorDocs>,
    /// Each kind of event, and what it means.
    event_kinds: Vec<EventKind>,
    /// A JSON Schema of every document and line.
    #[schemars(with = "Map<String, Value>")]
    schemas: Value,
}

/// One command.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "RobotDocsCommand")]
struct CommandDocs {
    /// Its name, as in `meta.command`.
    name: &'static str,
    /// What it does, in a line.
    summary: String,
    /// Whether it changes anything.
    effect: EffectDocs,
    /// Flags with which a reading command writes.
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    writes_with: Vec<String>,
    /// Whether it may send requests to GitLab.
    network: bool,
    /// Its flags and arguments, besides those of every command.
    arguments: Vec<Argument>,
    /// Lines to copy.
    examples: Vec<String>,
    /// Where in `schemas` its `data` is described.
    data: String,
}

/// Whether a command changes anything: the mirror, the config, the daemon.
#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
#[schemars(rename = "Effect")]
enum EffectDocs {
    /// It does not.
    Read,
    /// It does.
    Write,
}

/// One error code.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "RobotDocsError")]
struct ErrorDocs {
    /// Its name, as in `error.code`.
    code: ErrorCode,
    /// The exit status.
    exit: u8,
    /// `error.code` over JSON-RPC.
    rpc: i32,
    /// Whether the same command may succeed later.
    retryable: bool,
    /// What it means.
    meaning: &'static str,
    /// What to do about it.
    cure: &'static str,
}

/// One kind of event.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "RobotDocsEventKind")]
struct EventKind {
    /// `event.kind`.
    kind: String,
    /// What it means.
    meaning: String,
}

impl Manifest {
    /// Of the commands that `parser` knows.
    ///
    /// # Errors
    /// The schemas that were built in are no JSON: a test excludes it.
    pub(super) fn of(parser: &Command) -> serde_json::Result<Self> {
        let schemas: Value = serde_json::from_str(SCHEMAS)?;
        let commands = grammar::commands(parser).map(|(facts, command)| CommandDocs {
            name: facts.name,
            summary: grammar::summary(command),
            effect: match facts.effect {
                Effect::Read => EffectDocs::Read,
                Effect::Write => EffectDocs::Write,
            },
            writes_with: facts
                .writing_flags
                .iter()
                .map(|f| format!("--{f}"))
                .collect(),
            network: facts.network,
            arguments: grammar::arguments(command, false),
            examples: grammar::examples(command),
            data: format!("#/schemas/$defs/data.{}", facts.name.replace(' ', "-")),
        });
        let errors = ErrorCode::ALL.iter().map(|code| ErrorDocs {
            code: *code,
            exit: code.exit_code(),
            rpc: code.rpc_code(),
            retryable: code.retryable(),
            meaning: code.meaning(),
            cure: code.cure(),
        });
        Ok(Self {
            schema: SCHEMA,
            version: VERSION,
            protocol: PROTOCOL,
            guide: guide::lines(parser),
            global_flags: grammar::arguments(parser, true),
            commands: commands.collect(),
            environment: BTreeMap::from(VARIABLES),
            exit_codes: brief::exit_codes(),
            errors: errors.collect(),
            event_kinds: event_kinds(&schemas),
            schemas,
        })
    }
}

/// The kinds of event, as their schema tells them.
fn event_kinds(schemas: &Value) -> Vec<EventKind> {
    let variants = schemas["$defs"]["Event"]["oneOf"].as_array();
    let described = variants.into_iter().flatten().filter_map(|variant| {
        Some(EventKind {
            kind: variant["properties"]["kind"]["const"].as_str()?.to_owned(),
            meaning: variant["description"].as_str()?.to_owned(),
        })
    });
    described.collect()
}
