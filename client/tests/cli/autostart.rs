//! Starting a daemon: one, whoever asks, and with a reason where it fails.

use std::io::{BufRead as _, BufReader, Write as _};
use std::os::unix::fs::PermissionsExt as _;
use std::os::unix::net::UnixListener;
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::mpsc;

use serde_json::{Value, json};

use crate::answers;
use crate::fake::hello;
use crate::process::{Home, Ran, run, wait};

/// A home whose `lored` is this script. `STUB` stands for the stub daemon
/// below.
pub(crate) fn home_with(script: &str) -> Home {
    let home = Home::with_own_program();
    let stub = std::env::current_exe().unwrap();
    let starts = home.path("starts");
    let script = script.replace(
        "STUB",
        &format!(
            "exec '{}' autostart::stub_daemon --exact --ignored --nocapture",
            stub.display()
        ),
    );
    let script = format!("echo start >> '{}'\n{script}\n", starts.display());
    home.program("bin/lored", &script);
    home
}

pub(crate) fn starts(home: &Home) -> usize {
    std::fs::read_to_string(home.path("starts")).map_or(0, |text| text.lines().count())
}

fn lore(home: &Home, line: &str) -> Command {
    home.lore(line.split_whitespace())
}

fn stop(home: &Home) -> Ran {
    run(&mut lore(home, "--robot daemon stop"))
}

#[test]
fn the_first_command_starts_the_daemon_and_the_next_finds_it() {
    let home = home_with("STUB");
    for _ in 0..2 {
        let ran = run(&mut lore(&home, "--robot jobs"));
        assert_eq!(ran.exit, Some(0), "{ran:?}");
        assert_eq!(ran.stderr, "");
    }
    assert_eq!(starts(&home), 1);
    assert_eq!(stop(&home).exit, Some(0));
}

#[test]
fn a_daemon_does_not_speak_for_the_service_that_it_was_started_from() {
    let home = home_with("echo \"${NOTIFY_SOCKET-none}\" > \"$LORE_SOCKET.told\"\nSTUB");
    let mut lore = lore(&home, "--robot jobs");
    let ran = run(lore.env("NOTIFY_SOCKET", "/run/other"));
    assert_eq!(ran.exit, Some(0), "{ran:?}");
    let told = home.path("data/lored.sock.told");
    assert_eq!(std::fs::read_to_string(told).unwrap(), "none\n");
    assert_eq!(stop(&home).exit, Some(0));
}

#[test]
fn a_daemon_keeps_nothing_open_of_who_started_it() {
    let home = home_with("STUB");
    let lore = lore(&home, "--robot jobs");
    // As in `lore jobs 3>&1 | cat`, where `cat` waits for the end of its input.
    let mut shell = Command::new("/bin/sh");
    shell
        .args(["-c", "exec \"$0\" \"$@\" 3>&1 9>>kept"])
        .arg(lore.get_program())
        .args(lore.get_args())
        .env_clear()
        .envs(
            lore.get_envs()
                .filter_map(|(name, value)| Some((name, value?))),
        )
        .current_dir(home.path("work"))
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    let ran = run(&mut shell);
    assert_eq!(ran.exit, Some(0), "{ran:?}");
    assert_eq!(starts(&home), 1);
    assert_eq!(stop(&home).exit, Some(0));
}

#[test]
fn ten_clients_at_once_start_one_daemon() {
    let home = home_with("STUB");
    let clients: Vec<_> = (0..10)
        .map(|_| lore(&home, "--robot jobs").spawn().unwrap())
        .collect();
    for client in clients {
        let ran = wait(client);
        assert_eq!(ran.exit, Some(0), "{ran:?}");
    }
    assert_eq!(starts(&home), 1);
    assert_eq!(stop(&home).exit, Some(0));
}

#[test]
fn a_stale_socket_does_not_keep_the_daemon_from_starting() {
    let home = home_with("STUB");
    drop(UnixListener::bind(home.socket()).unwrap());
    let ran = run(&mut lore(&home, "--robot jobs"));
    assert_eq!(ran.exit, Some(0), "{ran:?}");
    assert_eq!(stop(&home).exit, Some(0));
}

#[test]
fn a_start_that_fails_shows_the_daemons_last_words() {
    let home = home_with("echo 'the database is of a newer version' >&2; exit 10");
    let ran = run(&mut lore(&home, "--robot jobs"));
    assert_eq!(ran.code(), "DAEMON_UNAVAILABLE");
    assert_eq!(ran.exit, Some(21));
    let message = ran.document()["error"]["message"].to_string();
    assert!(
        message.contains("the database is of a newer version"),
        "{message}"
    );
    assert!(message.contains("exit status: 10"), "{message}");
}

#[test]
fn a_program_that_is_not_there_is_named() {
    let home = Home::with_own_program();
    let ran = run(lore(&home, "--robot jobs").env("PATH", ""));
    assert_eq!(ran.code(), "DAEMON_UNAVAILABLE");
    assert!(ran.stdout.contains("`lored` is neither beside"), "{ran:?}");
}

#[test]
fn start_and_stop_may_be_said_twice() {
    let home = home_with("STUB");
    let data = |line: &str| run(&mut lore(&home, line)).document()["data"].clone();
    assert_eq!(data("--robot daemon status")["running"], false);
    assert_eq!(data("--robot daemon stop")["stopped"], false);
    assert_eq!(starts(&home), 0);
    assert_eq!(data("--robot daemon start")["started"], true);
    assert_eq!(data("--robot daemon start")["started"], false);
    let status = data("--robot daemon status");
    assert_eq!(status["running"], true);
    assert_eq!(status["uptime_seconds"], 9);
    let restarted = data("--robot daemon restart");
    assert_eq!(restarted["previous_pid"], status["pid"]);
    assert_eq!(starts(&home), 2);
    assert_eq!(data("--robot daemon stop")["stopped"], true);
    assert_eq!(data("--robot daemon status")["running"], false);
}

#[test]
fn files_and_folders_of_a_start_belong_to_their_owner_alone() {
    let home = home_with("STUB");
    std::fs::remove_dir(home.path("data")).unwrap();
    let ran = run(&mut lore(&home, "--robot jobs"));
    assert_eq!(ran.exit, Some(0), "{ran:?}");
    let mode = |path: &Path| std::fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(&home.path("data")), 0o700);
    assert_eq!(mode(&home.path("data/start.lock")), 0o600);
    assert_eq!(mode(&home.path("data/logs/lored.stderr")), 0o600);
    assert_eq!(stop(&home).exit, Some(0));
}

#[test]
fn a_daemon_that_owns_the_data_and_does_not_answer_is_not_started_again() {
    let home = home_with("STUB");
    let owner = std::fs::File::create(home.path("data/lored.lock")).unwrap();
    owner.lock().unwrap();
    let ran = run(&mut lore(&home, "--robot jobs"));
    assert_eq!(ran.code(), "DAEMON_UNAVAILABLE");
    assert!(ran.stdout.contains("does not answer at"), "{ran:?}");
    assert_eq!(starts(&home), 0);
}

/// Not a test: what the `lored` of the tests above runs.
#[test]
#[ignore = "the stub daemon, run by other tests as a process of its own"]
fn stub_daemon() {
    let Some(socket) = std::env::var_os("LORE_SOCKET") else {
        return;
    };
    let socket = Path::new(&socket);
    let owner = std::fs::File::create(socket.with_file_name("lored.lock")).unwrap();
    owner.try_lock().unwrap();
    let _ = std::fs::remove_file(socket);
    let listener = UnixListener::bind(socket).unwrap();
    let (ended, end) = mpsc::channel();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let (stream, ended) = (stream.unwrap(), ended.clone());
            std::thread::spawn(move || {
                let mut writer = stream.try_clone().unwrap();
                for line in BufReader::new(stream).lines() {
                    let Ok(line) = line else { return };
                    let request: Value = serde_json::from_str(&line).unwrap();
                    let mut status = answers::status();
                    status["pid"] = json!(std::process::id());
                    let result = match request["method"].as_str().unwrap() {
                        "daemon.hello" => hello(std::process::id()),
                        "daemon.status" => status,
                        "daemon.shutdown" => json!({"pid": std::process::id()}),
                        _ => json!({"jobs": []}),
                    };
                    let answer = json!({"jsonrpc": "2.0", "id": request["id"], "result": result});
                    let _ = writer.write_all(format!("{answer}\n").as_bytes());
                    if request["method"] == "daemon.shutdown" {
                        let _ = ended.send(());
                    }
                }
            });
        }
    });
    // One that is forgotten ends by itself.
    let _ = end.recv_timeout(crate::process::PATIENCE * 2);
    let _ = std::fs::remove_file(socket);
}
