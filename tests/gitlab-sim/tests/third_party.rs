//! A client that others wrote for GitLab must not be able to tell.
//!
//! python-gitlab is installed into a virtual environment of the build folder,
//! once; where that is not possible the test says so and passes.

#![expect(clippy::unwrap_used, reason = "a test ends where its helper fails")]

use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::sync::mpsc;
use std::time::Duration;

use gitlab_sim::upstream::{ClosingLink, Issuable, ItemKind, ItemState, Project, Upstream};
use gitlab_sim::{GeneratorConfig, SimulatorBuilder};
use serde_json::{Value, json};

const PACKAGE: &str = "python-gitlab";
const PROJECT: u64 = 42;

#[test]
fn python_gitlab_sees_what_the_upstream_holds() {
    let python = match environment() {
        Ok(python) => python,
        Err(why) => {
            println!("skipped: {PACKAGE} cannot be installed: {why}");
            return;
        }
    };
    let config = GeneratorConfig {
        issues: 60,
        merge_requests: 40,
        long_thread: 40,
        huge_merge_requests: 0,
        ..GeneratorConfig::default()
    };
    let sim = SimulatorBuilder::new()
        .generate(&config)
        .start_blocking()
        .unwrap();
    let upstream = sim.snapshot();
    let project = upstream.project(PROJECT).unwrap();
    let mut issues: Vec<&Issuable> = project.issues.values().map(|issue| &issue.common).collect();
    issues.sort_by_key(|item| (item.updated_at, std::cmp::Reverse(item.id)));
    let since = issues[issues.len() / 2].updated_at;

    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/third_party.py");
    let mut command = Command::new(python);
    command
        .arg(script)
        .args([
            &sim.url(),
            sim.token(),
            &PROJECT.to_string(),
            &project.path_with_namespace,
        ])
        .env("SINCE", since.rfc3339(0))
        .env("NO_PROXY", "127.0.0.1")
        .env_remove("http_proxy")
        .env_remove("HTTP_PROXY");
    let output = bounded(command).unwrap();
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{errors}");
    let seen: Value = serde_json::from_slice(&output.stdout).unwrap();

    let iids = |items: &[&Issuable]| json!(items.iter().map(|item| item.iid).collect::<Vec<_>>());
    assert_eq!(seen["user"], "sim-mirror");
    assert_eq!(seen["version"], "18.5.1-ee");
    assert_eq!(seen["same_project"], true);
    assert_eq!(seen["found"], json!([PROJECT]));
    assert_eq!(seen["issues"], iids(&issues));
    assert_eq!(seen["issues_keyset"], iids(&issues));
    assert_eq!(seen["issues_total"], issues.len());
    let since: Vec<&Issuable> = issues
        .iter()
        .copied()
        .filter(|item| item.updated_at.as_millis() >= since.as_millis())
        .collect();
    assert_eq!(sorted(&seen["issues_since"]), sorted(&iids(&since)));
    let opened: Vec<&Issuable> = issues
        .iter()
        .copied()
        .filter(|item| item.state == ItemState::Opened)
        .collect();
    assert_eq!(sorted(&seen["issues_opened"]), sorted(&iids(&opened)));
    let few: Vec<u64> = (1..=3)
        .filter(|iid| project.issues.contains_key(iid))
        .collect();
    assert_eq!(sorted(&seen["issues_by_iid"]), sorted(&json!(few)));
    let mut merge_requests: Vec<_> = project
        .merge_requests
        .values()
        .map(|mr| &mr.common)
        .collect();
    merge_requests.sort_by_key(|item| std::cmp::Reverse((item.created_at, item.id)));
    assert_eq!(seen["merge_requests"], iids(&merge_requests));
    merge_requests.retain(|item| item.state == ItemState::Merged);
    assert_eq!(
        seen["merged"].as_array().unwrap().len(),
        merge_requests.len()
    );
    let mut labels: Vec<_> = project.labels.values().map(|label| &label.name).collect();
    labels.sort();
    assert_eq!(seen["labels"], json!(labels));
    let mut milestones: Vec<_> = project.milestones.values().map(|one| &one.title).collect();
    milestones.sort();
    assert_eq!(seen["milestones"], json!(milestones));
    assert_eq!(seen["missing"], json!([404, "404 Not found"]));
    assert_eq!(seen["refused"], 401);

    let entries = seen["items"].as_array().unwrap();
    assert_eq!(
        entries.len(),
        project.issues.len() + project.merge_requests.len()
    );
    for entry in entries {
        let iid = entry["iid"].as_u64().unwrap();
        let kind = match entry["kind"].as_str() {
            Some("issue") => ItemKind::Issue,
            _ => ItemKind::MergeRequest,
        };
        assert_eq!(*entry, expected(&upstream, sim.token(), project, kind, iid));
    }
    assert!(sim.requests().with_unknown_params().is_empty());
}

/// What the script says of one item, from the upstream itself.
fn expected(
    upstream: &Upstream,
    token: &str,
    project: &Project,
    kind: ItemKind,
    iid: u64,
) -> Value {
    let viewer = upstream.viewer(Some(token)).unwrap();
    let item = match kind {
        ItemKind::Issue => &project.issues[&iid].common,
        ItemKind::MergeRequest => &project.merge_requests[&iid].common,
    };
    let mut notes: Vec<u64> = item
        .notes()
        .filter(|note| viewer.sees_note(project, note))
        .map(|note| note.id)
        .collect();
    notes.sort_unstable();
    let labels: Vec<u64> = item
        .label_events
        .iter()
        .filter(|event| viewer.sees_label_event(project, event))
        .map(|event| event.id)
        .collect();
    let states: Vec<&str> = item
        .state_events
        .iter()
        .map(|event| event.state.as_str())
        .collect();
    let milestones: Vec<u64> = item.milestone_events.iter().map(|event| event.id).collect();
    let mut entry = json!({
        "kind": if kind == ItemKind::Issue { "issue" } else { "merge_request" },
        "iid": iid, "title": item.title, "notes": notes, "labels": labels, "states": states,
        "milestones": milestones,
    });
    if kind == ItemKind::MergeRequest {
        let merge_request = &project.merge_requests[&iid];
        let ready = merge_request.ready_version(upstream.now());
        let mut closes: Vec<String> = merge_request
            .closes
            .iter()
            .filter_map(|link| match link {
                ClosingLink::External { id, .. } => Some(id.clone()),
                ClosingLink::Issue { project_id, iid } => {
                    let issue = upstream.issue(*project_id, *iid).ok()?;
                    Some(issue.common.id.to_string())
                }
            })
            .collect();
        closes.sort();
        entry["closes"] = json!(closes);
        let versions: Vec<u64> = ready.iter().map(|version| version.id).collect();
        entry["versions"] = json!(versions);
        let files = ready.iter().flat_map(|version| version.files.iter());
        entry["changes"] = files.map(|file| json!(file.new_path)).collect();
        entry["commits"] = merge_request
            .commits
            .iter()
            .map(|commit| json!(commit.id))
            .collect();
    }
    entry
}

fn sorted(value: &Value) -> Vec<u64> {
    let mut numbers: Vec<u64> = serde_json::from_value(value.clone()).unwrap();
    numbers.sort_unstable();
    numbers
}

/// The interpreter of an environment that has the package.
fn environment() -> Result<PathBuf, String> {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("python-gitlab");
    let python = folder.join("bin/python");
    let works = |python: &Path| {
        let mut command = Command::new(python);
        command.args(["-c", "import gitlab"]);
        python.exists() && bounded(command).is_ok_and(|output| output.status.success())
    };
    if works(&python) {
        return Ok(python);
    }
    let mut venv = Command::new("python3");
    venv.args(["-m", "venv", "--clear"]).arg(&folder);
    succeed(venv)?;
    let mut install = Command::new(&python);
    install.args([
        "-m",
        "pip",
        "install",
        "--quiet",
        "--disable-pip-version-check",
    ]);
    install.args(["--timeout", "10", "--retries", "1", PACKAGE]);
    succeed(install)?;
    Ok(python)
}

fn succeed(command: Command) -> Result<(), String> {
    let output = bounded(command)?;
    if output.status.success() {
        return Ok(());
    }
    let errors = String::from_utf8_lossy(&output.stderr);
    Err(errors
        .lines()
        .last()
        .unwrap_or("no reason given")
        .to_owned())
}

/// Runs a command to its end, or to that of two minutes.
fn bounded(mut command: Command) -> Result<Output, String> {
    let child = command
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .map_err(|error| error.to_string())?;
    let id = child.id();
    let (done, finished) = mpsc::channel();
    std::thread::spawn(move || done.send(child.wait_with_output()));
    if let Ok(output) = finished.recv_timeout(Duration::from_mins(2)) {
        return output.map_err(|error| error.to_string());
    }
    // The thread still waits for it, so the id is not used again.
    let _ = Command::new("kill").arg(id.to_string()).status();
    Err(format!("{command:?} took longer than two minutes"))
}
