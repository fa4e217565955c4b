//! Reads a line that does not parse as what it was most likely meant to be.
//!
//! What is known comes from the parser's own definition, so that no command
//! and no flag can be missing. A word is read as another only where that one
//! is clearly nearest, and never so that anything is changed by a guess: on
//! the line of a command that writes, flags about the output alone are
//! corrected.

mod aliases;
mod nearest;
#[cfg(test)]
mod tests;
mod walk;

use std::ffi::OsString;

use clap::ArgMatches;
use clap::error::ErrorKind;
use clap::parser::ValueSource;
use lore_proto::methods::Effect;

use crate::commands::{FACTS, Facts};
use crate::output::text;
use nearest::folded;
use walk::{Change, Walk};

/// What a misspelt line comes to.
#[derive(Debug)]
pub(crate) enum Correction {
    /// It is read as this.
    Read {
        /// The whole line.
        words: Vec<OsString>,
        /// What was read as what, for the one who typed it.
        notes: Vec<String>,
    },
    /// It may mean something that writes, and is left to the one who typed it.
    Refused {
        /// The line that may have been meant.
        meant: String,
    },
}

/// Flags that change what is said and not what is done.
const OUTPUT_FLAGS: [&str; 6] = ["robot", "quiet", "verbose", "color", "help", "version"];

/// What `words`, the first of them the program's name, may have been meant to
/// be; `None` where nothing is near that parses. `parser` has to be built.
pub(crate) fn correct(parser: &clap::Command, words: &[OsString]) -> Option<Correction> {
    let walk = Walk::along(parser, words);
    if walk.changes.is_empty() && walk.left_out.is_empty() {
        return None;
    }
    let Walk {
        words,
        changes,
        left_out,
        ..
    } = walk;
    // What the line does is told by the parser alone, whatever the walk took
    // its words for.
    let may_write = match parser.clone().try_get_matches_from(&words) {
        Ok(matches) => writes(parser, &matches),
        Err(error) if error.kind() == ErrorKind::DisplayHelp => false,
        Err(_) => return None,
    };
    if may_write && !changes.iter().all(about_output) {
        let meant: Vec<_> = words
            .iter()
            .skip(1)
            .map(|word| word.to_string_lossy())
            .collect();
        return Some(Correction::Refused {
            meant: format!("lore {}", meant.join(" ")),
        });
    }
    // Any number of dashes may stand before a flag.
    let note = |change: &Change| {
        let given = text::cut(&change.given, 100);
        format!("read `{given}` as `{}`", change.meant)
    };
    let left_out = left_out.iter().map(|word| {
        let word = text::cut(word, 100);
        format!("read `{word}` as what is to be left out; in quotes it is that without a doubt")
    });
    Some(Correction::Read {
        notes: changes.iter().map(note).chain(left_out).collect(),
        words,
    })
}

/// The word that the parser takes for letters and a person did not: a dash and
/// the name of a flag, such as `-project`, which parses as `-p roject`.
pub(crate) fn name_after_one_dash<'w>(
    parser: &clap::Command,
    words: &'w [OsString],
) -> Option<&'w str> {
    let line = words.iter().skip(1).take_while(|word| *word != "--");
    line.filter_map(|word| word.to_str()).find(|word| {
        let name = word.strip_prefix('-').unwrap_or_default();
        let name = folded(name.split('=').next().unwrap_or_default());
        !word.starts_with("--") && name.len() > 2 && knows(parser, &name)
    })
}

/// Whether the command, or one below it, has a flag that folds to `name`.
fn knows(command: &clap::Command, name: &str) -> bool {
    let mut longs = command.get_arguments().filter_map(clap::Arg::get_long);
    longs.any(|long| folded(long) == name)
        || command.get_subcommands().any(|below| knows(below, name))
}

fn about_output(change: &Change) -> bool {
    change
        .flag
        .as_deref()
        .is_some_and(|flag| OUTPUT_FLAGS.contains(&flag))
}

/// Whether a line that parsed changes anything besides what is printed. What
/// is not known does.
fn writes(parser: &clap::Command, matches: &ArgMatches) -> bool {
    let mut names = Vec::new();
    let (mut command, mut matches) = (parser, matches);
    while let Some((name, below)) = matches.subcommand() {
        names.push(name);
        let Some(known) = command.find_subcommand(name) else {
            return true;
        };
        (command, matches) = (known, below);
    }
    if names.is_empty() {
        return false;
    }
    let Some(facts) = facts(&names.join(" ")) else {
        return true;
    };
    let given = |arg: &&clap::Arg| {
        let id = arg.get_id();
        matches.ids().any(|other| other == id)
            && matches.value_source(id.as_str()) == Some(ValueSource::CommandLine)
    };
    let mut flags = command.get_arguments().filter(given);
    facts.effect == Effect::Write
        || flags.any(|arg| {
            arg.get_long()
                .is_some_and(|long| facts.writing_flags.contains(&long))
        })
}

fn facts(name: &str) -> Option<&'static Facts> {
    FACTS
        .iter()
        .copied()
        .flatten()
        .find(|facts| facts.name == name)
}
