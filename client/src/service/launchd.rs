//! launchd: an agent that is started at login, and again after a crash.

use std::fmt::Write as _;
use std::path::PathBuf;

use lore_proto::places::Places;

use super::process::run;
use super::{Start, UnitFile, home_folder, homeless, text_of};
use crate::failure::Failure;

const LABEL: &str = "lore.lored";

pub(super) fn units(start: &Start) -> Result<Vec<UnitFile>, Failure> {
    let mut variables: Vec<(&str, &str)> = Vec::new();
    for (name, path) in &start.variables {
        variables.push((name, text_of(path)?));
    }
    // By this the agent is told from one of other places.
    variables.push(("LORE_SOCKET", text_of(&start.socket)?));
    Ok(vec![UnitFile {
        path: file().ok_or_else(homeless)?,
        text: agent(text_of(&start.lored)?, &variables),
        packaged: None,
    }])
}

pub(super) fn check() -> Result<(), Failure> {
    run(&["launchctl", "print", &domain()]).map(drop)
}

pub(super) fn enable() -> Result<(), Failure> {
    // One of an older file may be there, or none.
    let _ = disable();
    let file = file().ok_or_else(homeless)?;
    run(&["launchctl", "bootstrap", &domain(), text_of(&file)?]).map(drop)
}

pub(super) fn disable() -> Result<(), Failure> {
    run(&["launchctl", "bootout", &target()]).map(drop)
}

pub(super) fn owns(places: &Places) -> bool {
    let agent = file().and_then(|path| std::fs::read_to_string(path).ok());
    let socket = text_of(&places.socket).map(|it| format!("<string>{}</string>", escaped(it)));
    match (agent, socket) {
        (Some(agent), Ok(socket)) => agent.contains(&socket),
        _ => false,
    }
}

pub(super) fn start() -> Result<(), Failure> {
    run(&["launchctl", "kickstart", &target()]).map(drop)
}

fn domain() -> String {
    format!("gui/{}", rustix::process::getuid().as_raw())
}

fn target() -> String {
    format!("{}/{LABEL}", domain())
}

fn file() -> Option<PathBuf> {
    // No variable moves this folder.
    let home = home_folder("HOME", "")?;
    Some(home.join(format!("Library/LaunchAgents/{LABEL}.plist")))
}

fn agent(program: &str, variables: &[(&str, &str)]) -> String {
    let mut set = String::new();
    for (name, value) in variables {
        // Writing to a string cannot fail.
        let _ = writeln!(
            set,
            "    <key>{name}</key>\n    <string>{}</string>",
            escaped(value)
        );
    }
    format!(
        r#"<?xml version="1.0" encoding="UTF-8"?>
<!DOCTYPE plist PUBLIC "-//Apple//DTD PLIST 1.0//EN" "http://www.apple.com/DTDs/PropertyList-1.0.dtd">
<!-- Written by lore; `lore daemon install` writes it anew. -->
<plist version="1.0">
<dict>
  <key>Label</key>
  <string>{LABEL}</string>
  <key>ProgramArguments</key>
  <array>
    <string>{}</string>
  </array>
  <key>EnvironmentVariables</key>
  <dict>
{set}  </dict>
  <key>RunAtLoad</key>
  <true/>
  <key>KeepAlive</key>
  <dict>
    <key>SuccessfulExit</key>
    <false/>
  </dict>
  <key>ProcessType</key>
  <string>Background</string>
  <key>Umask</key>
  <integer>63</integer>
</dict>
</plist>
"#,
        escaped(program)
    )
}

/// Text for an XML element.
fn escaped(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_agent_names_the_program_and_its_places_as_xml() {
        let text = agent("/opt/l&m/lored", &[("LORE_SOCKET", "/tmp/<s>")]);
        assert!(
            text.contains("<string>/opt/l&amp;m/lored</string>"),
            "{text}"
        );
        assert!(text.contains(
            "    <key>LORE_SOCKET</key>\n    <string>/tmp/&lt;s&gt;</string>\n  </dict>"
        ));
        // 0077, as launchd wants it.
        assert!(text.contains("<integer>63</integer>"));
    }
}
