//! From a command line to an exit status, whatever happens on the way.

use std::ffi::OsString;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::process::ExitCode;
use std::time::Instant;

use lore_proto::envelope::Meta;
use lore_proto::{ErrorCode, WireError};
use serde::Serialize;

use crate::about::{Help, ThisBuild};
use crate::args::{self, Request};
use crate::commands::{Command, Reply};
use crate::complete;
use crate::context::Context;
use crate::failure::Failure;
use crate::globals::Globals;
use crate::output::robot::{self, Document};
use crate::output::{ColorChoice, Printer};

/// Runs the process's own command line.
pub fn main() -> ExitCode {
    let started = Instant::now();
    let words: Vec<OsString> = std::env::args_os().collect();
    if complete::is_asked() {
        return complete::answer(words);
    }
    let robot = args::wants_robot(&words, std::env::var_os("LORE_ROBOT"));
    let run = || run(&words, robot, started);
    unless_it_panics(run).unwrap_or_else(|defect| {
        let printer = Printer::new(robot, false, false, ColorChoice::Auto);
        finish(&printer, &meta(String::new(), started), Err(defect.into()))
    })
}

/// A defect is reported like any other error: scripts get their document.
fn unless_it_panics<T>(run: impl FnOnce() -> T) -> Result<T, WireError> {
    catch_unwind(AssertUnwindSafe(run)).map_err(|_| {
        WireError::new(
            ErrorCode::Internal,
            "lore met a defect of its own and stopped; please report what you typed and what \
             stands on stderr",
        )
    })
}

fn run(words: &[OsString], robot: bool, started: Instant) -> ExitCode {
    let bare = Printer::new(robot, false, false, ColorChoice::Auto);
    // Only an answer about the command line itself needs its words again.
    let meta_of_words = || {
        let named = if robot {
            args::named_command(words)
        } else {
            String::new()
        };
        meta(named, started)
    };
    let (request, notes) = match args::read(words) {
        Ok(read) => read,
        Err(error) => {
            let meta = meta_of_words();
            // There stdout is for the protocol alone.
            let robot = robot && meta.command != "mcp";
            return finish(&Printer { robot, ..bare }, &meta, Err(error.into()));
        }
    };
    let reply = match request {
        Request::Run(run) => return run_command(*run, notes, robot, started),
        Request::Help(text) => about_itself(&bare, &text, &Help { help: &text }),
        Request::Version => {
            let line = format!("{}\n", args::version_line());
            about_itself(&bare, &line, &ThisBuild::new())
        }
    };
    let mut meta = meta_of_words();
    meta.warnings = notes;
    finish(&bare, &meta, reply)
}

/// Runs a command; `notes` say which of its words were read as others.
fn run_command(
    (globals, command): (Globals, Command),
    notes: Vec<String>,
    robot: bool,
    started: Instant,
) -> ExitCode {
    let name = command.name();
    let robot = command.gives_document(robot || globals.robot);
    let printer = Printer::new(robot, globals.quiet, globals.verbose, globals.color);
    for note in &notes {
        printer.warning(note);
    }
    let mut context = Context::new(globals, printer);
    // Here as well, for who asked for a document by a flag of the command.
    let run = unless_it_panics(|| command.run(&mut context));
    let reply = run.unwrap_or_else(|defect| Err(defect.into()));
    let mut meta = meta(name.to_owned(), started);
    meta.warnings = notes;
    finish(&printer, &meta, reply)
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_defect_is_an_error_with_its_code_and_no_abort() {
        let defect = unless_it_panics::<()>(|| panic!("a test's own"));
        assert_eq!(defect.unwrap_err().exit_status(), 1);
    }
}
