//! A stream that ends where half a WebSocket message came, and then nothing.
//! The library hands out whole messages alone and does not tell of halves.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio_io_timeout::TimeoutReader;

/// Reads from `S`, and fails with `TimedOut` where the next byte of a message
/// that has begun takes too long.
pub(super) struct Patient<S> {
    inner: Pin<Box<TimeoutReader<S>>>,
    progress: Progress,
    patience: Duration,
}

impl<S: AsyncRead> Patient<S> {
    /// `read` has been read of the stream already.
    pub(super) fn new(inner: S, read: &[u8], patience: Duration) -> Self {
        let mut this = Self {
            inner: Box::pin(TimeoutReader::new(inner)),
            progress: Progress::default(),
            patience,
        };
        this.take(read);
        this
    }

    fn take(&mut self, bytes: &[u8]) {
        self.progress.take(bytes);
        let timeout = self.progress.has_begun().then_some(self.patience);
        self.inner.as_mut().set_timeout_pinned(timeout);
    }
}

impl<S: AsyncRead> AsyncRead for Patient<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        ready!(self.inner.as_mut().poll_read(context, buffer))?;
        self.take(&buffer.filled()[before..]);
        Poll::Ready(Ok(()))
    }
}

impl<S: AsyncRead + AsyncWrite> AsyncWrite for Patient<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.inner.as_mut().poll_write(context, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.inner.as_mut().poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.inner.as_mut().poll_shutdown(context)
    }
}

/// Where in its frames a client is (RFC 6455, section 5.2).
#[derive(Debug, Default)]
struct Progress {
    /// What has come of a header.
    header: Vec<u8>,
    /// What is still to come of a payload.
    payload: u64,
    /// A message has begun in a frame that was not its last.
    fragmented: bool,
}

impl Progress {
    fn has_begun(&self) -> bool {
        self.fragmented || self.payload > 0 || !self.header.is_empty()
    }

    fn take(&mut self, mut bytes: &[u8]) {
        while let [first, rest @ ..] = bytes {
            if self.payload > 0 {
                let passed = self.payload.min(bytes.len() as u64);
                self.payload -= passed;
                bytes = &bytes[usize::try_from(passed).unwrap_or(bytes.len())..];
                continue;
            }
            self.header.push(*first);
            bytes = rest;
            if let Some(length) = payload_length(&self.header) {
                self.payload = length;
                // Control frames stand between those of a message.
                if self.header[0] & 0x08 == 0 {
                    self.fragmented = self.header[0] & 0x80 == 0;
                }
                self.header.clear();
            }
        }
    }
}

/// The length that a header announces; none before its end.
fn payload_length(header: &[u8]) -> Option<u64> {
    let short = header.get(1)? & 0x7f;
    let extended = match short {
        126 => 2,
        127 => 8,
        _ => 0,
    };
    let mask = if header[1] & 0x80 == 0 { 0 } else { 4 };
    if header.len() < 2 + extended + mask {
        return None;
    }
    let digits = &header[2..2 + extended];
    let long = digits
        .iter()
        .fold(0, |length, byte| length << 8 | u64::from(*byte));
    Some(if extended == 0 {
        u64::from(short)
    } else {
        long
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A frame of a client, with a mask.
    fn frame(first: u8, length: usize) -> Vec<u8> {
        let mut frame = vec![first];
        match length {
            0..126 => frame.push(0x80 | u8::try_from(length).unwrap()),
            126..65_536 => {
                frame.push(0x80 | 0x7e);
                frame.extend(u16::try_from(length).unwrap().to_be_bytes());
            }
            _ => {
                frame.push(0x80 | 0x7f);
                frame.extend((length as u64).to_be_bytes());
            }
        }
        frame.extend([7; 4]);
        frame.extend(std::iter::repeat_n(0xff, length));
        frame
    }

    #[test]
    fn a_message_has_begun_from_its_first_byte_to_its_last() {
        const TEXT: u8 = 0x81;
        const TEXT_BEGINS: u8 = 0x01;
        const GOES_ON: u8 = 0x00;
        const ENDS: u8 = 0x80;
        const PING: u8 = 0x89;
        for length in [0, 1, 125, 126, 65_535, 65_536] {
            let frame = frame(TEXT, length);
            let mut whole = Progress::default();
            whole.take(&frame);
            assert!(!whole.has_begun(), "{length}");
            let mut pieces = Progress::default();
            for byte in &frame[..frame.len() - 1] {
                pieces.take(&[*byte]);
                assert!(pieces.has_begun(), "{length}");
            }
            pieces.take(&frame[frame.len() - 1..]);
            assert!(!pieces.has_begun(), "{length}");
        }
        let mut fragments = Progress::default();
        for (first, begun) in [
            (TEXT_BEGINS, true),
            (GOES_ON, true),
            (PING, true),
            (ENDS, false),
        ] {
            fragments.take(&frame(first, 3));
            assert_eq!(fragments.has_begun(), begun, "{first:#x}");
        }
        let mut two = Progress::default();
        two.take(&[frame(TEXT, 3), frame(TEXT, 3)[..4].to_vec()].concat());
        assert!(two.has_begun());
    }
}
