//! What is read, what is refused, and what is left alone.

mod measured;

use std::ffi::OsString;

use clap::{Arg, Command};
use lore_proto::methods::Effect;

use super::{Correction, OUTPUT_FLAGS, aliases, correct, facts};
use crate::args::parser;

fn built() -> Command {
    let mut parser = parser();
    parser.build();
    parser
}

fn words(line: &str) -> Vec<OsString> {
    let words = shlex::split(line).unwrap();
    words.into_iter().map(OsString::from).collect()
}

fn parses(parser: &mut Command, words: &[OsString]) -> bool {
    use clap::error::ErrorKind::DisplayHelp;
    let parsed = parser.try_get_matches_from_mut(words);
    parsed.is_ok_and(|matches| matches.subcommand().is_some())
        || parser
            .try_get_matches_from_mut(words)
            .is_err_and(|error| error.kind() == DisplayHelp)
}

fn read(line: &str) -> Option<(String, Vec<String>)> {
    let parser = built();
    match correct(&parser, &words(line))? {
        Correction::Read { words, notes } => {
            let words: Vec<_> = words.iter().map(|word| word.to_string_lossy()).collect();
            Some((words.join(" "), notes))
        }
        Correction::Refused { .. } => None,
    }
}

#[test]
fn what_is_clearly_meant_is_read_so_and_said() {
    for (line, meant) in [
        ("lore filehistory a", "lore file-history a"),
        ("lore file_history a", "lore file-history a"),
        ("lore file history a", "lore file-history a"),
        ("lore fh a", "lore file-history a"),
        (
            "lore file-history a --discusions",
            "lore file-history a --discussions",
        ),
        (
            "lore file-history a --No_Follow_Renames",
            "lore file-history a --no-follow-renames",
        ),
        (
            "lore file-history a -limit 5",
            "lore file-history a --limit 5",
        ),
        (
            "lore file-history discussions a",
            "lore file-history --discussions a",
        ),
        (
            "lore file-history a limit 5",
            "lore file-history a --limit 5",
        ),
        ("lore file-history a --json", "lore file-history a --robot"),
        ("lore -robot status", "lore --robot status"),
        ("lore STATUS --Robot", "lore status --robot"),
        ("lore runs --state=Faild", "lore sync-runs --state=failed"),
        ("lore daemonstatus", "lore daemon status"),
        ("lore daemon stauts", "lore daemon status"),
        ("lore logs -n5", "lore daemon logs -n5"),
        ("lore sync --Robot", "lore sync --robot"),
        ("lore help", "lore --help"),
        ("lore help sync", "lore sync --help"),
        ("lore help daemon start", "lore daemon start --help"),
        ("lore search cache -flaky", "lore search cache  -flaky"),
        (
            "lore search -flaky cache -n5",
            "lore search  -flaky cache -n5",
        ),
        ("lore search cache -network", "lore search cache  -network"),
        (
            "lore search cache -author:x",
            "lore search cache  -author:x",
        ),
        ("lore search cache -like !1", "lore search cache --like !1"),
        ("lore --colour never status", "lore --color never status"),
    ] {
        let (read, notes) = read(line).unwrap_or_else(|| panic!("{line}"));
        assert_eq!(read, meant);
        assert!(
            !notes.is_empty() && notes.iter().all(|n| n.starts_with("read `")),
            "{notes:?}"
        );
    }
}

#[test]
fn a_guess_never_changes_anything() {
    for line in [
        "lore snyc",
        "lore Sync",
        "lore sync --ful",
        "lore sync --dry_run",
        "lore sync-runs --run-id x --retry-faild",
        "lore syncruns --run-id x --retry-failed",
        "lore jobs cancle 3",
        "lore jobscancel 3",
        "lore daemon stopp",
        "lore daemonstop",
        "lore daemon stat",
        "lore Init --host h",
        "lore sync --projct g/p",
        "lore -p=x daemon stop --hots y",
        "lore -qp=x daemon stop --hots y",
        "lore mrs --resolved",
        "lore file-history a --uncolor",
    ] {
        assert_eq!(read(line), None, "{line}");
    }
}

#[test]
fn arguments_are_left_as_they_are() {
    for line in [
        "lore file-history -- --discusions",
        "lore search filehistory --wherever",
        "lore file-history stattus x",
        "lore jobs x",
        "lore status -x",
    ] {
        assert_eq!(read(line), None, "{line}");
    }
}

#[test]
fn another_word_for_a_command_hides_none() {
    let parser = built();
    for (alias, path) in aliases::COMMANDS {
        assert!(parser.find_subcommand(alias).is_none(), "{alias}");
        assert!(!path.is_empty(), "{alias}");
    }
}

#[test]
fn every_command_has_its_facts_and_every_fact_its_command() {
    let parser = built();
    let mut named = Vec::new();
    for (path, command) in commands(&parser, "") {
        if !command.has_subcommands() || facts(&path).is_some() {
            assert!(facts(&path).is_some(), "`{path}` has no facts");
            named.push(path);
        } else {
            assert!(
                command.is_subcommand_required_set(),
                "`{path}` has no facts"
            );
        }
    }
    for facts in crate::commands::FACTS.iter().copied().flatten() {
        assert!(
            named.iter().any(|name| name == facts.name),
            "{} is none",
            facts.name
        );
        let (_, command) = commands(&parser, "")
            .into_iter()
            .find(|(path, _)| path == facts.name)
            .unwrap();
        for flag in facts.writing_flags {
            let known = |arg: &Arg| arg.get_long() == Some(flag);
            assert!(
                command.get_arguments().any(known),
                "{} --{flag}",
                facts.name
            );
        }
        let fields = command
            .get_arguments()
            .any(|arg| arg.get_long() == Some("fields"));
        assert_eq!(fields, facts.rows.is_some(), "--fields of `{}`", facts.name);
    }
}

/// By name, since the rest is judged by the facts themselves.
#[test]
fn what_must_never_be_guessed_is_known_to_write() {
    let all = || crate::commands::FACTS.iter().copied().flatten();
    for name in [
        "init",
        "sync",
        "jobs cancel",
        "daemon start",
        "daemon stop",
        "daemon restart",
    ] {
        assert!(
            facts(name).is_some_and(|facts| facts.effect == Effect::Write),
            "{name}"
        );
    }
    let groups = ["auth login", "auth logout", "db backup", "db rebuild"];
    for facts in all().filter(|f| groups.contains(&f.name) || f.name.ends_with("install")) {
        assert_eq!(facts.effect, Effect::Write, "{}", facts.name);
    }
    assert!(
        facts("sync-runs")
            .unwrap()
            .writing_flags
            .contains(&"retry-failed")
    );
}

#[test]
fn every_example_of_the_help_parses() {
    let mut parser = built();
    for (path, command) in commands(&parser.clone(), "") {
        for line in examples(command) {
            assert!(parses(&mut parser, &words(&line)), "{path}: {line}");
        }
    }
}

/// Every command with its full name.
fn commands<'a>(parser: &'a Command, above: &str) -> Vec<(String, &'a Command)> {
    let mut found = Vec::new();
    for command in parser.get_subcommands() {
        let path = format!("{above} {}", command.get_name()).trim().to_owned();
        found.push((path.clone(), command));
        found.extend(commands(command, &path));
    }
    found
}

/// The lines that the help of a command shows.
fn examples(command: &Command) -> Vec<String> {
    let help = command.get_after_help().map(ToString::to_string);
    let lines = help.iter().flat_map(|help| help.lines());
    lines
        .filter_map(|line| {
            let line = line.trim();
            let line = line.rsplit(" | ").next()?;
            let line = line.split("   ").next()?.trim();
            line.starts_with("lore ").then(|| line.to_owned())
        })
        .collect()
}
