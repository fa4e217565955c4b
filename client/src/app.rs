//! From a command line to an exit status, whatever happens on the way.

use std::ffi::OsString;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::process::ExitCode;
use std::time::Instant;

use lore_proto::envelope::Meta;
use lore_proto::{ErrorCode, WireError};
use serde::Serialize;

use crate::about::{Help, Version};
use crate::args::{self, Request};
use crate::commands::{Command, Reply};
use crate::context::Context;
use crate::failure::Failure;
use crate::globals::Globals;
use crate::output::robot::{self, Document};
use crate::output::{ColorChoice, Printer};

/// Runs the process's own command line.
pub(crate) fn main() -> ExitCode {
    let started = Instant::now();
    let words: Vec<OsString> = std::env::args_os().collect();
    let robot = args::wants_robot(&words, std::env::var_os("LORE_ROBOT"));
    let run = || run(words, robot, started);
    // A defect is reported like any other error: scripts get their document.
    catch_unwind(AssertUnwindSafe(run)).unwrap_or_else(|_| {
        let printer = Printer::new(robot, false, false, ColorChoice::Auto);
        let defect = WireError::new(
            ErrorCode::Internal,
            "lore met a defect of its own and stopped; please report what you typed and what \
             stands on stderr",
        );
        finish(&printer, &meta(String::new(), started), Err(defect.into()))
    })
}

fn run(words: Vec<OsString>, robot: bool, started: Instant) -> ExitCode {
    let bare = Printer::new(robot, false, false, ColorChoice::Auto);
    // Only an answer about the command line itself needs its words again.
    let named = if robot {
        args::named_command(&words)
    } else {
        String::new()
    };
    match args::read(words) {
        Ok(Request::Run(run)) => run_command(*run, robot, started),
        Ok(Request::Help(text)) => {
            let reply = about_itself(&bare, &text, &Help { help: &text });
            finish(&bare, &meta(named, started), reply)
        }
        Ok(Request::Version) => {
            let line = format!("{}\n", args::version_line());
            let reply = about_itself(&bare, &line, &Version::of_this_build());
            finish(&bare, &meta(named, started), reply)
        }
        Err(error) => finish(&bare, &meta(named, started), Err(error.into())),
    }
}

fn run_command((globals, command): (Globals, Command), robot: bool, started: Instant) -> ExitCode {
    let name = command.name();
    let printer = Printer::new(robot, globals.quiet, globals.verbose, globals.color);
    let mut context = Context::new(globals, printer);
    let reply = command.run(&mut context);
    finish(&printer, &meta(name.to_owned(), started), reply)
}

/// Help and version.
fn about_itself(printer: &Printer, text: &str, data: &impl Serialize) -> Result<Reply, Failure> {
    if printer.robot {
        let data = serde_json::value::to_raw_value(data);
        let data = data.map_err(|e| WireError::new(ErrorCode::Internal, e.to_string()))?;
        return Ok(Reply::Document(Document::new(data)));
    }
    printer.out(text)?;
    Ok(Reply::Shown)
}

fn meta(command: String, started: Instant) -> Meta {
    let elapsed = u64::try_from(started.elapsed().as_millis()).unwrap_or(u64::MAX);
    Meta::new(command, elapsed)
}

/// Writes what there is to write and gives the exit status.
fn finish(printer: &Printer, meta: &Meta, reply: Result<Reply, Failure>) -> ExitCode {
    let failure = match reply {
        Ok(Reply::Shown) => return ExitCode::SUCCESS,
        Ok(Reply::Document(document)) => {
            match printer.out(&robot::success(document, meta.clone())) {
                Ok(()) => return ExitCode::SUCCESS,
                // stdout is what failed: what remains is stderr.
                Err(Failure::Error(error)) => {
                    printer.error(&error);
                    return ExitCode::from(error.exit_status());
                }
                Err(closed) => closed,
            }
        }
        Err(failure) => failure,
    };
    match failure {
        // As ripgrep and git do: `lore … | head` is no failure.
        Failure::ClosedPipe => ExitCode::SUCCESS,
        Failure::Error(error) => {
            let told = if printer.robot {
                printer.out(&robot::failure(&error, meta.clone()))
            } else {
                printer.error(&error);
                Ok(())
            };
            if let Err(Failure::Error(stdout)) = told {
                printer.error(&stdout);
            }
            ExitCode::from(error.exit_status())
        }
    }
}
