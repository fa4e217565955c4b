//! What a daemon would say.

use serde_json::{Value, json};

pub(crate) const TIME: &str = "2026-06-15T12:00:00Z";

pub(crate) fn read(data: &Value) -> Value {
    json!({
        "data": data,
        "freshness": {"project": "g/p", "last_synced_at": TIME, "age_seconds": 41, "complete": true},
        "warnings": ["a warning of the daemon"],
    })
}

pub(crate) fn file_history() -> Value {
    json!({
        "project": {"host": "h", "path": "g/p", "id": 1, "web_url": null},
        "path": "src/main.rs",
        "chain": [{"path": "src/main.rs", "renamed": null}],
        "chain_truncated": false,
        "merge_requests": [{
            "iid": 5, "title": "A \u{1b}[31mtitle\u{9b}0m", "state": "merged", "draft": false,
            "author": "alice", "web_url": "https://h/g/p/-/merge_requests/5",
            "target_branch": "main", "created_at": null, "updated_at": TIME, "merged_at": TIME,
            "commit_sha": null,
            "changes": [{"path": "src/main.rs", "change_type": "modified",
                         "old_path": "src/main.rs", "new_path": "src/main.rs"}],
        }],
        "total": 1,
        "remaining": 0,
        "next_cursor": null,
        "possibly_missing": [],
    })
}

pub(crate) fn run(project: &str, completion: &str, error: Option<&str>) -> Value {
    let status = match completion {
        "failed" | "cancelled" => completion,
        _ => "succeeded",
    };
    let mut run = json!({
        "run_id": "01RUN", "mode": "standard", "host": "gitlab.example.com", "project": project, "status": status,
        "phase": if status == "succeeded" { "done" } else { status },
        "completion_status": completion,
        "requested": {"issues": [], "merge_requests": []},
        "started_at": TIME, "finished_at": TIME, "elapsed_ms": 1200,
        "stage_timings_ms": {"preflight": 100, "fetch": 0, "ingest": 900, "dependents": 200, "docs": 0, "embed": 0},
        "counters": counters(),
        "entity_outcomes": [], "entity_failures": [], "warnings": [],
        "recovery_actions": [],
    });
    if let Some(code) = error {
        run["error_code"] = json!(code);
        run["error_message"] = json!("it went wrong");
        run["recovery_actions"] = json!(["lore init"]);
    }
    run
}

fn counters() -> Value {
    let names = [
        "issues_fetched",
        "mrs_fetched",
        "mrs_ingested",
        "discussions_fetched",
        "notes_ingested",
        "resource_events_fetched",
        "mr_diffs_fetched",
        "closes_issues_fetched",
        "statuses_enriched",
        "docs_regenerated",
        "docs_embedded",
        "skipped_stale",
        "warnings",
        "deleted",
    ];
    let mut counters: Value = names.into_iter().map(|name| (name, 0)).collect();
    counters["issues_ingested"] = json!(12);
    counters["requests"] = json!(3);
    counters
}

pub(crate) fn outcome(completion: &str, error: Option<&str>) -> Value {
    json!({"completion_status": completion, "runs": [run("g/p", completion, error)]})
}

pub(crate) fn started() -> Value {
    json!({"job_id": 3, "joined": false, "run_ids": ["01RUN"]})
}

pub(crate) fn event(seq: u64, kind: &str, more: &Value) -> Value {
    let mut event = json!({"seq": seq, "at": TIME, "job_id": 3, "run_id": "01RUN", "kind": kind});
    for (name, value) in more.as_object().unwrap() {
        event[name] = value.clone();
    }
    event
}

pub(crate) fn finished(seq: u64, state: &str, result: &Value) -> Value {
    event(seq, "finished", &json!({"state": state, "result": result}))
}

pub(crate) fn status() -> Value {
    json!({
        "version": "0.1.0", "protocol": 1, "pid": 100, "started_at": TIME, "uptime_seconds": 9,
        "degraded": null,
        "places": {"config": "/c", "data_dir": "/d", "database": "/d/lore.db", "socket": "/s", "log_dir": "/l"},
        "schema_version": 1, "projects": [], "jobs": [], "locks": [], "hosts": [],
        "next_timer_at": null, "connections": 1, "embedding": null, "warnings": [],
    })
}

pub(crate) fn setup(written: bool) -> Value {
    json!({
        "config": "/c", "written": written, "gitlab_version": "18.5.0", "username": "alice",
        "scopes": ["read_api"], "expires_at": "2027-01-31", "clock_skew_seconds": 0,
        "projects": [{"asked": "g/p", "path": "g/p", "id": 1, "error": null,
                      "mirrored": false}],
        "checked_at": TIME,
    })
}
