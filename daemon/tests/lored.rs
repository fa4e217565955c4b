//! The program `lored` as a process: what only a process can show.
#![allow(clippy::unwrap_used)] // A test that cannot go on fails.

use std::io::{BufRead as _, BufReader, Write as _};
use std::os::unix::fs::PermissionsExt as _;
use std::os::unix::net::UnixStream;
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Output, Stdio};
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tempfile::TempDir;

/// The longest wait for anything here.
const PATIENCE: Duration = Duration::from_mins(1);

struct Home(TempDir);

impl Home {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    fn path(&self, below: &str) -> PathBuf {
        self.0.path().join(below)
    }

    /// `lored` with nothing of this process's environment.
    fn lored(&self) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_lored"));
        command
            .env_clear()
            .env("HOME", self.0.path())
            .env("LORE_DATA_DIR", self.path("data"))
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::piped());
        command
    }

    fn socket(&self) -> PathBuf {
        self.path("data/lored.sock")
    }

    fn start(&self) -> Daemon {
        self.start_as(self.lored())
    }

    fn start_as(&self, mut command: Command) -> Daemon {
        let daemon = Daemon(command.spawn().unwrap());
        until("it answers", || {
            self.call("daemon.status", &json!({})).is_some()
        });
        daemon
    }

    /// One call; none where nobody answers.
    fn call(&self, method: &str, params: &Value) -> Option<Value> {
        let mut stream = UnixStream::connect(self.socket()).ok()?;
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        let request = json!({ "jsonrpc": "2.0", "id": 1, "method": method, "params": params });
        writeln!(stream, "{request}").ok()?;
        let mut line = String::new();
        BufReader::new(stream).read_line(&mut line).ok()?;
        serde_json::from_str(&line).ok()
    }
}

/// A started `lored`, killed where a test ends without having ended it.
struct Daemon(Child);

impl Daemon {
    fn signal(&self, name: &str) {
        let sent = Command::new("kill")
            .args(["-s", name, &self.0.id().to_string()])
            .status();
        assert!(sent.unwrap().success());
    }

    fn ended(mut self) -> ExitStatus {
        until("it ends", || self.0.try_wait().unwrap().is_some());
        self.0.wait().unwrap()
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn until(what: &str, mut condition: impl FnMut() -> bool) {
    let deadline = Instant::now() + PATIENCE;
    while !condition() {
        assert!(Instant::now() < deadline, "waited too long until {what}");
        // Gently: other tests want the processor too.
        std::thread::sleep(Duration::from_millis(5));
    }
}

fn mode(path: &Path) -> u32 {
    std::fs::metadata(path).unwrap().permissions().mode() & 0o777
}

fn refused(mut command: Command) -> (i32, String) {
    let Output { status, stderr, .. } = command.output().unwrap();
    (status.code().unwrap(), String::from_utf8(stderr).unwrap())
}

#[test]
fn everything_it_makes_is_this_users_alone_whatever_the_umask() {
    let home = Home::new();
    let mut shell = Command::new("sh");
    shell
        .args(["-c", "umask 0; exec \"$0\"", env!("CARGO_BIN_EXE_lored")])
        .env_clear()
        .env("HOME", home.0.path())
        .env("PATH", "/usr/bin:/bin")
        .env("LORE_DATA_DIR", home.path("data"));
    let daemon = home.start_as(shell);
    for (path, expected) in [
        ("data", 0o700),
        ("data/logs", 0o700),
        ("data/logs/lored.log", 0o600),
        ("data/lored.lock", 0o600),
        ("data/lored.sock", 0o600),
        ("data/lore.db", 0o600),
        ("data/lore.db-wal", 0o600),
    ] {
        assert_eq!(mode(&home.path(path)), expected, "{path}");
    }
    drop(daemon);
}

#[test]
fn both_signals_end_it_in_order() {
    for name in ["TERM", "INT"] {
        let home = Home::new();
        let daemon = home.start();
        daemon.signal(name);
        assert!(daemon.ended().success(), "{name}");
        assert!(!home.socket().exists(), "{name}");
        // A closed database has folded its log into itself.
        assert!(!home.path("data/lore.db-wal").exists(), "{name}");
    }
}

#[test]
fn a_killed_one_is_followed_by_another_in_its_place() {
    let home = Home::new();
    for _ in 0..2 {
        let daemon = home.start();
        daemon.signal("KILL");
        assert!(!daemon.ended().success());
        assert!(home.socket().exists());
    }
    let daemon = home.start();
    let (code, stderr) = refused(home.lored());
    assert_eq!(code, 9, "{stderr}");
    let pid = daemon.0.id().to_string();
    assert!(
        stderr.contains(&pid) && stderr.contains("lore daemon status"),
        "{stderr}"
    );
    let reply = home.call("daemon.shutdown", &json!({})).unwrap();
    assert_eq!(reply["result"]["pid"].to_string(), pid);
    assert!(daemon.ended().success());
}

#[test]
fn what_keeps_it_from_starting_is_said_with_its_exit_status() {
    let home = Home::new();
    let mut long = home.lored();
    long.env("LORE_SOCKET", format!("/{}", "x".repeat(120)));
    let mut homeless = home.lored();
    homeless.env_remove("HOME").env_remove("LORE_DATA_DIR");
    let mut filter = home.lored();
    filter.env("LORE_LOG", "lore=loud");
    let mut flag = home.lored();
    flag.arg("--no-such-flag");
    for (command, code, word) in [
        (long, 12, "LORE_SOCKET"),
        (homeless, 12, "HOME"),
        (filter, 2, "LORE_LOG"),
        (flag, 2, "--no-such-flag"),
    ] {
        let (found, stderr) = refused(command);
        assert_eq!(found, code, "{stderr}");
        assert!(stderr.contains(word), "{stderr}");
    }
    let home = Home::new();
    std::fs::write(home.path("data"), "no folder").unwrap();
    let (code, stderr) = refused(home.lored());
    assert_eq!(code, 12, "{stderr}");
}

#[test]
fn it_takes_its_config_and_socket_from_its_flags() {
    let home = Home::new();
    let socket = home.path("s/other.sock");
    let config = home.path("c.toml");
    std::fs::write(
        &config,
        "[hosts.h]\nprojects = [\"g/p\"]\n[sync]\ninterval_seconds = 0\n",
    )
    .unwrap();
    let mut command = home.lored();
    command
        .arg0("lored")
        .arg("--config")
        .arg(&config)
        .arg("--socket")
        .arg(&socket);
    let mut daemon = Daemon(command.spawn().unwrap());
    until("the socket is there", || {
        assert!(daemon.0.try_wait().unwrap().is_none(), "it ended");
        UnixStream::connect(&socket).is_ok()
    });
    let mut stream = UnixStream::connect(&socket).unwrap();
    writeln!(
        stream,
        r#"{{"jsonrpc":"2.0","id":1,"method":"projects.list"}}"#
    )
    .unwrap();
    let mut line = String::new();
    BufReader::new(stream).read_line(&mut line).unwrap();
    assert!(line.contains("\"g/p\""), "{line}");
    assert_eq!(mode(&home.path("s")), 0o700);
}

#[test]
fn what_it_says_of_its_interface_is_what_it_answers() {
    let home = Home::new();
    let _daemon = home.start();
    let document = home.call("rpc.discover", &json!({})).unwrap()["result"].clone();
    let methods = document["methods"].as_array().unwrap();
    assert!(methods.len() > 10, "{document}");
    for method in methods {
        let name = method["name"].as_str().unwrap();
        // No method takes such a parameter, so that none does anything.
        let answer = home.call(name, &json!({ "no such parameter": 1 })).unwrap();
        assert_eq!(answer["error"]["code"], -32602, "{name}: {answer}");
    }
}
