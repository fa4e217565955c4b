//! One document on stdout, whatever happens.

use std::ffi::OsString;
use std::os::unix::ffi::OsStringExt as _;

use serde_json::json;

use crate::answers;
use crate::fake::{Fake, hello};
use crate::process::{Home, run};

fn everything() -> Fake {
    let list = json!({"runs": [answers::run("g/p", "succeeded", None)], "total": 1, "remaining": 0, "next_cursor": null});
    Fake::new()
        .answers("fileHistory.get", answers::read(&answers::file_history()))
        .answers("syncRuns.list", answers::read(&list))
        .answers(
            "syncRuns.get",
            answers::read(&answers::run("g/p", "succeeded", None)),
        )
        .answers("jobs.list", json!({"jobs": []}))
        .answers(
            "jobs.cancel",
            json!({"job_id": 3, "cancelled": true, "state": "running"}),
        )
        .answers("daemon.status", answers::status())
        .answers("daemon.reload", json!({"config": "/c", "projects": []}))
        .answers("sync.start", answers::started())
        .answers(
            "issues.list",
            answers::read(&parsed(include_str!("screens/issues.json"))),
        )
        .answers(
            "issues.get",
            answers::read(&parsed(include_str!("screens/issue.json"))),
        )
        .answers(
            "mergeRequests.list",
            answers::read(&parsed(include_str!("screens/mrs.json"))),
        )
        .answers(
            "mergeRequests.get",
            answers::read(&parsed(include_str!("screens/mr.json"))),
        )
        .answers("setup.check", answers::setup(false))
        .answers("setup.write", answers::setup(true))
}

fn parsed(text: &str) -> serde_json::Value {
    serde_json::from_str(text).unwrap()
}

#[test]
fn every_command_answers_with_one_document_that_names_it() {
    let home = Home::new();
    let _daemon = everything().listen(&home.socket());
    for (line, command) in [
        ("file-history src/main.rs", "file-history"),
        ("sync-runs", "sync-runs"),
        ("sync-runs --run-id 01RUN", "sync-runs"),
        ("issues", "issues"),
        ("issues 3", "issues"),
        ("mrs", "mrs"),
        ("mrs 12", "mrs"),
        ("jobs", "jobs"),
        ("jobs cancel 3", "jobs cancel"),
        ("status", "status"),
        ("sync --detach", "sync"),
        ("daemon start", "daemon start"),
        ("daemon status", "daemon status"),
        ("daemon reload", "daemon reload"),
        ("init --host h -p g/p", "init"),
        ("robot-docs", "robot-docs"),
        ("robot-docs --brief", "robot-docs"),
        ("robot-docs --markdown", "robot-docs"),
    ] {
        let ran = home.run(&format!("--robot {line}"));
        let document = ran.document();
        assert_eq!(ran.exit, Some(0), "{line}: {ran:?}");
        assert_eq!(ran.stderr, "", "{line}");
        assert_eq!(document["ok"], true, "{line}");
        assert!(document["data"].is_object(), "{line}");
        assert_eq!(document["meta"]["schema"], "lore/v1", "{line}");
        assert_eq!(document["meta"]["command"], command, "{line}");
        assert!(document["meta"]["elapsed_ms"].is_u64(), "{line}");
        assert!(document["meta"]["warnings"].is_array(), "{line}");
    }
}

#[test]
fn reads_carry_the_freshness_and_the_warnings_of_the_daemon() {
    let home = Home::new();
    let _daemon = everything().listen(&home.socket());
    for line in [
        "file-history a",
        "issues",
        "mrs 12",
        "sync-runs",
        "sync-runs --run-id 01RUN",
    ] {
        let meta = home.run(&format!("--robot {line}")).document()["meta"].clone();
        assert_eq!(meta["freshness"]["age_seconds"], 41, "{line}");
        assert_eq!(
            meta["warnings"],
            json!(["a warning of the daemon"]),
            "{line}"
        );
    }
}

#[test]
fn the_variable_does_what_the_flag_does() {
    let home = Home::new();
    let _daemon = everything().listen(&home.socket());
    let ran = run(home.lore(["jobs"]).env("LORE_ROBOT", "1"));
    assert_eq!(ran.document()["ok"], true);
}

#[test]
fn words_that_do_not_fit_are_a_document_too() {
    let home = Home::new();
    for (line, command) in [
        ("sync --ful --robot", "sync"),
        ("--robot nonsense", ""),
        ("--robot jobs cancel twelve", "jobs cancel"),
        ("--robot sync-runs -n 0", "sync-runs"),
        ("--robot sync-runs --state odd", "sync-runs"),
        ("--robot file-history", "file-history"),
        ("--robot daemon", "daemon"),
        ("--robot file-history ../../..", "file-history"),
        ("--robot -p a -p b sync", "sync"),
        ("--robot sync-runs --fields run_id,nope", "sync-runs"),
    ] {
        let ran = home.run(line);
        assert_eq!(ran.code(), "USAGE", "{line}");
        assert_eq!(ran.exit, Some(2), "{line}");
        assert_eq!(ran.document()["meta"]["command"], command, "{line}");
    }
}

#[test]
fn a_misspelt_read_is_answered_and_says_how_it_was_read() {
    let home = Home::new();
    let daemon = everything().listen(&home.socket());
    let ran = home.run("--Robot filehistory src/main.rs --discusions -limit 7");
    let document = ran.document();
    assert_eq!(ran.exit, Some(0), "{ran:?}");
    assert_eq!(document["meta"]["command"], "file-history");
    assert_eq!(
        document["meta"]["warnings"],
        json!([
            "read `--Robot` as `--robot`",
            "read `filehistory` as `file-history`",
            "read `--discusions` as `--discussions`",
            "read `-limit` as `--limit`",
            "a warning of the daemon",
        ])
    );
    let asked = daemon.next("fileHistory.get");
    assert_eq!(
        (&asked["discussions"], &asked["limit"]),
        (&json!(true), &json!(7))
    );
    // A person is told beside the answer.
    let ran = home.run("JOBS");
    assert_eq!(ran.exit, Some(0), "{ran:?}");
    assert_eq!(ran.stderr, "warning: read `JOBS` as `jobs`\n");
}

#[test]
fn a_misspelt_write_is_left_to_the_one_who_typed_it() {
    let home = Home::new();
    let daemon = everything().listen(&home.socket());
    for (line, meant) in [
        ("--robot snyc", "sync"),
        ("--robot sync --ful", " sync --full"),
        ("--robot jobs cancle 3", "jobs cancel 3"),
        ("--robot Sync", " sync"),
    ] {
        let ran = home.run(line);
        assert_eq!(ran.code(), "USAGE", "{line}");
        let suggestions = ran.document()["error"]["details"]["suggestions"].clone();
        let suggestions = suggestions.as_array().unwrap();
        assert!(
            suggestions
                .iter()
                .any(|s| s.as_str().unwrap().ends_with(meant)),
            "{line}: {ran:?}"
        );
    }
    assert_eq!(daemon.methods(), Vec::<String>::new());
}

#[test]
fn a_socket_path_that_is_too_long_is_refused_with_the_cure() {
    let home = Home::new();
    let ran = home.run(&format!("--robot --socket /tmp/{} status", "x".repeat(120)));
    assert_eq!(ran.code(), "USAGE");
    assert!(ran.stdout.contains("LORE_SOCKET"));
}

#[test]
fn words_that_are_not_utf8_are_refused_and_not_a_panic() {
    let home = Home::new();
    let odd = OsString::from_vec(b"a\xff".to_vec());
    let words = |line: &str| -> Vec<OsString> {
        let words = line.split_whitespace().map(OsString::from);
        words.chain([odd.clone()]).collect()
    };
    for line in [
        "--robot file-history",
        "--robot jobs cancel",
        "--robot status -p",
    ] {
        let ran = run(&mut home.lore(words(line)));
        assert_eq!(ran.code(), "USAGE", "{line}");
    }
}

#[test]
fn help_and_version_are_documents_in_robot_mode() {
    let home = Home::new();
    for line in ["--robot --help", "--robot", "sync --robot -h"] {
        let document = home.run(line).document();
        assert!(
            document["data"]["help"]
                .as_str()
                .unwrap()
                .contains("Usage:"),
            "{line}"
        );
    }
    let version = home.run("--robot --version").document();
    assert_eq!(version["data"]["protocol"], 1);
}

#[test]
fn a_missing_daemon_is_a_document_and_exit_21() {
    let home = Home::new();
    for line in ["status", "file-history a", "sync", "jobs cancel 1"] {
        let ran = home.run(&format!("--robot --no-autostart {line}"));
        assert_eq!(ran.code(), "DAEMON_UNAVAILABLE", "{line}");
        assert_eq!(ran.exit, Some(21), "{line}");
        assert_eq!(
            ran.document()["error"]["actions"],
            json!(["lore daemon start"])
        );
    }
    let by_variable = run(home
        .lore(["--robot", "status"])
        .env("LORE_NO_AUTOSTART", "1"));
    assert_eq!(by_variable.exit, Some(21));
}

#[test]
fn the_daemons_own_error_comes_through_with_its_exit_code() {
    let home = Home::new();
    let _daemon = Fake::new()
        .refuses("fileHistory.get", "AMBIGUOUS_PROJECT", 18)
        .refuses("sync.start", "SURGICAL_PREFLIGHT_FAILED", 8)
        .listen(&home.socket());
    let ran = home.run("--robot file-history a");
    assert_eq!(ran.code(), "AMBIGUOUS_PROJECT");
    assert_eq!(ran.exit, Some(18));
    assert_eq!(ran.document()["error"]["details"]["why"], "test");
    assert_eq!(ran.document()["error"]["actions"], json!(["lore status"]));
    // An exit code that is not the error code's own.
    assert_eq!(home.run("--robot sync").exit, Some(8));
}

#[test]
fn a_daemon_of_another_protocol_is_told_apart_and_says_what_to_run() {
    let mut newer = hello(100);
    newer["protocol"] = json!(99);
    for fake in [
        Fake::new().answers("daemon.hello", newer),
        Fake::new().refuses("daemon.hello", "PROTOCOL_MISMATCH", 21),
        // One from before there was a handshake.
        Fake::new().does("daemon.hello", |_, peer| {
            peer.error(
                &json!({"code": -32601, "message": "Method not found", "data": {"code": "USAGE"}}),
            );
        }),
    ] {
        let home = Home::new();
        let _daemon = fake
            .answers("jobs.list", json!({"jobs": []}))
            .listen(&home.socket());
        let ran = home.run("--robot jobs");
        assert_eq!(ran.code(), "PROTOCOL_MISMATCH");
        assert_eq!(ran.exit, Some(21));
        assert_ne!(ran.document()["error"]["actions"], json!([]));
        // `daemon status` is for exactly this: it answers.
        let status = home.run("--robot daemon status");
        assert_eq!(status.document()["data"]["compatible"], false);
    }
}

#[test]
fn what_does_not_speak_the_protocol_is_an_error_and_not_a_hang() {
    for (line, code) in [
        ("HTTP/1.1 400 Bad Request", "DAEMON_UNAVAILABLE"),
        ("{}", "DAEMON_UNAVAILABLE"),
        (
            r#"{"jsonrpc":"2.0","id":1,"result":{}}"#,
            "PROTOCOL_MISMATCH",
        ),
        (
            r#"{"jsonrpc":"2.0","id":null,"error":{"code":-32009,"message":"too many connections"}}"#,
            "DAEMON_UNAVAILABLE",
        ),
    ] {
        let home = Home::new();
        let _daemon = Fake::new()
            .does("daemon.hello", move |_, peer| peer.send(line))
            .listen(&home.socket());
        assert_eq!(home.run("--robot jobs").code(), code, "{line}");
    }
}

#[test]
fn a_connection_that_ends_before_the_answer_is_an_error() {
    let home = Home::new();
    let _daemon = Fake::new()
        .does("jobs.list", |_, peer| peer.close())
        .listen(&home.socket());
    let ran = home.run("--robot jobs");
    assert_eq!(ran.code(), "DAEMON_UNAVAILABLE");
    assert!(ran.stdout.contains("closed before the answer"), "{ran:?}");
}

#[test]
fn the_bytes_of_data_are_the_daemons_own() {
    let home = Home::new();
    let data = r#"{"jobs":[ ],"odd":1.10,"unknown":{"z":1,"a":2}}"#;
    let _daemon = Fake::new()
        .does("jobs.list", move |_, peer| peer.raw_result(data))
        .listen(&home.socket());
    let ran = home.run("--robot jobs");
    assert!(ran.stdout.contains(&format!("\"data\":{data},")), "{ran:?}");
}

#[test]
fn control_characters_of_upstream_text_are_escaped_in_documents() {
    let home = Home::new();
    let _daemon = everything().listen(&home.socket());
    let ran = home.run("--robot file-history src/main.rs");
    assert!(!ran.stdout.contains(['\u{1b}', '\u{9b}']), "{ran:?}");
    let title = &ran.document()["data"]["merge_requests"][0]["title"];
    assert_eq!(title, "A \u{1b}[31mtitle\u{9b}0m");
}

#[test]
fn fields_are_picked_from_the_rows_alone() {
    let home = Home::new();
    let _daemon = everything().listen(&home.socket());
    let document = home
        .run("--robot file-history src/main.rs --fields iid,state")
        .document();
    assert_eq!(
        document["data"]["merge_requests"],
        json!([{"iid": 5, "state": "merged"}])
    );
    assert_eq!(document["data"]["total"], 1);
    let document = home
        .run("--robot sync-runs --run-id 01RUN --fields run_id")
        .document();
    assert_eq!(document["data"], json!({"run_id": "01RUN"}));
}
