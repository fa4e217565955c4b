//! `lore-demo`: the main job from an empty home to an answer, on a simulated
//! GitLab, by the real programs.

mod scenes;
mod stage;
mod story;

use std::io::Write as _;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::Parser;
use lore_demo::{DemoError, Interrupt, Programs};

use scenes::Sizes;

/// Shows lore's main job against a simulated GitLab
///
/// Builds `lore` and `lored`, serves a made-up project on loopback, mirrors it
/// on a temporary home and asks it questions. Nothing is left behind.
#[derive(Debug, Parser)]
struct Arguments {
    /// Issues in the made-up project, besides those of the story
    #[arg(long, value_name = "N", default_value_t = 200)]
    issues: usize,
    /// Merge requests in it, besides those of the story
    #[arg(long, value_name = "N", default_value_t = 200)]
    merge_requests: usize,
    /// How long the simulated GitLab takes to answer, in milliseconds
    #[arg(long, value_name = "MS", default_value_t = 25)]
    latency: u64,
    /// Take `lore` and `lored` from this folder instead of building them
    #[arg(long, value_name = "FOLDER")]
    programs: Option<PathBuf>,
}

fn main() -> ExitCode {
    match run(&Arguments::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            // Nobody is left to tell where stderr is closed.
            let _ = writeln!(std::io::stderr(), "\nlore-demo: {error}");
            match error {
                DemoError::Interrupted => ExitCode::from(130),
                _ => ExitCode::FAILURE,
            }
        }
    }
}

fn run(arguments: &Arguments) -> Result<(), DemoError> {
    let interrupt = Interrupt::watch()?;
    let programs = match &arguments.programs {
        Some(folder) => Programs::in_folder(folder)?,
        None => Programs::build()?,
    };
    interrupt.check()?;
    let sizes = Sizes {
        issues: arguments.issues,
        merge_requests: arguments.merge_requests,
        latency: std::time::Duration::from_millis(arguments.latency),
    };
    scenes::play(programs, interrupt, &sizes)
}
