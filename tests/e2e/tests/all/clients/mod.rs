//! Clients that others wrote, on the socket of a real `lored`: each asks for
//! its status and a file's history, runs a surgical sync and follows it,
//! cancels another, and is told of an error.
//!
//! What comes from a package registry is installed into the build folder, once;
//! where a tool cannot be had, its test says so by name and passes.

mod editors;
mod tools;

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use gitlab_sim::upstream::ItemKind;
use gitlab_sim::{
    FaultKind, FaultRule, Moment, Route, RouteFilter, Simulator, SimulatorBuilder, When,
};
use lore_e2e::{DaemonProcess, HOST, Home};
use serde_json::{Value, json};

use self::tools::{installed, run, skipped};
use crate::support::generated;

const ITEMS: usize = 6;
/// Longer than a test lasts: a sync that comes here has to be cancelled.
const HELD: Duration = Duration::from_mins(10);
const PATIENCE: Duration = Duration::from_mins(1);

/// A daemon with a mirror, and what its clients are told to ask.
struct Stage {
    home: Home,
    _daemon: DaemonProcess,
    _sim: Simulator,
    /// Parameters that all clients are given.
    asked: Value,
    /// What each has to see.
    expected: Value,
}

impl Stage {
    async fn set() -> Self {
        let now = Moment::from_micros(jiff::Timestamp::now().as_microsecond());
        let config = generated(57, ITEMS);
        let sim = SimulatorBuilder::new()
            .now(now)
            .generate(&config)
            .start_blocking()
            .unwrap();
        sim.clock().follow_real_time();
        let (project, file, merge_request, held) = sim.read(|upstream| {
            let project = upstream.projects.values().next().unwrap();
            let path = project.path_with_namespace.clone();
            let mut all = project.merge_requests.iter().rev();
            let (&held, _) = all.next().unwrap();
            let (&iid, merge_request) = all.next().unwrap();
            let file = merge_request.versions[0].files[0].new_path.clone();
            (path, file, iid, held)
        });
        let home = Home::new(
            &sim,
            std::slice::from_ref(&project),
            "interval_seconds = 0\nsurgical_preflight_budget_seconds = 600",
        );
        let daemon = home.start().await;
        let mut own = daemon.connect().await.unwrap();
        let started = own.request("sync.start", json!({})).await.unwrap();
        let job = json!({ "job_id": started["job_id"] });
        own.request("jobs.subscribe", job).await.unwrap();
        while own.notice().await["params"]["result"]["kind"] != "finished" {}
        let asked = json!({ "path": file, "project": project });
        let history = own.request("fileHistory.get", asked).await.unwrap();
        let found = history["data"]["merge_requests"].as_array().unwrap();
        let iids: Vec<&Value> = found.iter().map(|it| &it["iid"]).collect();
        assert!(!iids.is_empty(), "{history}");
        let status = own.request("daemon.status", json!({})).await.unwrap();
        let expected = json!({
            "version": status["version"],
            "found": iids,
            "synced": "succeeded",
            "cancelled": "cancelled",
            "unknown": [-32601, "USAGE"],
            "refused": "PROJECT_UNKNOWN",
        });
        sim.faults().add(FaultRule::new(
            RouteFilter::Item(Route::Item(ItemKind::MergeRequest), held),
            FaultKind::Latency(HELD),
            When::Always,
        ));
        let asked = json!({
            "path": file, "project": project, "merge_request": merge_request, "held": held,
        });
        Self {
            home,
            _daemon: daemon,
            _sim: sim,
            asked,
            expected,
        }
    }

    /// What a script that talks to the socket prints.
    async fn seen_by(&self, mut command: Command) -> Value {
        command.arg(self.home.socket()).arg(self.asked.to_string());
        let run = tokio::task::spawn_blocking(move || run(command, ""));
        let output = run.await.unwrap().expect("the client runs");
        serde_json::from_str(&output).expect("it prints what it saw")
    }

    /// That a client saw all, and the sync as it went.
    fn assert_seen(&self, mut seen: Value) {
        let kinds = seen["kinds"].take();
        seen.as_object_mut().unwrap().remove("kinds");
        assert_eq!(seen, self.expected);
        let kinds: Vec<&str> = kinds
            .as_array()
            .unwrap()
            .iter()
            .filter_map(Value::as_str)
            .collect();
        assert_eq!(kinds[..2], ["queued", "started"], "{kinds:?}");
        assert_eq!(kinds.last(), Some(&"finished"), "{kinds:?}");
        for kind in ["phase", "entity"] {
            assert!(kinds.contains(&kind), "{kinds:?}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn vscode_jsonrpc_speaks_frames() {
    let package = match tools::npm("vscode-jsonrpc") {
        Ok(folder) => folder,
        Err(why) => return skipped("vscode-jsonrpc", "npm install vscode-jsonrpc", &why),
    };
    let stage = Stage::set().await;
    let mut node = Command::new("node");
    node.arg(script("vscode.js")).env("NODE_PATH", package);
    let seen = stage.seen_by(node).await;
    stage.assert_seen(seen);
}

#[tokio::test(flavor = "multi_thread")]
async fn python_websockets_speaks_websocket() {
    let python = match tools::pip("websockets") {
        Ok(python) => python,
        Err(why) => return skipped("websockets", "pip install websockets", &why),
    };
    let stage = Stage::set().await;
    let mut command = Command::new(python);
    command.arg(script("websocket.py"));
    let seen = stage.seen_by(command).await;
    stage.assert_seen(seen);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_python_sdk_of_mcp_is_an_agent() {
    // Its own way of being a client is not two years old.
    let python = match tools::pip("mcp==2.3.0") {
        Ok(python) => python,
        Err(why) => return skipped("mcp", "pip install mcp==2.3.0", &why),
    };
    let stage = Stage::set().await;
    let lore = stage.home.lore(&["mcp"]);
    let variables = lore.get_envs().filter_map(|(name, value)| {
        let value = value?.to_string_lossy().into_owned();
        Some((name.to_string_lossy().into_owned(), json!(value)))
    });
    let server = json!({
        "command": lore.get_program().to_string_lossy(),
        "args": ["mcp"],
        "env": variables.collect::<serde_json::Map<_, _>>(),
        "cwd": "/",
    });
    let mut asked = stage.asked.clone();
    let (project, iid) = (asked["project"].as_str().unwrap(), &asked["merge_request"]);
    asked["resource"] = json!(format!("lore://{HOST}/{project}/-/merge_requests/{iid}"));
    let mut command = Command::new(python);
    command
        .arg(script("agent.py"))
        .args([server.to_string(), asked.to_string()]);
    let run = tokio::task::spawn_blocking(move || run(command, ""));
    let seen: Value = serde_json::from_str(&run.await.unwrap().unwrap()).unwrap();
    let reads = [
        "file_history",
        "get_issue",
        "get_merge_request",
        "list_issues",
        "list_merge_requests",
        "search",
        "status",
        "sync_runs",
    ];
    let mut all = Vec::from(reads);
    all.push("sync");
    all.sort_unstable();
    for (seen, protocol) in seen
        .as_array()
        .unwrap()
        .iter()
        .zip(["2025-11-25", "2026-07-28"])
    {
        let expected = json!({
            "protocol": protocol,
            "tools": all,
            "read_only": reads,
            "templates": 3,
            "found": stage.expected["found"],
            "synced": "succeeded",
            "progress": true,
            "resource": asked["merge_request"],
            "refused": [true, "PROJECT_UNKNOWN"],
        });
        assert_eq!(*seen, expected);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn curl_posts_and_polls() {
    if let Err(why) = installed("curl") {
        return skipped("curl", "apt install curl", &why);
    }
    let stage = Stage::set().await;
    let curl = Curl(stage.home.socket());
    let (project, path) = (&stage.asked["project"], &stage.asked["path"]);
    let status = curl.call("daemon.status", json!({})).await;
    let asked = json!({ "path": path, "project": project });
    let history = curl.call("fileHistory.get", asked).await;
    let found = history["result"]["data"]["merge_requests"]
        .as_array()
        .unwrap();
    let found: Vec<&Value> = found.iter().map(|it| &it["iid"]).collect();
    let targets = |iid: &Value| json!({ "project": project, "merge_requests": [iid] });
    let sync = targets(&stage.asked["merge_request"]);
    let synced = curl.call("sync.start", sync).await["result"]["job_id"].take();
    let held = targets(&stage.asked["held"]);
    let held = curl.call("sync.start", held).await["result"]["job_id"].take();
    let cancelled = curl.call("jobs.cancel", json!({ "job_id": held })).await;
    assert_eq!(cancelled["result"]["cancelled"], true, "{cancelled}");
    let unknown = curl.call("no.such", json!({})).await["error"].take();
    let elsewhere = json!({ "path": path, "project": "no/such" });
    let refused = curl.call("fileHistory.get", elsewhere).await["error"].take();
    let seen = json!({
        "version": status["result"]["version"],
        "found": found,
        "synced": curl.ended(&synced).await,
        "cancelled": curl.ended(&held).await,
        "unknown": [unknown["code"], unknown["data"]["code"]],
        "refused": refused["data"]["code"],
    });
    assert_eq!(seen, stage.expected);
    // What is curl's own: the type that it gives by default is not served, and
    // the page that a browser would send neither.
    let form = curl.send(&["--data", "{}"], "").await;
    assert!(form.contains("application/json"), "{form}");
    let page = curl
        .send(&["--data", "{}", "-H", "Origin: https://x.example"], "")
        .await;
    assert!(page.contains("`Origin`"), "{page}");
    // A body over the bound, which curl asks about before it sends it.
    let large = format!("\"{}\"", "x".repeat(11 << 20));
    let large = curl.send(&POST, &large).await;
    assert!(large.contains("-32007"), "{large}");
}

const POST: [&str; 4] = [
    "-H",
    "Content-Type: application/json",
    "--data-binary",
    "@-",
];

/// `curl` on a socket.
struct Curl(PathBuf);

impl Curl {
    async fn call(&self, method: &str, params: Value) -> Value {
        let call = json!({ "jsonrpc": "2.0", "id": "c", "method": method, "params": params });
        let reply = self.send(&POST, &call.to_string()).await;
        let reply: Value = serde_json::from_str(&reply).unwrap();
        assert_eq!(reply["id"], "c", "{reply}");
        reply
    }

    async fn send(&self, words: &[&str], body: &str) -> String {
        let mut command = Command::new("curl");
        command
            .args(["--silent", "--show-error", "--max-time", "60"])
            .arg("--unix-socket")
            .arg(&self.0)
            .args(words)
            .arg("http://localhost/");
        let body = body.to_owned();
        let run = tokio::task::spawn_blocking(move || run(command, &body));
        run.await.unwrap().expect("curl runs")
    }

    /// How a job ended, asked until it has.
    async fn ended(&self, job: &Value) -> Value {
        let ended = async {
            loop {
                let mut reply = self.call("jobs.get", json!({ "job_id": job })).await;
                if !reply["result"]["finished_at"].is_null() {
                    return reply["result"]["state"].take();
                }
            }
        };
        tokio::time::timeout(PATIENCE, ended)
            .await
            .expect("the job ends")
    }
}

fn script(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/all/clients")
        .join(name)
}
