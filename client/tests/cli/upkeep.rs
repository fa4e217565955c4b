//! `lore auth`, `lore db`, `lore doctor`.

use serde_json::{Value, json};

use crate::answers;
use crate::fake::Fake;
use crate::process::{Home, run, run_with_input};

fn token(error: &Value) -> Value {
    json!({
        "host": "h", "url": "https://h", "configured": true, "source": "file /c/tokens/h",
        "username": "ada", "scopes": ["read_api"], "expires_at": null, "expires_in_days": null,
        "error": error, "warnings": [],
    })
}

/// A job that ends at once.
fn job(method: &'static str, finished: Value) -> Fake {
    Fake::new()
        .answers(method, json!({ "job_id": 4, "joined": false }))
        .does("jobs.subscribe", move |_, peer| {
            peer.result(&json!(7));
            peer.event(&finished);
        })
}

fn ended(state: &str, result: &Value, error: &Value) -> Value {
    json!({"seq": 3, "at": answers::TIME, "job_id": 4, "run_id": null, "kind": "finished",
           "state": state, "result": result, "error": error})
}

#[test]
fn a_token_goes_from_stdin_to_the_daemon_and_nowhere_else() {
    let home = Home::new();
    let daemon = Fake::new()
        .answers("auth.login", token(&Value::Null))
        .listen(&home.socket());
    let ran = run_with_input(
        &mut home.lore(["-v", "auth", "login", "--host", "h"]),
        "glpat-secret\n",
    );
    assert_eq!(ran.exit, Some(0), "{ran:?}");
    assert_eq!(
        daemon.next("auth.login"),
        json!({"host": "h", "token": "glpat-secret", "store": "file"})
    );
    assert!(!format!("{ran:?}").contains("glpat-secret"));
    assert!(ran.stdout.contains("ada"), "{ran:?}");
    // An argument is no place for one.
    let ran = home.run("--robot auth login --token glpat-secret");
    assert_eq!(ran.code(), "USAGE");
    let ran = run(&mut home.lore(["--robot", "auth", "login"]));
    assert_eq!(ran.code(), "USAGE", "stdin brings none");
}

#[test]
fn what_is_wrong_with_a_token_is_part_of_the_answer() {
    let home = Home::new();
    let error = json!({"code": "GITLAB_UNAUTHORIZED", "message": "401", "retryable": false,
                       "details": {}, "actions": ["lore auth login --host h"]});
    let _daemon = Fake::new()
        .answers("auth.status", json!({ "hosts": [token(&error)] }))
        .answers(
            "auth.logout",
            json!({"host": "h", "removed": true, "remaining_source": null}),
        )
        .listen(&home.socket());
    let ran = home.run("auth status");
    assert_eq!(ran.exit, Some(0));
    assert!(
        ran.stdout.contains("hint: lore auth login --host h"),
        "{ran:?}"
    );
    let ran = home.run("--robot auth status --offline");
    assert_eq!(
        ran.document()["data"]["hosts"][0]["error"]["code"],
        "GITLAB_UNAUTHORIZED"
    );
    assert!(home.run("auth logout").stdout.contains("revoked"));
}

#[test]
fn a_backup_is_followed_to_its_end_and_named_by_its_full_path() {
    let home = Home::new();
    let done = json!({"file": "/x/copy.db", "bytes": 5_000_000, "schema_version": 2});
    let daemon = job("db.backup", ended("succeeded", &done, &Value::Null)).listen(&home.socket());
    let ran = home.run("db backup copy.db");
    assert_eq!(ran.stdout, "Copied 4 MiB to /x/copy.db\n", "{ran:?}");
    assert_eq!(
        daemon.next("db.backup"),
        json!({"file": home.path("work/copy.db"), "force": false})
    );
    assert_eq!(home.run("--robot db backup x").document()["data"], done);
}

#[test]
fn damage_is_an_error_that_leads_to_a_rebuild() {
    let home = Home::new();
    let error = json!({"code": "DATABASE_CORRUPT", "message": "damaged", "retryable": false,
                       "details": {"problems": ["row 1"]}, "actions": ["lore db rebuild"]});
    let _daemon = job("db.check", ended("failed", &Value::Null, &error)).listen(&home.socket());
    let ran = home.run("--robot db check");
    assert_eq!(
        (ran.exit, ran.code().as_str()),
        (Some(10), "DATABASE_CORRUPT")
    );
    assert_eq!(ran.document()["error"]["actions"][0], "lore db rebuild");
}

#[test]
fn a_rebuild_has_to_be_meant() {
    let home = Home::new();
    let done = json!({"moved_to": "/d/x.aside", "moved_bytes": 10, "job_id": 1, "run_ids": ["r"]});
    let daemon = Fake::new()
        .answers("db.rebuild", done)
        .listen(&home.socket());
    let ran = home.run("--robot db rebuild");
    assert_eq!(ran.document()["error"]["details"]["missing"], "--yes");
    assert_eq!(home.run("db rebuild").exit, Some(2));
    assert!(daemon.methods().is_empty());
    let ran = home.run("db rebuild --yes");
    assert!(ran.stdout.contains("/d/x.aside"), "{ran:?}");
}

#[test]
fn a_doctor_tells_what_it_can_where_no_daemon_can_be_started() {
    let home = Home::with_own_program();
    let ran = home.run("--robot doctor");
    assert_eq!(ran.exit, Some(0), "{ran:?}");
    let data = ran.document()["data"].clone();
    assert_eq!(data["healthy"], false);
    assert_eq!(data["findings"][0]["check"], "daemon");
    assert_eq!(data["findings"][0]["code"], "DAEMON_UNAVAILABLE");
    assert!(data["findings"].as_array().unwrap().len() > 3, "{data}");
    let ran = home.run("doctor");
    assert!(ran.stdout.contains("failed   daemon"), "{ran:?}");
}

#[test]
fn a_report_for_strangers_names_no_host() {
    let home = Home::new();
    let finding = json!({"check": "token", "subject": "git.corp.example", "state": "failed",
        "message": "git.corp.example: GET /api/v4/user: 401", "code": "GITLAB_UNAUTHORIZED",
        "actions": ["lore auth login --host git.corp.example"]});
    let diagnosis = json!({"healthy": false, "checked_at": answers::TIME, "findings": [finding]});
    let _daemon = Fake::new()
        .answers("doctor.run", diagnosis)
        .listen(&home.socket());
    let ran = home.run("doctor --report");
    assert!(!ran.stdout.contains("corp"), "{ran:?}");
    assert!(
        ran.stdout.contains("host-1") && ran.stdout.contains("GITLAB_UNAUTHORIZED"),
        "{ran:?}"
    );
    assert!(home.run("doctor").stdout.contains("git.corp.example"));
}
