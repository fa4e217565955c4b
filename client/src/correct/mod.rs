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

use lore_proto::methods::Effect;

use crate::commands::{FACTS, Facts};
use crate::output::text;
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
/// be; `None` where nothing is near. `parser` has to be built.
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
    } = &walk;
    if writes(&walk) && !changes.iter().all(about_output) {
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
        words: words.clone(),
        notes: changes.iter().map(note).chain(left_out).collect(),
    })
}

fn about_output(change: &Change) -> bool {
    change
        .flag
        .as_deref()
        .is_some_and(|flag| OUTPUT_FLAGS.contains(&flag))
}

/// Whether the line changes anything besides what is printed. What is not
/// known does.
fn writes(walk: &Walk<'_>) -> bool {
    let name = walk.names.join(" ");
    if name.is_empty() {
        return false;
    }
    match facts(&name) {
        Some(facts) => {
            facts.effect == Effect::Write
                || walk
                    .flags
                    .iter()
                    .any(|flag| facts.writing_flags.contains(&flag.as_str()))
        }
        // A group such as `daemon` does nothing itself.
        None => !FACTS.iter().copied().flatten().any(|facts| {
            facts
                .name
                .strip_prefix(&name)
                .is_some_and(|rest| rest.starts_with(' '))
        }),
    }
}

fn facts(name: &str) -> Option<&'static Facts> {
    FACTS
        .iter()
        .copied()
        .flatten()
        .find(|facts| facts.name == name)
}
