//! `lore robot-docs`: what a script or an agent has to know, made from the
//! parser, the commands' facts and the wire.

mod brief;
mod grammar;
mod guide;
mod manifest;
#[cfg(test)]
mod tests;

use clap::Args;
use lore_proto::{ErrorCode, WireError};
use schemars::JsonSchema;
use serde::Serialize;

use super::{Facts, Reply, Run};
use crate::args;
use crate::context::Context;
use crate::failure::Failure;
use crate::output::robot::Document;

use brief::Brief;
use manifest::Manifest;
pub(super) use manifest::SCHEMAS;

/// Describe all commands, errors and answers for scripts and agents
///
/// Prints one JSON document, with or without --robot.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  lore robot-docs                    everything, JSON Schemas included
  lore robot-docs --brief            what fits into a prompt
  lore robot-docs --markdown         the same for an AGENTS.md")]
pub(crate) struct RobotDocs {
    /// Less than 8,000 bytes: the guide, commands with their flags, error codes
    #[arg(long)]
    brief: bool,
    /// The same as Markdown, for an agent's instructions file
    #[arg(long, conflicts_with = "brief")]
    markdown: bool,
}

/// `data` of the robot document.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "RobotDocsAnswer")]
#[serde(untagged)]
enum Answer {
    /// Everything.
    Full(Box<Manifest>),
    /// With `--brief`.
    Brief(Brief),
    /// With `--markdown`.
    Markdown {
        /// The text.
        markdown: String,
    },
}

impl Run for RobotDocs {
    const FACTS: &'static [Facts] = &[Facts::read::<Answer>("robot-docs")];

    fn name(&self) -> &'static str {
        "robot-docs"
    }

    fn run(self, context: &mut Context) -> Result<Reply, Failure> {
        let mut parser = args::parser();
        parser.build();
        let answer = if self.brief {
            Answer::Brief(Brief::of(&parser))
        } else if self.markdown {
            let markdown = Brief::of(&parser).markdown();
            if !context.printer.robot {
                context.printer.out(&markdown)?;
                return Ok(Reply::Shown);
            }
            Answer::Markdown { markdown }
        } else {
            Answer::Full(Box::new(Manifest::of(&parser).map_err(|e| unwritable(&e))?))
        };
        let data = serde_json::value::to_raw_value(&answer).map_err(|e| unwritable(&e))?;
        if context.printer.robot {
            return Ok(Reply::Document(Document::new(data)));
        }
        context.printer.out(&format!("{data}\n"))?;
        Ok(Reply::Shown)
    }
}

fn unwritable(error: &serde_json::Error) -> WireError {
    WireError::new(
        ErrorCode::Internal,
        format!("the description of lore cannot be written as JSON: {error}"),
    )
}
