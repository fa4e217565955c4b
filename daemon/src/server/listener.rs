//! The socket: bound for this user alone, never taken from a live daemon.

use std::fs::Permissions;
use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::fs::{FileTypeExt as _, MetadataExt as _, PermissionsExt as _};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use interprocess::local_socket::tokio::prelude::*;
use interprocess::local_socket::{GenericFilePath, ListenerOptions, PeerCreds};
use interprocess::os::unix::local_socket::ListenerOptionsExt as _;
use interprocess::os::unix::uds_local_socket;
use jsonrpsee::{ConnectionId, Methods};
use tokio::sync::{Semaphore, watch};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::connection::{self, Connection};
use super::gone::OtherEnd;
use super::owner::{OwnerError, OwnerLock, may_talk, own_uid, private_folder};
use crate::config::Limits;
use crate::connections::Connections;
use crate::service::PassedSocket;

/// Clients over the limit that are told so at once; more are just let go.
const MAX_REFUSALS: usize = 32;
/// After a failed accept: the first pause, and the longest.
const ACCEPT_PAUSE: (Duration, Duration) = (Duration::from_millis(10), Duration::from_secs(1));

/// A bound socket. Its file goes with it.
#[derive(Debug)]
pub struct Listener {
    inner: LocalSocketListener,
    path: PathBuf,
    /// Device and inode of the socket's file, so that the end of this listener
    /// removes its own file and no other; none where the file is somebody
    /// else's to remove.
    file: Option<(u64, u64)>,
    connections: Connections,
    limits: watch::Receiver<Limits>,
}

impl Listener {
    /// Binds `path`, 0600. A socket whose owner is gone is replaced, one that
    /// somebody answers on never; the lock keeps two daemons of one data
    /// folder from doing so at once. A client keeps the limits that hold as it
    /// comes.
    pub fn bind(
        path: &Path,
        limits: watch::Receiver<Limits>,
        _lock: &OwnerLock,
    ) -> Result<Self, OwnerError> {
        if let Some(folder) = path.parent() {
            private_folder(folder)?;
        }
        remove_stale(path)?;
        let bind = || -> io::Result<(LocalSocketListener, (u64, u64))> {
            let inner = ListenerOptions::new()
                .name(path.to_fs_name::<GenericFilePath>()?)
                .mode(0o600)
                // The library would remove whatever has this path in the end.
                .reclaim_name(false)
                .create_tokio()?;
            let metadata = std::fs::symlink_metadata(path)?;
            Ok((inner, (metadata.dev(), metadata.ino())))
        };
        let (inner, file) = bind().map_err(OwnerError::io("cannot listen on the socket", path))?;
        Ok(Self {
            inner,
            path: path.to_path_buf(),
            file: Some(file),
            connections: Connections::default(),
            limits,
        })
    }

    /// Serves on a socket that a service manager has bound and keeps: clients
    /// that come while no daemon runs wait in it for the next one.
    pub fn adopt(
        passed: &PassedSocket,
        limits: watch::Receiver<Limits>,
        _lock: &OwnerLock,
    ) -> Result<Self, OwnerError> {
        let path = &passed.path;
        if let Some(folder) = path.parent() {
            private_folder(folder)?;
        }
        let adopt = || -> io::Result<LocalSocketListener> {
            // Whatever mode the unit asks for, or forgets to.
            std::fs::set_permissions(path, Permissions::from_mode(0o600))?;
            let own = OwnedFd::from(passed.listener.try_clone()?);
            Ok(uds_local_socket::tokio::Listener::try_from(own)?.into())
        };
        let inner = adopt().map_err(OwnerError::io(
            "cannot serve on the socket that was passed",
            path,
        ))?;
        Ok(Self {
            inner,
            path: path.clone(),
            file: None,
            connections: Connections::default(),
            limits,
        })
    }

    /// How many clients are connected, to be asked while it serves.
    pub fn connections(&self) -> Connections {
        self.connections.clone()
    }

    /// Serves until `stop` fires and every connection has ended, which each
    /// does within its drain.
    pub async fn serve(self, methods: Methods, stop: CancellationToken) {
        let tasks = TaskTracker::new();
        let refusals = Arc::new(Semaphore::new(MAX_REFUSALS));
        let mut pause = ACCEPT_PAUSE.0;
        loop {
            let accepted = tokio::select! {
                biased;
                () = stop.cancelled() => break,
                accepted = self.inner.accept() => accepted,
            };
            let stream = match accepted {
                Ok(stream) => stream,
                Err(error) => {
                    // Out of file descriptors, most likely: they come back
                    // when connections end, and asking at once does not help.
                    tracing::warn!(%error, "a client could not be accepted");
                    tokio::time::sleep(pause).await;
                    pause = (pause * 2).min(ACCEPT_PAUSE.1);
                    continue;
                }
            };
            pause = ACCEPT_PAUSE.0;
            let peer = stream.peer_creds().ok();
            let peer = peer.as_ref();
            if !may_talk(peer.and_then(PeerCreds::euid), own_uid()) {
                tracing::warn!(pid = ?peer.and_then(PeerCreds::pid), "a client of another user was refused");
                continue;
            }
            // The library's own stream does not tell the peer that no more
            // will be written.
            let LocalSocketStream::UdSocket(stream) = stream;
            let stream = tokio::net::UnixStream::from(stream);
            let limits = *self.limits.borrow();
            if let Some(place) = self.connections.enter(limits.max_connections) {
                let connection = Connection {
                    methods: methods.clone(),
                    limits,
                    id: ConnectionId(self.connections.another()),
                    stop: stop.clone(),
                    gone: CancellationToken::new(),
                };
                tasks.spawn(async move {
                    serve(stream, connection).await;
                    drop(place);
                });
            } else if let Ok(place) = Arc::clone(&refusals).try_acquire_owned() {
                let refused = connection::refuse(stream, limits);
                tasks.spawn(async move {
                    refused.await;
                    drop(place);
                });
            }
        }
        // No client finds the socket any more while the last ones are served.
        drop(self);
        tasks.close();
        tasks.wait().await;
    }
}

impl Drop for Listener {
    fn drop(&mut self) {
        let Ok(metadata) = std::fs::symlink_metadata(&self.path) else {
            return;
        };
        if Some((metadata.dev(), metadata.ino())) == self.file
            && let Err(error) = std::fs::remove_file(&self.path)
        {
            tracing::warn!(%error, "the socket's file could not be removed");
        }
    }
}

/// Serves a client, and tells where it has gone.
async fn serve(stream: tokio::net::UnixStream, connection: Connection) {
    let gone = connection.gone.clone();
    let other_end = OtherEnd::of(&stream);
    let mut served = std::pin::pin!(connection::serve(stream, connection));
    match other_end {
        Ok(other_end) => tokio::select! {
            biased;
            () = &mut served => return,
            () = other_end.gone() => gone.cancel(),
        },
        // Out of file descriptors, most likely. It is noticed all the same,
        // when something is written.
        Err(error) => tracing::debug!(%error, "the end of a client cannot be watched for"),
    }
    served.await;
}

/// Removes the socket `path` where nobody listens on it any more.
fn remove_stale(path: &Path) -> Result<(), OwnerError> {
    let metadata = match std::fs::symlink_metadata(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        found => found.map_err(OwnerError::io("cannot look at the socket", path))?,
    };
    let in_the_way = |reason: &str| {
        let source = io::Error::new(io::ErrorKind::AddrInUse, reason.to_owned());
        Err(OwnerError::io("cannot listen on the socket", path)(source))
    };
    if !metadata.file_type().is_socket() {
        return in_the_way(
            "something that is no socket has this name; move it away, or set LORE_SOCKET",
        );
    }
    match UnixStream::connect(path) {
        Err(error) if error.kind() == io::ErrorKind::ConnectionRefused => {
            std::fs::remove_file(path)
                .map_err(OwnerError::io("cannot remove the stale socket", path))
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        Err(error) => Err(OwnerError::io(
            "cannot tell who listens on the socket",
            path,
        )(error)),
        Ok(_) => in_the_way(
            "another daemon, with another data folder, answers on it; set LORE_SOCKET to another path",
        ),
    }
}

#[cfg(test)]
mod tests;
