//! `lore daemon …`: the daemon's life.

mod answers;
mod install;
mod logs;

use std::time::Duration;

use clap::{Args, Subcommand};
use lore_proto::daemon::{HelloReply, Nothing, Reloaded, Shutdown};
use lore_proto::methods::{DaemonReload, DaemonShutdown, GetDaemonStatus};
use lore_proto::places::Places;
use lore_proto::{ErrorCode, WireError};
use serde::Serialize;

use super::{Facts, Reply, Run};
use crate::context::Context;
use crate::failure::Failure;
use crate::link::{self, CallError, Connection, Probe};
use crate::output::robot::Document;
use crate::output::{Page, View, sanitise, text, time};
use crate::service::{self, MANAGER};

use answers::{Absent, Answering, Ending, Health, Launch, LogTail, Problem, Serves, Unfit};

/// How long `stop` waits: the daemon gives running jobs 10 seconds, and then
/// ends them.
const STOP_LIMIT: Duration = Duration::from_secs(20);

/// Most daemons are gone after this, and nothing needs to be said.
const QUIET_LIMIT: Duration = Duration::from_millis(200);

/// Start, stop and look after the daemon
#[derive(Debug, Args)]
pub(crate) struct Daemon {
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// Start the daemon, unless it runs
    #[command(after_help = "Example:\n  lore daemon start")]
    Start,
    /// Stop the daemon, and wait until it has gone (at most 20 seconds)
    #[command(after_help = "Example:\n  lore daemon stop")]
    Stop,
    /// Stop the daemon and start it again
    #[command(after_help = "Example:\n  lore daemon restart")]
    Restart,
    /// Say whether the daemon runs; never starts it
    #[command(after_help = "Example:\n  lore daemon status --robot")]
    Status,
    /// Have the daemon read its config again
    #[command(after_help = "Example:\n  lore daemon reload")]
    Reload,
    /// Show the end of the daemon's log
    Logs(logs::Logs),
    Install(install::Install),
    /// Undo `install`; the mirror and the config stay
    #[command(after_help = "Example:\n  lore daemon uninstall")]
    Uninstall,
}

impl Run for Daemon {
    const FACTS: &'static [Facts] = &[
        Facts::write::<Launch>("daemon start"),
        Facts::write::<Ending>("daemon stop"),
        Facts::write::<Launch>("daemon restart"),
        Facts::read::<Health>("daemon status"),
        Facts::write::<Reloaded>("daemon reload"),
        Facts::read::<LogTail<'_>>("daemon logs"),
        Facts::write::<install::Service>("daemon install"),
        Facts::write::<install::Service>("daemon uninstall"),
    ];

    fn name(&self) -> &'static str {
        match self.action {
            Action::Start => "daemon start",
            Action::Stop => "daemon stop",
            Action::Restart => "daemon restart",
            Action::Status => "daemon status",
            Action::Reload => "daemon reload",
            Action::Logs(_) => "daemon logs",
            Action::Install(_) => "daemon install",
            Action::Uninstall => "daemon uninstall",
        }
    }

    fn run(self, context: &mut Context) -> Result<Reply, Failure> {
        match self.action {
            Action::Start => start(context),
            Action::Stop => stop_and_say(context),
            Action::Restart => restart(context),
            Action::Status => status(context),
            Action::Reload => reload(context),
            Action::Logs(logs) => logs.run(context),
            Action::Install(install) => install.run(context),
            Action::Uninstall => install::uninstall(context),
        }
    }
}

fn start(context: &mut Context) -> Result<Reply, Failure> {
    let places = context.places()?;
    let (hello, started) = match link::probe(&places) {
        Probe::Ready(_, hello) => (*hello, false),
        Probe::Unfit(error) => return Err(error.into()),
        Probe::Absent(_) => (link::launch(&places)?.1, true),
    };
    let data = Launch {
        daemon: Answering::new(&hello, &places),
        started,
        previous_pid: None,
    };
    let verb = if started {
        "Started"
    } else {
        "Already running:"
    };
    say(context, &data, &format!("{verb} {}", named(&hello)))
}

fn stop_and_say(context: &mut Context) -> Result<Reply, Failure> {
    let places = context.places()?;
    let pid = stop(context, &places)?;
    let sentence = match pid {
        Some(pid) => format!("Stopped lored (pid {pid}).\n"),
        None => "No daemon runs.\n".to_owned(),
    };
    let data = Ending {
        running: false,
        stopped: pid.is_some(),
        pid,
    };
    say(context, &data, &sentence)
}

fn restart(context: &mut Context) -> Result<Reply, Failure> {
    let places = context.places()?;
    let previous = stop(context, &places)?;
    let (_, hello) = link::launch(&places)?;
    let data = Launch {
        daemon: Answering::new(&hello, &places),
        started: true,
        previous_pid: previous,
    };
    say(context, &data, &format!("Started {}", named(&hello)))
}

/// Ends the daemon that answers and waits until it is gone; gives its pid, or
/// `None` where none ran. No handshake comes first: a daemon of another
/// protocol has to be stoppable too.
fn stop(context: &Context, places: &Places) -> Result<Option<u32>, Failure> {
    // Asking it would have its service start it, where it does not run.
    let kept = if service::owns(places) {
        service::stop()
    } else {
        None
    };
    let asked = Connection::open(&places.socket)
        .map_err(CallError::Lost)
        .and_then(|mut connection| connection.call::<DaemonShutdown>(&Shutdown::default()));
    let pid = match asked {
        Ok(going) => Some(going.pid),
        Err(CallError::Lost(error)) if link::means_absent(&error) => kept,
        Err(error) => return Err(WireError::from(error).into()),
    };
    let gone = |limit| link::wait_until_gone(&places.socket, &places.owner_lock(), limit);
    if gone(QUIET_LIMIT) {
        return Ok(pid);
    }
    context.printer.note("waiting for the daemon to end …");
    if gone(STOP_LIMIT) {
        return Ok(pid);
    }
    if let (None, Some(owner)) = (pid, link::owner(&places.owner_lock())) {
        let message = format!(
            "{}, so it could not be asked to stop",
            link::unheard(places)
        );
        return Err(WireError::new(ErrorCode::DaemonUnavailable, message)
            .action(format!("kill {owner}"))
            .into());
    }
    let who = pid.map_or_else(String::new, |pid| format!(" (pid {pid})"));
    Err(Failure::Error(
        WireError::new(
            ErrorCode::Timeout,
            format!(
                "the daemon{who} was asked to stop and has not gone after {} seconds",
                STOP_LIMIT.as_secs()
            ),
        )
        .action("lore daemon logs")
        .action("lore daemon status"),
    ))
}

/// pid, version, protocol, uptime and places, or that none runs. Both are
/// answers, so both are exit 0.
fn status(context: &mut Context) -> Result<Reply, Failure> {
    let places = context.places()?;
    if service::owns(&places) && service::is_asleep() {
        let sentence = format!("Not running; {MANAGER} starts it with the next command.\n");
        let absent = Absent {
            running: false,
            starts_on_demand: true,
            socket: places.socket.display().to_string(),
            owner_pid: None,
        };
        return say(context, &Health::Absent(absent), &sentence);
    }
    match link::probe(&places) {
        Probe::Ready(mut connection, hello) => {
            let full = connection
                .call::<GetDaemonStatus>(&Nothing {})
                .map_err(WireError::from)?;
            let page = format!(
                "{}up {}\nconfig    {}\ndatabase  {}\nsocket    {}\nlogs      {}\n",
                named(&hello),
                time::span(full.uptime_seconds),
                sanitise::line(&full.places.config),
                sanitise::line(&full.places.database),
                sanitise::line(&full.places.socket),
                sanitise::line(&full.places.log_dir),
            );
            let data = Serves {
                daemon: Answering::new(&hello, &places),
                started_at: full.started_at,
                uptime_seconds: full.uptime_seconds,
                places: full.places,
            };
            say(context, &Health::Serves(Box::new(data)), &page)
        }
        Probe::Unfit(error) => {
            let mut page = Page::default();
            page.line(format_args!(
                "A daemon answers and cannot serve this lore: {}",
                sanitise::lines(&error.message)
            ));
            for action in &error.actions {
                page.line(format_args!("hint: {}", sanitise::line(action)));
            }
            let data = Unfit {
                running: true,
                compatible: false,
                problem: Problem {
                    code: error.code,
                    message: error.message,
                },
                socket: places.socket.display().to_string(),
            };
            say(context, &Health::Unfit(data), &page.into_text())
        }
        Probe::Absent(_) => {
            let socket = places.socket.display().to_string();
            let owner_pid = link::owner(&places.owner_lock());
            let page = match owner_pid {
                Some(_) => {
                    let what = link::unheard(&places);
                    format!("Not answering: {}.\n", sanitise::line(&what))
                }
                None => format!("Not running (no daemon answers at `{socket}`).\n"),
            };
            let absent = Absent {
                running: false,
                starts_on_demand: false,
                socket,
                owner_pid,
            };
            say(context, &Health::Absent(absent), &page)
        }
    }
}

fn reload(context: &mut Context) -> Result<Reply, Failure> {
    let (mut connection, _) = context.connect_to_running()?;
    let raw = connection
        .call_raw::<DaemonReload>(&Nothing {})
        .map_err(WireError::from)?;
    if context.printer.robot {
        return Ok(Reply::Document(Document::new(raw)));
    }
    let reloaded: Reloaded = link::parse_result("daemon.reload", &raw).map_err(WireError::from)?;
    context
        .printer
        .out(&reloaded_page(&reloaded, &context.printer.view()))?;
    Ok(Reply::Shown)
}

fn reloaded_page(reloaded: &Reloaded, view: &View) -> String {
    let number = u64::try_from(reloaded.projects.len()).unwrap_or(u64::MAX);
    let mut page = Page::default();
    page.line(format_args!(
        "Read {}: {}",
        sanitise::line(&reloaded.config),
        text::count(number, "project")
    ));
    for project in &reloaded.projects {
        page.line(format_args!(
            "  {}  {}",
            sanitise::line(&project.path),
            view.paint.dim(sanitise::line(&project.host))
        ));
    }
    page.into_text()
}

fn named(hello: &HelloReply) -> String {
    let mut sentence = Page::default();
    sentence.line(format_args!(
        "lored {} (pid {}, protocol {})",
        sanitise::line(&hello.version),
        hello.pid,
        hello.protocol
    ));
    if let Some(why) = &hello.degraded {
        sentence.line(format_args!(
            "It serves set-up only: {}",
            sanitise::line(why)
        ));
    }
    sentence.into_text()
}

fn say(context: &Context, data: &impl Serialize, sentence: &str) -> Result<Reply, Failure> {
    if context.printer.robot {
        let data = serde_json::value::to_raw_value(data)
            .map_err(|error| WireError::new(ErrorCode::Internal, error.to_string()))?;
        return Ok(Reply::Document(Document::new(data)));
    }
    context.printer.out(sentence)?;
    Ok(Reply::Shown)
}
