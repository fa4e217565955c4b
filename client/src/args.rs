//! The words of the command line.

use std::ffi::OsString;

use clap::error::{ContextKind, ContextValue, ErrorKind};
use clap::{CommandFactory as _, FromArgMatches as _, Parser};
use lore_proto::{ErrorCode, WireError};

use crate::commands::Command;
use crate::correct::{Correction, correct};
use crate::globals::{Globals, switched_on};
use crate::output::text;

/// Examples come before the flags: they are what most people read.
const HELP: &str = "{about}{after-help}\n\n{usage-heading} {usage}\n\n{all-args}";

/// Ask a local mirror of your GitLab projects
#[derive(Debug, Parser)]
#[command(
    name = "lore",
    disable_version_flag = true,
    after_help = "Examples:
  lore init                        set up a host, a token and projects
  lore file-history src/main.rs    the merge requests behind a file
  lore mrs 789                     a merge request with its threads
  lore sync                        bring the mirror up to date now
  lore status                      health at a glance"
)]
struct Cli {
    /// Print the version
    #[arg(short = 'V', long)]
    version: bool,
    #[command(flatten)]
    globals: Globals,
    #[command(subcommand)]
    command: Option<Command>,
}

/// What a command line asks for.
pub(crate) enum Request {
    /// A command, with the flags that every command takes.
    Run(Box<(Globals, Command)>),
    /// Help, as text.
    Help(String),
    /// The version.
    Version,
}

/// Reads a command line, its first word being the program's own name. A line
/// that does not parse is read as what it clearly means; what was read as what
/// is beside the request then.
pub(crate) fn read(words: &[OsString]) -> Result<(Request, Vec<String>), WireError> {
    let error = match parse(words) {
        Ok(request) => return Ok((request, Vec::new())),
        Err(error) => error,
    };
    let mut parser = parser();
    parser.build();
    match correct(&parser, words) {
        Some(Correction::Read { words, notes }) => match parse(&words) {
            Ok(request) => Ok((request, notes)),
            Err(_) => Err(usage_error(&error, None)),
        },
        // A suggestion that has to be cut is none.
        Some(Correction::Refused { meant }) if meant.len() <= 500 => {
            Err(usage_error(&error, Some(meant)))
        }
        _ => Err(usage_error(&error, None)),
    }
}

fn parse(words: &[OsString]) -> Result<Request, clap::Error> {
    let mut parser = parser();
    let parsed = parser
        .try_get_matches_from_mut(words)
        .and_then(|matches| Cli::from_arg_matches(&matches));
    match parsed {
        Ok(Cli { version: true, .. }) => Ok(Request::Version),
        Ok(Cli {
            globals,
            command: Some(command),
            ..
        }) => Ok(Request::Run(Box::new((globals, command)))),
        Ok(Cli { command: None, .. }) => Ok(Request::Help(parser.render_help().to_string())),
        Err(error) if error.kind() == ErrorKind::DisplayHelp => {
            Ok(Request::Help(error.render().to_string()))
        }
        Err(error) => Err(error),
    }
}

/// What `lore --version` says.
pub(crate) fn version_line() -> String {
    format!("lore {}", lore_proto::this_build())
}

/// Whether robot mode is wanted, told without parsing: a command line that
/// does not parse has to be answered with a document too, and so has one in
/// which this very flag is misspelt.
pub(crate) fn wants_robot(words: &[OsString], variable: Option<OsString>) -> bool {
    switched_on(variable)
        || words
            .iter()
            .skip(1)
            .take_while(|word| *word != "--")
            .filter_map(|word| word.to_str()?.strip_prefix('-'))
            .any(|flag| {
                let flag = flag.strip_prefix('-').unwrap_or(flag);
                flag.eq_ignore_ascii_case("robot")
            })
}

/// The command that a line meant, as far as it can be told without parsing:
/// its known words in order, such as `jobs cancel`.
pub(crate) fn named_command(words: &[OsString]) -> String {
    let parser = parser();
    let mut at = &parser;
    let mut names: Vec<&str> = Vec::new();
    for word in words.iter().skip(1) {
        if let Some(found) = word.to_str().and_then(|word| at.find_subcommand(word)) {
            names.push(found.get_name());
            at = found;
        }
    }
    names.join(" ")
}

/// The definition of all commands and flags.
pub fn parser() -> clap::Command {
    with_help_template(Cli::command())
}

fn with_help_template(command: clap::Command) -> clap::Command {
    command
        .help_template(HELP)
        .disable_help_subcommand(true)
        .mut_subcommands(with_help_template)
}

/// clap's error as one of ours: the sentence, then what to type. `meant` is a
/// line that nobody but the one who typed this may choose.
fn usage_error(error: &clap::Error, meant: Option<String>) -> WireError {
    let rendered = error.render().to_string();
    let paragraph = rendered.split("\n\n").next().unwrap_or_default();
    let paragraph = paragraph.strip_prefix("error: ").unwrap_or(paragraph);
    let sentence: Vec<&str> = paragraph.lines().map(str::trim).collect();
    let message = match error.kind() {
        ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand | ErrorKind::MissingSubcommand => {
            "a command is missing".to_owned()
        }
        ErrorKind::InvalidUtf8 => "an argument is not valid UTF-8".to_owned(),
        // A sentence that quotes what was typed is as long as what was typed.
        _ => text::cut(&sentence.join(" "), 500),
    };
    let suggestions = meant.map_or_else(|| suggestions(error), |line| vec![line]);
    let mut usage = WireError::new(ErrorCode::Usage, message);
    if let [best, ..] = suggestions.as_slice() {
        usage.message = format!("{}; did you mean `{best}`?", usage.message);
        usage = usage.details(serde_json::json!({ "suggestions": suggestions }));
    }
    usage.action(format!("{} --help", command_of_usage(&rendered)))
}

fn suggestions(error: &clap::Error) -> Vec<String> {
    let kinds = [
        ContextKind::SuggestedSubcommand,
        ContextKind::SuggestedArg,
        ContextKind::SuggestedValue,
    ];
    let mut found = Vec::new();
    for kind in kinds {
        match error.get(kind) {
            Some(ContextValue::String(one)) => found.push(one.clone()),
            Some(ContextValue::Strings(several)) => found.extend(several.iter().cloned()),
            _ => {}
        }
    }
    found
}

/// The command whose usage clap showed: `lore sync` of `Usage: lore sync …`.
fn command_of_usage(rendered: &str) -> String {
    let usage = rendered
        .lines()
        .find_map(|line| line.strip_prefix("Usage: "))
        .unwrap_or("lore");
    let is_name = |word: &&str| word.starts_with(|c: char| c.is_ascii_lowercase());
    usage
        .split_whitespace()
        .take_while(is_name)
        .collect::<Vec<_>>()
        .join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(line: &str) -> Vec<OsString> {
        line.split_whitespace().map(OsString::from).collect()
    }

    fn refused(line: &str) -> WireError {
        match read(&words(line)) {
            Err(error) => error,
            Ok(_) => panic!("`{line}` was accepted"),
        }
    }

    #[test]
    fn the_parser_is_consistent() {
        parser().debug_assert();
    }

    #[test]
    fn every_command_has_help_with_examples() {
        fn check(command: &clap::Command) {
            assert!(command.get_about().is_some(), "{}", command.get_name());
            let has_children = command.has_subcommands();
            let examples = command.get_after_help().map(ToString::to_string);
            assert!(
                has_children || examples.is_some_and(|e| e.contains("Example")),
                "{} shows no example",
                command.get_name()
            );
            command.get_subcommands().for_each(check);
        }
        check(&parser());
    }

    #[test]
    fn global_flags_stand_before_or_after_the_command() {
        for line in ["lore --robot -q status", "lore status --robot -q"] {
            match read(&words(line)) {
                Ok((Request::Run(run), _)) => assert!(run.0.robot && run.0.quiet),
                _ => panic!("{line}"),
            }
        }
    }

    #[test]
    fn a_misspelt_word_gets_a_suggestion_and_the_help_of_its_command() {
        let error = refused("lore sync --ful");
        assert_eq!(error.code, ErrorCode::Usage);
        assert!(error.message.contains("'--ful'"), "{}", error.message);
        assert!(error.message.ends_with("did you mean `lore sync --full`?"));
        assert_eq!(error.details["suggestions"][0], "lore sync --full");
        assert_eq!(error.actions, ["lore sync --help"]);
        let error = refused("lore stat");
        assert_eq!(error.details["suggestions"][0], "status");
    }

    #[test]
    fn a_missing_command_or_argument_is_named() {
        assert_eq!(refused("lore daemon").message, "a command is missing");
        assert!(refused("lore file-history").message.contains("<PATH>"));
        assert!(refused("lore jobs cancel x").message.contains("'x'"));
    }

    #[test]
    fn a_huge_word_does_not_make_a_huge_message() {
        let line = format!("lore sync --{}", "x".repeat(100_000));
        assert!(refused(&line).message.len() < 2_000);
    }

    #[test]
    fn robot_mode_is_told_without_parsing() {
        let yes = |line: &str, variable: Option<&str>| {
            wants_robot(&words(line), variable.map(OsString::from))
        };
        assert!(yes("lore sync --nonsense --robot", None));
        assert!(yes("lore sync", Some("1")));
        assert!(!yes("lore sync", Some("0")));
        assert!(!yes("lore sync", Some("")));
        assert!(!yes("lore file-history -- --robot", None));
    }

    #[test]
    fn a_line_that_does_not_parse_still_names_its_command() {
        assert_eq!(
            named_command(&words("lore jobs --bogus cancel x")),
            "jobs cancel"
        );
        assert_eq!(named_command(&words("lore nonsense")), "");
    }
}
