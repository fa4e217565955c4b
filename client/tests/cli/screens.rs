//! What people see, on a small and on a large terminal, with and without
//! colour: kept in `screens/`, where `␛` stands for the escape character.
//! `LORE_RENEW=1` writes them anew.

use std::path::Path;

use serde_json::{Value, json};

use crate::fake::Fake;
use crate::process::{Home, run};
use crate::terminal::on_terminal;

const SIZES: [(u16, u16); 2] = [(80, 24), (200, 50)];

fn answer(text: &str) -> Value {
    serde_json::from_str(text).unwrap()
}

fn read(data: &Value) -> Value {
    json!({
        "data": data,
        "freshness": {"project": "group/project", "last_synced_at": "2026-06-15T11:56:00Z",
                      "age_seconds": 240, "complete": true},
        "warnings": [],
    })
}

/// A daemon whose answers have passed through `change`.
fn daemon(change: impl Fn(&mut Value)) -> Fake {
    let changed = |text: &str| {
        let mut value = answer(text);
        change(&mut value);
        value
    };
    Fake::new()
        .answers(
            "mergeRequests.list",
            read(&changed(include_str!("screens/mrs.json"))),
        )
        .answers(
            "mergeRequests.get",
            read(&changed(include_str!("screens/mr.json"))),
        )
        .answers(
            "issues.list",
            read(&changed(include_str!("screens/issues.json"))),
        )
        .answers(
            "issues.get",
            read(&changed(include_str!("screens/issue.json"))),
        )
        .answers(
            "daemon.status",
            changed(include_str!("screens/status.json")),
        )
}

#[test]
fn screens_are_as_they_are_kept() {
    let home = Home::new();
    let _daemon = daemon(|_| {}).listen(&home.socket());
    let renew = std::env::var_os("LORE_RENEW").is_some();
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/cli/screens");
    let mut wrong = Vec::new();
    for (name, words) in [
        ("mrs", &["mrs"][..]),
        ("mr-12", &["mrs", "12"]),
        ("issues", &["issues"]),
        ("issue-3", &["issues", "3"]),
        ("status", &["status"]),
    ] {
        for size in SIZES {
            for (colour, no_color) in [("plain", "1"), ("colour", "")] {
                let mut command = home.lore(words);
                command.env("NO_COLOR", no_color).env("LORE_PAGER", "");
                let (screen, exit) = on_terminal(command, size);
                assert_eq!(exit, Some(0), "{screen}");
                let screen = screen.replace('\u{1b}', "␛");
                let kept = folder.join(format!("{name}.{}x{}.{colour}.txt", size.0, size.1));
                if renew {
                    std::fs::write(&kept, &screen).unwrap();
                } else if std::fs::read_to_string(&kept).unwrap_or_default() != screen {
                    wrong.push(format!("{}:\n{screen}", kept.display()));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn no_line_of_a_table_is_wider_than_the_terminal() {
    let home = Home::new();
    let _daemon = daemon(|_| {}).listen(&home.socket());
    for (words, columns) in [("mrs", 80), ("issues", 80), ("mrs", 120), ("issues", 120)] {
        let mut command = home.lore([words]);
        command.env("NO_COLOR", "1").env("TERM", "dumb");
        let (screen, _) = on_terminal(command, (columns, 24));
        let without_links = without_our_sequences(&screen);
        for line in without_links.lines() {
            let width = unicode_width::UnicodeWidthStr::width(line);
            assert!(width <= usize::from(columns), "{width}: {line}");
        }
    }
}

/// Acts on a terminal in every way there is; the entities only after the
/// Markdown is read.
const HOSTILE: &str = "\u{1b}]8;;https://evil.example\u{1b}\\a\u{1b}]8;;\u{1b}\\\u{1b}[2J\u{1b}[31m\u{9b}5m\u{90}q\u{9c}\
    \u{202e}\u{2066}\u{200f}\u{7}\u{8}\r\n\tX &#27;[7m &#x202e; <a href=\"\u{1b}[1m\"> `\u{1b}c`";

fn poison(value: &mut Value) {
    match value {
        Value::String(text) => {
            let is_time = text.parse::<jiff::Timestamp>().is_ok();
            let is_word = ["modified", "renamed", "added", "running", "background"];
            if !is_time && !is_word.contains(&text.as_str()) && text != "GITLAB_UNAUTHORIZED" {
                text.push_str(HOSTILE);
            }
        }
        Value::Array(all) => all.iter_mut().for_each(poison),
        Value::Object(fields) => fields.values_mut().for_each(poison),
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

/// Takes out colours and links to plain web addresses, which are ours.
fn without_our_sequences(screen: &str) -> String {
    let mut left = String::new();
    let mut rest = screen;
    while let Some(at) = rest.find('\u{1b}') {
        left.push_str(&rest[..at]);
        let sequence = &rest[at + 1..];
        let colour = sequence.strip_prefix('[').and_then(|body| {
            let end = body.find(|c: char| !c.is_ascii_digit() && c != ';')?;
            body[end..].strip_prefix('m')
        });
        let link = sequence.strip_prefix("]8;;").and_then(|body| {
            let (target, after) = body.split_once("\u{1b}\\")?;
            let ours = target.is_empty() || target.starts_with("https://gitlab.example.com/");
            (ours || target.starts_with("https://docs.example.com/")).then_some(after)
        });
        rest = colour.or(link).unwrap_or_else(|| {
            left.push('␛');
            sequence
        });
    }
    left.push_str(rest);
    left
}

#[test]
fn hostile_text_from_upstream_never_drives_the_terminal() {
    let home = Home::new();
    let _daemon = daemon(poison).listen(&home.socket());
    for words in [
        &["mrs"][..],
        &["mrs", "12"],
        &["mrs", "12", "--full"],
        &["issues"],
        &["issues", "3"],
        &["status"],
    ] {
        for size in SIZES {
            let mut command = home.lore(words);
            command.env("LORE_PAGER", "");
            let (screen, exit) = on_terminal(command, size);
            assert_eq!(exit, Some(0), "{words:?}: {screen}");
            let left = without_our_sequences(&screen);
            let odd = |c: char| {
                c != '\n' && c.is_control()
                    || matches!(c, '␛' | '\u{200e}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
            };
            assert!(!left.contains(odd), "{words:?}: {left:?}");
            assert!(!left.contains("evil"), "{words:?}: {left:?}");
        }
        // In the document it is whole, and inert.
        let ran = run(home.lore(words).arg("--robot").arg("--color=always"));
        assert!(
            ran.stdout.contains("\\u001b]8;;https://evil.example"),
            "{words:?}"
        );
        let odd = |c: char| c != '\n' && c.is_control() || ('\u{202a}'..='\u{202e}').contains(&c);
        assert!(!ran.stdout.contains(odd), "{words:?}");
    }
}

#[test]
fn only_what_a_terminal_has_no_room_for_goes_through_the_pager() {
    let home = Home::new();
    let _daemon = daemon(|_| {}).listen(&home.socket());
    let paged = home.path("paged");
    let pager = format!("tee {}", paged.display());
    let lore = |words: &[&str]| {
        let mut command = home.lore(words);
        command.env("LORE_PAGER", &pager).env("PAGER", "false");
        let _ = std::fs::remove_file(&paged);
        command
    };
    let (screen, exit) = on_terminal(lore(&["mrs", "12"]), (80, 24));
    assert_eq!(exit, Some(0));
    let seen = std::fs::read_to_string(&paged).unwrap();
    assert!(
        seen.contains("\u{1b}[") && seen.lines().count() > 24,
        "{seen}"
    );
    assert_eq!(screen, seen);
    for (words, size) in [
        (&["mrs"][..], (80, 24)),
        (&["mrs", "12"], (80, 200)),
        (&["mrs", "12", "--robot"], (80, 24)),
    ] {
        let (_, exit) = on_terminal(lore(words), size);
        assert_eq!((exit, paged.exists()), (Some(0), false), "{words:?}");
    }
    let ran = run(&mut lore(&["mrs", "12"]));
    assert!(ran.stdout.lines().count() > 24 && !paged.exists());
    // Where there is no such pager, the text is shown all the same.
    let mut command = lore(&["mrs", "12"]);
    command.env("LORE_PAGER", "/nonexistent/pager");
    let (screen, exit) = on_terminal(command, (80, 24));
    assert!(exit == Some(0) && screen.contains("Events"), "{screen}");
}
