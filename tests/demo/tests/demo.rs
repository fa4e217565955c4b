//! The demo as somebody runs it, with small sizes. The programs are those that
//! lie beside the demo: `cargo test --workspace` has built them; otherwise the
//! demo builds them itself.

#![allow(clippy::unwrap_used, clippy::expect_used)] // What the tests share stands outside of them.

use std::io::{BufRead as _, BufReader, Read as _};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process, test_kill_process};
use wait_timeout::ChildExt as _;

/// Longer than the programs take to build.
const LIMIT: Duration = Duration::from_mins(10);

fn demo(words: &[&str]) -> Command {
    let program = Path::new(env!("CARGO_BIN_EXE_lore-demo"));
    let folder = program.parent().unwrap();
    let mut command = Command::new(program);
    if folder.join("lore").is_file() && folder.join("lored").is_file() {
        command.arg("--programs").arg(folder);
    }
    command
        .args(words)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    command
}

/// The demo's temporary home, as it names it.
fn home_in(line: &str) -> Option<PathBuf> {
    let (_, rest) = line.split_once("Everything of lore's is in ")?;
    Some(PathBuf::from(rest.trim_end().trim_end_matches('.')))
}

fn ended(child: &mut Child) -> Option<i32> {
    let status = child.wait_timeout(LIMIT).unwrap();
    if status.is_none() {
        child.kill().unwrap();
    }
    status.expect("the demo ends").code()
}

#[test]
fn it_shows_every_scene_and_leaves_nothing_behind() {
    let output = demo(&[
        "--issues",
        "20",
        "--merge-requests",
        "20",
        "--latency",
        "100",
    ])
    .output()
    .unwrap();
    let stdout = String::from_utf8(output.stdout).unwrap();
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{stdout}\n{stderr}");
    for expected in [
        "$ lore init ",
        "first sync not finished",
        "lib/http.rs",
        "resolved",
        "Close idle connections",
        "threads unresolved: 2 → 1",
        "$ lore sync-runs",
        "$ lore status",
        "Stopped lored",
    ] {
        assert!(stdout.contains(expected), "no `{expected}` in\n{stdout}");
    }
    let home = stdout.lines().find_map(home_in).unwrap();
    assert!(!home.exists(), "{} is left", home.display());
}

#[test]
fn an_interrupt_ends_it_with_its_daemon_and_its_folder() {
    // Slow enough that the first sync is under way when the signal comes.
    let mut child = demo(&["--latency", "1000"]).spawn().unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let mut seen = lines.by_ref().map(Result::unwrap);
    let home = seen.find_map(|line| home_in(&line)).unwrap();
    assert!(seen.any(|line| line.starts_with("Started job")));
    let lock = std::fs::read_to_string(home.join("data/lored.lock")).unwrap();
    let daemon = Pid::from_raw(lock.trim().parse().unwrap()).unwrap();
    test_kill_process(daemon).unwrap();
    let pid = Pid::from_raw(child.id().try_into().unwrap()).unwrap();
    kill_process(pid, Signal::INT).unwrap();
    // It may still write a line or two, and must not wait for a reader.
    lines.for_each(drop);
    assert_eq!(ended(&mut child), Some(130));
    assert!(!home.exists(), "{} is left", home.display());
    assert!(is_gone(daemon), "the daemon is left");
}

#[test]
fn a_failure_is_said_and_is_no_success() {
    let mut child = Command::new(env!("CARGO_BIN_EXE_lore-demo"))
        .args(["--programs", "/nonexistent"])
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    assert_eq!(ended(&mut child), Some(1));
    let mut said = String::new();
    child.stderr.unwrap().read_to_string(&mut said).unwrap();
    assert!(said.contains("/nonexistent/lore"), "{said}");
}

/// Whether a process ends soon. It is nobody's child here, so that it cannot
/// be waited for; a zombie counts as ended.
fn is_gone(pid: Pid) -> bool {
    let deadline = Instant::now() + Duration::from_mins(1);
    let stat = PathBuf::from(format!("/proc/{}/stat", pid.as_raw_nonzero()));
    while Instant::now() < deadline {
        let zombie = std::fs::read_to_string(&stat).is_ok_and(|stat| stat.contains(") Z "));
        if zombie || test_kill_process(pid).is_err() {
            return true;
        }
        std::thread::yield_now();
    }
    false
}
