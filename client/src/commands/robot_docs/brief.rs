//! The description in as few words as will do.

use std::collections::BTreeMap;

use clap::Command;
use lore_proto::methods::Effect;
use lore_proto::{ErrorCode, SCHEMA, VERSION};
use schemars::JsonSchema;
use serde::Serialize;

use super::{grammar, guide};

/// What fits into a prompt.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "RobotDocsBrief")]
pub(super) struct Brief {
    /// The schemas that all documents keep.
    schema: &'static str,
    /// This build's version.
    version: &'static str,
    /// What to do first, what costs nothing, what to be careful with.
    guide: Vec<String>,
    /// The flags of every command.
    global_flags: String,
    /// Each command.
    commands: Vec<BriefCommand>,
    /// The error codes of each exit status.
    exit_codes: BTreeMap<u8, Vec<ErrorCode>>,
    /// Where the rest is.
    more: &'static str,
}

/// One command.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "RobotDocsBriefCommand")]
struct BriefCommand {
    /// Its words; `[]` may be left out, `…` may be repeated.
    usage: String,
    /// What it does.
    does: String,
    /// It changes something.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    writes: bool,
}

impl Brief {
    /// Of the commands that `parser` knows.
    pub(super) fn of(parser: &Command) -> Self {
        let commands = grammar::commands(parser).map(|(facts, command)| BriefCommand {
            usage: grammar::usage(facts.name, command),
            does: grammar::summary(command),
            writes: facts.effect == Effect::Write,
        });
        Self {
            schema: SCHEMA,
            version: VERSION,
            guide: guide::lines(parser),
            global_flags: grammar::global_usage(parser),
            commands: commands.collect(),
            exit_codes: exit_codes(),
            more: "lore robot-docs",
        }
    }

    /// As Markdown, for an agent's instructions file.
    pub(super) fn markdown(&self) -> String {
        let mut lines = vec![
            "## lore: the history behind the code".to_owned(),
            String::new(),
            "`lore` answers from a local mirror of GitLab projects.".to_owned(),
            String::new(),
        ];
        lines.extend(self.guide.iter().map(|line| format!("- {line}")));
        lines.extend([String::new(), "### Commands".to_owned(), String::new()]);
        for command in &self.commands {
            let writes = if command.writes { " (writes)" } else { "" };
            lines.push(format!(
                "- `lore {}`: {}{writes}",
                command.usage, command.does
            ));
        }
        lines.push(format!("- of every command: `{}`", self.global_flags));
        lines.extend([String::new(), "### Exit status".to_owned(), String::new()]);
        for (exit, codes) in &self.exit_codes {
            let codes: Vec<&str> = codes.iter().map(|code| code.as_str()).collect();
            lines.push(format!("- {exit}: {}", codes.join(", ")));
        }
        lines.push(String::new());
        lines.push(format!(
            "`{}` says everything, with JSON Schemas.\n",
            self.more
        ));
        lines.join("\n")
    }
}

/// The codes that a command may fail with, by its exit status.
pub(super) fn exit_codes() -> BTreeMap<u8, Vec<ErrorCode>> {
    let mut exits: BTreeMap<u8, Vec<ErrorCode>> = BTreeMap::new();
    for code in ErrorCode::ALL {
        exits.entry(code.exit_code()).or_default().push(*code);
    }
    exits
}
