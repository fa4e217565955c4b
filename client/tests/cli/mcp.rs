//! `lore mcp` as a process: the protocol's revisions, thin environments, and
//! how it ends. What the tools answer is met in the end-to-end tests.

use std::io::{BufRead as _, BufReader, Write as _};
use std::process::Stdio;

use serde_json::{Value, json};

use crate::fake::Fake;
use crate::process::{Home, Ran, run_with_input, wait};

fn request(id: u64, method: &str, params: &Value) -> String {
    json!({"jsonrpc": "2.0", "id": id, "method": method, "params": params}).to_string() + "\n"
}

fn initialize(version: &str) -> String {
    let client = json!({"name": "test", "version": "1"});
    request(
        1,
        "initialize",
        &json!({"protocolVersion": version, "capabilities": {}, "clientInfo": client}),
    ) + "{\"jsonrpc\":\"2.0\",\"method\":\"notifications/initialized\"}\n"
}

fn call(id: u64, tool: &str, arguments: &Value) -> String {
    request(
        id,
        "tools/call",
        &json!({"name": tool, "arguments": arguments}),
    )
}

/// What was answered to each request, by its id.
fn answers(ran: &Ran) -> Vec<(u64, Value)> {
    assert_eq!((ran.exit, ran.stderr.as_str()), (Some(0), ""), "{ran:?}");
    let answers = ran.stdout.lines().map(|line| {
        let answer: Value = serde_json::from_str(line).unwrap();
        (answer["id"].as_u64().unwrap(), answer)
    });
    let mut answers: Vec<_> = answers.collect();
    answers.sort_by_key(|(id, _)| *id);
    answers
}

/// The error that a tool's result tells.
fn told(answer: &Value) -> Value {
    assert_eq!(answer["result"]["isError"], true, "{answer}");
    let text = answer["result"]["content"][0]["text"].as_str().unwrap();
    serde_json::from_str::<Value>(text).unwrap()["error"].take()
}

#[test]
fn the_clients_revision_of_the_protocol_is_answered_where_it_is_known() {
    let home = Home::new();
    for (asked, given) in [
        ("2024-11-05", "2024-11-05"),
        ("2025-06-18", "2025-06-18"),
        ("2025-11-25", "2025-11-25"),
        ("1999-01-01", "2025-11-25"),
    ] {
        let ran = run_with_input(&mut home.lore(["mcp"]), &initialize(asked));
        let answers = answers(&ran);
        assert_eq!(answers[0].1["result"]["protocolVersion"], given, "{ran:?}");
        assert_eq!(answers[0].1["result"]["serverInfo"]["name"], "lore");
        let instructions = answers[0].1["result"]["instructions"].as_str().unwrap();
        assert!(instructions.contains("untrusted"));
    }
    // The revision without a handshake.
    let meta = json!({"io.modelcontextprotocol/protocolVersion": "2026-07-28",
                      "io.modelcontextprotocol/clientInfo": {"name": "test", "version": "1"},
                      "io.modelcontextprotocol/clientCapabilities": {}});
    let lines = request(1, "server/discover", &json!({"_meta": meta}))
        + &request(2, "tools/list", &json!({"_meta": meta}));
    let ran = run_with_input(&mut home.lore(["mcp"]), &lines);
    let answers = answers(&ran);
    let versions = answers[0].1["result"]["supportedVersions"].to_string();
    assert!(versions.contains("2026-07-28"), "{ran:?}");
    assert!(
        !answers[1].1["result"]["tools"]
            .as_array()
            .unwrap()
            .is_empty()
    );
}

#[test]
fn requests_that_stand_on_stdin_are_answered_before_it_ends() {
    let home = Home::new();
    let _daemon = Fake::new()
        .answers("daemon.status", crate::answers::status())
        .listen(&home.socket());
    let lines = initialize("2025-11-25")
        + &call(2, "status", &json!({}))
        + &call(3, "status", &json!({"max_bytes": 3}))
        + &request(4, "ping", &json!({}));
    // `LORE_ROBOT` is for documents, and this writes none.
    let ran = run_with_input(home.lore(["mcp"]).env("LORE_ROBOT", "1"), &lines);
    let answers = answers(&ran);
    let ids: Vec<u64> = answers.iter().map(|(id, _)| *id).collect();
    assert_eq!(ids, [1, 2, 3, 4], "{ran:?}");
    assert_eq!(
        answers[1].1["result"]["structuredContent"]["data"]["protocol"],
        1
    );
    assert!(
        told(&answers[2].1)["message"]
            .as_str()
            .unwrap()
            .contains("max_bytes")
    );
}

#[test]
fn a_thin_environment_is_an_error_that_can_be_read_and_no_crash() {
    let home = Home::new();
    let gone = home.path("gone");
    std::fs::create_dir(&gone).unwrap();
    let lines = initialize("2025-11-25") + &call(2, "list_issues", &json!({}));
    let mut command = home.lore(["mcp"]);
    command.env_clear().current_dir(&gone);
    let mut child = command.stdin(Stdio::piped()).spawn().unwrap();
    // The folder that it works in goes while it runs.
    std::fs::remove_dir(&gone).unwrap();
    let mut stdin = child.stdin.take().unwrap();
    stdin.write_all(lines.as_bytes()).unwrap();
    drop(stdin);
    let ran = wait(child);
    let error = told(&answers(&ran)[1].1);
    assert_eq!(error["code"], "USAGE");
    assert!(
        error["message"].as_str().unwrap().contains("HOME"),
        "{error}"
    );
}

#[test]
fn nobody_at_either_end_is_a_quiet_end() {
    let home = Home::new();
    let ran = run_with_input(&mut home.lore(["mcp"]), "");
    assert_eq!(
        (ran.exit, ran.stdout, ran.stderr),
        (Some(0), String::new(), String::new())
    );
    // An agent that stays at stdin and does not read stdout any more.
    let mut child = home.lore(["mcp"]).stdin(Stdio::piped()).spawn().unwrap();
    let mut stdin = child.stdin.take().unwrap();
    let mut stdout = BufReader::new(child.stdout.take().unwrap());
    stdin
        .write_all(initialize("2025-11-25").as_bytes())
        .unwrap();
    let mut line = String::new();
    stdout.read_line(&mut line).unwrap();
    assert!(line.contains("serverInfo"), "{line}");
    drop(stdout);
    stdin
        .write_all(request(2, "tools/list", &json!({})).as_bytes())
        .unwrap();
    let ran = wait(child);
    assert_eq!((ran.exit, ran.stderr), (Some(0), String::new()));
    drop(stdin);
}

#[test]
fn an_agent_that_is_gone_before_the_first_answer_is_a_quiet_end() {
    let home = Home::new();
    let mut child = home.lore(["mcp"]).stdin(Stdio::piped()).spawn().unwrap();
    drop(child.stdout.take());
    let mut stdin = child.stdin.take().unwrap();
    stdin
        .write_all(initialize("2025-11-25").as_bytes())
        .unwrap();
    let ran = wait(child);
    assert_eq!((ran.exit, ran.stderr.as_str()), (Some(0), ""), "{ran:?}");
    drop(stdin);
}

#[test]
fn what_is_no_mcp_is_said_on_stderr_alone() {
    let home = Home::new();
    let line = "{\"jsonrpc\":\"2.0\",\"method\":\"notifications/initialized\"}\n";
    for robot in ["0", "1"] {
        let ran = run_with_input(home.lore(["mcp"]).env("LORE_ROBOT", robot), line);
        assert_eq!((ran.exit, ran.stdout.as_str()), (Some(2), ""), "{ran:?}");
        assert!(ran.stderr.contains("MCP"), "{ran:?}");
        let ran = run_with_input(
            home.lore(["mcp", "--nonsense"]).env("LORE_ROBOT", robot),
            "",
        );
        assert_eq!((ran.exit, ran.stdout.as_str()), (Some(2), ""), "{ran:?}");
    }
}
