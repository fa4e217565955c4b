//! `lore db`: a copy, a check, a new beginning.

use std::io::{self, BufRead as _, IsTerminal as _};
use std::path::PathBuf;

use clap::{Args, Subcommand, ValueHint};
use lore_proto::daemon::Nothing;
use lore_proto::db::{Backup, BackupDone, Check, CheckDone, DbStarted, Rebuilt};
use lore_proto::methods::{DbBackup, DbCheck, DbRebuild, Method};
use lore_proto::{ErrorCode, WireError};
use serde_json::value::RawValue;

use super::init::full_path;
use super::sync::follow_started;
use super::{Facts, Reply, Run};
use crate::context::Context;
use crate::failure::Failure;
use crate::interrupt::Interrupt;
use crate::link::parse_result;
use crate::output::robot::Document;
use crate::output::{Page, sanitise, text};

/// Copy, check or rebuild the database
#[derive(Debug, Args)]
pub(crate) struct Db {
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// Copy the database to a file while the daemon goes on
    #[command(after_help = "Examples:
  lore db backup ~/lore-backup.db
  lore db backup --force /backup/lore.db")]
    Backup {
        /// The copy
        #[arg(value_name = "FILE", value_hint = ValueHint::FilePath)]
        file: PathBuf,
        /// Replace a file that is there already
        #[arg(long)]
        force: bool,
    },
    /// Look for damage in the database
    #[command(after_help = "Examples:
  lore db check
  lore db check --quick")]
    Check {
        /// Leave out what reads every index entry
        #[arg(long)]
        quick: bool,
    },
    /// Move the database aside and mirror everything anew
    #[command(after_help = "Examples:
  lore db rebuild
  lore db rebuild --yes     without a question")]
    Rebuild {
        /// Do not ask
        #[arg(short, long)]
        yes: bool,
    },
}

impl Run for Db {
    const FACTS: &'static [Facts] = &[
        Facts::write::<BackupDone>("db backup"),
        Facts::read::<CheckDone>("db check"),
        Facts::write::<Rebuilt>("db rebuild").asks_gitlab(),
    ];

    fn name(&self) -> &'static str {
        match self.action {
            Action::Backup { .. } => "db backup",
            Action::Check { .. } => "db check",
            Action::Rebuild { .. } => "db rebuild",
        }
    }

    fn run(self, context: &mut Context) -> Result<Reply, Failure> {
        match self.action {
            Action::Backup { file, force } => {
                let file = full_path(&file)?;
                job::<DbBackup, BackupDone>(context, &Backup { file, force }, backed_up)
            }
            Action::Check { quick } => {
                job::<DbCheck, CheckDone>(context, &Check { quick }, checked)
            }
            Action::Rebuild { yes } => {
                if !yes {
                    confirm(context)?;
                }
                context.answer::<DbRebuild>(&Nothing {}, |done, _| rebuilt(done))
            }
        }
    }
}

/// Starts a job, follows it to its end and shows its result.
fn job<M, T>(
    context: &mut Context,
    ask: &M::Params,
    page: fn(&T) -> String,
) -> Result<Reply, Failure>
where
    M: Method<Result = DbStarted>,
    T: for<'de> serde::Deserialize<'de>,
{
    let (mut connection, hello) = context.connect()?;
    let interrupt =
        Interrupt::watch().map_err(|error| Failure::io("watching for Ctrl+C", &error))?;
    let started = connection.call::<M>(ask).map_err(WireError::from)?;
    let ended = follow_started(context, connection, &hello, started, &interrupt)?;
    if let Some(error) = ended.error {
        return Err(error.into());
    }
    let result = ended.result.unwrap_or_else(|| RawValue::NULL.to_owned());
    if context.printer.robot {
        return Ok(Reply::Document(Document::new(result)));
    }
    let done = parse_result::<T>(M::NAME, &result).map_err(WireError::from)?;
    context.printer.out(&page(&done))?;
    Ok(Reply::Shown)
}

/// Asks the person at the terminal; elsewhere a flag has to say it.
fn confirm(context: &Context) -> Result<(), Failure> {
    if context.printer.robot || !io::stdin().is_terminal() || !io::stderr().is_terminal() {
        return Err(Failure::Error(
            WireError::new(
                ErrorCode::Usage,
                "this moves the database aside and fetches everything from GitLab again; `--yes` says that it is meant",
            )
            .details(serde_json::json!({ "missing": "--yes" }))
            .action("lore db rebuild --yes"),
        ));
    }
    context.printer.err(
        "The database is moved aside, and everything is fetched from GitLab again. The ledger of\n\
         past runs goes with it. Go on? [y/N] ",
    );
    let mut answer = String::new();
    io::stdin()
        .lock()
        .read_line(&mut answer)
        .map_err(|error| Failure::io("reading an answer", &error))?;
    match answer.trim().to_ascii_lowercase().as_str() {
        "y" | "yes" => Ok(()),
        _ => Err(Failure::Error(WireError::new(
            ErrorCode::Cancelled,
            "nothing was changed",
        ))),
    }
}

fn backed_up(done: &BackupDone) -> String {
    format!(
        "Copied {} to {}\n",
        size(done.bytes),
        sanitise::line(&done.file)
    )
}

fn checked(done: &CheckDone) -> String {
    format!(
        "No damage in {} ({})\n",
        sanitise::line(&done.database),
        sanitise::line(&done.checks.join(", "))
    )
}

fn rebuilt(done: &Rebuilt) -> String {
    let mut page = Page::default();
    match &done.moved_to {
        Some(to) => page.line(format_args!(
            "The database from before ({}) is now {}",
            size(done.moved_bytes),
            sanitise::line(to)
        )),
        None => page.line("There was no database; a new one is there now."),
    }
    match done.job_id {
        Some(job) => page.line(format_args!("A full sync goes on as job {job}: lore jobs")),
        None => page.line("No project is configured, so nothing is mirrored: lore init"),
    }
    page.into_text()
}

fn size(bytes: u64) -> String {
    match bytes {
        ..1_048_576 => format!("{} KiB", text::thousands(bytes.div_ceil(1_024))),
        _ => format!("{} MiB", text::thousands(bytes >> 20)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rebuild_says_where_the_old_database_is_and_what_goes_on() {
        let done = Rebuilt {
            moved_to: Some("/d/lore.db.S.aside".into()),
            moved_bytes: 5 << 20,
            job_id: Some(3),
            run_ids: vec!["r".into()],
        };
        assert_eq!(
            rebuilt(&done),
            "The database from before (5 MiB) is now /d/lore.db.S.aside\n\
             A full sync goes on as job 3: lore jobs\n"
        );
    }
}
