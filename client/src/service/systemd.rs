//! systemd's user manager: a service that is started by its socket, and at
//! login for its timer.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use lore_proto::places::Places;

use super::process::run;
use super::{Start, UnitFile, home_folder, homeless, text_of};
use crate::failure::Failure;

const SERVICE: &str = "lored.service";
const SOCKET: &str = "lored.socket";

/// Where packages put units for all users.
const PACKAGED: &str = "/usr/lib/systemd/user";

/// The usual socket, as systemd writes the runtime folder.
const USUAL_SOCKET: &str = "%t/lore/lored.sock";

/// Shows the service's part of the journal, whose entries have a time already.
pub(super) const JOURNAL: &[&str] = &[
    "journalctl",
    "--user-unit=lored.service",
    "--output=cat",
    "--no-pager",
];

/// The units that a package brings for all its users, by file name.
pub fn packaged_units(lored: &str) -> [(&'static str, String); 2] {
    [
        (SERVICE, service(&quoted(lored), &[])),
        (SOCKET, socket(USUAL_SOCKET)),
    ]
}

pub(super) fn units(start: &Start) -> Result<Vec<UnitFile>, Failure> {
    let folder = folder().ok_or_else(homeless)?;
    let mut variables = Vec::new();
    for (name, path) in &start.variables {
        variables.push(variable(name, text_of(path)?));
    }
    let listens_at = if start.at_usual_place {
        USUAL_SOCKET.to_owned()
    } else {
        text_of(&start.socket)?.replace('%', "%%")
    };
    let unit = |name: &str, text: String| UnitFile {
        path: folder.join(name),
        text,
        packaged: Some(Path::new(PACKAGED).join(name)),
    };
    let program = quoted(text_of(&start.lored)?);
    Ok(vec![
        unit(SERVICE, service(&program, &variables)),
        unit(SOCKET, socket(&listens_at)),
    ])
}

pub(super) fn check() -> Result<(), Failure> {
    systemctl(&["show", "--property=Version"]).map(drop)
}

pub(super) fn reload() -> Result<(), Failure> {
    systemctl(&["daemon-reload"]).map(drop)
}

pub(super) fn enable() -> Result<(), Failure> {
    reload()?;
    // A socket that listens already may do so by an older unit.
    systemctl(&["stop", SOCKET, SERVICE])?;
    // Refused where neither has ever failed.
    let _ = systemctl(&["reset-failed", SOCKET, SERVICE]);
    systemctl(&["enable", SOCKET, SERVICE])?;
    systemctl(&["start", SOCKET])?;
    // Returns once the daemon has said that it is ready.
    systemctl(&["start", SERVICE]).map(drop)
}

pub(super) fn disable() -> Result<(), Failure> {
    systemctl(&["disable", "--now", SOCKET, SERVICE]).map(drop)
}

pub(super) fn owns(places: &Places) -> bool {
    // What `enable` makes: a link to the unit that is in force.
    let Some(folder) = folder() else {
        return false;
    };
    let link = folder.join("sockets.target.wants").join(SOCKET);
    let Ok(unit) = std::fs::read_to_string(link) else {
        return false;
    };
    let listens_at = unit
        .lines()
        .find_map(|line| line.strip_prefix("ListenStream="));
    listens_at.and_then(expanded).as_deref() == Some(&places.socket)
}

pub(super) fn start() -> Result<(), Failure> {
    systemctl(&["start", SOCKET]).map(drop)
}

pub(super) fn stop() -> Option<u32> {
    let pid = systemctl(&["show", "--property=MainPID", "--value", SERVICE]).ok()?;
    // Whether it has gone is looked at in any case.
    let stopped = systemctl(&["stop", SOCKET, SERVICE]);
    let pid = pid.parse().ok().filter(|pid| *pid != 0)?;
    stopped.is_ok().then_some(pid)
}

pub(super) fn is_asleep() -> bool {
    let state = |unit| systemctl(&["show", "--property=ActiveState", "--value", unit]);
    state(SERVICE).is_ok_and(|it| it == "inactive") && state(SOCKET).is_ok_and(|it| it == "active")
}

fn systemctl(words: &[&str]) -> Result<String, Failure> {
    let all: Vec<&str> = ["systemctl", "--user"]
        .iter()
        .chain(words)
        .copied()
        .collect();
    run(&all)
}

fn folder() -> Option<PathBuf> {
    home_folder("XDG_CONFIG_HOME", ".config").map(|it| it.join("systemd/user"))
}

/// The path that a unit's `ListenStream=` means.
fn expanded(written: &str) -> Option<PathBuf> {
    let path = match written.strip_prefix("%t/") {
        Some(below) => {
            let runtime = std::env::var_os("XDG_RUNTIME_DIR")?;
            PathBuf::from(runtime).join(below.replace("%%", "%"))
        }
        None => PathBuf::from(written.replace("%%", "%")),
    };
    Some(path)
}

/// A program for `ExecStart=`, where `$` and `%` have a meaning.
fn quoted(program: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "/._-+".contains(c);
    if program.chars().all(plain) {
        return program.to_owned();
    }
    let text = program.replace('\\', "\\\\").replace('"', "\\\"");
    format!("\"{}\"", text.replace('%', "%%").replace('$', "$$"))
}

/// A line that sets a variable.
fn variable(name: &str, value: &str) -> String {
    let text = value.replace('\\', "\\\\").replace('"', "\\\"");
    format!("Environment=\"{name}={}\"", text.replace('%', "%%"))
}

fn service(program: &str, variables: &[String]) -> String {
    let mut text = format!(
        "# Written by lore; `lore daemon install` writes it anew. What you want\n\
         # otherwise belongs into `systemctl --user edit lored.service`.\n\
         [Unit]\n\
         Description=lore's mirror of GitLab projects\n\
         Documentation=man:lored(1) man:lore-daemon-install(1)\n\
         Requires=lored.socket\n\
         After=lored.socket\n\
         \n\
         [Service]\n\
         Type=notify\n\
         ExecStart={program} --log-stderr\n"
    );
    for line in variables {
        // Writing to a string cannot fail.
        let _ = writeln!(text, "{line}");
    }
    text.push_str(REST_OF_SERVICE);
    text
}

/// The restrictions are those that a user's own manager can impose without
/// user namespaces, which some systems refuse, and that leave a
/// `token_command` such as `pass` or `op` its way of working.
const REST_OF_SERVICE: &str = "\
Restart=on-failure
RestartSec=5
# A migration of a large database comes before the first answer.
TimeoutStartSec=10min
TimeoutStopSec=30
UMask=0077
NoNewPrivileges=yes
LockPersonality=yes
RestrictRealtime=yes
RestrictSUIDSGID=yes
RestrictAddressFamilies=AF_UNIX AF_INET AF_INET6 AF_NETLINK
SystemCallArchitectures=native
SystemCallFilter=@system-service
SystemCallErrorNumber=EPERM

[Install]
WantedBy=default.target
Also=lored.socket
";

fn socket(listens_at: &str) -> String {
    format!(
        "# Written by lore; `lore daemon install` writes it anew.\n\
         [Unit]\n\
         Description=The socket of lore's mirror of GitLab projects\n\
         Documentation=man:lored(1) man:lore-daemon-install(1)\n\
         \n\
         [Socket]\n\
         ListenStream={listens_at}\n\
         SocketMode=0600\n\
         DirectoryMode=0700\n\
         RemoveOnStop=yes\n\
         \n\
         [Install]\n\
         WantedBy=sockets.target\n"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_has_a_meaning_in_a_unit_is_written_so_that_it_has_none() {
        assert_eq!(quoted("/usr/bin/lored"), "/usr/bin/lored");
        assert_eq!(quoted("/a b/$x/50%\"\\"), r#""/a b/$$x/50%%\"\\""#);
        assert_eq!(variable("A", "/a b/50%"), "Environment=\"A=/a b/50%%\"");
        let path = Path::new("/a b/50%/lored.sock");
        let written = text_of(path).unwrap().replace('%', "%%");
        assert_eq!(expanded(&written).as_deref(), Some(path));
    }

    #[test]
    fn a_path_that_no_unit_can_hold_is_refused() {
        assert!(text_of(Path::new("/a\nExecStart=/bin/sh")).is_err());
    }
}
