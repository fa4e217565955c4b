//! Reads as a person sees them, and where the words go.

use std::process::Stdio;

use serde_json::json;

use crate::answers;
use crate::fake::Fake;
use crate::process::{Home, run, wait};

fn history() -> Fake {
    Fake::new().answers("fileHistory.get", answers::read(&answers::file_history()))
}

#[test]
fn stdout_is_the_answer_and_stderr_is_what_is_said_about_it() {
    let home = Home::new();
    let _daemon = history().listen(&home.socket());
    let ran = home.run("file-history src/main.rs");
    assert_eq!(ran.exit, Some(0));
    assert!(
        ran.stdout.starts_with("src/main.rs  g/p · synced "),
        "{ran:?}"
    );
    assert!(ran.stdout.contains("!5 A title\n"), "{ran:?}");
    assert_eq!(ran.stderr, "warning: a warning of the daemon\n");
    assert!(!ran.stdout.contains('\u{1b}'), "{ran:?}");
}

#[test]
fn colour_into_a_pipe_has_to_be_asked_for() {
    let home = Home::new();
    let _daemon = history().listen(&home.socket());
    let ran = home.run("file-history src/main.rs --color always");
    assert!(ran.stdout.contains("\u{1b}["), "{ran:?}");
    let ran = run(home.lore(["file-history", "a"]).env("FORCE_COLOR", "1"));
    assert!(ran.stdout.contains("\u{1b}["), "{ran:?}");
}

#[test]
fn the_flags_of_a_read_reach_the_daemon() {
    let home = Home::new();
    let daemon = history().listen(&home.socket());
    let ran = home.run(
        "file-history src/./main.rs --discussions --merged --no-follow-renames -n 7 --cursor c -p g/p --host h",
    );
    assert_eq!(ran.exit, Some(0));
    assert_eq!(
        daemon.next("fileHistory.get"),
        json!({"path": "src/main.rs", "project": "g/p", "host": "h", "discussions": true,
               "merged": true, "no_follow_renames": true, "limit": 7, "cursor": "c"})
    );
}

#[test]
fn the_filters_of_the_ledger_reach_the_daemon() {
    let home = Home::new();
    let empty = json!({"runs": [], "total": 0, "remaining": 0, "next_cursor": null});
    let daemon = Fake::new()
        .answers("syncRuns.list", answers::read(&empty))
        .listen(&home.socket());
    let ran = home.run("sync-runs --state failed --state cancelled --mode surgical -n 3 -p g/p");
    assert_eq!(ran.exit, Some(0), "{ran:?}");
    assert_eq!(
        daemon.next("syncRuns.list"),
        json!({"limit": 3, "states": ["failed", "cancelled"], "mode": "surgical", "project": "g/p"})
    );
}

#[test]
fn a_reader_that_has_gone_is_no_failure() {
    let home = Home::new();
    let _daemon = history().listen(&home.socket());
    for line in [
        "file-history a",
        "--robot file-history a",
        "--help",
        "--robot nonsense",
    ] {
        let (reader, writer) = std::io::pipe().unwrap();
        drop(reader);
        let mut command = home.lore(line.split_whitespace());
        let ran = wait(command.stdout(Stdio::from(writer)).spawn().unwrap());
        assert_eq!(
            ran.stderr.replace("warning: a warning of the daemon\n", ""),
            "",
            "{line}"
        );
        let expected = if line.ends_with("nonsense") { 2 } else { 0 };
        assert_eq!(ran.exit, Some(expected), "{line}");
    }
}

#[test]
fn a_full_disk_behind_stdout_is_an_error_with_its_code() {
    let home = Home::new();
    let _daemon = history().listen(&home.socket());
    let full = std::fs::File::options()
        .write(true)
        .open("/dev/full")
        .unwrap();
    let mut command = home.lore(["--robot", "file-history", "a"]);
    let ran = wait(command.stdout(Stdio::from(full)).spawn().unwrap());
    assert_eq!(ran.exit, Some(12), "{ran:?}");
    assert!(ran.stderr.contains("could not write to stdout"), "{ran:?}");
}

#[test]
fn an_error_says_what_happened_and_what_to_do_next() {
    let home = Home::new();
    let ran = home.run("--no-autostart status");
    assert_eq!(ran.stdout, "");
    let socket = home.socket();
    assert!(
        ran.stderr.starts_with(&format!(
            "error: no daemon answers at `{}`",
            socket.display()
        )),
        "{ran:?}"
    );
    assert!(
        ran.stderr.ends_with("\n\nhint: lore daemon start\n"),
        "{ran:?}"
    );
}

#[test]
fn a_very_long_path_is_passed_on() {
    let home = Home::new();
    let daemon = history().listen(&home.socket());
    let long = "x".repeat(100_000);
    let ran = run(&mut home.lore(["file-history", &long]));
    assert_eq!(ran.exit, Some(0), "{}", ran.stderr);
    assert_eq!(daemon.next("fileHistory.get")["path"], long);
}

#[test]
fn the_log_is_shown_from_its_end() {
    let home = Home::new();
    let logs = home.path("data/logs");
    let missing = home.run("--robot daemon logs");
    assert_eq!(missing.code(), "NOT_FOUND");
    std::fs::create_dir(&logs).unwrap();
    std::fs::write(logs.join("lored.log"), "one\ntwo\nthree\n").unwrap();
    assert_eq!(home.run("daemon logs -n 2").stdout, "two\nthree\n");
    let data = home.run("--robot daemon logs -n 1").document()["data"].clone();
    assert_eq!(data["lines"], json!(["three"]));
}

#[test]
fn a_followed_log_goes_on_until_the_reader_goes() {
    use std::io::{BufRead as _, BufReader, Write as _};
    let home = Home::new();
    let log = home.path("data/logs/lored.log");
    std::fs::create_dir(log.parent().unwrap()).unwrap();
    std::fs::write(&log, "one\n").unwrap();
    let (reader, writer) = std::io::pipe().unwrap();
    let mut command = home.lore(["daemon", "logs", "-f"]);
    let child = command.stdout(Stdio::from(writer)).spawn().unwrap();
    drop(command);
    let mut lines = BufReader::new(reader).lines();
    assert_eq!(lines.next().unwrap().unwrap(), "one");
    let mut file = std::fs::File::options().append(true).open(&log).unwrap();
    file.write_all(b"two\n").unwrap();
    assert_eq!(lines.next().unwrap().unwrap(), "two");
    drop(lines);
    file.write_all(b"three\n").unwrap();
    assert_eq!(wait(child).exit, Some(0));
}

#[test]
fn the_near_names_of_an_unknown_path_are_told_and_cannot_drive_the_terminal() {
    let error = json!({
        "code": -31000, "message": "nothing touches `readme.md`",
        "data": {"code": "NOT_FOUND", "exit_code": 17, "retryable": false, "actions": [],
                 "details": {"nearest": ["README.md", "do\ncs/\u{1b}[2Jreadme.md"]}},
    });
    let home = Home::new();
    let _daemon = Fake::new()
        .does("fileHistory.get", move |_, peer| peer.error(&error))
        .listen(&home.socket());
    let ran = home.run("file-history readme.md");
    assert_eq!(ran.exit, Some(17), "{ran:?}");
    assert_eq!(
        ran.stderr,
        "error: nothing touches `readme.md`; known and near is:\n  README.md\n  do cs/readme.md\n"
    );
    let ran = home.run("--robot file-history readme.md");
    assert!(!ran.stdout.contains("known and near"), "{ran:?}");
}

#[test]
fn what_a_search_is_to_leave_out_may_stand_by_itself() {
    let home = Home::new();
    let daemon = Fake::new()
        .refuses("search.query", "NOT_FOUND", 17)
        .listen(&home.socket());
    let ran = home.run("search cache -flaky --type issue");
    assert_eq!(ran.exit, Some(17), "{ran:?}");
    assert!(ran.stderr.contains("read `-flaky` as what"), "{ran:?}");
    let asked = daemon.next("search.query");
    assert_eq!(asked["query"], "cache  -flaky");
    assert_eq!(asked["types"], json!(["issue"]));
}
