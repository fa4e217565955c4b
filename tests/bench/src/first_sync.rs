//! What a first sync costs, and what the daemon costs when there is nothing to
//! do.

use std::fs::File;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use gitlab_sim::{GeneratorConfig, SimulatorBuilder};
use lore_demo::{DemoError, Home, Interrupt, Programs};
use rusqlite::{Connection, OpenFlags};

use crate::report::{self, number};
use crate::{Tools, cpu, home};

/// What counts as an entity: a row that stands for something of GitLab's.
const ENTITIES: &[&str] = &[
    "issues",
    "merge_requests",
    "discussions",
    "notes",
    "resource_events",
    "mr_file_changes",
];
/// The same with what they hang on, for the yardstick.
const CONTENT: &[&str] = &[
    "projects",
    "users",
    "labels",
    "milestones",
    "issues",
    "merge_requests",
    "issue_labels",
    "merge_request_labels",
    "discussions",
    "notes",
    "note_positions",
    "resource_events",
    "mr_file_changes",
    "mr_closes_issues",
];
/// How often the wait for the end of the idle interval looks at Ctrl+C.
const LOOK_EVERY: Duration = Duration::from_millis(100);

/// Mirrors a generated project and prints what that cost.
pub(crate) fn measure(
    programs: &Programs,
    interrupt: &Interrupt,
    tools: Tools,
    items: usize,
    idle: Duration,
) -> Result<(), DemoError> {
    let config = GeneratorConfig {
        issues: items,
        merge_requests: items,
        ..GeneratorConfig::default()
    };
    let sim = SimulatorBuilder::new()
        .generate(&config)
        .start_blocking()
        .map_err(DemoError::io("starting the simulated GitLab"))?;
    let project = sim.read(|upstream| {
        let first = upstream.projects.values().next();
        first.map(|project| project.path_with_namespace.clone())
    });
    let project =
        project.ok_or_else(|| DemoError::Wrong("the generator made no project".to_owned()))?;
    let home = home::configured(programs, interrupt, &sim, &[&project])?;
    home::answer(&home, &["status"])?;
    let pid = home::daemon_pid(&home)?;
    let (requests, used) = (sim.requests().len(), cpu::used_by(pid)?);
    let begin = Instant::now();
    home::answer(&home, &["sync", "--no-docs", "--no-embed"])?;
    let took = begin.elapsed();
    let used = cpu::used_by(pid)?.saturating_sub(used);
    let requests = sim.requests().len() - requests;
    let entities = count(&home.data().join("lore.db"))?;
    report::heading(&format!(
        "first sync: {items} issues and {items} merge requests, {entities} entities in all"
    ))?;
    let per_second = number(entities) / used.as_secs_f64().max(f64::EPSILON);
    report::figure("time", format_args!("{:.1} s", took.as_secs_f64()))?;
    report::figure(
        "CPU time of lored",
        format_args!("{:.2} s", used.as_secs_f64()),
    )?;
    report::figure(
        "entities written per CPU second",
        format_args!("{per_second:.0}"),
    )?;
    let per_thousand = number(requests as u64) * 1_000.0 / number(entities.max(1));
    report::figure(
        "requests per 1,000 entities",
        format_args!("{per_thousand:.0}"),
    )?;
    if tools.sqlite3 {
        let yardstick = yardstick(&home)?;
        report::figure(
            "CPU time of sqlite3 reading the same rows from a dump",
            format_args!("{:.2} s", yardstick.as_secs_f64()),
        )?;
        report::figure(
            "lored takes, by that time,",
            format_args!(
                "{:.1} x",
                used.as_secs_f64() / yardstick.as_secs_f64().max(0.01)
            ),
        )?;
    } else {
        report::skipped("the dump's time", "sqlite3")?;
    }
    nothing_changed(&home, sim.requests().len(), || sim.requests().len())?;
    report::heading("idle")?;
    idle_daemon(&home, interrupt, "after the first sync", idle)?;
    home::answer(&home, &["daemon", "restart"])?;
    idle_daemon(&home, interrupt, "after a restart", idle)
}

/// An incremental sync that finds nothing.
fn nothing_changed(
    home: &Home,
    before: usize,
    requests: impl Fn() -> usize,
) -> Result<(), DemoError> {
    home::answer(home, &["sync", "--no-docs", "--no-embed"])?;
    let first = requests() - before;
    let before = requests();
    home::answer(home, &["sync", "--no-docs", "--no-embed"])?;
    report::figure("requests of the sync right after it", first)?;
    report::figure("requests of the one after that", requests() - before)
}

fn idle_daemon(
    home: &Home,
    interrupt: &Interrupt,
    when: &str,
    idle: Duration,
) -> Result<(), DemoError> {
    let pid = home::daemon_pid(home)?;
    let used = cpu::used_by(pid)?;
    let (_, wakeups) = cpu::memory_and_wakeups(pid)?;
    let until = Instant::now() + idle;
    while Instant::now() < until {
        interrupt.check()?;
        std::thread::sleep(LOOK_EVERY);
    }
    let used = cpu::used_by(pid)?.saturating_sub(used);
    let (resident, woken) = cpu::memory_and_wakeups(pid)?;
    let seconds = idle.as_secs_f64().max(f64::EPSILON);
    report::figure(
        &format!("memory {when}"),
        format_args!("{:.1} MiB", number(resident) / 1_024.0),
    )?;
    report::figure(
        &format!("CPU {when}, over {} s", idle.as_secs()),
        format_args!("{:.3} %", used.as_secs_f64() * 100.0 / seconds),
    )?;
    report::figure(
        &format!("wake-ups a second {when}"),
        format_args!("{:.1}", number(woken.saturating_sub(wakeups)) / seconds),
    )
}

fn count(database: &Path) -> Result<u64, DemoError> {
    let wrong = |error: rusqlite::Error| DemoError::Wrong(error.to_string());
    let connection =
        Connection::open_with_flags(database, OpenFlags::SQLITE_OPEN_READ_ONLY).map_err(wrong)?;
    let mut entities = 0;
    for table in ENTITIES {
        let sql = format!("SELECT count(*) FROM {table}");
        entities += connection
            .query_row(&sql, [], |row| row.get::<_, u64>(0))
            .map_err(wrong)?;
    }
    Ok(entities)
}

/// The CPU time in which the `sqlite3` shell makes a database of the same rows
/// from their dump: no network, no JSON, no look at what was there.
fn yardstick(home: &Home) -> Result<Duration, DemoError> {
    let dump = home.path().join("dump.sql");
    let out = File::create(&dump).map_err(DemoError::io("making a dump"))?;
    let tables = format!(".dump {}", CONTENT.join(" "));
    sqlite3(
        Command::new("sqlite3")
            .arg("-readonly")
            .arg(home.data().join("lore.db"))
            .arg(tables)
            .stdin(Stdio::null())
            .stdout(out),
    )?;
    let input = File::open(&dump).map_err(DemoError::io("reading the dump"))?;
    let before = cpu::used_by_ended_children()?;
    sqlite3(
        Command::new("sqlite3")
            .arg(home.path().join("yardstick.db"))
            .stdin(input)
            .stdout(Stdio::null()),
    )?;
    Ok(cpu::used_by_ended_children()?.saturating_sub(before))
}

fn sqlite3(command: &mut Command) -> Result<(), DemoError> {
    let status = command
        .status()
        .map_err(DemoError::io("running `sqlite3`"))?;
    if status.success() {
        Ok(())
    } else {
        Err(DemoError::Failed {
            command: format!("{command:?}"),
            status: status.to_string(),
        })
    }
}
