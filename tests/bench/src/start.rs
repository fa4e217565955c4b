//! What it takes `lored` to start on a large mirror, beside `sqlite3` opening
//! it and counting its projects.

use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use clap::Args;
use gitlab_sim::{GeneratorConfig, SimulatorBuilder};
use lore_demo::{DemoError, Home, Interrupt, Programs};
use rusqlite::Connection;

use crate::home::{LIMIT, answer, configured};
use crate::report::{figure, heading, median, millis, skipped};
use crate::wire::{Framing, Wire};
use crate::{answers, programs_of};

/// Bytes of the note that the mirror is filled up with.
const NOTE: usize = 8 << 10;

#[derive(Debug, Args)]
pub(crate) struct Options {
    /// The size of the database, in megabytes
    #[arg(long, value_name = "MB", default_value_t = 1_000)]
    megabytes: u64,
    /// How often each is started
    #[arg(long, value_name = "N", default_value_t = 25)]
    rounds: usize,
    /// Take `lore` and `lored` from this folder instead of building them
    #[arg(long, value_name = "FOLDER")]
    programs: Option<PathBuf>,
}

pub(crate) fn measure(interrupt: &Interrupt, options: &Options) -> Result<(), DemoError> {
    if !answers("sqlite3") {
        return skipped("start", "sqlite3");
    }
    let programs = programs_of(options.programs.as_deref())?;
    let sim = SimulatorBuilder::new()
        .generate(&GeneratorConfig::default())
        .start_blocking()
        .map_err(DemoError::io("starting the simulator"))?;
    let path = sim.read(|upstream| {
        let first = upstream.projects.values().next();
        first.map(|project| project.path_with_namespace.clone())
    });
    let path = path.unwrap_or_default();
    let home = configured(&programs, interrupt, &sim, &[&path])?;
    answer(&home, &["sync"])?;
    answer(&home, &["daemon", "stop"])?;
    let bytes = fill(&home, options.megabytes * 1_000_000)?;

    let (mut lored, mut sqlite3, mut bare) = (Vec::new(), Vec::new(), Vec::new());
    for round in 0..=options.rounds {
        interrupt.check()?;
        let times = (
            start(&home, &programs)?,
            time(
                Command::new("sqlite3")
                    .args(["-batch", "-readonly"])
                    .arg(home.data().join("lore.db"))
                    .arg("SELECT count(*) FROM projects"),
            )?,
            time(Command::new(&programs.lored).arg("--version"))?,
        );
        // The first brings the files into memory.
        if round > 0 {
            lored.push(times.0.as_secs_f64());
            sqlite3.push(times.1.as_secs_f64());
            bare.push(times.2.as_secs_f64());
        }
    }
    let (lored, sqlite3, bare) = (median(lored), median(sqlite3), median(bare));
    heading(&format!(
        "starting on a database of {} MB, median of {}",
        bytes / 1_000_000,
        options.rounds
    ))?;
    let shown = |seconds| millis(Duration::from_secs_f64(seconds));
    figure("lored, until it has answered", shown(lored))?;
    figure("lored --version, the bare process", shown(bare))?;
    figure("sqlite3, counting the projects", shown(sqlite3))?;
    figure(
        "lored without the bare process, to sqlite3",
        format_args!("{:.2}", (lored - bare) / sqlite3),
    )
}

/// Fills the mirror up with notes and gives its size.
fn fill(home: &Home, bytes: u64) -> Result<u64, DemoError> {
    let path = home.data().join("lore.db");
    let wrong = |error: rusqlite::Error| DemoError::Wrong(format!("filling the mirror: {error}"));
    let connection = Connection::open(&path).map_err(wrong)?;
    let body = "lore ipsum ".repeat(NOTE / 11);
    let mut gitlab_id = 1_000_000_000_u64;
    let size = || std::fs::metadata(&path).map_or(0, |file| file.len());
    while size() < bytes {
        connection.execute_batch("BEGIN").map_err(wrong)?;
        for _ in 0..2_000 {
            gitlab_id += 1;
            connection
                .prepare_cached(
                    "INSERT INTO notes (discussion_id, project_id, gitlab_id, position, body)
                     SELECT id, project_id, ?1, ?1, ?2 FROM discussions LIMIT 1",
                )
                .and_then(|mut insert| insert.execute(rusqlite::params![gitlab_id, body]))
                .map_err(wrong)?;
        }
        connection
            .execute_batch("COMMIT; PRAGMA wal_checkpoint(TRUNCATE)")
            .map_err(wrong)?;
    }
    // What the notes have marked is not to be worked on.
    connection
        .execute_batch("DELETE FROM dirty_sources; PRAGMA wal_checkpoint(TRUNCATE)")
        .map_err(wrong)?;
    Ok(size())
}

/// From the start of `lored` to its first answer.
fn start(home: &Home, programs: &Programs) -> Result<Duration, DemoError> {
    let socket = home.data().join("lored.sock");
    let mut command = Command::new(&programs.lored);
    command.env_clear();
    for (name, value) in home.lore(&[]).get_envs() {
        if let Some(value) = value {
            command.env(name, value);
        }
    }
    command
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null());
    let begin = Instant::now();
    let mut daemon = Ended(command.spawn().map_err(DemoError::io("starting `lored`"))?);
    let mut wire = loop {
        if let Ok(wire) = Wire::connect(&socket, Framing::Lines) {
            break wire;
        }
        if begin.elapsed() > LIMIT || daemon.0.try_wait().is_ok_and(|ended| ended.is_some()) {
            return Err(DemoError::Wrong("lored did not start".to_owned()));
        }
        std::thread::sleep(Duration::from_micros(200));
    };
    wire.ask(r#"{"jsonrpc":"2.0","id":1,"method":"projects.list","params":{}}"#)?;
    let took = begin.elapsed();
    drop(wire);
    answer(home, &["daemon", "stop"])?;
    daemon
        .0
        .wait()
        .map_err(DemoError::io("waiting for `lored`"))?;
    Ok(took)
}

/// A process that does not outlive the benchmark.
struct Ended(Child);

impl Drop for Ended {
    fn drop(&mut self) {
        // It has ended where all went well.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn time(command: &mut Command) -> Result<Duration, DemoError> {
    let begin = Instant::now();
    let ended = command.stdin(Stdio::null()).stdout(Stdio::null()).status();
    let status = ended.map_err(DemoError::io("running a contestant"))?;
    if status.success() {
        return Ok(begin.elapsed());
    }
    Err(DemoError::Failed {
        command: format!("{command:?}"),
        status: status.to_string(),
    })
}
