//! `lored` under a service manager: a socket that is passed, and what is told.
#![allow(clippy::unwrap_used)] // A test that cannot go on fails.

use std::io::{BufRead as _, BufReader, Write as _};
use std::os::fd::OwnedFd;
use std::os::unix::fs::PermissionsExt as _;
use std::os::unix::net::{UnixDatagram, UnixListener, UnixStream};
use std::path::PathBuf;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tempfile::TempDir;

/// The longest wait for anything here.
const PATIENCE: Duration = Duration::from_mins(1);

const LORED: &str = env!("CARGO_BIN_EXE_lored");

/// A home with a socket that is bound already, and with somebody to be told.
struct Home {
    folder: TempDir,
    told: UnixDatagram,
}

impl Home {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        std::fs::create_dir(folder.path().join("run")).unwrap();
        std::fs::set_permissions(
            folder.path().join("run"),
            std::fs::Permissions::from_mode(0o700),
        )
        .unwrap();
        let told = UnixDatagram::bind(folder.path().join("notify")).unwrap();
        told.set_read_timeout(Some(PATIENCE)).unwrap();
        Self { folder, told }
    }

    fn path(&self, below: &str) -> PathBuf {
        self.folder.path().join(below)
    }

    fn socket(&self) -> PathBuf {
        self.path("run/lored.sock")
    }

    /// A program with the environment that a unit gives `lored`.
    fn command(&self, program: &str) -> Command {
        let mut command = Command::new(program);
        command
            .env_clear()
            .env("HOME", self.folder.path())
            .env("PATH", "/usr/bin:/bin")
            .env("LORE_DATA_DIR", self.path("data"))
            .env("LORE_CONFIG", self.path("config.toml"))
            .env("NOTIFY_SOCKET", self.path("notify"))
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null());
        command
    }

    /// `lored` with `passed` as the first file that a service manager passes.
    fn passed(&self, passed: impl Into<OwnedFd>) -> Command {
        let mut command = self.command("sh");
        let script = "exec 3<&0 </dev/null; LISTEN_FDS=1 LISTEN_PID=$$ exec \"$0\" --log-stderr";
        command.args(["-c", script, LORED]);
        command.stdin(Stdio::from(passed.into()));
        command
    }

    fn is_told(&self, what: &str) {
        let mut bytes = [0; 100];
        let length = self.told.recv(&mut bytes).unwrap();
        assert_eq!(std::str::from_utf8(&bytes[..length]).unwrap().trim(), what);
    }

    fn call(&self, method: &str) -> Value {
        answer(ask(
            UnixStream::connect(self.socket()).unwrap(),
            method,
            &json!({}),
        ))
    }
}

fn ask(mut stream: UnixStream, method: &str, params: &Value) -> UnixStream {
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    let request = json!({ "jsonrpc": "2.0", "id": 1, "method": method, "params": params });
    writeln!(stream, "{request}").unwrap();
    stream
}

fn answer(stream: UnixStream) -> Value {
    let mut line = String::new();
    BufReader::new(stream).read_line(&mut line).unwrap();
    serde_json::from_str(&line).unwrap()
}

/// A started process, killed where a test ends without having ended it.
struct Started(Child);

impl Started {
    fn ended(mut self) -> ExitStatus {
        let deadline = Instant::now() + PATIENCE;
        loop {
            if let Some(status) = self.0.try_wait().unwrap() {
                return status;
            }
            assert!(Instant::now() < deadline, "it does not end");
            std::thread::sleep(Duration::from_millis(5));
        }
    }
}

impl Drop for Started {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[test]
fn a_passed_socket_is_served_and_left_for_the_next_one() {
    let home = Home::new();
    let listener = UnixListener::bind(home.socket()).unwrap();
    for _ in 0..2 {
        // Whoever comes while no daemon runs waits in the socket.
        let early = ask(
            UnixStream::connect(home.socket()).unwrap(),
            "daemon.status",
            &json!({}),
        );
        let lored = Started(home.passed(listener.try_clone().unwrap()).spawn().unwrap());
        home.is_told("READY=1");
        let status = answer(early);
        assert_eq!(
            status["result"]["places"]["socket"],
            json!(home.socket().to_str().unwrap())
        );
        let mode = std::fs::metadata(home.socket()).unwrap().permissions();
        assert_eq!(mode.mode() & 0o777, 0o600);
        home.call("daemon.shutdown");
        home.is_told("STOPPING=1");
        assert!(lored.ended().success());
        assert!(home.socket().exists());
    }
}

#[test]
fn what_a_token_command_is_given_says_nothing_of_the_service_manager() {
    let home = Home::new();
    let config = format!(
        "[hosts.h]\nurl = \"http://127.0.0.1:9\"\nprojects = [\"g/p\"]\n\
         token_command = [\"sh\", \"-c\", \"env > '{}'; echo glpat-x\"]\n[sync]\ninterval_seconds = 0\n",
        home.path("seen").display()
    );
    std::fs::write(home.path("config.toml"), config).unwrap();
    let listener = UnixListener::bind(home.socket()).unwrap();
    let lored = Started(home.passed(listener).spawn().unwrap());
    home.is_told("READY=1");
    home.call("auth.status");
    let seen = std::fs::read_to_string(home.path("seen")).unwrap();
    assert!(seen.contains("LORE_DATA_DIR"), "{seen}");
    for name in ["NOTIFY_SOCKET", "LISTEN_FDS", "LISTEN_PID"] {
        assert!(!seen.contains(name), "{seen}");
    }
    drop(lored);
}

#[test]
fn what_is_passed_and_cannot_be_served_on_is_refused_with_the_reason() {
    let home = Home::new();
    let file = std::fs::File::open("/dev/null").unwrap();
    let mut command = home.passed(file);
    let output = command.stderr(Stdio::piped()).output().unwrap();
    let stderr = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(12), "{stderr}");
    assert!(stderr.contains("no Unix socket"), "{stderr}");
    assert!(stderr.contains("lore daemon install"), "{stderr}");
    assert!(!home.socket().exists());
}

/// As systemd itself does it, where it is installed.
#[test]
fn systemd_socket_activate_starts_it_with_the_first_client() {
    const PROGRAM: &str = "systemd-socket-activate";
    let home = Home::new();
    let mut command = home.command(PROGRAM);
    command.arg("--listen").arg(home.socket());
    for name in ["LORE_DATA_DIR", "LORE_CONFIG", "NOTIFY_SOCKET", "HOME"] {
        command.args(["-E", name]);
    }
    command.args([LORED, "--log-stderr"]);
    let lored = match command.spawn() {
        Ok(child) => Started(child),
        Err(error) => {
            println!("skipped: {PROGRAM} cannot be run: {error}");
            return;
        }
    };
    let deadline = Instant::now() + PATIENCE;
    let stream = loop {
        match UnixStream::connect(home.socket()) {
            Ok(stream) => break stream,
            Err(error) => assert!(Instant::now() < deadline, "{error}"),
        }
        std::thread::sleep(Duration::from_millis(5));
    };
    let status = answer(ask(stream, "daemon.status", &json!({})));
    home.is_told("READY=1");
    // It became the daemon.
    assert_eq!(status["result"]["pid"], json!(lored.0.id()));
    home.call("daemon.shutdown");
    home.is_told("STOPPING=1");
    assert!(lored.ended().success());
    assert!(home.socket().exists());
}
