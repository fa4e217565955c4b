//! Commands and their words, as the parser defines them.

use std::any::TypeId;
use std::ffi::OsString;
use std::path::PathBuf;

use clap::{Arg, Command};
use schemars::JsonSchema;
use serde::Serialize;

use crate::commands::{FACTS, Facts};

/// A flag or an argument.
#[derive(Serialize, JsonSchema)]
pub(super) struct Argument {
    /// As it is typed: `--limit`, or `PATH` for one without dashes.
    name: String,
    /// Its letter: `-n`.
    #[serde(skip_serializing_if = "Option::is_none")]
    short: Option<String>,
    /// `flag` where it takes no value, else what the value is.
    #[serde(rename = "type")]
    kind: Kind,
    /// What stands for the value in the help.
    #[serde(skip_serializing_if = "Option::is_none")]
    value: Option<String>,
    /// The values that it takes, where they are few.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    choices: Vec<String>,
    /// The value where it is not given.
    #[serde(skip_serializing_if = "Option::is_none")]
    default: Option<String>,
    /// Whether it has to be given.
    required: bool,
    /// Whether it may be given several times.
    repeatable: bool,
    /// What it does.
    help: String,
}

/// What a value is.
#[derive(Clone, Copy, PartialEq, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
enum Kind {
    /// There is none.
    Flag,
    /// One of `choices`.
    Choice,
    /// A whole number.
    Integer,
    /// A file or folder.
    Path,
    /// Text.
    String,
}

impl Argument {
    fn of(arg: &Arg) -> Self {
        let takes_value = arg.get_action().takes_values();
        let defaults = arg.get_default_values().first();
        Self {
            name: typed(arg),
            short: arg.get_short().map(|letter| format!("-{letter}")),
            kind: kind(arg),
            value: takes_value.then(|| value_name(arg)),
            choices: choices(arg),
            default: defaults
                .filter(|_| takes_value)
                .map(|value| value.to_string_lossy().into_owned()),
            required: arg.is_required_set(),
            repeatable: is_repeatable(arg),
            help: arg.get_help().map(ToString::to_string).unwrap_or_default(),
        }
    }
}

/// Every command that does something, in the order of the help, with its facts.
pub(super) fn commands(parser: &Command) -> impl Iterator<Item = (&'static Facts, &Command)> {
    FACTS.iter().copied().flatten().filter_map(move |facts| {
        let mut words = facts.name.split(' ');
        let command = words.try_fold(parser, |at, word| at.find_subcommand(word))?;
        Some((facts, command))
    })
}

/// The arguments of a command: those of every command, or its own.
pub(super) fn arguments(command: &Command, of_every_command: bool) -> Vec<Argument> {
    shown(command, of_every_command).map(Argument::of).collect()
}

/// What a command does, in a line.
pub(super) fn summary(command: &Command) -> String {
    command
        .get_about()
        .map(ToString::to_string)
        .unwrap_or_default()
}

/// The lines that its help shows.
pub(super) fn examples(command: &Command) -> Vec<String> {
    let help = command.get_after_help().map(ToString::to_string);
    let lines = help.iter().flat_map(|help| help.lines()).map(str::trim);
    lines
        .filter(|line| line.contains("lore ") && !line.starts_with("Example"))
        .map(|line| line.split("   ").next().unwrap_or(line).to_owned())
        .collect()
}

/// A command with all its words on a line: `jobs cancel ID`.
pub(super) fn usage(name: &str, command: &Command) -> String {
    let mut words = vec![name.to_owned()];
    let (flags, positionals): (Vec<&Arg>, Vec<&Arg>) =
        shown(command, false).partition(|arg| arg.get_long().is_some());
    words.extend(positionals.into_iter().map(word));
    words.extend(flags.into_iter().map(word));
    words.join(" ")
}

/// The flags of every command on a line.
pub(super) fn global_usage(parser: &Command) -> String {
    shown(parser, true).map(word).collect::<Vec<_>>().join(" ")
}

fn word(arg: &Arg) -> String {
    let name = match (arg.get_short(), arg.get_long()) {
        (Some(letter), Some(_)) if arg.get_action().takes_values() => format!("-{letter}"),
        _ => typed(arg),
    };
    let value = if arg.get_long().is_none() || !arg.get_action().takes_values() {
        String::new()
    } else if choices(arg).is_empty() {
        format!(" {}", value_name(arg))
    } else {
        format!(" {}", choices(arg).join("|"))
    };
    let more = if is_repeatable(arg) { "…" } else { "" };
    if arg.is_required_set() {
        format!("{name}{value}{more}")
    } else {
        format!("[{name}{value}{more}]")
    }
}

fn shown(command: &Command, of_every_command: bool) -> impl Iterator<Item = &Arg> {
    command.get_arguments().filter(move |arg| {
        let id = arg.get_id().as_str();
        arg.is_global_set() == of_every_command && !arg.is_hide_set() && id != "help"
    })
}

fn typed(arg: &Arg) -> String {
    match arg.get_long() {
        Some(long) => format!("--{long}"),
        None => value_name(arg),
    }
}

fn value_name(arg: &Arg) -> String {
    match arg.get_value_names() {
        Some([name, ..]) => name.to_string(),
        _ => arg.get_id().as_str().to_uppercase(),
    }
}

fn choices(arg: &Arg) -> Vec<String> {
    if !arg.get_action().takes_values() {
        return Vec::new();
    }
    let values = arg.get_possible_values().into_iter();
    values.map(|value| value.get_name().to_owned()).collect()
}

fn is_repeatable(arg: &Arg) -> bool {
    arg.get_action().takes_values()
        && (matches!(arg.get_action(), clap::ArgAction::Append)
            || arg
                .get_num_args()
                .is_some_and(|range| range.max_values() > 1))
}

fn kind(arg: &Arg) -> Kind {
    let is = |types: &[TypeId]| {
        let id = arg.get_value_parser().type_id();
        types.iter().any(|known| id == *known)
    };
    if !arg.get_action().takes_values() {
        Kind::Flag
    } else if !choices(arg).is_empty() {
        Kind::Choice
    } else if is(&[
        TypeId::of::<u32>(),
        TypeId::of::<u64>(),
        TypeId::of::<usize>(),
    ]) {
        Kind::Integer
    } else if is(&[TypeId::of::<PathBuf>(), TypeId::of::<OsString>()]) {
        Kind::Path
    } else {
        Kind::String
    }
}
