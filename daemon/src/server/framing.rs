//! How bytes become JSON texts and back, and how a connection's first byte says
//! which way it is done.

mod content_length;
mod lines;
mod opening;

use std::io;

use thiserror::Error;
use tokio_util::bytes::{Bytes, BytesMut};
use tokio_util::codec::Decoder;

pub(super) use content_length::ContentLength;
pub(super) use lines::Lines;
pub(super) use opening::{BEGINNINGS, Kind, Opening, OpeningError};

/// One way to put JSON texts on a stream of bytes. A connection has two of
/// one kind, one for each direction.
pub(crate) trait Framing:
    Decoder<Item = Bytes, Error = FrameError> + Clone + Send + 'static
{
    /// Whether part of a message has come; `buffer` is what has not been
    /// taken yet.
    fn has_begun(&self, buffer: &[u8]) -> bool;

    /// Appends one message to `out`; `text` has no line break.
    fn encode(&mut self, text: &str, out: &mut BytesMut);
}

/// Why no message could be taken from a stream. None of these can be recovered
/// from: where the next message begins is unknown.
#[derive(Debug, Error)]
pub(crate) enum FrameError {
    /// The peer sent more than the bound without ending the message.
    #[error("a message of more than {max} bytes")]
    TooLong {
        /// The bound.
        max: usize,
    },
    /// What came is nothing that this framing knows.
    #[error("{0}")]
    Malformed(String),
    /// The stream broke.
    #[error(transparent)]
    Io(#[from] io::Error),
}
