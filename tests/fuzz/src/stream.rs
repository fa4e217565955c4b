//! A connection that was written down before it began.

use std::io;
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// Gives its input in pieces, then the end, and keeps what is written.
pub struct Scripted {
    input: Vec<u8>,
    given: usize,
    piece: usize,
    output: Arc<Mutex<Vec<u8>>>,
}

impl Scripted {
    /// Pieces of so many bytes; 0 is all at once.
    pub fn new(input: &[u8], piece: usize) -> (Self, Arc<Mutex<Vec<u8>>>) {
        let output = Arc::default();
        let stream = Self {
            input: input.to_vec(),
            given: 0,
            piece: if piece == 0 { usize::MAX } else { piece },
            output: Arc::clone(&output),
        };
        (stream, output)
    }
}

impl AsyncRead for Scripted {
    fn poll_read(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let rest = &self.input[self.given..];
        let count = rest.len().min(self.piece).min(buffer.remaining());
        buffer.put_slice(&rest[..count]);
        self.given += count;
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Scripted {
    fn poll_write(
        self: Pin<&mut Self>,
        _: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.output.lock().expect("one task writes").extend(bytes);
        Poll::Ready(Ok(bytes.len()))
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}
