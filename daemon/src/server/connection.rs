//! One connection, from its first byte to its last, over any stream.

use std::io::Cursor;
use std::pin::Pin;

use lore_proto::ErrorCode;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::time::timeout;
use tokio_io_timeout::TimeoutWriter;

use super::dispatch::failure;
use super::errors::{PARSE_ERROR, reserved};
use super::framing::{BEGINNINGS, ContentLength, Framing, Kind, Lines, Opening, OpeningError};
use super::http;
use super::message::CallId;
pub use super::peer::Connection;
use super::peer::{LINGER, Reader, Writer, busy};
use super::session::{self, Ending, Incoming as _, Outgoing as _, discard};
use crate::config::Limits;

/// Serves one client, in the framing that it begins with, until either side
/// ends it.
pub async fn serve<S>(stream: S, connection: Connection)
where
    S: AsyncRead + AsyncWrite + Send + 'static,
{
    let (mut reader, writer) = tokio::io::split(stream);
    let limits = connection.limits;
    let writer = patient(writer, limits);
    let opening = timeout(limits.opening, Opening::read(&mut reader));
    let Some(opening) = connection.stop.run_until_cancelled(opening).await else {
        return;
    };
    let why = match opening {
        Ok(Ok(Opening { kind, read })) => {
            let reader = Cursor::new(read).chain(reader);
            let max = limits.max_message_bytes;
            return match kind {
                Kind::Lines => framed(reader, writer, Lines::new(max), connection).await,
                Kind::ContentLength => {
                    framed(reader, writer, ContentLength::new(max), connection).await;
                }
                // Boxed, since it is the largest of them and the rarest.
                Kind::Http => Box::pin(http::serve(reader, writer, connection)).await,
            };
        }
        Ok(Err(OpeningError::Ended)) => return,
        Ok(Err(OpeningError::Io(error))) => {
            tracing::debug!(%error, "a connection broke");
            return;
        }
        Ok(Err(error @ OpeningError::Http2)) => {
            let response = http::in_plain(&error.to_string());
            return farewell(reader, writer, response.as_bytes(), &connection).await;
        }
        Ok(Err(error)) => error.to_string(),
        Err(_) => format!(
            "nothing came for {} seconds; {BEGINNINGS}; the connection ends",
            limits.opening.as_secs()
        ),
    };
    // In no framing in particular; a line of JSON can be read by eye as well.
    let error = reserved(PARSE_ERROR, ErrorCode::Usage, why);
    let text = format!("{}\n", failure(&CallId::NULL, error));
    farewell(reader, writer, text.as_bytes(), &connection).await;
}

/// Says why a connection ends before it began.
async fn farewell(
    reader: impl AsyncRead + Unpin,
    mut writer: impl AsyncWrite + Unpin,
    text: &[u8],
    connection: &Connection,
) {
    // The client may have gone; there is nobody else to tell.
    let _ = writer.write_all(text).await;
    let _ = writer.shutdown().await;
    let lingering = timeout(LINGER, discard(reader));
    connection.stop.run_until_cancelled(lingering).await;
}

async fn framed<S, F>(reader: Reader<S>, writer: Writer<S>, framing: F, connection: Connection)
where
    S: AsyncRead + AsyncWrite + Send + 'static,
    F: Framing,
{
    let (incoming, outgoing) = session::framed(reader, writer, framing, connection.limits);
    session::serve(incoming, outgoing, connection).await;
}

/// Answers the first request of a client that is one too many, and ends.
pub async fn refuse<S>(stream: S, limits: Limits)
where
    S: AsyncRead + AsyncWrite + Send + 'static,
{
    let answer = async {
        let (mut reader, writer) = tokio::io::split(stream);
        let writer = patient(writer, limits);
        let Ok(Opening { kind, read }) = Opening::read(&mut reader).await else {
            return;
        };
        let reader = Cursor::new(read).chain(reader);
        let max = limits.max_message_bytes;
        match kind {
            Kind::Lines => refuse_framed(reader, writer, Lines::new(max), limits).await,
            Kind::ContentLength => {
                refuse_framed(reader, writer, ContentLength::new(max), limits).await;
            }
            Kind::Http => http::refuse(reader, writer, limits).await,
        }
    };
    let _ = timeout(limits.refusal, answer).await;
}

async fn refuse_framed<S, F>(reader: Reader<S>, writer: Writer<S>, framing: F, limits: Limits)
where
    S: AsyncRead + AsyncWrite + Send + 'static,
    F: Framing,
{
    let (mut incoming, mut outgoing) = session::framed(reader, writer, framing, limits);
    let Some(Ok(text)) = incoming.next().await else {
        return;
    };
    let _ = outgoing.send(busy(&text, limits)).await;
    outgoing.close(Ending::Stopped).await;
    incoming.discard(outgoing).await;
}

fn patient<W: AsyncWrite>(writer: W, limits: Limits) -> Pin<Box<TimeoutWriter<W>>> {
    let mut writer = TimeoutWriter::new(writer);
    writer.set_timeout(Some(limits.write_timeout));
    Box::pin(writer)
}

#[cfg(test)]
mod tests;
