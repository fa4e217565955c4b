//! One connection, from its first byte to its last: over any stream, in any
//! framing.

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use futures_util::StreamExt as _;
use jsonrpsee::{ConnectionId, MethodSink, Methods};
use lore_proto::ErrorCode;
use serde_json::value::RawValue;
use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt as _, ReadHalf, WriteHalf};
use tokio::sync::{Semaphore, mpsc};
use tokio::time::timeout;
use tokio_util::bytes::{Bytes, BytesMut};
use tokio_util::codec::FramedRead;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::dispatch::{Dispatcher, failure};
use super::errors::{BUSY, REQUEST_TOO_BIG, reserved};
use super::framing::{FrameError, Framing};
use super::limits::Limits;
use super::message::{Call, CallId};

/// How long a client that is one too many gets for its first request.
const REFUSAL_TIMEOUT: Duration = Duration::from_secs(2);

/// Serves one client until it goes, breaks the framing, takes nothing for too
/// long, or `stop` fires; then lets its calls end, within the drain's bound,
/// and sends what they answered.
pub async fn serve<S, F>(
    stream: S,
    framing: F,
    methods: Methods,
    limits: Limits,
    id: ConnectionId,
    stop: CancellationToken,
) where
    S: AsyncRead + AsyncWrite + Send + 'static,
    F: Framing,
{
    let (reader, writer) = tokio::io::split(stream);
    let (queue, outbox) = mpsc::channel(limits.max_queued);
    let max_reply = u32::try_from(limits.max_message_bytes).unwrap_or(u32::MAX);
    let sink = MethodSink::new_with_limit(queue, max_reply);
    // Told to finish, the writer takes no more, which ends the subscriptions,
    // and sends what it has. It cannot wait for all senders to go: a
    // subscription holds one for as long as the writer takes more.
    let finish = CancellationToken::new();
    let write = Writer {
        stream: writer,
        framing: framing.clone(),
        timeout: limits.write_timeout,
    };
    let mut writer = tokio::spawn(write.run(outbox, finish.clone()));
    let dispatcher = Arc::new(Dispatcher::new(methods, limits, id, sink.clone()));
    let calls = Calls {
        dispatcher,
        sink,
        limits,
        abandon: CancellationToken::new(),
        tasks: TaskTracker::new(),
    };
    calls.read(FramedRead::new(reader, framing), &stop).await;
    calls.drain().await;
    drop(calls);
    finish.cancel();
    let bound = if stop.is_cancelled() {
        limits.drain
    } else {
        limits.write_timeout + limits.drain
    };
    if timeout(bound, &mut writer).await.is_err() {
        tracing::debug!(
            connection = id.0,
            "a client's last replies could not be sent"
        );
        writer.abort();
    }
}

/// Answers the first request of a client that is one too many, and ends.
pub async fn refuse<S, F>(stream: S, framing: F, max_connections: usize)
where
    S: AsyncRead + AsyncWrite + Send + 'static,
    F: Framing,
{
    let answer = async {
        let (reader, mut writer) = tokio::io::split(stream);
        let mut messages = FramedRead::new(reader, framing.clone());
        let Some(Ok(text)) = messages.next().await else {
            return;
        };
        let id = Call::read(&text).ok().and_then(|call| call.id);
        let message = format!(
            "lored serves {max_connections} clients at once and has as many; try again later"
        );
        let error = reserved(BUSY, ErrorCode::DaemonUnavailable, message);
        let reply = failure(&id.unwrap_or(CallId::NULL), error);
        let mut bytes = BytesMut::new();
        let mut framing = framing;
        framing.encode(reply.get(), &mut bytes);
        // The client may have gone; there is nobody else to tell.
        let _ = writer.write_all_buf(&mut bytes).await;
        let _ = writer.shutdown().await;
    };
    let _ = timeout(REFUSAL_TIMEOUT, answer).await;
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
    async fn read<S, F>(&self, mut messages: FramedRead<ReadHalf<S>, F>, stop: &CancellationToken)
    where
        S: AsyncRead,
        F: Framing,
    {
        let in_flight = Arc::new(Semaphore::new(self.limits.max_in_flight));
        loop {
            // The place first, then the message: what is not read stays with
            // the client.
            let free = Arc::clone(&in_flight).acquire_owned();
            let Some(Ok(place)) = self.unless_over(stop, free).await else {
                return;
            };
            match self.unless_over(stop, messages.next()).await {
                Some(Some(Ok(text))) => {
                    let call = self.answer(text);
                    self.tasks.spawn(async move {
                        call.await;
                        drop(place);
                    });
                }
                Some(Some(Err(error))) => return self.complain(&error).await,
                Some(None) | None => return,
            }
        }
    }

    /// What `future` gives, unless the daemon stops or the client goes first.
    async fn unless_over<T>(
        &self,
        stop: &CancellationToken,
        future: impl Future<Output = T>,
    ) -> Option<T> {
        tokio::select! {
            biased;
            () = stop.cancelled() => None,
            () = self.sink.closed() => None,
            done = future => Some(done),
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

    async fn complain(&self, error: &FrameError) {
        let FrameError::TooLong { max } = error else {
            tracing::debug!(%error, "a connection broke");
            return;
        };
        let message = format!("a request has at most {max} bytes; the connection ends");
        let error = reserved(REQUEST_TOO_BIG, ErrorCode::Usage, message);
        let _ = self.sink.send(failure(&CallId::NULL, error)).await;
    }

    async fn drain(&self) {
        self.tasks.close();
        if timeout(self.limits.drain, self.tasks.wait()).await.is_err() {
            tracing::warn!(
                calls = self.tasks.len(),
                "calls did not end in time and are dropped"
            );
            self.abandon.cancel();
            self.tasks.wait().await;
        }
    }
}

/// The writing side: the one task that writes, so that replies and
/// notifications keep their order and one slow client blocks only itself.
struct Writer<S, F> {
    stream: WriteHalf<S>,
    framing: F,
    timeout: Duration,
}

impl<S: AsyncWrite, F: Framing> Writer<S, F> {
    async fn run(mut self, mut outbox: mpsc::Receiver<Box<RawValue>>, finish: CancellationToken) {
        let mut finishing = false;
        loop {
            let message = tokio::select! {
                () = finish.cancelled(), if !finishing => {
                    finishing = true;
                    outbox.close();
                    continue;
                }
                message = outbox.recv() => message,
            };
            let Some(message) = message else {
                break;
            };
            if !self.write(&message).await {
                // Dropping the receiver tells everybody that the client is gone.
                return;
            }
        }
        // The client may have gone already.
        let _ = timeout(self.timeout, self.stream.shutdown()).await;
    }

    /// False where the peer took nothing for too long, or is gone.
    async fn write(&mut self, message: &RawValue) -> bool {
        let mut bytes = BytesMut::new();
        self.framing.encode(message.get(), &mut bytes);
        while !bytes.is_empty() {
            match timeout(self.timeout, self.stream.write_buf(&mut bytes)).await {
                Ok(Ok(written)) if written > 0 => {}
                Ok(_) => return false,
                Err(_) => {
                    tracing::warn!("a client took nothing for too long and is cut off");
                    return false;
                }
            }
        }
        // Local streams do not buffer, so there is nothing to flush for them;
        // a framing over something that does needs it.
        matches!(timeout(self.timeout, self.stream.flush()).await, Ok(Ok(())))
    }
}

#[cfg(test)]
mod tests;
