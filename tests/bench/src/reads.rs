//! A warm `lore --robot file-history` beside `sqlite3` and `git log --follow`.

use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use gitlab_sim::{Simulator, SimulatorBuilder, load_git};
use lore_demo::{DemoError, Home, Interrupt, Programs};

use crate::report::{self, median, millis};
use crate::{Tools, framings, home, repository};

const PROJECT: &str = "local/repository";

/// Mirrors a scripted repository and prints the comparison.
pub(crate) fn measure(
    programs: &Programs,
    interrupt: &Interrupt,
    tools: Tools,
    commits: usize,
    rounds: usize,
) -> Result<(), DemoError> {
    let folder = tempfile::tempdir().map_err(DemoError::io("making a folder"))?;
    let file = repository::script(folder.path(), commits)?;
    let sim = serve(folder.path())?;
    let home = home::configured(programs, interrupt, &sim, &[PROJECT])?;
    home::answer(&home, &["sync", "--no-docs", "--no-embed"])?;
    report::heading(&format!(
        "reads: one file of a repository of {commits} commits, {rounds} rounds, whole processes"
    ))?;
    for limit in [20, 1_000] {
        let contest = Contest {
            home: &home,
            folder: folder.path(),
            file: &file,
            limit,
        };
        contest.measure(interrupt, tools, rounds)?;
    }
    framings::measure(&home, interrupt, PROJECT, &file)
}

fn serve(repository: &Path) -> Result<Simulator, DemoError> {
    let mut loaded = Ok(0);
    let sim = SimulatorBuilder::new()
        .upstream(|upstream| loaded = load_git(upstream, repository, PROJECT))
        .start_blocking()
        .map_err(DemoError::io("starting the simulated GitLab"))?;
    loaded.map_err(|error| DemoError::Wrong(error.to_string()))?;
    Ok(sim)
}

/// One question, put to all three.
struct Contest<'a> {
    home: &'a Home,
    folder: &'a Path,
    file: &'a str,
    limit: usize,
}

impl Contest<'_> {
    fn measure(&self, interrupt: &Interrupt, tools: Tools, rounds: usize) -> Result<(), DemoError> {
        let found = self.check(tools)?;
        let mut names = vec!["lore --robot file-history", "git log --follow"];
        if tools.sqlite3 {
            names.push("sqlite3");
        }
        let mut times = vec![Vec::with_capacity(rounds); names.len()];
        for round in 0..rounds {
            interrupt.check()?;
            // Whoever comes first in one round comes last in the next.
            for place in 0..names.len() {
                let turn = (place + round) % names.len();
                times[turn].push(time(&mut self.command(turn))?);
            }
        }
        for (name, times) in names.iter().zip(&times) {
            let seconds = times.iter().map(Duration::as_secs_f64).collect();
            report::figure(
                &format!("{name}, {found} found"),
                millis(Duration::from_secs_f64(median(seconds))),
            )?;
        }
        for (name, other) in names.iter().zip(&times).skip(1) {
            let ratios = other
                .iter()
                .zip(&times[0])
                .map(|(other, lore)| other.as_secs_f64() / lore.as_secs_f64());
            report::figure(
                &format!("{name} takes, by the time of lore,"),
                format_args!("{:.2} x", median(ratios.collect())),
            )?;
        }
        if !tools.sqlite3 {
            report::skipped("sqlite3's time", "sqlite3")?;
        }
        Ok(())
    }

    /// All three find the same number, or the comparison means nothing.
    fn check(&self, tools: Tools) -> Result<usize, DemoError> {
        let contestants = if tools.sqlite3 { 3 } else { 2 };
        let mut found = Vec::new();
        for turn in 0..contestants {
            let output = self
                .command(turn)
                .stdout(Stdio::piped())
                .stderr(Stdio::inherit())
                .output()
                .map_err(DemoError::io("running a contestant"))?;
            let text = String::from_utf8_lossy(&output.stdout);
            found.push(match turn {
                1 => text.lines().count(),
                // Both answer in JSON.
                _ => text.matches("\"iid\":").count(),
            });
        }
        match found.first() {
            Some(&first) if first > 0 && found.iter().all(|&other| other == first) => Ok(first),
            _ => Err(DemoError::Wrong(format!(
                "lore, git and sqlite3 find {found:?} changes of `{}`",
                self.file
            ))),
        }
    }

    fn command(&self, turn: usize) -> Command {
        let limit = self.limit.to_string();
        let mut command = match turn {
            0 => self
                .home
                .lore(&["--robot", "file-history", self.file, "-n", &limit]),
            1 => {
                let mut git = Command::new("git");
                git.current_dir(self.folder)
                    .args(["log", "--follow", "--format=%h %an %aI %s", "-n", &limit])
                    .args(["--", self.file]);
                git
            }
            _ => {
                let mut sqlite3 = Command::new("sqlite3");
                sqlite3
                    .args(["-batch", "-readonly", "-json"])
                    .arg(self.home.data().join("lore.db"))
                    .arg(sql(self.file, self.limit));
                sqlite3
            }
        };
        command
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null());
        command
    }
}

/// The question as somebody with a shell would put it to the mirror.
fn sql(file: &str, limit: usize) -> String {
    format!(
        "WITH RECURSIVE
           earlier (name) AS (
             SELECT '{file}' UNION
             SELECT c.old_path FROM earlier CROSS JOIN mr_file_changes c
               ON c.project_id = 1 AND c.new_path = earlier.name AND c.old_path <> c.new_path
             CROSS JOIN merge_requests m ON m.id = c.merge_request_id
             WHERE c.change_type = 'renamed' AND m.state = 'merged'),
           later (name) AS (
             SELECT '{file}' UNION
             SELECT c.new_path FROM later CROSS JOIN mr_file_changes c
               ON c.project_id = 1 AND c.old_path = later.name AND c.old_path <> c.new_path
             CROSS JOIN merge_requests m ON m.id = c.merge_request_id
             WHERE c.change_type = 'renamed' AND m.state = 'merged'),
           names (name) AS (SELECT name FROM earlier UNION SELECT name FROM later),
           touched (id) AS (
             SELECT c.merge_request_id FROM names CROSS JOIN mr_file_changes c
               ON c.project_id = 1 AND c.new_path = names.name
             UNION
             SELECT c.merge_request_id FROM names CROSS JOIN mr_file_changes c
               ON c.project_id = 1 AND c.old_path = names.name AND c.old_path <> c.new_path)
         SELECT m.iid, m.title, m.state, m.draft, u.username, m.web_url, m.target_branch,
           m.created_at, m.updated_at, m.merged_at, m.merge_commit_sha
         FROM touched CROSS JOIN merge_requests m ON m.id = touched.id
         LEFT JOIN users u ON u.id = m.author_id
         ORDER BY coalesce(m.merged_at, m.updated_at) DESC, m.iid DESC LIMIT {limit}"
    )
}

/// From the start of a process to its end.
fn time(command: &mut Command) -> Result<Duration, DemoError> {
    let begin = Instant::now();
    let status = command
        .status()
        .map_err(DemoError::io("running a contestant"))?;
    let took = begin.elapsed();
    if status.success() {
        Ok(took)
    } else {
        Err(DemoError::Failed {
            command: format!("{command:?}"),
            status: status.to_string(),
        })
    }
}
