//! Whether a daemon answers, in three ways.

use std::io;
use std::path::PathBuf;

use lore_proto::daemon::{Hello, HelloReply};
use lore_proto::places::Places;
use lore_proto::{ErrorCode, PROTOCOL, VERSION, WireError};

use super::connection::Connection;
use super::error::CallError;

/// What stands at the socket.
#[derive(Debug)]
pub(crate) enum Probe {
    /// A daemon that shook hands, and the connection to it.
    Ready(Box<Connection>, Box<HelloReply>),
    /// A daemon that cannot serve this client; the error says what to run.
    Unfit(WireError),
    /// None.
    Absent(io::Error),
}

/// Asks what stands at the socket of `places`.
pub(crate) fn probe(places: &Places) -> Probe {
    let mut connection = match Connection::open(&places.socket) {
        Ok(connection) => connection,
        Err(error) => return classify(places, error),
    };
    match connection.greet(&hello(places)) {
        Ok(reply) => Probe::Ready(Box::new(connection), Box::new(reply)),
        Err(CallError::Lost(error)) => classify(places, error),
        Err(other) => Probe::Unfit(other.into()),
    }
}

/// What this client says first. It names only the places that it was told:
/// those that both sides compute may differ for good reasons (another shell's
/// environment), and then the socket that was found is the right one.
pub(crate) fn hello(places: &Places) -> Hello {
    let told = |was_told: bool, path: &PathBuf| was_told.then(|| path.display().to_string());
    Hello {
        protocol: PROTOCOL,
        client_version: VERSION.to_owned(),
        data_dir: told(places.data_dir_was_told, &places.data_dir),
        config: told(places.config_was_told, &places.config),
    }
}

/// True for errors that mean that nobody is there, and thus for the only ones
/// after which a daemon may be started. A connection that ends before the
/// handshake is a daemon on its way out.
pub(crate) fn means_absent(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::NotFound
            | io::ErrorKind::ConnectionRefused
            | io::ErrorKind::ConnectionReset
            | io::ErrorKind::BrokenPipe
            | io::ErrorKind::UnexpectedEof
    )
}

fn classify(places: &Places, error: io::Error) -> Probe {
    if means_absent(&error) {
        return Probe::Absent(error);
    }
    let mut message = format!(
        "could not talk to the daemon at `{}`: {error}",
        places.socket.display()
    );
    let denied = error.kind() == io::ErrorKind::PermissionDenied;
    if denied {
        message.push_str(
            "; use the socket's own user, or set LORE_SOCKET to a socket that belongs to you",
        );
    }
    let mut failure = WireError::new(ErrorCode::DaemonUnavailable, message);
    // A setting is wrong, and no later try finds it right.
    failure.retryable &= !matches!(
        error.kind(),
        io::ErrorKind::PermissionDenied | io::ErrorKind::NotADirectory
    );
    Probe::Unfit(if denied {
        failure
    } else {
        failure.action("lore daemon logs")
    })
}

#[cfg(test)]
mod tests {
    use lore_proto::places::Overrides;

    use super::*;

    #[test]
    fn only_what_may_pass_is_worth_another_try() {
        let places = Places::from_env(&Overrides::default()).unwrap();
        let retryable = |kind: io::ErrorKind| match classify(&places, kind.into()) {
            Probe::Unfit(error) => Some(error.retryable),
            Probe::Ready(..) | Probe::Absent(_) => None,
        };
        assert_eq!(retryable(io::ErrorKind::PermissionDenied), Some(false));
        assert_eq!(retryable(io::ErrorKind::NotADirectory), Some(false));
        assert_eq!(retryable(io::ErrorKind::TimedOut), Some(true));
        assert_eq!(retryable(io::ErrorKind::NotFound), None);
    }
}
