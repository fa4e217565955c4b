//! Goes along the words of a line as the parser would, and reads those that it
//! would not know.

use std::ffi::OsString;

use clap::{Arg, Command};

use super::aliases;
use super::nearest::{folded, nearest};

/// One word that was read as another.
#[derive(Debug)]
pub(super) struct Change {
    /// As it was typed.
    pub(super) given: String,
    /// As it was read.
    pub(super) meant: String,
    /// The long name of the flag that it concerns, where it concerns one.
    pub(super) flag: Option<String>,
}

/// A line on the way.
#[derive(Debug)]
pub(super) struct Walk<'a> {
    at: &'a Command,
    /// The command's name, word by word.
    names: Vec<&'a str>,
    /// The line as it is read.
    pub(super) words: Vec<OsString>,
    /// What was read as something else.
    pub(super) changes: Vec<Change>,
    /// Words with a dash that a search is to leave out.
    pub(super) left_out: Vec<String>,
    /// `help` stood before a command.
    helps: bool,
    /// Where in `words` the arguments are that belong to no flag.
    bare: Vec<usize>,
}

/// The command whose arguments may begin with a dash.
const SEARCH: &str = "search";

impl<'a> Walk<'a> {
    /// Goes along `words`, the first of which is the program's name.
    pub(super) fn along(parser: &'a Command, words: &[OsString]) -> Self {
        let mut walk = Self {
            at: parser,
            names: Vec::new(),
            words: words.iter().take(1).cloned().collect(),
            changes: Vec::new(),
            left_out: Vec::new(),
            helps: false,
            bare: Vec::new(),
        };
        let mut rest = words.get(1..).unwrap_or_default();
        while let [word, after @ ..] = rest {
            rest = match word.to_str() {
                Some("--") => {
                    walk.words.extend_from_slice(rest);
                    break;
                }
                Some(text) if text.starts_with('-') && text.len() > 1 => walk.flag(text, after),
                Some(text) => walk.bare_word(text, after),
                None => {
                    walk.bare.push(walk.words.len());
                    walk.words.push(word.clone());
                    after
                }
            };
        }
        walk.flags_without_dashes();
        if walk.helps {
            walk.switch("help", "help");
        }
        walk
    }

    /// A word with dashes before it, and the value behind it where it takes
    /// one. Gives the rest of the line.
    fn flag<'w>(&mut self, word: &str, after: &'w [OsString]) -> &'w [OsString] {
        let (name, value) = match word.split_once('=') {
            Some((name, value)) => (name, Some(value)),
            None => (word, None),
        };
        let body = name.trim_start_matches('-');
        if self.is_left_out(word) {
            self.left_out.push(word.to_owned());
            // With a blank before it, it is an argument, and says the same.
            self.argument(&format!(" {word}"));
            return after;
        }
        if !name.starts_with("--") && self.named(body).is_none() && self.is_cluster(body) {
            return self.cluster(word, after);
        }
        // A single letter says too little.
        let found = if body.chars().count() > 1 {
            self.named(body).or_else(|| self.near(body))
        } else {
            None
        };
        let Some((arg, long)) = found else {
            self.words.push(word.into());
            return after;
        };
        let meant = format!("--{long}");
        let takes_value = arg.get_action().takes_values();
        if name != meant {
            self.change(name, &meant, Some(long));
        }
        match (value, after) {
            (Some(value), _) => {
                let value = self.value(arg, long, value);
                self.words.push(format!("{meant}={value}").into());
                after
            }
            (None, [value, after @ ..]) if takes_value => {
                self.words.push(meant.into());
                let read = value.to_str().map(|value| self.value(arg, long, value));
                self.words
                    .push(read.map_or_else(|| value.clone(), OsString::from));
                after
            }
            _ => {
                self.words.push(meant.into());
                after
            }
        }
    }

    /// The flag whose name, but for case and separators, is `body`.
    fn named(&self, body: &str) -> Option<(&'a Arg, &'a str)> {
        let body = folded(body);
        self.long_flags().find(|(_, long)| folded(long) == body)
    }

    /// The flag that `body` is clearly nearest to, or another word for.
    fn near(&self, body: &str) -> Option<(&'a Arg, &'a str)> {
        let word = folded(body);
        let alias = aliases::FLAGS.iter().find(|(alias, _)| *alias == word);
        let long = match alias {
            Some((_, long)) => *long,
            None => nearest(body, self.long_flags().map(|(_, long)| long))?,
        };
        self.long_flags().find(|(_, known)| *known == long)
    }

    fn long_flags(&self) -> impl Iterator<Item = (&'a Arg, &'a str)> + use<'a> {
        let args = self.at.get_arguments();
        args.filter_map(|arg| arg.get_long().map(|long| (arg, long)))
    }

    fn short_flag(&self, letter: char) -> Option<&'a Arg> {
        self.at
            .get_arguments()
            .find(|arg| arg.get_short() == Some(letter))
    }

    /// Whether a word is what a search is to leave out: `-flaky`, where that is
    /// near to no flag.
    fn is_left_out(&self, word: &str) -> bool {
        let Some(body) = word.strip_prefix('-') else {
            return false;
        };
        let mut letters = body.chars();
        let Some(first) = letters.next().filter(|first| first.is_alphanumeric()) else {
            return false;
        };
        let rest = letters.as_str();
        let is_flag = match self.short_flag(first) {
            // `-n5`; of `-network`, the number is none.
            Some(arg) if arg.get_id() == "limit" => rest.parse::<u32>().is_ok(),
            Some(_) => true,
            None => false,
        };
        self.names == [SEARCH]
            && rest.chars().count() > 1
            && !is_flag
            // `-label:bug` is a filter, whatever flag is near to it.
            && (rest.contains(':') || self.named(body).is_none() && self.near(body).is_none())
    }

    /// Whether a word with a single dash begins with a known letter, and is
    /// thus for the parser to read: `-n5`, `-qv`.
    fn is_cluster(&self, body: &str) -> bool {
        body.chars()
            .next()
            .is_some_and(|letter| self.short_flag(letter).is_some())
            && self.near(body).is_none()
    }

    fn cluster<'w>(&mut self, word: &str, after: &'w [OsString]) -> &'w [OsString] {
        self.words.push(word.into());
        let mut letters = word.trim_start_matches('-').chars();
        while let Some(arg) = letters.next().and_then(|letter| self.short_flag(letter)) {
            if arg.get_action().takes_values() {
                // What follows in the word, be it after a `=`, is the value,
                // else the next word.
                if letters.as_str().is_empty()
                    && let [value, after @ ..] = after
                {
                    self.words.push(value.clone());
                    return after;
                }
                break;
            }
        }
        after
    }

    /// The value of a flag: one of those that it takes, where it is near.
    fn value(&mut self, arg: &'a Arg, long: &str, given: &str) -> String {
        let known = arg.get_possible_values();
        let names = || known.iter().map(clap::builder::PossibleValue::get_name);
        if known.is_empty() || names().any(|name| name == given) {
            return given.to_owned();
        }
        match nearest(given, names()) {
            Some(name) => {
                self.change(given, name, Some(long));
                name.to_owned()
            }
            None => given.to_owned(),
        }
    }

    /// A word without dashes: a command, or an argument.
    fn bare_word<'w>(&mut self, word: &str, after: &'w [OsString]) -> &'w [OsString] {
        if let Some(known) = self.at.find_subcommand(word) {
            self.descend(known);
            return after;
        }
        if !self.at.has_subcommands() || !self.bare.is_empty() {
            self.argument(word);
            return after;
        }
        // A command in two words that is one: `file history`.
        if let Some((next, rest)) = after.split_first()
            && let Some(next) = next.to_str().filter(|next| !next.starts_with('-'))
            && let Some(known) = self.joined(&[word, next])
        {
            self.change(&format!("{word} {next}"), known.get_name(), None);
            self.descend(known);
            return rest;
        }
        // One word that is two: `daemonstatus`.
        if let Some((group, known)) = self.split(word) {
            let meant = format!("{} {}", group.get_name(), known.get_name());
            self.change(word, &meant, None);
            self.descend(group);
            self.descend(known);
            return after;
        }
        if let Some(path) = self.alias(word) {
            let names: Vec<&str> = path.iter().map(|command| command.get_name()).collect();
            self.change(word, &names.join(" "), None);
            for command in path {
                self.descend(command);
            }
            return after;
        }
        if let Some((arg, long)) = self.named(word)
            && !arg.get_action().takes_values()
        {
            if long == "help" {
                // Of the command that follows.
                self.helps = true;
                return after;
            }
            self.switch(word, long);
            return after;
        }
        let names: Vec<&str> = self.at.get_subcommands().map(Command::get_name).collect();
        match nearest(word, names).and_then(|name| self.at.find_subcommand(name)) {
            Some(known) => {
                self.change(word, known.get_name(), None);
                self.descend(known);
            }
            None => self.argument(word),
        }
        after
    }

    fn joined(&self, parts: &[&str]) -> Option<&'a Command> {
        let word = folded(&parts.concat());
        self.at
            .get_subcommands()
            .find(|known| folded(known.get_name()) == word)
    }

    fn split(&self, word: &str) -> Option<(&'a Command, &'a Command)> {
        let word = folded(word);
        self.at
            .get_subcommands()
            .flat_map(|group| group.get_subcommands().map(move |known| (group, known)))
            .find(|(group, known)| {
                folded(&format!("{}{}", group.get_name(), known.get_name())) == word
            })
    }

    /// The path of the command that `word` is another word for, at the top.
    fn alias(&self, word: &str) -> Option<Vec<&'a Command>> {
        if !self.names.is_empty() {
            return None;
        }
        let word = folded(word);
        let (_, path) = aliases::COMMANDS.iter().find(|(alias, _)| *alias == word)?;
        let mut at = self.at;
        path.iter()
            .map(|name| {
                at = at.find_subcommand(name)?;
                Some(at)
            })
            .collect()
    }

    fn descend(&mut self, command: &'a Command) {
        self.at = command;
        self.names.push(command.get_name());
        self.words.push(command.get_name().into());
    }

    fn argument(&mut self, word: &str) {
        self.bare.push(self.words.len());
        self.words.push(word.into());
    }

    /// Arguments that are too many, where as many of them name a flag but for
    /// the dashes.
    fn flags_without_dashes(&mut self) {
        let mut places = 0;
        for arg in self.at.get_positionals() {
            match arg.get_num_args().map(|range| range.max_values()) {
                Some(1) | None if !matches!(arg.get_action(), clap::ArgAction::Append) => {
                    places += 1;
                }
                _ => return,
            }
        }
        let too_many = self.bare.len().saturating_sub(places);
        let named: Vec<(usize, &'a Arg, &'a str)> = self
            .bare
            .iter()
            .filter_map(|&place| {
                let (arg, long) = self.named(self.words[place].to_str()?)?;
                Some((place, arg, long))
            })
            .collect();
        let taken = |arg: &Arg| 1 + usize::from(arg.get_action().takes_values());
        if too_many == 0 || named.iter().map(|(_, arg, _)| taken(arg)).sum::<usize>() != too_many {
            return;
        }
        for (place, _, long) in named {
            let given = self.words[place].to_string_lossy().into_owned();
            self.change(&given, &format!("--{long}"), Some(long));
            self.words[place] = format!("--{long}").into();
        }
    }

    /// A flag without a value, by the word that was typed for it.
    fn switch(&mut self, word: &str, long: &str) {
        let meant = format!("--{long}");
        self.change(word, &meant, Some(long));
        self.words.push(meant.into());
    }

    fn change(&mut self, given: &str, meant: &str, flag: Option<&str>) {
        self.changes.push(Change {
            given: given.to_owned(),
            meant: meant.to_owned(),
            flag: flag.map(str::to_owned),
        });
    }
}
