mod config;
mod database;
mod ending;

use std::collections::BTreeSet;
use std::path::Path;
use std::time::Duration;

use lore_proto::methods::{JOBS_SUBSCRIBE, JOBS_UNSUBSCRIBE, NAMES};
use lore_proto::{ErrorCode, PROTOCOL};
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::net::UnixStream;
use tokio::task::JoinHandle;

use super::*;
use crate::clock::SystemClock;
use crate::server::handlers;
use crate::server::testing::{LineClient, soon};

const CONFIG: &str = "[hosts.h]\nurl = \"http://127.0.0.1:9\"\nprojects = [\"group/project\"]\n\
                      [sync]\ninterval_seconds = 0\n";

struct Fixture {
    folder: TempDir,
}

impl Fixture {
    /// Places in a folder of its own, with this config, or with none.
    fn new(config: Option<&str>) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let fixture = Self { folder };
        if let Some(config) = config {
            fixture.edit(config);
        }
        fixture
    }

    /// Puts another config in the place of the one there is, as an editor
    /// does: the daemon looks at any moment, and never sees half of it.
    fn edit(&self, config: &str) {
        let edited = self.folder.path().join("config.toml.edited");
        std::fs::write(&edited, config).unwrap();
        std::fs::rename(&edited, self.config()).unwrap();
    }

    fn config(&self) -> std::path::PathBuf {
        self.folder.path().join("config.toml")
    }

    fn options(&self) -> DaemonOptions {
        let data_dir = self.folder.path().join("data");
        DaemonOptions {
            places: Places {
                config: self.config(),
                socket: data_dir.join("lored.sock"),
                log_dir: data_dir.join("logs"),
                data_dir,
                data_dir_was_told: true,
                config_was_told: true,
            },
            clock: Arc::new(SystemClock),
            seed: 1,
            passed: None,
        }
    }

    async fn start(&self) -> Started {
        let running = Running::start(self.options()).await.unwrap();
        let daemon = Arc::clone(running.daemon());
        Started {
            daemon,
            ended: tokio::spawn(running.wait()),
        }
    }
}

/// Asks again and again, with a pause, until it is so.
async fn until(is_so: impl AsyncFn() -> bool) {
    let asked = async {
        while !is_so().await {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    soon(asked).await;
}

struct Started {
    daemon: Arc<Daemon>,
    ended: JoinHandle<()>,
}

impl Started {
    async fn connect(&self) -> LineClient<UnixStream> {
        LineClient::new(
            UnixStream::connect(&self.daemon.places().socket)
                .await
                .unwrap(),
        )
    }

    async fn call(&self, method: &str, params: Value) -> Value {
        self.connect().await.call(1, method, &params).await
    }

    /// The code of the error that a call ends with.
    async fn code(&self, method: &str, params: Value) -> String {
        let reply = self.call(method, params).await;
        reply["error"]["data"]["code"]
            .as_str()
            .unwrap_or_else(|| panic!("{reply}"))
            .to_owned()
    }

    async fn stop(self) {
        self.daemon.request_stop(Some(Duration::ZERO));
        drop(self.daemon);
        soon(self.ended).await.unwrap();
    }
}

#[tokio::test]
async fn the_limits_of_the_socket_are_configured_and_follow_the_config() {
    let limited = |max_batch| format!("{CONFIG}\n[server]\nmax_batch = {max_batch}\n");
    let f = Fixture::new(Some(&limited(1)));
    let started = f.start().await;
    let batch = "[1,2]";
    let refused = async |client: &mut LineClient<UnixStream>| {
        client.send(batch).await;
        client.next().await.unwrap()["error"]["code"].clone()
    };
    let mut early = started.connect().await;
    assert_eq!(refused(&mut early).await, -32010);
    f.edit(&limited(2));
    let reloaded = started.call("daemon.reload", json!({})).await;
    assert!(reloaded["result"].is_object(), "{reloaded}");
    let mut late = started.connect().await;
    late.send(batch).await;
    assert_eq!(late.next().await.unwrap().as_array().unwrap().len(), 2);
    // Who was there keeps what it came in under.
    assert_eq!(refused(&mut early).await, -32010);
    drop((early, late));
    started.stop().await;
}

#[tokio::test]
async fn every_method_of_the_protocol_is_served_and_no_other() {
    let f = Fixture::new(Some(CONFIG));
    let started = f.start().await;
    let methods = handlers::methods(&started.daemon).unwrap();
    let served: BTreeSet<&str> = methods.method_names().collect();
    let mut known: BTreeSet<&str> = NAMES.iter().copied().collect();
    known.extend([JOBS_SUBSCRIBE, JOBS_UNSUBSCRIBE]);
    assert_eq!(served, known);
    drop(methods);
    started.stop().await;
}

#[tokio::test]
async fn the_handshake_names_places_and_refuses_what_does_not_fit() {
    let f = Fixture::new(Some(CONFIG));
    let started = f.start().await;
    let data = f.folder.path().join("data");
    let hello = |protocol: u32, data_dir: &Path| json!({ "protocol": protocol, "client_version": "9.9.9", "data_dir": data_dir, "config": f.config() });
    let reply = started.call("daemon.hello", hello(PROTOCOL, &data)).await;
    assert_eq!(reply["result"]["pid"], std::process::id(), "{reply}");
    assert_eq!(reply["result"]["degraded"], Value::Null);
    let link = f.folder.path().join("link");
    std::os::unix::fs::symlink(&data, &link).unwrap();
    let reply = started.call("daemon.hello", hello(PROTOCOL, &link)).await;
    assert!(reply["result"].is_object(), "{reply}");
    let reply = started
        .call("daemon.hello", hello(PROTOCOL, f.folder.path()))
        .await;
    assert_eq!(reply["error"]["data"]["code"], "DAEMON_UNAVAILABLE");
    assert_eq!(reply["error"]["data"]["retryable"], false);
    assert!(
        reply["error"]["message"]
            .as_str()
            .unwrap()
            .contains("another data folder"),
        "{reply}"
    );
    let reply = started
        .call("daemon.hello", hello(PROTOCOL + 1, &data))
        .await;
    assert_eq!(reply["error"]["data"]["code"], "PROTOCOL_MISMATCH");
    assert_eq!(
        reply["error"]["data"]["actions"],
        json!(["lore daemon restart"])
    );
    let mut older = hello(PROTOCOL - 1, &data);
    older["from_another_version"] = json!(true);
    let reply = started.call("daemon.hello", older).await;
    assert!(
        reply["error"]["message"]
            .as_str()
            .unwrap()
            .contains("upgrade lore"),
        "{reply}"
    );
    started.stop().await;
}

#[tokio::test]
async fn without_a_config_it_serves_what_needs_none_until_there_is_one() {
    let f = Fixture::new(None);
    let started = f.start().await;
    let status = started.call("daemon.status", json!({})).await;
    let degraded = status["result"]["degraded"].as_str().unwrap();
    assert!(degraded.contains("lore init"), "{degraded}");
    for (method, params) in [
        ("fileHistory.get", json!({ "path": "a" })),
        ("projects.list", json!({})),
        ("syncRuns.list", json!({})),
        ("sync.start", json!({})),
    ] {
        assert_eq!(
            started.code(method, params).await,
            "CONFIG_NOT_FOUND",
            "{method}"
        );
    }
    assert!(started.call("jobs.list", json!({})).await["result"].is_object());
    f.edit(CONFIG);
    let reply = started.call("daemon.reload", json!({})).await;
    assert_eq!(reply["result"]["projects"][0]["path"], "group/project");
    let reply = started.call("projects.resolve", json!({})).await;
    assert_eq!(
        reply["result"]["web_url"],
        "http://127.0.0.1:9/group/project"
    );
    assert_eq!(
        started
            .code("projects.resolve", json!({ "project": "x" }))
            .await,
        "PROJECT_UNKNOWN"
    );
    assert_eq!(
        started
            .code("fileHistory.get", json!({ "path": "a" }))
            .await,
        "NOT_FOUND"
    );
    started.stop().await;
}

#[tokio::test]
async fn a_bad_edit_leaves_the_config_from_before_in_force_and_says_so() {
    let f = Fixture::new(Some(CONFIG));
    let started = f.start().await;
    f.edit(&CONFIG.replace("interval_seconds", "intervall_seconds"));
    let reply = started.call("daemon.reload", json!({})).await;
    assert_eq!(reply["error"]["data"]["code"], "CONFIG_INVALID");
    assert_eq!(reply["error"]["data"]["details"]["line"], 5, "{reply}");
    let status = started.call("daemon.status", json!({})).await;
    let warning = &status["result"]["warnings"][0];
    assert_eq!(warning["code"], "CONFIG_INVALID");
    assert!(
        warning["message"]
            .as_str()
            .unwrap()
            .contains("stays in force"),
        "{warning}"
    );
    assert_eq!(status["result"]["projects"][0]["path"], "group/project");
    assert_eq!(status["result"]["degraded"], Value::Null);
    // Before a set-up asks a person anything: nothing is added to such a file.
    let proposed = started.call("setup.propose", json!({})).await;
    assert_eq!(proposed["error"]["data"]["code"], "CONFIG_INVALID");
    f.edit(CONFIG);
    started.call("daemon.reload", json!({})).await;
    let proposed = started.call("setup.propose", json!({})).await;
    assert!(proposed["result"]["hosts"].is_array(), "{proposed}");
    let status = started.call("daemon.status", json!({})).await;
    assert_eq!(status["result"]["warnings"], json!([]));
    started.stop().await;
}

#[tokio::test]
async fn an_edited_config_is_noticed_without_a_word() {
    let f = Fixture::new(Some(CONFIG));
    let started = f.start().await;
    f.edit(&CONFIG.replace("group/project", "another/one"));
    // The next request that comes after the last look was long enough ago.
    let noticed = until(async || {
        let reply = started.call("projects.list", json!({})).await;
        reply["result"]["projects"][0]["path"] == "another/one"
    });
    noticed.await;
    started.stop().await;
}

#[tokio::test]
async fn a_database_of_a_newer_lore_is_left_alone_and_named() {
    let f = Fixture::new(Some(CONFIG));
    f.start().await.stop().await;
    let database = f.folder.path().join("data/lore.db");
    let connection = rusqlite::Connection::open(&database).unwrap();
    connection
        .pragma_update(None, "user_version", 9_999)
        .unwrap();
    drop(connection);
    let started = f.start().await;
    assert_eq!(
        started
            .code("fileHistory.get", json!({ "path": "a" }))
            .await,
        "SCHEMA_TOO_NEW"
    );
    let status = started.call("daemon.status", json!({})).await;
    assert!(
        status["result"]["degraded"]
            .as_str()
            .unwrap()
            .contains("9999"),
        "{status}"
    );
    assert_eq!(status["result"]["schema_version"], Value::Null);
    started.stop().await;
    let connection = rusqlite::Connection::open(&database).unwrap();
    let version: i64 = connection
        .query_row("PRAGMA user_version", [], |row| row.get(0))
        .unwrap();
    assert_eq!(version, 9_999);
}

#[tokio::test]
async fn a_second_daemon_is_refused_until_the_first_has_stopped() {
    let f = Fixture::new(Some(CONFIG));
    let first = f.start().await;
    let refused = Running::start(f.options()).await.unwrap_err().to_wire();
    assert_eq!(refused.code, ErrorCode::DatabaseLocked);
    assert!(first.call("daemon.status", json!({})).await["result"].is_object());
    first.stop().await;
    assert!(!f.folder.path().join("data/lored.sock").exists());
    f.start().await.stop().await;
}

#[tokio::test]
async fn a_dry_run_is_answered_at_once_and_an_unreachable_host_fails_the_run_alone() {
    let f = Fixture::new(Some(CONFIG));
    let started = f.start().await;
    let reply = started.call("sync.start", json!({ "dry_run": true })).await;
    assert_eq!(reply["result"]["job_id"], Value::Null, "{reply}");
    assert_eq!(
        reply["result"]["plan"]["projects"][0]["project"],
        "group/project"
    );
    assert_eq!(
        started
            .code("sync.start", json!({ "project": "x/y" }))
            .await,
        "PROJECT_UNKNOWN"
    );
    assert_eq!(
        started.code("sync.start", json!({ "host": "x" })).await,
        "HOST_UNKNOWN"
    );
    let reply = started.call("sync.start", json!({})).await;
    let mut client = started.connect().await;
    let job_id = &reply["result"]["job_id"];
    client
        .call(1, "jobs.subscribe", &json!({ "job_id": job_id }))
        .await;
    let finished = loop {
        let event = client.next().await.unwrap()["params"]["result"].clone();
        if event["kind"] == "finished" {
            break event;
        }
    };
    // The config names no token.
    assert_eq!(finished["error"]["code"], "TOKEN_MISSING", "{finished}");
    let run_id = &reply["result"]["run_ids"][0];
    let run = started
        .call("syncRuns.get", json!({ "run_id": run_id }))
        .await;
    assert_eq!(run["result"]["data"]["status"], "failed", "{run}");
    started.stop().await;
}

/// Longer than any idle daemon waits.
const AN_HOUR: Duration = Duration::from_hours(1);

impl Fixture {
    /// A daemon on a socket that a service manager has bound.
    async fn start_passed(&self) -> Started {
        let mut options = self.options();
        crate::server::own_folder(&options.places.data_dir).unwrap();
        let path = options.places.socket.clone();
        let listener = std::os::unix::net::UnixListener::bind(&path).unwrap();
        options.passed = Some(Arc::new(PassedSocket { listener, path }));
        let running = Running::start(options).await.unwrap();
        let daemon = Arc::clone(running.daemon());
        Started {
            daemon,
            ended: tokio::spawn(running.wait()),
        }
    }
}

// Time flies in these while everything waits.

#[tokio::test(start_paused = true)]
async fn one_that_its_next_client_starts_again_ends_when_nobody_wants_anything() {
    let fixture = Fixture::new(Some(CONFIG));
    let started = fixture.start_passed().await;
    let mut client = started.connect().await;
    client.call(1, "daemon.status", &json!({})).await;
    let Started { daemon, mut ended } = started;
    drop(daemon);
    assert!(tokio::time::timeout(AN_HOUR, &mut ended).await.is_err());
    drop(client);
    tokio::time::timeout(AN_HOUR, ended).await.unwrap().unwrap();
    assert!(fixture.options().places.socket.exists());
}

#[tokio::test(start_paused = true)]
async fn one_that_has_a_timer_or_its_own_socket_stays() {
    let timed = Fixture::new(Some(&CONFIG.replace("interval_seconds = 0", "")));
    let own = Fixture::new(Some(CONFIG));
    let broken = Fixture::new(Some("[hosts"));
    for started in [
        timed.start_passed().await,
        own.start().await,
        broken.start_passed().await,
    ] {
        let Started { daemon, mut ended } = started;
        assert!(tokio::time::timeout(AN_HOUR, &mut ended).await.is_err());
        daemon.request_stop(Some(Duration::ZERO));
        drop(daemon);
        ended.await.unwrap();
    }
}
