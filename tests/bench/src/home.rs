//! A home that is configured for a simulator, without a timer of its own.

use std::time::Duration;

use gitlab_sim::Simulator;
use lore_demo::{DemoError, Home, Interrupt, Programs};
use serde_json::Value;

/// No command of the benchmark takes longer.
pub(crate) const LIMIT: Duration = Duration::from_mins(10);

/// A new home that mirrors `projects` from `sim`.
pub(crate) fn configured(
    programs: &Programs,
    interrupt: &Interrupt,
    sim: &Simulator,
    projects: &[&str],
) -> Result<Home, DemoError> {
    let home = Home::new(programs.clone(), interrupt.clone())?;
    let token = home.write_private("token", sim.token())?;
    let folder = home.path().join(".config/lore");
    std::fs::create_dir_all(&folder)
        .map_err(DemoError::io(format!("making `{}`", folder.display())))?;
    home.write_private(
        ".config/lore/config.toml",
        &format!(
            "[hosts.\"gitlab.bench\"]\nurl = \"{}\"\ntoken_file = \"{}\"\nprojects = {}\n\n\
             [sync]\ninterval_seconds = 0\n",
            sim.url(),
            token.display(),
            serde_json::json!(projects)
        ),
    )?;
    Ok(home)
}

/// The `data` of an answer that says yes.
pub(crate) fn answer(home: &Home, words: &[&str]) -> Result<Value, DemoError> {
    let mut answer = home.robot(words, LIMIT)?;
    if answer["ok"] == true {
        return Ok(answer["data"].take());
    }
    Err(DemoError::Wrong(format!(
        "`lore {}` said {}",
        words.join(" "),
        answer["error"]["message"]
    )))
}

/// The daemon that lives there.
pub(crate) fn daemon_pid(home: &Home) -> Result<u32, DemoError> {
    home.daemon_pid()
        .ok_or_else(|| DemoError::Wrong("no daemon lives in the home".to_owned()))
}
