//! What a service manager and this process have to say to each other: a socket
//! that listens already, and whether there is somebody to answer on it.

use std::io;
use std::os::unix::net::UnixListener;
use std::path::PathBuf;

use listenfd::ListenFd;
use sd_notify::NotifyState;
use thiserror::Error;

/// The variable that names where to tell what this process is about. Programs
/// that it starts must not have it: they could speak in its name.
pub(crate) const NOTIFY_VARIABLE: &str = "NOTIFY_SOCKET";

/// A socket that a service manager has bound, and keeps when this process goes.
#[derive(Debug)]
pub struct PassedSocket {
    /// It listens.
    pub listener: UnixListener,
    /// Where clients find it.
    pub path: PathBuf,
}

/// Why a passed socket cannot be served on.
#[derive(Debug, Error)]
pub enum PassedSocketError {
    /// More than one was passed.
    #[error(
        "{0} sockets were passed and lored serves on one; the unit needs a single `ListenStream=`"
    )]
    Several(usize),
    /// It is something else.
    #[error(
        "what was passed is no Unix socket that listens: {0}; the unit needs `ListenStream=` with a path"
    )]
    Other(#[source] io::Error),
    /// It has no name in the file system.
    #[error(
        "the passed socket has no path; the unit needs `ListenStream=` with one that begins with `/` or `%t/`"
    )]
    NoPath,
}

impl PassedSocket {
    /// Takes the socket that was passed by `LISTEN_FDS` and `LISTEN_PID`, if
    /// one was, and unsets both. To be called once, before any thread is
    /// started: the environment is changed.
    pub fn take() -> Result<Option<Self>, PassedSocketError> {
        let mut passed = ListenFd::from_env();
        if passed.len() > 1 {
            return Err(PassedSocketError::Several(passed.len()));
        }
        let listener = passed
            .take_unix_listener(0)
            .map_err(PassedSocketError::Other)?;
        let Some(listener) = listener else {
            return Ok(None);
        };
        let address = listener.local_addr().map_err(PassedSocketError::Other)?;
        let path = address.as_pathname().ok_or(PassedSocketError::NoPath)?;
        Ok(Some(Self {
            path: path.to_path_buf(),
            listener,
        }))
    }
}

/// Tells the service manager, if there is one, that clients are answered.
pub(crate) fn say_ready() {
    say(NotifyState::Ready);
}

/// Tells the service manager, if there is one, that the end has begun.
pub(crate) fn say_stopping() {
    say(NotifyState::Stopping);
}

fn say(what: NotifyState<'_>) {
    // Without the variable this does nothing.
    if let Err(error) = sd_notify::notify(&[what]) {
        tracing::warn!(%error, "the service manager could not be told");
    }
}
