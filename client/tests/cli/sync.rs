//! `lore sync` from its start to every kind of end.

use std::process::Stdio;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use serde_json::{Value, json};

use crate::answers::{event, finished, outcome, started};
use crate::fake::{Fake, Peer, hello};
use crate::process::{Home, Ran, signal, wait};

/// A daemon whose job tells these events.
fn telling(events: Vec<Value>) -> Fake {
    Fake::new()
        .answers("sync.start", started())
        .does("jobs.subscribe", move |_, peer| {
            peer.result(&json!(7));
            for event in &events {
                peer.event(event);
            }
        })
}

fn usual() -> Vec<Value> {
    vec![
        event(1, "queued", &json!({})),
        event(2, "started", &json!({})),
        event(3, "phase", &json!({"phase": "preflight", "project": "g/p"})),
        event(4, "phase", &json!({"phase": "ingest", "project": "g/p"})),
        event(
            5,
            "progress",
            &json!({"project": "g/p", "what": "issues", "done": 1, "total": 2}),
        ),
        event(
            6,
            "warning",
            &json!({"code": "TIMEOUT", "message": "slow \u{1b}[2Jhost"}),
        ),
        event(7, "of_a_newer_daemon", &json!({"x": 1})),
        finished(8, "succeeded", &outcome("succeeded_with_warnings", None)),
    ]
}

#[test]
fn a_pipe_gets_plain_lines_and_a_summary() {
    let home = Home::new();
    let _daemon = telling(usual()).listen(&home.socket());
    let ran = home.run("sync");
    assert_eq!(ran.exit, Some(0), "{ran:?}");
    assert_eq!(
        ran.stderr,
        "queued\ng/p: preflight\ng/p: ingest\nwarning: TIMEOUT: slow host\n"
    );
    assert_eq!(
        ran.stdout,
        "warnings   g/p  12 issues written · 3 requests · 1.2 s\n"
    );
    assert_eq!(home.run("sync -q").stderr, "");
}

#[test]
fn the_flags_reach_the_daemon() {
    let home = Home::new();
    let daemon = telling(usual()).listen(&home.socket());
    let ran = home.run(
        "sync -p g/p --host h --full --no-events --no-file-changes --no-status \
                  --no-docs --no-embed --robot",
    );
    assert_eq!(ran.exit, Some(0), "{ran:?}");
    let asked = daemon.next("sync.start");
    for (name, value) in [
        ("project", json!("g/p")),
        ("host", json!("h")),
        ("full", json!(true)),
        ("dry_run", json!(false)),
        ("no_events", json!(true)),
        ("no_file_changes", json!(true)),
        ("no_status", json!(true)),
        ("no_docs", json!(true)),
        ("no_embed", json!(true)),
    ] {
        assert_eq!(asked[name], value, "{name}");
    }
    assert_eq!(daemon.next("jobs.subscribe"), json!({"job_id": 3}));
}

#[test]
fn robot_mode_waits_and_gives_the_result() {
    let home = Home::new();
    let _daemon = telling(usual()).listen(&home.socket());
    let ran = home.run("--robot sync");
    assert_eq!(ran.exit, Some(0));
    assert_eq!(ran.stderr, "");
    assert_eq!(
        ran.document()["data"]["completion_status"],
        "succeeded_with_warnings"
    );
}

#[test]
fn events_end_with_a_document_however_they_end() {
    let home = Home::new();
    let failed = telling(vec![
        event(1, "queued", &json!({})),
        finished(2, "failed", &outcome("failed", Some("GITLAB_UNAUTHORIZED"))),
    ]);
    let _daemon = failed.listen(&home.socket());
    let ran = home.run("sync --events");
    let last = ran.stdout.lines().next_back().unwrap();
    let document: Value = serde_json::from_str(last).unwrap();
    assert_eq!(document["ok"], false, "{ran:?}");
    assert_eq!(document["meta"]["command"], "sync");
    assert_eq!((ran.stderr.as_str(), ran.stdout.lines().count()), ("", 3));

    let home = Home::new();
    let _daemon = Fake::new()
        .refuses("sync.start", "HOST_UNKNOWN", 18)
        .listen(&home.socket());
    let ran = home.run("sync --events --host nosuch");
    assert_eq!((ran.code().as_str(), ran.exit), ("HOST_UNKNOWN", Some(18)));
    let ran = home.run("sync --events --nonsense");
    assert_eq!((ran.code().as_str(), ran.exit), ("USAGE", Some(2)));
}

#[test]
fn events_are_lines_of_json_and_the_document_is_the_last() {
    let home = Home::new();
    let _daemon = telling(usual()).listen(&home.socket());
    for line in ["sync --events", "--robot sync --events"] {
        let ran = home.run(line);
        let lines: Vec<Value> = ran
            .stdout
            .lines()
            .map(|line| serde_json::from_str(line).unwrap())
            .collect();
        let kinds: Vec<&str> = lines
            .iter()
            .filter_map(|line| line["event"]["kind"].as_str())
            .collect();
        assert_eq!(
            kinds,
            [
                "queued",
                "started",
                "phase",
                "phase",
                "progress",
                "warning",
                "of_a_newer_daemon",
                "finished"
            ]
        );
        assert!(!ran.stdout.contains('\u{1b}'));
        assert_eq!(lines.len(), kinds.len() + 1);
        assert_eq!(lines[8]["ok"], true);
        assert_eq!(lines[8]["meta"]["command"], "sync");
    }
}

#[test]
fn an_event_is_there_before_the_end() {
    use std::io::{BufRead as _, BufReader};
    let home = Home::new();
    let daemon = Fake::new()
        .answers("sync.start", started())
        .answers(
            "jobs.cancel",
            json!({"job_id": 3, "cancelled": true, "state": "running"}),
        )
        .does("jobs.subscribe", |_, peer| {
            peer.result(&json!(7));
            peer.event(&event(1, "started", &json!({})));
        })
        .listen(&home.socket());
    let (reader, writer) = std::io::pipe().unwrap();
    let mut command = home.lore(["sync", "--events"]);
    let child = command.stdout(Stdio::from(writer)).spawn().unwrap();
    drop(command);
    let first = BufReader::new(reader).lines().next().unwrap().unwrap();
    assert!(first.contains("\"started\""), "{first}");
    daemon.next("jobs.subscribe");
    let pid = child.id();
    signal(pid, "INT");
    daemon.next("jobs.cancel");
    signal(pid, "INT");
    // The reader has gone meanwhile: there is nobody left to tell.
    let _ = wait(child);
}

#[test]
fn a_failed_run_gives_its_code_and_its_result() {
    let home = Home::new();
    let failed = outcome("failed", Some("GITLAB_UNAUTHORIZED"));
    let _daemon = telling(vec![finished(1, "succeeded", &failed)]).listen(&home.socket());
    let ran = home.run("--robot sync");
    assert_eq!(ran.code(), "GITLAB_UNAUTHORIZED");
    assert_eq!(ran.exit, Some(5));
    let error = &ran.document()["error"];
    assert_eq!(error["details"]["result"]["runs"][0]["run_id"], "01RUN");
    assert_eq!(error["actions"], json!(["lore init"]));
    let ran = home.run("sync");
    assert_eq!(ran.exit, Some(5));
    assert!(ran.stdout.starts_with("failed     g/p"), "{ran:?}");
    assert!(
        ran.stderr
            .contains("error: the sync of `g/p` failed: it went wrong"),
        "{ran:?}"
    );
}

#[test]
fn a_job_that_ended_without_a_result_gives_its_error() {
    let home = Home::new();
    let error = json!({"code": "DISK_FULL", "message": "no space", "retryable": false});
    let end = event(1, "finished", &json!({"state": "failed", "error": error}));
    let _daemon = telling(vec![end]).listen(&home.socket());
    let ran = home.run("--robot sync");
    assert_eq!(ran.code(), "DISK_FULL");
    assert_eq!(ran.exit, Some(12));
}

#[test]
fn a_detached_sync_names_its_job_and_runs() {
    let home = Home::new();
    let daemon = telling(usual()).listen(&home.socket());
    let data = home.run("--robot sync --detach").document()["data"].clone();
    assert_eq!(data["job_id"], 3);
    assert_eq!(data["run_ids"], json!(["01RUN"]));
    let page = home.run("sync --detach").stdout;
    assert_eq!(page, "Started job 3.\n  lore sync-runs --run-id 01RUN\n");
    assert!(!daemon.methods().contains(&"jobs.subscribe".to_owned()));
}

#[test]
fn a_dry_run_shows_its_plan() {
    let home = Home::new();
    let plan = json!({"mode": "standard", "requested": {"issues": [], "merge_requests": []},
                 "projects": [{"project": "g/p",
        "issues_updated_after": null, "merge_requests_updated_after": null,
        "queued_dependents": 0, "due_rechecks": 2, "reconcile": false}]});
    let answer = json!({"job_id": null, "joined": false, "run_ids": [], "plan": plan});
    let _daemon = Fake::new()
        .answers("sync.start", answer)
        .listen(&home.socket());
    let ran = home.run("sync --dry-run");
    assert_eq!(
        ran.stdout,
        "g/p\n  issues: all\n  merge requests: all\n  2 items due to be looked at again\n"
    );
    for line in ["--robot sync --dry-run", "sync --events --dry-run"] {
        assert_eq!(home.run(line).document()["data"]["plan"], plan);
    }
}

/// A job that ends only when it is cancelled, and then as `end` says.
fn until_cancelled(end: impl Fn(&mut Peer) + Send + Sync + 'static) -> Fake {
    Fake::new()
        .answers("sync.start", started())
        .does("jobs.subscribe", |_, peer| {
            peer.result(&json!(7));
            peer.event(&event(1, "started", &json!({})));
        })
        .does("jobs.cancel", move |_, peer| {
            peer.result(&json!({"job_id": 3, "cancelled": true, "state": "running"}));
            end(peer);
        })
}

#[test]
fn ctrl_c_cancels_and_waits_for_the_end() {
    let home = Home::new();
    let daemon = until_cancelled(|peer| {
        peer.event(&event(
            2,
            "phase",
            &json!({"phase": "cancelled", "project": "g/p"}),
        ));
        peer.event(&finished(3, "cancelled", &outcome("cancelled", None)));
    })
    .listen(&home.socket());
    let child = home.lore(["sync"]).spawn().unwrap();
    daemon.next("jobs.subscribe");
    signal(child.id(), "INT");
    assert_eq!(daemon.next("jobs.cancel"), json!({"job_id": 3}));
    let ran = wait(child);
    assert_eq!(ran.exit, Some(130), "{ran:?}");
    assert!(
        ran.stderr
            .contains("cancelling; Ctrl+C again leaves at once"),
        "{ran:?}"
    );
    assert!(ran.stderr.contains("g/p: cancelled"), "{ran:?}");
    assert!(ran.stdout.starts_with("cancelled  g/p"), "{ran:?}");
}

#[test]
fn ctrl_c_leaves_a_sync_to_others_who_asked_for_it_too() {
    let home = Home::new();
    let mut joined = started();
    joined["asker"] = json!(2);
    joined["joined"] = json!(true);
    let daemon = Fake::new()
        .answers("sync.start", joined)
        .does("jobs.subscribe", |_, peer| peer.result(&json!(7)))
        .answers(
            "jobs.cancel",
            json!({"job_id": 3, "cancelled": false, "left": true, "state": "running"}),
        )
        .listen(&home.socket());
    let child = home.lore(["sync", "--robot"]).spawn().unwrap();
    daemon.next("jobs.subscribe");
    signal(child.id(), "INT");
    assert_eq!(daemon.next("jobs.cancel"), json!({"job_id": 3, "asker": 2}));
    let ran = wait(child);
    assert_eq!((ran.code().as_str(), ran.exit), ("CANCELLED", Some(130)));
    let message = ran.document()["error"]["message"].take();
    assert_eq!(
        message,
        "left; job 3, which the timer or somebody else asked for too, goes on"
    );
}

#[test]
fn a_second_ctrl_c_leaves_at_once_and_still_says_so() {
    let home = Home::new();
    let daemon = until_cancelled(|_| {}).listen(&home.socket());
    let child = home.lore(["sync", "--robot"]).spawn().unwrap();
    daemon.next("jobs.subscribe");
    signal(child.id(), "INT");
    daemon.next("jobs.cancel");
    signal(child.id(), "INT");
    let ran = wait(child);
    assert_eq!(ran.exit, Some(130), "{ran:?}");
    assert_eq!(ran.code(), "CANCELLED");
}

/// Runs a sync whose first connection breaks after two events; the second one
/// is shaken by a daemon with this pid.
fn broken_once(pid_afterwards: u32) -> (Ran, Vec<Value>) {
    let home = Home::new();
    let hellos = Arc::new(AtomicU32::new(0));
    let subscriptions = Arc::new(AtomicU32::new(0));
    let daemon = Fake::new()
        .does("daemon.hello", move |_, peer| {
            let first = hellos.fetch_add(1, Ordering::SeqCst) == 0;
            peer.result(&hello(if first { 100 } else { pid_afterwards }));
        })
        .answers("sync.start", started())
        .does("jobs.subscribe", move |_, peer| {
            peer.result(&json!(7));
            if subscriptions.fetch_add(1, Ordering::SeqCst) == 0 {
                peer.event(&usual()[0]);
                peer.event(&usual()[1]);
                peer.close();
            } else {
                // One is sent again; it must not be told twice.
                for event in usual().iter().skip(1) {
                    peer.event(event);
                }
            }
        })
        .listen(&home.socket());
    let ran = home.run("--robot sync --events");
    let mut asked = Vec::new();
    if daemon
        .methods()
        .iter()
        .filter(|m| *m == "jobs.subscribe")
        .count()
        == 2
    {
        asked.push(json!(2));
    }
    (ran, asked)
}

#[test]
fn a_connection_that_breaks_is_taken_up_again_where_it_was() {
    let (ran, asked) = broken_once(100);
    assert_eq!(ran.exit, Some(0), "{ran:?}");
    assert_eq!(asked.len(), 1);
    let seqs: Vec<u64> = ran
        .stdout
        .lines()
        .filter_map(|line| serde_json::from_str::<Value>(line).unwrap()["event"]["seq"].as_u64())
        .collect();
    assert_eq!(seqs, [1, 2, 3, 4, 5, 6, 7, 8]);
}

#[test]
fn another_daemons_job_of_the_same_number_is_not_followed() {
    let (ran, _) = broken_once(200);
    assert_eq!(ran.exit, Some(1), "{ran:?}");
    let last: Value = serde_json::from_str(ran.stdout.lines().last().unwrap()).unwrap();
    assert_eq!(last["error"]["code"], "INTERRUPTED");
    assert_eq!(last["error"]["details"]["run_ids"], json!(["01RUN"]));
}

#[test]
fn a_connection_that_breaks_again_and_again_is_given_up() {
    let home = Home::new();
    let daemon = Fake::new()
        .answers("sync.start", started())
        .does("jobs.subscribe", |_, peer| peer.close())
        .listen(&home.socket());
    let ran = home.run("--robot sync");
    assert_eq!(ran.code(), "DAEMON_UNAVAILABLE");
    assert!(
        ran.stdout.contains("job 3 can no longer be followed"),
        "{ran:?}"
    );
    let subscriptions = daemon
        .methods()
        .into_iter()
        .filter(|m| m == "jobs.subscribe");
    assert_eq!(subscriptions.count(), 2);
}
