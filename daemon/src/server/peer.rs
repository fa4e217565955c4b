//! What all framings have of a connection.

use std::io::Cursor;
use std::pin::Pin;
use std::time::Duration;

use jsonrpsee::{ConnectionId, Methods};
use lore_proto::ErrorCode;
use serde_json::value::RawValue;
use tokio::io::{Chain, ReadHalf, WriteHalf};
use tokio_io_timeout::TimeoutWriter;
use tokio_util::bytes::Bytes;
use tokio_util::sync::CancellationToken;

use super::dispatch::failure;
use super::errors::{BUSY, reserved};
use super::message::{Call, CallId};
use crate::config::Limits;

/// How long what a client still writes is thrown away after it was told why
/// its connection ends.
pub(super) const LINGER: Duration = Duration::from_secs(2);

/// What a connection is served with.
#[derive(Debug, Clone)]
pub struct Connection {
    /// What can be called.
    pub methods: Methods,
    /// What the client may ask for.
    pub limits: Limits,
    /// Tells it from all others.
    pub id: ConnectionId,
    /// Ends it, with its drain.
    pub stop: CancellationToken,
    /// Told once the client has gone altogether. That it writes no more says
    /// less: it may still be waiting for its answers.
    pub gone: CancellationToken,
}

/// What is read of a stream: what was read already, then the rest.
pub(super) type Reader<S> = Chain<Cursor<Bytes>, ReadHalf<S>>;
/// The way back, which gives up where the peer takes nothing for too long.
pub(super) type Writer<S> = Pin<Box<TimeoutWriter<WriteHalf<S>>>>;

/// The reply to `text` of a client that is one too many.
pub(super) fn busy(text: &[u8], limits: Limits) -> Box<RawValue> {
    let id = Call::read(text).ok().and_then(|call| call.id);
    let message = format!(
        "lored serves {max} clients at once and has as many; try again later",
        max = limits.max_connections
    );
    let error = reserved(BUSY, ErrorCode::DaemonUnavailable, message);
    failure(&id.unwrap_or(CallId::NULL), error)
}
