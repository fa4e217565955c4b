//! `lore watch` on a terminal: what its keys ask the daemon for, and that the
//! terminal is given back, however it ends.
//!
//! Only what has changed on the screen is written, so that a test waits for
//! words of which no letter stood in the same place before.

use std::os::unix::process::ExitStatusExt as _;
use std::sync::Mutex;
use std::sync::mpsc::{Sender, channel};

use serde_json::{Value, json};

use crate::fake::{Fake, Listening};
use crate::process::{Home, run, signal};
use crate::terminal::Playing;

const SIZE: (u16, u16) = (80, 24);

/// A daemon with the status that the screens are made of, and what lets it go
/// away.
fn daemon(home: &Home) -> (Listening, Sender<()>) {
    let status: Value = serde_json::from_str(include_str!("screens/status.json")).unwrap();
    let run = json!({
        "run_id": "01jx8m4tqz", "mode": "standard", "host": "gitlab.example.com", "project": "group/project",
        "status": "succeeded", "phase": "done", "completion_status": "succeeded",
        "requested": {"issues": [], "merge_requests": []},
        "started_at": "2026-06-15T11:00:00Z", "finished_at": "2026-06-15T11:00:04Z",
        "elapsed_ms": 4_200, "stage_timings_ms": {}, "counters": {"issues_ingested": 4_321},
        "entity_outcomes": [], "entity_failures": [], "recovery_actions": [],
    });
    let read = |data: Value| json!({"data": data, "freshness": null, "warnings": []});
    let (leave, left) = channel::<()>();
    let left = Mutex::new(left);
    let daemon = Fake::new()
        .answers("jobs.list", json!({"jobs": status["jobs"]}))
        .answers("daemon.status", status)
        .answers(
            "syncRuns.list",
            read(json!({"runs": [run], "total": 1, "next_cursor": null})),
        )
        .answers("syncRuns.get", read(run))
        .does("sync.start", |asked, peer| {
            let all = asked.get("project").is_none();
            let job_id = if all { 8 } else { 7 };
            peer.result(&json!({"job_id": job_id, "joined": all, "run_ids": ["r7"]}));
        })
        .answers(
            "jobs.cancel",
            json!({"job_id": 3, "cancelled": true, "state": "running"}),
        )
        .does("jobs.subscribe", move |asked, peer| {
            peer.result(&json!(7));
            if asked["job_id"] == 3 {
                peer.event(&json!({
                    "seq": 5, "at": "2026-06-15T12:00:00Z", "job_id": 3, "run_id": null,
                    "kind": "progress", "project": "group/project", "what": "threads",
                    "done": 3, "total": 8,
                }));
                // Nothing more is said here until the daemon goes.
                let _ = left.lock().unwrap().recv();
                peer.close();
            }
        })
        .listen(&home.socket());
    (daemon, leave)
}

fn watch(home: &Home) -> Playing {
    let mut command = home.lore(["watch"]);
    command.env("NO_COLOR", "1");
    let mut playing = Playing::start(command, SIZE, true);
    // From the overview, and from the job's earlier events.
    playing.wait_for("group/project");
    playing.wait_for("3/8");
    playing
}

#[test]
fn a_key_leaves_and_the_terminal_is_clean() {
    let home = Home::new();
    let (_daemon, _leave) = daemon(&home);
    for key in ["q", "\u{3}"] {
        let mut playing = watch(&home);
        playing.press(key);
        let (screen, exit) = playing.end_clean();
        assert_eq!(exit.code(), Some(0), "{key:?}: {screen:?}");
    }
}

#[test]
fn a_signal_ends_it_as_it_ends_others_and_the_terminal_is_clean() {
    let home = Home::new();
    let (_daemon, _leave) = daemon(&home);
    for (name, number) in [("TERM", 15), ("INT", 2), ("HUP", 1)] {
        let playing = watch(&home);
        signal(playing.pid(), name);
        let (screen, exit) = playing.end_clean();
        assert_eq!(exit.signal(), Some(number), "{exit:?}: {screen:?}");
    }
}

#[test]
fn a_daemon_that_dies_is_told_of_and_found_again_and_the_terminal_is_clean() {
    let home = Home::new();
    let (_daemon, leave) = daemon(&home);
    let mut playing = watch(&home);
    std::fs::remove_file(home.socket()).unwrap();
    leave.send(()).unwrap();
    playing.wait_for("trying");
    let (_daemon, leave) = daemon(&home);
    // The uptime is back.
    playing.wait_for("lored");
    std::fs::remove_file(home.socket()).unwrap();
    leave.send(()).unwrap();
    playing.wait_for("trying");
    playing.press("q");
    let (screen, exit) = playing.end_clean();
    assert_eq!(exit.code(), Some(0), "{screen:?}");
}

#[test]
fn keys_ask_the_daemon() {
    let home = Home::new();
    let (daemon, _leave) = daemon(&home);
    let mut playing = watch(&home);
    playing.press("s");
    let asked = daemon.next("sync.start");
    assert_eq!(
        (&asked["project"], &asked["host"]),
        (&json!("group/project"), &json!("gitlab.example.com"))
    );
    playing.wait_for("started");
    playing.press("S");
    assert_eq!(daemon.next("sync.start")["project"], Value::Null);
    playing.wait_for("joined");
    playing.press("c");
    playing.wait_for("yes");
    playing.press("y");
    assert_eq!(daemon.next("jobs.cancel"), json!({"job_id": 3}));
    playing.wait_for("cancelled");
    // The latest run of the chosen project.
    playing.press("\r");
    assert_eq!(daemon.next("syncRuns.get"), json!({"run_id": "01jx8m4tqz"}));
    playing.wait_for("4,321");
    playing.press("\u{1b}");
    playing.wait_for("budgets");
    playing.press("q");
    let (screen, exit) = playing.end_clean();
    assert_eq!(exit.code(), Some(0), "{screen:?}");
}

#[test]
fn without_a_terminal_it_names_what_says_the_same() {
    let home = Home::new();
    let (_daemon, _leave) = daemon(&home);
    let ran = home.run("watch");
    assert_eq!((ran.exit, ran.stdout.as_str()), (Some(2), ""));
    assert!(ran.stderr.contains("hint: lore status\n"), "{ran:?}");
    let ran = run(&mut home.lore(["watch", "--robot"]));
    assert_eq!((ran.exit, ran.code().as_str()), (Some(2), "USAGE"));
    assert_eq!(
        ran.document()["error"]["actions"],
        json!(["lore status --robot"])
    );
}
