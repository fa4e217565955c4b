//! The daemon as a service, by a `systemctl` that writes down what it was told
//! and starts the stub.

use std::os::unix::fs::PermissionsExt as _;
use std::process::{Command, Stdio};

use crate::autostart::{home_with, starts};
use crate::process::{Home, Ran, run};

/// Enough of systemd's user manager: links for what is enabled, one process.
const SYSTEMCTL: &str = r#"#!/bin/sh
echo "$*" >> "$HOME/told"
wants="$HOME/.config/systemd/user/sockets.target.wants"
case "$*" in
  "--user enable "*) mkdir -p "$wants" && ln -sf ../lored.socket "$wants/lored.socket" ;;
  "--user disable "*) rm -r "$wants"
    test -e "$HOME/pid" || exit 0
    kill "$(cat "$HOME/pid")"; rm "$HOME/pid" ;;
  "--user start "*)
    test -e "$HOME/pid" && exit 0
    socket="$LORE_DATA_DIR/lored.sock"
    rm -f "$socket"
    LORE_SOCKET="$socket" "$HOME/bin/lored" </dev/null >/dev/null 2>&1 &
    echo $! > "$HOME/pid"
    # The real one, too, says so when it serves.
    for wait in $(seq 1000); do test -S "$socket" && exit 0; sleep 0.02; done
    exit 1 ;;
  "--user stop "*)
    test -e "$HOME/pid" || exit 0
    kill "$(cat "$HOME/pid")"; rm "$HOME/pid" ;;
  *MainPID*) cat "$HOME/pid" 2>/dev/null || echo 0 ;;
  *ActiveState*lored.service) test -e "$HOME/pid" && echo active || echo inactive ;;
  *ActiveState*) echo active ;;
esac
"#;

fn home() -> Home {
    let home = home_with("STUB");
    program(&home, "systemctl", SYSTEMCTL);
    home
}

fn program(home: &Home, name: &str, script: &str) {
    let path = home.path("bin").join(name);
    std::fs::write(&path, script).unwrap();
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).unwrap();
}

fn lore(home: &Home, line: &str) -> Ran {
    let mut lore = home.lore(line.split_whitespace());
    let path = format!("{}:/usr/bin:/bin", home.path("bin").display());
    run(lore.env("PATH", path).env("GITLAB_TOKEN", "glpat-secret"))
}

fn told(home: &Home) -> Vec<String> {
    let path = home.path("told");
    let text = std::fs::read_to_string(&path).unwrap_or_default();
    let _ = std::fs::remove_file(path);
    let own = |line: &str| line.trim_start_matches("--user ").to_owned();
    text.lines().map(own).collect()
}

const UNITS: [&str; 2] = [
    ".config/systemd/user/lored.service",
    ".config/systemd/user/lored.socket",
];

#[test]
fn installed_shown_mended_and_undone() {
    let home = home();
    // Only shown.
    let shown = lore(&home, "--robot daemon install --print").document();
    let texts: Vec<&str> = shown["data"]["files"]
        .as_array()
        .unwrap()
        .iter()
        .map(|file| file["text"].as_str().unwrap())
        .collect();
    assert_eq!(told(&home), [""; 0]);
    assert!(UNITS.iter().all(|unit| !home.path(unit).exists()));
    let data = home.path("data");
    let data = data.to_str().unwrap();
    assert!(texts[0].contains(&format!("Environment=\"LORE_DATA_DIR={data}\"")));
    assert!(texts[0].contains(&format!("ExecStart={}", home.path("bin/lored").display())));
    assert!(texts[1].contains(&format!("ListenStream={data}/lored.sock\n")));

    // A daemon that runs by hand gives way.
    lore(&home, "daemon start").went_well();
    let installed = lore(&home, "--robot daemon install");
    assert_eq!(installed.exit, Some(0), "{installed:?}");
    let document = installed.document();
    assert_eq!(document["data"]["files"][0]["state"], "written");
    assert_eq!(document["data"]["daemon"]["running"], true);
    assert!(!installed.stdout.contains("glpat-secret"));
    let warning = document["meta"]["warnings"][0].as_str().unwrap();
    assert!(warning.contains("GITLAB_TOKEN") && warning.contains("lore auth login"));
    for (unit, text) in UNITS.iter().zip(&texts) {
        assert_eq!(&std::fs::read_to_string(home.path(unit)).unwrap(), text);
    }
    assert_eq!(
        told(&home),
        [
            "show --property=Version",
            "daemon-reload",
            "stop lored.socket lored.service",
            "reset-failed lored.socket lored.service",
            "enable lored.socket lored.service",
            "start lored.socket",
            "start lored.service",
        ]
    );
    assert_eq!(starts(&home), 2);

    // What somebody broke is mended, what is right is left.
    std::fs::write(home.path(UNITS[0]), "[Service]\n").unwrap();
    let again = lore(&home, "--robot daemon install").document();
    assert_eq!(again["data"]["files"][0]["state"], "written");
    assert_eq!(again["data"]["files"][1]["state"], "kept");
    assert_eq!(
        std::fs::read_to_string(home.path(UNITS[0])).unwrap(),
        texts[0]
    );

    let gone = lore(&home, "--robot daemon uninstall").document();
    assert_eq!(gone["data"]["files"][1]["state"], "removed");
    assert!(UNITS.iter().all(|unit| !home.path(unit).exists()));
    assert_eq!(
        lore(&home, "--robot daemon status").document()["data"]["running"],
        false
    );
    told(&home);
    let twice = lore(&home, "--robot daemon uninstall").document();
    assert_eq!(twice["data"]["installed"], false);
    assert_eq!(told(&home), [""; 0]);
}

#[test]
fn the_service_manager_is_asked_to_start_and_to_stop_what_it_keeps() {
    let home = home();
    lore(&home, "daemon install").went_well();
    let stopped = lore(&home, "--robot daemon stop").document();
    assert_eq!(stopped["data"]["stopped"], true);
    told(&home);
    // Looking does not wake it.
    let asleep = lore(&home, "--robot daemon status").document();
    assert_eq!(asleep["data"]["starts_on_demand"], true);
    assert!(!told(&home).iter().any(|line| line.starts_with("start")));
    assert_eq!(lore(&home, "--robot jobs").exit, Some(0));
    assert_eq!(told(&home), ["start lored.socket"]);
    let restarted = lore(&home, "--robot daemon restart").document();
    assert_eq!(restarted["data"]["started"], true);
    assert!(restarted["data"]["previous_pid"].is_u64());
    lore(&home, "daemon uninstall").went_well();
}

#[test]
fn its_log_is_the_journals() {
    let home = home();
    program(
        &home,
        "journalctl",
        "#!/bin/sh\necho \"$*\"\nprintf 'one\\033[31mtwo\\n'\n",
    );
    lore(&home, "daemon install").went_well();
    for line in ["daemon logs -n 7", "daemon logs -n 7 --follow"] {
        let ran = lore(&home, line);
        assert!(ran.stdout.contains("--user-unit=lored.service"), "{ran:?}");
        assert!(ran.stdout.contains("--lines=7"), "{ran:?}");
        assert!(ran.stdout.ends_with("onetwo\n"), "{ran:?}");
    }
    lore(&home, "daemon uninstall").went_well();
}

#[test]
fn without_a_service_manager_nothing_is_written_and_the_error_says_what_goes_on() {
    let home = home_with("STUB");
    let refusing = "#!/bin/sh\necho 'Failed to connect to bus: No medium found' >&2\nexit 1\n";
    program(&home, "systemctl", refusing);
    let ran = lore(&home, "--robot daemon install");
    assert_eq!(ran.code(), "DAEMON_UNAVAILABLE");
    assert!(ran.stdout.contains("No medium found"), "{ran:?}");
    assert!(
        ran.stdout.contains("starts the daemon by itself"),
        "{ran:?}"
    );
    assert!(UNITS.iter().all(|unit| !home.path(unit).exists()));
    assert_eq!(starts(&home), 0);
}

/// As systemd reads them, where it is installed.
#[test]
fn systemd_finds_nothing_wrong_with_the_units() {
    let home = home();
    lore(&home, "daemon install").went_well();
    lore(&home, "daemon stop").went_well();
    let verified = Command::new("systemd-analyze")
        .args(["verify", "--user", "--man=no"])
        .args(UNITS.map(|unit| home.path(unit)))
        .env_clear()
        .env("HOME", home.path(""))
        .env("PATH", "/usr/bin:/bin")
        .env("XDG_RUNTIME_DIR", home.path("data"))
        .stdin(Stdio::null())
        .output();
    match verified {
        Ok(output) => {
            let said = String::from_utf8_lossy(&output.stderr);
            let about_them: Vec<&str> = said.lines().filter(|it| it.contains("lored")).collect();
            assert!(output.status.success(), "{said}");
            assert_eq!(about_them, [""; 0], "{said}");
        }
        Err(error) => println!("skipped: systemd-analyze cannot be run: {error}"),
    }
    lore(&home, "daemon uninstall").went_well();
}
