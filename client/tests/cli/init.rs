//! `lore init` where nobody can be asked.

use serde_json::json;

use crate::answers;
use crate::fake::Fake;
use crate::process::{Home, run, run_with_input};

fn setup() -> Fake {
    Fake::new()
        .answers("setup.check", answers::setup(false))
        .answers("setup.write", answers::setup(true))
}

#[test]
fn what_is_missing_is_named_by_its_flag() {
    let home = Home::new();
    let _daemon = setup().listen(&home.socket());
    for (line, flag) in [
        ("init", "--host"),
        ("init --host h", "--projects"),
        ("init -p g/p", "--host"),
    ] {
        let ran = home.run(&format!("--robot {line}"));
        assert_eq!(ran.code(), "USAGE", "{line}");
        assert_eq!(
            ran.document()["error"]["details"]["missing"],
            flag,
            "{line}"
        );
        assert_eq!(home.run(line).exit, Some(2));
    }
}

#[test]
fn flags_are_tried_and_then_written() {
    let home = Home::new();
    let daemon = setup().listen(&home.socket());
    let ran = home.run("init --url http://127.0.0.1:8080/gitlab --projects g/p,g/q -p g/r --token-env TOKEN --ca-file ca.pem");
    assert_eq!(ran.exit, Some(0), "{ran:?}");
    let expected = json!({
        "host": "127.0.0.1:8080", "url": "http://127.0.0.1:8080/gitlab",
        "token": {"env": "TOKEN"}, "projects": ["g/p", "g/q", "g/r"],
        "ca_file": home.path("work/ca.pem"),
    });
    assert_eq!(daemon.next("setup.check"), expected);
    assert_eq!(daemon.next("setup.write"), expected);
    assert!(ran.stdout.contains("GitLab 18.5.0, as alice"), "{ran:?}");
    assert!(ran.stdout.ends_with("Wrote /c\n"), "{ran:?}");
}

#[test]
fn a_token_from_stdin_reaches_the_daemon_and_nothing_else() {
    let home = Home::new();
    let daemon = setup().listen(&home.socket());
    let words = ["-v", "init", "--host", "h", "-p", "g/p", "--token-stdin"];
    let ran = run_with_input(&mut home.lore(words), "glpat-secret\n");
    assert_eq!(ran.exit, Some(0), "{ran:?}");
    assert_eq!(
        daemon.next("setup.check")["token"],
        json!({"value": "glpat-secret"})
    );
    assert!(!format!("{ran:?}").contains("glpat-secret"));
}

#[test]
fn a_token_command_is_taken_apart_as_a_shell_would() {
    let home = Home::new();
    let daemon = setup().listen(&home.socket());
    let words = [
        "init",
        "--host",
        "h",
        "-p",
        "g/p",
        "--token-command",
        "pass show 'git lab'",
    ];
    let ran = run(&mut home.lore(words));
    assert_eq!(ran.exit, Some(0), "{ran:?}");
    assert_eq!(
        daemon.next("setup.check")["token"],
        json!({"command": ["pass", "show", "git lab"]})
    );
}

#[test]
fn two_sources_of_a_token_contradict_each_other() {
    let home = Home::new();
    let ran = home.run("--robot init --host h -p g/p --token-env A --token-stdin");
    assert_eq!(ran.code(), "USAGE");
}

#[test]
fn what_gitlab_refuses_is_not_written() {
    let home = Home::new();
    let mut report = answers::setup(false);
    report["projects"][0]["error"] = json!({"code": "GITLAB_NOT_FOUND", "message": "404",
        "retryable": false, "details": {}, "actions": ["lore init --host h -p g/q"]});
    let daemon = Fake::new()
        .answers("setup.check", report)
        .answers("setup.write", answers::setup(true))
        .listen(&home.socket());
    let ran = home.run("--robot init --host h -p g/p");
    assert_eq!(ran.code(), "GITLAB_NOT_FOUND");
    assert_eq!(ran.exit, Some(6));
    assert!(!daemon.methods().contains(&"setup.write".to_owned()));
}

#[test]
fn the_first_sync_runs_where_it_is_asked_for() {
    let home = Home::new();
    let daemon = setup()
        .answers("sync.start", answers::started())
        .does("jobs.subscribe", |_, peer| {
            peer.result(&json!(7));
            peer.event(&answers::finished(
                1,
                "succeeded",
                &answers::outcome("succeeded", None),
            ));
        })
        .listen(&home.socket());
    let ran = home.run("--robot init --host h -p g/p --sync");
    assert_eq!(ran.exit, Some(0), "{ran:?}");
    let data = ran.document()["data"].clone();
    assert_eq!(data["setup"]["written"], true);
    assert_eq!(data["sync"]["completion_status"], "succeeded");
    assert_eq!(daemon.next("sync.start")["host"], "h");
}
