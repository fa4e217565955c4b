//! WebSocket messages, each of them one JSON text, on a connection that HTTP
//! has handed over.

mod patience;

use std::io;

use futures_util::stream::{SplitSink, SplitStream};
use futures_util::{SinkExt as _, StreamExt as _};
use serde_json::value::RawValue;
use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt as _};
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::error::ProtocolError;
use tokio_tungstenite::tungstenite::protocol::frame::coding::CloseCode;
use tokio_tungstenite::tungstenite::protocol::{CloseFrame, Role, WebSocketConfig};
use tokio_tungstenite::tungstenite::{Error, Message, Utf8Bytes};
use tokio_util::bytes::Bytes;

use self::patience::Patient;
use super::framing::FrameError;
use super::peer::Connection;
use super::session::{self, Ending, Incoming, Outgoing, discard};
use crate::config::Limits;

/// What a connection reads ahead. Requests are small, and connections many.
const READ_AHEAD: usize = 4096;
/// What may wait to be written besides the message under way: answers to pings
/// of a client that reads nothing, which is cut off by them sooner or later.
const MAX_PONGS: usize = 64 << 10;

/// Serves a client from after the handshake, of whose stream `read` has been
/// read already.
pub(super) async fn serve<S>(stream: S, read: Bytes, connection: Connection)
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let limits = connection.limits;
    let stream = Patient::new(stream, &read, limits.opening);
    let socket = WebSocketStream::from_partially_read(
        stream,
        read.into(),
        Role::Server,
        Some(config(limits)),
    );
    let (outgoing, incoming) = socket.await.split();
    let incoming = SocketMessages {
        socket: incoming,
        max: limits.max_message_bytes,
    };
    session::serve(incoming, SocketSender(outgoing), connection).await;
}

fn config(limits: Limits) -> WebSocketConfig {
    WebSocketConfig::default()
        .read_buffer_size(READ_AHEAD)
        .write_buffer_size(0)
        .max_write_buffer_size(limits.max_message_bytes.saturating_add(MAX_PONGS))
        .max_message_size(Some(limits.max_message_bytes))
        .max_frame_size(Some(limits.max_message_bytes))
}

struct SocketMessages<S> {
    socket: SplitStream<WebSocketStream<S>>,
    max: usize,
}

impl<S: AsyncRead + AsyncWrite + Unpin + Send + 'static> Incoming for SocketMessages<S> {
    type Outgoing = SocketSender<S>;

    // Who closes a WebSocket takes no more messages.
    const ANSWERED_AFTER_END: bool = false;

    async fn next(&mut self) -> Option<Result<Bytes, FrameError>> {
        loop {
            return match self.socket.next().await? {
                Ok(Message::Text(text)) => Some(Ok(text.into())),
                Ok(Message::Binary(bytes)) => Some(Ok(bytes)),
                // The library answers a ping as it reads on, and a close as
                // this side closes.
                Ok(Message::Ping(_) | Message::Pong(_) | Message::Frame(_)) => continue,
                Ok(Message::Close(_)) => None,
                Err(error) => self.explain(error).map(Err),
            };
        }
    }

    async fn discard(self, outgoing: SocketSender<S>) {
        // Past an error the library reads no more by itself.
        if let Ok(mut socket) = self.socket.reunite(outgoing.0) {
            let stream = socket.get_mut();
            let _ = stream.shutdown().await;
            discard(stream).await;
        }
    }
}

impl<S> SocketMessages<S> {
    fn explain(&self, error: Error) -> Option<FrameError> {
        match error {
            Error::Protocol(ProtocolError::ResetWithoutClosingHandshake)
            | Error::ConnectionClosed
            | Error::AlreadyClosed => None,
            Error::Capacity(_) => Some(FrameError::TooLong { max: self.max }),
            Error::Io(error) if error.kind() == io::ErrorKind::TimedOut => Some(session::late()),
            Error::Io(error) => Some(FrameError::Io(error)),
            error => Some(FrameError::Malformed(error.to_string())),
        }
    }
}

struct SocketSender<S>(SplitSink<WebSocketStream<S>, Message>);

impl<S: AsyncRead + AsyncWrite + Unpin + Send + 'static> Outgoing for SocketSender<S> {
    async fn send(&mut self, message: Box<RawValue>) -> io::Result<()> {
        let text = String::from(Box::<str>::from(message));
        self.0.send(Message::text(text)).await.map_err(into_io)
    }

    async fn close(&mut self, ending: Ending) {
        let (code, reason) = match ending {
            Ending::Asked | Ending::Gone => (CloseCode::Normal, ""),
            Ending::Stopped => (CloseCode::Away, "lored is stopping"),
            Ending::TooLong => (CloseCode::Size, "the message is too large"),
            Ending::Malformed => (CloseCode::Protocol, "this is no whole WebSocket message"),
        };
        let reason = Utf8Bytes::from_static(reason);
        let farewell = Message::Close(Some(CloseFrame { code, reason }));
        // The client may have gone already. Where it has closed first, the
        // first fails and the second sends the answer.
        let _ = self.0.send(farewell).await;
        let _ = self.0.close().await;
    }
}

fn into_io(error: Error) -> io::Error {
    match error {
        Error::Io(error) => error,
        error => io::Error::other(error),
    }
}

#[cfg(test)]
mod tests;
