//! stdin and stdout, whose ends are noticed at once.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, ready};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio_util::sync::CancellationToken;

/// Raised once the agent has gone: who waits for something long leaves.
pub(super) type Leaving = Arc<AtomicBool>;

/// Says when it ends. The SDK waits for requests under way after that, and a
/// sync would keep it waiting.
pub(super) struct Input<R> {
    inner: R,
    leaving: Leaving,
}

impl<R> Input<R> {
    pub(super) fn new(inner: R, leaving: Leaving) -> Self {
        Self { inner, leaving }
    }
}

impl<R: AsyncRead + Unpin> AsyncRead for Input<R> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        let read = ready!(Pin::new(&mut self.inner).poll_read(context, buffer));
        if read.is_err() || buffer.filled().len() == before {
            self.leaving.store(true, Ordering::Relaxed);
        }
        Poll::Ready(read)
    }
}

/// Ends the server where nobody reads what it writes: the SDK goes on.
pub(super) struct Output<W> {
    inner: W,
    leaving: Leaving,
    end: CancellationToken,
}

impl<W> Output<W> {
    pub(super) fn new(inner: W, leaving: Leaving, end: CancellationToken) -> Self {
        Self {
            inner,
            leaving,
            end,
        }
    }

    fn mind<T>(&self, outcome: io::Result<T>) -> Poll<io::Result<T>> {
        if outcome.is_err() {
            self.leaving.store(true, Ordering::Relaxed);
            self.end.cancel();
        }
        Poll::Ready(outcome)
    }
}

impl<W: AsyncWrite + Unpin> AsyncWrite for Output<W> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let written = ready!(Pin::new(&mut self.inner).poll_write(context, bytes));
        self.mind(written)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let flushed = ready!(Pin::new(&mut self.inner).poll_flush(context));
        self.mind(flushed)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_shutdown(context)
    }
}
