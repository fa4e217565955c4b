//! `lore mcp` as an agent meets it: raw messages to the real program, over a
//! real daemon and a simulated GitLab.

mod agent;
mod stage;

use std::collections::BTreeSet;
use std::time::Duration;

use gitlab_sim::upstream::{ItemKind, ItemRef};
use gitlab_sim::{FaultKind, FaultRule, Route, RouteFilter, When};
use lore_e2e::eventually;
use lore_schemas::Validator;
use serde_json::{Value, json};

use self::agent::Agent;
use self::stage::{FILE, HUGE, ORDER, RESOLVED, Stage, THREADS};
use crate::support::PROJECT;

/// What an answer may take where nothing else is asked for.
const DEFAULT_BYTES: usize = 16_000;

/// A call of each tool that answers.
fn calls() -> Vec<(&'static str, Value)> {
    vec![
        ("status", json!({})),
        (
            "file_history",
            json!({"project": "app", "path": FILE, "discussions": true}),
        ),
        ("search", json!({"project": "app", "query": "instructions"})),
        ("get_issue", json!({"reference": "acme/app#1"})),
        (
            "get_merge_request",
            json!({"reference": HUGE, "project": "acme/app"}),
        ),
        ("list_issues", json!({"project": "app", "state": "all"})),
        (
            "list_merge_requests",
            json!({"project": "app", "state": "all", "since": "10w"}),
        ),
        ("sync_runs", json!({})),
        ("sync", json!({"issues": [1], "project": "app"})),
    ]
}

#[tokio::test(flavor = "multi_thread")]
async fn every_tool_answers_within_its_schema_and_its_bounds() {
    let stage = Stage::set().await;
    let mut agent = stage.agent();
    let list = agent.ask("tools/list", json!({}));
    let tools = list["result"]["tools"].as_array().unwrap();
    let named = |name: &str| tools.iter().find(|tool| tool["name"] == name).unwrap();
    assert_eq!(tools.len(), calls().len());
    for (name, arguments) in calls() {
        let result = agent.call(name, arguments);
        assert_ne!(result["isError"], true, "{name}: {result}");
        let size = result.to_string().len();
        assert!(size < DEFAULT_BYTES, "{name}: {size} bytes");
        let answer = &result["structuredContent"];
        let faults = Validator::new(&named(name)["outputSchema"]).faults(answer);
        assert!(faults.is_empty(), "{name}: {faults:?}");
        assert!(answer["notice"].as_str().unwrap().contains("untrusted"));
    }
    // One run of the ledger has another form than the list.
    let runs = agent.read("sync_runs", json!({"limit": 1}));
    let run_id = runs["data"]["runs"][0]["run_id"].clone();
    let run = agent.read("sync_runs", json!({"run_id": run_id}));
    let faults = Validator::new(&named("sync_runs")["outputSchema"]).faults(&run);
    assert!(faults.is_empty(), "{faults:?}");
    assert_eq!(run["data"]["run_id"], run_id);
    let sync = agent.read(
        "sync",
        json!({"issues": [1], "project": "app", "wait": false}),
    );
    assert_eq!(sync["data"]["state"], "started");
    assert_eq!(agent.end(), (Some(0), String::new()));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_huge_merge_request_is_read_page_by_page() {
    let stage = Stage::set().await;
    let mut agent = stage.agent();
    let ask = json!({"reference": "acme/app!2"});
    let pages = pages(&mut agent, &ask);
    assert!(pages.len() > 3, "{}", pages.len());
    let ids: Vec<&Value> = pages
        .iter()
        .flat_map(|page| page["data"]["threads"].as_array().unwrap())
        .map(|thread| &thread["discussion_id"])
        .collect();
    let distinct: BTreeSet<&str> = ids.iter().filter_map(|id| id.as_str()).collect();
    assert_eq!((ids.len(), distinct.len()), (THREADS, THREADS));

    let first = &pages[0];
    let cut = |what: &str| {
        let mut cuts = first["truncated"].as_array().unwrap().iter();
        cuts.find(|cut| cut["what"] == what)
            .cloned()
            .unwrap_or_else(|| panic!("{first}"))
    };
    assert_eq!(cut("threads")["total"], THREADS);
    assert_eq!(cut("files")["total"], 151);
    assert!(
        cut("description")["more"]
            .as_str()
            .unwrap()
            .contains("body_chars")
    );
    let files = |answer: &Value| answer["data"]["files"].as_array().unwrap().len();
    assert!(files(first) > 5);
    assert_eq!(files(&pages[1]), 0);
    assert_eq!(pages[1]["data"]["description"], "");

    // More room and longer texts, where they are asked for.
    let more = agent.read(
        "get_merge_request",
        json!({"reference": "acme/app!2", "max_bytes": 200_000, "body_chars": 5_000, "limit": 2}),
    );
    assert_eq!(files(&more), 100);
    let body = more["data"]["threads"][0]["notes"][0]["body"]
        .as_str()
        .unwrap();
    assert!(body.len() > 3_000, "{}", body.len());

    // What a reviewer still waits for, and what is said of one file.
    let total = |agent: &mut Agent, narrower: Value| {
        let mut ask = ask.clone();
        let fields = narrower.as_object().unwrap().clone();
        ask.as_object_mut().unwrap().extend(fields);
        agent.read("get_merge_request", ask)["data"]["threads_total"]
            .as_u64()
            .unwrap()
    };
    let unresolved = (THREADS - RESOLVED) as u64;
    assert_eq!(total(&mut agent, json!({"unresolved": true})), unresolved);
    assert_eq!(total(&mut agent, json!({"file": FILE})), THREADS as u64 / 2);
}

/// All pages of a merge request.
fn pages(agent: &mut Agent, ask: &Value) -> Vec<Value> {
    let mut pages = Vec::new();
    let mut ask = ask.clone();
    loop {
        let page = agent.read("get_merge_request", ask.clone());
        assert!(page.to_string().len() < DEFAULT_BYTES / 2);
        let cursor = page["data"]["next_cursor"].clone();
        pages.push(page);
        if cursor.is_null() {
            return pages;
        }
        ask["cursor"] = cursor;
        assert!(pages.len() < 100);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_others_wrote_stays_in_the_fields_of_data() {
    let stage = Stage::set().await;
    let mut agent = stage.agent();
    let mut seen = 0;
    for (name, arguments) in calls() {
        let mut answer = agent.read(name, arguments);
        seen += usize::from(answer["data"].take().to_string().contains("IGNORE ALL"));
        let rest = answer.to_string();
        assert!(!rest.contains("IGNORE ALL"), "{name}: {rest}");
    }
    assert!(seen >= 5, "{seen}");
    // Nor does an error repeat it as something to do.
    let error = agent.refused("get_issue", json!({"reference": ORDER, "project": "app"}));
    for told in ["next_step", "commands"] {
        assert!(!error[told].to_string().contains("db rebuild"), "{error}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_failure_says_what_it_is_and_what_to_do() {
    let stage = Stage::set().await;
    let mut agent = stage.agent();
    let error = agent.refused("list_issues", json!({"projct": "x"}));
    assert_eq!(error["code"], "USAGE");
    assert!(
        error["message"].as_str().unwrap().contains("`projct`"),
        "{error}"
    );
    let error = agent.refused("list_issues", json!({"project": "acme/ap"}));
    assert_eq!(error["code"], "PROJECT_UNKNOWN");
    assert_eq!(error["details"]["nearest"][0], "acme/app");
    // Neither checkout nor argument says which.
    let error = agent.refused("list_issues", json!({}));
    assert_eq!(error["code"], "AMBIGUOUS_PROJECT");
    assert_eq!(error["details"]["candidates"].as_array().unwrap().len(), 2);
    let error = agent.refused("sync", json!({}));
    assert_eq!(error["code"], "AMBIGUOUS_PROJECT");
    let error = agent.refused("get_issue", json!({"reference": "acme/app#999"}));
    assert_eq!(error["code"], "NOT_FOUND");
    assert!(error["next_step"].as_str().unwrap().contains("`sync`"));
    let error = agent.refused("sync", json!({"issues": [999], "project": "app"}));
    assert_eq!(error["code"], "SURGICAL_PREFLIGHT_FAILED");
    assert_eq!(error["details"]["failures"][0]["iid"], 999);

    // What makes no sense is an error of the protocol, and no end.
    let unknown = agent.ask("tools/call", json!({"name": "rebuild", "arguments": {}}));
    assert_eq!(unknown["error"]["code"], -32602, "{unknown}");
    let unknown = agent.ask("no/such", json!({}));
    assert_eq!(unknown["error"]["code"], -32601, "{unknown}");
    agent.send("{\"jsonrpc\": \"2.0\", \"id\": 77, \"meth");
    agent.send("");
    agent.read("status", json!({}));
    // The project of the server's own flags is the default.
    let mut of_app = Agent::start(stage.home.lore(&["mcp", "-p", "acme/app"]));
    let listed = of_app.read("list_issues", json!({}));
    assert_eq!(listed["data"]["project"]["path"], "acme/app");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sync_tells_how_far_it_is_and_brings_what_is_new() {
    let stage = Stage::set().await;
    let mut agent = stage.agent();
    let item = ItemRef::merge_request(PROJECT, 1);
    stage
        .sim
        .change(|upstream| upstream.set_title(item, 1, "Anew").unwrap());
    let url = format!("{}/acme/app/-/merge_requests/1#note_3", stage.sim.url());
    let reply = agent.ask(
        "tools/call",
        json!({"name": "sync", "arguments": {"urls": [url]}, "_meta": {"progressToken": "p1"}}),
    );
    let data = &reply["result"]["structuredContent"]["data"];
    assert_eq!(data["run"]["completion_status"], "succeeded", "{reply}");
    assert_eq!(data["run"]["requested"]["merge_requests"], json!([1]));
    let notices = std::mem::take(&mut agent.notices);
    assert!(notices.len() > 2, "{notices:?}");
    for (at, notice) in notices.iter().enumerate() {
        assert_eq!(notice["method"], "notifications/progress");
        assert_eq!(notice["params"]["progressToken"], "p1");
        let step = u32::try_from(at + 1).map(f64::from).ok();
        assert_eq!(notice["params"]["progress"].as_f64(), step);
        assert!(notice["params"]["message"].is_string());
    }
    let answer = agent.read("get_merge_request", json!({"reference": "acme/app!1"}));
    assert_eq!(answer["data"]["title"], "Anew");
    // Who gave no token is told nothing.
    agent.read("sync", json!({"project": "app"}));
    assert!(agent.notices.is_empty(), "{:?}", agent.notices);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sync_that_is_cancelled_ends_and_one_that_is_left_goes_on() {
    let stage = Stage::set().await;
    let held = RouteFilter::Item(Route::Item(ItemKind::Issue), 1);
    let never = FaultKind::Latency(Duration::from_mins(10));
    stage
        .sim
        .faults()
        .add(FaultRule::new(held, never, When::Always));
    let mut agent = stage.agent();
    let ask = json!({"name": "sync", "arguments": {"issues": [1], "project": "app"},
                     "_meta": {"progressToken": 1}});
    let id = agent.request("tools/call", ask.clone());
    while agent.notice()["params"]["message"] != "acme/app: preflight" {}
    agent.notify(
        "notifications/cancelled",
        &json!({"requestId": id, "reason": "enough"}),
    );
    // Nothing else is held up meanwhile.
    let newest = |agent: &mut Agent| {
        let runs = agent.read("sync_runs", json!({"limit": 1, "project": "app"}));
        runs["data"]["runs"][0].clone()
    };
    let mut ended = Value::Null;
    eventually("the run is cancelled", || {
        ended = newest(&mut agent);
        ended["status"] == "cancelled"
    })
    .await;

    agent.request("tools/call", ask);
    agent.notices.clear();
    eventually("the second run goes on", || {
        let run = newest(&mut agent);
        run["status"] == "running" && run["run_id"] != ended["run_id"]
    })
    .await;
    // The agent leaves without a word; the sync is the daemon's.
    let (exit, complaint) = agent.end();
    assert_eq!((exit, complaint.as_str()), (Some(0), ""));
    let mut agent = stage.agent();
    assert_eq!(newest(&mut agent)["status"], "running");
}

#[tokio::test(flavor = "multi_thread")]
async fn resources_are_read_by_address() {
    let stage = Stage::set().await;
    let mut agent = stage.agent();
    let list = agent.ask("resources/list", json!({}));
    let mut uris = list["result"]["resources"].as_array().unwrap().iter();
    let app = uris.find(|it| it["name"] == "acme/app").unwrap()["uri"]
        .as_str()
        .unwrap();
    let templates = agent.ask("resources/templates/list", json!({}));
    assert_eq!(
        templates["result"]["resourceTemplates"]
            .as_array()
            .unwrap()
            .len(),
        3
    );
    for (below, field, value) in [
        ("", "path", json!("acme/app")),
        ("/-/issues/1", "iid", json!(1)),
        ("/-/merge_requests/2", "threads_total", json!(THREADS)),
        ("/-/files/src/new%20name.rs", "path", json!(FILE)),
    ] {
        let uri = format!("{app}{below}");
        let reply = agent.ask("resources/read", json!({"uri": uri}));
        let content = &reply["result"]["contents"][0];
        assert_eq!(
            (&content["uri"], &content["mimeType"]),
            (&json!(uri), &json!("application/json"))
        );
        let text = content["text"].as_str().unwrap();
        assert!(text.len() < DEFAULT_BYTES);
        let answer: Value = serde_json::from_str(text).unwrap();
        assert_eq!(answer["data"][field], value, "{uri}");
        assert!(answer["notice"].as_str().unwrap().contains("untrusted"));
    }
    for below in ["/-/issues/999", "/-/pipelines/1"] {
        let reply = agent.ask("resources/read", json!({"uri": format!("{app}{below}")}));
        assert_eq!(reply["error"]["code"], -32002, "{reply}");
        assert_eq!(reply["error"]["data"]["error"]["code"], "NOT_FOUND");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_daemon_that_died_is_missed_no_longer_than_it_is_gone() {
    let mut stage = Stage::set().await;
    let mut agent = stage.agent();
    agent.read("status", json!({}));
    stage.daemon.kill();
    // This agent's `lore` may not start one.
    let error = agent.refused("status", json!({}));
    assert_eq!(error["code"], "DAEMON_UNAVAILABLE");
    let mut command = stage.home.lore(&["mcp"]);
    command.env_remove("LORE_NO_AUTOSTART");
    let mut starter = Agent::start(command);
    let listed = starter.read("list_issues", json!({"project": "app"}));
    assert_eq!(listed["data"]["total"], 1);
    // And it is the same one for all.
    agent.read("status", json!({}));
    let stopped = stage.home.lore(&["daemon", "stop"]).output().unwrap();
    assert!(stopped.status.success(), "{stopped:?}");
}
