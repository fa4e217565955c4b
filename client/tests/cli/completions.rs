//! Completions: what a shell is told, by the parser and by the daemon.

use std::collections::BTreeSet;
use std::process::Command;

use serde_json::json;

use crate::answers::{self, TIME};
use crate::fake::Fake;
use crate::process::{Home, Ran, run};

/// What is offered for the last word of a line; the whole words before it end
/// with spaces.
pub(crate) fn candidates(home: &Home, line: &str) -> BTreeSet<String> {
    let ran = asked(home, line);
    assert_eq!(ran.exit, Some(0), "{line}: {ran:?}");
    assert_eq!(ran.stderr, "", "{line}");
    // fish is given a value and what it is.
    let value = |line: &str| line.split('\t').next().unwrap_or(line).to_owned();
    ran.stdout.lines().map(value).collect()
}

fn asked(home: &Home, line: &str) -> Ran {
    let (before, last) = line.rsplit_once(' ').unwrap_or(("", line));
    let words = ["--", "lore"].into_iter().chain(before.split_whitespace());
    let mut lore = home.lore(words.chain([last]));
    run(lore.envs([("LORE_COMPLETE", "fish"), ("LORE_COMPLETE_MS", "30000")]))
}

fn mirror() -> Fake {
    let project = |path: &str| json!({"host": "h", "path": path, "id": 1, "web_url": null});
    let runs = json!({
        "runs": [answers::run("group/one", "succeeded", None)],
        "total": 1, "remaining": 0, "next_cursor": null,
    });
    let job = |job_id: u64, finished_at: Option<&str>| {
        json!({
            "job_id": job_id, "kind": "sync", "title": "sync group/one", "state": "running",
            "priority": "interactive", "run_ids": [], "queued_at": TIME, "started_at": TIME,
            "finished_at": finished_at, "last_seq": 1,
        })
    };
    Fake::new()
        .answers(
            "projects.list",
            json!({"projects": [project("group/one"), project("group/two"), project("$(reboot)")]}),
        )
        .answers("syncRuns.list", answers::read(&runs))
        .answers(
            "jobs.list",
            json!({"jobs": [job(4, None), job(3, Some(TIME))]}),
        )
}

#[test]
fn the_daemon_that_runs_tells_projects_hosts_runs_and_jobs() {
    let home = Home::new();
    let _listening = mirror().listen(&home.socket());
    let offered = |line: &str| candidates(&home, line).into_iter().collect::<Vec<_>>();
    // What a shell would run is no candidate, whoever named a project so.
    for line in ["status -p ", "-p ", "sync --project "] {
        assert_eq!(offered(line), ["group/one", "group/two"], "{line}");
    }
    assert_eq!(offered("mrs -p group/t"), ["group/two"]);
    assert_eq!(offered("status --host "), ["h"]);
    assert_eq!(offered("sync-runs --run-id "), ["01RUN"]);
    let offered = candidates(&home, "jobs cancel ");
    assert!(
        offered.contains("4") && !offered.contains("3"),
        "{offered:?}"
    );
}

#[test]
fn without_a_daemon_there_are_no_values_and_none_is_started() {
    let home = Home::new();
    for line in ["status -p ", "sync-runs --run-id ", "jobs cancel x"] {
        assert_eq!(candidates(&home, line), BTreeSet::new(), "{line}");
    }
    let made: Vec<_> = std::fs::read_dir(home.path("data")).unwrap().collect();
    assert!(made.is_empty(), "{made:?}");
}

#[test]
fn a_daemon_that_does_not_answer_or_does_not_fit_is_not_waited_for() {
    let silent = Fake::new().does("daemon.hello", |_, _| {});
    let other = Fake::new().answers("daemon.hello", json!({"protocol": 99}));
    let refusing = Fake::new().refuses("projects.list", "CONFIG_INVALID", 3);
    for fake in [silent, other, refusing] {
        let home = Home::new();
        let _listening = fake.listen(&home.socket());
        let mut lore = home.lore(["--", "lore", "status", "-p", ""]);
        let ran = run(lore.env("LORE_COMPLETE", "fish"));
        assert_eq!((ran.exit, ran.stdout.as_str()), (Some(0), ""), "{ran:?}");
    }
}

#[test]
fn files_are_offered_where_a_file_is_meant() {
    let home = Home::new();
    std::fs::create_dir(home.path("work/src")).unwrap();
    std::fs::write(home.path("work/src/main.rs"), "").unwrap();
    for command in ["file-history", "db backup"] {
        let offered = candidates(&home, &format!("{command} src/m"));
        assert!(offered.contains("src/main.rs"), "{command}: {offered:?}");
    }
}

#[test]
fn an_unknown_shell_gets_no_words_that_could_be_taken_for_candidates() {
    let home = Home::new();
    let ran = run(home.lore(["--", "lore", ""]).env("LORE_COMPLETE", "csh"));
    assert_eq!((ran.exit, ran.stdout.as_str()), (Some(1), ""));
    let ran = run(&mut home.lore(["--robot", "completions", "csh"]));
    assert_eq!(ran.code(), "USAGE");
}

/// As the shells do it, where they are installed.
#[test]
fn the_scripts_complete_in_the_shells_themselves() {
    let home = Home::with_own_program();
    let scripts = [
        (
            "bash",
            "source <(lore completions bash)
             COMP_WORDS=(lore sync-runs --st) COMP_CWORD=2 COMP_TYPE=9
             _clap_complete_lore lore --st sync-runs
             printf '%s\\n' \"${COMPREPLY[@]}\"",
        ),
        (
            "fish",
            "lore completions fish | source; complete -C 'lore sync-runs --st'",
        ),
        // zsh's completion needs a terminal; that it can read the script shows here.
        (
            "zsh",
            "autoload -U compinit; compinit -D; source <(lore completions zsh)
             (( $+functions[_clap_dynamic_completer_lore] )) && print -- --state",
        ),
    ];
    for (shell, script) in scripts {
        let mut command = home.lore([""; 0]);
        let path = format!("{}:/usr/bin:/bin", home.path("bin").display());
        command.env("PATH", &path).env("TERM", "dumb");
        if !Command::new(shell)
            .arg("-c")
            .arg(":")
            .output()
            .is_ok_and(|it| it.status.success())
        {
            println!("skipped: {shell} is not installed");
            continue;
        }
        let mut shell_command = Command::new(shell);
        shell_command
            .args(["-c", script])
            .env_clear()
            .envs(
                command
                    .get_envs()
                    .filter_map(|(key, value)| Some((key, value?))),
            )
            .current_dir(home.path("work"))
            .stdin(std::process::Stdio::null())
            .stdout(std::process::Stdio::piped())
            .stderr(std::process::Stdio::piped());
        let ran = run(&mut shell_command);
        let first = ran.stdout.lines().next().unwrap_or_default();
        assert_eq!(
            first.split('\t').next(),
            Some("--state"),
            "{shell}: {ran:?}"
        );
    }
}

#[test]
fn the_script_is_the_script_in_robot_mode_too() {
    let home = Home::new();
    for shell in ["bash", "zsh", "fish", "powershell"] {
        let script = run(&mut home.lore(["completions", shell])).stdout;
        assert!(script.contains("LORE_COMPLETE"), "{shell}: {script}");
        let robot = run(home.lore(["completions", shell]).env("LORE_ROBOT", "1"));
        assert_eq!(robot.stdout, script);
    }
}
