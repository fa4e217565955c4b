//! `lore-bench`: what an answer costs beside `sqlite3` and `git` and in each
//! framing of the socket, and what a mirror costs, on this machine and in one
//! run. Ratios are of pairs taken one right after the other, so that a noisy
//! machine spoils both alike.

mod cpu;
mod first_sync;
mod framings;
mod home;
mod reads;
mod report;
mod repository;
mod search;
mod start;
mod wire;

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode, Stdio};
use std::time::Duration;

use clap::{Parser, Subcommand};
use lore_demo::{DemoError, Interrupt, Programs};

/// Measures lore beside sqlite3 and git
///
/// Run it as `cargo run --release -p lore-bench`: figures of a debug build say
/// nothing.
#[derive(Debug, Parser)]
#[command(args_conflicts_with_subcommands = true)]
struct Arguments {
    /// Instead of reads and a first sync
    #[command(subcommand)]
    part: Option<Part>,
    /// How often each command is run for the comparison of reads
    #[arg(long, value_name = "N", default_value_t = 101)]
    rounds: usize,
    /// Commits of the scripted git repository
    #[arg(long, value_name = "N", default_value_t = 1_000)]
    commits: usize,
    /// Issues, and as many merge requests, of the project whose first sync is
    /// measured
    #[arg(long, value_name = "N", default_value_t = 1_000)]
    items: usize,
    /// For how long the idle daemon is watched, in seconds
    #[arg(long, value_name = "SECONDS", default_value_t = 20)]
    idle: u64,
    /// Take `lore` and `lored` from this folder instead of building them
    #[arg(long, value_name = "FOLDER")]
    programs: Option<PathBuf>,
}

#[derive(Debug, Subcommand)]
enum Part {
    /// How well search finds what people have said belongs together, asked of a
    /// daemon over its socket; needs `LORE_CORPUS`
    SearchQuality(search::quality::Options),
    /// How long a search takes beside FTS5, a bare scan and sqlite-vec
    SearchSpeed(search::speed::Options),
    /// How long the daemon takes to start on a large mirror, beside sqlite3
    Start(start::Options),
}

fn main() -> ExitCode {
    match run(&Arguments::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            // Nobody is left to tell where stderr is closed.
            let _ = writeln!(std::io::stderr(), "\nlore-bench: {error}");
            match error {
                DemoError::Interrupted => ExitCode::from(130),
                _ => ExitCode::FAILURE,
            }
        }
    }
}

fn run(arguments: &Arguments) -> Result<(), DemoError> {
    let interrupt = Interrupt::watch()?;
    match &arguments.part {
        Some(Part::SearchQuality(options)) => return search::quality::measure(&interrupt, options),
        Some(Part::SearchSpeed(options)) => return search::speed::measure(&interrupt, options),
        Some(Part::Start(options)) => return start::measure(&interrupt, options),
        None => {}
    }
    let programs = programs_of(arguments.programs.as_deref())?;
    let tools = Tools {
        sqlite3: answers("sqlite3"),
        git: answers("git"),
    };
    report::programs(&programs)?;
    if tools.git {
        reads::measure(
            &programs,
            &interrupt,
            tools,
            arguments.commits,
            arguments.rounds,
        )?;
    } else {
        report::skipped("reads", "git")?;
    }
    first_sync::measure(
        &programs,
        &interrupt,
        tools,
        arguments.items,
        Duration::from_secs(arguments.idle),
    )
}

/// The programs in `folder`, or new builds of them.
fn programs_of(folder: Option<&Path>) -> Result<Programs, DemoError> {
    match folder {
        Some(folder) => Programs::in_folder(folder),
        None => Programs::build(),
    }
}

/// Which of the tools that lore is compared with are there.
#[derive(Clone, Copy, Debug)]
struct Tools {
    sqlite3: bool,
    git: bool,
}

fn answers(tool: &str) -> bool {
    Command::new(tool)
        .arg("--version")
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status()
        .is_ok_and(|status| status.success())
}
