//! One client that sends messages and is sent some, in whatever framing: calls
//! in, replies and notifications out, until one side ends it.

mod writing;

use std::future::Future;
use std::io;
use std::marker::PhantomData;
use std::sync::Arc;
use std::time::Duration;

use jsonrpsee::MethodSink;
use lore_proto::ErrorCode;
use serde_json::value::RawValue;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::sync::{Semaphore, mpsc, oneshot};
use tokio::time::{Instant, timeout};
use tokio_util::bytes::{Bytes, BytesMut};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use self::writing::{Finish, write};
use super::dispatch::{Dispatcher, failure};
use super::errors::{PARSE_ERROR, REQUEST_TOO_BIG, reserved};
use super::framing::{FrameError, Framing};
use super::message::CallId;
use super::peer::{Connection, LINGER};
use crate::config::Limits;

/// At least so many bytes are read at once, where there are so many.
const READ_AHEAD: usize = 4096;

/// The messages of a client.
pub(super) trait Incoming: Send {
    /// The way back on the same stream.
    type Outgoing: Outgoing;

    /// Whether a client that says that it asks nothing more may still be
    /// waiting for answers.
    const ANSWERED_AFTER_END: bool;

    /// The next message; none after the last. May be dropped at any time
    /// without losing one.
    fn next(&mut self) -> impl Future<Output = Option<Result<Bytes, FrameError>>> + Send;

    /// Throws away what still comes, to the client's end. A client that is
    /// writing meanwhile would not get to read why the connection ends.
    fn discard(self, outgoing: Self::Outgoing) -> impl Future<Output = ()> + Send;
}

/// The way to a client. Each wait on it ends by itself where the client takes
/// nothing for too long.
pub(super) trait Outgoing: Send + 'static {
    /// Sends a message.
    fn send(&mut self, message: Box<RawValue>) -> impl Future<Output = io::Result<()>> + Send;

    /// Says that no message follows, and as far as the framing can, why.
    fn close(&mut self, ending: Ending) -> impl Future<Output = ()> + Send;
}

/// Why no more messages of a client are read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Ending {
    /// It asks nothing more.
    Asked,
    /// It is gone.
    Gone,
    /// The daemon stops.
    Stopped,
    /// It sent a message over the bound.
    TooLong,
    /// It broke the framing.
    Malformed,
}

/// Serves one client until it goes, asks nothing more, breaks the framing,
/// takes nothing for too long, or the daemon stops; then lets its calls end,
/// unless it has gone, and sends what they answered. The drain bounds that
/// where not the client alone has ended it.
pub(super) async fn serve<I: Incoming>(
    mut incoming: I,
    outgoing: I::Outgoing,
    connection: Connection,
) {
    let Connection {
        methods,
        limits,
        id,
        stop,
        gone,
    } = connection;
    let (queue, outbox) = mpsc::channel(limits.max_queued);
    let max_reply = u32::try_from(limits.max_message_bytes).unwrap_or(u32::MAX);
    let sink = MethodSink::new_with_limit(queue, max_reply);
    // Told to finish, the writer takes no more, which ends the subscriptions,
    // and sends what it has. It cannot wait for all senders to go: a
    // subscription holds one for as long as the writer takes more. When the
    // daemon stops, all jobs have ended, and so do their subscriptions once
    // they have said so: for that it waits a while.
    let (finish, finishing) = oneshot::channel();
    let mut writer = tokio::spawn(write(outgoing, outbox, finishing));
    let dispatcher = Arc::new(Dispatcher::new(methods, limits, id, Some(sink.clone())));
    let calls = Calls {
        dispatcher,
        sink,
        limits,
        abandon: CancellationToken::new(),
        tasks: TaskTracker::new(),
    };
    let mut ending = calls.read(&mut incoming, &stop).await;
    if ending == Ending::Asked {
        ending = calls.finish(&stop, &gone).await;
    }
    let drains = Instant::now();
    calls.drain(ending).await;
    drop(calls);
    let finish_with = Finish {
        ending,
        last_words: limits.drain.saturating_sub(drains.elapsed()) / 2,
    };
    // An error means that the writer has ended, since the client is gone.
    let _ = finish.send(finish_with);
    // A stop shortens the patience with a client that left by itself.
    let patience = async {
        let all = tokio::time::sleep(limits.write_timeout + limits.drain);
        if stop.run_until_cancelled(all).await.is_none() {
            let left = limits.drain.saturating_sub(drains.elapsed());
            tokio::time::sleep(left.max(limits.drain / 2)).await;
        }
    };
    let outgoing = tokio::select! {
        biased;
        outgoing = &mut writer => outgoing,
        () = patience => {
            tracing::debug!(
                connection = id.0,
                "a client's last replies could not be sent"
            );
            writer.abort();
            return;
        }
    };
    let outgoing = outgoing.ok().flatten();
    if let (Ending::TooLong | Ending::Malformed, Some(outgoing)) = (ending, outgoing) {
        let lingering = timeout(LINGER, incoming.discard(outgoing));
        stop.run_until_cancelled(lingering).await;
    }
}

/// The reading side: messages in, calls spawned.
struct Calls {
    dispatcher: Arc<Dispatcher>,
    sink: MethodSink,
    limits: Limits,
    abandon: CancellationToken,
    tasks: TaskTracker,
}

impl Calls {
    async fn read<I: Incoming>(&self, incoming: &mut I, stop: &CancellationToken) -> Ending {
        let in_flight = Arc::new(Semaphore::new(self.limits.max_in_flight));
        loop {
            // The place first, then the message: what is not read stays with
            // the client.
            let next = async {
                let place = Arc::clone(&in_flight).acquire_owned().await.ok();
                (place, incoming.next().await)
            };
            let (place, message) = tokio::select! {
                biased;
                () = stop.cancelled() => return Ending::Stopped,
                () = self.sink.closed() => return Ending::Gone,
                next = next => next,
            };
            match message {
                Some(Ok(text)) => {
                    let call = self.answer(text);
                    self.tasks.spawn(async move {
                        call.await;
                        drop(place);
                    });
                }
                Some(Err(error)) => return self.complain(&error).await,
                None if I::ANSWERED_AFTER_END => return Ending::Asked,
                None => return Ending::Gone,
            }
        }
    }

    fn answer(&self, text: Bytes) -> impl Future<Output = ()> + Send + use<> {
        let dispatcher = Arc::clone(&self.dispatcher);
        let sink = self.sink.clone();
        let abandon = self.abandon.clone();
        async move {
            let answered = async {
                if let Some(reply) = dispatcher.answer(&text).await {
                    // An error means that the client is gone.
                    let _ = sink.send(reply).await;
                }
            };
            tokio::select! {
                // A client that is gone needs no reply. What must not be
                // dropped half-way runs on by itself; see `register`.
                () = sink.closed() => {}
                () = abandon.cancelled() => {}
                () = answered => {}
            }
        }
    }

    async fn complain(&self, error: &FrameError) -> Ending {
        let (ending, error) = match error {
            FrameError::TooLong { max } => {
                let message = format!("a request has at most {max} bytes; the connection ends");
                let error = reserved(REQUEST_TOO_BIG, ErrorCode::Usage, message);
                (Ending::TooLong, error)
            }
            FrameError::Malformed(what) => {
                let message = format!("{what}; the connection ends");
                let error = reserved(PARSE_ERROR, ErrorCode::Usage, message);
                (Ending::Malformed, error)
            }
            FrameError::Io(error) => {
                tracing::debug!(%error, "a connection broke");
                return Ending::Gone;
            }
        };
        let _ = self.sink.send(failure(&CallId::NULL, error)).await;
        ending
    }

    /// Lets the calls and subscriptions of a client that asks nothing more go
    /// on to their own ends: it waits for what they have to say.
    async fn finish(&self, stop: &CancellationToken, gone: &CancellationToken) -> Ending {
        self.tasks.close();
        let ended = async {
            self.tasks.wait().await;
            self.dispatcher.subscriptions_ended().await;
        };
        tokio::select! {
            biased;
            () = ended => Ending::Asked,
            () = stop.cancelled() => Ending::Stopped,
            () = gone.cancelled() => Ending::Gone,
            () = self.sink.closed() => Ending::Gone,
        }
    }

    async fn drain(&self, ending: Ending) {
        self.tasks.close();
        if ending == Ending::Gone {
            self.abandon.cancel();
        } else if timeout(self.limits.drain, self.tasks.wait()).await.is_err() {
            tracing::warn!(
                calls = self.tasks.len(),
                "calls did not end in time and are dropped"
            );
            self.abandon.cancel();
        }
        self.tasks.wait().await;
    }
}

/// The messages, and the way back, of a framing on a stream of bytes.
pub(super) fn framed<R, W, F>(
    reader: R,
    writer: W,
    framing: F,
    limits: Limits,
) -> (FramedMessages<R, W, F>, FramedSender<W, F>)
where
    R: AsyncRead,
    F: Framing,
{
    let incoming = FramedMessages {
        reader,
        framing: framing.clone(),
        buffer: BytesMut::new(),
        ended: false,
        patience: limits.opening,
        way_back: PhantomData,
    };
    (incoming, FramedSender { writer, framing })
}

/// Messages that a framing finds in a stream of bytes.
pub(super) struct FramedMessages<R, W, F> {
    reader: R,
    framing: F,
    /// What was read and is no message yet.
    buffer: BytesMut,
    /// Whether the last byte has been read.
    ended: bool,
    /// How long the next byte of a message that has begun may take.
    patience: Duration,
    way_back: PhantomData<fn(W)>,
}

impl<R, W, F> Incoming for FramedMessages<R, W, F>
where
    R: AsyncRead + Unpin + Send,
    W: AsyncWrite + Unpin + Send + 'static,
    F: Framing,
{
    type Outgoing = FramedSender<W, F>;

    const ANSWERED_AFTER_END: bool = true;

    async fn next(&mut self) -> Option<Result<Bytes, FrameError>> {
        self.message().await.transpose()
    }

    async fn discard(self, _: FramedSender<W, F>) {
        discard(self.reader).await;
    }
}

impl<R, W, F> FramedMessages<R, W, F>
where
    R: AsyncRead + Unpin,
    F: Framing,
{
    async fn message(&mut self) -> Result<Option<Bytes>, FrameError> {
        loop {
            if self.ended {
                return self.framing.decode_eof(&mut self.buffer);
            }
            if let Some(message) = self.framing.decode(&mut self.buffer)? {
                return Ok(Some(message));
            }
            self.buffer.reserve(READ_AHEAD);
            let begun = self.framing.has_begun(&self.buffer);
            // Dropped half-way, this has read nothing.
            let reading = self.reader.read_buf(&mut self.buffer);
            let read = if begun {
                timeout(self.patience, reading)
                    .await
                    .map_err(|_| late())??
            } else {
                reading.await?
            };
            self.ended = read == 0;
        }
    }
}

/// Half a message came, and then nothing.
pub(super) fn late() -> FrameError {
    FrameError::Malformed("the rest of a message did not come in time".to_owned())
}

/// Messages that a framing puts on a stream of bytes.
pub(super) struct FramedSender<W, F> {
    writer: W,
    framing: F,
}

impl<W, F> Outgoing for FramedSender<W, F>
where
    W: AsyncWrite + Unpin + Send + 'static,
    F: Framing,
{
    async fn send(&mut self, message: Box<RawValue>) -> io::Result<()> {
        let mut bytes = BytesMut::new();
        self.framing.encode(message.get(), &mut bytes);
        self.writer.write_all_buf(&mut bytes).await?;
        self.writer.flush().await
    }

    async fn close(&mut self, _: Ending) {
        // The client may have gone already.
        let _ = self.writer.shutdown().await;
    }
}

/// Reads to the end and keeps nothing.
pub(super) async fn discard(mut reader: impl AsyncRead + Unpin) {
    let mut scratch = vec![0; 8192];
    while matches!(reader.read(&mut scratch).await, Ok(1..)) {}
}
