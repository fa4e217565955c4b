//! `lored`: flags, log, exit status; everything else is the library's.

mod flags;

use std::process::ExitCode;
use std::sync::{Arc, Weak};
use std::time::Duration;

use clap::Parser;
use lore_daemon::daemon::Daemon;
use lore_daemon::life::{DaemonOptions, Running};
use lore_daemon::logging::{self, LogTarget};
use lore_daemon::server::own_folder;
use lore_daemon::service::PassedSocket;
use lore_proto::places::{Overrides, Places};
use lore_proto::{ErrorCode, WireError};
use tokio::signal::unix::{Signal, SignalKind, signal};

use flags::Flags;

fn main() -> ExitCode {
    match run(Flags::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            tracing::error!(%error, "lored could not be started");
            report(&error);
            ExitCode::from(error.exit_status())
        }
    }
}

fn run(flags: Flags) -> Result<(), WireError> {
    // Before any thread is started: it changes the environment.
    let passed = PassedSocket::take().map_err(|error| {
        WireError::new(ErrorCode::Io, error.to_string()).action("lore daemon install")
    })?;
    let overrides = Overrides {
        config: flags.config,
        // Where clients find the passed one is where this daemon is.
        socket: passed.as_ref().map(|it| it.path.clone()).or(flags.socket),
    };
    // Whatever is made from here on, by SQLite too, is this user's alone from
    // the moment it exists.
    rustix::process::umask(rustix::fs::Mode::from_raw_mode(0o077));
    let places = Places::from_env(&overrides)
        .map_err(|error| WireError::new(ErrorCode::Io, error.to_string()))?;
    let target = if flags.log_stderr {
        LogTarget::Stderr
    } else {
        own_folder(&places.log_dir).map_err(|error| error.to_wire())?;
        LogTarget::File(places.log_file())
    };
    let filter = std::env::var("LORE_LOG").ok();
    logging::start(&target, filter.as_deref()).map_err(|error| error.to_wire())?;
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .thread_name("lored")
        .build()
        .map_err(|error| {
            WireError::new(ErrorCode::Io, format!("no threads can be started: {error}"))
        })?;
    let ended = runtime.block_on(serve(places, passed));
    // What still blocks, such as a name look-up, does not hold up the end.
    runtime.shutdown_timeout(Duration::from_secs(1));
    ended
}

async fn serve(places: Places, passed: Option<PassedSocket>) -> Result<(), WireError> {
    // Before anything is locked or bound, so that no signal is missed.
    let signals = Signals::listen().map_err(|error| {
        WireError::new(
            ErrorCode::Io,
            format!("no signals can be received: {error}"),
        )
    })?;
    let options = DaemonOptions {
        passed: passed.map(Arc::new),
        ..DaemonOptions::new(places)
    };
    let running = Running::start(options)
        .await
        .map_err(|error| error.to_wire())?;
    let daemon = Arc::downgrade(running.daemon());
    let listening = tokio::spawn(signals.stop_upon(daemon));
    running.wait().await;
    listening.abort();
    Ok(())
}

struct Signals {
    terminate: Signal,
    interrupt: Signal,
}

impl Signals {
    fn listen() -> std::io::Result<Self> {
        Ok(Self {
            terminate: signal(SignalKind::terminate())?,
            interrupt: signal(SignalKind::interrupt())?,
        })
    }

    /// The first signal stops the daemon with its usual grace, another one
    /// without any.
    async fn stop_upon(mut self, daemon: Weak<Daemon>) {
        let mut grace = None;
        loop {
            tokio::select! {
                _ = self.terminate.recv() => {}
                _ = self.interrupt.recv() => {}
            }
            let Some(daemon) = daemon.upgrade() else {
                return;
            };
            daemon.request_stop(grace);
            grace = Some(Duration::ZERO);
        }
    }
}

/// Says on stderr why there is no daemon; `lore` shows this where it started
/// it.
#[allow(clippy::print_stderr)] // The one place where the daemon talks to a terminal.
fn report(error: &WireError) {
    eprintln!("lored: {}", error.message);
    for action in &error.actions {
        eprintln!("hint: {action}");
    }
}
