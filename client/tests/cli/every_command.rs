//! What holds for every command, whichever there are: the list is the parser's.

use clap::Command;
use serde_json::Value;

use crate::completions::candidates;
use crate::process::{Home, run};

/// Every command with its full name: `jobs cancel`.
fn all() -> Vec<(String, Command)> {
    fn add(found: &mut Vec<(String, Command)>, above: &str, command: &Command) {
        for below in command.get_subcommands() {
            let name = format!("{above} {}", below.get_name()).trim().to_owned();
            add(found, &name, below);
            found.push((name, below.clone()));
        }
    }
    let mut parser = lore_client::parser();
    parser.build();
    let mut found = Vec::new();
    add(&mut found, "", &parser);
    assert!(found.len() > 20, "{}", found.len());
    found
}

/// The commands of the contract, §4.
const PROMISED: &[&str] = &[
    "auth login",
    "auth logout",
    "auth status",
    "completions",
    "daemon install",
    "daemon logs",
    "daemon reload",
    "daemon restart",
    "daemon start",
    "daemon status",
    "daemon stop",
    "daemon uninstall",
    "db backup",
    "db check",
    "db rebuild",
    "doctor",
    "file-history",
    "init",
    "issues",
    "jobs",
    "jobs cancel",
    "mcp",
    "mrs",
    "robot-docs",
    "search",
    "status",
    "sync",
    "sync-runs",
    "watch",
];

#[test]
fn every_promised_command_is_there() {
    let all = all();
    for name in PROMISED {
        assert!(all.iter().any(|(found, _)| found == name), "{name}");
    }
}

#[test]
fn every_command_has_help_with_an_example_for_people_and_as_a_document() {
    let home = Home::new();
    let robot_docs = run(&mut home.lore(["robot-docs"])).stdout;
    let manifest: Value = serde_json::from_str(&robot_docs).unwrap();
    for (name, command) in all() {
        let words = || name.split(' ');
        let ran = run(&mut home.lore(words().chain(["--help"])));
        assert_eq!(ran.exit, Some(0), "{name}: {ran:?}");
        assert!(ran.stdout.contains("Usage: lore "), "{name}: {ran:?}");
        // What only holds others shows theirs.
        let does_something = !command.is_subcommand_required_set();
        if does_something {
            let example = format!("  lore {name}");
            let shows_itself = ran.stdout.contains(&example) || name == "mcp";
            assert!(shows_itself, "{name}: {ran:?}");
            let described = manifest["commands"].as_array().unwrap();
            assert!(
                described.iter().any(|it| it["name"] == *name),
                "{name} has no robot form"
            );
        }
        // That it keeps the schema is looked at for every document.
        let document = run(&mut home.lore(words().chain(["--help", "--robot"]))).document();
        assert_eq!(document["meta"]["command"], name);
        assert_eq!(document["data"]["help"], ran.stdout);
    }
}

#[test]
fn every_command_and_every_flag_is_completed() {
    let home = Home::new();
    for (name, command) in all() {
        let (above, last) = name.rsplit_once(' ').unwrap_or(("", &name));
        let line = format!("{above} {last}");
        assert!(candidates(&home, &line).contains(last), "{line}");
        let flags = candidates(&home, &format!("{name} --"));
        for flag in command.get_arguments().filter_map(|arg| arg.get_long()) {
            assert!(flags.contains(&format!("--{flag}")), "{name} --{flag}");
        }
    }
}
