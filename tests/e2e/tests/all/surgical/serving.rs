//! A daemon as a whole, for surgical syncs as a client asks for them.

use std::os::unix::fs::OpenOptionsExt as _;
use std::path::PathBuf;
use std::process::{Command, Output, Stdio};
use std::sync::Arc;
use std::time::Duration;

use gitlab_sim::Simulator;
use lore_daemon::daemon::Daemon;
use lore_daemon::life::{DaemonOptions, Running};
use lore_proto::events::EventBody;
use lore_proto::places::Places;
use lore_proto::sync::{RunResult, SyncRequest, SyncStarted};
use lore_proto::{ErrorCode, WireError};
use tempfile::TempDir;
use tokio::task::JoinHandle;

use crate::support::plain;

pub(super) const PATIENCE: Duration = Duration::from_mins(1);

/// A daemon that serves a simulator's project, with a home of its own.
pub(super) struct Served {
    pub(super) sim: Simulator,
    pub(super) daemon: Arc<Daemon>,
    home: TempDir,
    ended: JoinHandle<()>,
}

impl Served {
    pub(super) async fn start(sim: Simulator) -> Self {
        let home = tempfile::tempdir().unwrap();
        let token = home.path().join("token");
        let mut options = std::fs::OpenOptions::new();
        let file = options
            .write(true)
            .create_new(true)
            .mode(0o600)
            .open(&token);
        std::io::Write::write_all(&mut file.unwrap(), sim.token().as_bytes()).unwrap();
        let config = format!(
            "[hosts.\"gitlab.test\"]\nurl = \"{}\"\ntoken_file = \"{}\"\n\
             projects = [\"acme/app\", \"acme/other\"]\n[sync]\ninterval_seconds = 0\n\
             surgical_preflight_budget_seconds = 600\n",
            sim.url(),
            token.display()
        );
        std::fs::write(home.path().join("config.toml"), config).unwrap();
        let data_dir = home.path().join("data");
        let running = Running::start(DaemonOptions::new(Places {
            config: home.path().join("config.toml"),
            socket: data_dir.join("lored.sock"),
            log_dir: data_dir.join("logs"),
            data_dir,
            data_dir_was_told: true,
            config_was_told: true,
        }))
        .await
        .unwrap();
        let daemon = Arc::clone(running.daemon());
        let ended = tokio::spawn(running.wait());
        Self {
            sim,
            daemon,
            home,
            ended,
        }
    }

    /// Two projects, both mirrored.
    pub(super) async fn synced() -> Self {
        let sim = plain(5).upstream(|upstream| {
            upstream.create_project("acme/other");
        });
        let served = Self::start(sim.start_blocking().unwrap()).await;
        let started = served.daemon.start_sync(SyncRequest::default()).await;
        served.finished(&started.unwrap()).await.0.unwrap();
        served.sim.requests().clear();
        served
    }

    pub(super) async fn refused(&self, request: SyncRequest) -> ErrorCode {
        let before = self.sim.requests().len();
        let error = self.daemon.start_sync(request).await.unwrap_err();
        assert_eq!(self.sim.requests().len(), before, "{error}");
        error.code
    }

    /// Runs a sync and gives its run.
    pub(super) async fn run(&self, request: SyncRequest) -> RunResult {
        let started = self.daemon.start_sync(request).await.unwrap();
        let (run, error) = self.finished(&started).await;
        assert!(error.is_none(), "{error:?}");
        serde_json::from_value(run.unwrap()).unwrap()
    }

    pub(super) async fn finished(
        &self,
        started: &SyncStarted,
    ) -> (Option<serde_json::Value>, Option<WireError>) {
        let job = started.job_id.unwrap();
        let mut follow = self.daemon.scheduler().follow(job, 0).unwrap();
        let all = async {
            while let Some(event) = follow.next().await {
                if let EventBody::Finished { result, error, .. } = event.body {
                    return (result, error);
                }
            }
            panic!("the job's end is lost");
        };
        tokio::time::timeout(PATIENCE, all)
            .await
            .expect("the sync ends")
    }

    /// The client as a person runs it, against this daemon.
    pub(super) fn lore(&self, words: &[&str]) -> Command {
        let mut command = Command::new(client());
        command
            .args(words)
            .env_clear()
            .env("HOME", self.home.path())
            .env("PATH", "/usr/bin:/bin")
            .env("LORE_DATA_DIR", self.home.path().join("data"))
            .env("LORE_CONFIG", self.home.path().join("config.toml"))
            .env("LORE_NO_AUTOSTART", "1")
            .current_dir(self.home.path())
            .stdin(Stdio::null());
        command
    }

    pub(super) async fn output(&self, words: &[&str]) -> Output {
        let mut command = self.lore(words);
        let run = tokio::task::spawn_blocking(move || command.output().unwrap());
        let output = tokio::time::timeout(PATIENCE, run).await.unwrap().unwrap();
        if words.contains(&"--robot") {
            let stdout = std::str::from_utf8(&output.stdout).unwrap();
            let faults = lore_schemas::faults_of_robot_output(stdout);
            assert!(faults.is_empty(), "{words:?}: {faults:?}\n{stdout}");
        }
        output
    }

    pub(super) async fn stop(self) {
        self.daemon.request_stop(Some(Duration::ZERO));
        drop(self.daemon);
        let ended = tokio::time::timeout(PATIENCE, self.ended).await;
        ended.expect("the daemon ends").unwrap();
    }
}

/// `lore` beside this test, where a build of the workspace puts it.
fn client() -> PathBuf {
    let test = std::env::current_exe().unwrap();
    let client = test.ancestors().nth(2).unwrap().join("lore");
    assert!(
        client.is_file(),
        "{} is not there: `cargo build` comes before the end-to-end tests",
        client.display()
    );
    client
}
