//! Completing a command line for a shell: words from the parser, values from
//! the daemon.
//!
//! A shell that has the script of [`completion_script`] runs `lore` with
//! [`VARIABLE`] set and the words so far. Nothing here may be slow, start a
//! daemon or say anything but candidates: somebody waits with a finger on a
//! key.

use std::ffi::OsString;
use std::io;
use std::process::ExitCode;
use std::sync::mpsc;
use std::time::Duration;

use clap::Command;
use clap_complete::CompletionCandidate;
use clap_complete::engine::ArgValueCandidates;
use clap_complete::env::{Bash, CompleteEnv, EnvCompleter, Fish, Powershell, Zsh};
use lore_proto::daemon::Nothing;
use lore_proto::methods::{JobsList, Method, ProjectsList, SyncRunsList};
use lore_proto::places::{Overrides, Places};
use lore_proto::project::Read;
use lore_proto::sync_runs::{ListRuns, RunList};

use crate::args;
use crate::link::{self, Connection, parse_result};
use crate::output::sanitise;

/// The variable by which a script asks for candidates; its value is the shell.
const VARIABLE: &str = "LORE_COMPLETE";

/// How long the daemon may take; after that there are no values from it.
const PATIENCE: Duration = Duration::from_millis(80);

/// The variable that says otherwise, in milliseconds, where a machine is slow.
const PATIENCE_VARIABLE: &str = "LORE_COMPLETE_MS";

/// A shell whose words can be completed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum Shell {
    /// GNU bash.
    Bash,
    /// zsh.
    Zsh,
    /// fish.
    Fish,
    /// `PowerShell`.
    Powershell,
}

/// The script that a shell has to read for its words to be completed.
pub fn completion_script(shell: Shell) -> io::Result<String> {
    let completer: &dyn EnvCompleter = match shell {
        Shell::Bash => &Bash,
        Shell::Zsh => &Zsh,
        Shell::Fish => &Fish,
        Shell::Powershell => &Powershell,
    };
    let mut script = Vec::new();
    completer.write_registration(VARIABLE, "lore", "lore", "lore", &mut script)?;
    let script = String::from_utf8_lossy(&script);
    let mut script = format!("{}\n", script.trim());
    if matches!(shell, Shell::Zsh) {
        // As a file of `fpath` it is read at the first Tab, which is to be
        // answered too, and not only to be registered for.
        script.push_str(
            "if [ \"$funcstack[1]\" = \"_lore\" ]; then\n    _clap_dynamic_completer_lore \"$@\"\nfi\n",
        );
    }
    Ok(script)
}

/// Whether a shell asks for candidates.
pub(crate) fn is_asked() -> bool {
    std::env::var_os(VARIABLE).is_some_and(|shell| !shell.is_empty())
}

/// Answers a shell with the candidates for the last of `words`.
pub(crate) fn answer(words: Vec<OsString>) -> ExitCode {
    let folder = std::env::current_dir().ok();
    let answered = CompleteEnv::with_factory(parser)
        .var(VARIABLE)
        .completer("lore")
        .try_complete(words, folder.as_deref());
    // A shell shows nothing of an error, and a person has asked for nothing.
    match answered {
        Ok(_) => ExitCode::SUCCESS,
        Err(_) => ExitCode::FAILURE,
    }
}

/// The parser, with values that only the daemon knows.
fn parser() -> Command {
    args::parser()
        .mut_arg("project", |arg| arg.add(ArgValueCandidates::new(projects)))
        .mut_arg("host", |arg| arg.add(ArgValueCandidates::new(hosts)))
        .mut_subcommand("sync-runs", |runs| {
            runs.mut_arg("run_id", |arg| {
                arg.add(ArgValueCandidates::new(runs_so_far))
            })
        })
        .mut_subcommand("jobs", |jobs| {
            jobs.mut_subcommand("cancel", |cancel| {
                cancel.mut_arg("job_id", |arg| {
                    arg.add(ArgValueCandidates::new(jobs_at_work))
                })
            })
        })
}

fn projects() -> Vec<CompletionCandidate> {
    let list = ask::<ProjectsList>(Nothing {});
    let rows = list.into_iter().flat_map(|list| list.projects);
    rows.filter_map(|row| candidate(&row.path, &row.host))
        .collect()
}

fn hosts() -> Vec<CompletionCandidate> {
    let list = ask::<ProjectsList>(Nothing {});
    let mut names: Vec<String> = list
        .into_iter()
        .flat_map(|list| list.projects)
        .map(|row| row.host)
        .collect();
    names.sort();
    names.dedup();
    names
        .iter()
        .filter_map(|name| candidate(name, "a configured host"))
        .collect()
}

fn runs_so_far() -> Vec<CompletionCandidate> {
    let read: Option<Read<RunList>> = ask::<SyncRunsList>(ListRuns::default());
    let runs = read.into_iter().flat_map(|read| read.data.runs);
    runs.filter_map(|run| {
        let what = format!(
            "{} {}, {}",
            run.mode.as_str(),
            run.status.as_str(),
            run.project
        );
        candidate(&run.run_id, &what)
    })
    .collect()
}

fn jobs_at_work() -> Vec<CompletionCandidate> {
    let list = ask::<JobsList>(Nothing {});
    let jobs = list.into_iter().flat_map(|list| list.jobs);
    jobs.filter(|job| job.finished_at.is_none())
        .filter_map(|job| candidate(&job.job_id.to_string(), &job.title))
        .collect()
}

/// A value with what it is; none where a shell would read it as more than one
/// word.
fn candidate(value: &str, what: &str) -> Option<CompletionCandidate> {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_./:@+".contains(c);
    let what = sanitise::line(what).into_owned();
    value
        .chars()
        .all(plain)
        .then(|| CompletionCandidate::new(value).help(Some(what.into())))
}

fn patience() -> Duration {
    std::env::var(PATIENCE_VARIABLE)
        .ok()
        .and_then(|told| told.parse().ok())
        .map_or(PATIENCE, Duration::from_millis)
}

/// Asks the daemon that runs, if one does and it answers in time.
fn ask<M>(params: M::Params) -> Option<M::Result>
where
    M: Method,
    M::Params: 'static,
    M::Result: 'static,
{
    let places = Places::from_env(&Overrides::default()).ok()?;
    let (sender, receiver) = mpsc::channel();
    // Whatever it hangs on, connecting included, is left behind at the end.
    std::thread::spawn(move || {
        let asked = || {
            let mut connection = Connection::open(&places.socket).ok()?;
            let raw = connection
                .greet_and_call::<M>(&link::hello(&places), &params)
                .ok()?
                .ok()?;
            parse_result::<M::Result>(M::NAME, &raw).ok()
        };
        // Nobody may wait for it any more.
        let _ = sender.send(asked());
    });
    receiver.recv_timeout(patience()).ok().flatten()
}
