//! The words of the command line.

use std::ffi::OsString;

use clap::error::{ContextKind, ContextValue, ErrorKind};
use clap::{CommandFactory as _, FromArgMatches as _, Parser};
use lore_proto::{ErrorCode, WireError};

use crate::commands::Command;
use crate::correct::{Correction, correct, name_after_one_dash};
use crate::globals::{Globals, switched_on};
use crate::output::text;

/// Examples come before the flags: they are what most people read.
const HELP: &str = "{about}{after-help}\n\n{usage-heading} {usage}\n\n{all-args}";

/// Columns of a help where the terminal has more: longer lines are hard to read.
const WIDEST_HELP: usize = 100;

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
    let problem = match parse(words) {
        Ok(request) => match one_dash(words) {
            None => return Ok((request, Vec::new())),
            Some(word) => Problem::OneDash(request, word),
        },
        Err(error) => Problem::Unparsed(error),
    };
    let mut parser = parser();
    parser.build();
    match correct(&parser, words) {
        Some(Correction::Read { words: read, notes }) => match parse(&read) {
            Ok(request) => Ok((request, notes)),
            Err(_) => problem.settle(None, words),
        },
        Some(Correction::Refused { meant }) => problem.settle(Some(meant), words),
        None => problem.settle(None, words),
    }
}

/// What is wrong with a line.
enum Problem<'w> {
    /// It does not parse.
    Unparsed(clap::Error),
    /// It parses, because this word counts as letters where a name was meant.
    OneDash(Request, &'w str),
}

impl Problem<'_> {
    /// What comes of it where nothing is read as something else. `meant` is a
    /// line that nobody but the one who typed this may choose.
    fn settle(
        self,
        meant: Option<String>,
        words: &[OsString],
    ) -> Result<(Request, Vec<String>), WireError> {
        // A suggestion that has to be cut is none.
        let meant = meant.filter(|line| line.len() <= 500);
        match (self, meant) {
            (Self::Unparsed(error), meant) => Err(usage_error(&error, meant, words)),
            (Self::OneDash(request, _), None) => Ok((request, Vec::new())),
            (Self::OneDash(_, word), Some(meant)) => {
                let message = format!(
                    "`{}` has one dash and counts as letters, not as the name of a flag",
                    text::cut(word, 100)
                );
                let error = WireError::new(ErrorCode::Usage, message);
                Err(suggest(error, &[meant]).action("lore --help"))
            }
        }
    }
}

/// The first word that has one dash and, as it seems, the name of a flag.
fn one_dash(words: &[OsString]) -> Option<&str> {
    // Most lines have none that is worth building the parser once more.
    let letters = |word: &OsString| {
        matches!(word.as_encoded_bytes(), [b'-', first, second, ..]
            if first.is_ascii_alphabetic() && second.is_ascii_alphabetic())
    };
    if !words.iter().any(letters) {
        return None;
    }
    let mut parser = parser();
    parser.build();
    name_after_one_dash(&parser, words)
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
/// which this very flag is misspelt. `--events` ends with a document as well.
pub(crate) fn wants_robot(words: &[OsString], variable: Option<OsString>) -> bool {
    switched_on(variable)
        || words
            .iter()
            .skip(1)
            .take_while(|word| *word != "--")
            .filter_map(|word| word.to_str()?.strip_prefix('-'))
            .any(|flag| {
                let flag = flag.strip_prefix('-').unwrap_or(flag);
                ["robot", "events"]
                    .iter()
                    .any(|name| flag.eq_ignore_ascii_case(name))
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
        .max_term_width(WIDEST_HELP)
        .disable_help_subcommand(true)
        .mut_subcommands(with_help_template)
}

/// clap's error as one of ours: the sentence, then what to type. `meant` goes
/// before what clap would suggest, `words` is the line.
fn usage_error(error: &clap::Error, meant: Option<String>, words: &[OsString]) -> WireError {
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
    // clap shows no usage where a value is wrong.
    let command = command_of_usage(&rendered).unwrap_or_else(|| {
        format!("lore {}", named_command(words))
            .trim_end()
            .to_owned()
    });
    suggest(WireError::new(ErrorCode::Usage, message), &suggestions)
        .action(format!("{command} --help"))
}

/// The error with what may have been meant, the best first.
fn suggest(mut error: WireError, suggestions: &[String]) -> WireError {
    if let [best, ..] = suggestions {
        error.message = format!("{}; did you mean `{best}`?", error.message);
        error = error.details(serde_json::json!({ "suggestions": suggestions }));
    }
    error
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
fn command_of_usage(rendered: &str) -> Option<String> {
    let usage = rendered
        .lines()
        .find_map(|line| line.strip_prefix("Usage: "))?;
    let is_name = |word: &&str| word.starts_with(|c: char| c.is_ascii_lowercase());
    let names: Vec<&str> = usage.split_whitespace().take_while(is_name).collect();
    Some(names.join(" "))
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
    fn a_name_after_one_dash_is_no_letters() {
        let Ok((Request::Run(run), notes)) = read(&words("lore mrs -project g/p 7")) else {
            panic!("it is a read");
        };
        assert_eq!(run.0.project, ["g/p"]);
        assert_eq!(notes, ["read `-project` as `--project`"]);
        let error = refused("lore sync -project g/p");
        assert!(error.message.contains("`-project` has one dash"), "{error}");
        assert_eq!(error.details["suggestions"][0], "lore sync --project g/p");
        // Letters are letters, and after `--` nothing is a flag.
        for line in [
            "lore mrs -qv -pg/p",
            "lore search -- -project",
            "lore mrs -n50",
        ] {
            match read(&words(line)) {
                Ok((Request::Run(_), notes)) => assert_eq!(notes, [""; 0], "{line}"),
                _ => panic!("{line}"),
            }
        }
    }

    #[test]
    fn a_value_that_does_not_fit_leads_to_the_help_of_its_command() {
        for (line, action) in [
            ("lore search x --limit 0", "lore search --help"),
            ("lore jobs cancel x", "lore jobs cancel --help"),
            ("lore search x --mode qqq", "lore search --help"),
            ("lore --color qqq status", "lore status --help"),
            ("lore --color qqq", "lore --help"),
        ] {
            assert_eq!(refused(line).actions, [action], "{line}");
        }
    }

    #[test]
    fn no_line_of_a_help_is_wider_than_a_hundred_columns() {
        fn check(command: &mut clap::Command) {
            for line in command.render_long_help().to_string().lines() {
                assert!(line.chars().count() <= 100, "{line}");
            }
            command.get_subcommands_mut().for_each(check);
        }
        let mut parser = parser();
        parser.build();
        check(&mut parser);
    }

    #[test]
    fn filters_alone_are_a_search_and_nothing_at_all_is_none() {
        for flags in ["--label bug", "--author x", "--like !1", "--since 2d"] {
            assert!(
                read(&words(&format!("lore search {flags}"))).is_ok(),
                "{flags}"
            );
        }
        assert!(refused("lore search").message.contains("<QUERY>"));
        assert!(refused("lore search --recent").message.contains("<QUERY>"));
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
        assert!(yes("lore sync --events --nonsense", None));
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
